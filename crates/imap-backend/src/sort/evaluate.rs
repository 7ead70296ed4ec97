//! SORT over any store.

use imap_seq::{Uid, UidSet, View};

use super::SortKey;
use super::key::{Entry, Keys, need};
use super::paced;
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
    let found = known_to(query.view(), mailbox.search(query).await?.uids());
    Ok(sorted(mailbox, &found, by, &mut Pace::new()).await?.uids)
}

/// Messages in their order.
pub(super) struct Sorted {
    pub(super) uids: Vec<Uid>,
    /// Whether every header could be read.
    pub(super) is_whole: bool,
}

/// Sorts these messages. Those that are gone are left out.
pub(super) async fn sorted<M: Mailbox + ?Sized>(
    mailbox: &mut M,
    found: &UidSet,
    by: &[SortKey],
    pace: &mut Pace,
) -> Result<Sorted, Error> {
    let by = first_of_each(by);
    let need = need(&by);
    let mut is_whole = true;
    let mut keys = Keys::default();
    let mut entries = Vec::new();
    let mut walk = Walk::new(found.iter(), need);
    while let Some(records) = walk.next(mailbox).await? {
        for record in records.into_records() {
            let mut summary = None;
            if need.includes_octets() {
                summary = header(&record, pace).await?;
                is_whole &= summary.is_some();
            }
            entries.push(keys.add(&by, &record, summary.as_deref()));
            pace.after(KEY_WORK).await;
        }
    }
    let entries = paced::sorted(entries, |one, other| keys.compare(one, other), pace).await;
    let uids = entries.iter().map(Entry::uid).collect();
    Ok(Sorted { uids, is_whole })
}

/// Those of the messages that are in the view.
pub(crate) fn known_to(view: &View, found: &UidSet) -> UidSet {
    found.iter().filter(|&uid| view.seq_of(uid).is_some()).collect()
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
