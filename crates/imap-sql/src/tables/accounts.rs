//! `accounts`: the users, each with an INBOX.

use imap_backend::{Error, ErrorKind, MailboxName};

use super::names;
use crate::admin::{Account, Secrets};
use crate::engine::Statements;

/// The number of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountId(pub(crate) i64);

pub(crate) fn find(statements: Statements<'_>, name: &str) -> Result<Option<AccountId>, Error> {
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

/// The account of that name, made if there is none.
pub(crate) fn make(statements: Statements<'_>, name: &str) -> Result<AccountId, Error> {
    let sql = "INSERT INTO accounts (name) VALUES (?1) ON CONFLICT DO NOTHING";
    statements.execute(sql, &[name.into()])?;
    complete(statements, name)?.ok_or_else(|| ErrorKind::ServerBug.into())
}

/// The account of that name, if it is there. Its INBOX is made if there is none: it is always there (RFC 9051, section 5.1).
pub(crate) fn complete(statements: Statements<'_>, name: &str) -> Result<Option<AccountId>, Error> {
    let Some(account) = find(statements, name)? else {
        return Ok(None);
    };
    let inbox = MailboxName::inbox();
    if names::find(statements, account, &inbox)?.is_none() {
        names::create(statements, account, &inbox)?;
    }
    Ok(Some(account))
}

/// All accounts, by name.
pub(crate) fn all(statements: Statements<'_>) -> Result<Vec<Account>, Error> {
    // `CAST`: engines differ in what type a CASE or a sum has.
    let sql = "SELECT accounts.name, CAST(CASE WHEN password IS NULL THEN 0 ELSE 1 END AS BIGINT), \
               count(mailboxes.id), CAST(coalesce(sum(messages), 0) AS BIGINT) \
               FROM accounts LEFT JOIN mailboxes ON mailboxes.account = accounts.id \
               GROUP BY accounts.id, accounts.name, password ORDER BY accounts.name";
    let mut all = Vec::new();
    statements.each(sql, &[], |row| {
        all.push(Account {
            name: row.text(0)?.to_owned(),
            may_log_in: row.integer(1)? == 1,
            mailboxes: row.integer(2)?.try_into().unwrap_or(0),
            messages: row.integer(3)?.try_into().unwrap_or(0),
        });
        Ok(())
    })?;
    Ok(all)
}

/// The column `password` of the account of that name, if both are there.
pub(crate) fn password(statements: Statements<'_>, name: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT password FROM accounts WHERE name = ?1 AND password IS NOT NULL";
    statements.one(sql, &[name.into()], |row| Ok(row.text(0)?.to_owned()))
}

/// The column `scram_sha_256` of the account of that name, if it has a password too.
pub(crate) fn scram_sha_256(statements: Statements<'_>, name: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT scram_sha_256 FROM accounts WHERE name = ?1 AND password IS NOT NULL AND scram_sha_256 IS NOT NULL";
    statements.one(sql, &[name.into()], |row| Ok(row.text(0)?.to_owned()))
}

pub(crate) fn set_secrets(
    statements: Statements<'_>,
    account: AccountId,
    secrets: &Secrets,
) -> Result<(), Error> {
    let sql = "UPDATE accounts SET password = ?2, scram_sha_256 = ?3 WHERE id = ?1";
    let values = [
        account.0.into(),
        secrets.password.as_str().into(),
        secrets.scram_sha_256.as_str().into(),
    ];
    statements.execute(sql, &values).map(drop)
}

/// Removes an account. Triggers remove what is in it.
pub(crate) fn delete(statements: Statements<'_>, account: AccountId) -> Result<(), Error> {
    let sql = "DELETE FROM accounts WHERE id = ?1";
    statements.execute(sql, &[account.0.into()]).map(drop)
}
