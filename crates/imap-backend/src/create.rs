//! CREATE: what is asked for and what was made (RFC 9051, section 6.3.4).

use crate::object_id::ObjectId;
use crate::special_use::SpecialUse;

/// How a mailbox is to be created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Create {
    special_use: SpecialUse,
}

impl Create {
    /// With these special uses (RFC 6154, section 3).
    #[must_use]
    pub const fn with_special_use(mut self, special_use: SpecialUse) -> Self {
        self.special_use = special_use;
        self
    }

    /// What the mailbox is to be for. The server asks for uses only where the backend has
    /// [`Ability::CreateSpecialUse`](crate::Ability::CreateSpecialUse). Uses that the store cannot give are
    /// [`ErrorKind::UseNotSupported`](crate::ErrorKind::UseNotSupported), and nothing is made then.
    #[must_use]
    pub const fn special_use(&self) -> SpecialUse {
        self.special_use
    }
}

/// A mailbox that was created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Created {
    mailbox_id: Option<ObjectId>,
}

impl Created {
    /// With the mailbox's id, for the MAILBOXID code (RFC 8474, section 4.1).
    #[must_use]
    pub fn with_mailbox_id(mut self, id: ObjectId) -> Self {
        self.mailbox_id = Some(id);
        self
    }

    /// The mailbox's id; there where the backend has [`Ability::ObjectId`](crate::Ability::ObjectId).
    #[must_use]
    pub const fn mailbox_id(&self) -> Option<&ObjectId> {
        self.mailbox_id.as_ref()
    }
}
