//! `SeqMapper`: one session's place on a mailbox, and the announcements that move it.

use std::fmt;
use std::sync::Arc;

use crate::pending::Pending;
use crate::told::Told;
use crate::{MailboxIndex, SeqNum, Uid, UidSet, View};

/// One session's place on a mailbox: what its client was told. 32 bytes.
///
/// Nothing is copied into it when somebody changes the mailbox; it catches up when its client's next command starts:
///
/// 1. [`sync`](Self::sync) when a command starts: gives the [`View`] that this command lives in.
/// 2. [`announce`](Self::announce) when the command ends: gives what to tell the client, and moves the place.
///
/// Both want the index that [opened](MailboxIndex::open) it, and panic when they meet another one.
///
/// A session that never syncs keeps the log's entries alive since its place, about 4 bytes for each expunge:
/// [`MailboxIndex::unread`] counts them.
pub struct SeqMapper {
    told: Told,
}

impl MailboxIndex {
    /// A session selects the mailbox: it is told of everything that is here now. O(1), no allocation.
    #[must_use]
    pub fn open(&self) -> SeqMapper {
        let told = Told {
            cursor: self.log_end().clone(),
            horizon: self.highest_ever().map_or(0, Uid::get),
            exists: self.len(),
            pending: None,
        };
        SeqMapper { told }
    }

    /// How many log entries a session keeps alive: expunges that it has not read. See [`SeqMapper`].
    #[must_use]
    pub fn unread(&self, session: &SeqMapper) -> u64 {
        self.log_end()
            .position()
            .saturating_sub(session.told.cursor.position())
    }
}

/// Whether the client may be told of expunges now (RFC 9051, section 7.5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Expunges {
    /// No: hold them. They keep their numbers.
    Hold,
    /// Yes.
    Release,
}

impl SeqMapper {
    /// Messages that the client was told of, pending ones included; 0 to 4,294,967,295.
    #[must_use]
    pub fn exists(&self) -> u32 {
        self.told.exists
    }

    /// Expunges that the client was not told of, as of the last [`sync`](Self::sync).
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.told.pending.as_ref().map_or(0, |pending| pending.len())
    }

    /// A command starts: gives the view that it lives in. O(1) when nothing was expunged since the last call, else
    /// O(k log k) for k expunges; sessions at the same place pay that once together.
    ///
    /// No message's number changes: what was expunged is pending, and what arrived is not in the view yet.
    ///
    /// # Panics
    ///
    /// When `index` is not the one that opened this session. It is noticed only where the session's place is not a place
    /// in the log of `index`.
    pub fn sync(&mut self, index: &mut MailboxIndex) -> View {
        index.catch_up(&mut self.told);
        View {
            pending: self.told.pending.clone(),
            horizon: self.told.horizon,
            exists: self.told.exists,
            ..index.view()
        }
    }

    /// Moves the session to what the mailbox is now, as far as `expunges` allows, and gives what its client must be
    /// told for that: first the expunged, then EXISTS.
    ///
    /// Held expunges stay pending while arrivals are announced: EXISTS counts both.
    ///
    /// # Panics
    ///
    /// As [`sync`](Self::sync).
    pub fn announce(&mut self, index: &mut MailboxIndex, expunges: Expunges) -> Announcement {
        // The log must be read before the horizon rises: a message that came and went before this client heard of it is
        // above the old horizon, and would be taken for one that the client knows.
        index.catch_up(&mut self.told);
        let expunged = match expunges {
            Expunges::Hold => None,
            Expunges::Release => self.told.pending.take(),
        };
        self.told.exists -= expunged.as_ref().map_or(0, |pending| pending.len());
        let exists = index.len() + self.pending();
        let mut announcement = Announcement {
            expunged: Expunged { pending: expunged },
            exists: None,
            arrived: None,
        };
        if exists > self.told.exists {
            announcement.exists = Some(exists);
            announcement.arrived = index.arrived_above(self.told.horizon);
            self.told.exists = exists;
        }
        self.told.horizon = index.highest_ever().map_or(0, Uid::get);
        announcement
    }
}

impl fmt::Debug for SeqMapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeqMapper")
            .field("exists", &self.told.exists)
            .field("pending", &self.pending())
            .field("highest_announced", &self.told.horizon)
            .finish_non_exhaustive()
    }
}

/// What a client must be told so that its view is the session's: EXPUNGE responses or one VANISHED, then EXISTS.
#[derive(Clone, Debug)]
#[must_use = "the session's numbering has moved: the client must be told"]
pub struct Announcement {
    expunged: Expunged,
    exists: Option<u32>,
    arrived: Option<(Uid, Uid)>,
}

impl Announcement {
    /// The messages that left the view.
    pub fn expunged(&self) -> &Expunged {
        &self.expunged
    }

    /// The new number of messages, when messages arrived (RFC 9051, section 7.4.1).
    #[must_use]
    pub fn exists(&self) -> Option<u32> {
        self.exists
    }

    /// The first and the last UID of the messages announced as arrived; all UIDs between them are new to the client.
    #[must_use]
    pub fn arrived(&self) -> Option<(Uid, Uid)> {
        self.arrived
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expunged.is_empty() && self.exists.is_none()
    }
}

/// Messages that left a view, in the numbering before they left.
#[derive(Clone, Debug)]
pub struct Expunged {
    pending: Option<Arc<Pending>>,
}

impl Expunged {
    /// The numbers of the EXPUNGE responses, to be sent in this order. Descending, so that none shifts a later one
    /// (RFC 9051, section 7.5.1).
    pub fn descending(&self) -> impl Iterator<Item = SeqNum> {
        self.pending
            .iter()
            .flat_map(|pending| pending.seqs().iter().rev().copied())
            .filter_map(SeqNum::new)
    }

    /// The UIDs, for a VANISHED response (RFC 7162, section 3.2.10).
    #[must_use]
    pub fn uids(&self) -> UidSet {
        self.pending
            .iter()
            .flat_map(|pending| pending.uids().iter().copied())
            .filter_map(Uid::new)
            .collect()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.pending.as_ref().map_or(0, |pending| pending.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_none()
    }
}
