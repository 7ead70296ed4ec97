//! A search criterion as it is compared with a message.

use chrono::NaiveDate;
use imap_message::TextKey;

use super::SearchKey;
use crate::record::{Need, Record};

/// A [`SearchKey`] whose strings have numbers: all strings are looked for together, and then the criterion is decided.
#[derive(Debug)]
pub(super) struct Criteria<'q> {
    root: Criterion<'q>,
    /// HEADER, BODY and TEXT keys by their numbers.
    texts: Vec<TextKey<'q>>,
    /// How much has to be seen to decide every part of it.
    sight: Sight,
    /// The attributes that any part of it looks at.
    attributes: Need,
    /// Whether some part of it looks at the `Date:` field.
    has_sent_date: bool,
    /// Whether attributes may settle it for some message.
    has_attributes: bool,
    /// How many keys there are.
    len: usize,
}

#[derive(Debug)]
enum Criterion<'q> {
    /// One that attributes or the `Date:` field decide.
    Plain(&'q SearchKey),
    Text(usize),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
}

/// How much of a message a criterion has to see. Ordered by what it costs to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sight {
    Attributes,
    /// What a store keeps ready of the header, or the header itself where it keeps nothing.
    Summary,
    Header,
    Octets,
}

impl Sight {
    pub(super) fn need(self, attributes: Need) -> Need {
        match self {
            Self::Attributes => attributes,
            Self::Summary => attributes.and(Need::HEADER_SUMMARY),
            Self::Header => attributes.and(Need::HEADER),
            Self::Octets => attributes.and(Need::BODY),
        }
    }
}

/// A message as far as it is known.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) record: &'a Record,
    /// The day of the `Date:` field, if that was looked at; `Some(None)` where the message has none.
    pub(super) sent_date: Option<Option<NaiveDate>>,
    /// Of each of [`Criteria::texts`] whether its string is there, where that is known. May be empty.
    pub(super) texts: &'a [Option<bool>],
}

impl<'q> Criteria<'q> {
    pub(super) fn of(key: &'q SearchKey) -> Self {
        let mut criteria = Self {
            root: Criterion::And(Vec::new()),
            texts: Vec::new(),
            sight: Sight::Attributes,
            attributes: Need::FLAGS,
            has_sent_date: false,
            has_attributes: !needs_content_alone(key),
            len: 0,
        };
        criteria.root = criteria.add(key);
        criteria
    }

    pub(super) const fn sight(&self) -> Sight {
        self.sight
    }

    pub(super) const fn attributes(&self) -> Need {
        self.attributes
    }

    /// Whether the day of the `Date:` field has to be known.
    pub(super) const fn has_sent_date(&self) -> bool {
        self.has_sent_date
    }

    /// Whether it is worth while to look at attributes first, before anything is read.
    pub(super) const fn has_attributes(&self) -> bool {
        self.has_attributes
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn texts(&self) -> &[TextKey<'q>] {
        &self.texts
    }

    /// Whether a message matches, or `None` where what is known is not enough to tell.
    pub(super) fn matches(&self, seen: &Seen<'_>) -> Option<bool> {
        self.root.matches(seen)
    }

    fn add(&mut self, key: &'q SearchKey) -> Criterion<'q> {
        self.len += 1;
        match key {
            SearchKey::Header(name, needle) => self.text(TextKey::header(name, needle), Sight::Summary),
            SearchKey::Body(needle) => self.text(TextKey::body(needle), Sight::Octets),
            SearchKey::Text(needle) => self.text(TextKey::text(needle), Sight::Octets),
            SearchKey::And(keys) => Criterion::And(keys.iter().map(|key| self.add(key)).collect()),
            SearchKey::Or(keys) => Criterion::Or(keys.iter().map(|key| self.add(key)).collect()),
            SearchKey::Not(key) => Criterion::Not(Box::new(self.add(key))),
            plain => {
                match plain {
                    SearchKey::Before(_)
                    | SearchKey::On(_)
                    | SearchKey::Since(_)
                    | SearchKey::ArrivedUpTo(_)
                    | SearchKey::ArrivedFrom(_) => {
                        self.attributes = self.attributes.and(Need::INTERNAL_DATE);
                    }
                    SearchKey::ModSeq(_) => self.attributes = self.attributes.and(Need::MODSEQ),
                    SearchKey::EmailId(_) | SearchKey::ThreadId(_) => {
                        self.attributes = self.attributes.and(Need::OBJECT_IDS);
                    }
                    SearchKey::SavedBefore(_) | SearchKey::SavedOn(_) | SearchKey::SavedSince(_) => {
                        let dates = Need::SAVE_DATE.and(Need::INTERNAL_DATE);
                        self.attributes = self.attributes.and(dates);
                    }
                    SearchKey::SaveDateSupported => self.attributes = self.attributes.and(Need::SAVE_DATE),
                    SearchKey::Larger(_) | SearchKey::Smaller(_) => {
                        self.attributes = self.attributes.and(Need::SIZE);
                    }
                    SearchKey::SentBefore(_) | SearchKey::SentOn(_) | SearchKey::SentSince(_) => {
                        self.sight = self.sight.max(Sight::Summary);
                        self.has_sent_date = true;
                    }
                    _ => {}
                }
                Criterion::Plain(plain)
            }
        }
    }

    fn text(&mut self, key: TextKey<'q>, sight: Sight) -> Criterion<'q> {
        self.sight = self.sight.max(sight);
        self.texts.push(key);
        Criterion::Text(self.texts.len() - 1)
    }
}

impl Criterion<'_> {
    fn matches(&self, seen: &Seen<'_>) -> Option<bool> {
        match self {
            Self::Plain(key) => plain_matches(key, seen),
            Self::Text(number) => seen.texts.get(*number).copied().flatten(),
            Self::And(criteria) => decide(criteria, seen, false),
            Self::Or(criteria) => decide(criteria, seen, true),
            Self::Not(criterion) => criterion.matches(seen).map(|matches| !matches),
        }
    }
}

/// Whether every part of a key has to see more of a message than attributes; the UIDs that a whole query requires have chosen
/// its candidates already.
fn needs_content_alone(key: &SearchKey) -> bool {
    match key {
        SearchKey::And(keys) => {
            let mut others = keys.iter().filter(|key| key.as_uids().is_none()).peekable();
            others.peek().is_some() && others.all(sees_content)
        }
        key => sees_content(key),
    }
}

fn sees_content(key: &SearchKey) -> bool {
    match key {
        SearchKey::Header(..) | SearchKey::Body(_) | SearchKey::Text(_) => true,
        SearchKey::SentBefore(_) | SearchKey::SentOn(_) | SearchKey::SentSince(_) => true,
        SearchKey::And(keys) | SearchKey::Or(keys) => !keys.is_empty() && keys.iter().all(sees_content),
        SearchKey::Not(key) => sees_content(key),
        _ => false,
    }
}

/// One criterion that answers `decisive` settles it however little is known of the others: false for AND, true for OR.
fn decide(criteria: &[Criterion<'_>], seen: &Seen<'_>, decisive: bool) -> Option<bool> {
    let mut answer = Some(!decisive);
    for criterion in criteria {
        match criterion.matches(seen) {
            Some(matches) if matches == decisive => return Some(decisive),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

fn plain_matches(key: &SearchKey, seen: &Seen<'_>) -> Option<bool> {
    let record = seen.record;
    let day = || record.internal_date().map(|date| date.date_naive());
    let saved = || record.save_date().map(|date| date.date_naive()).or_else(day);
    let second = || record.internal_date().map(|date| date.timestamp());
    let sent = |is_it: &dyn Fn(NaiveDate) -> bool| seen.sent_date.map(|sent| sent.is_some_and(is_it));
    match key {
        SearchKey::All => Some(true),
        SearchKey::Uids(uids) => Some(uids.contains(record.uid())),
        SearchKey::Flag(flag) => Some(record.flags().contains(flag)),
        SearchKey::Before(date) => day().map(|day| day < *date),
        SearchKey::On(date) => day().map(|day| day == *date),
        SearchKey::Since(date) => day().map(|day| day >= *date),
        SearchKey::ArrivedUpTo(moment) => second().map(|at| at <= moment.timestamp()),
        SearchKey::ArrivedFrom(moment) => second().map(|at| at >= moment.timestamp()),
        // What has no mod-sequence has none that is high enough.
        SearchKey::ModSeq(least) => Some(record.modseq().is_some_and(|modseq| modseq >= *least)),
        SearchKey::EmailId(id) => Some(record.email_id() == Some(id)),
        SearchKey::ThreadId(id) => Some(record.thread_id() == Some(id)),
        SearchKey::SavedBefore(date) => saved().map(|day| day < *date),
        SearchKey::SavedOn(date) => saved().map(|day| day == *date),
        SearchKey::SavedSince(date) => saved().map(|day| day >= *date),
        SearchKey::SaveDateSupported => Some(record.save_date().is_some()),
        SearchKey::SentBefore(date) => sent(&|day| day < *date),
        SearchKey::SentOn(date) => sent(&|day| day == *date),
        SearchKey::SentSince(date) => sent(&|day| day >= *date),
        SearchKey::Larger(size) => record.size().map(|s| s > *size),
        SearchKey::Smaller(size) => record.size().map(|s| s < *size),
        // These have no plain criterion.
        SearchKey::Header(..)
        | SearchKey::Body(_)
        | SearchKey::Text(_)
        | SearchKey::And(_)
        | SearchKey::Or(_)
        | SearchKey::Not(_) => None,
    }
}
