//! Annotations in Dovecot's file, beside Dovecot, and those that former versions kept in files of their own.

use super::*;
use imap_backend::{EntryName, ErrorKind, Metadata};
use std::os::unix::fs::PermissionsExt as _;

/// Identifiers of INBOX and of the mailbox "a".
const INBOX: &str = "61892e04e7fa096b8177000083ecc375";
const OTHER: &str = "7888b008e7fa096b8177000083ecc375";

const FILE: &str = "dovecot-attributes";

fn entry(text: &str) -> EntryName {
    EntryName::new(text).unwrap()
}

/// A change of one annotation to a value, or to none.
fn change(entry_name: &str, value: Option<&str>) -> imap_backend::MetadataChange {
    let value = value.map(|value| Bytes::copy_from_slice(value.as_bytes()));
    (entry(entry_name), value)
}

/// A mailbox's name, or none for the server.
fn place(mailbox: &str) -> Option<MailboxName> {
    MailboxName::new(mailbox)
}

impl Fixture {
    /// INBOX and "a", with a list of one message each, as Dovecot leaves them, and this text in its file.
    fn beside_dovecot(file: &str) -> Self {
        let fixture = Self::new();
        for (directory, guid) in [(".", INBOX), (".a", OTHER)] {
            let directory = fixture.root().join(directory);
            deliver(&directory, "cur/1.x:2,", "x");
            let list = format!("3 V7 N2 G{guid}\n1 :1.x\n");
            std::fs::write(directory.join("dovecot-uidlist"), list).unwrap();
        }
        fixture.put(FILE, file);
        fixture
    }

    fn put(&self, file: &str, text: &str) {
        std::fs::write(self.root().join(file), text).unwrap();
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.root().join(file)).unwrap()
    }

    fn has(&self, file: &str) -> bool {
        self.root().join(file).exists()
    }

    /// What a client finds: each entry and its value.
    async fn annotations(&self, mailbox: &str) -> Vec<String> {
        let metadata = self
            .session()
            .await
            .metadata(place(mailbox).as_ref())
            .await
            .unwrap();
        let shown = |(name, value): (&EntryName, &Bytes)| format!("{name} {}", value.escape_ascii());
        metadata.iter().map(shown).collect()
    }

    async fn annotate(&self, mailbox: &str, entry: &str, value: Option<&str>) -> Result<(), ErrorKind> {
        let (mut session, changes) = (self.session().await, [change(entry, value)]);
        let set = session.set_metadata(place(mailbox).as_ref(), &changes).await;
        set.map_err(|error| error.kind())
    }
}

#[tokio::test]
async fn what_dovecot_wrote_is_read_and_what_is_changed_is_as_dovecot_has_it() {
    let fixture = Fixture::beside_dovecot(&format!(
        "priv/{OTHER}/comment\nl\x01te\nforeign\nx\npriv/{INBOX}/vendor/vendor.dovecot/pvt/server/comment\nserver\n"
    ));
    assert_eq!(fixture.annotations("a").await, ["/private/comment l\\te"]);
    assert_eq!(fixture.annotations("").await, ["/private/comment server"]);
    assert_eq!(fixture.annotations("INBOX").await, [""; 0]);
    for (mailbox, name, value) in [
        ("a", "/private/comment", None),
        ("a", "/shared/Vendor/x", Some("two\r\nlines")),
        ("INBOX", "/private/comment", Some("")),
        ("", "/shared/comment", Some("of the server")),
    ] {
        fixture.annotate(mailbox, name, value).await.unwrap();
    }
    let expected = format!(
        "foreign\nx\npriv/{INBOX}/vendor/vendor.dovecot/pvt/server/comment\nserver\n\
         shared/{OTHER}/vendor/x\ntwo\x01r\x01nlines\npriv/{INBOX}/comment\n\n\
         shared/{INBOX}/vendor/vendor.dovecot/pvt/server/comment\nof the server\n"
    );
    assert_eq!(fixture.text(FILE), expected);
    let mode = fixture.root().join(FILE).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let of_dovecot = "/private/vendor/vendor.dovecot/pvt/server/comment";
    assert_eq!(
        fixture.annotate("INBOX", of_dovecot, Some("x")).await,
        Err(ErrorKind::Cannot)
    );
    assert_eq!(fixture.text(FILE), expected);
}

#[tokio::test]
async fn annotations_of_former_versions_are_taken_over_when_they_are_read_or_changed() {
    for (reads, mailbox, guid, below, file) in [
        (true, "a", OTHER, "", ".a/annotations"),
        (false, "a", OTHER, "", ".a/annotations"),
        (true, "INBOX", INBOX, "", "annotations"),
        (
            false,
            "",
            INBOX,
            "vendor/vendor.dovecot/pvt/server/",
            "server-annotations",
        ),
    ] {
        let fixture = Fixture::beside_dovecot(&format!("priv/{guid}/{below}both\nDovecot's\nx\ny\n"));
        fixture.put(file, "V\t1\n/private/both\tours\n/shared/list\ta\x01nb\n");
        if reads {
            let expected = ["/private/both ours", "/shared/list a\\nb"];
            assert_eq!(fixture.annotations(mailbox).await, expected, "{file}");
        } else {
            fixture
                .annotate(mailbox, "/private/new", Some("1"))
                .await
                .unwrap();
        }
        assert!(!fixture.has(file), "{file}");
        let mut expected = format!("x\ny\npriv/{guid}/{below}both\nours\n");
        if !reads {
            expected += &format!("priv/{guid}/{below}new\n1\n");
        }
        expected += &format!("shared/{guid}/{below}list\na\x01nb\n");
        assert_eq!(fixture.text(FILE), expected, "{file}");
        // A crash before the old file was removed: it is taken over once more.
        fixture.put(file, "V\t1\n/private/both\tours\n/shared/list\ta\x01nb\n");
        let found = fixture.annotations(mailbox).await;
        assert_eq!(found.len(), if reads { 2 } else { 3 }, "{found:?}");
        let lines = |text: &str| {
            text.lines()
                .map(str::to_owned)
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(lines(&fixture.text(FILE)), lines(&expected), "{file}");
        assert!(!fixture.has(file), "{file}");
    }
}

#[tokio::test]
async fn annotations_of_former_versions_are_read_while_they_cannot_be_taken_over() {
    let old = "V\t1\n/private/comment\tours\n";
    let fixture = Fixture::beside_dovecot("");
    fixture.put(".a/annotations", old);
    fixture.put("dovecot-attributes.lock", "1:elsewhere");
    assert_eq!(fixture.annotations("a").await, ["/private/comment ours"]);
    assert_eq!(fixture.text(".a/annotations"), old);
    std::fs::remove_file(fixture.root().join("dovecot-attributes.lock")).unwrap();
    assert_eq!(fixture.annotations("a").await, ["/private/comment ours"]);
    assert_eq!(fixture.text(FILE), format!("priv/{OTHER}/comment\nours\n"));
    // One of which not all would be taken over.
    let large = format!("{old}/private/x\t{}\n", "x".repeat(1 << 20));
    fixture.put(".a/annotations", &large);
    fixture
        .annotate("a", "/private/new", Some("1"))
        .await
        .unwrap_err();
    assert_eq!(fixture.text(".a/annotations"), large);
}

#[tokio::test]
async fn a_mailbox_without_an_identifier_gets_the_one_that_clients_were_told() {
    let fixture = Fixture::new();
    deliver(&fixture.root().join(".a"), "cur/1.x:2,", "x");
    // Version 1 has none; and a line is torn.
    fixture.put(".a/dovecot-uidlist", "1 7 3\n1 1.x\n2 2.gone\n3 3.");
    fixture.put(".a/annotations", "V\t1\n/private/comment\tours\n");
    assert_eq!(fixture.annotations("a").await, ["/private/comment ours"]);
    let mut session = fixture.session().await;
    let told = session.status(&name("a"), StatusQuery::MESSAGES).await.unwrap();
    let told = told.mailbox_id().unwrap().to_string();
    fixture.annotate("a", "/shared/new", Some("1")).await.unwrap();
    let guid = &told[1..];
    assert_eq!(
        fixture.text(FILE),
        format!("priv/{guid}/comment\nours\nshared/{guid}/new\n1\n")
    );
    let list = fixture.text(".a/dovecot-uidlist");
    assert!(
        list.starts_with("3 V7 ") && list.contains(&format!(" G{guid}")),
        "{list}"
    );
    let fixture = fixture.restarted();
    let mut session = fixture.session().await;
    let status = status(&mut session, "a").await;
    assert_eq!((status.uid_validity().get(), status.messages()), (7, 1));
    assert!(
        status.uid_next().unwrap().get() >= 4,
        "the torn line's UID is used"
    );
}

#[tokio::test]
async fn a_mailbox_that_never_had_a_list_gets_one_for_its_annotations() {
    let fixture = Fixture::new();
    assert_eq!(fixture.annotations("INBOX").await, [""; 0]);
    fixture.annotate("", "/private/x", Some("1")).await.unwrap();
    let list = fixture.text("dovecot-uidlist");
    let guid = list.lines().next().unwrap().split(" G").nth(1).unwrap();
    let expected = format!("priv/{guid}/vendor/vendor.dovecot/pvt/server/x\n1\n");
    assert_eq!(fixture.text(FILE), expected);
}

#[tokio::test]
async fn rfc5464_3_2_a_mailbox_that_is_deleted_takes_its_annotations_along() {
    let others = format!("priv/{INBOX}/comment\nmine\n");
    let fixture = Fixture::beside_dovecot(&format!(
        "{others}priv/{OTHER}/comment\nx\nshared/{OTHER}/vendor/vendor.dovecot/pvt/z\nDovecot's\n"
    ));
    fixture.put(".a/annotations", "V\t1\n/private/old\tours\n");
    let mut session = fixture.session().await;
    session.rename(&name("a"), &name("b")).await.unwrap();
    session.delete(&name("b")).await.unwrap();
    assert_eq!(fixture.text(FILE), others);
    create(&mut session, "b").await.unwrap();
    assert_eq!(fixture.annotations("b").await, [""; 0]);
}

#[tokio::test]
async fn what_would_make_the_file_too_long_is_refused_and_what_makes_it_shorter_is_not() {
    let filler = format!("foreign\n{}\n", "x".repeat(4 << 20));
    let fixture = Fixture::beside_dovecot(&format!("{filler}priv/{OTHER}/comment\nlong enough\n"));
    let refused = fixture
        .annotate("a", "/private/new", Some("more than there is room for"))
        .await;
    assert_eq!(refused, Err(ErrorKind::Limit));
    fixture
        .annotate("a", "/private/comment", Some("short"))
        .await
        .unwrap();
    fixture.annotate("a", "/private/comment", None).await.unwrap();
    assert!(fixture.text(FILE) == filler);
}

#[tokio::test]
async fn a_link_in_the_place_of_the_file_is_not_followed() {
    let fixture = Fixture::beside_dovecot("");
    let (file, victim) = (fixture.root().join(FILE), fixture.home.path().join("victim"));
    let text = format!("priv/{OTHER}/comment\nsomebody else's\n");
    std::fs::write(&victim, &text).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&victim, &file).unwrap();
    let read = fixture.session().await.metadata(Some(&name("a"))).await;
    assert!(read.is_err(), "{read:?}");
    fixture
        .annotate("a", "/private/comment", Some("x"))
        .await
        .unwrap_err();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), text);
    // An empty mailbox's answer is its own.
    std::fs::remove_file(&file).unwrap();
    let read = fixture.session().await.metadata(Some(&name("a"))).await.unwrap();
    assert_eq!(read, Metadata::default());
}
