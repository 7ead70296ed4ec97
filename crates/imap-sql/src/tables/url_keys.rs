//! `url_keys`: the secrets that URLs are authorized with (RFC 4467). They are removed with their mailbox by a trigger.

use imap_backend::{Error, ErrorKind, UrlKey};

use super::accounts::AccountId;
use crate::engine::Statements;

/// The key of a user for a mailbox.
pub(crate) fn find(
    statements: Statements<'_>,
    (account, mailbox): (AccountId, i64),
) -> Result<Option<UrlKey>, Error> {
    let sql = "SELECT octets FROM url_keys WHERE account = ?1 AND mailbox = ?2";
    statements.one(sql, &[account.0.into(), mailbox.into()], |row| {
        let octets = row.octets(0)?.try_into();
        let octets =
            octets.map_err(|_| Error::new(ErrorKind::Corruption).with_source("a key of another length"));
        octets.map(UrlKey::new)
    })
}

/// The key; where there is none, `fresh` becomes it.
pub(crate) fn keep(
    statements: Statements<'_>,
    place: (AccountId, i64),
    fresh: &UrlKey,
) -> Result<Option<UrlKey>, Error> {
    let (account, mailbox) = place;
    let sql = "INSERT INTO url_keys (account, mailbox, octets) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let octets = fresh.octets().as_slice();
    statements.execute(sql, &[account.0.into(), mailbox.into(), octets.into()])?;
    find(statements, place)
}

/// Removes the key of a mailbox.
pub(crate) fn remove(statements: Statements<'_>, (account, mailbox): (AccountId, i64)) -> Result<(), Error> {
    let sql = "DELETE FROM url_keys WHERE account = ?1 AND mailbox = ?2";
    statements
        .execute(sql, &[account.0.into(), mailbox.into()])
        .map(drop)
}

/// Removes all keys of a user.
pub(crate) fn remove_all(statements: Statements<'_>, account: AccountId) -> Result<(), Error> {
    let sql = "DELETE FROM url_keys WHERE account = ?1";
    statements.execute(sql, &[account.0.into()]).map(drop)
}
