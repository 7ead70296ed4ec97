//! Why a database is not opened.

use imap_backend::{Error, ErrorKind};

/// Why a database was not opened. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A later version of this program has written it. An older one would not keep its rules.
    #[error(
        "the database has version {found} of the schema, and this program knows version {known} and earlier ones"
    )]
    Newer {
        /// The version of the database.
        found: i64,
        /// The version of this program.
        known: i64,
    },
    /// It is a database, but of something else.
    #[error("the database belongs to another program")]
    Foreign,
    /// It is no database, or a part of it is missing or cannot be read.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Another program keeps it locked.
    #[error("the database is held by another program")]
    Held,
    /// It cannot be reached.
    #[error("the database cannot be opened: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OpenError {
    /// The first transaction that writes failed: the database can be read, and not used.
    pub(crate) fn of_first_write(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InUse => Self::Held,
            ErrorKind::Corruption => Self::Damaged(error.to_string()),
            _ => Self::Failed(Box::new(error)),
        }
    }
}
