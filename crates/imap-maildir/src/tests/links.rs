//! A user who puts a symbolic link on the way to a Maildir while logged in reaches nobody else's mail by it.

use super::*;
use imap_backend::{AclChange, EntryName, Identifier, MetadataChange, UrlKey};
use std::collections::BTreeMap;

const KEY: UrlKey = UrlKey::new([7; UrlKey::OCTETS]);
/// Parts of the way from the user's directory to the Maildir: both are the user's to replace.
const PARTS: [&str; 2] = ["mail/Maildir", "mail"];
/// Everything that a session does by a mailbox's name.
const DEEDS: [&str; 19] = [
    "CREATE",
    "CREATE below",
    "DELETE",
    "DELETE below INBOX",
    "RENAME",
    "RENAME INBOX",
    "LIST",
    "STATUS",
    "SELECT",
    "APPEND",
    "SUBSCRIBE",
    "GETACL",
    "SETACL",
    "GETMETADATA",
    "SETMETADATA",
    "SETMETADATA of the server",
    "a new URL key",
    "the URL key",
    "RESETKEY",
];

/// Two users with the same mailboxes. Ada is logged in.
struct Users {
    home: tempfile::TempDir,
    backend: MaildirBackend<Secret>,
    ada: MaildirSession,
}

impl Users {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = MailRoot::new(home.path().join("%u/mail/Maildir"));
        let backend = MaildirBackend::new(root, Secret).unwrap();
        let backend = backend.with_index_from(Some(1)).with_quota(Some(1 << 30), None);
        backend.shared.watcher.never_start();
        backend.shared.cache.filler.never_start();
        let mut ada = backend.session("ada").await.unwrap();
        let mut bob = backend.session("bob").await.unwrap();
        for (session, text) in [(&mut ada, "ada's"), (&mut bob, "bob's")] {
            for mailbox in ["x", "INBOX.y"] {
                create(session, mailbox).await.unwrap();
                append(session, mailbox, text, "").await.unwrap();
                session.url_key(&name(mailbox), Some(&KEY)).await.unwrap();
            }
            append(session, "INBOX", text, "").await.unwrap();
        }
        drop(bob);
        Self { home, backend, ada }
    }

    fn maildir(&self, user: &str) -> PathBuf {
        self.home.path().join(user).join("mail/Maildir")
    }

    /// Ada puts a link to Bob's in the place of her own.
    fn link(&self, part: &str) {
        let (ada, bob) = (self.home.path().join("ada"), self.home.path().join("bob"));
        std::fs::rename(ada.join(part), ada.join("away")).unwrap();
        std::os::unix::fs::symlink(bob.join(part), ada.join(part)).unwrap();
    }

    fn bobs(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut all = BTreeMap::new();
        take_in(&self.maildir("bob"), &mut all);
        all
    }

    /// Whether it was done.
    async fn does(&mut self, deed: &str) -> bool {
        let (ada, x) = (&mut self.ada, name("x"));
        let value = Some(Bytes::from_static(b"ada's"));
        let set: MetadataChange = (EntryName::new("/private/comment").unwrap(), value);
        match deed {
            "CREATE" => create(ada, "z").await.is_ok(),
            "CREATE below" => create(ada, "x.z").await.is_ok(),
            "DELETE" => ada.delete(&x).await.is_ok(),
            "DELETE below INBOX" => ada.delete(&name("INBOX.y")).await.is_ok(),
            "RENAME" => ada.rename(&x, &name("z")).await.is_ok(),
            "RENAME INBOX" => ada.rename(&name("INBOX"), &name("z")).await.is_ok(),
            "LIST" => ada.list(&ListQuery::default()).await.is_ok(),
            "STATUS" => ada.status(&x, StatusQuery::ALL).await.is_ok(),
            "SELECT" => ada.select(&x, &Select::new(Access::ReadWrite)).await.is_ok(),
            "APPEND" => append(ada, "x", "ada's", "").await.is_ok(),
            "SUBSCRIBE" => ada.subscribe(&x).await.is_ok(),
            "GETACL" => ada.acl(&x).await.is_ok(),
            "SETACL" => {
                let (anyone, all) = (
                    Identifier::new("anyone").unwrap(),
                    AclChange::parse("lr").unwrap(),
                );
                ada.change_acl(&x, &anyone, all).await.is_ok()
            }
            "GETMETADATA" => ada.metadata(Some(&x)).await.is_ok(),
            "SETMETADATA" => ada.set_metadata(Some(&x), &[set]).await.is_ok(),
            "SETMETADATA of the server" => ada.set_metadata(None, &[set]).await.is_ok(),
            "a new URL key" => ada.url_key(&x, Some(&UrlKey::new([1; 32]))).await.is_ok(),
            "the URL key" => ada.url_key(&x, None).await.is_ok(),
            "RESETKEY" => ada.forget_url_keys(None).await.is_ok(),
            other => panic!("{other}"),
        }
    }
}

/// Every name in a directory, with the octets of files.
fn take_in(path: &Path, all: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            take_in(&path, all);
            all.insert(path, None);
        } else {
            let octets = std::fs::read(&path).unwrap();
            all.insert(path, Some(octets));
        }
    }
}

#[tokio::test]
async fn a_link_in_place_of_the_maildir_leads_no_command_to_another_users_mail() {
    for part in PARTS {
        let mut users = Users::new().await;
        users.link(part);
        let before = users.bobs();
        for deed in DEEDS {
            assert!(!users.does(deed).await, "{deed} is done through {part}");
            assert!(users.bobs() == before, "{deed} through {part} changes bob's mail");
        }
        assert!(users.ada.quotas(None).await.unwrap().is_empty(), "{part}");
        assert!(users.bobs() == before, "{part}");
    }
}

#[tokio::test]
async fn a_link_in_place_of_the_maildir_leads_no_selected_mailbox_to_another_users_mail() {
    for part in PARTS {
        let mut users = Users::new().await;
        create(&mut users.ada, "empty").await.unwrap();
        let mut bob = users.backend.session("bob").await.unwrap();
        create(&mut bob, "empty").await.unwrap();
        drop(bob);
        let how = Select::new(Access::ReadWrite);
        let mut client = Client::of(users.ada.select(&name("x"), &how).await.unwrap());
        let mut other = Client::of(users.ada.select(&name("empty"), &how).await.unwrap());
        users.link(part);
        let before = users.bobs();
        client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
        assert_eq!(client.body(1).await.unwrap(), "ada's", "what is open is hers");
        assert!(client.mailbox().copy(&set(&[1]), &name("INBOX")).await.is_err());
        assert!(
            client
                .mailbox()
                .move_to(&set(&[1]), &name("INBOX"))
                .await
                .is_err()
        );
        // Its first message has an index made, beside the mail.
        let hers = match part {
            "mail" => "ada/away/Maildir/.empty",
            _ => "ada/away/.empty",
        };
        deliver(&users.home.path().join(hers), "cur/1.a:2,", "ada's");
        other.noop().await;
        assert_eq!(other.uids(), [1]);
        client.store(&[1], FlagAction::Add, "\\Deleted").await.unwrap();
        client.expunge().await;
        drop((client, other));
        drop(users.ada);
        let mut after = BTreeMap::new();
        take_in(&users.home.path().join("bob/mail/Maildir"), &mut after);
        assert!(after == before, "{part}");
    }
}

/// A Maildir that the operator replaces, by another directory, is used from then on.
#[tokio::test]
async fn a_maildir_that_is_replaced_by_a_directory_is_used_by_sessions_that_are_there() {
    let mut users = Users::new().await;
    let maildir = users.maildir("ada");
    std::fs::rename(&maildir, users.home.path().join("away")).unwrap();
    std::fs::create_dir(&maildir).unwrap();
    deliver(&maildir.join(".other"), "cur/1.a:2,", "restored");
    assert_eq!(status(&mut users.ada, "other").await.messages(), 1);
    assert!(!users.does("STATUS").await, "x is not there any more");
}
