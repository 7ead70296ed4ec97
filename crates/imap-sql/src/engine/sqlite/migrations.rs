//! The schema's versions, and how a database gets to the latest.

use rusqlite::{Connection, TransactionBehavior};

/// The migrations, in their order: the first makes version 1 of an empty database.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_mail.sql"),
    include_str!("../../../migrations/sqlite/0002_sizes.sql"),
];

/// In the header of a SQLite file, where it says which program the file belongs to: "imap".
pub(super) const APPLICATION: i64 = 0x696d_6170;

/// The schema's version that this program knows.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The version of a database; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a database to the version that this program knows: all or nothing. When two programs do so at once, one waits for
/// the other and finds nothing left to do.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if version(connection)? >= known() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = usize::try_from(version(&transaction)?).unwrap_or(MIGRATIONS.len());
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known())?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()
}

/// What the schema has, by kind and name, without what an administrator has added beside it.
pub(super) fn parts(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare("SELECT type, name FROM sqlite_schema ORDER BY type, name")?;
    let parts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    parts.collect()
}
