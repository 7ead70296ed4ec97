//! SORT over any store.

use imap_seq::Uid;

use super::SortKey;
use super::key::{Keys, need};
use super::paced::sorted;
use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::search::pace::Pace;
use crate::search::{Query, header};
use crate::walk::Walk;

/// What it takes to make the key of a message, as much as so many octets of text; see [`Pace`].
const KEY_WORK: usize = 512;

/// Finds the messages that match a query, and sorts them, with nothing but [`Mailbox::search`] and [`Mailbox::fetch`].
///
/// Messages that are equal by all criteria are in the order of the mailbox. One whose header cannot be read counts as one
/// without any field. A criterion that comes a second time says nothing.
///
/// The future gives way after some hundred messages. Dropped, it reads no further.
///
/// # Errors
/// Those of [`Mailbox::search`] and [`Mailbox::fetch`].
///
/// # Complexity
/// Time: that of the search, a summary or header for each message found, and O(n log n) comparisons. Memory: 56 octets a
/// message, and of the octets of its key all but 8: 8 octets a date or size, and at most [`MOST_TEXT`](super::MOST_TEXT)
/// and one a text. So a million messages with subjects of 40 characters take 90 MB, and the most that anybody can bring
/// about is 315 MB by one text.
pub async fn evaluate<M: Mailbox + ?Sized>(
    mailbox: &mut M,
    query: &Query,
    by: &[SortKey],
) -> Result<Vec<Uid>, Error> {
    let found = mailbox.search(query).await?;
    let by = first_of_each(by);
    let need = need(&by);
    let view = query.view();
    let mut pace = Pace::new();
    let mut keys = Keys::default();
    let mut entries = Vec::new();
    let there = found.uids().iter().filter(|&uid| view.seq_of(uid).is_some());
    let mut walk = Walk::new(there, need);
    while let Some(records) = walk.next(mailbox).await? {
        for record in records.into_records() {
            let summary = match need.includes_octets() {
                true => header(&record, &mut pace).await?,
                false => None,
            };
            entries.push(keys.add(&by, &record, summary.as_deref()));
            pace.after(KEY_WORK).await;
        }
    }
    let entries = sorted(entries, |one, other| keys.compare(one, other), &mut pace).await;
    Ok(entries.iter().map(super::key::Entry::uid).collect())
}

fn first_of_each(by: &[SortKey]) -> Vec<SortKey> {
    let mut first: Vec<SortKey> = Vec::new();
    for key in by {
        if first.iter().all(|before| before.by() != key.by()) {
            first.push(*key);
        }
    }
    first
}
