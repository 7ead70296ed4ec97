//! What an administrator does to a database, also while servers run on it.
//!
//! It uses the tables that sessions use, so that the log of a mailbox tells the sessions of every server what was done. Nobody
//! is asked for a password here: who can open the database may do everything.

use std::fmt;

use imap_backend::{Error, ErrorKind, MailboxName};

use crate::node::Node;
use crate::store::Store;
use crate::tables::accounts::AccountId;
use crate::tables::mailboxes::MailboxKey;
use crate::tables::names;

mod accounts;
mod mailboxes;
mod messages;

pub use accounts::{Account, Secrets};
pub use mailboxes::MailboxFigures;
pub use messages::{Delivered, Delivery, Message};

/// An administrator of a database. To be used within a tokio runtime.
#[derive(Clone, Debug)]
pub struct Admin {
    node: Node,
}

/// A mailbox of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The account's name.
    pub account: String,
    /// The mailbox.
    pub mailbox: MailboxName,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mailbox {} of {}", self.mailbox, self.account)
    }
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// There is no account of that name.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// An account of that name is there.
    #[error("there is an account {0} already")]
    AccountExists(String),
    /// No account can have this name.
    #[error("{0:?} cannot be the name of an account: it is empty or has control characters")]
    BadAccountName(String),
    /// There is no such mailbox.
    #[error("there is no such thing as {0}")]
    NoMailbox(Place),
    /// A mailbox of that name is there.
    #[error("{0} is there already")]
    MailboxExists(Place),
    /// A name with an empty level, a mailbox that would be below itself, or INBOX, which always stays.
    #[error("that cannot be done with {0}")]
    Cannot(Place),
    /// The message cannot be stored.
    #[error("the message has a NUL octet, which no message may have")]
    Nul,
    /// The database says no.
    #[error(transparent)]
    Database(#[from] Error),
}

impl AdminError {
    /// What an error of a change of `place` means.
    fn of(error: Error, place: &Place) -> Self {
        match error.kind() {
            ErrorKind::NonExistent | ErrorKind::TryCreate => Self::NoMailbox(place.clone()),
            ErrorKind::AlreadyExists => Self::MailboxExists(place.clone()),
            ErrorKind::Cannot => Self::Cannot(place.clone()),
            ErrorKind::UnknownEncoding => Self::Nul,
            _ => Self::Database(error),
        }
    }
}

impl Admin {
    /// An administrator of this database.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            node: store.node.clone(),
        }
    }

    async fn account(&self, name: &str) -> Result<AccountId, AdminError> {
        let wanted = name.to_owned();
        let find = self
            .node
            .query(move |statements| crate::tables::accounts::find(statements, &wanted));
        find.await?.ok_or_else(|| AdminError::NoAccount(name.to_owned()))
    }

    async fn mailbox(&self, place: &Place) -> Result<MailboxKey, AdminError> {
        let account = self.account(&place.account).await?;
        let name = place.mailbox.clone();
        let find = self
            .node
            .query(move |statements| names::find(statements, account, &name));
        find.await?.ok_or_else(|| AdminError::NoMailbox(place.clone()))
    }
}
