//! `History`: what the sessions of one mailbox share.

use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::Closed;
use super::positions::Positions;
use super::signal::Signal;
use super::state::State;
use super::thread::{Holding, Lock};
use crate::sync::{AtomicU8, Mutex, MutexGuard, Ordering};

/// The history of one mailbox behind its lock, and beside the lock what is read without it.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) signal: Signal,
    pub(crate) positions: Positions,
    /// A copy of `State::closed` to be read without the lock.
    closed: AtomicU8,
    state: Mutex<State>,
}

/// The history's lock. Held for O(changes), never while a store works.
#[derive(Debug)]
pub(crate) struct HistoryGuard<'h> {
    // Dropped in this order: the thread has the lock for as long as its list says so.
    state: MutexGuard<'h, State>,
    _holding: Holding,
}

impl History {
    pub(crate) fn new(state: State) -> Self {
        Self {
            signal: Signal::new(),
            positions: Positions::new(),
            closed: AtomicU8::new(0),
            state: Mutex::new(state),
        }
    }

    /// Takes the lock.
    ///
    /// # Panics
    ///
    /// If this thread holds it already.
    #[track_caller]
    pub(crate) fn lock(&self) -> HistoryGuard<'_> {
        self.lock_at(Location::caller())
    }

    /// As [`lock`](Self::lock), for the sake of a caller further away.
    pub(crate) fn lock_at(&self, place: &'static Location<'static>) -> HistoryGuard<'_> {
        let holding = self.holding(Lock::History, place);
        HistoryGuard {
            state: self.state.lock(),
            _holding: holding,
        }
    }

    /// Notes that this thread is about to take one of the mailbox's locks.
    ///
    /// # Panics
    ///
    /// If it would wait for itself.
    pub(crate) fn holding(&self, lock: Lock, place: &'static Location<'static>) -> Holding {
        Holding::begin(std::ptr::from_ref(self).addr(), lock, place)
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        Closed::from_code(self.closed.load(Ordering::Acquire))
    }

    /// Called under the lock, together with a change of `State::closed`.
    pub(crate) fn set_closed(&self, why: Closed) {
        self.closed.store(why.code(), Ordering::Release);
    }

    /// A session left. If it was the last and nobody is at work, the history goes at once; else the next subscriber or
    /// publisher sees to it.
    pub(crate) fn last_session_left(&self) {
        if let Some(mut state) = self.state.try_lock()
            && self.positions.count() == 0
        {
            state.tidy_without_sessions();
        }
    }
}

impl Deref for HistoryGuard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for HistoryGuard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
