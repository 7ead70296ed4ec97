//! A second lock of the same mailbox by the same thread panics and names the place of the first.
//!
//! Red on the first version: two `hub.lock()` in one statement waited for each other for ever, in silence.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use imap_updates::{Access, Ingest, MailboxHub, Recency, kind};

use crate::support::desk::release;
use crate::support::uid;

fn mailbox() -> MailboxHub<u8> {
    MailboxHub::new(0, [1].map(uid).into_iter().collect()).unwrap()
}

/// What the panic says.
fn refusal<T>(work: impl FnOnce() -> T) -> String {
    let refused = catch_unwind(AssertUnwindSafe(work)).err().expect("a panic");
    *refused.downcast::<String>().expect("a message")
}

/// The message names this file and the line of the first lock, and the line of the second.
fn names(message: &str, first: u32, second: u32) {
    for line in [first, second] {
        assert!(
            message.contains(&format!("second_lock.rs:{line}:")),
            "{line}: {message}"
        );
    }
}

#[test]
fn a_guard_in_a_guard_names_both_places() {
    let hub = mailbox();
    let guard = hub.lock();
    let first = line!() - 1;
    names(&refusal(|| drop(hub.lock())), first, line!());
    names(
        &refusal(|| hub.subscribe_with(Access::ReadOnly, |_, _| ())),
        first,
        line!() - 2,
    );
    drop(guard);
    // Nothing is left of it.
    assert_eq!(hub.lock().arrive(uid(2), Recency::NotRecent), Ingest::Applied);
}

#[test]
fn a_reader_of_the_same_thread_panics_once_the_guard_has_published() {
    let hub = mailbox();
    let mut session = hub.subscribe(Access::ReadOnly);
    let mut watch = hub.watch();
    let mut guard = hub.lock();
    let first = line!() - 1;
    // Before that it holds the storage alone: nobody waits for anybody.
    assert_eq!(hub.subscribe(Access::ReadOnly).exists(), 1);
    assert_eq!(session.view().exists(), 1);
    assert_eq!(guard.arrive(uid(2), Recency::NotRecent), Ingest::Applied);
    let _command = session.begin(kind::Noop);
    names(&refusal(|| session.view().exists()), first, line!());
    names(&refusal(|| watch.status()), first, line!());
    names(&refusal(|| hub.subscribe(Access::ReadOnly)), first, line!());
    names(&refusal(|| hub.lock().len()), first, line!());
    let message = refusal(|| release(&mut session, kind::Noop));
    assert!(message.contains("Drop the guard first"), "{message}");
    drop(guard);
}

/// A session may be dropped under a guard: it takes no lock that it does not get at once.
#[test]
fn a_session_that_leaves_under_a_guard_is_no_second_lock() {
    let hub = mailbox();
    let session = hub.subscribe(Access::ReadOnly);
    let mut guard = hub.lock();
    assert_eq!(guard.arrive(uid(2), Recency::NotRecent), Ingest::Applied);
    drop(session);
    drop(guard);
    assert_eq!(hub.subscribe(Access::ReadOnly).exists(), 2);
}

#[test]
fn the_locks_of_two_mailboxes_are_two() {
    let (one, other) = (mailbox(), mailbox());
    let (mut one, mut other) = (one.lock(), other.lock());
    assert_eq!(one.arrive(uid(2), Recency::NotRecent), Ingest::Applied);
    assert_eq!(other.arrive(uid(2), Recency::NotRecent), Ingest::Applied);
}

/// A thread that panics under a guard forgets that it had it.
#[test]
fn a_panic_under_a_guard_leaves_no_trace() {
    let hub = mailbox();
    let message = refusal(|| {
        let mut guard = hub.lock();
        assert_eq!(guard.arrive(uid(2), Recency::NotRecent), Ingest::Applied);
        panic!("{}", "the backend's own fault")
    });
    assert_eq!(message, "the backend's own fault");
    assert_eq!(hub.lock().len(), 2);
}
