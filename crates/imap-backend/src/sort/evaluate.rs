//! SORT over any store.

use imap_seq::{Uid, UidSet, View};

use super::{Keys, SortKey};
use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::search::Query;

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
    let mut keys = Keys::new(by);
    keys.read(mailbox, &found).await?;
    Ok(keys.sorted().await)
}

/// Those of the messages that are in the view.
pub(crate) fn known_to(view: &View, found: &UidSet) -> UidSet {
    found.iter().filter(|&uid| view.seq_of(uid).is_some()).collect()
}
