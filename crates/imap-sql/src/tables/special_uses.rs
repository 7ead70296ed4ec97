//! `mailboxes.special_use`: what mailboxes are for (RFC 6154).

use std::collections::BTreeMap;

use imap_backend::{Error, MailboxName, SpecialUse};

use super::accounts::AccountId;
use crate::engine::Statements;

/// The mailboxes whose names begin with `prefix`, and what each is for.
pub(crate) fn beginning_with(
    statements: Statements<'_>,
    account: AccountId,
    prefix: &str,
) -> Result<BTreeMap<MailboxName, SpecialUse>, Error> {
    let mut uses = BTreeMap::new();
    let sql = "SELECT name, special_use FROM mailboxes \
               WHERE account = ?1 AND substr(name, 1, length(?2)) = ?2";
    statements.each(sql, &[account.0.into(), prefix.into()], |row| {
        if let Some(name) = MailboxName::new(row.text(0)?) {
            uses.insert(
                name,
                SpecialUse::of_text(row.text_or_null(1)?.unwrap_or_default()),
            );
        }
        Ok(())
    })?;
    Ok(uses)
}

/// Gives a mailbox these uses. Each use is one mailbox's: others of the account lose it.
pub(crate) fn give(
    statements: Statements<'_>,
    (account, mailbox): (AccountId, i64),
    uses: SpecialUse,
) -> Result<(), Error> {
    let mut changes = vec![(mailbox, uses)];
    let sql = "SELECT id, special_use FROM mailboxes WHERE account = ?1 AND special_use IS NOT NULL";
    statements.each(sql, &[account.0.into()], |row| {
        let held = SpecialUse::of_text(row.text_or_null(1)?.unwrap_or_default());
        if row.integer(0)? != mailbox && held.without(uses) != held {
            changes.push((row.integer(0)?, held.without(uses)));
        }
        Ok(())
    })?;
    let sql = "UPDATE mailboxes SET special_use = nullif(?2, '') WHERE id = ?1";
    for (mailbox, uses) in changes {
        statements.execute(sql, &[mailbox.into(), uses.to_string().as_str().into()])?;
    }
    Ok(())
}
