//! `subscriptions`: names that a user marked.

use std::collections::BTreeSet;

use imap_backend::{Error, MailboxName};

use super::accounts::AccountId;
use crate::engine::Statements;

pub(crate) fn all(statements: Statements<'_>, account: AccountId) -> Result<BTreeSet<MailboxName>, Error> {
    let mut names = BTreeSet::new();
    let sql = "SELECT name FROM subscriptions WHERE account = ?1";
    statements.each(sql, &[account.0.into()], |row| {
        names.extend(MailboxName::new(row.text(0)?));
        Ok(())
    })?;
    Ok(names)
}

pub(crate) fn add(statements: Statements<'_>, account: AccountId, name: &MailboxName) -> Result<(), Error> {
    let sql = "INSERT INTO subscriptions (account, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    statements
        .execute(sql, &[account.0.into(), name.as_str().into()])
        .map(drop)
}

pub(crate) fn remove(
    statements: Statements<'_>,
    account: AccountId,
    name: &MailboxName,
) -> Result<(), Error> {
    let sql = "DELETE FROM subscriptions WHERE account = ?1 AND name = ?2";
    statements
        .execute(sql, &[account.0.into(), name.as_str().into()])
        .map(drop)
}
