//! `blobs` and `chunks`: the octets of messages, stored once however often they are copied. Triggers count the copies; a blob
//! goes with its last one, in SQLite a little later: its pages are all over the file, and no client waits for them.

use imap_backend::{Error, ErrorKind};

use crate::engine::{Dialect, Statements};

/// Octets in each chunk but the last. The schema says the same.
pub(crate) const CHUNK: usize = 64 << 10;

/// A blob without octets and without a message, to be filled.
pub(crate) fn begin(statements: Statements<'_>, now: i64) -> Result<i64, Error> {
    let sql = "INSERT INTO blobs (touched) VALUES (?1) RETURNING id";
    let blob = statements.one(sql, &[now.into()], |row| row.integer(0))?;
    blob.ok_or_else(|| ErrorKind::ServerBug.into())
}

/// A blob that gets all its octets in this transaction.
pub(crate) fn insert(statements: Statements<'_>, now: i64, size: i64, summary: &[u8]) -> Result<i64, Error> {
    let sql = "INSERT INTO blobs (touched, size, summary, indexed) VALUES (?1, ?2, ?3, 1) RETURNING id";
    let blob = statements.one(sql, &[now.into(), size.into(), summary.into()], |row| {
        row.integer(0)
    })?;
    blob.ok_or_else(|| ErrorKind::ServerBug.into())
}

/// Adds octets as chunks, the first of them with this number.
pub(crate) fn write(statements: Statements<'_>, blob: i64, first: i64, octets: &[u8]) -> Result<(), Error> {
    let sql = "INSERT INTO chunks (blob, number, octets) VALUES (?1, ?2, ?3)";
    for (number, chunk) in (first..).zip(octets.chunks(CHUNK)) {
        statements.execute(sql, &[blob.into(), number.into(), chunk.into()])?;
    }
    Ok(())
}

/// Says that the blob is still being filled. An error if it is gone.
pub(crate) fn touch(statements: Statements<'_>, blob: i64, now: i64) -> Result<(), Error> {
    let sql = "UPDATE blobs SET touched = ?2 WHERE id = ?1";
    match statements.execute(sql, &[blob.into(), now.into()])? {
        1 => Ok(()),
        _ => Err(Error::new(ErrorKind::Unavailable).with_source("an unfinished message was removed")),
    }
}

/// The blob has all its octets. An error if it is gone.
pub(crate) fn finish(statements: Statements<'_>, blob: i64, size: i64, summary: &[u8]) -> Result<(), Error> {
    let sql = "UPDATE blobs SET size = ?2, summary = ?3, indexed = 1 WHERE id = ?1";
    match statements.execute(sql, &[blob.into(), size.into(), summary.into()])? {
        1 => Ok(()),
        _ => Err(Error::new(ErrorKind::Unavailable).with_source("an unfinished message was removed")),
    }
}

/// Removes a blob that no message has.
pub(crate) fn abandon(statements: Statements<'_>, blob: i64) -> Result<(), Error> {
    let sql = "DELETE FROM blobs WHERE id = ?1 AND uses = 0";
    statements.execute(sql, &[blob.into()]).map(drop)
}

/// Removes what APPENDs that broke off before this time have left.
pub(crate) fn sweep(statements: Statements<'_>, before: i64) -> Result<usize, Error> {
    let sql = "DELETE FROM blobs WHERE uses = 0 AND touched < ?1";
    statements.execute(sql, &[before.into()])
}

/// Whether there are uses of blobs that are over and still counted. PostgreSQL counts them off with the messages.
pub(crate) fn some_are_released(statements: Statements<'_>) -> Result<bool, Error> {
    match statements.dialect() {
        Dialect::Sqlite => {
            let sql = "SELECT 1 FROM released LIMIT 1";
            Ok(statements.one(sql, &[], |_| Ok(()))?.is_some())
        }
        Dialect::Postgres => Ok(false),
    }
}

/// Counts the first of them off. A trigger removes the blobs that have no use left.
pub(crate) fn count_off(statements: Statements<'_>, most: i64) -> Result<(), Error> {
    if statements.dialect() == Dialect::Sqlite {
        let sql = "DELETE FROM released WHERE id IN (SELECT id FROM released ORDER BY id LIMIT ?1)";
        statements.execute(sql, &[most.into()])?;
    }
    Ok(())
}

/// Gives the first chunks of these blobs, in any order, of those that have one.
pub(crate) fn first_chunks(
    statements: Statements<'_>,
    blobs: &[i64],
    mut look: impl FnMut(i64, &[u8]),
) -> Result<(), Error> {
    let among = statements.dialect().among_first_value();
    let sql = format!("SELECT blob, octets FROM chunks WHERE blob{among} AND number = 0");
    let blobs: Vec<String> = blobs.iter().map(i64::to_string).collect();
    statements.each(&sql, &[blobs.join(",").as_str().into()], |row| {
        if let Ok(octets) = row.octets(1) {
            look(row.integer(0)?, octets);
        }
        Ok(())
    })
}

/// The octets from `from` up to `to`, as far as there are chunks.
pub(crate) fn read(statements: Statements<'_>, blob: i64, from: usize, to: usize) -> Result<Vec<u8>, Error> {
    let mut octets = Vec::with_capacity(to.saturating_sub(from));
    let number = |at: usize| i64::try_from(at / CHUNK).map_err(|_| Error::new(ErrorKind::Limit));
    let mut expected = number(from)?;
    let values = [blob.into(), expected.into(), number(to.saturating_sub(1))?.into()];
    let sql =
        "SELECT number, octets FROM chunks WHERE blob = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number";
    statements.each(sql, &values, |row| {
        let (number, chunk) = (row.integer(0)?, row.octets(1)?);
        if number != expected {
            return Ok(()); // a gap: what follows it is somewhere else in the message
        }
        let begins = usize::try_from(number).map_or(usize::MAX, |number| number.saturating_mul(CHUNK));
        let piece = from.saturating_sub(begins)..to.saturating_sub(begins).min(chunk.len());
        octets.extend_from_slice(chunk.get(piece).unwrap_or_default());
        expected += 1;
        Ok(())
    })?;
    Ok(octets)
}
