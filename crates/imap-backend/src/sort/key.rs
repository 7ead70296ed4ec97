//! What a message is sorted by, as octets that compare in the order that is wanted.

use chrono::{DateTime, FixedOffset, Utc};
use imap_message::{AddressField, BaseSubject, KeptHeader, casemap};
use imap_seq::Uid;

use super::{Order, SortBy, SortKey};
use crate::record::{Need, Record};

/// So many octets of the collation form of a text are compared, in SORT. Texts that differ behind them count as equal, so
/// that no mail makes the memory of a SORT larger than that.
pub const MOST_TEXT: usize = 256;

/// A message, as far as SORT looks at it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Sortable<'m> {
    /// Which one.
    pub uid: Uid,
    /// INTERNALDATE, in seconds since 1970; `i64::MIN` where it is not known.
    pub arrived: i64,
    /// RFC822.SIZE; 0 where it is not known.
    pub size: u64,
    /// `None` where it cannot be read, or is not needed: a message without any field.
    pub header: Option<KeptHeader<'m>>,
}

impl<'m> Sortable<'m> {
    /// A message with what is needed of its header. When it came and its size are not known.
    #[must_use]
    pub const fn new(uid: Uid, header: Option<KeptHeader<'m>>) -> Self {
        Self {
            uid,
            arrived: i64::MIN,
            size: 0,
            header,
        }
    }

    pub(crate) fn of(record: &Record, header: Option<KeptHeader<'m>>) -> Self {
        let date = record.internal_date();
        Self {
            uid: record.uid(),
            arrived: date.as_ref().map_or(i64::MIN, DateTime::<FixedOffset>::timestamp),
            size: record.size().unwrap_or(0),
            header,
        }
    }

    /// The sent date, or the internal date where there is none (RFC 5256, section 2.2), in seconds.
    pub(crate) fn sent_or_arrived(&self) -> i64 {
        let sent = self.header.and_then(KeptHeader::sent_at);
        sent.as_ref().map_or(self.arrived, DateTime::<Utc>::timestamp)
    }
}

/// The octets of many keys.
#[derive(Debug, Default)]
pub(super) struct Octets {
    /// What does not fit into [`Entry::first`].
    rest: Vec<u8>,
    scratch: Vec<u8>,
    text: Vec<u8>,
}

/// One message among others that are sorted: 24 octets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The first octets of its key, as a number: most comparisons are over with it.
    first: u64,
    start: usize,
    uid: Uid,
    len: u16,
}

impl Entry {
    pub(super) const fn uid(&self) -> Uid {
        self.uid
    }
}

impl Octets {
    /// The key of a message. Two keys of the same criteria are the same octets, or differ before either ends.
    pub(super) fn add(&mut self, by: &[SortKey], message: &Sortable<'_>) -> Entry {
        self.scratch.clear();
        for key in by {
            let start = self.scratch.len();
            self.push(key.by(), message);
            if key.order() == Order::Descending {
                self.scratch[start..]
                    .iter_mut()
                    .for_each(|octet| *octet = !*octet);
            }
        }
        let mut first = [0; 8];
        let (begin, rest) = self.scratch.split_at(self.scratch.len().min(8));
        first[..begin.len()].copy_from_slice(begin);
        let start = self.rest.len();
        self.rest.extend_from_slice(rest);
        Entry {
            first: u64::from_be_bytes(first),
            start,
            uid: message.uid,
            len: u16::try_from(rest.len()).unwrap_or(u16::MAX),
        }
    }

    /// Which of two messages comes first. Those with the same key are in the order of the mailbox.
    pub(super) fn compare(&self, one: &Entry, other: &Entry) -> std::cmp::Ordering {
        one.first
            .cmp(&other.first)
            .then_with(|| self.rest_of(one).cmp(self.rest_of(other)))
            .then_with(|| one.uid.cmp(&other.uid))
    }

    fn rest_of(&self, entry: &Entry) -> &[u8] {
        &self.rest[entry.start..entry.start + usize::from(entry.len)]
    }

    fn push(&mut self, by: SortBy, message: &Sortable<'_>) {
        match (by, message.header) {
            (SortBy::Arrival, _) => self.push_moment(message.arrived),
            (SortBy::Size, _) => self.scratch.extend(message.size.to_be_bytes()),
            (SortBy::Date, _) => self.push_moment(message.sent_or_arrived()),
            (_, None) => self.push_text(""),
            (SortBy::Subject, Some(header)) => {
                self.push_text(&BaseSubject::of(&header.subject_text()).text);
            }
            (SortBy::From, Some(header)) => self.push_text(&header.first_mailbox(AddressField::From)),
            (SortBy::To, Some(header)) => self.push_text(&header.first_mailbox(AddressField::To)),
            (SortBy::Cc, Some(header)) => self.push_text(&header.first_mailbox(AddressField::Cc)),
            (SortBy::DisplayFrom, Some(header)) => {
                self.push_text(&header.first_display(AddressField::From));
            }
            (SortBy::DisplayTo, Some(header)) => self.push_text(&header.first_display(AddressField::To)),
        }
    }

    /// A text ends with an octet that is in none.
    fn push_text(&mut self, text: &str) {
        self.text.clear();
        // The form has at least one octet for each character.
        let most = text
            .char_indices()
            .nth(MOST_TEXT)
            .map_or(text.len(), |(at, _)| at);
        casemap(&text[..most], &mut self.text);
        self.text.truncate(MOST_TEXT);
        self.scratch.extend(self.text.iter().map(|&octet| octet.max(1)));
        self.scratch.push(0);
    }

    fn push_moment(&mut self, moment: i64) {
        self.scratch
            .extend((moment.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    }
}

/// What has to be known of a message to sort it.
pub(super) fn need(by: &[SortKey]) -> Need {
    by.iter().fold(Need::FLAGS, |need, key| {
        need.and(match key.by() {
            SortBy::Arrival => Need::INTERNAL_DATE,
            SortBy::Size => Need::SIZE,
            SortBy::Date => Need::INTERNAL_DATE.and(Need::HEADER_SUMMARY),
            _ => Need::HEADER_SUMMARY,
        })
    })
}
