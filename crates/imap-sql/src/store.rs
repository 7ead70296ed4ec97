//! `Store`: a database that is open.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::columns::now;
use crate::engine::{Database, OpenError, Place};
use crate::node::Node;
use crate::tables::blobs;

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// An APPEND that has written nothing for so long has broken off, in seconds. Longer than any server lets a client dawdle.
const UNFINISHED: i64 = 24 * 60 * 60;

/// A mail database that is open. Clones are the same.
///
/// Open it once in a process: the sessions of a process share what mailboxes are open through it. Several processes may open
/// one file at the same time.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) node: Node,
}

impl Store {
    /// Opens the database in this file; makes it if there is none, and brings an older one to this program's version of the
    /// schema. The file's directory has to be writable, and not on a network: SQLite keeps two files beside it.
    ///
    /// Blocks, as long as it takes to bring the schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] for a database that is newer, damaged, of another program, or held by one. Nothing is repaired.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with_patience(path, PATIENCE)
    }

    /// As [`open`](Self::open); waits so long for other processes that write, now and later. The default is 10 s.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_patience(path: impl AsRef<Path>, patience: Duration) -> Result<Self, OpenError> {
        Self::of(Place::File(path.as_ref().to_owned()), patience)
    }

    /// A database in memory: for tests and demonstrations. Gone with the last clone.
    ///
    /// # Errors
    /// [`OpenError::Failed`] where memory is short.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::of(Place::Memory, PATIENCE)
    }

    fn of(place: Place, patience: Duration) -> Result<Self, OpenError> {
        let database = Database::open(place, patience)?;
        // A crash in the middle of an APPEND leaves octets that no message has. Others may be receiving some right now.
        let swept = database
            .write(|statements| blobs::sweep(statements, now() - UNFINISHED))
            .map_err(OpenError::of_first_write)?;
        if swept > 0 {
            tracing::info!(swept, "removed what unfinished messages had left");
        }
        Ok(Self {
            node: Node::new(Arc::new(database)),
        })
    }
}
