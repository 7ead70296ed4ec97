//! This crate's readings as the records of the traits.

use chrono::{DateTime, FixedOffset};
use imap_backend::{Need, Record};

use crate::mailbox::read::Reading;

/// What was asked for of a message.
pub(crate) fn record(reading: Reading, need: Need) -> Record {
    let mut record = Record::new(reading.uid, reading.flags);
    if need.includes(Need::INTERNAL_DATE) {
        record.internal_date = reading.date.map(internal_date);
    }
    if need.includes(Need::SIZE) {
        record.size = reading.size;
    }
    record.octets = reading.octets.map(Into::into);
    record
}

/// INTERNALDATE of a file's modification time; the epoch for times that no date can say.
pub(crate) fn internal_date(seconds: i64) -> DateTime<FixedOffset> {
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .fixed_offset()
}
