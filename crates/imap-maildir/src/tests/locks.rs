//! The UID list's lock while it is ours, and while another program holds it.

use super::*;
use crate::disk::interference::Moment;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

fn lock_of(mailbox: &Path) -> PathBuf {
    mailbox.join("dovecot-uidlist.lock")
}

/// As if the lock had not been touched for 100 seconds.
fn age(lock: &Path) {
    let old = SystemTime::now() - Duration::from_secs(100);
    File::open(lock).unwrap().set_modified(old).unwrap();
}

fn seconds_since_touched(lock: &Path) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() - lock.metadata().unwrap().mtime()
}

/// Ages the lock at each occurrence of `moment`; counts how often it was found fresh again at the next one.
fn watch_lock(client: &Client, mailbox: PathBuf, moment: Moment) -> Arc<AtomicUsize> {
    let fresh = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fresh);
    client.open().directory.moments().set(move |now| {
        if now == moment {
            let lock = lock_of(&mailbox);
            counted.fetch_add(usize::from(seconds_since_touched(&lock) < 50), Ordering::SeqCst);
            age(&lock);
        }
    });
    fresh
}

#[tokio::test]
async fn work_on_many_messages_keeps_its_lock_fresh() {
    let fixture = Fixture::new();
    for number in 1..=3 {
        deliver(&fixture.root(), &format!("cur/{number}.a:2,"), "x");
    }
    let mut session = fixture.session().await;
    create(&mut session, "target").await.unwrap();
    let target = fixture.select("target").await;
    let mut client = fixture.select("INBOX").await;
    let target_path = fixture.root().join(".target");

    let fresh = watch_lock(&target, target_path.clone(), Moment::Placed);
    client
        .mailbox()
        .copy(&set(&[1, 2, 3]), &name("target"))
        .await
        .unwrap();
    assert_eq!(fresh.load(Ordering::SeqCst), 3, "COPY");

    let fresh = watch_lock(&client, fixture.root(), Moment::BeforeRename);
    client
        .store(&[1, 2, 3], FlagAction::Add, "\\Deleted")
        .await
        .unwrap();
    assert_eq!(fresh.load(Ordering::SeqCst), 3, "STORE");
    client
        .store(&[1, 2, 3], FlagAction::Remove, "\\Deleted")
        .await
        .unwrap();

    let fresh = watch_lock(&target, target_path, Moment::Placed);
    client
        .mailbox()
        .move_to(&set(&[1, 2, 3]), &name("target"))
        .await
        .unwrap();
    assert_eq!(fresh.load(Ordering::SeqCst), 3, "MOVE");
}

#[tokio::test]
async fn messages_that_get_no_uid_are_taken_back_while_the_list_is_still_locked() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut session = fixture.session().await;
    create(&mut session, "target").await.unwrap();
    let target = fixture.select("target").await;
    let mut client = fixture.select("INBOX").await;
    let path = fixture.root().join(".target");
    let locked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&locked);
    target.open().directory.moments().set(move |moment| match moment {
        // Opening the list to append to it fails.
        Moment::PlacedDurably => {
            std::fs::remove_file(path.join("dovecot-uidlist")).unwrap();
            std::fs::create_dir_all(path.join("dovecot-uidlist.tmp/x")).unwrap();
        }
        Moment::BeforeTakingBack => {
            counted.fetch_add(usize::from(lock_of(&path).exists()), Ordering::SeqCst);
        }
        _ => {}
    });
    assert!(client.mailbox().copy(&set(&[1]), &name("target")).await.is_err());
    assert_eq!(locked.load(Ordering::SeqCst), 1, "the lock was still there");
    assert!(files(&fixture.root().join(".target")).is_empty());
}

#[tokio::test]
async fn an_append_behind_a_foreign_lock_lets_the_others_through() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    let lock = lock_of(&fixture.root());
    std::fs::write(&lock, "1:elsewhere").unwrap();
    let mut session = fixture.session().await;
    let waiting = tokio::spawn(async move { append(&mut session, "INBOX", "new\r\n", "").await });
    // Its message is written before it waits for the lock.
    while std::fs::read_dir(fixture.root().join("tmp"))
        .unwrap()
        .next()
        .is_none()
    {
        tokio::task::yield_now().await;
    }
    // Both end while the append has to go on waiting: it cannot end before the lock does.
    client.noop().await;
    status(&mut fixture.session().await, "INBOX").await;
    assert!(!waiting.is_finished());
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 2);
}
