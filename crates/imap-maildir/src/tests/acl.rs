//! Dovecot's file of access control lists, beside Dovecot and an editor.

use super::*;
use imap_backend::{AclChange, ErrorKind, Identifier, Rights};

impl Fixture {
    /// What the user may do, or the error.
    async fn rights(&self, mailbox: &str) -> Result<String, ErrorKind> {
        let rights = self.session().await.my_rights(&name(mailbox)).await;
        rights
            .map(|rights| rights.letters())
            .map_err(|error| error.kind())
    }

    async fn set_acl(&self, mailbox: &str, identifier: &str, rights: &str) -> Result<(), ErrorKind> {
        let (identifier, change) = (
            Identifier::new(identifier).unwrap(),
            AclChange::parse(rights).unwrap(),
        );
        let mut session = self.session().await;
        let changed = session.change_acl(&name(mailbox), &identifier, change).await;
        changed.map_err(|error| error.kind())
    }

    fn acl_of_inbox(&self) -> String {
        std::fs::read_to_string(self.root().join("dovecot-acl")).unwrap()
    }
}

async fn with_acl(text: &str) -> Fixture {
    let fixture = Fixture::new();
    drop(fixture.session().await);
    std::fs::write(fixture.root().join("dovecot-acl"), text).unwrap();
    fixture
}

#[tokio::test]
async fn what_an_editor_writes_counts_at_the_next_question() {
    let fixture = with_acl("anyone lrwstipekxa\nowner lrs\nuser=other a\n").await;
    assert_eq!(fixture.rights("INBOX").await, Ok("lrs".to_owned()));
    std::fs::write(fixture.root().join("dovecot-acl"), "owner lr").unwrap();
    assert_eq!(fixture.rights("INBOX").await, Ok("lr".to_owned()));
    std::fs::remove_file(fixture.root().join("dovecot-acl")).unwrap();
    assert_eq!(fixture.rights("INBOX").await, Ok(Rights::ALL.letters()));
}

#[tokio::test]
async fn a_change_keeps_every_line_that_is_not_its_own() {
    let fixture = with_acl("# by hand\nuser=timo lr :custom\nwhat is this\n").await;
    fixture.set_acl("INBOX", "timo", "+i").await.unwrap();
    fixture.set_acl("INBOX", "$staff", "l").await.unwrap();
    fixture.set_acl("INBOX", "u", "-x").await.unwrap();
    let after = "# by hand\nuser=timo lri :custom\nwhat is this\ngroup=staff l\nuser=u lrswipktea\n";
    assert_eq!(fixture.acl_of_inbox(), after);
    assert_eq!(fixture.rights("INBOX").await, Ok("lrswipktea".to_owned()));
}

#[tokio::test]
async fn what_has_no_line_is_refused_and_nothing_is_written() {
    let fixture = with_acl("owner lr\n").await;
    assert_eq!(fixture.set_acl("INBOX", "$", "l").await, Err(ErrorKind::Cannot));
    assert_eq!(
        fixture.set_acl("nowhere", "fred", "l").await,
        Err(ErrorKind::NonExistent)
    );
    fixture.set_acl("INBOX", "fred", "-l").await.unwrap();
    assert_eq!(fixture.acl_of_inbox(), "owner lr\n");
}

/// Nobody knows what the part that was not read denies.
#[tokio::test]
async fn a_file_of_which_not_all_was_read_grants_nothing_and_is_left_alone() {
    let long = format!("owner lrwstipekxa\n#{}\n", "x".repeat(2 << 20));
    let fixture = with_acl(&long).await;
    assert!(fixture.rights("INBOX").await.is_err());
    assert!(fixture.set_acl("INBOX", "fred", "l").await.is_err());
    assert_eq!(fixture.acl_of_inbox(), long);
    let listed = fixture.session().await.list(&ListQuery::default()).await.unwrap();
    assert_eq!(listed[0].my_rights(), Some(Rights::none()));
}

#[tokio::test]
async fn a_new_mailbox_has_the_file_of_its_nearest_superior_as_it_is() {
    let text = "# team\nuser=timo lr :custom\n";
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    std::fs::write(fixture.root().join(".a/dovecot-acl"), text).unwrap();
    create(&mut session, "a.b.c").await.unwrap();
    create(&mut session, "other").await.unwrap();
    let inherited = std::fs::read_to_string(fixture.root().join(".a.b.c/dovecot-acl")).unwrap();
    assert_eq!(inherited, text);
    assert!(!fixture.root().join(".other/dovecot-acl").exists());
    session.rename(&name("INBOX"), &name("a.old")).await.unwrap();
    let inherited = std::fs::read_to_string(fixture.root().join(".a.old/dovecot-acl")).unwrap();
    assert_eq!(inherited, text);
}
