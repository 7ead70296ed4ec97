//! Why a mailbox ended.

use std::fmt;

/// Why a mailbox takes no changes any more: for every session that has it selected, and for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closed {
    /// The mailbox was deleted while it was selected.
    Deleted,
    /// The mailbox has a new UIDVALIDITY: all UIDs of this selection are void.
    UidValidityChanged,
    /// The backend lost what it knew of the mailbox, and not the mailbox: whoever selects it again has it as it is.
    Lost,
}

impl Closed {
    /// For an atomic; 0 is a mailbox that is open.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Deleted => 1,
            Self::UidValidityChanged => 2,
            Self::Lost => 3,
        }
    }

    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Deleted),
            2 => Some(Self::UidValidityChanged),
            3 => Some(Self::Lost),
            _ => None,
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "the mailbox was deleted",
            Self::UidValidityChanged => "the mailbox has a new UIDVALIDITY",
            Self::Lost => "what was known of the mailbox is lost",
        })
    }
}
