//! Summaries that were read lately, so that they are not read again. A message keeps its UID and its octets, so what was read
//! stays right; losing it costs time only.

use std::fmt;
use std::sync::Arc;

use imap_message::Summary;
use imap_seq::Uid;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::tables::mailboxes::MailboxKey;

/// How much they may take in a process, in octets: some hundred thousand ordinary messages.
const MOST: u64 = 64 << 20;

/// What an entry takes besides what it holds, in octets.
const ENTRY: u64 = 96;

/// What the table begins with; it grows.
const FEW: usize = 1024;

/// Which message.
type Place = (MailboxKey, Uid);

/// Of all mailboxes of a process.
pub(crate) struct Summaries(Cache<Place, Arc<Summary>, Size>);

#[derive(Clone)]
struct Size;

impl Weighter<Place, Arc<Summary>> for Size {
    fn weight(&self, _: &Place, summary: &Arc<Summary>) -> u64 {
        ENTRY + summary.heap_size() as u64
    }
}

impl Default for Summaries {
    fn default() -> Self {
        Self(Cache::with_weighter(FEW, MOST, Size))
    }
}

impl fmt::Debug for Summaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Summaries").field(&self.0.len()).finish()
    }
}

impl Summaries {
    /// Those of these messages; `None` if one of them is not here.
    pub(crate) fn of_all(&self, key: MailboxKey, uids: &[Uid]) -> Option<Vec<Arc<Summary>>> {
        uids.iter().map(|uid| self.0.get(&(key, *uid))).collect()
    }

    pub(crate) fn keep(&self, place: Place, summary: &Arc<Summary>) {
        self.0.insert(place, Arc::clone(summary));
    }
}
