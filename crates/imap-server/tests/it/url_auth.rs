//! What authorized URLs are good for (RFC 4467): for whom, how long, and for nothing else than what they name.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use bytes::Bytes;
use imap_backend::{
    Abilities, Ability, Backend, Body, Credentials, Error, Fetched, LoginError, MailboxName, Peer, ReadBody,
    Record, UrlKey,
};
use imap_backend_test::{MemoryBackend, MemorySession};
use imap_seq::Uid;
use imap_server::{Server, Shutdown};
use imap_updates::{Access, Flags};
use tokio::io::AsyncReadExt;

use crate::common::stub::{Stub, StubStore};
use crate::common::{Client, connect, local};

/// `joe`, `ann`, and `postman`, who submits mail.
pub(crate) struct Users([(&'static str, MemoryBackend); 3]);

impl Users {
    fn new() -> Self {
        Self(["joe", "ann", "postman"].map(|name| (name, MemoryBackend::new(name, "secret"))))
    }

    fn of(&self, name: &str) -> Option<&MemoryBackend> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, backend)| backend)
    }
}

impl Backend for Users {
    type Session = MemorySession;

    fn abilities(&self) -> Abilities {
        self.0[0].1.abilities()
    }

    async fn url_owner(&self, user: &str) -> Result<Option<MemorySession>, Error> {
        match self.of(user) {
            Some(backend) => backend.url_owner(user).await,
            None => Ok(None),
        }
    }

    async fn login(&self, peer: &Peer, credentials: Credentials) -> Result<MemorySession, LoginError> {
        match self.of(credentials.user()) {
            Some(backend) => backend.login(peer, credentials).await,
            None => Err(LoginError::Refused),
        }
    }
}

pub(crate) const TEXT: &str = "Si vis pacem, para bellum.\r\n";

/// `TEXT` is part 1.2.
fn message() -> String {
    format!(
        "Subject: war\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n\
         --o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n\
         --i\r\n\r\nno\r\n--i\r\n\r\n{TEXT}\r\n--i--\r\n\r\n--o--\r\n"
    )
}

pub(crate) struct World(Server<Users>);

impl World {
    /// With that message in joe's INBOX.
    pub(crate) async fn new() -> (Self, Client) {
        let server = Server::builder(Users::new())
            .submission_users(["postman"])
            .build();
        let world = Self(server);
        let mut joe = world.client("joe").await;
        joe.append("INBOX", &message()).await;
        (world, joe)
    }

    async fn client(&self, user: &str) -> Client {
        let mut client = connect(&self.0, local(), &Shutdown::new());
        client.line().await;
        client.ok(&format!("LOGIN {user} secret")).await;
        client
    }
}

/// A URL with its token.
pub(crate) async fn authorized(client: &mut Client, rump: &str) -> String {
    let lines = client.ok(&format!("GENURLAUTH \"{rump}\" INTERNAL")).await;
    let url = lines[0]
        .strip_prefix("* GENURLAUTH \"")
        .and_then(|url| url.strip_suffix('"'));
    url.unwrap().to_owned()
}

/// What a URL names.
async fn fetched(client: &mut Client, url: &str) -> Option<String> {
    let tag = client.next_tag();
    client.send(format!("{tag} URLFETCH \"{url}\"\r\n")).await;
    let line = client.line().await;
    let found = match line.strip_prefix(&format!("* URLFETCH \"{url}\" ")) {
        Some("NIL") => None,
        Some(literal) => {
            let octets = literal.trim_matches(['{', '}']).parse().unwrap();
            let text = client.octets(octets).await;
            assert_eq!(client.line().await, "");
            Some(String::from_utf8(text).unwrap())
        }
        None => panic!("{line}"),
    };
    assert_eq!(client.line().await, format!("{tag} OK URLFETCH completed"));
    found
}

#[tokio::test(start_paused = true)]
async fn rfc4467_7_the_example_of_submission() {
    let (world, mut joe) = World::new().await;
    let rump = "imap://joe@example.com/INBOX/;uid=1/;section=1.2;urlauth=submit+fred";
    let url = authorized(&mut joe, rump).await;
    let mut postman = world.client("postman").await;
    assert_eq!(fetched(&mut postman, &url).await.as_deref(), Some(TEXT));
    for user in ["joe", "ann"] {
        assert_eq!(fetched(&mut world.client(user).await, &url).await, None, "{user}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_url_is_for_those_whom_it_names_as_long_as_it_says() {
    let (world, mut joe) = World::new().await;
    let mut ann = world.client("ann").await;
    for (parameters, for_joe, for_ann) in [
        ("urlauth=anonymous", true, true),
        ("URLAUTH=AuthUser", true, true),
        ("urlauth=user+ann", false, true),
        ("urlauth=user+%61nn", false, true),
        ("urlauth=user+joe", true, false),
        ("expire=2099-01-01T00:00:00Z;urlauth=anonymous", true, true),
        ("expire=2001-01-01T00:00:00Z;urlauth=anonymous", false, false),
    ] {
        let rump = format!("imap://joe@h/INBOX;uidvalidity=1/;uid=1/;section=1.2;{parameters}");
        let url = authorized(&mut joe, &rump).await;
        let seen = (fetched(&mut joe, &url).await, fetched(&mut ann, &url).await);
        let text = |is_there: bool| is_there.then(|| TEXT.to_owned());
        assert_eq!(seen, (text(for_joe), text(for_ann)), "{parameters}");
    }
}

/// Attacks: another message, part, mailbox, owner, reader, time, token or mechanism than what was authorized.
#[tokio::test(start_paused = true)]
async fn a_url_that_was_changed_names_nothing() {
    let (world, mut joe) = World::new().await;
    joe.append("INBOX", &message()).await;
    joe.ok("CREATE other").await;
    joe.append("other", &message()).await;
    let mut ann = world.client("ann").await;
    ann.append("INBOX", &message()).await;
    let rump = "imap://joe@h/INBOX/;uid=1/;section=1.2;expire=2099-01-01T00:00:00Z;urlauth=user+ann";
    let url = authorized(&mut joe, rump).await;
    authorized(&mut joe, &rump.replace("INBOX", "other")).await;
    authorized(&mut ann, &rump.replace("joe", "ann")).await;
    assert_eq!(fetched(&mut ann, &url).await.as_deref(), Some(TEXT));
    let token = url.rsplit(':').next().unwrap();
    for (old, new) in [
        ("uid=1", "uid=2"),
        ("/;section=1.2", ""),
        ("section=1.2", "section=1"),
        ("INBOX", "other"),
        ("INBOX", "inbox"),
        ("INBOX/", "INBOX;uidvalidity=1/"),
        ("joe@h", "ann@h"),
        ("joe@h", "joe@i"),
        ("joe@h", "nobody@h"),
        ("2099", "2098"),
        (";expire=2099-01-01T00:00:00Z", ""),
        ("user+ann", "anonymous"),
        ("user+ann", "authuser"),
        (":internal", ":external"),
        (":internal", ""),
        (token, ""),
        (token, "01"),
        (token, &token[..64]),
        (
            token,
            "010000000000000000000000000000000000000000000000000000000000000000",
        ),
    ] {
        let changed = url.replacen(old, new, 1);
        assert_ne!(changed, url);
        assert_eq!(fetched(&mut ann, &changed).await, None, "{changed}");
    }
}

#[tokio::test(start_paused = true)]
async fn rfc4467_7_another_key_revokes_the_urls_of_a_mailbox_or_all() {
    let (_, mut joe) = World::new().await;
    joe.ok("CREATE other").await;
    joe.append("other", &message()).await;
    let rumps =
        ["INBOX", "other"].map(|name| format!("imap://joe@h/{name}/;uid=1/;section=1.2;urlauth=authuser"));
    let urls = [
        authorized(&mut joe, &rumps[0]).await,
        authorized(&mut joe, &rumps[1]).await,
    ];
    assert_eq!(authorized(&mut joe, &rumps[0]).await, urls[0], "the key stays");
    joe.ok("RESETKEY INBOX").await;
    assert_eq!(fetched(&mut joe, &urls[0]).await, None);
    assert!(fetched(&mut joe, &urls[1]).await.is_some());
    let again = authorized(&mut joe, &rumps[0]).await;
    assert_ne!(again, urls[0]);
    assert!(fetched(&mut joe, &again).await.is_some());
    joe.ok("RESETKEY").await;
    assert_eq!(fetched(&mut joe, &again).await, None);
    assert_eq!(fetched(&mut joe, &urls[1]).await, None);
}

/// The name of a URL names another mailbox then, or none.
#[tokio::test(start_paused = true)]
async fn a_url_does_not_outlive_the_name_of_its_mailbox() {
    let (_, mut joe) = World::new().await;
    joe.ok("CREATE old").await;
    joe.append("old", &message()).await;
    let url = authorized(&mut joe, "imap://joe@h/old/;uid=1/;section=1.2;urlauth=authuser").await;
    joe.ok("RENAME old new").await;
    assert_eq!(fetched(&mut joe, &url).await, None);
    joe.ok("CREATE old").await;
    joe.append("old", &message()).await;
    assert_eq!(fetched(&mut joe, &url).await, None);
    // The key has gone with the mailbox, and the new one gets its own.
    authorized(&mut joe, "imap://joe@h/old/;uid=1/;section=1.2;urlauth=authuser").await;
    assert_eq!(fetched(&mut joe, &url).await, None);
}

#[tokio::test(start_paused = true)]
async fn rfc4467_7_urlfetch_changes_nothing_and_disturbs_no_selected_mailbox() {
    let (world, mut joe) = World::new().await;
    let url = authorized(&mut joe, "imap://joe@h/INBOX/;uid=1;urlauth=anonymous").await;
    let mut ann = world.client("ann").await;
    ann.append("INBOX", "x: 1\r\n\r\n").await;
    ann.ok("SELECT INBOX").await;
    assert_eq!(fetched(&mut ann, &url).await, Some(message()));
    assert_eq!(
        ann.ok("FETCH 1 RFC822.SIZE").await[0],
        "* 1 FETCH (RFC822.SIZE 8)"
    );
    joe.ok("SELECT INBOX").await;
    assert_eq!(joe.ok("FETCH 1 FLAGS").await[0], "* 1 FETCH (FLAGS (\\Recent))");
}

/// RFC 4469, section 3: a message is put together of what others have authorized.
#[tokio::test(start_paused = true)]
async fn catenate_takes_authorized_urls() {
    let (world, mut joe) = World::new().await;
    let good = authorized(
        &mut joe,
        "imap://joe@h/INBOX/;uid=1/;section=1.2;urlauth=user+ann",
    )
    .await;
    let bad = authorized(
        &mut joe,
        "imap://joe@h/INBOX/;uid=1/;section=1.2;urlauth=user+joe",
    )
    .await;
    let mut ann = world.client("ann").await;
    let append = |url: &str| {
        format!("APPEND INBOX CATENATE (TEXT {{6+}}\r\nx: 1\r\n URL \"/INBOX/;UID=1\" URL \"{url}\")")
    };
    ann.append("INBOX", "y: 2\r\n\r\n").await;
    ann.ok(&append(&good)).await;
    let refused = ann.command(&append(&bad)).await;
    assert!(
        refused[0].starts_with(&format!("NO [BADURL \"{bad}\"] ")),
        "{refused:?}"
    );
    ann.ok("SELECT INBOX").await;
    let tag = ann.next_tag();
    ann.send(format!("{tag} FETCH 2 BODY.PEEK[]\r\n")).await;
    let whole = format!("x: 1\r\ny: 2\r\n\r\n{TEXT}");
    assert_eq!(ann.line().await, format!("* 2 FETCH (BODY[] {{{}}}", whole.len()));
    assert_eq!(ann.octets(whole.len()).await, whole.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn the_urls_of_one_command_are_bounded() {
    let (_, mut joe) = World::new().await;
    let most = joe.ok(&format!("URLFETCH{}", " x".repeat(100))).await;
    assert_eq!(most.len(), 101);
    for command in [
        format!("URLFETCH{}", " x".repeat(101)),
        format!("URLFETCH {}", "x".repeat(9000)),
    ] {
        let refused = joe.command(&command).await;
        assert!(refused[0].starts_with("NO [LIMIT] "), "{refused:?}");
    }
}

/// A store whose message is not as long as it says, or of a gibibyte that never exists as a whole.
#[derive(Clone)]
struct Large {
    says: u64,
    has: u64,
    furthest: Arc<AtomicU64>,
    /// What the octets of its key are.
    key: Arc<AtomicU8>,
    /// Whether another mailbox has the name as soon as somebody opens it.
    is_replaced: bool,
}

impl Large {
    async fn client(says: u64, has: u64, is_replaced: bool) -> (Self, Client) {
        let large = Self {
            says,
            has,
            furthest: Arc::default(),
            key: Arc::default(),
            is_replaced,
        };
        let client = StubStore::new(large.clone(), [1]).selected().await;
        (large, client)
    }
}

impl Stub for Large {
    fn abilities(&self) -> Abilities {
        Abilities::default().with(Ability::UrlAuth)
    }

    fn open(&self, _: &MailboxName, _: Access) -> Result<Self, Error> {
        if self.is_replaced {
            self.key.fetch_add(1, Ordering::Relaxed);
        }
        Ok(self.clone())
    }

    fn url_key(&self) -> UrlKey {
        UrlKey::new([self.key.load(Ordering::Relaxed); UrlKey::OCTETS])
    }

    fn fetch(&self, uids: &[Uid]) -> Result<Fetched, Error> {
        let record = |uid: &Uid| Some(Record::new(*uid, Flags::empty()).with_body(Body::new(self.clone())));
        Ok(uids.iter().map(record).collect())
    }
}

impl ReadBody for Large {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.says)
    }

    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        let end = self.has.min(offset + at_most as u64);
        self.furthest.fetch_max(end, Ordering::Relaxed);
        Ok((offset..end).map(|_| b'x').collect())
    }
}

const WHOLE: &str = "imap://joe@h/INBOX/;uid=1;urlauth=anonymous";

#[tokio::test(start_paused = true)]
async fn what_a_url_names_is_read_no_faster_than_its_client_reads() {
    const SIZE: u64 = 1 << 30;
    let (large, mut client) = Large::client(SIZE, SIZE, false).await;
    let url = authorized(&mut client, WHOLE).await;
    client.send(format!("a URLFETCH \"{url}\"\r\n")).await;
    assert_eq!(client.line().await, format!("* URLFETCH \"{url}\" {{{SIZE}}}"));
    let (mut taken, mut piece) = (0, vec![0; 16 << 10]);
    while taken < 16 << 20 {
        taken += client.stream.read(&mut piece).await.unwrap() as u64;
        let ahead = large.furthest.load(Ordering::Relaxed).saturating_sub(taken);
        assert!(ahead < 512 << 10, "{ahead} octets were read ahead of the client");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_what_a_url_names_if_it_cannot_be_completed() {
    let (_, mut client) = Large::client(1 << 20, 100 << 10, false).await;
    let url = authorized(&mut client, WHOLE).await;
    client.send(format!("a URLFETCH \"{url}\"\r\n")).await;
    assert_eq!(
        client.line().await,
        format!("* URLFETCH \"{url}\" {{{}}}", 1 << 20)
    );
    let mut rest = client.unread();
    client.stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() <= 100 << 10 && rest.iter().all(|octet| *octet == b'x'));
}

/// The token is right, and the octets are another mailbox's.
#[tokio::test(start_paused = true)]
async fn a_mailbox_that_gets_the_name_of_a_url_meanwhile_is_not_shown() {
    let (_, mut client) = Large::client(100, 100, true).await;
    let url = authorized(&mut client, WHOLE).await;
    assert_eq!(fetched(&mut client, &url).await, None);
}
