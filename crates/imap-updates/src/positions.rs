//! Where the sessions of a mailbox stand in its history, so that the history knows what nobody needs any more.

use std::collections::BTreeMap;

use crate::sync::Mutex;

/// A place in a mailbox's history: the number of critical sections that changed it so far.
pub(crate) type Position = u64;

/// Sessions counted by position. A lock of its own, held for one tree operation, so that a session can leave
/// without waiting for a store that is committing.
#[derive(Debug)]
pub(crate) struct Positions(Mutex<BTreeMap<Position, usize>>);

impl Positions {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(crate) fn join(&self, at: Position) {
        *self.0.lock().entry(at).or_insert(0) += 1;
    }

    pub(crate) fn advance(&self, from: Position, to: Position) {
        if from != to {
            let mut counts = self.0.lock();
            leave(&mut counts, from);
            *counts.entry(to).or_insert(0) += 1;
        }
    }

    /// Returns whether nobody is left.
    pub(crate) fn leave(&self, at: Position) -> bool {
        let mut counts = self.0.lock();
        leave(&mut counts, at);
        counts.is_empty()
    }

    /// The position of the session that lags most, or `None` without sessions.
    pub(crate) fn oldest(&self) -> Option<Position> {
        self.0.lock().keys().next().copied()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().values().sum()
    }
}

fn leave(counts: &mut BTreeMap<Position, usize>, at: Position) {
    if let Some(count) = counts.get_mut(&at) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&at);
        }
    }
}
