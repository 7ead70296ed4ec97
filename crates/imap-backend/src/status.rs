//! STATUS: the figures of a mailbox that is not selected (RFC 9051, section 6.3.11).

use imap_seq::{ModSeq, Uid, UidValidity};

/// Which figures [`Session::status`](crate::Session::status) is asked for. UIDVALIDITY is always answered.
///
/// Answering more is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusQuery(u16);

impl StatusQuery {
    /// MESSAGES.
    pub const MESSAGES: Self = Self(1);
    /// UIDNEXT.
    pub const UID_NEXT: Self = Self(1 << 1);
    /// UNSEEN.
    pub const UNSEEN: Self = Self(1 << 2);
    /// RECENT (RFC 3501, section 6.3.10).
    pub const RECENT: Self = Self(1 << 3);
    /// HIGHESTMODSEQ (RFC 7162, section 3.1.7).
    pub const HIGHEST_MODSEQ: Self = Self(1 << 4);
    /// The figures that every backend has: all but HIGHESTMODSEQ.
    pub const ALL: Self = Self(1 | 1 << 1 | 1 << 2 | 1 << 3);

    /// UIDVALIDITY only.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `other` is asked for.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The figures of a mailbox.
///
/// They never run ahead of what a session of the mailbox can be told: a client that sees a larger UIDNEXT or
/// HIGHESTMODSEQ than its session will reach misses what lies between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    uid_validity: UidValidity,
    messages: u32,
    uid_next: Option<Uid>,
    recent: u32,
    unseen: u32,
    highest_modseq: Option<ModSeq>,
}

impl Status {
    /// A mailbox without messages; the figures are added as asked.
    #[must_use]
    pub const fn new(uid_validity: UidValidity) -> Self {
        Self {
            uid_validity,
            messages: 0,
            uid_next: None,
            recent: 0,
            unseen: 0,
            highest_modseq: None,
        }
    }

    /// With so many messages.
    #[must_use]
    pub const fn with_messages(mut self, messages: u32) -> Self {
        self.messages = messages;
        self
    }

    /// With the UID that the next message gets at the earliest; none when UIDs are used up.
    #[must_use]
    pub const fn with_uid_next(mut self, uid_next: Option<Uid>) -> Self {
        self.uid_next = uid_next;
        self
    }

    /// With so many messages that have `\Recent`; asking does not take the flag away.
    #[must_use]
    pub const fn with_recent(mut self, recent: u32) -> Self {
        self.recent = recent;
        self
    }

    /// With so many messages without `\Seen`.
    #[must_use]
    pub const fn with_unseen(mut self, unseen: u32) -> Self {
        self.unseen = unseen;
        self
    }

    /// With the highest mod-sequence.
    #[must_use]
    pub const fn with_highest_modseq(mut self, modseq: ModSeq) -> Self {
        self.highest_modseq = Some(modseq);
        self
    }

    /// UIDVALIDITY.
    #[must_use]
    pub const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// MESSAGES.
    #[must_use]
    pub const fn messages(&self) -> u32 {
        self.messages
    }

    /// UIDNEXT; none when UIDs are used up.
    #[must_use]
    pub const fn uid_next(&self) -> Option<Uid> {
        self.uid_next
    }

    /// RECENT.
    #[must_use]
    pub const fn recent(&self) -> u32 {
        self.recent
    }

    /// UNSEEN.
    #[must_use]
    pub const fn unseen(&self) -> u32 {
        self.unseen
    }

    /// HIGHESTMODSEQ; none where mod-sequences are not kept.
    #[must_use]
    pub const fn highest_modseq(&self) -> Option<ModSeq> {
        self.highest_modseq
    }
}
