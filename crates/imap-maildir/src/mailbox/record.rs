//! This crate's readings as the records of the traits.

use chrono::{DateTime, FixedOffset, Utc};
use imap_backend::{Need, Record};

use crate::format::uidlist::SavedAt;
use crate::mailbox::read::Reading;

/// What was asked for of a message.
pub(crate) fn record(reading: Reading, need: Need) -> Record {
    let mut record = Record::new(reading.uid, reading.flags).with_modseq(reading.modseq);
    if let Some(date) = reading.date.filter(|_| need.includes(Need::INTERNAL_DATE)) {
        record = record.with_internal_date(internal_date(date));
    }
    if let Some(saved) = reading.saved {
        record = record.with_save_date(save_date(saved));
    }
    if let Some(size) = reading.size.filter(|_| need.includes(Need::SIZE)) {
        record = record.with_size(size);
    }
    if let Some(id) = reading.email_id {
        record = record.with_email_id(id);
    }
    if let Some(summary) = reading.summary {
        record = record.with_summary(summary);
    }
    match reading.body {
        Some(body) => record.with_body(body),
        None => record,
    }
}

/// INTERNALDATE of a file's modification time; the epoch for times that no date can say.
pub(crate) fn internal_date(seconds: i64) -> DateTime<FixedOffset> {
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .fixed_offset()
}

/// SAVEDATE.
pub(crate) fn save_date(saved: SavedAt) -> DateTime<Utc> {
    DateTime::from_timestamp(saved.get().into(), 0).unwrap_or_default()
}
