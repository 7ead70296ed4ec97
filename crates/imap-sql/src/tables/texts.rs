//! `texts`: which messages may have a string, by the three characters at each of its places.
//!
//! What is found is verified by whoever asks. A blob that has no entry, or has none yet, may have every string.

use imap_backend::Error;
use imap_message::{Needle, trigrams};

use crate::engine::{Dialect, Statements};

/// Strings of which no more trigrams than these are asked for: each costs a look, and finds little more.
const MOST_TRIGRAMS: usize = 24;

/// A blob that is to get an entry.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) blob: i64,
    pub(crate) size: i64,
    pub(crate) summary: Vec<u8>,
}

/// Whether there is an index. Where PostgreSQL has no `pg_trgm`, there is none.
pub(crate) fn are_kept(statements: Statements<'_>) -> Result<bool, Error> {
    let sql = match statements.dialect() {
        Dialect::Sqlite => return Ok(true),
        Dialect::Postgres => {
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('texts_by_trigram') AND indisvalid"
        }
    };
    Ok(statements.one(sql, &[], |_| Ok(()))?.is_some())
}

/// With the condition of `blobs_unindexed` in its words: SQLite uses the index only then, and would read all blobs instead.
const WAITING: &str =
    "SELECT id, size, summary FROM blobs WHERE indexed = 1 AND indexed <> 2 ORDER BY id LIMIT ?1";

/// The first of the blobs that are to get an entry.
pub(crate) fn waiting(statements: Statements<'_>, most: i64) -> Result<Vec<Waiting>, Error> {
    let mut waiting = Vec::new();
    statements.each(WAITING, &[most.into()], |row| {
        waiting.push(Waiting {
            blob: row.integer(0)?,
            size: row.integer(1)?,
            summary: row.octets_or_null(2)?.unwrap_or_default().to_vec(),
        });
        Ok(())
    })?;
    Ok(waiting)
}

/// Whether one of these blobs is to get an entry.
pub(crate) fn are_waiting(
    statements: Statements<'_>,
    blobs: impl Iterator<Item = i64>,
) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM blobs WHERE id = ?1 AND indexed = 1";
    for blob in blobs {
        if statements.one(sql, &[blob.into()], |_| Ok(()))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// To be called first in a transaction that makes entries: nobody is answered that they are there, so none waits for the disk. What
/// is lost is made again.
pub(crate) fn begin(statements: Statements<'_>) -> Result<(), Error> {
    match statements.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => statements
            .execute("SET LOCAL synchronous_commit = off", &[])
            .map(drop),
    }
}

/// Makes the entry of a blob, unless it is gone or somebody else has made it. Without a text it gets none, and waits no more.
pub(crate) fn add(statements: Statements<'_>, blob: i64, text: Option<&str>) -> Result<(), Error> {
    let Some(text) = text else {
        let sql = "UPDATE blobs SET indexed = 0 WHERE id = ?1 AND indexed = 1";
        return statements.execute(sql, &[blob.into()]).map(drop);
    };
    let values = [blob.into(), text.into()];
    match statements.dialect() {
        Dialect::Sqlite => {
            let sql = "UPDATE blobs SET indexed = 2 WHERE id = ?1 AND indexed = 1";
            if statements.execute(sql, &[blob.into()])? == 1 {
                statements.execute("INSERT INTO texts (rowid, text) VALUES (?1, ?2)", &values)?;
            }
        }
        Dialect::Postgres => {
            // The entry first: that takes its time, and the blob is locked after it.
            let sql = "INSERT INTO texts (blob, text) SELECT id, ?2 FROM blobs WHERE id = ?1 AND indexed = 1 \
                       ON CONFLICT DO NOTHING";
            statements.execute(sql, &values)?;
            let sql = "UPDATE blobs SET indexed = 2 WHERE id = ?1 AND indexed = 1";
            statements.execute(sql, &[blob.into()])?;
        }
    }
    Ok(())
}

/// Whether there are entries of blobs that are gone. PostgreSQL removes them with the blobs.
pub(crate) fn some_are_gone(statements: Statements<'_>) -> Result<bool, Error> {
    match statements.dialect() {
        Dialect::Sqlite => {
            let sql = "SELECT 1 FROM texts_gone LIMIT 1";
            Ok(statements.one(sql, &[], |_| Ok(()))?.is_some())
        }
        Dialect::Postgres => Ok(false),
    }
}

/// Removes the first of the entries of blobs that are gone.
pub(crate) fn forget(statements: Statements<'_>, most: i64) -> Result<(), Error> {
    if statements.dialect() == Dialect::Sqlite {
        let first = "(SELECT blob FROM texts_gone ORDER BY blob LIMIT ?1)";
        statements.execute(
            &format!("DELETE FROM texts WHERE rowid IN {first}"),
            &[most.into()],
        )?;
        statements.execute(
            &format!("DELETE FROM texts_gone WHERE blob IN {first}"),
            &[most.into()],
        )?;
    }
    Ok(())
}

/// What stands before and after the value of [`query`] in the condition that the column `blob` may have the string.
pub(crate) const fn condition(dialect: Dialect) -> (&'static str, &'static str) {
    match dialect {
        Dialect::Sqlite => (
            "blob IN (SELECT rowid FROM texts WHERE texts MATCH ",
            " UNION ALL SELECT id FROM blobs WHERE indexed <> 2)",
        ),
        Dialect::Postgres => (
            "blob IN (SELECT blob FROM texts WHERE text LIKE ",
            " UNION ALL SELECT id FROM blobs WHERE indexed <> 2)",
        ),
    }
}

/// How the index is asked for a string; `None` for one that is too short.
pub(crate) fn query(dialect: Dialect, needle: &Needle) -> Option<String> {
    let text = needle.in_searched_text();
    let mut trigrams: Vec<[char; 3]> = trigrams(&text).collect();
    if trigrams.is_empty() {
        return None;
    }
    Some(match dialect {
        // The index knows of a trigram which blobs have it, and not where.
        Dialect::Sqlite => {
            trigrams.sort_unstable();
            trigrams.dedup();
            let quoted = trigrams.iter().take(MOST_TRIGRAMS).map(|trigram| {
                let trigram: String = trigram.iter().collect();
                format!("\"{}\"", trigram.replace('"', "\"\""))
            });
            quoted.collect::<Vec<_>>().join(" AND ")
        }
        Dialect::Postgres => {
            let mut pattern = String::from("%");
            for character in text.chars() {
                if matches!(character, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(character);
            }
            pattern + "%"
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::{Database, Place, Value};

    /// Who works behind the commands asks after each message and at every poll, of a database of a million.
    #[test]
    fn blobs_that_wait_are_found_without_a_look_at_the_others() {
        let database = Database::open(Place::Memory, Duration::ZERO).unwrap();
        let plan = database.plan(WAITING, &[Value::Integer(8)]);
        assert!(
            plan.contains("SEARCH blobs USING INDEX blobs_unindexed"),
            "{plan}"
        );
        assert!(!plan.contains("B-TREE"), "{plan}");
    }
}
