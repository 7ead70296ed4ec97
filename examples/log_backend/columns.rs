//! Columns and rows of the database, and what the toolkit makes of them.

use super::database::{DatabaseError, LogRow, MailboxRow, MessageRow, Tables};
use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use imap_backend::{Error, ErrorKind};
use imap_seq::{ModSeq, Uid};
use imap_updates::{Event, Flags, InvalidKeyword, Origin, Page, Recency};

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::NoSuchMailbox => ErrorKind::NonExistent.into(),
            DatabaseError::NameIsTaken => ErrorKind::AlreadyExists.into(),
            // What a driver has beside these, such as a lost connection: `Error::new(ErrorKind::Unavailable).with_source(..)`.
        }
    }
}

/// Flags are kept as `to_string` writes them.
pub(crate) fn flags_of(column: &str) -> Result<Flags, Error> {
    column.parse().map_err(|error: InvalidKeyword| Error::new(ErrorKind::Corruption).with_source(error))
}

/// INTERNALDATE: the moment, in the zone that it was given in.
pub(crate) fn date_of(row: &MessageRow) -> Option<DateTime<FixedOffset>> {
    FixedOffset::east_opt(row.zone_minutes * 60)?.timestamp_opt(row.seconds, 0).single()
}

pub(crate) fn date_columns(date: Option<DateTime<FixedOffset>>) -> (i64, i32) {
    let date = date.unwrap_or_else(|| Utc::now().fixed_offset());
    (date.timestamp(), date.offset().local_minus_utc() / 60)
}

/// A page of the log: what changed after a version. It is the whole mailbox if the hub has nothing yet, or if the log
/// was cleared since.
pub(crate) fn page(tables: &Tables, id: i64, after: Option<ModSeq>) -> Result<Page, Error> {
    let Ok(mailbox) = tables.mailbox(id) else { return Ok(Page::deleted()) };
    let version = ModSeq::try_from(mailbox.version)?;
    let (rows, page) = match after {
        Some(after) if i64::from(after) >= mailbox.log_begins => {
            let rows = mailbox.log(after.into());
            let page = match rows.last() {
                // A LIMIT cut it short. A page ends with a version, never inside one.
                Some(last) if last.version < mailbox.version => {
                    Page::changes(after, last.version.try_into()?).more_follows()
                }
                _ => Page::changes(after, version),
            };
            (rows, page)
        }
        _ => (mailbox.listing().collect(), Page::whole(version)),
    };
    let mut page = page.uid_next(Uid::try_from(mailbox.uid_next).ok()); // UIDs can be used up
    for row in rows {
        page.push(event(mailbox, row)?);
    }
    Ok(page)
}

fn event(mailbox: &MailboxRow, row: LogRow) -> Result<Event, Error> {
    let (version, uid) = (row.version.try_into()?, row.uid.try_into()?);
    let Some(flags) = row.flags else { return Ok(Event::gone(version, uid)) };
    let recency = if row.uid >= mailbox.recent_from { Recency::Recent } else { Recency::NotRecent };
    Ok(Event::present(version, uid, flags_of(&flags)?).by(Origin::from_i64(row.maker)).recency(recency))
}
