//! One connection to a SQLite database, with the settings that every one needs.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
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
    // Plans do not depend on values. Otherwise SQLite prepares most statements anew each time: their values are taken away
    // when they are kept.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::open;

    /// Prepared anew each time, it costs more than its work.
    #[test]
    fn a_statement_is_not_prepared_anew_for_other_values() {
        let connection = open::memory().unwrap();
        for sql in [
            "SELECT uid, flags FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid",
            "SELECT octets FROM chunks WHERE blob = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number",
            "UPDATE messages SET flags = ?1 WHERE mailbox = ?2 AND uid = ?3",
        ] {
            let use_with = |values: [i64; 3]| {
                let mut statement = connection.prepare_cached(sql).unwrap();
                let _ = statement.query(values).unwrap().next().unwrap();
                statement.get_status(StatementStatus::RePrepare)
            };
            use_with([1, 0, 0]);
            assert_eq!(use_with([2, 0, 0]), 0, "{sql}");
        }
    }
}
