//! `quotas`: how much an account may hold (RFC 9208). Whoever administers the database writes the rows.

use imap_backend::{Error, ErrorKind, Quota, Usage};
use imap_seq::{Uid, UidSet};

use super::accounts::AccountId;
use super::messages;
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
    check(statements, account, |quota| {
        Ok(quota.has_room_for(messages, octets))
    })
}

/// Refuses a message of so many octets in the place of another where the difference exceeds the account's quota (RFC 8508,
/// section 3.4).
pub(crate) fn check_replacement(
    statements: Statements<'_>,
    account: AccountId,
    (mailbox, replaced): (i64, Uid),
    octets: u64,
) -> Result<(), Error> {
    check(statements, account, |quota| {
        let leaving = messages::octets(statements, (mailbox, &UidSet::from_iter([replaced])))?;
        Ok(quota.has_room_in_place_of(leaving, octets))
    })
}

/// `has_room` is asked only where the account has a quota.
fn check(
    statements: Statements<'_>,
    account: AccountId,
    has_room: impl FnOnce(&Quota) -> Result<bool, Error>,
) -> Result<(), Error> {
    match of(statements, account)? {
        Some(quota) if !has_room(&quota)? => Err(ErrorKind::OverQuota.into()),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use imap_backend::MailboxName;

    use super::*;
    use crate::engine::{Database, Place, statements_run};
    use crate::node::Node;
    use crate::tables::{accounts, names};

    #[test]
    fn what_a_replaced_message_weighs_is_asked_only_where_there_is_a_quota() {
        let node = Node::new(Database::open(Place::Memory, Duration::ZERO).unwrap());
        let (account, mailbox) = node
            .commit(|change| {
                let account = accounts::make(change.statements, "ann")?;
                let key = names::find(change.statements, account, &MailboxName::inbox())?;
                Ok((account, key.unwrap().id))
            })
            .unwrap();
        let check = |octets| {
            let check = |statements: Statements<'_>| {
                check_replacement(statements, account, (mailbox, Uid::MIN), octets)
            };
            statements_run(|| node.read(check))
        };
        let (checked, statements) = check(u64::MAX);
        checked.unwrap();
        assert_eq!(statements, 1, "the quota, of which there is none");
        node.commit(|change| {
            let statements = change.statements;
            let sql = "INSERT INTO quotas (account, resource, most) VALUES (?1, 'STORAGE', 1)";
            statements.execute(sql, &[account.0.into()])?;
            statements.execute("INSERT INTO blobs (size) VALUES (1000)", &[])?;
            let sql = "INSERT INTO messages (mailbox, blob) SELECT ?1, id FROM blobs";
            statements.execute(sql, &[mailbox.into()])
        })
        .unwrap();
        for (octets, refused) in [(1024, None), (1025, Some(ErrorKind::OverQuota))] {
            let (checked, statements) = check(octets);
            assert_eq!(checked.err().map(|error| error.kind()), refused, "{octets}");
            assert_eq!(
                statements, 3,
                "the quota, what is used of it, and what is replaced"
            );
        }
    }
}
