//! Several threads append and expunge, and report in whatever order they come to it, while others list and a session
//! drains: nothing is hidden, and at rest everybody agrees.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use imap_poller::{Absence, Begun, Listing, MailboxPoller, Pace, Reason, Told};
use imap_updates::{Access, Flags, Recency};

use crate::support::*;

const APPENDING: usize = 3;
const EACH: u32 = 300;

/// UIDs, and UIDNEXT: allocated and committed in one step.
#[derive(Default)]
struct Store(Mutex<(Vec<u32>, u32)>);

impl Store {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<u32>, &mut u32) -> T) -> T {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (messages, last) = &mut *state;
        work(messages, last)
    }

    fn append(&self) -> u32 {
        self.with(|messages, last| {
            *last += 1;
            messages.push(*last);
            *last
        })
    }

    fn list(&self) -> Listing {
        self.with(|messages, last| plain(messages).with_uid_next(Some(uid(*last + 1))))
    }
}

/// One thread less is at work, also if it panics.
struct Done<'w>(&'w AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn threads_that_report_in_any_order_hide_nothing() {
    let store = Store::default();
    let poller = MailboxPoller::open(store.list(), Absence::IsProof, Pace::default()).unwrap();
    let working = AtomicUsize::new(APPENDING);
    thread::scope(|scope| {
        for _ in 0..APPENDING {
            scope.spawn(|| {
                let _done = Done(&working);
                for _ in 0..EACH {
                    let number = store.append();
                    // Another program's message: nobody reports it.
                    store.append();
                    let _later = poller.appended(uid(number), Flags::empty(), Recency::Recent);
                    if number % 5 == 0 {
                        store.with(|messages, _| messages.retain(|other| *other != number));
                        let _later = poller.expunged(&uids(&[number]));
                    }
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while working.load(Ordering::Relaxed) > 0 {
                    if let Begun::Ask(request) = poller.begin(Reason::Asked, seconds(0)) {
                        let completed = request.complete(store.list(), seconds(0));
                        assert_eq!((completed.hidden.len(), completed.reused.len()), (0, 0));
                    }
                    thread::yield_now();
                }
            });
        }
        scope.spawn(|| {
            let mut session = poller.select(Access::ReadWrite).updates;
            while working.load(Ordering::Relaxed) > 0 {
                noop(&mut session);
                thread::yield_now();
            }
        });
    });
    let mut session = poller.select(Access::ReadOnly).updates;
    let completed = list(&poller, store.list(), 0);
    assert_eq!((completed.hidden.len(), completed.reused.len()), (0, 0));
    noop(&mut session);
    store.with(|messages, _| assert_eq!(numbered(&mut session), *messages));
    assert_eq!(poller.expunged(&uids(&[])), Told::Now);
}
