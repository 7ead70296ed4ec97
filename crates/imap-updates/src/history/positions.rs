//! Where the sessions of a mailbox stand in its history, so that the history knows what nobody needs any more.

use std::sync::Arc;

use crate::sync::{AtomicU64, AtomicUsize, Mutex, Ordering};

/// A place in a mailbox's history: the number of critical sections that changed it so far.
pub(crate) type Position = u64;

/// What a session that left has for a position: it needs nothing.
const LEFT: Position = Position::MAX;

/// The positions of all sessions. A session moves its own with one store; who wants to know the oldest looks at all,
/// which the history does no more often than once in as many changes as there are sessions.
#[derive(Debug)]
pub(crate) struct Positions {
    slots: Mutex<Vec<Arc<AtomicU64>>>,
    count: AtomicUsize,
}

/// One session's own position, where the history can see it. Leave with [`Positions::leave`].
#[derive(Debug)]
pub(crate) struct Bookmark(Arc<AtomicU64>);

impl Bookmark {
    /// Moves on. Called under the history's lock, as `oldest` is.
    pub(crate) fn advance(&self, to: Position) {
        self.0.store(to, Ordering::Relaxed);
    }
}

impl Positions {
    pub(crate) fn new() -> Self {
        Self {
            slots: Mutex::new(Vec::new()),
            count: AtomicUsize::new(0),
        }
    }

    pub(crate) fn join(&self, at: Position) -> Bookmark {
        let bookmark = Arc::new(AtomicU64::new(at));
        let mut slots = self.slots.lock();
        // Room for one more is a good moment to forget those who left: amortised O(1).
        if slots.len() == slots.capacity() {
            slots.retain(|slot| slot.load(Ordering::Relaxed) != LEFT);
        }
        slots.push(Arc::clone(&bookmark));
        self.count.fetch_add(1, Ordering::AcqRel);
        Bookmark(bookmark)
    }

    /// Returns whether nobody is left.
    pub(crate) fn leave(&self, bookmark: &Bookmark) -> bool {
        bookmark.0.store(LEFT, Ordering::Relaxed);
        self.count.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// The position of the session that lags most; `LEFT` without sessions.
    pub(crate) fn oldest(&self) -> Position {
        let mut slots = self.slots.lock();
        let mut oldest = LEFT;
        slots.retain(|slot| {
            let at = slot.load(Ordering::Relaxed);
            oldest = oldest.min(at);
            at != LEFT
        });
        oldest
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}
