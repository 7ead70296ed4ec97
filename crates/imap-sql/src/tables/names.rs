//! `mailboxes`: the names of an account.

use std::collections::BTreeMap;

use imap_backend::{Error, ErrorKind, MailboxName};

use super::accounts::AccountId;
use super::acl;
use super::mailboxes::MailboxKey;
use crate::engine::Statements;

/// What stands between the parts of a name.
pub(crate) const DELIMITER: char = '/';

pub(crate) fn find(
    statements: Statements<'_>,
    account: AccountId,
    name: &MailboxName,
) -> Result<Option<MailboxKey>, Error> {
    let sql = "SELECT id, uid_validity FROM mailboxes WHERE account = ?1 AND name = ?2";
    statements.one(sql, &[account.0.into(), name.as_str().into()], |row| {
        Ok(MailboxKey {
            id: row.integer(0)?,
            uid_validity: row.integer(1)?.try_into()?,
        })
    })
}

/// The mailboxes whose names begin with `prefix`. A name that IMAP cannot say is passed over: somebody wrote it by hand.
pub(crate) fn beginning_with(
    statements: Statements<'_>,
    account: AccountId,
    prefix: &str,
) -> Result<BTreeMap<MailboxName, MailboxKey>, Error> {
    let mut names = BTreeMap::new();
    let sql = "SELECT name, id, uid_validity FROM mailboxes \
               WHERE account = ?1 AND substr(name, 1, length(?2)) = ?2";
    statements.each(sql, &[account.0.into(), prefix.into()], |row| {
        if let Some(name) = MailboxName::new(row.text(0)?) {
            let uid_validity = row.integer(2)?.try_into()?;
            let id = row.integer(1)?;
            names.insert(name, MailboxKey { id, uid_validity });
        }
        Ok(())
    })?;
    Ok(names)
}

/// Makes a mailbox, and the superiors it lacks (RFC 9051, section 6.3.4).
pub(crate) fn create(
    statements: Statements<'_>,
    account: AccountId,
    name: &MailboxName,
) -> Result<MailboxKey, Error> {
    if name.as_str().split(DELIMITER).any(str::is_empty) {
        return Err(ErrorKind::Cannot.into());
    }
    if find(statements, account, name)?.is_some() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    make_superiors(statements, account, name)?;
    match insert(statements, account, name)? {
        Inserted::Now => find(statements, account, name)?.ok_or_else(|| ErrorKind::ServerBug.into()),
        Inserted::ByAnother => Err(ErrorKind::AlreadyExists.into()),
    }
}

fn make_superiors(statements: Statements<'_>, account: AccountId, name: &MailboxName) -> Result<(), Error> {
    let superiors = std::iter::successors(name.parent(DELIMITER), |name| name.parent(DELIMITER));
    let superiors: Vec<MailboxName> = superiors.collect();
    // The highest first: each has the ACL of the one above it.
    for superior in superiors.iter().rev() {
        if find(statements, account, superior)?.is_none() {
            let _either = insert(statements, account, superior)?; // whoever made it, it is there
        }
    }
    Ok(())
}

/// Who has made a mailbox that was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inserted {
    Now,
    /// Somebody else, whose transaction was committed meanwhile.
    ByAnother,
}

/// Makes a mailbox whose superiors are there.
fn insert(statements: Statements<'_>, account: AccountId, name: &MailboxName) -> Result<Inserted, Error> {
    // A trigger gives the UIDVALIDITY.
    let sql = "INSERT INTO mailboxes (account, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if statements.execute(sql, &[account.0.into(), name.as_str().into()])? == 0 {
        return Ok(Inserted::ByAnother);
    }
    if let Some(superior) = name.parent(DELIMITER) {
        acl::inherit(statements, account, name, &superior)?;
    }
    Ok(Inserted::Now)
}

/// Removes a mailbox with its messages, not its inferiors (RFC 9051, section 6.3.5).
pub(crate) fn delete(
    statements: Statements<'_>,
    account: AccountId,
    name: &MailboxName,
) -> Result<MailboxKey, Error> {
    if name.is_inbox() {
        return Err(ErrorKind::Cannot.into());
    }
    let key = find(statements, account, name)?.ok_or(ErrorKind::NonExistent)?;
    statements.execute("DELETE FROM mailboxes WHERE id = ?1", &[key.id.into()])?;
    Ok(key)
}

/// Renames a mailbox and its inferiors (RFC 9051, section 6.3.6); answers their new names.
pub(crate) fn rename(
    statements: Statements<'_>,
    account: AccountId,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<BTreeMap<MailboxName, MailboxKey>, Error> {
    let cannot =
        to == from || to.is_inferior_of(from, DELIMITER) || to.as_str().split(DELIMITER).any(str::is_empty);
    if cannot {
        return Err(ErrorKind::Cannot.into());
    }
    let own = find(statements, account, from)?.ok_or(ErrorKind::NonExistent)?;
    if find(statements, account, to)?.is_some() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    make_superiors(statements, account, to)?;
    let below = format!("{from}{DELIMITER}");
    let inferiors = beginning_with(statements, account, &below)?;
    let mut renamed = BTreeMap::new();
    for (name, key) in std::iter::once((from.clone(), own)).chain(inferiors) {
        let rest = name.as_str().get(from.as_str().len()..).unwrap_or_default();
        let new = MailboxName::new(&format!("{to}{rest}")).ok_or(ErrorKind::Cannot)?;
        if find(statements, account, &new)?.is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let sql = "UPDATE mailboxes SET name = ?2 WHERE id = ?1";
        statements.execute(sql, &[key.id.into(), new.as_str().into()])?;
        renamed.insert(new, key);
    }
    Ok(renamed)
}
