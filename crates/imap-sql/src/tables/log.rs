//! The change log of a mailbox: the messages in the order of their mod-sequences, and what was expunged.

use std::collections::BTreeSet;

use imap_backend::Error;
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Event, Origin, Page, Recency, Snapshot};

use super::mailboxes::{self, MailboxKey, MailboxRow};
use super::messages;
use crate::columns::flags_of;
use crate::engine::{Row, Statements};

/// The most rows of one page, but for those of one version, which come together.
const ROWS: i64 = 4_096;

/// So many expunges of a mailbox are remembered at least, and at most twice as many. A client that was away for longer
/// compares all UIDs.
const TOMBSTONES: i64 = 100_000;

const ROWS_AFTER: &str = "\
    SELECT modseq, uid, 0, maker, flags, keywords FROM messages WHERE mailbox = ?1 AND modseq > ?2 \
    UNION ALL \
    SELECT modseq, uid, 1, 0, 0, '' FROM expunged WHERE mailbox = ?1 AND modseq > ?2 \
    ORDER BY 1 LIMIT ?3";

const ROWS_OF: &str = "\
    SELECT modseq, uid, 0, maker, flags, keywords FROM messages WHERE mailbox = ?1 AND modseq = ?2 \
    UNION ALL \
    SELECT modseq, uid, 1, 0, 0, '' FROM expunged WHERE mailbox = ?1 AND modseq = ?2";

/// In the order of an index that has nothing else. The database need not read what else it knows of a million messages.
const ALL_UIDS: &str = "SELECT uid FROM messages WHERE mailbox = ?1";

/// The sets of keywords that messages have, one step in the index for each.
const KEYWORD_SETS: &str = "\
    WITH RECURSIVE sets (keywords) AS (\
    SELECT min(keywords) FROM messages WHERE mailbox = ?1 AND keywords <> '' \
    UNION ALL \
    SELECT (SELECT min(keywords) FROM messages WHERE mailbox = ?1 AND keywords <> '' AND keywords > sets.keywords) \
    FROM sets WHERE keywords IS NOT NULL) \
    SELECT keywords FROM sets WHERE keywords IS NOT NULL";

const ALL_ROWS: &str = "\
    SELECT modseq, uid, 0, maker, flags, keywords FROM messages WHERE mailbox = ?1 ORDER BY uid";

/// All messages of a mailbox, for its hub, and its UIDNEXT. `None` where it is gone.
pub(crate) fn snapshot(
    statements: Statements<'_>,
    key: MailboxKey,
) -> Result<Option<(Snapshot, Option<Uid>)>, Error> {
    let Some(mailbox) = mailboxes::current(statements, key)? else {
        return Ok(None);
    };
    let mut uids: Vec<Uid> = Vec::with_capacity(usize::try_from(mailbox.messages).unwrap_or(0));
    statements.each(ALL_UIDS, &[key.id.into()], |row| {
        uids.push(row.integer(0)?.try_into()?);
        Ok(())
    })?;
    uids.sort_unstable();
    let mut keywords = BTreeSet::new();
    statements.each(KEYWORD_SETS, &[key.id.into()], |row| {
        keywords.extend(flags_of(0, row.text(0)?).keywords().iter().cloned());
        Ok(())
    })?;
    let snapshot = Snapshot::new(uids)
        .with_highest_modseq(mailbox.highest_modseq)
        .with_keywords(keywords.into_iter().collect());
    Ok(Some((snapshot, mailbox.uid_next)))
}

/// A page, and whether it may have messages that no session of any process was told of.
pub(crate) struct Read {
    pub(crate) page: Page,
    pub(crate) has_unclaimed: bool,
}

/// What changed after a version. It is the whole mailbox if the log does not reach back so far.
/// Messages among those that this process has `claimed` are recent.
pub(crate) fn read(
    statements: Statements<'_>,
    key: MailboxKey,
    after: ModSeq,
    claimed: &UidSet,
) -> Result<Read, Error> {
    let closed = |page| Read {
        page,
        has_unclaimed: false,
    };
    let Some(mailbox) = mailboxes::find(statements, key.id)? else {
        return Ok(closed(Page::deleted()));
    };
    if mailbox.uid_validity != key.uid_validity {
        return Ok(closed(Page::uid_validity_changed()));
    }
    Ok(Read {
        page: page(statements, (key.id, &mailbox), after, claimed)?,
        has_unclaimed: !mailbox.unclaimed().is_empty(),
    })
}

fn page(
    statements: Statements<'_>,
    (id, mailbox): (i64, &MailboxRow),
    after: ModSeq,
    claimed: &UidSet,
) -> Result<Page, Error> {
    let page = match i64::from(after) >= mailbox.log_begins {
        true => changes(statements, (id, mailbox), after, claimed),
        false => {
            let mut page = Page::whole(mailbox.highest_modseq);
            statements.each(ALL_ROWS, &[id.into()], |row| {
                page.push(event(claimed, row)?);
                Ok(())
            })?;
            Ok(page)
        }
    };
    Ok(page?.uid_next(mailbox.uid_next))
}

fn changes(
    statements: Statements<'_>,
    (id, mailbox): (i64, &MailboxRow),
    after: ModSeq,
    claimed: &UidSet,
) -> Result<Page, Error> {
    if mailbox.highest_modseq <= after {
        return Ok(Page::changes(after, mailbox.highest_modseq));
    }
    let mut last = i64::from(after);
    let mut rows = 0;
    let mut events = Vec::new();
    statements.each(ROWS_AFTER, &[id.into(), after.into(), ROWS.into()], |row| {
        last = row.integer(0)?;
        rows += 1;
        events.push((last, event(claimed, row)?));
        Ok(())
    })?;
    if rows < ROWS {
        let mut page = Page::changes(after, mailbox.highest_modseq);
        page.extend(events.into_iter().map(|(_, event)| event));
        return Ok(page);
    }
    // The limit cut it short, perhaps inside the last version, whose rows are read again: all of them.
    let mut page = Page::changes(after, last.try_into()?).more_follows();
    let before = events.into_iter().filter(|(version, _)| *version < last);
    page.extend(before.map(|(_, event)| event));
    statements.each(ROWS_OF, &[id.into(), last.into()], |row| {
        page.push(event(claimed, row)?);
        Ok(())
    })?;
    Ok(page)
}

fn event(claimed: &UidSet, row: Row<'_>) -> Result<Event, Error> {
    let (version, uid) = (row.integer(0)?.try_into()?, row.integer(1)?.try_into()?);
    if row.integer(2)? == 1 {
        return Ok(Event::gone(version, uid));
    }
    let recency = match claimed.contains(uid) {
        true => Recency::Recent,
        false => Recency::NotRecent,
    };
    let flags = flags_of(row.integer(4)?, row.text(5)?);
    let maker = Origin::from_i64(row.integer(3)?);
    Ok(Event::present(version, uid, flags).by(maker).recency(recency))
}

/// What was expunged after a version; `None` where that is not remembered.
pub(crate) fn expunged_since(
    statements: Statements<'_>,
    key: MailboxKey,
    since: ModSeq,
) -> Result<Option<UidSet>, Error> {
    let mailbox = mailboxes::current(statements, key)?;
    if mailbox.is_none_or(|mailbox| i64::from(since) < mailbox.log_begins) {
        return Ok(None);
    }
    let sql = "SELECT uid FROM expunged WHERE mailbox = ?1 AND modseq > ?2";
    messages::set(statements, sql, &[key.id.into(), since.into()]).map(Some)
}

/// Forgets the oldest expunges if there are too many.
pub(crate) fn prune(statements: Statements<'_>, id: i64) -> Result<(), Error> {
    prune_to(statements, id, TOMBSTONES)
}

fn prune_to(statements: Statements<'_>, id: i64, kept: i64) -> Result<(), Error> {
    let Some(mailbox) = mailboxes::find(statements, id)? else {
        return Ok(());
    };
    if mailbox.tombstones <= kept.saturating_mul(2) {
        return Ok(());
    }
    let sql = "SELECT modseq FROM expunged WHERE mailbox = ?1 ORDER BY modseq DESC LIMIT 1 OFFSET ?2";
    let Some(last) = statements.one(sql, &[id.into(), kept.into()], |row| row.integer(0))? else {
        return Ok(());
    };
    let sql = "DELETE FROM expunged WHERE mailbox = ?1 AND modseq <= ?2";
    statements.execute(sql, &[id.into(), last.into()])?;
    let sql = "UPDATE mailboxes SET log_begins = ?2, \
               tombstones = (SELECT count(*) FROM expunged WHERE mailbox = ?1) WHERE id = ?1";
    statements.execute(sql, &[id.into(), last.into()]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use imap_backend::MailboxName;
    use imap_updates::{Access, Keyword, Limits, LogHub};

    use super::*;
    use crate::engine::{Database, Place, Value};
    use crate::tables::{accounts, names};

    /// A mailbox with so many messages of one blob, each with a version of its own.
    fn filled(messages: i64) -> (Database, MailboxKey) {
        let database = Database::open(Place::Memory, Duration::ZERO).unwrap();
        let key = database
            .write(|statements| {
                let account = accounts::make(statements, "ann")?;
                statements.execute("INSERT INTO blobs (size) VALUES (0)", &[])?;
                let key = names::find(statements, account, &MailboxName::inbox())?.unwrap();
                for _ in 0..messages {
                    let sql = "INSERT INTO messages (mailbox, blob) VALUES (?1, 1)";
                    statements.execute(sql, &[key.id.into()])?;
                }
                Ok(key)
            })
            .unwrap();
        (database, key)
    }

    fn open(database: &Database, key: MailboxKey) -> LogHub {
        let snapshot = database.read(|statements| snapshot(statements, key));
        let (snapshot, uid_next) = snapshot.unwrap().unwrap();
        LogHub::of_snapshot(snapshot, Some(uid_next), Limits::default()).unwrap()
    }

    fn page_after(database: &Database, key: MailboxKey, after: ModSeq) -> Result<Page, Error> {
        let read = database.read(|statements| read(statements, key, after, &UidSet::new()));
        read.map(|read| read.page)
    }

    #[test]
    fn a_hub_begins_with_all_messages_in_order_and_with_all_keywords() {
        let (database, key) = filled(5);
        // The last change of the first message is later than the arrival of the others.
        for (uid, keywords) in [(4, "b a"), (2, "c"), (3, "c"), (1, "a d")] {
            let sql = "UPDATE messages SET keywords = ?2 WHERE uid = ?1";
            database
                .write(|statements| statements.execute(sql, &[Value::Integer(uid), keywords.into()]))
                .unwrap();
        }
        let hub = open(&database, key);
        let updates = hub.select(Access::ReadOnly).updates;
        let uids: Vec<u32> = updates.view().uids().map(Uid::get).collect();
        assert_eq!(uids, [1, 2, 3, 4, 5]);
        let mut keywords: Vec<&str> = updates.keywords().iter().map(Keyword::as_str).collect();
        keywords.sort_unstable();
        assert_eq!(keywords, ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_page_that_is_cut_short_has_all_rows_of_its_last_version() {
        let (database, key) = filled(0);
        let hub = open(&database, key);
        // More rows of one version than a page has, between rows of others.
        let insert = |number: i64, modseq: i64| {
            let sql = "INSERT INTO messages (mailbox, uid, modseq, blob) VALUES (?1, ?2, ?3, 1)";
            database
                .write(|statements| statements.execute(sql, &[key.id.into(), number.into(), modseq.into()]))
                .unwrap();
        };
        for number in 1..=10 {
            insert(number, 1 + number);
        }
        for number in 11..=10 + ROWS + 50 {
            insert(number, 12);
        }
        insert(11 + ROWS + 50, 13);
        database
            .write(|statements| statements.execute("UPDATE mailboxes SET highest_modseq = 13", &[]))
            .unwrap();
        let mut pages = 0;
        hub.catch_up_blocking(|after| {
            pages += 1;
            page_after(&database, key, after)
        })
        .unwrap();
        assert_eq!(pages, 2);
        let exists = hub.select(Access::ReadOnly).updates.exists();
        assert_eq!(i64::from(exists), 11 + ROWS + 50);
        assert!(hub.hidden().is_empty());
    }

    #[test]
    fn the_oldest_expunges_are_forgotten_and_the_log_says_so() {
        let (database, key) = filled(21);
        let since = |modseq: i64| {
            let since = ModSeq::try_from(modseq).unwrap();
            database
                .read(|statements| expunged_since(statements, key, since))
                .unwrap()
        };
        let remove = |upto: i64| {
            let sql = "DELETE FROM messages WHERE mailbox = ?1 AND uid <= ?2";
            database
                .write(|statements| {
                    statements.execute(sql, &[key.id.into(), upto.into()])?;
                    prune_to(statements, key.id, 10)
                })
                .unwrap();
        };
        let hub = open(&database, key);
        let opened = i64::from(hub.cursor());
        remove(20);
        assert_eq!(since(opened).unwrap().len(), 20, "twice the bound is kept");
        remove(21);
        assert_eq!(since(opened), None);
        assert_eq!(since(opened + 11).unwrap().len(), 10);
        // A hub that was behind reads the whole mailbox instead.
        hub.catch_up_blocking(|after| page_after(&database, key, after))
            .unwrap();
        assert_eq!(hub.select(Access::ReadOnly).updates.exists(), 0);
        assert_eq!(i64::from(hub.cursor()), opened + 21);
    }
}
