//! What became of a page.

use imap_seq::{ModSeq, UidSet};

/// What a [`LogHub`](crate::LogHub) did with a page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a page that waits, or was dropped, needs what comes before it"]
pub struct Applied {
    pub(super) outcome: Outcome,
    pub(super) cursor: ModSeq,
    pub(super) read_after: Option<ModSeq>,
    pub(super) hidden: UidSet,
    pub(super) reused: UidSet,
}

/// What became of a page as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The cursor moved: the page was told, and perhaps others that had waited for it.
    Moved,
    /// The hub knew all of it.
    NothingNew,
    /// It waits: a page before it was not read yet, or the rest of the log after it.
    Waiting,
    /// It was dropped, because more is waiting than [`Limits::with_waiting_events`](crate::Limits::with_waiting_events)
    /// allows. It has to be read again.
    Dropped,
    /// The mailbox is [`Closed`](crate::Closed).
    Closed,
}

impl Applied {
    /// What became of the page.
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Up to which version everything was told.
    pub const fn cursor(&self) -> ModSeq {
        self.cursor
    }

    /// If something is missing: after which version to read on. Read a whole listing if the log no longer reaches back
    /// so far.
    pub const fn read_after(&self) -> Option<ModSeq> {
        self.read_after
    }

    /// Messages that cannot be shown while a session is open, because one with a higher UID was told before: the store
    /// gave out their UIDs in another order than it committed them (RFC 9051 section 2.3.1.1 wants one order).
    pub const fn hidden(&self) -> &UidSet {
        &self.hidden
    }

    /// Messages that are never shown: their UIDs belonged to expunged messages, and UIDs are used once (RFC 9051 section
    /// 2.3.1.1).
    pub const fn reused(&self) -> &UidSet {
        &self.reused
    }
}
