//! SEARCH over any store.

use bytes::Bytes;
use chrono::NaiveDate;
use imap_message::{Message, Needle, Summary};
use imap_seq::{Uid, UidSet};

use super::{Found, Query, SearchKey};
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::mailbox::Mailbox;
use crate::record::{Need, Record};
use crate::walk::Walk;

/// How much of a message a criterion has to see. Ordered by what it costs to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Attributes,
    /// What a store keeps ready of the header, or the header itself where it keeps nothing.
    Summary,
    Header,
    Octets,
}

impl Sight {
    fn need(self, attributes: Need) -> Need {
        match self {
            Self::Attributes => attributes,
            Self::Summary => attributes.and(Need::HEADER_SUMMARY),
            Self::Header => attributes.and(Need::HEADER),
            Self::Octets => attributes.and(Need::BODY),
        }
    }
}

impl SearchKey {
    /// How much of a message has to be seen to decide every part of this criterion.
    fn sight(&self) -> Sight {
        match self {
            Self::SentBefore(_) | Self::SentOn(_) | Self::SentSince(_) | Self::Header(..) => Sight::Summary,
            Self::Body(_) | Self::Text(_) => Sight::Octets,
            Self::And(keys) | Self::Or(keys) => {
                keys.iter().map(Self::sight).max().unwrap_or(Sight::Attributes)
            }
            Self::Not(key) => key.sight(),
            _ => Sight::Attributes,
        }
    }

    /// The attributes that any part of this criterion looks at.
    fn attributes(&self) -> Need {
        match self {
            Self::Before(_) | Self::On(_) | Self::Since(_) => Need::INTERNAL_DATE,
            Self::Larger(_) | Self::Smaller(_) => Need::SIZE,
            Self::And(keys) | Self::Or(keys) => keys
                .iter()
                .fold(Need::FLAGS, |need, key| need.and(key.attributes())),
            Self::Not(key) => key.attributes(),
            _ => Need::FLAGS,
        }
    }

    /// Whether a message matches, or `None` where `seen` is not enough to tell.
    fn matches(&self, seen: &Seen<'_>) -> Option<bool> {
        let record = seen.record;
        let day = || record.internal_date().map(|date| date.date_naive());
        match self {
            Self::All => Some(true),
            Self::Uids(uids) => Some(uids.contains(record.uid())),
            Self::Flag(flag) => Some(record.flags().contains(flag)),
            Self::Before(date) => day().map(|day| day < *date),
            Self::On(date) => day().map(|day| day == *date),
            Self::Since(date) => day().map(|day| day >= *date),
            Self::SentBefore(date) => seen.sent_date().map(|sent| sent.is_some_and(|day| day < *date)),
            Self::SentOn(date) => seen.sent_date().map(|sent| sent.is_some_and(|day| day == *date)),
            Self::SentSince(date) => seen.sent_date().map(|sent| sent.is_some_and(|day| day >= *date)),
            Self::Larger(size) => record.size().map(|s| s > *size),
            Self::Smaller(size) => record.size().map(|s| s < *size),
            Self::Header(name, needle) => seen.contains_header(name, needle),
            Self::Body(needle) => seen.whole().map(|m| m.contains_body(needle)),
            Self::Text(needle) => seen.whole().map(|m| m.contains_text(needle)),
            Self::And(keys) => Self::decide(keys, seen, false),
            Self::Or(keys) => Self::decide(keys, seen, true),
            Self::Not(key) => key.matches(seen).map(|matches| !matches),
        }
    }

    /// One key that answers `decisive` settles it however little is known of the others: false for AND, true for OR.
    fn decide(keys: &[Self], seen: &Seen<'_>, decisive: bool) -> Option<bool> {
        let mut answer = Some(!decisive);
        for key in keys {
            match key.matches(seen) {
                Some(matches) if matches == decisive => return Some(decisive),
                Some(_) => {}
                None => answer = None,
            }
        }
        answer
    }
}

/// A message as far as it has been read.
struct Seen<'a> {
    record: &'a Record,
    message: Option<Message<'a>>,
    sight: Sight,
}

impl<'a> Seen<'a> {
    fn new(record: &'a Record, octets: Option<&'a [u8]>, sight: Sight) -> Self {
        Self {
            record,
            message: octets.map(Message::parse),
            sight,
        }
    }

    /// The day of the `Date:` field, if that was looked at; `Some(None)` where the message has none.
    fn sent_date(&self) -> Option<Option<NaiveDate>> {
        match &self.message {
            Some(message) => Some(message.sent_date()),
            None => self.summary().map(|summary| summary.sent_date()),
        }
    }

    fn contains_header(&self, name: &str, needle: &Needle) -> Option<bool> {
        match &self.message {
            Some(message) => Some(message.contains_header(name, needle)),
            None => self.summary()?.contains_header(name, needle),
        }
    }

    fn summary(&self) -> Option<&Summary> {
        let summary = self.record.summary().filter(|_| self.sight > Sight::Attributes);
        summary.map(|summary| &**summary)
    }

    fn whole(&self) -> Option<&Message<'a>> {
        self.message.as_ref().filter(|_| self.sight == Sight::Octets)
    }
}

/// How much of a message SEARCH looks through, in octets: 64 MiB. Text further behind is not found. Bounds the memory of
/// a search; a larger message is all but certainly one large attachment.
pub const LARGEST_SEARCHED: usize = 64 << 20;

/// The longest header that SEARCH looks through, in octets: 1 MiB.
const LONGEST_HEADER: usize = 1 << 20;

/// How much is read at first where a header is wanted, in octets.
const HEADER_FIRST: usize = 16 << 10;

/// The octets of a message as far as `sight` reaches.
///
/// # Errors
/// Those of reading the body; one that [concerns one message](ErrorKind::concerns_one_message) hides no other.
async fn read(record: &Record, sight: Sight) -> Result<Bytes, Error> {
    let body = record
        .body()
        .ok_or_else(|| Error::new(ErrorKind::ServerBug).with_source("fetch answered no body"))?;
    match (sight, body.held()) {
        (_, Some(held)) => Ok(held.slice(..held.len().min(LARGEST_SEARCHED))),
        (Sight::Octets, None) => body.read_first(LARGEST_SEARCHED).await,
        (_, None) => read_header(body).await,
    }
}

async fn read_header(body: &Body) -> Result<Bytes, Error> {
    let mut wanted = HEADER_FIRST;
    loop {
        let octets = body.read_first(wanted).await?;
        let complete = Message::parse(&octets).header().len() < octets.len();
        if complete || octets.len() < wanted || wanted >= LONGEST_HEADER {
            return Ok(octets);
        }
        wanted *= 4;
    }
}

/// Finds the messages that match a query, with nothing but [`Mailbox::fetch`].
///
/// Messages are judged by flags, dates and sizes first; only those that this leaves open are read, and read only
/// as far as needed. Messages that are gone, or cannot be read, do not match.
///
/// # Errors
/// Those of [`Mailbox::fetch`].
///
/// # Complexity
/// Time: the messages of the view, plus the octets of those left open. Memory: one batch of at most 256 records, and
/// [`Need::HELD_OCTETS`] or one message up to [`LARGEST_SEARCHED`].
pub async fn evaluate<M: Mailbox + ?Sized>(mailbox: &mut M, query: &Query) -> Result<Found, Error> {
    let key = query.key();
    if let Some(all) = decided_by_the_view(query) {
        return Ok(Found::new(all));
    }
    let mut found = UidSet::new();
    let mut open = Vec::new();
    let mut walk = Walk::new(candidates(query), Sight::Attributes.need(key.attributes()));
    while let Some(records) = walk.next(mailbox).await? {
        for record in records.into_records() {
            match key.matches(&Seen::new(&record, None, Sight::Attributes)) {
                Some(true) => {
                    found.insert(record.uid());
                }
                Some(false) => {}
                None => open.push(record.uid()),
            }
        }
        judge_open(mailbox, &mut open, key, &mut found).await?;
    }
    Ok(Found::new(found))
}

/// What needs no look at any message: ALL, and sets of UIDs.
fn decided_by_the_view(query: &Query) -> Option<UidSet> {
    match query.key() {
        SearchKey::All => Some(candidates_of(query, &[]).collect()),
        SearchKey::Uids(uids) => Some(candidates_of(query, &[uids]).collect()),
        _ => None,
    }
}

/// The view's messages that a top-level UID set leaves over: `SEARCH UID 5` reads one message, not all.
fn candidates(query: &Query) -> impl Iterator<Item = Uid> {
    let required: Vec<&UidSet> = match query.key() {
        SearchKey::Uids(uids) => vec![uids],
        SearchKey::And(keys) => keys
            .iter()
            .filter_map(|k| if let SearchKey::Uids(u) = k { Some(u) } else { None })
            .collect(),
        _ => Vec::new(),
    };
    candidates_of(query, &required)
}

fn candidates_of<'q>(query: &'q Query, required: &[&'q UidSet]) -> impl Iterator<Item = Uid> + use<'q> {
    let (view, required) = (query.view(), required.to_vec());
    view.uids()
        .filter(|&uid| !view.is_expunged(uid))
        .filter(move |&uid| required.iter().all(|set| set.contains(uid)))
}

/// Judges what flags, dates and sizes have left open, reading as much of each message as some part of the criterion
/// needs: a summary first where that may do, because most stores need not read the message for it.
async fn judge_open<M: Mailbox + ?Sized>(
    mailbox: &mut M,
    open: &mut Vec<Uid>,
    key: &SearchKey,
    found: &mut UidSet,
) -> Result<(), Error> {
    let mut sight = key.sight();
    while !open.is_empty() {
        let mut walk = Walk::new(std::mem::take(open).into_iter(), sight.need(key.attributes()));
        while let Some(records) = walk.next(mailbox).await? {
            for record in records.into_records() {
                match judge(&record, key, sight).await? {
                    Some(true) => {
                        found.insert(record.uid());
                    }
                    Some(false) => {}
                    None => open.push(record.uid()),
                }
            }
        }
        if sight >= Sight::Header {
            open.clear();
        }
        sight = Sight::Header;
    }
    Ok(())
}

/// Whether a message matches; `None` where its summary is not enough to tell. A message that cannot be read does not
/// match.
async fn judge(record: &Record, key: &SearchKey, sight: Sight) -> Result<Option<bool>, Error> {
    if sight == Sight::Summary && record.summary().is_some() {
        return Ok(key.matches(&Seen::new(record, None, sight)));
    }
    match read(record, sight).await {
        Ok(octets) => {
            let sight = sight.max(Sight::Header);
            let matches = key.matches(&Seen::new(record, Some(&octets), sight));
            Ok(Some(matches == Some(true)))
        }
        Err(error) if error.kind().concerns_one_message() => Ok(Some(false)),
        Err(error) => Err(error),
    }
}
