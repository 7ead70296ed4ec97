//! `Options`: how a database is opened.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use crate::engine::{OpenError, Place};
use crate::store::Store;

/// How a database is opened.
///
/// ```
/// use std::time::Duration;
///
/// # let directory = tempfile::tempdir().unwrap();
/// let options = imap_sql::Options::default().patience(Duration::from_secs(2));
/// let store = options.open(directory.path().join("mail.db"))?;
/// # Ok::<(), imap_sql::OpenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) patience: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) hints: Hints,
    pub(crate) connections: NonZeroUsize,
}

/// Commands that wait for the database at once: more of them hardly make one server of PostgreSQL faster.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// Whether the database's hints are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hints {
    Used,
    Ignored,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            poll_interval: Duration::from_secs(5),
            hints: Hints::Used,
            connections: CONNECTIONS,
        }
    }
}

impl Options {
    /// How long to wait for others that write. The default is 10 s; PostgreSQL waits 50 s at most.
    #[must_use]
    pub const fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How often the mailboxes in use are looked at, all with one query, for changes by other processes of which no hint came.
    /// The default is 5 s.
    #[must_use]
    pub const fn poll_interval(self, poll_interval: Duration) -> Self {
        Self {
            poll_interval,
            ..self
        }
    }

    /// Does not have the database say when others changed something. Then what others do arrives within the
    /// [poll interval](Self::poll_interval), and at a client's NOOP, which asks the database. For a PostgreSQL behind a pooler that
    /// passes no notifications on; for a program that does one thing and ends, whose hints are sent with its commits then, and not
    /// behind them; and for tests.
    #[must_use]
    pub const fn without_hints(self) -> Self {
        Self {
            hints: Hints::Ignored,
            ..self
        }
    }

    /// The most connections of this process to PostgreSQL, beside the one that listens. The default is 16. What a command asks holds
    /// one for a transaction, and waits for up to 30 s if none is free.
    #[must_use]
    pub const fn connections(self, connections: NonZeroUsize) -> Self {
        Self { connections, ..self }
    }

    /// Opens the SQLite database in this file; makes it if there is none, and brings an older one to this program's version
    /// of the schema. The file's directory has to be writable, and not on a network: SQLite keeps two files beside it.
    ///
    /// Blocks, as long as it takes to bring the schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] for a database that is newer, damaged, of another program, or held by one. Nothing is repaired.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Store, OpenError> {
        Store::of(Place::File(path.as_ref().to_owned()), self)
    }

    /// Opens a PostgreSQL database, `postgres://user:password@host/database`, of a server of version 13 or newer. Makes the
    /// tables if the database is empty, in the first schema of its search path, and brings older ones to this program's version.
    /// The database has to exist, with the encoding UTF8.
    ///
    /// Any number of processes, on any number of machines, may have it open. With `?sslmode=require` the connections are
    /// encrypted, to a server with a certificate that the system trusts (`SSL_CERT_FILE` names others). A URL of another host
    /// than this machine has to say so, or `?sslmode=disable`.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`OpenError::Failed`] where the server cannot be reached.
    pub fn open_url(&self, url: &str) -> Result<Store, OpenError> {
        Store::of(Place::Url(url.to_owned(), self.connections), self)
    }
}
