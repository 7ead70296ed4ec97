//! `quotas`: how much an account may hold (RFC 9208). Whoever administers the database writes the rows.

use imap_backend::{Error, ErrorKind, Quota, Usage};

use super::accounts::AccountId;
use crate::engine::{Row, Statements};

/// The account's quota; none without a row. What is used is counted only where it is limited: messages from the counts that
/// triggers keep, octets from each message.
pub(crate) fn of(statements: Statements<'_>, account: AccountId) -> Result<Option<Quota>, Error> {
    let (mut storage, mut messages) = (None, None);
    let sql = "SELECT resource, most FROM quotas WHERE account = ?1";
    statements.each(sql, &[account.0.into()], |row| {
        match row.text(0)? {
            "STORAGE" => storage = Some(count(row, 1)?.saturating_mul(1024)),
            "MESSAGE" => messages = Some(count(row, 1)?),
            // RFC 9208 knows more, and nothing here counts them.
            _ => {}
        }
        Ok(())
    })?;
    if storage.is_none() && messages.is_none() {
        return Ok(None);
    }
    let mut quota = Quota::new("");
    if let Some(most) = messages {
        let sql = "SELECT CAST(coalesce(sum(messages), 0) AS BIGINT) FROM mailboxes WHERE account = ?1";
        quota = quota.with_messages(Usage::new(sum(statements, sql, account)?, most));
    }
    if let Some(most) = storage {
        let sql = "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM messages \
                   WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = ?1)";
        quota = quota.with_storage(Usage::new(sum(statements, sql, account)?, most));
    }
    Ok(Some(quota))
}

/// Refuses so many more messages of so many octets together where they exceed the account's quota.
pub(crate) fn check_room(
    statements: Statements<'_>,
    account: AccountId,
    (messages, octets): (u64, u64),
) -> Result<(), Error> {
    check(statements, account, |quota| quota.has_room_for(messages, octets))
}

/// Refuses a message of so many octets in the place of one of `replaced` octets where it exceeds the account's quota.
pub(crate) fn check_room_in_place_of(
    statements: Statements<'_>,
    account: AccountId,
    (replaced, octets): (u64, u64),
) -> Result<(), Error> {
    check(statements, account, |quota| {
        quota.has_room_in_place_of(replaced, octets)
    })
}

fn check(
    statements: Statements<'_>,
    account: AccountId,
    has_room: impl FnOnce(&Quota) -> bool,
) -> Result<(), Error> {
    match of(statements, account)? {
        Some(quota) if !has_room(&quota) => Err(ErrorKind::OverQuota.into()),
        _ => Ok(()),
    }
}

fn sum(statements: Statements<'_>, sql: &str, account: AccountId) -> Result<u64, Error> {
    let sum = statements.one(sql, &[account.0.into()], |row| count(row, 0))?;
    Ok(sum.unwrap_or(0))
}

fn count(row: Row<'_>, column: usize) -> Result<u64, Error> {
    u64::try_from(row.integer(column)?).map_err(|error| Error::new(ErrorKind::Corruption).with_source(error))
}
