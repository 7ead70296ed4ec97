//! SQLite in WAL mode. A loose commit is one of `synchronous=normal`: a power failure may take the last commits back, and leaves the
//! file whole.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use crate::store::{Durability, Fault, Row, Store, Table, absent, uid};

/// `SHARED` lets other processes in. They find the log's rows by a file that all of them map; without it there is no such file.
#[derive(Debug)]
pub(crate) struct Sqlite<const SHARED: bool>(Connection);

fn statements(table: Table) -> (&'static str, &'static str) {
    match table {
        Table::Pages => (
            "INSERT OR REPLACE INTO pages VALUES (?, ?)",
            "SELECT value FROM pages WHERE key = ?",
        ),
        Table::Names => (
            "INSERT OR REPLACE INTO names VALUES (?, ?)",
            "SELECT value FROM names WHERE key = ?",
        ),
        Table::Summaries => (
            "INSERT OR REPLACE INTO summaries VALUES (?, ?)",
            "SELECT value FROM summaries WHERE key = ?",
        ),
    }
}

impl<const SHARED: bool> Store for Sqlite<SHARED> {
    fn open(folder: &Path, durability: Durability) -> Result<Self, Fault> {
        let db = Connection::open(folder.join("sqlite"))?;
        db.pragma_update(None, "locking_mode", if SHARED { "normal" } else { "exclusive" })?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(
            None,
            "synchronous",
            if durability == Durability::Durable {
                "full"
            } else {
                "normal"
            },
        )?;
        db.busy_timeout(Duration::from_secs(1))?;
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS pages (key INTEGER PRIMARY KEY, value BLOB NOT NULL);
             CREATE TABLE IF NOT EXISTS names (key INTEGER PRIMARY KEY, value INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS summaries (key INTEGER PRIMARY KEY, value BLOB NOT NULL);",
        )?;
        Ok(Self(db))
    }

    fn commit(&mut self, rows: &mut dyn Iterator<Item = Row>) -> Result<(), Fault> {
        let transaction = self
            .0
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for Row { table, key, value } in rows {
            let mut statement = transaction.prepare_cached(statements(table).0)?;
            match table {
                Table::Names => statement.execute((key.cast_signed(), uid(&value)?))?,
                Table::Pages | Table::Summaries => statement.execute((key.cast_signed(), value))?,
            };
        }
        Ok(transaction.commit()?)
    }

    fn read(&self, table: Table, keys: &[u64], each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Fault> {
        let transaction = self.0.unchecked_transaction()?;
        let mut statement = transaction.prepare_cached(statements(table).1)?;
        for &key in keys {
            statement
                .query_row([key.cast_signed()], |row| {
                    match table {
                        Table::Names => each(key, &row.get::<_, u32>(0)?.to_le_bytes()),
                        Table::Pages | Table::Summaries => each(key, row.get_ref(0)?.as_blob()?),
                    }
                    Ok(())
                })
                .optional()?
                .ok_or_else(|| absent(table, key))?;
        }
        Ok(())
    }

    fn check(&mut self) -> Result<bool, Fault> {
        let answer: String = self.0.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
        Ok(answer == "ok")
    }
}
