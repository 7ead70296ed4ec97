//! A SQLite database: one connection that writes, and some that read.

use std::path::PathBuf;
use std::time::Duration;

use imap_backend::{Error, ErrorKind};
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, TransactionBehavior};

use super::connection::{configure, open_file};
use super::error::failed;
use super::open;
use super::watch::Watcher;
use super::writer::{MOST_TOGETHER, Writer};
use crate::engine::{Hints, OpenError, Statements};

/// Most connections that read. More would wait for the same processors and disk.
const MOST_READERS: usize = 8;

/// A database. Its methods block.
#[derive(Debug)]
pub(crate) struct Database {
    writer: Writer,
    /// None in memory: there the one connection does everything.
    readers: Option<Readers>,
    /// There once somebody listens.
    watcher: Mutex<Option<Watcher>>,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    patience: Duration,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    made: usize,
}

impl Database {
    /// The database in this file.
    pub(crate) fn file(path: PathBuf, patience: Duration) -> Result<Self, OpenError> {
        let writer = open::file(&path, patience)?;
        Ok(Self {
            writer: Writer::new(writer, MOST_TOGETHER),
            readers: Some(Readers::new(path, patience)),
            watcher: Mutex::default(),
        })
    }

    /// A database that is gone with this.
    pub(crate) fn memory() -> Result<Self, OpenError> {
        Ok(Self {
            // Nothing waits for a disk, and who reads must not see what is not committed.
            writer: Writer::new(open::memory()?, 1),
            readers: None,
            watcher: Mutex::default(),
        })
    }

    /// Reads in one consistent view of what was committed.
    pub(crate) fn read<T>(&self, work: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        match &self.readers {
            None => self.writer.with_connection(|connection| read(connection, work)),
            Some(readers) => readers.lease()?.read(work),
        }
    }

    /// Calls `hints` when somebody has committed something, until this is dropped. Nobody else has a database in memory.
    pub(crate) fn listen(&self, hints: Hints) {
        let Some(Ok(connection)) = self.readers.as_ref().map(Readers::make) else {
            return;
        };
        match Watcher::begin(connection, hints) {
            Ok(watcher) => *self.watcher.lock() = Some(watcher),
            Err(error) => tracing::warn!(%error, "nobody watches the database for changes by other programs"),
        }
    }

    /// Runs a transaction that writes. It is committed, and on the disk, when this returns `Ok`; otherwise nothing of it
    /// happened.
    pub(crate) fn write<T>(&self, work: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.writer.write(work)
    }
}

fn read<T>(
    connection: &mut Connection,
    work: impl FnOnce(Statements<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let view = connection
        .transaction_with_behavior(TransactionBehavior::Deferred)
        .map_err(failed)?;
    work(Statements::of_sqlite(&view))
}

/// A connection that goes back when it is dropped, also when the work with it panicked.
struct Lease<'r> {
    readers: &'r Readers,
    /// There until it goes back.
    connection: Option<Connection>,
}

impl Lease<'_> {
    fn read<T>(mut self, work: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        match &mut self.connection {
            Some(connection) => read(connection, work),
            None => Err(ErrorKind::ServerBug.into()),
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.readers.pool.lock().idle.extend(self.connection.take());
        self.readers.returned.notify_one();
    }
}

impl Readers {
    fn new(path: PathBuf, patience: Duration) -> Self {
        Self {
            path,
            patience,
            pool: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// An idle connection, a new one, or the next that is given back.
    fn lease(&self) -> Result<Lease<'_>, Error> {
        let mut pool = self.pool.lock();
        while pool.idle.is_empty() && pool.made >= MOST_READERS {
            self.returned.wait(&mut pool);
        }
        let connection = match pool.idle.pop() {
            Some(connection) => connection,
            None => {
                let connection = self.make()?;
                pool.made += 1;
                connection
            }
        };
        drop(pool);
        Ok(Lease {
            readers: self,
            connection: Some(connection),
        })
    }

    fn make(&self) -> Result<Connection, Error> {
        let connection = open_file(&self.path, self.patience).map_err(failed)?;
        configure(&connection).map_err(failed)?;
        connection
            .pragma_update(None, "query_only", true)
            .map_err(failed)?;
        Ok(connection)
    }
}
