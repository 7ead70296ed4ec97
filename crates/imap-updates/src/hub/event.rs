//! `Event`: one row of a store's change log.

use imap_seq::{ModSeq, Uid};

use crate::{Flags, Origin, Recency};

/// One row of a store's change log: what the store knows of one message as of one version.
#[derive(Clone, Debug)]
pub struct Event {
    pub(super) version: ModSeq,
    pub(super) uid: Uid,
    pub(super) what: What,
    pub(super) recency: Recency,
    pub(super) by: Origin,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Present(Flags),
    Gone,
}

impl Event {
    /// The message is in the mailbox with these flags. Whether it arrived with this version or only changed its flags
    /// the hub finds out: the row of a table does not say.
    pub const fn present(version: ModSeq, uid: Uid, flags: Flags) -> Self {
        Self::new(version, uid, What::Present(flags))
    }

    /// The message was expunged.
    pub const fn gone(version: ModSeq, uid: Uid) -> Self {
        Self::new(version, uid, What::Gone)
    }

    const fn new(version: ModSeq, uid: Uid, what: What) -> Self {
        Self {
            version,
            uid,
            what,
            recency: Recency::NotRecent,
            by: Origin::EXTERNAL,
        }
    }

    /// [`Recency::Recent`] when the store says that nobody has claimed the message yet (RFC 3501 section 2.3.2). It
    /// counts when the message arrives; without it a message is not recent.
    #[must_use]
    pub fn recency(self, recency: Recency) -> Self {
        Self { recency, ..self }
    }

    /// Who made the change, for a store whose log has a column for it ([`Origin::to_i64`]). The session of that origin
    /// is not told of the flags, because it told its client itself; an expunge or arrival is told to everybody.
    ///
    /// * All changes of one version are by one maker.
    /// * Whoever changes the row without being a session has to reset the column to 0, or its change is taken for that of
    ///   the last session. An administrator's `UPDATE` does not know the column: let a trigger do it.
    /// * A row of current state may have somebody else's change merged into it, an earlier one that this hub never read. So
    ///   the maker is told all the same, unless every version between the cursor and this one is its own too: by rows of the
    ///   page that name it, or by a [`claim`](crate::LogHub::claim). Versions of which nobody knows (the store numbers all
    ///   its mailboxes together) count as somebody else's; with such a store claim the whole range.
    /// * The log does not say when the maker made the change. If somebody else changed the message too, the maker is told
    ///   how it ended. A claim knows better, and echoes less.
    #[must_use]
    pub fn by(self, maker: Origin) -> Self {
        Self { by: maker, ..self }
    }
}
