//! `Store`: a database that is open.

use std::path::Path;
use std::sync::Arc;

use crate::appends::Appends;
use crate::behind;
use crate::columns::now;
use crate::engine::{Database, OpenError, Place};
use crate::looks;
use crate::news;
use crate::node::Node;
use crate::options::{Hints, Options};
use crate::tables::blobs;

/// An APPEND that has written nothing for so long has broken off, in seconds. Longer than any server lets a client dawdle.
const UNFINISHED: i64 = 24 * 60 * 60;

/// A mail database that is open. Clones are the same.
///
/// Open it once in a process: the sessions of a process share what mailboxes are open through it. Several processes may open
/// one file at the same time.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) node: Node,
    pub(crate) appends: Arc<Appends>,
}

impl Store {
    /// Opens the SQLite database in this file, with the default [`Options`].
    ///
    /// # Errors
    /// As [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Options::default().open(path)
    }

    /// Opens a PostgreSQL database, with the default [`Options`].
    ///
    /// # Errors
    /// As [`Options::open_url`].
    pub fn open_url(url: &str) -> Result<Self, OpenError> {
        Options::default().open_url(url)
    }

    /// A database in memory: for tests and demonstrations. Gone with the last clone.
    ///
    /// # Errors
    /// [`OpenError::Failed`] where memory is short.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::of(Place::Memory, &Options::default())
    }

    pub(crate) fn of(place: Place, options: &Options) -> Result<Self, OpenError> {
        let database = Database::open(place, options.patience)?;
        // A crash in the middle of an APPEND leaves octets that no message has. Others may be receiving some right now.
        let swept = database
            .write(|statements| blobs::sweep(statements, now() - UNFINISHED))
            .map_err(OpenError::of_first_write)?;
        if swept > 0 {
            tracing::info!(swept, "removed what unfinished messages had left");
        }
        let node = Node::new(database);
        let followed = looks::follow(&node).and_then(|()| news::follow(&node, options.poll_interval));
        followed.map_err(|error| OpenError::Failed(Box::new(error)))?;
        behind::follow(&node).map_err(|error| OpenError::Failed(Box::new(error)))?;
        if options.hints == Hints::Used {
            node.listen();
        }
        Ok(Self {
            node,
            appends: Arc::default(),
        })
    }
}
