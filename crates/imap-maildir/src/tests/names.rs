//! Mailboxes: made, renamed, deleted, listed.

use super::*;
use imap_backend::{Backend as _, Credentials, ErrorKind, ListEntry, ListedAs, LoginError, Peer, Transport};
use imap_updates::Closed;

async fn listed(session: &mut MaildirSession) -> Vec<String> {
    let entries = session.list(&ListQuery::default()).await.unwrap();
    let mark = |entry: &ListEntry| match entry.listed_as() {
        ListedAs::Mailbox => "",
        _ => " \\Noselect",
    };
    let shown = entries
        .iter()
        .map(|entry| format!("{}{}", entry.name(), mark(entry)));
    let mut shown: Vec<_> = shown.collect();
    shown.sort();
    shown
}

async fn fails<T: std::fmt::Debug>(result: impl Future<Output = Result<T, Error>>) -> ErrorKind {
    result.await.unwrap_err().kind()
}

#[tokio::test]
async fn the_first_login_makes_a_private_maildir_and_a_wrong_password_none() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::new();
    let peer = Peer::new(None, Transport::Plain);
    let login = |user: &str, password: &str| {
        fixture
            .backend
            .login(&peer, Credentials::new(user.into(), password.into()))
    };
    assert!(matches!(login("u", "wrong").await, Err(LoginError::Refused)));
    assert!(!fixture.root().exists());
    login("u", "secret").await.unwrap();
    assert_eq!(
        fixture.root().metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    for user in ["..", "a/b", ".", ""] {
        assert!(
            matches!(login(user, "secret").await, Err(LoginError::Refused)),
            "{user}"
        );
    }
}

#[tokio::test]
async fn list_shows_mailboxes_and_the_levels_above_them() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    for mailbox in ["a.b.c", "Grüße", "a.b.d", "x"] {
        create(&mut session, mailbox).await.unwrap();
    }
    std::fs::create_dir(fixture.root().join(".cache")).unwrap();
    std::fs::write(fixture.root().join(".file"), "").unwrap();
    std::fs::create_dir_all(fixture.root().join(".INBOX/cur")).unwrap();
    let expected = [
        "Grüße",
        "INBOX",
        "a \\Noselect",
        "a.b \\Noselect",
        "a.b.c",
        "a.b.d",
        "x",
    ];
    assert_eq!(listed(&mut session).await, expected);
    assert_eq!(
        fails(session.select(&name("a"), &Select::new(Access::ReadWrite))).await,
        ErrorKind::NonExistent
    );
    assert!(fixture.root().join(".a.b.c/maildirfolder").exists());
    assert!(!fixture.root().join("maildirfolder").exists());
}

#[tokio::test]
async fn names_that_cannot_be_or_are_there_already_are_refused() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    for (mailbox, kind) in [
        ("a", ErrorKind::AlreadyExists),
        ("INBOX", ErrorKind::AlreadyExists),
        ("a..b", ErrorKind::Cannot),
        ("../x", ErrorKind::Cannot),
        ("a/b", ErrorKind::Cannot),
    ] {
        assert_eq!(fails(create(&mut session, mailbox)).await, kind, "{mailbox}");
    }
    create(&mut session, "level.").await.unwrap();
    assert_eq!(listed(&mut session).await, ["INBOX", "a", "level"]);
    assert_eq!(
        fails(append(&mut session, "none", "x", "")).await,
        ErrorKind::TryCreate
    );
    assert_eq!(fails(session.delete(&name("none"))).await, ErrorKind::NonExistent);
    assert_eq!(fails(session.delete(&name("INBOX"))).await, ErrorKind::Cannot);
    assert_eq!(
        fails(session.rename(&name("none"), &name("b"))).await,
        ErrorKind::NonExistent
    );
    assert_eq!(
        fails(session.rename(&name("a"), &name("level"))).await,
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        fails(session.rename(&name("a"), &name("a.b"))).await,
        ErrorKind::Cannot
    );
}

#[tokio::test]
async fn a_mailbox_made_again_has_another_uidvalidity() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let mut last = 0;
    for _ in 0..3 {
        create(&mut session, "a").await.unwrap();
        append(&mut session, "a", "x", "").await.unwrap();
        let validity = status(&mut session, "a").await.uid_validity().get();
        assert!(validity > last);
        last = validity;
        session.delete(&name("a")).await.unwrap();
    }
    create(&mut session, "b").await.unwrap();
    session.rename(&name("b"), &name("a")).await.unwrap();
    assert!(status(&mut session, "a").await.uid_validity().get() > last);
}

#[tokio::test]
async fn deleting_closes_sessions_and_leaves_inferiors() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    create(&mut session, "a.b").await.unwrap();
    append(&mut session, "a", "x", "").await.unwrap();
    let mut client = fixture.select("a").await;
    session.delete(&name("a")).await.unwrap();
    assert_eq!(client.updates().ended(), Some(Closed::Deleted.into()));
    assert!(client.store(&[1], FlagAction::Add, "\\Seen").await.is_err());
    assert_eq!(client.body(1).await, None);
    assert_eq!(listed(&mut session).await, ["INBOX", "a \\Noselect", "a.b"]);
    create(&mut session, "a").await.unwrap();
    assert_eq!(fixture.select("a").await.uids(), [0u32; 0]);
    let left = std::fs::read_dir(fixture.root()).unwrap();
    assert!(
        !left
            .into_iter()
            .any(|e| e.unwrap().file_name().to_string_lossy().starts_with(".."))
    );
}

#[tokio::test]
async fn renaming_takes_inferiors_along_and_sessions_go_on() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    for mailbox in ["a", "a.b", "ab"] {
        create(&mut session, mailbox).await.unwrap();
    }
    append(&mut session, "a.b", "x", "").await.unwrap();
    let before = status(&mut session, "a.b").await;
    let mut client = fixture.select("a.b").await;
    session.rename(&name("a"), &name("z")).await.unwrap();
    assert_eq!(listed(&mut session).await, ["INBOX", "ab", "z", "z.b"]);
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    append(&mut session, "z.b", "y", "").await.unwrap();
    client.told();
    assert_eq!(client.uids(), [1, 2]);
    let after = status(&mut session, "z.b").await;
    assert_eq!(
        (after.uid_validity(), after.messages()),
        (before.uid_validity(), 2)
    );
    create(&mut session, "a.b").await.unwrap();
    assert_eq!(
        status(&mut session, "a.b").await.messages(),
        0,
        "the old name is another mailbox"
    );
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages_and_leaves_it_empty() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "INBOX.kept").await.unwrap();
    append(&mut session, "INBOX", "x", "\\Flagged").await.unwrap();
    let mut client = fixture.select("INBOX").await;
    session.rename(&name("INBOX"), &name("old")).await.unwrap();
    assert_eq!(client.told(), ["EXPUNGE 1"]);
    assert_eq!(fixture.select("old").await.flags(1).await, "(\\Flagged)");
    assert_eq!(listed(&mut session).await, ["INBOX", "INBOX.kept", "old"]);
    assert_eq!(append(&mut session, "INBOX", "y", "").await.unwrap(), 2);
}

#[tokio::test]
async fn subscriptions_keep_names_that_do_not_exist() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    for mailbox in ["gone", "Grüße.a", "gone"] {
        session.subscribe(&name(mailbox)).await.unwrap();
    }
    create(&mut session, "Grüße.a").await.unwrap();
    let subscribed = ListQuery::new(Selection::Subscribed);
    let entries = session.list(&subscribed).await.unwrap();
    assert_eq!(
        entries,
        [
            ListEntry::non_existent(name("gone")),
            ListEntry::mailbox(name("Grüße.a"))
        ]
    );
    session.unsubscribe(&name("gone")).await.unwrap();
    let fixture = fixture.restarted();
    let mut session = fixture.session().await;
    let entries = session.list(&subscribed).await.unwrap();
    assert_eq!(entries, [ListEntry::mailbox(name("Grüße.a"))]);
}

#[tokio::test]
async fn a_mailbox_that_is_a_symbolic_link_does_not_exist() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::create_dir(elsewhere.path().join("cur")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), fixture.root().join(".link")).unwrap();
    assert_eq!(listed(&mut session).await, ["INBOX"]);
    assert_eq!(
        fails(session.select(&name("link"), &Select::new(Access::ReadOnly))).await,
        ErrorKind::NonExistent
    );
}

#[tokio::test]
async fn what_examine_opened_is_not_changed() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,T", "x");
    let mut client = fixture.examine("INBOX").await;
    assert!(client.store(&[1], FlagAction::Add, "\\Seen").await.is_err());
    let all = set(&[1]);
    assert!(client.mailbox().expunge(&all).await.is_err());
    assert!(client.mailbox().move_to(&all, &name("INBOX")).await.is_err());
    client.mailbox().copy(&all, &name("INBOX")).await.unwrap();
    client.noop().await;
    assert_eq!(client.uids(), [1, 2]);
}

#[tokio::test]
async fn moving_into_the_same_mailbox_gives_a_new_uid_and_loses_nothing() {
    let fixture = Fixture::new();
    append(&mut fixture.session().await, "INBOX", "x", "\\Seen")
        .await
        .unwrap();
    let mut client = fixture.select("INBOX").await;
    client
        .mailbox()
        .move_to(&set(&[1]), &name("INBOX"))
        .await
        .unwrap();
    client.noop().await;
    assert_eq!(client.uids(), [2]);
    assert_eq!(client.body(2).await.unwrap(), "x");
    assert_eq!(client.flags(2).await, "(\\Seen)");
}

#[tokio::test]
async fn c2_a_directory_below_inbox_is_found_in_any_case() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    deliver(&fixture.root().join(".Inbox.Archive"), "cur/1.a:2,S", "x");
    create(&mut session, "x").await.unwrap();
    assert_eq!(listed(&mut session).await, ["INBOX", "INBOX.Archive", "x"]);
    assert_eq!(status(&mut session, "INBOX.Archive").await.messages(), 1);
    assert_eq!(append(&mut session, "INBOX.Archive", "y", "").await.unwrap(), 2);
    for taken in [
        create(&mut session, "INBOX.Archive").await,
        session.rename(&name("x"), &name("INBOX.Archive")).await,
    ] {
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
    session
        .rename(&name("INBOX.Archive"), &name("INBOX.Old"))
        .await
        .unwrap();
    assert_eq!(listed(&mut session).await, ["INBOX", "INBOX.Old", "x"]);
    deliver(&fixture.root().join(".iNBOX.Gone"), "cur/1.a:2,S", "x");
    session.delete(&name("INBOX.Gone")).await.unwrap();
    assert_eq!(listed(&mut session).await, ["INBOX", "INBOX.Old", "x"]);
}

#[tokio::test]
async fn t14_a_maildir_that_is_a_symbolic_link_is_not_followed() {
    let fixture = Fixture::new();
    let others = fixture.home.path().join("other");
    deliver(&others, "cur/1.a:2,S", "not u's");
    std::os::unix::fs::symlink(&others, fixture.root()).unwrap();
    let refused = fixture.backend.session("u").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    // Nor is a link that takes the place of a Maildir later.
    std::fs::remove_file(fixture.root()).unwrap();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    std::fs::remove_dir_all(fixture.root()).unwrap();
    deliver(&others.join(".a"), "cur/1.a:2,S", "not u's");
    let list = "3 V7 N9 G0123456789abcdef0123456789abcdef\n1 :1.a\n";
    std::fs::write(others.join(".a/dovecot-uidlist"), list).unwrap();
    std::os::unix::fs::symlink(&others, fixture.root()).unwrap();
    let opened = session.select(&name("a"), &Select::new(Access::ReadOnly)).await;
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::Unavailable);
    // A part of the path below the user's own is the user's to replace too.
    let template = fixture.home.path().join("%u/mail/Maildir");
    std::fs::create_dir_all(fixture.home.path().join("v")).unwrap();
    std::os::unix::fs::symlink(&others, fixture.home.path().join("v/mail")).unwrap();
    let backend = MaildirBackend::new(MailRoot::new(template), Secret).unwrap();
    assert_eq!(
        backend.session("v").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(!others.join("Maildir").exists(), "nothing is made there");
}

#[tokio::test]
async fn links_above_the_users_part_of_the_mail_root_are_the_operators() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("disk")).unwrap();
    std::os::unix::fs::symlink(home.path().join("disk"), home.path().join("mail")).unwrap();
    let root = MailRoot::new(home.path().join("mail/%u"));
    let backend = MaildirBackend::new(root, Secret).unwrap();
    backend.session("u").await.unwrap();
    assert!(home.path().join("disk/u").is_dir());
}
