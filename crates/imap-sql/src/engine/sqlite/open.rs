//! Opening a database: what it is, whether it is ours, whether it is whole. Nothing is repaired.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::connection::{configure, open_file};
use super::migrations::{APPLICATION, known, migrate, parts, version};
use crate::engine::OpenError;

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Held,
            _ => Self::Failed(Box::new(error)),
        }
    }
}

/// A connection to the database of a file, which is made, or brought to this program's version, if necessary.
pub(super) fn file(path: &Path, patience: Duration) -> Result<Connection, OpenError> {
    make(path)?;
    let mut connection = open_file(path, patience)?;
    identify(&connection)?;
    // Kept in the file. Readers do not wait for who writes, and who writes does not wait for readers.
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let why = format!("its file system has no write-ahead log (the journal is {mode:?})");
        return Err(OpenError::Failed(why.into()));
    }
    configure(&connection)?;
    migrate(&mut connection)?;
    is_whole(&connection)?;
    Ok(connection)
}

/// Makes an empty file if there is none: mail is for nobody but the user that the program runs as. What SQLite makes beside the
/// file gets the same permissions.
fn make(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(OpenError::Failed(Box::new(error))),
        _ => Ok(()),
    }
}

/// A database that is gone with its connection.
pub(super) fn memory() -> Result<Connection, OpenError> {
    let mut connection = Connection::open_in_memory()?;
    configure(&connection)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Whether the database is one that this program may write to.
fn identify(connection: &Connection) -> Result<(), OpenError> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = version(connection)?;
    match application {
        APPLICATION if found > known() => Err(OpenError::Newer {
            found,
            known: known(),
        }),
        APPLICATION if found < 1 => Err(OpenError::Damaged(format!("its version is {found}"))),
        APPLICATION => Ok(()),
        0 if found == 0 && parts(connection)?.is_empty() => Ok(()),
        _ => Err(OpenError::Foreign),
    }
}

/// Whether every table, index and trigger is there. A trigger that is missing would lose changes without a word.
fn is_whole(connection: &Connection) -> Result<(), OpenError> {
    let found = parts(connection)?;
    for part in parts(&memory()?)? {
        if !found.contains(&part) {
            let (kind, name) = part;
            return Err(OpenError::Damaged(format!("the {kind} {name:?} is missing")));
        }
    }
    let rows: i64 = connection.query_row("SELECT count(*) FROM store", [], |row| row.get(0))?;
    match rows {
        1 => Ok(()),
        _ => Err(OpenError::Damaged(
            "the row of the table \"store\" is missing".to_owned(),
        )),
    }
}
