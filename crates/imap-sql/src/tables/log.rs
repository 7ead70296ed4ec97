//! The change log of a mailbox: the messages in the order of their mod-sequences, and what was expunged.

use imap_backend::Error;
use imap_seq::{ModSeq, UidSet};
use imap_updates::{Event, Origin, Page, Recency};

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

const ALL_ROWS: &str = "\
    SELECT modseq, uid, 0, maker, flags, keywords FROM messages WHERE mailbox = ?1 ORDER BY uid";

/// What changed after a version. It is the whole mailbox if the hub has nothing yet, or if the log does not reach back so far.
pub(crate) fn page(
    statements: Statements<'_>,
    key: MailboxKey,
    after: Option<ModSeq>,
) -> Result<Page, Error> {
    let Some(mailbox) = mailboxes::find(statements, key.id)? else {
        return Ok(Page::deleted());
    };
    if mailbox.uid_validity != key.uid_validity {
        return Ok(Page::uid_validity_changed());
    }
    let page = match after {
        Some(after) if i64::from(after) >= mailbox.log_begins => changes(statements, key.id, &mailbox, after),
        _ => {
            let mut page = Page::whole(mailbox.highest_modseq);
            statements.each(ALL_ROWS, &[key.id.into()], |row| {
                page.push(event(&mailbox, row)?);
                Ok(())
            })?;
            Ok(page)
        }
    };
    Ok(page?.uid_next(mailbox.uid_next))
}

fn changes(statements: Statements<'_>, id: i64, mailbox: &MailboxRow, after: ModSeq) -> Result<Page, Error> {
    if mailbox.highest_modseq <= after {
        return Ok(Page::changes(after, mailbox.highest_modseq));
    }
    let mut last = i64::from(after);
    let mut rows = 0;
    let mut events = Vec::new();
    statements.each(ROWS_AFTER, &[id.into(), after.into(), ROWS.into()], |row| {
        last = row.integer(0)?;
        rows += 1;
        events.push((last, event(mailbox, row)?));
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
        page.push(event(mailbox, row)?);
        Ok(())
    })?;
    Ok(page)
}

fn event(mailbox: &MailboxRow, row: Row<'_>) -> Result<Event, Error> {
    let (version, uid) = (row.integer(0)?.try_into()?, row.integer(1)?);
    if row.integer(2)? == 1 {
        return Ok(Event::gone(version, uid.try_into()?));
    }
    let recency = match uid >= mailbox.recent_from {
        true => Recency::Recent,
        false => Recency::NotRecent,
    };
    let flags = flags_of(row.integer(4)?, row.text(5)?);
    let maker = Origin::from_i64(row.integer(3)?);
    Ok(Event::present(version, uid.try_into()?, flags)
        .by(maker)
        .recency(recency))
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
