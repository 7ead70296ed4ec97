//! Which locks of which mailboxes this thread holds, and where it took them.
//!
//! The locks are not reentrant: a thread that takes one twice would wait for itself, for ever and in silence. With this
//! list it panics instead and names the place of the first lock. The list is short: a thread holds the two locks of one
//! mailbox, rarely of two.

use std::cell::RefCell;
use std::panic::Location;

/// Which of a mailbox's two locks. The storage's is outside: it is taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Storage,
    History,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    mailbox: usize,
    lock: Lock,
    place: &'static Location<'static>,
}

// loom's threads are not the system's: they have a list of their own.
#[cfg(not(loom))]
std::thread_local! {
    static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
}

#[cfg(loom)]
loom::thread_local! {
    static HELD: RefCell<Vec<Held>> = RefCell::new(Vec::new());
}

/// While it lives, the list says that this thread has the lock. Made before the lock is taken.
#[derive(Debug)]
pub(crate) struct Holding {
    mailbox: usize,
    lock: Lock,
}

impl Holding {
    /// `mailbox` is the address of what the two locks have in common.
    ///
    /// # Panics
    ///
    /// If this thread would wait for itself: it has this lock already, or has the history's and wants the storage's,
    /// which is taken first everywhere else.
    pub(crate) fn begin(mailbox: usize, lock: Lock, place: &'static Location<'static>) -> Self {
        let first = with(|held| {
            let conflict = |other: &&Held| {
                other.mailbox == mailbox && (other.lock == lock || other.lock == Lock::History)
            };
            let first = held.iter().find(conflict).copied();
            if first.is_none() {
                held.push(Held { mailbox, lock, place });
            }
            first
        });
        if let Some(Some(first)) = first {
            refuse(first, place);
        }
        Self { mailbox, lock }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        with(|held| {
            let mine = |other: &Held| other.mailbox == self.mailbox && other.lock == self.lock;
            if let Some(at) = held.iter().rposition(mine) {
                held.swap_remove(at);
            }
        });
    }
}

/// `None` while the thread ends and its list is gone: then nothing is checked.
#[cfg(not(loom))]
fn with<T>(work: impl FnOnce(&mut Vec<Held>) -> T) -> Option<T> {
    HELD.try_with(|held| work(&mut held.borrow_mut())).ok()
}

#[cfg(loom)]
fn with<T>(work: impl FnOnce(&mut Vec<Held>) -> T) -> Option<T> {
    Some(HELD.with(|held| work(&mut held.borrow_mut())))
}

#[cold]
fn refuse(first: Held, place: &Location<'_>) -> ! {
    panic!(
        "the lock of a mailbox is taken at {place} by a thread that holds it already: it was taken at {}. Drop the \
         guard first, or ask the guard itself",
        first.place
    );
}
