//! Small enumerations that say in words what a `bool` would hide.

use std::fmt;

/// How a session opened its mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// EXAMINE: nothing that the session does changes the mailbox, and it takes `\Recent` from nobody.
    ReadOnly,
    /// SELECT.
    ReadWrite,
}

/// Whether a message is `\Recent`: this session is the first that was told of it (RFC 3501 section 2.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recency {
    /// `\Recent`.
    Recent,
    /// Some session has been told of it before.
    NotRecent,
}

/// Who made a change: one session, or something that is no session of this hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(pub(crate) u64);

impl Origin {
    /// Delivery, another process, another node, an administrator: every session is told.
    pub const EXTERNAL: Self = Self(0);
}

/// Whether the session that made a flag change is told of it like everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Echo {
    /// The next drain reports it to its maker as well.
    Tell,
    /// The maker knows: its STORE handler writes the FETCH itself, or the client asked for `.SILENT`.
    Silent,
}

/// Why a mailbox takes no changes any more, or why a session's buffer gives none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closed {
    /// The mailbox was deleted while it was selected.
    Deleted,
    /// The mailbox has a new UIDVALIDITY: all UIDs of this selection are void.
    UidValidityChanged,
    /// A drain of this session was dropped before [`written`](crate::UpdateBuffer::written): nobody knows how
    /// much the client has seen, so the connection has to end.
    NotWritten,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "the mailbox was deleted",
            Self::UidValidityChanged => "the mailbox has a new UIDVALIDITY",
            Self::NotWritten => "updates were taken and not written",
        })
    }
}

/// What a hub did with a change that it was given. Nothing panics; every case is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Ingest {
    /// It was new and is now part of the history.
    Applied,
    /// It was known already: nothing changed.
    Duplicate,
    /// It is about a UID that is not in the mailbox: nothing changed.
    Unknown,
    /// It comes after a later change that sessions may have been told of. A late message is hidden until no
    /// session is left; late flags are dropped: read the message's flags again and publish those.
    Late,
    /// A message arrived with the UID of an expunged one: the store breaks RFC 9051 section 2.3.1.1.
    Reused,
    /// The mailbox is [`Closed`]: nothing changed.
    Closed,
}
