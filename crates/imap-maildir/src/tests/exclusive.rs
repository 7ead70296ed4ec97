//! Mail that one server has to itself: no lock of Dovecot's is taken, and other servers are kept out.

use super::*;
use imap_backend::ErrorKind;
use std::time::Duration;

impl Fixture {
    /// As [`on`](Self::on), in exclusive mode.
    fn exclusively_on(home: Arc<tempfile::TempDir>) -> Self {
        let Self { home, backend } = Self::on(home);
        let backend = backend.with_exclusive_use();
        Self { home, backend }
    }

    async fn refusal(&self) -> Option<ErrorKind> {
        self.backend.session("u").await.err().map(|error| error.kind())
    }

    /// Waits until others have let go of the mail: what sessions leave behind ends on threads of its own.
    async fn is_free(&self) -> bool {
        let patience = Duration::from_secs(60);
        let free = async {
            while self.refusal().await.is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(patience, free).await.is_ok()
    }
}

/// Locks that another program holds and keeps: whoever takes them waits for two minutes.
fn lock_everything(root: &Path) -> Vec<PathBuf> {
    let of_account = [
        "subscriptions",
        "dovecot-uidvalidity",
        "maildirsize",
        "special-uses",
        "dovecot-attributes",
    ];
    let of_mailbox = ["dovecot-uidlist", "dovecot-acl", "url-key"];
    let of_account = of_account.map(|file| root.join(format!("{file}.lock")));
    let of_mailboxes =
        ["", ".other"].map(|mailbox| of_mailbox.map(|file| root.join(mailbox).join(format!("{file}.lock"))));
    let locks = [of_account.to_vec(), of_mailboxes.concat()].concat();
    for lock in &locks {
        std::fs::write(lock, "1:elsewhere").unwrap();
    }
    locks
}

#[tokio::test]
async fn a_server_that_has_mail_to_itself_waits_for_no_lock_of_another_program() {
    let fixture = Fixture::exclusively_on(home());
    let fixture = Fixture {
        backend: fixture.backend.with_quota(Some(1 << 20), None),
        ..fixture
    };
    let mut session = fixture.session().await;
    create(&mut session, "other").await.unwrap();
    let locks = lock_everything(&fixture.root());

    let first = append(&mut session, "INBOX", "Subject: one\n\nx\n", "todo")
        .await
        .unwrap();
    deliver(&fixture.root(), "new/2.a", "Subject: two\n\nx\n");
    let mut client = fixture.select("INBOX").await;
    assert_eq!(client.uids(), [1, 2], "what was delivered has its UID");
    client
        .store(&[1, 2], FlagAction::Add, "later \\Seen")
        .await
        .unwrap();
    let other = name("other");
    client.mailbox().copy(&set(&[first]), &other).await.unwrap();
    client.mailbox().move_to(&set(&[2]), &other).await.unwrap();
    client.store(&[1], FlagAction::Add, "\\Deleted").await.unwrap();
    client.expunge().await;
    create(&mut session, "third").await.unwrap();
    session.subscribe(&other).await.unwrap();
    let comment = imap_backend::EntryName::new("/private/comment").unwrap();
    let changes = [(comment, Some("x".into()))];
    session.set_metadata(Some(&other), &changes).await.unwrap();
    assert_eq!(status(&mut session, "other").await.messages(), 2);
    assert!(
        locks.iter().all(|lock| lock.exists()),
        "they are another program's"
    );
}

#[tokio::test]
async fn mail_that_one_server_has_to_itself_is_refused_to_others_until_it_is_given_back() {
    let home = home();
    let exclusive = Fixture::exclusively_on(Arc::clone(&home));
    let others = [Fixture::exclusively_on(Arc::clone(&home)), Fixture::on(home)];
    let session = exclusive.session().await;
    let another = exclusive.session().await;
    drop(session);
    for other in &others {
        assert_eq!(other.refusal().await, Some(ErrorKind::InUse));
    }
    drop(another);
    for other in &others {
        assert!(other.is_free().await);
    }
    let _shared = others[1].session().await;
    assert_eq!(exclusive.refusal().await, Some(ErrorKind::InUse));
}

/// Without it, the work would go on beside that of another server, neither with a lock.
#[tokio::test]
async fn mail_is_held_as_long_as_something_is_under_way_in_a_mailbox() {
    let home = home();
    let (here, there) = (
        Fixture::exclusively_on(Arc::clone(&home)),
        Fixture::exclusively_on(home),
    );
    let client = here.select("INBOX").await;
    let under_way = client.open();
    drop(client);
    assert_eq!(there.refusal().await, Some(ErrorKind::InUse));
    drop(under_way);
    assert!(there.is_free().await);
}

#[tokio::test]
async fn mail_goes_from_one_mode_to_the_other_with_all_uids_flags_and_keywords() {
    let home = home();
    let exclusive = Fixture::exclusively_on(Arc::clone(&home));
    let mut session = exclusive.session().await;
    for with in ["todo", "\\Flagged later", ""] {
        append(&mut session, "INBOX", "Subject: x\n\nx\n", with)
            .await
            .unwrap();
    }
    let mut client = exclusive.select("INBOX").await;
    client.store(&[1], FlagAction::Add, "\\Deleted").await.unwrap();
    client.mailbox().expunge(&set(&[1])).await.unwrap();
    client.noop().await;
    let before = (client.uid_validity, client.flags(2).await, client.flags(3).await);
    drop((client, session));

    let shared = Fixture::on(Arc::clone(&home));
    assert!(shared.is_free().await);
    let mut client = shared.select("INBOX").await;
    assert_eq!(client.uids(), [2, 3]);
    let after = (client.uid_validity, client.flags(2).await, client.flags(3).await);
    assert_eq!(after, before);
    let mut session = shared.session().await;
    assert_eq!(
        append(&mut session, "INBOX", "Subject: x\n\nx\n", "")
            .await
            .unwrap(),
        4
    );
    drop((client, session));

    assert!(exclusive.is_free().await);
    let mut client = exclusive.select("INBOX").await;
    assert_eq!(client.uids(), [2, 3, 4]);
    assert_eq!(client.flags(2).await, before.1);
}
