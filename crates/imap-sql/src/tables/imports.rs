//! `imports`: what imports have stored in a mailbox.

use std::collections::HashSet;

use imap_backend::Error;

use crate::engine::Statements;

/// All that was taken into a mailbox.
pub(crate) fn all(statements: Statements<'_>, mailbox: i64) -> Result<HashSet<String>, Error> {
    let mut items = HashSet::new();
    let sql = "SELECT item FROM imports WHERE mailbox = ?1";
    statements.each(sql, &[mailbox.into()], |row| {
        items.insert(row.text(0)?.to_owned());
        Ok(())
    })?;
    Ok(items)
}

/// Notes that the message is taken; whether it was not before.
pub(crate) fn take(statements: Statements<'_>, mailbox: i64, item: &str) -> Result<bool, Error> {
    let sql = "INSERT INTO imports (mailbox, item) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(statements.execute(sql, &[mailbox.into(), item.into()])? == 1)
}
