//! A guard that is held across a slow commit delays nobody who only wants to be told.
//!
//! Red on the first version: one APPEND waited for a lock of its database under the guard, and a NOOP in *another*
//! mailbox took six seconds, because the drains of this one had blocked all threads of the runtime.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc;

use imap_updates::{Access, Ingest, MailboxHub, Recency, kind};

use crate::support::desk::{SILENCE, release};
use crate::support::{PATIENCE, uid};

fn mailbox() -> MailboxHub<Vec<u32>> {
    MailboxHub::new(vec![1], [1].map(uid).into_iter().collect()).unwrap()
}

/// If a drain waited for the guard, nobody would tell the committing thread to go on: it fails when its patience ends.
#[test]
fn a_guard_held_across_a_commit_delays_no_drain_and_no_view_and_no_other_mailbox() {
    let (hub, other) = (mailbox(), mailbox());
    let mut session = hub.subscribe(Access::ReadWrite);
    assert_eq!(hub.lock().arrive(uid(2), Recency::NotRecent), Ingest::Applied);
    let (begun, begin) = mpsc::channel();
    let (finish, finished) = mpsc::channel();
    std::thread::scope(|scope| {
        let hub = &hub;
        let committing = scope.spawn(move || {
            let mut guard = hub.lock();
            let modseq = guard.modseq();
            guard.push(3);
            assert_eq!((guard.len(), guard.contains(uid(2))), (2, true));
            begun.send(()).unwrap();
            finished.recv_timeout(PATIENCE).unwrap(); // the disk
            assert_eq!(guard.arrive(uid(3), Recency::NotRecent), Ingest::Applied);
            modseq
        });
        begin.recv_timeout(PATIENCE).unwrap();
        // The commit is under way. What was published before is told, and nothing of what is not.
        assert_eq!(release(&mut session, kind::Noop), ["2 EXISTS"]);
        let before = session.highest_modseq();
        assert_eq!(session.view().exists(), 2);
        assert_eq!(hub.subscribe(Access::ReadOnly).exists(), 2);
        assert_eq!(hub.watch().status().messages, 2);
        let mut elsewhere = other.subscribe(Access::ReadOnly);
        assert_eq!(other.lock().arrive(uid(2), Recency::NotRecent), Ingest::Applied);
        assert_eq!(release(&mut elsewhere, kind::Noop), ["2 EXISTS"]);
        assert_eq!(release(&mut session, kind::Noop), SILENCE);
        finish.send(()).unwrap();
        let modseq = committing.join().unwrap();
        assert!(modseq > before, "the number of a commit under way was told");
        assert_eq!(release(&mut session, kind::Noop), ["3 EXISTS"]);
        assert_eq!(session.highest_modseq(), modseq);
    });
}

/// SELECT reads the storage, so it waits for whoever changes it, and has either nothing of the change or all.
#[test]
fn select_sees_storage_and_history_of_one_moment() {
    let hub = mailbox();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 2..500 {
                let mut guard = hub.lock();
                guard.push(number);
                std::thread::yield_now();
                assert_eq!(guard.arrive(uid(number), Recency::NotRecent), Ingest::Applied);
            }
        });
        for _ in 0..500 {
            let (session, stored) = hub.subscribe_with(Access::ReadOnly, |stored, _| stored.len());
            assert_eq!(session.exists() as usize, stored);
        }
    });
}

/// All that is published through one guard is one step, also for a reader that comes between two publications.
#[test]
fn a_reader_has_all_changes_of_a_guard_or_none() {
    let hub = mailbox();
    let mut session = hub.subscribe(Access::ReadOnly);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for pair in 1..300 {
                let mut guard = hub.lock();
                for number in [2 * pair, 2 * pair + 1] {
                    assert_eq!(guard.arrive(uid(number), Recency::NotRecent), Ingest::Applied);
                    std::thread::yield_now();
                }
            }
        });
        for _ in 0..300 {
            release(&mut session, kind::Noop);
            assert_eq!(session.exists() % 2, 1);
        }
    });
}
