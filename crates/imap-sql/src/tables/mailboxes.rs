//! `mailboxes`: one mailbox by its number. UIDs and mod-sequences are allocated here, in the transaction that uses them.

use std::collections::{BTreeSet, HashMap};

use imap_backend::{Error, ErrorKind, MailboxName};
use imap_seq::{ModSeq, Uid, UidSet, UidValidity};

use super::accounts::AccountId;
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
    /// From this UID on, no session was told of the messages.
    pub(crate) recent_from: i64,
    /// Expunges up to this version may be forgotten.
    pub(crate) log_begins: i64,
    pub(crate) tombstones: i64,
    pub(crate) messages: u32,
    pub(crate) unseen: u32,
    pub(crate) deleted: u32,
}

impl MailboxRow {
    /// The UIDs of the messages that no session of any process was told of, and perhaps of some that are gone.
    pub(crate) fn unclaimed(&self) -> UidSet {
        let mut unclaimed = UidSet::new();
        let first = Uid::try_from(self.recent_from.max(1)).ok();
        let last = self
            .uid_next
            .map_or(Some(Uid::MAX), |next| Uid::new(next.get() - 1));
        if let (Some(first), Some(last)) = (first, last)
            && first <= last
        {
            unclaimed.insert_range(first, last);
        }
        unclaimed
    }
}

/// In the order in which [`mailbox_row`] reads them.
const COLUMNS: &str =
    "uid_validity, uid_next, highest_modseq, recent_from, log_begins, tombstones, messages, unseen, deleted";

pub(crate) fn find(statements: Statements<'_>, id: i64) -> Result<Option<MailboxRow>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM mailboxes WHERE id = ?1");
    statements.one(&sql, &[id.into()], mailbox_row)
}

/// The mailbox of a name, and what its row says.
pub(crate) fn named(
    statements: Statements<'_>,
    account: AccountId,
    name: &MailboxName,
) -> Result<Option<(MailboxKey, MailboxRow)>, Error> {
    let sql = format!("SELECT {COLUMNS}, id FROM mailboxes WHERE account = ?1 AND name = ?2");
    statements.one(&sql, &[account.0.into(), name.as_str().into()], |row| {
        let (id, row) = (row.integer(9)?, mailbox_row(row)?);
        let uid_validity = row.uid_validity;
        Ok((MailboxKey { id, uid_validity }, row))
    })
}

fn mailbox_row(row: Row<'_>) -> Result<MailboxRow, Error> {
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
}

fn count(row: Row<'_>, column: usize) -> Result<u32, Error> {
    let number = row.integer(column)?;
    u32::try_from(number).map_err(|error| Error::new(ErrorKind::Corruption).with_source(error))
}

/// How far these mailboxes are. One whose row is damaged is left out: whoever reads it is told so.
pub(crate) fn positions(
    statements: Statements<'_>,
    ids: &[i64],
) -> Result<HashMap<MailboxKey, ModSeq>, Error> {
    let among = statements.dialect().among_first_value();
    let sql = format!("SELECT id, uid_validity, highest_modseq FROM mailboxes WHERE id{among}");
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    let mut positions = HashMap::new();
    statements.each(&sql, &[ids.join(",").as_str().into()], |row| {
        if let Ok((key, modseq)) = position(row) {
            positions.insert(key, modseq);
        }
        Ok(())
    })?;
    Ok(positions)
}

fn position(row: Row<'_>) -> Result<(MailboxKey, ModSeq), Error> {
    let uid_validity = row.integer(1)?.try_into()?;
    let key = MailboxKey {
        id: row.integer(0)?,
        uid_validity,
    };
    Ok((key, row.integer(2)?.try_into()?))
}

/// The mailbox, unless it was deleted or got other UIDs since `key` was found.
pub(crate) fn current(statements: Statements<'_>, key: MailboxKey) -> Result<Option<MailboxRow>, Error> {
    Ok(find(statements, key.id)?.filter(|row| row.uid_validity == key.uid_validity))
}

/// Takes the locks of mailboxes: nobody else changes them until the transaction ends. Before anything is read that the change
/// depends on; all at once, so that they are taken in one order and nobody waits in a circle.
pub(crate) fn lock(statements: Statements<'_>, ids: &[i64]) -> Result<(), Error> {
    let ids: BTreeSet<i64> = ids.iter().copied().collect();
    let for_update = statements.dialect().for_update();
    if for_update.is_empty() {
        return Ok(()); // a transaction that writes has all of the database locked
    }
    let sql = format!("SELECT id FROM mailboxes WHERE id = ?1{for_update}");
    for id in ids {
        statements.one(&sql, &[id.into()], |_| Ok(()))?;
    }
    Ok(())
}

/// The mod-sequence of the changes that this transaction makes in the mailbox. To be asked for once in a transaction, and
/// before its first change: it takes the lock of the row, so that versions become visible in their order.
pub(crate) fn next_modseq(statements: Statements<'_>, id: i64) -> Result<ModSeq, Error> {
    let sql =
        "UPDATE mailboxes SET highest_modseq = highest_modseq + 1 WHERE id = ?1 RETURNING highest_modseq";
    let modseq = statements.one(sql, &[id.into()], |row| row.integer(0))?;
    Ok(modseq.ok_or(ErrorKind::NonExistent)?.try_into()?)
}

/// What a transaction stores new messages under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// The first of the UIDs.
    pub(crate) first: i64,
    pub(crate) modseq: ModSeq,
}

/// Allocates so many UIDs, and the mod-sequence of the change, as [`next_modseq`] does. `None` if the mailbox was deleted or got
/// other UIDs since `key` was found.
pub(crate) fn allocate(
    statements: Statements<'_>,
    key: MailboxKey,
    number: u64,
) -> Result<Option<Allocated>, Error> {
    let number = i64::try_from(number).map_err(|_| ErrorKind::Limit)?;
    let sql = "UPDATE mailboxes SET highest_modseq = highest_modseq + 1, uid_next = uid_next + ?3 \
               WHERE id = ?1 AND uid_validity = ?2 AND uid_next + ?3 <= 4294967296 RETURNING highest_modseq, uid_next";
    let values = [
        key.id.into(),
        i64::from(key.uid_validity.get()).into(),
        number.into(),
    ];
    let allocated = statements.one(sql, &values, |row| {
        Ok(Allocated {
            first: row.integer(1)? - number,
            modseq: row.integer(0)?.try_into()?,
        })
    })?;
    match allocated {
        None if current(statements, key)?.is_some() => Err(ErrorKind::Limit.into()),
        allocated => Ok(allocated),
    }
}

/// Claims the messages that no session of any process was told of, and gives their UIDs: they are `\Recent` for a session of
/// this process, and for no other. No change that a client sees, so no mod-sequence.
pub(crate) fn claim_recent(statements: Statements<'_>, key: MailboxKey) -> Result<UidSet, Error> {
    lock(statements, &[key.id])?;
    let unclaimed = current(statements, key)?
        .map(|row| row.unclaimed())
        .unwrap_or_default();
    if !unclaimed.is_empty() {
        let sql = "UPDATE mailboxes SET recent_from = uid_next WHERE id = ?1";
        statements.execute(sql, &[key.id.into()])?;
    }
    Ok(unclaimed)
}
