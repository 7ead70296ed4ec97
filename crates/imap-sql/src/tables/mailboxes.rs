//! `mailboxes`: one mailbox by its number. UIDs and mod-sequences are allocated here, in the transaction that uses them.

use imap_backend::{Error, ErrorKind};
use imap_seq::{ModSeq, Uid, UidValidity};

use crate::engine::{Row, Statements};

/// Which mailbox: its number, and the UIDVALIDITY for which a hub was opened. Neither is used again after the mailbox is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MailboxKey {
    pub(crate) id: i64,
    pub(crate) uid_validity: UidValidity,
}

/// What the mailbox's row says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MailboxRow {
    pub(crate) uid_validity: UidValidity,
    /// `None` when UIDs are used up.
    pub(crate) uid_next: Option<Uid>,
    pub(crate) highest_modseq: ModSeq,
    /// From this UID on, messages are `\Recent`.
    pub(crate) recent_from: i64,
    /// Expunges up to this version may be forgotten.
    pub(crate) log_begins: i64,
    pub(crate) tombstones: i64,
    pub(crate) messages: u32,
    pub(crate) unseen: u32,
    pub(crate) deleted: u32,
}

pub(crate) fn find(statements: Statements<'_>, id: i64) -> Result<Option<MailboxRow>, Error> {
    let sql = "SELECT uid_validity, uid_next, highest_modseq, recent_from, log_begins, tombstones, messages, unseen, \
               deleted FROM mailboxes WHERE id = ?1";
    statements.one(sql, &[id.into()], |row| {
        Ok(MailboxRow {
            uid_validity: row.integer(0)?.try_into()?,
            uid_next: Uid::try_from(row.integer(1)?).ok(),
            highest_modseq: row.integer(2)?.try_into()?,
            recent_from: row.integer(3)?,
            log_begins: row.integer(4)?,
            tombstones: row.integer(5)?,
            messages: count(row, 6)?,
            unseen: count(row, 7)?,
            deleted: count(row, 8)?,
        })
    })
}

fn count(row: Row<'_>, column: usize) -> Result<u32, Error> {
    let number = row.integer(column)?;
    u32::try_from(number).map_err(|error| Error::new(ErrorKind::Corruption).with_source(error))
}

/// The mailbox, unless it was deleted or got other UIDs since `key` was found.
pub(crate) fn current(statements: Statements<'_>, key: MailboxKey) -> Result<Option<MailboxRow>, Error> {
    Ok(find(statements, key.id)?.filter(|row| row.uid_validity == key.uid_validity))
}

/// The mod-sequence of the changes that this transaction makes in the mailbox. To be asked for once in a transaction, and
/// before its first change: it takes the lock of the row, so that versions become visible in their order.
pub(crate) fn next_modseq(statements: Statements<'_>, id: i64) -> Result<ModSeq, Error> {
    let sql =
        "UPDATE mailboxes SET highest_modseq = highest_modseq + 1 WHERE id = ?1 RETURNING highest_modseq";
    let modseq = statements.one(sql, &[id.into()], |row| row.integer(0))?;
    Ok(modseq.ok_or(ErrorKind::NonExistent)?.try_into()?)
}

/// Allocates so many UIDs; answers the first of them.
pub(crate) fn take_uids(statements: Statements<'_>, id: i64, number: u64) -> Result<i64, Error> {
    let number = i64::try_from(number).map_err(|_| ErrorKind::Limit)?;
    let sql = "UPDATE mailboxes SET uid_next = uid_next + ?2 WHERE id = ?1 AND uid_next + ?2 <= 4294967296 \
               RETURNING uid_next";
    let next = statements.one(sql, &[id.into(), number.into()], |row| row.integer(0))?;
    // The row is there: `next_modseq` has locked it.
    Ok(next.ok_or(ErrorKind::Limit)? - number)
}

/// Messages below this UID are `\Recent` for nobody else: a session of ours was told of them. No change that a client sees,
/// so no mod-sequence.
pub(crate) fn claim_recent(statements: Statements<'_>, id: i64, below: Uid) -> Result<(), Error> {
    let sql = "UPDATE mailboxes SET recent_from = ?2 WHERE id = ?1 AND recent_from < ?2";
    statements.execute(sql, &[id.into(), below.into()]).map(drop)
}
