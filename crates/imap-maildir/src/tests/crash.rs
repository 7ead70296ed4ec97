//! The process is killed after any step: what was answered is there once, under its UID.
//!
//! A hook copies the directories at each step, as `kill -9` would leave them; then another process opens the copy. What
//! was written counts here whether or not it was synced: power failures are in `power`.

use super::*;
use crate::disk::interference::Moment;
use parking_lot::Mutex;

pub(super) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The directories as they were after each step.
type Crashes = Arc<Mutex<Vec<(Moment, Arc<tempfile::TempDir>)>>>;

fn record(root: PathBuf, open: &OpenMailbox) -> Crashes {
    let crashes: Crashes = Arc::default();
    let kept = Arc::clone(&crashes);
    open.directory.moments().set(move |moment| {
        let home = Arc::new(tempfile::tempdir().unwrap());
        copy_tree(&root, &home.path().join("u"));
        kept.lock().push((moment, home));
    });
    crashes
}

async fn texts(fixture: &Fixture, mailbox: &str) -> Vec<(u32, String)> {
    let mut client = fixture.select(mailbox).await;
    let mut texts = Vec::new();
    for uid in client.uids() {
        let octets = client.body(uid).await.unwrap();
        texts.push((uid, String::from_utf8(octets.to_vec()).unwrap()));
    }
    texts
}

#[tokio::test]
async fn an_append_is_there_wholly_or_not_at_all_after_every_step() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "before", "").await.unwrap();
    let client = fixture.select("INBOX").await;
    let crashes = record(fixture.root(), &client.open());
    let uid = append(&mut session, "INBOX", "message", "\\Seen").await.unwrap();
    client.open().directory.moments().clear();
    let crashes = crashes.lock().clone();
    let moments: Vec<_> = crashes.iter().map(|(moment, _)| *moment).collect();
    assert_eq!(
        moments,
        [
            Moment::Written,
            Moment::Prepared,
            Moment::Placed,
            Moment::PlacedDurably,
            Moment::Recorded
        ]
    );
    for (moment, home) in crashes {
        let restarted = Fixture::on(home);
        let texts = texts(&restarted, "INBOX").await;
        assert_eq!(texts[0], (1, "before".to_owned()));
        match moment {
            Moment::Written | Moment::Prepared => assert_eq!(texts.len(), 1, "{moment:?}"),
            // Not answered yet, so it may have any UID, but only one.
            _ => assert_eq!(texts[1..], [(uid, "message".to_owned())], "{moment:?}"),
        }
        let next = append(&mut restarted.session().await, "INBOX", "after", "")
            .await
            .unwrap();
        assert!(next > texts.last().unwrap().0, "{moment:?}");
        assert!(
            !restarted.root().join("dovecot-uidlist.lock").exists(),
            "{moment:?}"
        );
    }
}

#[tokio::test]
async fn a_moved_message_is_in_exactly_one_mailbox_after_every_step() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "target").await.unwrap();
    for text in ["one", "two", "three"] {
        append(&mut session, "INBOX", text, "\\Seen").await.unwrap();
    }
    let target = fixture.select("target").await;
    let mut client = fixture.select("INBOX").await;
    let crashes = record(fixture.root(), &target.open());
    client
        .mailbox()
        .move_to(&set(&[1, 3]), &name("target"))
        .await
        .unwrap();
    target.open().directory.moments().clear();
    let crashes = crashes.lock().clone();
    assert_eq!(crashes.last().unwrap().0, Moment::Recorded);
    assert_eq!(
        crashes
            .iter()
            .filter(|(moment, _)| *moment == Moment::Placed)
            .count(),
        2
    );
    for (moment, home) in crashes {
        let restarted = Fixture::on(home);
        let both = [
            texts(&restarted, "INBOX").await,
            texts(&restarted, "target").await,
        ]
        .concat();
        let mut both: Vec<_> = both.into_iter().map(|(_, text)| text).collect();
        both.sort();
        assert_eq!(both, ["one", "three", "two"], "{moment:?}");
    }
    assert_eq!(
        texts(&fixture.restarted(), "target").await,
        [(1, "one".to_owned()), (2, "three".to_owned())]
    );
}

#[tokio::test]
async fn an_answered_copy_is_there_after_a_crash_with_its_uids() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "target").await.unwrap();
    for text in ["one", "two"] {
        append(&mut session, "INBOX", text, "\\Seen").await.unwrap();
    }
    let copied = fixture
        .select("INBOX")
        .await
        .mailbox()
        .copy(&set(&[1, 2]), &name("target"))
        .await
        .unwrap();
    let home = Arc::new(tempfile::tempdir().unwrap());
    copy_tree(&fixture.root(), &home.path().join("u"));
    let restarted = Fixture::on(home);
    assert_eq!(copied.to().to_string(), "1:2");
    assert_eq!(
        texts(&restarted, "target").await,
        [(1, "one".to_owned()), (2, "two".to_owned())]
    );
    assert_eq!(texts(&restarted, "INBOX").await.len(), 2);
}

#[tokio::test]
async fn a_failed_record_takes_an_append_back() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "before", "\\Seen").await.unwrap();
    let client = fixture.select("INBOX").await;
    // Somebody breaks our lock in the middle: nothing may be recorded any more.
    let lock = fixture.root().join("dovecot-uidlist.lock");
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::PlacedDurably {
            std::fs::remove_file(&lock).unwrap();
        }
    });
    assert!(append(&mut session, "INBOX", "message", "\\Seen").await.is_err());
    client.open().directory.moments().clear();
    assert_eq!(files(&fixture.root()).len(), 1);
    assert_eq!(
        append(&mut session, "INBOX", "again", "\\Seen").await.unwrap(),
        3,
        "the number is not used again"
    );
}

#[tokio::test]
async fn a_failed_record_puts_moved_messages_back() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "target").await.unwrap();
    append(&mut session, "INBOX", "one", "\\Seen").await.unwrap();
    let target = fixture.select("target").await;
    let mut client = fixture.select("INBOX").await;
    let lock = fixture.root().join(".target/dovecot-uidlist.lock");
    target.open().directory.moments().set(move |moment| {
        if moment == Moment::PlacedDurably {
            std::fs::remove_file(&lock).unwrap();
        }
    });
    assert!(
        client
            .mailbox()
            .move_to(&set(&[1]), &name("target"))
            .await
            .is_err()
    );
    assert_eq!(files(&fixture.root().join(".target")), [""; 0]);
    client.noop().await;
    assert_eq!(client.uids(), [1]);
    assert_eq!(client.body(1).await.unwrap(), "one");
}
