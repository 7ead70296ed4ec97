//! COPY and MOVE: where messages went (RFC 4315, section 3).

use imap_seq::{Uid, UidSet, UidValidity};

/// Where copied or moved messages went: the COPYUID response code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    uid_validity: UidValidity,
    from: UidSet,
    to: UidSet,
}

impl Copied {
    /// The messages went to a mailbox of this UIDVALIDITY: pairs of a UID here and its UID there, the smaller UID here
    /// to the smaller there.
    #[must_use]
    pub fn new(uid_validity: UidValidity, pairs: impl IntoIterator<Item = (Uid, Uid)>) -> Self {
        let (from, to) = pairs.into_iter().unzip();
        Self {
            uid_validity,
            from,
            to,
        }
    }

    /// UIDVALIDITY of the target.
    #[must_use]
    pub const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// The UIDs that were copied.
    #[must_use]
    pub const fn from(&self) -> &UidSet {
        &self.from
    }

    /// Their UIDs in the target, in the same ascending order.
    #[must_use]
    pub const fn to(&self) -> &UidSet {
        &self.to
    }
}
