//! Mailboxes of an account.

use imap_backend::MailboxName;
use imap_seq::UidValidity;

use super::{Admin, AdminError, Place};
use crate::session;
use crate::tables::{mailboxes, names};

/// A mailbox, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailboxFigures {
    /// Its name.
    pub name: MailboxName,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// How many messages are in it.
    pub messages: u32,
    /// How many of them have no `\Seen`.
    pub unseen: u32,
}

impl Admin {
    /// The mailboxes of an account, by name.
    ///
    /// # Errors
    /// [`AdminError::NoAccount`], or what the database says.
    pub async fn mailboxes(&self, account: &str) -> Result<Vec<MailboxFigures>, AdminError> {
        let account = self.account(account).await?;
        let list = self.node.query(move |statements| {
            let mut all = Vec::new();
            for (name, key) in names::beginning_with(statements, account, "")? {
                if let Some(row) = mailboxes::current(statements, key)? {
                    all.push(MailboxFigures {
                        name,
                        uid_validity: row.uid_validity,
                        messages: row.messages,
                        unseen: row.unseen,
                    });
                }
            }
            Ok(all)
        });
        Ok(list.await?)
    }

    /// Makes a mailbox, and those above it that are missing.
    ///
    /// # Errors
    /// [`AdminError::MailboxExists`], [`AdminError::Cannot`] for a name with an empty level, or what the database says.
    pub async fn create_mailbox(&self, place: &Place) -> Result<(), AdminError> {
        let account = self.account(&place.account).await?;
        let name = place.mailbox.clone();
        let make = self
            .node
            .change(move |change| names::create(change.statements, account, &name));
        make.await.map(drop).map_err(|error| AdminError::of(error, place))
    }

    /// Renames a mailbox and those below it, as RENAME does: of INBOX, the messages go and it stays.
    ///
    /// # Errors
    /// [`AdminError::NoMailbox`], [`AdminError::MailboxExists`], [`AdminError::Cannot`], or what the database says.
    pub async fn rename_mailbox(&self, place: &Place, to: &MailboxName) -> Result<(), AdminError> {
        let account = self.account(&place.account).await?;
        self.mailbox(place).await?;
        let (from, new) = (place.mailbox.clone(), to.clone());
        let rename = self
            .node
            .blocking(move |node| session::rename(node, account, &from, &new));
        let target = || Place {
            account: place.account.clone(),
            mailbox: to.clone(),
        };
        rename.await.map_err(|error| AdminError::of(error, &target()))
    }

    /// Removes a mailbox with its messages, not those below it. Sessions that have it selected are told that it is gone.
    ///
    /// # Errors
    /// [`AdminError::NoMailbox`], [`AdminError::Cannot`] for INBOX, or what the database says.
    pub async fn drop_mailbox(&self, place: &Place) -> Result<(), AdminError> {
        let account = self.account(&place.account).await?;
        let name = place.mailbox.clone();
        let remove = self.node.change(move |change| {
            let key = names::delete(change.statements, account, &name)?;
            change.changes(key);
            Ok(())
        });
        remove.await.map_err(|error| AdminError::of(error, place))
    }
}
