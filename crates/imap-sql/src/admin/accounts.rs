//! Accounts, and what they log in with.

use std::fmt;

use super::{Admin, AdminError};
use crate::backend::can_be_a_user;
use crate::tables::{accounts, names};

/// An account, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Whether it has a password.
    pub may_log_in: bool,
    /// How many mailboxes it has.
    pub mailboxes: u64,
    /// How many messages are in them.
    pub messages: u64,
}

/// What is kept of a password. Who made it knows how it is checked; the database only keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// A hash, as a PHC string.
    pub password: String,
    /// The keys of SCRAM-SHA-256, in the form of RFC 5803.
    pub scram_sha_256: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(hidden)")
    }
}

impl Admin {
    /// All accounts, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn accounts(&self) -> Result<Vec<Account>, AdminError> {
        Ok(self.node.query(accounts::all).await?)
    }

    /// Whether there is an account of this name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn has_account(&self, name: &str) -> Result<bool, AdminError> {
        let name = name.to_owned();
        let find = self
            .node
            .query(move |statements| accounts::find(statements, &name));
        Ok(find.await?.is_some())
    }

    /// Makes an account with an INBOX. Without secrets nobody may log in to it.
    ///
    /// # Errors
    /// [`AdminError::AccountExists`], [`AdminError::BadAccountName`], or what the database says.
    pub async fn create_account(&self, name: &str, secrets: Option<Secrets>) -> Result<(), AdminError> {
        if !can_be_a_user(name) {
            return Err(AdminError::BadAccountName(name.to_owned()));
        }
        let wanted = name.to_owned();
        let make = self.node.change(move |change| {
            let statements = change.statements;
            if accounts::find(statements, &wanted)?.is_some() {
                return Ok(false);
            }
            let account = accounts::make(statements, &wanted)?;
            if let Some(secrets) = &secrets {
                accounts::set_secrets(statements, account, secrets)?;
            }
            Ok(true)
        });
        match make.await? {
            true => Ok(()),
            false => Err(AdminError::AccountExists(name.to_owned())),
        }
    }

    /// What the column `password` has: a hash that the next login is to be compared with. `None` where there is no such account,
    /// or it may not log in.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn password(&self, name: &str) -> Result<Option<String>, AdminError> {
        let name = name.to_owned();
        let find = self
            .node
            .query(move |statements| accounts::password(statements, &name));
        Ok(find.await?)
    }

    /// What the column `scram_sha_256` has, of an account that may log in: keys for its next login by SCRAM.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn scram_sha_256(&self, name: &str) -> Result<Option<String>, AdminError> {
        let name = name.to_owned();
        let find = self
            .node
            .query(move |statements| accounts::scram_sha_256(statements, &name));
        Ok(find.await?)
    }

    /// Sets what an account logs in with, from the next login on.
    ///
    /// # Errors
    /// [`AdminError::NoAccount`], or what the database says.
    pub async fn set_secrets(&self, name: &str, secrets: Secrets) -> Result<(), AdminError> {
        let account = self.account(name).await?;
        let set = self
            .node
            .change(move |change| accounts::set_secrets(change.statements, account, &secrets));
        Ok(set.await?)
    }

    /// Removes an account with all that is in it. Sessions that are logged in find their mailboxes gone.
    ///
    /// # Errors
    /// [`AdminError::NoAccount`], or what the database says.
    pub async fn drop_account(&self, name: &str) -> Result<(), AdminError> {
        let account = self.account(name).await?;
        let remove = self.node.change(move |change| {
            let mailboxes = names::beginning_with(change.statements, account, "")?;
            accounts::delete(change.statements, account)?;
            for key in mailboxes.into_values() {
                change.changes(key);
            }
            Ok(())
        });
        Ok(remove.await?)
    }
}
