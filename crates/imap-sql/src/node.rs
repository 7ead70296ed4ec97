//! One process on the database: a hub for each mailbox that its sessions have open, and when the hubs read the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use imap_backend::{Error, ErrorKind, MailboxName};
use imap_updates::{Hubs, Limits, LogHub};

use crate::engine::{Database, Statements};
use crate::tables::accounts::AccountId;
use crate::tables::mailboxes::MailboxKey;
use crate::tables::{log, names};

/// So many hubs are kept for mailboxes that nobody has open, because opening one reads the whole mailbox.
const KEPT_OPEN: usize = 256;

/// A process of several: nothing connects it with the others but the database. Clones are the same process.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    database: Arc<Database>,
    hubs: Arc<Hubs<MailboxKey, LogHub>>,
}

/// A transaction that changes mailboxes.
#[derive(Debug)]
pub(crate) struct Change<'c> {
    pub(crate) statements: Statements<'c>,
    /// Whose hubs read the log afterwards.
    changed: BTreeSet<MailboxKey>,
}

impl Change<'_> {
    /// The sessions of this mailbox are to be told when the transaction is committed.
    pub(crate) fn changes(&mut self, key: MailboxKey) {
        self.changed.insert(key);
    }
}

impl Node {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self {
            database,
            hubs: Arc::new(Hubs::new(KEPT_OPEN)),
        }
    }

    /// Runs blocking work on a thread that may block. What has begun there is not cancelled when the connection is lost.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let node = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&node)).await;
        done.map_err(|panic| Error::new(ErrorKind::ServerBug).with_source(panic))?
    }

    /// Queries in one consistent view, on such a thread.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(Statements<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |node| node.read(query)).await
    }

    /// A transaction, on such a thread; see [`commit`](Self::commit).
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Change<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |node| node.commit(work)).await
    }

    /// Queries in one consistent view. Blocks.
    pub(crate) fn read<T>(&self, query: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.database.read(query)
    }

    /// A transaction, after which the sessions of this process are told what the log says of it. It is never published
    /// directly: others may have committed before it, and have to be told first. Blocks.
    pub(crate) fn commit<T>(
        &self,
        work: impl FnOnce(&mut Change<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (answer, changed) = self.database.write(|statements| {
            let mut change = Change {
                statements,
                changed: BTreeSet::new(),
            };
            let answer = work(&mut change)?;
            Ok((answer, change.changed))
        })?;
        for key in changed {
            if let Some(hub) = self.hubs.get(&key)
                && let Err(error) = self.catch_up(key, &hub)
            {
                // What is committed stands; the next poll tells it.
                tracing::warn!(%error, "the log of a mailbox could not be read after a change");
            }
        }
        Ok(answer)
    }

    /// Reads the log: after each commit of ours, before SELECT and STATUS, and when a client asks for news or idles. Blocks.
    pub(crate) fn catch_up(&self, key: MailboxKey, hub: &LogHub) -> Result<(), Error> {
        let caught_up =
            hub.catch_up_blocking(|after| self.read(|statements| log::page(statements, key, Some(after))))?;
        if !caught_up.hidden().is_empty() || !caught_up.reused().is_empty() {
            tracing::error!(
                ?caught_up,
                mailbox = key.id,
                "UIDs did not become visible in their order"
            );
        }
        Ok(())
    }

    /// The hub of a mailbox, up to date. Blocks.
    pub(crate) fn open(&self, key: MailboxKey) -> Result<LogHub, Error> {
        let hub = self.hubs.get_or_open(key, || {
            let whole = self.read(|statements| log::page(statements, key, None))?;
            LogHub::open(whole, Limits::default()).map_err(|_| Error::new(ErrorKind::NonExistent))
        })?;
        self.catch_up(key, &hub)?; // nobody may have used it for long
        match hub.closed() {
            Some(_) => Err(ErrorKind::NonExistent.into()),
            None => Ok(hub),
        }
    }

    /// The hub of a mailbox, if somebody has it open.
    pub(crate) fn opened(&self, key: MailboxKey) -> Option<LogHub> {
        self.hubs.get(&key)
    }

    /// A mailbox by its name. Blocks.
    pub(crate) fn find(
        &self,
        account: AccountId,
        name: &MailboxName,
        missing: ErrorKind,
    ) -> Result<MailboxKey, Error> {
        let key = self.read(|statements| names::find(statements, account, name))?;
        key.ok_or_else(|| missing.into())
    }
}
