//! A mailbox of a source, and what goes with it.

use imap_backend::{Acl, MailboxName, SpecialUse};

/// A mailbox that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its name there.
    pub name: MailboxName,
    /// Whether it is subscribed.
    pub subscribed: bool,
    /// What it is for.
    pub special_use: SpecialUse,
    /// Who may do what in it, without an entry that only says that its owner may do everything. `None` where nothing is known.
    pub acl: Option<Acl>,
    /// How much is in it, in the [unit](crate::Source::unit) of the source.
    pub amount: u64,
}

impl Folder {
    /// A mailbox of which nothing more is known.
    pub(crate) fn new(name: MailboxName, amount: u64) -> Self {
        Self {
            name,
            subscribed: false,
            special_use: SpecialUse::none(),
            acl: None,
            amount,
        }
    }
}
