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

/// T5.
#[tokio::test]
async fn nothing_that_can_go_on_without_a_foreign_lock_waits_for_it() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    std::fs::write(lock_of(&fixture.root()), "1:elsewhere").unwrap();
    deliver(&fixture.root(), "new/2.b", "y");
    assert_eq!(client.noop().await, [""; 0], "without a UID it stays hidden");
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    assert_eq!(infos(&fixture.root()), ["", "2,S"]);
    assert_eq!(status(&mut fixture.session().await, "INBOX").await.messages(), 1);
    assert_eq!(fixture.select("INBOX").await.body(1).await.unwrap(), "x");
    client.store(&[1], FlagAction::Add, "\\Deleted").await.unwrap();
    client.expunge().await;
    assert_eq!(client.told(), ["EXPUNGE 1"]);
    std::fs::remove_file(lock_of(&fixture.root())).unwrap();
    assert_eq!(client.noop().await, ["EXISTS 1"]);
    assert_eq!(client.body(2).await.unwrap(), "y");
}

#[tokio::test]
async fn a_mailbox_behind_a_foreign_lock_is_not_listed_again_and_again() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    client.open().forget_grain().await;
    std::fs::write(lock_of(&fixture.root()), "1:elsewhere").unwrap();
    deliver(&fixture.root(), "new/2.b", "y");
    client.noop().await;
    let listings = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&listings);
    client.open().directory.moments().set(move |moment| {
        counted.fetch_add(usize::from(moment == Moment::ListedNew), Ordering::SeqCst);
    });
    for _ in 0..3 {
        client.noop().await;
        client.open().retry_lock_now().await;
    }
    assert_eq!(listings.load(Ordering::SeqCst), 0);
    // Another lock, of a program that died: found stale by the next attempt.
    std::fs::remove_file(lock_of(&fixture.root())).unwrap();
    assert_eq!(client.noop().await, ["EXISTS 2"]);
}

/// T6.
#[tokio::test]
async fn a_move_whose_lock_is_taken_away_is_undone_and_tells_no_expunge() {
    let fixture = Fixture::new();
    for number in 1..=3 {
        deliver(&fixture.root(), &format!("cur/{number}.a:2,"), "x");
    }
    create(&mut fixture.session().await, "target").await.unwrap();
    let target = fixture.select("target").await;
    let (mut client, other) = (fixture.select("INBOX").await, fixture.select("INBOX").await);
    let before = files(&fixture.root());
    let lock = lock_of(&fixture.root().join(".target"));
    let (runtime, other) = (tokio::runtime::Handle::current(), parking_lot::Mutex::new(other));
    let told: Arc<parking_lot::Mutex<Vec<String>>> = Arc::default();
    let hears = Arc::clone(&told);
    let placed = AtomicUsize::new(0);
    target.open().directory.moments().set(move |moment| {
        if moment == Moment::Placed && placed.fetch_add(1, Ordering::SeqCst) == 1 {
            // Two of three are on their way, and somebody else is about to be told what is new.
            let mut other = other.lock();
            runtime
                .block_on(other.mailbox().poll(PollReason::Passing))
                .unwrap();
            hears.lock().extend(other.told());
            std::fs::write(&lock, "1:elsewhere").unwrap();
            std::fs::remove_file(&lock).unwrap();
        }
    });
    let moved = client.mailbox().move_to(&set(&[1, 2, 3]), &name("target")).await;
    assert!(moved.is_err());
    target.open().directory.moments().clear();
    assert_eq!(files(&fixture.root()), before);
    assert_eq!(client.noop().await, [""; 0]);
    assert_eq!(told.lock()[..], [""; 0]);
    assert_eq!(client.uids(), [1, 2, 3]);
    assert_eq!(files(&fixture.root().join(".target")), [""; 0]);
}

#[tokio::test]
async fn moves_in_both_directions_wait_for_each_other_in_one_order() {
    let fixture = Fixture::new();
    create(&mut fixture.session().await, "a").await.unwrap();
    create(&mut fixture.session().await, "b").await.unwrap();
    let mut clients = Vec::new();
    for (here, there) in [("a", "b"), ("b", "a")] {
        for number in 1..=20 {
            deliver(
                &fixture.root().join(format!(".{here}")),
                &format!("cur/{number}.{here}:2,"),
                "x",
            );
        }
        clients.push((fixture.select(here).await, there));
    }
    let moves = clients.into_iter().map(|(mut client, there)| {
        tokio::spawn(async move {
            for uid in 1..=20 {
                client
                    .mailbox()
                    .move_to(&set(&[uid]), &name(there))
                    .await
                    .unwrap();
            }
        })
    });
    for each in moves.collect::<Vec<_>>() {
        each.await.unwrap();
    }
    for mailbox in [".a", ".b"] {
        assert_eq!(files(&fixture.root().join(mailbox)).len(), 20);
    }
}

/// A name that is made, or opened, while another program is at work on the account's files.
#[tokio::test]
async fn subscribing_and_creating_wait_for_a_foreign_lock_and_block_no_thread() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    for (lock, subscribes) in [("subscriptions.lock", true), ("dovecot-uidvalidity.lock", false)] {
        let lock = fixture.root().join(lock);
        std::fs::write(&lock, "1:elsewhere").unwrap();
        let mut waiter = fixture.session().await;
        let waiting = tokio::spawn(async move {
            match subscribes {
                true => waiter.subscribe(&name("a")).await,
                false => create(&mut waiter, "b").await,
            }
        });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        status(&mut session, "a").await;
        assert!(!waiting.is_finished());
        std::fs::remove_file(&lock).unwrap();
        waiting.await.unwrap().unwrap();
    }
}
