//! FETCH: rows of messages as records.

use std::collections::HashMap;
use std::iter::Peekable;
use std::slice;
use std::sync::Arc;
use std::vec;

use bytes::Bytes;
use imap_backend::{Body, Error, ErrorKind, Fetched, Need, Record};
use imap_message::Summary;
use imap_seq::Uid;

use crate::body::StoredBody;
use crate::columns::email_id;
use crate::engine::Statements;
use crate::node::Node;
use crate::tables::blobs::{self, CHUNK};
use crate::tables::mailboxes::MailboxKey;
use crate::tables::messages::{self, MessageRow, WithSummary};

/// Messages that are gone within a range cost a look each; more than these begin a range of their own.
const GAP: u32 = 8;

/// What is in columns that the flags of a message are read without.
const COLUMNS: [Need; 4] = [Need::INTERNAL_DATE, Need::SIZE, Need::OBJECT_IDS, Need::SAVE_DATE];

/// The records of these messages, in this order.
pub(crate) fn fetch(
    statements: Statements<'_>,
    (node, key): (&Node, MailboxKey),
    uids: &[Uid],
    need: Need,
) -> Result<Fetched, Error> {
    let mut held = Need::HELD_OCTETS;
    let mut fetched = Fetched::with_capacity(uids.len());
    for run in runs(uids) {
        let summaries = match need.includes(Need::HEADER_SUMMARY) {
            true => node.summaries().of_all(key, run),
            false => None,
        };
        let must_read = need.includes(Need::HEADER_SUMMARY) && summaries.is_none();
        let mut entries = Entries {
            uids: run.iter().peekable(),
            summaries: summaries.unwrap_or_default().into_iter(),
            fetched: &mut fetched,
        };
        if must_read || need.includes(Need::HEADER) {
            let summary = if must_read {
                WithSummary::Yes
            } else {
                WithSummary::No
            };
            let mut rows = Vec::with_capacity(run.len());
            messages::between(statements, key.id, ends(run), summary, |row| rows.push(row))?;
            rows.retain(|row| run.binary_search(&row.flags.uid).is_ok());
            let rows = rows.into_iter();
            let rows: Vec<_> = rows.map(|row| read((node, key), row, (need, summary))).collect();
            let chunks = hold(statements, &rows, &mut held)?;
            rows.into_iter()
                .for_each(|row| entries.add(row.with_octets(node, &chunks)));
        } else if COLUMNS.iter().any(|&column| need.includes(column)) {
            messages::between(statements, key.id, ends(run), WithSummary::No, |row| {
                entries.add(plain(row, need));
            })?;
        } else {
            messages::flags_between(statements, key.id, ends(run), |row| {
                entries.add(Record::new(row.uid, row.flags).with_modseq(row.modseq));
            })?;
        }
        entries.end();
    }
    Ok(fetched)
}

/// The entries of a run, whose records come in the order of UIDs.
struct Entries<'e> {
    uids: Peekable<slice::Iter<'e, Uid>>,
    /// One for each of the UIDs, or none at all.
    summaries: vec::IntoIter<Arc<Summary>>,
    fetched: &'e mut Fetched,
}

impl Entries<'_> {
    /// Adds a record, after empty entries for the UIDs before it. One that was not asked for is passed over.
    fn add(&mut self, record: Record) {
        while self.uids.next_if(|uid| **uid < record.uid()).is_some() {
            self.summaries.next();
            self.fetched.push(None);
        }
        if self.uids.next_if(|uid| **uid == record.uid()).is_some() {
            self.fetched.push(Some(match self.summaries.next() {
                Some(summary) => record.with_summary(summary),
                None => record,
            }));
        }
    }

    fn end(self) {
        self.uids.for_each(|_| self.fetched.push(None));
    }
}

/// Cuts UIDs into pieces that ascend without wide gaps, each of which one query reads.
pub(crate) fn runs(uids: &[Uid]) -> impl Iterator<Item = &[Uid]> {
    uids.chunk_by(|one, next| one < next && next.get() - one.get() <= GAP)
}

/// The first and the last UID of a run, which has both.
pub(crate) fn ends(run: &[Uid]) -> (Uid, Uid) {
    let first = run.first().copied().unwrap_or(Uid::MIN);
    (first, run.last().copied().unwrap_or(first))
}

fn plain(row: MessageRow, need: Need) -> Record {
    let mut record = Record::new(row.flags.uid, row.flags.flags)
        .with_internal_date(row.received)
        .with_size(row.size)
        .with_modseq(row.flags.modseq);
    if let Some(saved) = row.saved {
        record = record.with_save_date(saved);
    }
    if need.includes(Need::OBJECT_IDS) {
        record = record.with_email_id(email_id(row.blob));
        if let Some(thread) = row.thread {
            record = record.with_thread_id(thread);
        }
    }
    record
}

/// What a row says of a message.
struct Read {
    record: Record,
    /// The blob whose octets are needed as well, and how many they are.
    octets: Option<(i64, u64)>,
}

/// The record of a row, with its summary if that was read, and whether its octets are needed.
fn read((node, key): (&Node, MailboxKey), mut row: MessageRow, (need, summary): (Need, WithSummary)) -> Read {
    let (uid, octets) = (row.flags.uid, (row.blob, row.size));
    // One that an older version wrote, or nobody, is made anew by the server, from the body.
    let kept = row
        .summary
        .take()
        .and_then(|octets| Summary::from_bytes(&octets).ok());
    let made_anew = summary == WithSummary::Yes && kept.is_none();
    let mut record = plain(row, need);
    if let Some(summary) = kept.map(Arc::new) {
        node.summaries().keep((key, uid), &summary);
        record = record.with_summary(summary);
    }
    Read {
        record,
        octets: (need.includes(Need::HEADER) || made_anew).then_some(octets),
    }
}

impl Read {
    /// With its octets if they are needed and among these, or else with a handle that reads them.
    fn with_octets(self, node: &Node, chunks: &HashMap<i64, Bytes>) -> Record {
        let Some((blob, size)) = self.octets else {
            return self.record;
        };
        let chunk = chunks.get(&blob).filter(|chunk| chunk.len() as u64 == size);
        self.record.with_body(match chunk {
            Some(octets) => octets.clone().into(),
            None => Body::new(StoredBody {
                node: node.clone(),
                blob,
                size,
            }),
        })
    }
}

/// The octets of messages of one chunk, as far as the answer may hold them, by their blobs: one statement for all of them. One
/// that cannot be read does not hide the others: its handle says so when it is read.
fn hold(statements: Statements<'_>, rows: &[Read], held: &mut usize) -> Result<HashMap<i64, Bytes>, Error> {
    let mut blobs = Vec::new();
    for (blob, size) in rows.iter().filter_map(|row| row.octets) {
        let octets = usize::try_from(size).unwrap_or(usize::MAX);
        if octets <= CHUNK.min(*held) {
            *held -= octets;
            blobs.push(blob);
        }
    }
    let mut chunks = HashMap::with_capacity(blobs.len());
    if blobs.is_empty() {
        return Ok(chunks);
    }
    let read = blobs::first_chunks(statements, &blobs, |blob, octets| {
        chunks.insert(blob, Bytes::copy_from_slice(octets));
    });
    match read {
        Err(error) if error.kind() != ErrorKind::Corruption => Err(error),
        _ => Ok(chunks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ascends_and_has_no_wide_gap() {
        let uids: Vec<Uid> = [1, 2, 9, 18, 17, 17].into_iter().filter_map(Uid::new).collect();
        let runs: Vec<Vec<u32>> = runs(&uids)
            .map(|run| run.iter().map(|uid| uid.get()).collect())
            .collect();
        assert_eq!(runs, [vec![1, 2, 9], vec![18], vec![17], vec![17]]);
    }
}
