//! THREAD over any store.

use imap_seq::UidSet;

use super::builder::Builder;
use super::{Algorithm, Threads};
use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::record::Need;
use crate::search::pace::Pace;
use crate::search::{Query, header};
use crate::sort::{Sortable, known_to};
use crate::walk::Walk;

/// What it takes to thread a message besides the octets of its summary; see [`Pace`].
const WORK: usize = 512;

/// Finds the messages that match a query, and threads them, with nothing but [`Mailbox::search`] and [`Mailbox::fetch`].
///
/// One whose header cannot be read counts as one without any field. A message counts under the first ID of its
/// `Message-ID:`.
///
/// REFS follows Dovecot where the draft leaves it open: within a thread messages are by their sent dates, and a message
/// counts for its thread wherever it stands in it.
///
/// The future gives way after some hundred messages. Dropped, it reads no further.
///
/// # Errors
/// Those of [`Mailbox::search`] and [`Mailbox::fetch`].
///
/// # Complexity
/// Time: that of the search, a summary or header for each message found, and O(n log n) for n messages and references,
/// whatever they refer to: cycles, threads that are as deep as the mailbox is large, the same ID in every message.
/// Memory: about 100 octets a message, and 50 for each message that is referred to and not there, of which at most three
/// for each message and 100,000 are remembered. So a million messages take some 100 MB, and the most that anybody can bring
/// about is 255 MB.
pub async fn evaluate<M: Mailbox + ?Sized>(
    mailbox: &mut M,
    query: &Query,
    algorithm: Algorithm,
) -> Result<Threads, Error> {
    let found = known_to(query.view(), mailbox.search(query).await?.uids());
    Ok(threaded(mailbox, &found, algorithm).await?.threads)
}

/// Threads of messages.
pub(crate) struct Threaded {
    pub(crate) threads: Threads,
    /// Whether every message was there, and every header could be read.
    pub(crate) is_whole: bool,
}

/// Threads these messages. Those that are gone are left out.
pub(crate) async fn threaded<M: Mailbox + ?Sized>(
    mailbox: &mut M,
    found: &UidSet,
    algorithm: Algorithm,
) -> Result<Threaded, Error> {
    let mut pace = Pace::new();
    let mut builder = Builder::new(algorithm);
    let mut read = 0;
    let mut walk = Walk::new(found.iter(), Need::INTERNAL_DATE.and(Need::HEADER_SUMMARY));
    while let Some(records) = walk.next(mailbox).await? {
        for record in records.into_records() {
            let summary = header(&record, &mut pace).await?;
            let head = summary.as_ref().map(|summary| summary.header());
            builder.add(&Sortable::of(&record, head));
            read += u64::from(summary.is_some());
            let octets = summary.map_or(0, |summary| summary.heap_size());
            pace.after(WORK + octets).await;
        }
    }
    let threads = builder.finish(&mut pace).await;
    let is_whole = read == found.len();
    Ok(Threaded { threads, is_whole })
}
