//! One connection to a SQLite database, with the settings that every one needs.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// Statements that a connection keeps prepared.
const PREPARED: usize = 128;

/// Opens a file that is there: one that was taken away is not made anew in the middle of work.
pub(super) fn open_file(path: &Path, patience: Duration) -> rusqlite::Result<Connection> {
    // No URIs: a path is a path. No mutex: a connection is used by one thread at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(patience)?;
    Ok(connection)
}

/// Sets what holds for a connection and is not kept in the file.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // FULL: a commit is on the disk before anybody is answered. In WAL mode that is one sync for each commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A damaged page is an error and never a wrong answer.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(())
}
