//! Why a session's buffer gives nothing more.

use std::fmt;

use crate::Closed;

/// Why a session's buffer gives nothing more: the connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The mailbox ended, for all its sessions.
    Mailbox(Closed),
    /// A drain of this session was dropped before [`written`](crate::UpdateBuffer::written): nobody knows how much the
    /// client has seen.
    NotWritten,
}

impl Ended {
    /// Why the mailbox ended, if it did.
    pub const fn mailbox(self) -> Option<Closed> {
        match self {
            Self::Mailbox(why) => Some(why),
            Self::NotWritten => None,
        }
    }
}

impl From<Closed> for Ended {
    fn from(why: Closed) -> Self {
        Self::Mailbox(why)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(why) => why.fmt(f),
            Self::NotWritten => f.write_str("updates were taken and not written"),
        }
    }
}
