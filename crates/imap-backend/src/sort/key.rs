//! What a message is sorted by, as octets that compare in the order that is wanted.

use chrono::{DateTime, FixedOffset, Utc};
use imap_message::{AddressField, BaseSubject, Summary, casemap};
use imap_seq::Uid;

use super::{Order, SortBy, SortKey};
use crate::record::{Need, Record};

/// So many octets of the collation form of a text are compared, in SORT. Texts that differ behind them count as equal, so
/// that no mail makes the memory of a SORT larger than that.
pub const MOST_TEXT: usize = 256;

/// The keys of many messages.
#[derive(Debug, Default)]
pub(super) struct Keys {
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

impl Keys {
    /// The key of a message. Two keys of the same criteria are the same octets, or differ before either ends.
    pub(super) fn add(&mut self, by: &[SortKey], record: &Record, summary: Option<&Summary>) -> Entry {
        self.scratch.clear();
        for key in by {
            let start = self.scratch.len();
            self.push(key.by(), record, summary);
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
            uid: record.uid(),
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

    fn push(&mut self, by: SortBy, record: &Record, summary: Option<&Summary>) {
        match (by, summary) {
            (SortBy::Arrival, _) => self.push_moment(arrival(record)),
            (SortBy::Size, _) => self.scratch.extend(record.size().unwrap_or(0).to_be_bytes()),
            (SortBy::Date, summary) => self.push_moment(sent_or_arrived(record, summary)),
            (_, None) => self.push_text(""),
            (SortBy::Subject, Some(summary)) => {
                self.push_text(&BaseSubject::of(&summary.subject_text()).text);
            }
            (SortBy::From, Some(summary)) => self.push_text(&summary.first_mailbox(AddressField::From)),
            (SortBy::To, Some(summary)) => self.push_text(&summary.first_mailbox(AddressField::To)),
            (SortBy::Cc, Some(summary)) => self.push_text(&summary.first_mailbox(AddressField::Cc)),
            (SortBy::DisplayFrom, Some(summary)) => {
                self.push_text(&summary.first_display(AddressField::From));
            }
            (SortBy::DisplayTo, Some(summary)) => self.push_text(&summary.first_display(AddressField::To)),
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

/// The sent date, or the internal date where there is none (RFC 5256, section 2.2), in seconds.
pub(crate) fn sent_or_arrived(record: &Record, summary: Option<&Summary>) -> i64 {
    let sent = summary.and_then(Summary::sent_at);
    sent.as_ref()
        .map_or_else(|| arrival(record), DateTime::<Utc>::timestamp)
}

fn arrival(record: &Record) -> i64 {
    let date = record.internal_date();
    date.as_ref().map_or(i64::MIN, DateTime::<FixedOffset>::timestamp)
}
