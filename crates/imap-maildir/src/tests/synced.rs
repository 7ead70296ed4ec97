//! A sync that fails: the client is told, nothing counts as durable for having been tried, and what is shown is what is there.

use std::sync::atomic::{AtomicBool, Ordering};

use imap_backend::ErrorKind;

use super::together::fail_at;
use super::*;
use crate::disk::interference::Moment;
use crate::disk::storage::recording::{Recorder, Step};
use crate::disk::storage::{self, CWD, Call, OpenFor, change::Scope};

async fn with_messages(count: u32) -> (Fixture, Client) {
    let fixture = Fixture::new();
    for number in 1..=count {
        deliver(&fixture.root(), &format!("cur/{number:03}.a:2,"), "x\r\n");
    }
    let client = fixture.select("INBOX").await;
    (fixture, client)
}

/// How many directories are synced meanwhile.
async fn syncs<T>(fixture: &Fixture, work: impl Future<Output = T>) -> (usize, T) {
    let recorder = Recorder::start(&fixture.root());
    let done = work.await;
    let is_sync = |step: &&Step| {
        matches!(
            step,
            Step::Synced {
                scope: Scope::Names,
                ..
            }
        )
    };
    (recorder.finish().steps.iter().filter(is_sync).count(), done)
}

/// What a client sees that selects the mailbox in another process is what this one sees.
async fn check(fixture: Fixture, mut client: Client) {
    client.noop().await;
    let here = client.uids();
    let mut flags = Vec::new();
    for &uid in &here {
        flags.push(client.flags(uid).await);
    }
    drop(client);
    let mut client = fixture.restarted().select("INBOX").await;
    assert_eq!(client.uids(), here);
    for (uid, flags) in here.into_iter().zip(flags) {
        let there = client.flags(uid).await;
        assert_eq!(there.replace("\\Recent", ""), flags.replace("\\Recent", ""));
    }
}

#[tokio::test]
async fn a_store_whose_sync_fails_says_no_and_the_same_again_syncs() {
    let (fixture, mut client) = with_messages(2).await;
    fail_at(&client.open(), Moment::BeforeRename, 1, Call::Sync);
    let failed = client.store(&[1, 2], FlagAction::Add, "\\Seen").await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::OverQuota);
    client.open().directory.moments().clear();
    let (syncs, again) = syncs(&fixture, client.store(&[1, 2], FlagAction::Add, "\\Seen")).await;
    again.unwrap();
    assert_eq!(
        syncs, 2,
        "the names were there already, and nobody has synced them"
    );
    assert!(client.flags(1).await.contains("\\Seen"));
    check(fixture, client).await;
}

#[tokio::test]
async fn an_expunge_whose_sync_fails_says_no_and_the_next_syncs() {
    let (fixture, mut client) = with_messages(3).await;
    client.store(&[1, 3], FlagAction::Add, "\\Deleted").await.unwrap();
    fail_at(&client.open(), Moment::BeforeRename, 1, Call::Sync);
    let failed = client.mailbox().expunge(&set(&[1, 2, 3])).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::OverQuota);
    client.open().directory.moments().clear();
    client.noop().await;
    assert_eq!(client.uids(), [2], "what is gone is gone");
    let (made, again) = syncs(&fixture, client.mailbox().expunge(&set(&[2]))).await;
    again.unwrap();
    assert_eq!(made, 2, "nothing to remove, and what was removed is not durable");
    let (made, again) = syncs(&fixture, client.mailbox().expunge(&set(&[2]))).await;
    again.unwrap();
    assert_eq!(made, 0);
    check(fixture, client).await;
}

#[tokio::test]
async fn an_append_whose_sync_fails_leaves_nothing_and_no_uid_twice() {
    for (at, call) in [
        (Moment::Written, Call::Sync),
        (Moment::Placed, Call::Sync),
        (Moment::PlacedDurably, Call::Sync),
        (Moment::PlacedDurably, Call::Write),
    ] {
        let (fixture, client) = with_messages(1).await;
        let mut session = fixture.session().await;
        fail_at(&client.open(), at, 0, call);
        let failed = append(&mut session, "INBOX", "lost\r\n", "\\Seen").await;
        assert_eq!(
            failed.unwrap_err().kind(),
            ErrorKind::OverQuota,
            "{at:?} {call:?}"
        );
        client.open().directory.moments().clear();
        assert_eq!(files(&fixture.root()).len(), 1, "{at:?} {call:?}");
        let uid = append(&mut session, "INBOX", "kept\r\n", "\\Seen").await.unwrap();
        assert!(uid >= 2, "{at:?} {call:?}");
        check(fixture, client).await;
    }
}

/// Parts are of 64 messages here.
#[tokio::test]
async fn a_store_ends_with_a_part_that_could_not_be_made_durable() {
    let (fixture, mut client) = with_messages(130).await;
    let all: Vec<u32> = (1..=130).collect();
    fail_at(&client.open(), Moment::BeforeRename, 63, Call::Sync);
    assert!(client.store(&all, FlagAction::Add, "\\Seen").await.is_err());
    client.open().directory.moments().clear();
    assert_eq!(seen(&fixture), 64);
    check(fixture, client).await;
}

#[tokio::test]
async fn a_store_ends_with_a_part_that_could_not_be_published() {
    let (fixture, mut client) = with_messages(130).await;
    let all: Vec<u32> = (1..=130).collect();
    client.store(&[1], FlagAction::Add, "\\Flagged").await.unwrap();
    // Another process locks the mod-sequences when the first file is about to be renamed, and is stopped.
    let numbers = storage::open_file(CWD, &*fixture.root().join("imap-modseqs"), OpenFor::Reading).unwrap();
    let numbers = Arc::new(numbers);
    let (lock, is_locked) = (Arc::clone(&numbers), AtomicBool::new(false));
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::BeforeRename && !is_locked.swap(true, Ordering::SeqCst) {
            assert!(lock.try_lock().unwrap());
        }
    });
    let failed = client.store(&all, FlagAction::Add, "\\Seen").await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::InUse);
    client.open().directory.moments().clear();
    numbers.unlock();
    assert_eq!(seen(&fixture), 64, "the second part was left alone");
    check(fixture, client).await;
}

fn seen(fixture: &Fixture) -> usize {
    let files = files(&fixture.root());
    files.iter().filter(|file| file.ends_with('S')).count()
}

/// The mod-sequences of a mailbox, locked by another process that was stopped.
fn lock_numbers(mailbox: &Path) -> storage::StoredFile {
    let numbers = storage::open_file(CWD, &*mailbox.join("imap-modseqs"), OpenFor::Reading).unwrap();
    assert!(numbers.try_lock().unwrap());
    numbers
}

/// RFC 9051, section 6.3.12: what is answered with NO is not in the mailbox, or a client that tries again has it twice.
#[tokio::test]
async fn s6_3_12_an_append_that_is_kept_is_answered_with_ok_though_it_has_no_mod_sequence_yet() {
    let (fixture, mut client) = with_messages(1).await;
    client.store(&[1], FlagAction::Add, "\\Flagged").await.unwrap();
    client.noop().await;
    let highest = client.updates().highest_modseq();
    let mut session = fixture.session().await;
    let numbers = lock_numbers(&fixture.root());
    let uid = append(&mut session, "INBOX", "once\r\n", "\\Seen").await.unwrap();
    assert_eq!(files(&fixture.root()).len(), 2);
    // Nobody is told of it before it has one.
    assert!(client.mailbox().poll(PollReason::Asked).await.is_err());
    numbers.unlock();
    client.noop().await;
    assert_eq!(client.uids(), [1, uid]);
    let highest_now = client.updates().highest_modseq();
    assert!(highest_now > highest);
    let view = client.updates().view().clone();
    let changed = client.mailbox().changed_since(highest, &view).await.unwrap();
    assert_eq!(changed, set(&[uid]));
    check(fixture, client).await;
}

#[tokio::test]
async fn s6_4_7_a_copy_that_is_kept_is_answered_with_ok_though_it_has_no_mod_sequence_yet() {
    let (fixture, mut client) = with_messages(2).await;
    let mut session = fixture.session().await;
    create(&mut session, "target").await.unwrap();
    append(&mut session, "target", "first\r\n", "").await.unwrap();
    let target = fixture.root().join(".target");
    let numbers = lock_numbers(&target);
    let copied = client
        .mailbox()
        .copy(&set(&[1, 2]), &name("target"))
        .await
        .unwrap();
    numbers.unlock();
    assert_eq!(copied.to(), &set(&[2, 3]));
    assert_eq!(files(&target).len(), 3);
    assert_eq!(fixture.select("target").await.uids(), [1, 2, 3]);
    check(fixture, client).await;
}

/// RFC 6851, section 3.3: a message that was moved is answered as moved.
#[tokio::test]
async fn rfc6851_s3_3_a_move_that_is_done_is_answered_with_ok_whichever_mailbox_cannot_be_numbered() {
    for locked in ["", ".target"] {
        let (fixture, mut client) = with_messages(2).await;
        let mut session = fixture.session().await;
        create(&mut session, "target").await.unwrap();
        append(&mut session, "target", "first\r\n", "").await.unwrap();
        let target = fixture.root().join(".target");
        let numbers = lock_numbers(&fixture.root().join(locked));
        let moved = client
            .mailbox()
            .move_to(&set(&[1]), &name("target"))
            .await
            .unwrap();
        numbers.unlock();
        assert_eq!((moved.from(), moved.to()), (&set(&[1]), &set(&[2])), "{locked}");
        assert_eq!(files(&target).len(), 2, "{locked}");
        client.noop().await;
        assert_eq!(client.uids(), [2], "{locked}");
        assert_eq!(fixture.select("target").await.uids(), [1, 2], "{locked}");
        check(fixture, client).await;
    }
}
