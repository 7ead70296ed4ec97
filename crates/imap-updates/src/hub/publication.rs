//! One step of a mailbox's history: taken for the first change, kept to the end, and then the sleepers are woken.

use std::panic::Location;

use crate::history::{History, HistoryGuard, State};

/// Publishes to one mailbox. Until the first change it holds no lock; from then on it holds the history's, so that all
/// its changes are one step for every reader.
#[derive(Debug)]
pub(super) struct Publication<'h> {
    // Dropped in this order: the lock is free before anybody is woken.
    state: Option<HistoryGuard<'h>>,
    history: &'h History,
    /// Where the lock outside the history's was taken, to be named if the thread takes a second one.
    place: &'static Location<'static>,
}

/// Wakes the sleepers when it is dropped, if something was published meanwhile. To be declared before every lock, and so
/// dropped after them.
#[derive(Debug)]
pub(super) struct WakeAfter<'h> {
    history: &'h History,
    seen: u64,
}

impl<'h> WakeAfter<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        Self {
            history,
            seen: history.signal.version(),
        }
    }
}

impl Drop for WakeAfter<'_> {
    fn drop(&mut self) {
        if self.history.signal.version() != self.seen {
            self.history.signal.wake();
        }
    }
}

impl<'h> Publication<'h> {
    pub(super) const fn new(history: &'h History, place: &'static Location<'static>) -> Self {
        Self {
            state: None,
            history,
            place,
        }
    }

    /// Looks at the history, and keeps no lock that it did not hold before.
    pub(super) fn look<T>(&mut self, look: impl FnOnce(&mut State) -> T) -> T {
        match &mut self.state {
            Some(state) => look(state),
            None => look(&mut self.history.lock_at(self.place)),
        }
    }

    /// As [`look`](Self::look), where only a shared reference is at hand.
    pub(super) fn peek<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        match &self.state {
            Some(state) => look(state),
            None => look(&self.history.lock_at(self.place)),
        }
    }

    /// The history, to be changed.
    pub(super) fn change(&mut self) -> &mut State {
        let history = self.history;
        self.state.get_or_insert_with(|| {
            let mut state = history.lock_at(self.place);
            step(history, &mut state);
            state
        })
    }

    /// The history, to be changed if `judge` finds nothing against it; otherwise as after a [`look`](Self::look).
    pub(super) fn change_if<R>(
        &mut self,
        judge: impl FnOnce(&mut State) -> Result<(), R>,
    ) -> Result<&mut State, R> {
        if let Some(state) = &mut self.state {
            judge(state)?;
        } else {
            let mut state = self.history.lock_at(self.place);
            judge(&mut state)?;
            step(self.history, &mut state);
            self.state = Some(state);
        }
        Ok(self.change())
    }
}

/// The first change of a publication: moves the history on and makes the sessions look.
fn step(history: &History, state: &mut State) {
    state.position += 1;
    if state.flags.wants_pruning(history.positions.count()) {
        // Not the present position: its changes are still to come.
        let oldest = history.positions.oldest().min(state.position - 1);
        state.flags.prune(oldest);
    }
    history.signal.raise();
}
