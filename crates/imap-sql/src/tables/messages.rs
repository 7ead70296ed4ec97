//! `messages`: the messages of one mailbox.

use chrono::{DateTime, FixedOffset, Utc};
use imap_backend::{Error, ErrorKind, ObjectId, Rights};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Flags, Origin};

use crate::columns::{FlagColumns, bits_of, date_columns, date_of, flags_of, now};
use crate::engine::{Row, Statements, Value};

/// A message that is stored, but for its number.
#[derive(Clone, Debug)]
pub(crate) struct NewMessage {
    pub(crate) flags: Flags,
    /// INTERNALDATE; now where there is none.
    pub(crate) received: Option<DateTime<FixedOffset>>,
    pub(crate) size: i64,
    pub(crate) blob: i64,
}

/// What STORE has to know of a message.
#[derive(Clone, Debug)]
pub(crate) struct FlagRow {
    pub(crate) uid: Uid,
    pub(crate) modseq: ModSeq,
    pub(crate) flags: Flags,
}

/// What FETCH has to know of a message.
#[derive(Clone, Debug)]
pub(crate) struct MessageRow {
    pub(crate) flags: FlagRow,
    pub(crate) received: DateTime<FixedOffset>,
    pub(crate) size: u64,
    pub(crate) blob: i64,
    pub(crate) saved: Option<DateTime<Utc>>,
    pub(crate) thread: Option<ObjectId>,
    /// As the column has it; `None` where that is NULL, or was not asked for.
    pub(crate) summary: Option<Vec<u8>>,
}

const DELETED: &str = "SELECT uid FROM messages WHERE mailbox = ?1 AND flags & 4 <> 0";

/// Of more ranges than this the UIDs are listed: a statement for each range would take longer than its messages do.
const FEW_RANGES: u64 = 8;
/// So many messages are listed by one statement.
const LISTED_TOGETHER: usize = 1000;
/// Where the values of a copy have the UID of its first message: `?4`.
const NEW_UID: usize = 3;

const FIRST_UNSEEN: &str =
    "SELECT uid FROM messages WHERE mailbox = ?1 AND flags & 8 = 0 ORDER BY uid LIMIT 1";

/// Whether the summary is read along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithSummary {
    Yes,
    No,
}

/// Stores a message under this UID.
pub(crate) fn insert(
    statements: Statements<'_>,
    mailbox: i64,
    (uid, modseq): (i64, ModSeq),
    message: &NewMessage,
    now: i64,
) -> Result<(), Error> {
    let sql = "INSERT INTO messages (mailbox, uid, modseq, flags, keywords, received, zone, saved, size, blob) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let columns = FlagColumns::of(&message.flags);
    let (received, zone) = message.received.map_or((now, 0), date_columns);
    let values = [
        mailbox.into(),
        uid.into(),
        modseq.into(),
        columns.flags.into(),
        columns.keywords.as_str().into(),
        received.into(),
        zone.into(),
        now.into(),
        message.size.into(),
        message.blob.into(),
    ];
    statements.execute(sql, &values).map(drop)
}

/// Stores copies of messages, the first under the UID `to.1`, in their order: dates and octets are their own, and so are the
/// flags that these rights are enough to set.
/// [`ErrorKind::ExpungeIssued`] if one of them is gone.
pub(crate) fn copy(
    statements: Statements<'_>,
    (from, uids): (i64, &UidSet),
    to: (i64, i64, ModSeq),
    rights: Rights,
) -> Result<(), Error> {
    let sql = "INSERT INTO messages \
               (mailbox, uid, modseq, flags, keywords, received, zone, saved, size, blob, thread_id) \
               SELECT ?3, ?4 - 1 + row_number() OVER (ORDER BY uid), ?5, flags & ?7, \
               CASE WHEN ?8 = 1 THEN keywords ELSE '' END, received, zone, ?6, size, blob, thread_id \
               FROM messages WHERE mailbox = ?2 AND ";
    let (mailbox, first, modseq) = to;
    let mut copied: i64 = 0;
    let values = [
        from.into(),
        mailbox.into(),
        first.into(),
        modseq.into(),
        now().into(),
        bits_of(rights).into(),
        i64::from(rights.includes(Rights::WRITE)).into(),
    ];
    on_parts(statements, (sql, &values), uids, |sql, values| {
        values[NEW_UID] = (first + copied).into();
        copied += i64::try_from(statements.execute(sql, values)?).unwrap_or(i64::MAX);
        Ok(())
    })?;
    if u64::try_from(copied) != Ok(uids.len()) {
        return Err(ErrorKind::ExpungeIssued.into());
    }
    Ok(())
}

/// Runs a statement on the messages of a set, in as few parts as is quick. `sql` is it up to the condition on the UIDs, which is put
/// behind it; its own values are `?2` and those that follow.
fn on_parts(
    statements: Statements<'_>,
    (sql, values): (&str, &[Value<'_>]),
    uids: &UidSet,
    mut run: impl FnMut(&str, &mut [Value<'_>]) -> Result<(), Error>,
) -> Result<(), Error> {
    if uids.count_ranges() <= FEW_RANGES {
        let sql = format!("{sql}uid BETWEEN ?1 AND ?{}", values.len() + 2);
        for (first, last) in uids.ranges() {
            run(&sql, &mut [&[first.into()], values, &[last.into()]].concat())?;
        }
        return Ok(());
    }
    let sql = format!("{sql}uid{}", statements.dialect().among_first_value());
    let mut uids = uids.iter().peekable();
    while uids.peek().is_some() {
        let some: Vec<String> = uids
            .by_ref()
            .take(LISTED_TOGETHER)
            .map(|uid| uid.to_string())
            .collect();
        let list = some.join(",");
        run(&sql, &mut [&[list.as_str().into()], values].concat())?;
    }
    Ok(())
}

fn execute_on_parts(
    statements: Statements<'_>,
    (sql, values): (&str, &[Value<'_>]),
    uids: &UidSet,
) -> Result<(), Error> {
    on_parts(statements, (sql, values), uids, |sql, values| {
        statements.execute(sql, values).map(drop)
    })
}

/// Removes messages. A trigger writes the log.
pub(crate) fn remove(statements: Statements<'_>, mailbox: i64, uids: &UidSet) -> Result<(), Error> {
    let sql = "DELETE FROM messages WHERE mailbox = ?2 AND ";
    execute_on_parts(statements, (sql, &[mailbox.into()]), uids)
}

/// Removes the messages with `\Deleted` among these UIDs. A trigger writes the log. What it costs follows from their number, and
/// neither from that of the others nor from where they are.
pub(crate) fn remove_deleted(statements: Statements<'_>, mailbox: i64, uids: &UidSet) -> Result<(), Error> {
    let deleted = set(statements, DELETED, &[mailbox.into()])?.intersection(uids);
    remove(statements, mailbox, &deleted)
}

/// Sets the flags of messages. `maker` is the session that does so.
pub(crate) fn set_flags(
    statements: Statements<'_>,
    (mailbox, uids): (i64, &UidSet),
    columns: &FlagColumns,
    (modseq, maker): (ModSeq, Origin),
) -> Result<(), Error> {
    let sql =
        "UPDATE messages SET flags = ?3, keywords = ?4, modseq = ?5, maker = ?6 WHERE mailbox = ?2 AND ";
    let values = [
        mailbox.into(),
        columns.flags.into(),
        columns.keywords.as_str().into(),
        modseq.into(),
        maker.to_i64().into(),
    ];
    execute_on_parts(statements, (sql, &values), uids)
}

/// Those of these messages whose flags this session changed last.
pub(crate) fn made_by(
    statements: Statements<'_>,
    (mailbox, uids): (i64, &UidSet),
    maker: Origin,
) -> Result<UidSet, Error> {
    let sql = "SELECT uid FROM messages WHERE mailbox = ?2 AND maker = ?3 AND ";
    let values = [mailbox.into(), maker.to_i64().into()];
    let mut made = UidSet::new();
    on_parts(statements, (sql, &values), uids, |sql, values| {
        made = made.union(&set(statements, sql, values)?);
        Ok(())
    })?;
    Ok(made)
}

/// Makes the last change of these messages nobody's and new, so that every session is told of it.
pub(crate) fn disown(
    statements: Statements<'_>,
    (mailbox, uids): (i64, &UidSet),
    modseq: ModSeq,
) -> Result<(), Error> {
    let sql = "UPDATE messages SET modseq = ?3, maker = 0 WHERE mailbox = ?2 AND ";
    execute_on_parts(statements, (sql, &[mailbox.into(), modseq.into()]), uids)
}

/// The flags of those of these messages that are there, in no order.
pub(crate) fn flags(
    statements: Statements<'_>,
    mailbox: i64,
    uids: &UidSet,
    mut look: impl FnMut(FlagRow),
) -> Result<(), Error> {
    let sql = "SELECT uid, modseq, flags, keywords FROM messages WHERE mailbox = ?2 AND ";
    on_parts(statements, (sql, &[mailbox.into()]), uids, |sql, values| {
        statements.each(sql, values, |row| {
            look(flag_row(row)?);
            Ok(())
        })
    })
}

/// The flags of the messages from one UID to another, ascending.
pub(crate) fn flags_between(
    statements: Statements<'_>,
    mailbox: i64,
    (first, last): (Uid, Uid),
    mut look: impl FnMut(FlagRow),
) -> Result<(), Error> {
    let sql = "SELECT uid, modseq, flags, keywords FROM messages \
               WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid";
    statements.each(sql, &[mailbox.into(), first.into(), last.into()], |row| {
        look(flag_row(row)?);
        Ok(())
    })
}

fn flag_row(row: Row<'_>) -> Result<FlagRow, Error> {
    Ok(FlagRow {
        uid: row.integer(0)?.try_into()?,
        modseq: row.integer(1)?.try_into()?,
        flags: flags_of(row.integer(2)?, row.text(3)?),
    })
}

/// The messages from one UID to another, ascending.
pub(crate) fn between(
    statements: Statements<'_>,
    mailbox: i64,
    (first, last): (Uid, Uid),
    summary: WithSummary,
    mut look: impl FnMut(MessageRow),
) -> Result<(), Error> {
    let sql = match summary {
        WithSummary::No => {
            "SELECT uid, modseq, flags, keywords, received, zone, size, blob, saved, thread_id FROM messages \
             WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid"
        }
        WithSummary::Yes => {
            "SELECT uid, modseq, flags, keywords, received, zone, messages.size, blob, saved, thread_id, summary \
             FROM messages JOIN blobs ON blobs.id = messages.blob \
             WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid"
        }
    };
    statements.each(sql, &[mailbox.into(), first.into(), last.into()], |row| {
        let size = row.integer(6)?;
        look(MessageRow {
            flags: flag_row(row)?,
            received: date_of(row.integer(4)?, row.integer(5)?)?,
            size: u64::try_from(size)
                .map_err(|error| Error::new(ErrorKind::Corruption).with_source(error))?,
            blob: row.integer(7)?,
            saved: DateTime::from_timestamp(row.integer(8)?, 0),
            thread: row.text_or_null(9)?.and_then(ObjectId::new),
            summary: match summary {
                WithSummary::Yes => row.octets_or_null(10)?.map(<[u8]>::to_vec),
                WithSummary::No => None,
            },
        });
        Ok(())
    })
}

/// What a message is sorted by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SortRow<'r> {
    pub(crate) uid: Uid,
    /// INTERNALDATE, in seconds since 1970.
    pub(crate) received: i64,
    pub(crate) size: i64,
    /// As the column has it.
    pub(crate) summary: Option<&'r [u8]>,
}

/// What the messages from one UID to another are sorted by, ascending. No column more: each costs as much as a step to the next row.
pub(crate) fn sorted_by(
    statements: Statements<'_>,
    mailbox: i64,
    (first, last): (Uid, Uid),
    mut look: impl FnMut(SortRow<'_>),
) -> Result<(), Error> {
    let sql = "SELECT uid, received, messages.size, summary FROM messages JOIN blobs ON blobs.id = messages.blob \
               WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid";
    statements.each(sql, &[mailbox.into(), first.into(), last.into()], |row| {
        look(SortRow {
            uid: row.integer(0)?.try_into()?,
            received: row.integer(1)?,
            size: row.integer(2)?,
            summary: row.octets_or_null(3)?,
        });
        Ok(())
    })
}

/// All UIDs of a mailbox.
pub(crate) fn uids(statements: Statements<'_>, mailbox: i64) -> Result<UidSet, Error> {
    set(
        statements,
        "SELECT uid FROM messages WHERE mailbox = ?1",
        &[mailbox.into()],
    )
}

/// The first message without `\Seen`.
pub(crate) fn first_unseen(statements: Statements<'_>, mailbox: i64) -> Result<Option<Uid>, Error> {
    statements.one(FIRST_UNSEEN, &[mailbox.into()], |row| {
        Ok(row.integer(0)?.try_into()?)
    })
}

/// The UIDs that a query finds, in its first column.
pub(crate) fn set(statements: Statements<'_>, sql: &str, values: &[Value<'_>]) -> Result<UidSet, Error> {
    let mut found: Vec<Uid> = Vec::new();
    statements.each(sql, values, |row| {
        found.push(row.integer(0)?.try_into()?);
        Ok(())
    })?;
    // In their order they are added at the end of the set.
    found.sort_unstable();
    Ok(found.into_iter().collect())
}

/// How many messages there are from this UID on.
pub(crate) fn count_from(statements: Statements<'_>, mailbox: i64, uid: i64) -> Result<u32, Error> {
    let sql = "SELECT count(*) FROM messages WHERE mailbox = ?1 AND uid >= ?2";
    let count = statements.one(sql, &[mailbox.into(), uid.into()], |row| row.integer(0))?;
    Ok(u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX))
}

/// Octets of messages.
pub(crate) struct Sizes {
    pub(crate) all: u64,
    /// Of those with `\Deleted`.
    pub(crate) deleted: u64,
}

/// The octets of a mailbox's messages.
pub(crate) fn sizes(statements: Statements<'_>, mailbox: i64) -> Result<Sizes, Error> {
    // `CAST`: in PostgreSQL a sum has another type than what is summed.
    let sql = "SELECT CAST(coalesce(sum(size), 0) AS BIGINT), \
               CAST(coalesce(sum(CASE WHEN flags & 4 <> 0 THEN size ELSE 0 END), 0) AS BIGINT) \
               FROM messages WHERE mailbox = ?1";
    let octets = |row: Row<'_>, column| row.integer(column).map(|sum| sum.try_into().unwrap_or(0));
    let sizes = statements.one(sql, &[mailbox.into()], |row| {
        Ok(Sizes {
            all: octets(row, 0)?,
            deleted: octets(row, 1)?,
        })
    })?;
    sizes.ok_or_else(|| ErrorKind::ServerBug.into())
}

/// The octets of those of these messages that are there.
pub(crate) fn octets(statements: Statements<'_>, (mailbox, uids): (i64, &UidSet)) -> Result<u64, Error> {
    let sql = "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM messages WHERE mailbox = ?2 AND ";
    let mut octets: u64 = 0;
    on_parts(statements, (sql, &[mailbox.into()]), uids, |sql, values| {
        let sum = statements.one(sql, values, |row| row.integer(0))?;
        octets = octets.saturating_add(sum.unwrap_or(0).try_into().unwrap_or(0));
        Ok(())
    })?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use imap_backend::MailboxName;
    use imap_updates::Flag;

    use super::*;
    use crate::engine::{Database, Place, statements_run};
    use crate::node::Node;
    use crate::selected::change_flags;
    use crate::tables::mailboxes::MailboxKey;
    use crate::tables::{accounts, names};

    /// An INBOX of so many messages without flags.
    fn with_messages(statements: Statements<'_>, messages: i64) -> Result<MailboxKey, Error> {
        let account = accounts::make(statements, "ann")?;
        let key = names::find(statements, account, &MailboxName::inbox())?.unwrap();
        statements.execute("INSERT INTO blobs (size) VALUES (1)", &[])?;
        let sql = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2) \
                   INSERT INTO messages (mailbox, blob) SELECT ?1, id FROM numbers, blobs";
        statements.execute(sql, &[key.id.into(), messages.into()])?;
        Ok(key)
    }

    /// The UIDs of a mailbox from which every other message was removed.
    fn odd(most: u32) -> UidSet {
        (1..=most).step_by(2).filter_map(Uid::new).collect()
    }

    /// As in a mailbox from which others were removed. PostgreSQL counts the messages anew at the end of each statement.
    #[test]
    fn messages_with_gaps_between_them_are_changed_by_few_statements() {
        let node = Node::new(Database::open(Place::Memory, Duration::ZERO).unwrap());
        let odd = odd(3000);
        let seen: Flags = [Flag::Seen].into_iter().collect();
        let change = node.commit(|change| {
            let statements = change.statements;
            let key = with_messages(statements, 3000)?;
            let changed =
                statements_run(|| change_flags(change, (key, Origin::EXTERNAL), &odd, |_| seen.clone()));
            let removed = statements_run(|| remove(statements, key.id, &odd));
            let mut left = UidSet::new();
            let all: UidSet = (1..=3000).filter_map(Uid::new).collect();
            flags(statements, key.id, &all, |row| {
                assert!(row.flags.is_empty(), "{row:?}");
                left.insert(row.uid);
            })?;
            Ok((changed, removed, left))
        });
        let ((changed, to_change), (removed, to_remove), left) = change.unwrap();
        removed.unwrap();
        assert_eq!(changed.unwrap(), odd);
        assert_eq!(left, (1..=3000).skip(1).step_by(2).filter_map(Uid::new).collect());
        assert!(to_change < 10 && to_remove < 10, "{to_change}, {to_remove}");
    }

    #[test]
    fn messages_with_gaps_between_them_are_copied_in_their_order_by_few_statements() {
        let node = Node::new(Database::open(Place::Memory, Duration::ZERO).unwrap());
        let done = node.commit(|change| {
            let statements = change.statements;
            let key = with_messages(statements, 3000)?;
            // So that each can be known again.
            statements.execute(
                "UPDATE messages SET received = uid WHERE mailbox = ?1",
                &[key.id.into()],
            )?;
            let to = (key.id, 4001, ModSeq::new(9).unwrap());
            let (copied, run) = statements_run(|| copy(statements, (key.id, &odd(3000)), to, Rights::WRITE));
            copied?;
            let octets = statements_run(|| octets(statements, (key.id, &odd(3000))));
            let mut copies = Vec::new();
            let sql = "SELECT uid, received FROM messages WHERE mailbox = ?1 AND uid > 3000 ORDER BY uid";
            statements.each(sql, &[key.id.into()], |row| {
                copies.push((row.integer(0)?, row.integer(1)?));
                Ok(())
            })?;
            // Some that are not there.
            let to = (key.id, 8001, ModSeq::new(9).unwrap());
            let gone = copy(statements, (key.id, &odd(4000)), to, Rights::WRITE);
            assert_eq!(gone.unwrap_err().kind(), ErrorKind::ExpungeIssued);
            Ok((run, octets, copies))
        });
        let (to_copy, (octets, to_sum), copies) = done.unwrap();
        let wanted: Vec<(i64, i64)> = (4001..).zip((1..=3000).step_by(2)).collect();
        assert_eq!(copies, wanted);
        assert_eq!(octets.unwrap(), 1500);
        assert!(to_copy < 10 && to_sum < 10, "{to_copy}, {to_sum}");
    }

    /// A mailbox of a million messages, and two of them are meant.
    #[test]
    fn what_concerns_few_messages_is_found_in_an_index_of_them() {
        let database = Database::open(Place::Memory, Duration::ZERO).unwrap();
        for (sql, index) in [(FIRST_UNSEEN, "messages_unseen"), (DELETED, "messages_deleted")] {
            let plan = database.plan(sql, &[Value::Integer(1)]);
            assert!(plan.contains(index), "{sql}: {plan}");
        }
    }
}
