//! Columns, and what the toolkit makes of them.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset, TimeZone as _};
use imap_backend::{Error, ErrorKind, ObjectId, Rights};
use imap_updates::{Flag, Flags, Keyword};

use crate::tables::mailboxes::MailboxKey;

/// The bits of the column `flags`. They are stored: never to be changed.
const SYSTEM: [(Flag, i64); 5] = [
    (Flag::Answered, 1),
    (Flag::Flagged, 2),
    (Flag::Deleted, 4),
    (Flag::Seen, 8),
    (Flag::Draft, 16),
];

/// The columns `flags` and `keywords`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlagColumns {
    pub(crate) flags: i64,
    pub(crate) keywords: String,
}

impl FlagColumns {
    pub(crate) fn of(flags: &Flags) -> Self {
        let keywords: Vec<&str> = flags.keywords().iter().map(Keyword::as_str).collect();
        let set = SYSTEM.iter().filter(|(flag, _)| flags.contains(flag));
        Self {
            flags: set.map(|(_, bit)| bit).sum(),
            keywords: keywords.join(" "),
        }
    }
}

/// The flags of a message. A bit or a word that no client can name was written by hand, and is passed over.
pub(crate) fn flags_of(flags: i64, keywords: &str) -> Flags {
    let system = SYSTEM.into_iter().filter(|(_, bit)| flags & bit != 0);
    let mut set: Flags = system.map(|(flag, _)| flag).collect();
    let words = keywords.split_ascii_whitespace();
    set.extend(
        words
            .filter_map(|word| Keyword::new(word).ok())
            .map(Flag::Keyword),
    );
    set
}

/// The bit of a system flag.
pub(crate) fn bit_of(flag: &Flag) -> Option<i64> {
    SYSTEM
        .iter()
        .find(|(system, _)| system == flag)
        .map(|(_, bit)| *bit)
}

/// The bits of the system flags that these rights are enough to set.
pub(crate) fn bits_of(rights: Rights) -> i64 {
    let set = SYSTEM.iter().filter(|(flag, _)| rights.may_change(flag));
    set.map(|(_, bit)| bit).sum()
}

/// INTERNALDATE: the moment, in the zone that it was given in.
pub(crate) fn date_of(seconds: i64, zone: i64) -> Result<DateTime<FixedOffset>, Error> {
    let offset = i32::try_from(zone)
        .ok()
        .and_then(|minutes| minutes.checked_mul(60));
    let offset = offset.and_then(FixedOffset::east_opt);
    let date = offset.and_then(|offset| offset.timestamp_opt(seconds, 0).single());
    date.ok_or_else(|| {
        Error::new(ErrorKind::Corruption).with_source(format!("no date: {seconds} s, {zone} min"))
    })
}

/// The columns `received` and `zone`.
pub(crate) fn date_columns(date: DateTime<FixedOffset>) -> (i64, i64) {
    (date.timestamp(), i64::from(date.offset().local_minus_utc() / 60))
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A number of octets or messages, for a column.
pub(crate) fn column(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|error| Error::new(ErrorKind::Limit).with_source(error))
}

/// MAILBOXID (RFC 8474): the number of a mailbox is never used twice.
pub(crate) fn mailbox_id(key: MailboxKey) -> ObjectId {
    ObjectId::of_mailbox(key.id.unsigned_abs())
}

/// EMAILID: copies share their blob, whose number is never used twice.
pub(crate) fn email_id(blob: i64) -> ObjectId {
    ObjectId::of_email(blob.unsigned_abs())
}

/// The blob of the messages that have this EMAILID; `None` where it is no id of this database.
pub(crate) fn blob_of(id: &ObjectId) -> Option<i64> {
    let number = id
        .as_str()
        .trim_start_matches(|letter: char| !letter.is_ascii_digit());
    number.parse().ok().filter(|&blob| email_id(blob) == *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_back_from_their_columns() {
        let flags: Flags = "\\Seen \\Draft $Forwarded Work".parse().unwrap();
        let columns = FlagColumns::of(&flags);
        assert_eq!(columns.flags, 8 + 16);
        assert_eq!(flags_of(columns.flags, &columns.keywords), flags);
        assert_eq!(flags_of(0, ""), Flags::empty());
    }

    #[test]
    fn an_email_id_names_one_blob_and_nothing_else_does() {
        for blob in [1, 7, i64::MAX] {
            assert_eq!(blob_of(&email_id(blob)), Some(blob));
        }
        for id in ["M", "7", "F7", "M07", "m7", "M7x", "M-7", "M99999999999999999999"] {
            assert_eq!(blob_of(&ObjectId::new(id).unwrap()), None, "{id}");
        }
    }

    #[test]
    fn what_no_client_can_name_is_passed_over() {
        assert_eq!(
            flags_of(8 | 1 << 40, "  ok \\bad (x) \u{e9} "),
            "\\Seen ok".parse().unwrap()
        );
    }

    #[test]
    fn dates_keep_their_zone_and_nonsense_is_damage() {
        let date = DateTime::parse_from_rfc3339("2001-02-03T04:05:06+07:30").unwrap();
        let (seconds, zone) = date_columns(date);
        assert_eq!(date_of(seconds, zone).unwrap().to_rfc3339(), date.to_rfc3339());
        for (seconds, zone) in [(i64::MAX, 0), (0, i64::MAX), (0, 24 * 60)] {
            assert_eq!(date_of(seconds, zone).unwrap_err().kind(), ErrorKind::Corruption);
        }
    }
}
