//! SEARCH over any store.

use std::sync::Arc;

use chrono::NaiveDate;
use imap_message::{Message, Summary, TextKey, TextSearch};
use imap_seq::{Uid, UidSet};

use super::criterion::{Criteria, Seen, Sight};
use super::pace::Pace;
use super::pieces::{Extent, PIECE, Pieces};
use super::{Found, Query, SearchKey};
use crate::error::{Error, ErrorKind};
use crate::mailbox::Mailbox;
use crate::record::{Fetched, Need, Record};
use crate::walk::{MOST_UIDS, Walk};

/// Finds the messages that match a query, with nothing but [`Mailbox::fetch`].
///
/// Messages are judged by flags, dates and sizes first; only those that this leaves open are read, and read only
/// as far as needed: the header, or headers and text parts without attachments, up to where the answer is known. Where
/// the text lies is taken from the [`Record::summary`] of the store; if it keeps none, the message is read once more to
/// find it out. Messages that are gone, or cannot be read, do not match.
///
/// The future gives way after at most 64 KiB of text or some hundred records, and is pending then even where the store
/// never waits. Dropped, it reads no further.
///
/// # Errors
/// Those of [`Mailbox::fetch`].
///
/// # Complexity
/// Time: the messages of the view, plus headers and text parts of those left open; all strings are looked for in the same
/// pass. Memory: one batch of at most 2,048 records (256 where octets come with them) with [`Need::HELD_OCTETS`], and 64 KiB
/// of one message besides what [`TextSearch`] takes, whatever the size of the message.
pub async fn evaluate<M: Mailbox + ?Sized>(mailbox: &mut M, query: &Query) -> Result<Found, Error> {
    let mut evaluation = Evaluation {
        mailbox,
        criteria: Criteria::of(query.key()),
        pace: Pace::new(),
        found: UidSet::new(),
    };
    match query.key() {
        SearchKey::All | SearchKey::Uids(_) => evaluation.take_all(query.candidates()).await,
        _ => evaluation.judge_all(query.candidates()).await?,
    }
    Ok(Found::new(evaluation.found))
}

/// A search while it goes on.
struct Evaluation<'m, 'q, M: ?Sized> {
    mailbox: &'m mut M,
    criteria: Criteria<'q>,
    pace: Pace,
    found: UidSet,
}

/// What it takes to judge a record by one key and by all, as much as so many octets of text; see [`Pace`].
const KEY_WORK: usize = 16;
const RECORD_WORK: usize = 256;

/// So many HEADER keys are looked for in a summary between two chances to give way.
const KEYS_AT_ONCE: usize = 64;

impl<M: Mailbox + ?Sized> Evaluation<'_, '_, M> {
    /// Messages that the view alone decides about.
    async fn take_all(&mut self, uids: impl Iterator<Item = Uid>) {
        for uid in uids {
            self.found.insert(uid);
            self.pace.after(KEY_WORK).await;
        }
    }

    async fn judge_all(&mut self, uids: impl Iterator<Item = Uid>) -> Result<(), Error> {
        if !self.criteria.has_attributes() {
            return self.judge_contents(uids).await;
        }
        let need = Sight::Attributes.need(self.criteria.attributes());
        let mut open = Vec::new();
        let mut walk = Walk::new(uids, need);
        while let Some(records) = walk.next(self.mailbox).await? {
            for record in records.into_records() {
                let seen = Seen {
                    record: &record,
                    sent_date: None,
                    texts: &[],
                };
                let matches = self.criteria.matches(&seen);
                self.take(record.uid(), matches, &mut open);
                self.pace.after(self.record_work()).await;
            }
            self.judge_open(&mut open).await?;
        }
        Ok(())
    }

    /// Judges messages of which attributes say nothing.
    async fn judge_contents(&mut self, mut uids: impl Iterator<Item = Uid>) -> Result<(), Error> {
        let mut open = Vec::new();
        loop {
            open.extend(uids.by_ref().take(MOST_UIDS));
            if open.is_empty() {
                return Ok(());
            }
            self.judge_open(&mut open).await?;
        }
    }

    fn take(&mut self, uid: Uid, matches: Option<bool>, open: &mut Vec<Uid>) {
        match matches {
            Some(true) => drop(self.found.insert(uid)),
            Some(false) => {}
            None => open.push(uid),
        }
    }

    fn record_work(&self) -> usize {
        RECORD_WORK + KEY_WORK * self.criteria.len()
    }

    /// Judges what flags, dates and sizes have left open, reading as much of each message as some part of the criterion
    /// needs: a summary first where that may do, because most stores need not read the message for it.
    async fn judge_open(&mut self, open: &mut Vec<Uid>) -> Result<(), Error> {
        let mut sight = self.criteria.sight();
        while !open.is_empty() {
            let need = sight.need(self.criteria.attributes());
            let mut walk = Walk::new(std::mem::take(open).into_iter(), need);
            while let Some(records) = walk.next(self.mailbox).await? {
                for record in records.into_records() {
                    match self.judge(&record, sight).await {
                        Ok(matches) => self.take(record.uid(), matches, open),
                        Err(error) if error.kind().concerns_one_message() => {}
                        Err(error) => return Err(error),
                    }
                    self.pace.after(self.record_work()).await;
                }
            }
            if sight >= Sight::Header {
                open.clear();
            }
            sight = Sight::Header;
        }
        Ok(())
    }

    /// Whether a message matches; `None` where its summary is not enough to tell.
    async fn judge(&mut self, record: &Record, sight: Sight) -> Result<Option<bool>, Error> {
        if let (Sight::Summary, Some(summary)) = (sight, record.summary()) {
            let texts = self.texts_in_summary(summary).await;
            let seen = Seen {
                record,
                sent_date: self.criteria.has_sent_date().then(|| summary.sent_date()),
                texts: &texts,
            };
            return Ok(self.criteria.matches(&seen));
        }
        let body = record.body().ok_or(ErrorKind::ServerBug);
        let body = body.map_err(|bug| Error::new(bug).with_source("fetch answered no body"))?;
        let mut pieces = Pieces::new(body);
        let structure = match (sight, record.summary(), body.held()) {
            (Sight::Octets, Some(summary), _) if summary.size().is_some() => {
                Structure::Summary(Arc::clone(summary))
            }
            (Sight::Octets, _, Some(octets)) if octets.len() <= PIECE => {
                Structure::Message(Message::parse(octets))
            }
            (Sight::Octets, ..) => Structure::Summary(self.summary(record.uid(), &mut pieces).await?),
            _ => Structure::Summary(Arc::new(pieces.summary(Extent::Header, &mut self.pace).await?)),
        };
        self.read(record, &structure, &mut pieces).await.map(Some)
    }

    /// Looks for the strings where they may be, until it is known whether the message matches.
    async fn read(
        &mut self,
        record: &Record,
        structure: &Structure<'_>,
        pieces: &mut Pieces<'_>,
    ) -> Result<bool, Error> {
        let sent_date = self.criteria.has_sent_date().then(|| structure.sent_date());
        let mut texts = match structure {
            Structure::Summary(summary) => self.texts_in_summary(summary).await,
            Structure::Message(_) => vec![None; self.criteria.texts().len()],
        };
        let numbers: Vec<usize> = (0..texts.len())
            .filter(|&number| texts[number].is_none())
            .collect();
        let keys: Vec<TextKey<'_>> = numbers
            .iter()
            .map(|&number| self.criteria.texts()[number])
            .collect();
        let mut search = structure.search(&keys);
        loop {
            for (key, &number) in numbers.iter().enumerate() {
                texts[number] = search.is_found(key);
            }
            let seen = Seen {
                record,
                sent_date,
                texts: &texts,
            };
            let matches = self.criteria.matches(&seen);
            if matches.is_some() || !pieces.push_next(&mut search, &mut self.pace).await? {
                return Ok(matches == Some(true));
            }
        }
    }

    /// What the fields that a summary keeps say to each of the criterion's strings.
    async fn texts_in_summary(&mut self, summary: &Summary) -> Vec<Option<bool>> {
        let mut found = Vec::with_capacity(self.criteria.texts().len());
        for keys in self.criteria.texts().chunks(KEYS_AT_ONCE) {
            found.extend(summary.contains_headers(keys));
            self.pace.after(summary.heap_size()).await;
        }
        found
    }

    /// The summary of a message that is not in memory: the one that its store keeps, or one that is made now.
    async fn summary(&mut self, uid: Uid, pieces: &mut Pieces<'_>) -> Result<Arc<Summary>, Error> {
        let mut walk = Walk::new(std::iter::once(uid), Need::SUMMARY);
        let fetched = walk.next(self.mailbox).await?;
        let mut records = fetched.into_iter().flat_map(Fetched::into_records);
        let kept = records.find_map(|record| record.summary().cloned());
        match kept.filter(|summary| summary.size().is_some()) {
            Some(summary) => Ok(summary),
            None => Ok(Arc::new(pieces.summary(Extent::Whole, &mut self.pace).await?)),
        }
    }
}

/// What says where the text of a message lies.
enum Structure<'r> {
    Summary(Arc<Summary>),
    /// The octets themselves.
    Message(Message<'r>),
}

impl Structure<'_> {
    fn sent_date(&self) -> Option<NaiveDate> {
        match self {
            Self::Summary(summary) => summary.sent_date(),
            Self::Message(message) => message.sent_date(),
        }
    }

    fn search<'k>(&self, keys: &'k [TextKey<'k>]) -> TextSearch<'k> {
        match self {
            Self::Summary(summary) => TextSearch::new(keys, summary),
            Self::Message(message) => TextSearch::in_message(keys, message),
        }
    }
}
