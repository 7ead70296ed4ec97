//! The level-triggered wake: a version that only grows, and the sleepers who wait for it to grow.
//!
//! Nothing here waits for the history's lock, so that a session in IDLE can go to sleep while somebody publishes.

use std::collections::HashMap;
use std::task::Waker;

use crate::sync::{AtomicU64, AtomicUsize, Mutex, Ordering, fence};

/// What a mailbox's sessions watch. The version is raised under the history's lock and read without it.
#[derive(Debug)]
pub(crate) struct Signal {
    version: AtomicU64,
    /// Number of entries in `sleepers`, so that a change without sleepers takes no second lock.
    sleeping: AtomicUsize,
    sleepers: Mutex<HashMap<u64, Waker>>,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self {
            version: AtomicU64::new(0),
            sleeping: AtomicUsize::new(0),
            sleepers: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Says that something changed. Call it under the history's lock, and [`wake`](Self::wake) after it.
    pub(crate) fn raise(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Wakes whoever sleeps. Call it without any lock: a waker may run the sleeper at once.
    pub(crate) fn wake(&self) {
        // Pairs with the fence in `sleep`: either we see the sleeper here, or it sees the new version there.
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) == 0 {
            return;
        }
        let sleepers = {
            let mut sleepers = self.sleepers.lock();
            self.sleeping.store(0, Ordering::Relaxed);
            std::mem::take(&mut *sleepers)
        };
        sleepers.into_values().for_each(Waker::wake);
    }

    /// Leaves `waker` to be woken at the next change, in place of an earlier one of the same session. Look at the
    /// version again afterwards.
    pub(crate) fn sleep(&self, session: u64, waker: &Waker) {
        {
            let mut sleepers = self.sleepers.lock();
            sleepers
                .entry(session)
                .and_modify(|known| known.clone_from(waker))
                .or_insert_with(|| waker.clone());
            self.sleeping.store(sleepers.len(), Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
    }

    /// Forgets a session that is leaving.
    pub(crate) fn forget(&self, session: u64) {
        let mut sleepers = self.sleepers.lock();
        sleepers.remove(&session);
        self.sleeping.store(sleepers.len(), Ordering::Relaxed);
    }
}
