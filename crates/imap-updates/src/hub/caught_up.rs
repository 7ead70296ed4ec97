//! What became of a read of the log.

use imap_seq::{ModSeq, UidSet};

use super::applied::Applied;

/// Up to where a hub has read its store's log, and what the store did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaughtUp {
    cursor: ModSeq,
    hidden: UidSet,
    reused: UidSet,
}

impl CaughtUp {
    pub(super) fn at(cursor: ModSeq) -> Self {
        Self {
            cursor,
            hidden: UidSet::new(),
            reused: UidSet::new(),
        }
    }

    pub(super) fn with_cursor(self, cursor: ModSeq) -> Self {
        Self { cursor, ..self }
    }

    pub(super) fn note(&mut self, applied: &Applied) {
        self.hidden = self.hidden.union(&applied.hidden);
        self.reused = self.reused.union(&applied.reused);
    }

    /// Up to which version everything was told.
    pub const fn cursor(&self) -> ModSeq {
        self.cursor
    }

    /// Messages among those that this call read that cannot be shown while a session is open; see
    /// [`Applied::hidden`]. Empty if somebody else read; all of them are [`LogHub::hidden`](crate::LogHub::hidden).
    pub const fn hidden(&self) -> &UidSet {
        &self.hidden
    }

    /// Messages among those that this call read that are never shown, because their UIDs were used before; see
    /// [`Applied::reused`]. Empty if somebody else read.
    pub const fn reused(&self) -> &UidSet {
        &self.reused
    }
}
