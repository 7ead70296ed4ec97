//! One server on the database: a hub for each mailbox that its sessions have open, and when the hubs read the log.

use super::columns::page;
use super::database::{Database, Tables, Transaction};
use imap_backend::{Error, ErrorKind, MailboxName};
use imap_seq::UidValidity;
use imap_updates::{Hubs, Limits, LogHub};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// A server of several: nothing connects it with the others but the database. Clones are the same server.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) database: Database,
    hubs: Arc<Hubs<i64, LogHub>>,
}

impl Node {
    pub(crate) fn new(database: Database) -> Self {
        // So many hubs are kept for mailboxes that nobody has open, because opening one reads the whole mailbox.
        Self { database, hubs: Arc::new(Hubs::new(1_000)) }
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

    /// A query, on such a thread.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Tables) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |node| node.database.read(query)).await
    }

    /// A transaction, on such a thread; see [`commit`](Self::commit).
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |node| node.commit(work)).await
    }

    /// Reads the log: after each commit of ours, before SELECT and STATUS, when a client asks for news or idles, and when
    /// a hint comes.
    pub(crate) fn catch_up(&self, id: i64, hub: &LogHub) -> Result<(), Error> {
        hub.catch_up_blocking(|after| self.database.read(|tables| page(tables, id, Some(after))))?;
        Ok(())
    }

    /// The hub of a mailbox, up to date.
    pub(crate) fn open(&self, id: i64) -> Result<LogHub, Error> {
        let hub = self.hubs.get_or_open(id, || {
            let whole = self.database.read(|tables| page(tables, id, None))?;
            LogHub::open(whole, Limits::default()).map_err(|_| Error::new(ErrorKind::NonExistent)) // it was deleted
        })?;
        self.catch_up(id, &hub)?; // nobody may have used it for long
        match hub.closed() {
            Some(_) => Err(ErrorKind::NonExistent.into()),
            None => Ok(hub),
        }
    }

    /// A transaction, after which the sessions of this server are told what the log says of it. It is never published
    /// directly: others may have committed before it, and have to be told first.
    pub(crate) fn commit<T>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut transaction = self.database.begin();
        let answer = work(&mut transaction)?;
        for id in transaction.commit() {
            if let Some(hub) = self.hubs.get(&id) {
                log(self.catch_up(id, &hub)); // what is committed stands; the next poll tells it
            }
        }
        Ok(answer)
    }

    /// Follows the database's hints, so that clients who idle are told at once. A hint may be lost: polls find what it
    /// was about.
    pub(crate) fn follow_hints(&self) {
        let mut hints = self.database.listen();
        let (database, hubs) = (self.database.clone(), Arc::downgrade(&self.hubs));
        tokio::spawn(async move {
            loop {
                let hint = hints.recv().await;
                let Some(hubs) = hubs.upgrade() else { break };
                let behind = match hint {
                    Ok(id) => hubs.get(&id).map(|hub| (id, hub)).into_iter().collect(),
                    Err(RecvError::Lagged(_)) => hubs.all(), // or the connection that listens was made anew
                    Err(RecvError::Closed) => break,
                };
                let node = Self { database: database.clone(), hubs };
                for (id, hub) in behind {
                    log(node.blocking(move |node| node.catch_up(id, &hub)).await);
                }
            }
        });
    }

    /// A mailbox by its name. Its key is its UIDVALIDITY too.
    pub(crate) fn find(&self, name: &MailboxName, missing: ErrorKind) -> Result<(i64, UidValidity), Error> {
        let id = self.database.read(|tables| tables.find(name.as_str())).ok_or(missing)?;
        Ok((id, id.try_into()?))
    }
}

/// For the operator: no client is waiting for this answer.
fn log(outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        eprintln!("the log could not be read: {error}");
    }
}
