//! FETCH: rows of messages as records.

use std::sync::Arc;

use bytes::Bytes;
use imap_backend::{Body, Error, ErrorKind, Fetched, Need, ObjectId, Record};
use imap_message::Summary;
use imap_seq::Uid;

use crate::body::{self, StoredBody};
use crate::engine::Statements;
use crate::node::Node;
use crate::tables::blobs::CHUNK;
use crate::tables::messages::{self, MessageRow, WithSummary};

/// Messages that are gone within a range cost a look each; more than these begin a range of their own.
const GAP: u32 = 8;

/// The records of these messages, in this order.
pub(crate) fn fetch(
    statements: Statements<'_>,
    (node, mailbox): (&Node, i64),
    uids: &[Uid],
    need: Need,
) -> Result<Fetched, Error> {
    let summary = match need.includes(Need::HEADER_SUMMARY) {
        true => WithSummary::Yes,
        false => WithSummary::No,
    };
    let mut held = Need::HELD_OCTETS;
    let mut fetched = Fetched::with_capacity(uids.len());
    for run in runs(uids) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let mut rows = Vec::with_capacity(run.len());
        messages::between(statements, mailbox, (*first, *last), summary, |row| {
            rows.push(row)
        })?;
        let mut rows = rows.into_iter().peekable();
        for uid in run {
            while rows.next_if(|row| row.flags.uid < *uid).is_some() {}
            let row = rows.next_if(|row| row.flags.uid == *uid);
            let record = row.map(|row| record(statements, node, row, need, &mut held));
            fetched.push(record.transpose()?);
        }
    }
    Ok(fetched)
}

/// Cuts UIDs into pieces that ascend without wide gaps, each of which one query reads.
fn runs(uids: &[Uid]) -> impl Iterator<Item = &[Uid]> {
    uids.chunk_by(|one, next| one < next && next.get() - one.get() <= GAP)
}

fn record(
    statements: Statements<'_>,
    node: &Node,
    row: MessageRow,
    need: Need,
    held: &mut usize,
) -> Result<Record, Error> {
    let mut record = Record::new(row.flags.uid, row.flags.flags)
        .with_internal_date(row.received)
        .with_size(row.size)
        .with_modseq(row.flags.modseq);
    if need.includes(Need::OBJECT_IDS) {
        // Copies share their blob, whose number is never used twice.
        record = record.with_email_id(ObjectId::of_email(row.blob.unsigned_abs()));
    }
    // One that an older version wrote, or nobody, is made anew by the server, from the body.
    let summary = row.summary.and_then(|octets| Summary::from_bytes(&octets).ok());
    let made_anew = need.includes(Need::HEADER_SUMMARY) && summary.is_none();
    if let Some(summary) = summary {
        record = record.with_summary(Arc::new(summary));
    }
    if !need.includes(Need::HEADER) && !made_anew {
        return Ok(record);
    }
    let body = match hold(statements, (row.blob, row.size), held)? {
        Some(octets) => octets.into(),
        None => Body::new(StoredBody {
            node: node.clone(),
            blob: row.blob,
            size: row.size,
        }),
    };
    Ok(record.with_body(body))
}

/// The octets of a message of one chunk, if the answer may hold them. One that cannot be read does not hide the others: its
/// handle says so when it is read.
fn hold(
    statements: Statements<'_>,
    (blob, size): (i64, u64),
    held: &mut usize,
) -> Result<Option<Bytes>, Error> {
    let Ok(octets) = usize::try_from(size) else {
        return Ok(None);
    };
    if octets > CHUNK.min(*held) {
        return Ok(None);
    }
    match body::read(statements, (blob, size), 0, octets) {
        Ok(octets) => {
            *held -= octets.len();
            Ok(Some(octets))
        }
        Err(error) if matches!(error.kind(), ErrorKind::ExpungeIssued | ErrorKind::Corruption) => Ok(None),
        Err(error) => Err(error),
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
