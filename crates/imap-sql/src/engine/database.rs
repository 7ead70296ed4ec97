//! A database, whichever engine has it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use imap_backend::Error;

use super::{Dialect, OpenError, Statements, postgres, sqlite};

/// Where a database is.
#[derive(Clone)]
pub(crate) enum Place {
    /// SQLite.
    File(PathBuf),
    /// SQLite, gone with its last user.
    Memory,
    /// PostgreSQL, and the most connections to have with it beside the one that listens. The URL may hold a password.
    Url(String, NonZeroUsize),
}

/// What the database says of changes: that there may be some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// In the mailbox of this number, up to this mod-sequence; in all of it where there is none.
    Mailbox(i64, Option<i64>),
    /// Somewhere.
    Anywhere,
    /// From now on every change is hinted at. What was before may have been missed.
    Listening,
    /// From now on hints may be lost.
    Deaf,
}

/// Who is told of hints. Called on a thread that must not be kept waiting.
pub(crate) type Hints = Box<dyn Fn(Hint) + Send + Sync>;

/// A database. Its methods block.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(Box<sqlite::Database>),
    Postgres(Box<postgres::Database>),
}

impl Database {
    /// Opens a database; makes it, or brings it to this program's version, if necessary. `patience`: how long to wait for
    /// others' locks, now and later.
    pub(crate) fn open(place: Place, patience: Duration) -> Result<Self, OpenError> {
        Ok(match place {
            Place::Memory => Self::Sqlite(Box::new(sqlite::Database::memory()?)),
            Place::File(path) => Self::Sqlite(Box::new(sqlite::Database::file(path, patience)?)),
            Place::Url(url, connections) => {
                Self::Postgres(Box::new(postgres::Database::open(&url, patience, connections)?))
            }
        })
    }

    /// Reads in one consistent view of what was committed.
    pub(crate) fn read<T>(&self, work: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        match self {
            Self::Sqlite(database) => database.read(work),
            Self::Postgres(database) => database.read(work),
        }
    }

    /// Runs a transaction that writes. It is committed, and on the disk, when this returns `Ok`. When it returns an error,
    /// nothing of it happened; but if the database was lost during the commit, nobody knows.
    ///
    /// `work` is done anew where the database ends the transaction because it and another one wait for each other, so it has no
    /// effect but in the database.
    pub(crate) fn write<T>(&self, work: impl FnMut(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        match self {
            Self::Sqlite(database) => database.write(work),
            Self::Postgres(database) => database.write(work),
        }
    }

    /// A transaction that changed these mailboxes is committed: other processes are to hear of it. Waits for nothing.
    pub(crate) fn changed(&self, mailboxes: impl IntoIterator<Item = i64>) {
        match self {
            Self::Sqlite(_) => {} // they look at the file's version
            Self::Postgres(database) => database.changed(mailboxes),
        }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Has the database send hints, as long as it is open.
    pub(crate) fn listen(&self, hints: Hints) {
        match self {
            Self::Sqlite(database) => database.listen(hints),
            Self::Postgres(database) => database.listen(hints),
        }
    }
}

#[cfg(test)]
impl Database {
    /// How SQLite does a statement: the lines of its plan.
    pub(crate) fn plan(&self, sql: &str, values: &[super::Value<'_>]) -> String {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let mut plan = String::new();
        let read = self.read(|statements| {
            statements.each(&sql, values, |row| {
                plan.push_str(row.text(3)?);
                Ok(())
            })
        });
        assert!(read.is_ok(), "{sql}: {read:?}");
        plan
    }
}
