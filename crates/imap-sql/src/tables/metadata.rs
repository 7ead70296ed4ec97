//! `metadata`: annotations of mailboxes and of the server (RFC 5464). They are removed with their mailbox by a trigger.

use bytes::Bytes;
use imap_backend::{EntryName, Error, Metadata, MetadataChange};

use super::accounts::AccountId;
use crate::engine::Statements;

/// What stands in the place of a mailbox's number for the annotations of the server.
pub(crate) const OF_THE_SERVER: i64 = 0;

/// All annotations. One whose name IMAP cannot say was written by hand, and is passed over.
pub(crate) fn all(
    statements: Statements<'_>,
    (account, mailbox): (AccountId, i64),
) -> Result<Metadata, Error> {
    let mut entries = Vec::new();
    let sql = "SELECT entry, value FROM metadata WHERE account = ?1 AND mailbox = ?2";
    statements.each(sql, &[account.0.into(), mailbox.into()], |row| {
        if let Some(name) = EntryName::new(row.text(0)?) {
            entries.push((name, Bytes::copy_from_slice(row.octets(1)?)));
        }
        Ok(())
    })?;
    Ok(entries.into_iter().collect())
}

/// Makes all of these changes, or none.
pub(crate) fn change(
    statements: Statements<'_>,
    (account, mailbox): (AccountId, i64),
    changes: &[MetadataChange],
) -> Result<(), Error> {
    all(statements, (account, mailbox))?.apply(changes)?;
    for (name, value) in changes {
        let place = [account.0.into(), mailbox.into(), name.as_str().into()];
        match value {
            Some(value) => {
                let sql = "INSERT INTO metadata (account, mailbox, entry, value) VALUES (?1, ?2, ?3, ?4) \
                           ON CONFLICT (account, mailbox, entry) DO UPDATE SET value = excluded.value";
                let [account, mailbox, entry] = place;
                statements.execute(sql, &[account, mailbox, entry, value.as_ref().into()])?;
            }
            None => {
                let sql = "DELETE FROM metadata WHERE account = ?1 AND mailbox = ?2 AND entry = ?3";
                statements.execute(sql, &place)?;
            }
        }
    }
    Ok(())
}
