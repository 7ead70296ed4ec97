//! `acl`: who may do what in a mailbox (RFC 4314). Rows are removed with their mailbox by a trigger.

use std::collections::BTreeMap;

use imap_backend::{Acl, AclChange, Error, ErrorKind, Grantable, Identifier, MailboxName, Rights};

use super::accounts::AccountId;
use super::{mailboxes, names};
use crate::engine::{Row, Statements};

/// The ACL of a mailbox, as it is kept; `None` where there is no such mailbox. One query, since many commands begin with it.
pub(crate) fn of(
    statements: Statements<'_>,
    account: AccountId,
    name: &MailboxName,
) -> Result<Option<Acl>, Error> {
    let sql = "SELECT identifier, rights FROM mailboxes LEFT JOIN acl ON acl.mailbox = mailboxes.id \
               WHERE account = ?1 AND name = ?2 ORDER BY identifier";
    let (mut entries, mut is_there) = (Vec::new(), false);
    statements.each(sql, &[account.0.into(), name.as_str().into()], |row| {
        is_there = true;
        entries.extend(entry(row, 0)?);
        Ok(())
    })?;
    Ok(is_there.then(|| entries.into_iter().collect()))
}

/// The ACLs of those mailboxes whose names begin with `prefix` that have entries.
pub(crate) fn beginning_with(
    statements: Statements<'_>,
    account: AccountId,
    prefix: &str,
) -> Result<BTreeMap<MailboxName, Acl>, Error> {
    let sql = "SELECT name, identifier, rights FROM mailboxes JOIN acl ON acl.mailbox = mailboxes.id \
               WHERE account = ?1 AND substr(name, 1, length(?2)) = ?2 ORDER BY identifier";
    let mut entries: BTreeMap<MailboxName, Vec<_>> = BTreeMap::new();
    statements.each(sql, &[account.0.into(), prefix.into()], |row| {
        if let Some(name) = MailboxName::new(row.text(0)?) {
            entries.entry(name).or_default().extend(entry(row, 1)?);
        }
        Ok(())
    })?;
    let acls = entries.into_iter();
    Ok(acls
        .map(|(name, entries)| (name, entries.into_iter().collect()))
        .collect())
}

/// The entry of a row; `None` where there is none, or one that IMAP cannot say: somebody wrote it by hand.
fn entry(row: Row<'_>, first: usize) -> Result<Option<(Identifier, Rights)>, Error> {
    let Some(identifier) = row.text_or_null(first)?.and_then(Identifier::new) else {
        return Ok(None);
    };
    let rights = row.text_or_null(first + 1)?.unwrap_or_default();
    Ok(Some((identifier, Rights::of_letters(rights))))
}

/// Changes what an identifier is granted in a mailbox of this user.
pub(crate) fn change(
    statements: Statements<'_>,
    (account, user): (AccountId, &str),
    name: &MailboxName,
    (identifier, change): (&Identifier, AclChange),
) -> Result<(), Error> {
    let key = names::find(statements, account, name)?.ok_or(ErrorKind::NonExistent)?;
    mailboxes::lock(statements, &[key.id])?;
    let kept = of(statements, account, name)?.ok_or(ErrorKind::NonExistent)?;
    let mut acl = kept.owned_by(user);
    acl.change(identifier, change, &Grantable::in_mailbox_of(user, identifier))?;
    let place = [key.id.into(), identifier.as_str().into()];
    match acl.get(identifier) {
        Some(rights) => {
            let sql = "INSERT INTO acl (mailbox, identifier, rights) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (mailbox, identifier) DO UPDATE SET rights = excluded.rights";
            let [mailbox, identifier] = place;
            statements.execute(sql, &[mailbox, identifier, rights.letters().as_str().into()])?;
        }
        None => {
            let sql = "DELETE FROM acl WHERE mailbox = ?1 AND identifier = ?2";
            statements.execute(sql, &place)?;
        }
    }
    Ok(())
}

/// Gives a new mailbox the ACL of its superior.
pub(crate) fn inherit(
    statements: Statements<'_>,
    account: AccountId,
    name: &MailboxName,
    superior: &MailboxName,
) -> Result<(), Error> {
    let sql = "INSERT INTO acl (mailbox, identifier, rights) \
               SELECT made.id, acl.identifier, acl.rights FROM mailboxes AS made, mailboxes AS superior, acl \
               WHERE made.account = ?1 AND made.name = ?2 AND superior.account = ?1 AND superior.name = ?3 \
               AND acl.mailbox = superior.id";
    let values = [account.0.into(), name.as_str().into(), superior.as_str().into()];
    statements.execute(sql, &values).map(drop)
}
