//! SEARCH: the criteria, and an evaluation for every store that can [`fetch`](crate::Mailbox::fetch).

use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::record::{Need, Record};
use chrono::NaiveDate;
use imap_message::{Message, Needle};
use imap_seq::{Uid, UidSet, View};
use imap_updates::Flag;

/// One SEARCH criterion (RFC 9051, section 6.4.4), resolved: sequence sets, `*`, `\Recent` and charsets are gone.
///
/// The RFC's opposites are [`Not`](Self::Not): UNSEEN is `Not(Flag(Seen))`. FROM, TO, CC, BCC and SUBJECT are
/// [`Header`](Self::Header).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SearchKey {
    /// ALL.
    All,
    /// Messages of this set: UID and sequence sets, and what only the session knows (RECENT, NEW, OLD).
    Uids(UidSet),
    /// ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, KEYWORD.
    Flag(Flag),
    /// BEFORE: the internal date, without time and zone, is earlier.
    Before(NaiveDate),
    /// ON: the internal date is within this day.
    On(NaiveDate),
    /// SINCE: the internal date is within or later than this day.
    Since(NaiveDate),
    /// SENTBEFORE: as BEFORE, with the `Date:` header.
    SentBefore(NaiveDate),
    /// SENTON: as ON, with the `Date:` header.
    SentOn(NaiveDate),
    /// SENTSINCE: as SINCE, with the `Date:` header.
    SentSince(NaiveDate),
    /// LARGER: more octets than this.
    Larger(u64),
    /// SMALLER: fewer octets than this.
    Smaller(u64),
    /// HEADER: a field of this name contains the text; an empty text finds every message that has the field.
    Header(String, Needle),
    /// BODY: the body contains the text.
    Body(Needle),
    /// TEXT: header or body contains the text.
    Text(Needle),
    /// All of them: a search program of several keys, or a parenthesised list.
    And(Vec<Self>),
    /// OR.
    Or(Box<Self>, Box<Self>),
    /// NOT.
    Not(Box<Self>),
}

/// How much of a message a criterion has to see. Ordered by what it costs to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Attributes,
    Header,
    Octets,
}

impl Sight {
    fn need(self, attributes: Need) -> Need {
        match self {
            Self::Attributes => attributes,
            Self::Header => attributes.and(Need::HEADER),
            Self::Octets => attributes.and(Need::OCTETS),
        }
    }
}

impl SearchKey {
    /// How much of a message has to be seen to decide every part of this criterion.
    fn sight(&self) -> Sight {
        match self {
            Self::SentBefore(_) | Self::SentOn(_) | Self::SentSince(_) | Self::Header(..) => Sight::Header,
            Self::Body(_) | Self::Text(_) => Sight::Octets,
            Self::And(keys) => keys.iter().map(Self::sight).max().unwrap_or(Sight::Attributes),
            Self::Or(a, b) => a.sight().max(b.sight()),
            Self::Not(key) => key.sight(),
            _ => Sight::Attributes,
        }
    }

    /// The attributes that any part of this criterion looks at.
    fn attributes(&self) -> Need {
        match self {
            Self::Before(_) | Self::On(_) | Self::Since(_) => Need::INTERNAL_DATE,
            Self::Larger(_) | Self::Smaller(_) => Need::SIZE,
            Self::And(keys) => keys
                .iter()
                .fold(Need::FLAGS, |need, key| need.and(key.attributes())),
            Self::Or(a, b) => a.attributes().and(b.attributes()),
            Self::Not(key) => key.attributes(),
            _ => Need::FLAGS,
        }
    }

    /// Whether a message matches, or `None` where `seen` is not enough to tell.
    fn matches(&self, seen: &Seen<'_>) -> Option<bool> {
        let record = seen.record;
        let day = || record.internal_date.map(|date| date.date_naive());
        match self {
            Self::All => Some(true),
            Self::Uids(uids) => Some(uids.contains(record.uid)),
            Self::Flag(flag) => Some(record.flags.contains(flag)),
            Self::Before(date) => day().map(|day| day < *date),
            Self::On(date) => day().map(|day| day == *date),
            Self::Since(date) => day().map(|day| day >= *date),
            Self::SentBefore(date) => seen
                .header()
                .map(|m| m.sent_date().is_some_and(|day| day < *date)),
            Self::SentOn(date) => seen
                .header()
                .map(|m| m.sent_date().is_some_and(|day| day == *date)),
            Self::SentSince(date) => seen
                .header()
                .map(|m| m.sent_date().is_some_and(|day| day >= *date)),
            Self::Larger(size) => record.size.map(|s| s > *size),
            Self::Smaller(size) => record.size.map(|s| s < *size),
            Self::Header(name, needle) => seen.header().map(|m| m.contains_header(name, needle)),
            Self::Body(needle) => seen.whole().map(|m| m.contains_body(needle)),
            Self::Text(needle) => seen.whole().map(|m| m.contains_text(needle)),
            Self::And(keys) => Self::all(keys, seen),
            Self::Or(a, b) => match (a.matches(seen), b.matches(seen)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(key) => key.matches(seen).map(|matches| !matches),
        }
    }

    /// Every key matches; one that does not settles it however little is known of the others.
    fn all(keys: &[Self], seen: &Seen<'_>) -> Option<bool> {
        let mut known = Some(true);
        for key in keys {
            match key.matches(seen) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => known = None,
            }
        }
        known
    }
}

/// A message as far as it has been read.
struct Seen<'a> {
    record: &'a Record,
    message: Option<Message<'a>>,
    sight: Sight,
}

impl<'a> Seen<'a> {
    fn new(record: &'a Record, sight: Sight) -> Self {
        let message = record
            .octets
            .as_deref()
            .filter(|_| sight > Sight::Attributes)
            .map(Message::parse);
        Self {
            record,
            message,
            sight,
        }
    }

    fn header(&self) -> Option<&Message<'a>> {
        self.message.as_ref()
    }

    fn whole(&self) -> Option<&Message<'a>> {
        self.message.as_ref().filter(|_| self.sight == Sight::Octets)
    }
}

/// How many messages are looked at in one call of [`Mailbox::fetch`].
const BATCH: usize = 256;

/// Finds the messages of `view` that match `key`, with nothing but [`Mailbox::fetch`].
///
/// Messages are judged by flags, dates and sizes first; only those that this leaves open are read, and read only
/// as far as needed. Messages that are gone do not match.
///
/// # Errors
/// Those of [`Mailbox::fetch`].
///
/// # Complexity
/// Time: the messages of the view, plus the octets of those left open. Memory: one batch of 256 records, and
/// 1 MiB of octets or one message.
pub async fn evaluate<M: Mailbox + ?Sized>(
    mailbox: &mut M,
    view: &View,
    key: &SearchKey,
) -> Result<UidSet, Error> {
    let mut found = UidSet::new();
    let mut candidates = candidates(view, key).into_iter().peekable();
    let mut batch = Vec::with_capacity(BATCH);
    while candidates.peek().is_some() {
        batch.clear();
        batch.extend(candidates.by_ref().take(BATCH));
        judge(mailbox, &batch, key, Sight::Attributes, &mut found).await?;
    }
    Ok(found)
}

/// The view's messages that a top-level UID set leaves over: `SEARCH UID 5` reads one message, not all.
fn candidates(view: &View, key: &SearchKey) -> Vec<Uid> {
    let required: Vec<&UidSet> = match key {
        SearchKey::Uids(uids) => vec![uids],
        SearchKey::And(keys) => keys
            .iter()
            .filter_map(|k| if let SearchKey::Uids(u) = k { Some(u) } else { None })
            .collect(),
        _ => Vec::new(),
    };
    view.uids()
        .filter(|&uid| required.iter().all(|set| set.contains(uid)))
        .collect()
}

/// Judges a batch with this much in sight, and what stays open with more.
async fn judge<M: Mailbox + ?Sized>(
    mailbox: &mut M,
    uids: &[Uid],
    key: &SearchKey,
    sight: Sight,
    found: &mut UidSet,
) -> Result<(), Error> {
    let mut sight = sight;
    let mut uids = uids.to_vec();
    loop {
        let mut open = Vec::new();
        let mut at = 0;
        while at < uids.len() {
            let records = mailbox.fetch(&uids[at..], sight.need(key.attributes())).await?;
            at += records.len().max(1);
            for record in records.into_iter().flatten() {
                match key.matches(&Seen::new(&record, sight)) {
                    Some(true) => {
                        found.insert(record.uid);
                    }
                    Some(false) => {}
                    None => open.push(record.uid),
                }
            }
        }
        if open.is_empty() || sight == Sight::Octets {
            return Ok(());
        }
        // What needs the body anyway is not read twice.
        sight = key.sight();
        uids = open;
    }
}
