//! `accounts`: the users, each with an INBOX.

use imap_backend::{Error, ErrorKind, MailboxName};

use super::names;
use crate::engine::Statements;

/// The number of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountId(pub(crate) i64);

fn find(statements: Statements<'_>, name: &str) -> Result<Option<AccountId>, Error> {
    statements.one("SELECT id FROM accounts WHERE name = ?1", &[name.into()], |row| {
        Ok(AccountId(row.integer(0)?))
    })
}

/// The account of that name, if it is there with an INBOX.
pub(crate) fn find_complete(statements: Statements<'_>, name: &str) -> Result<Option<AccountId>, Error> {
    let Some(account) = find(statements, name)? else {
        return Ok(None);
    };
    let inbox = names::find(statements, account, &MailboxName::inbox())?;
    Ok(inbox.map(|_| account))
}

/// The account of that name, made if there is none. Its INBOX too: it is always there (RFC 9051, section 5.1).
pub(crate) fn make(statements: Statements<'_>, name: &str) -> Result<AccountId, Error> {
    let sql = "INSERT INTO accounts (name) VALUES (?1) ON CONFLICT DO NOTHING";
    statements.execute(sql, &[name.into()])?;
    let account = find(statements, name)?.ok_or(ErrorKind::ServerBug)?;
    let inbox = MailboxName::inbox();
    if names::find(statements, account, &inbox)?.is_none() {
        names::create(statements, account, &inbox)?;
    }
    Ok(account)
}
