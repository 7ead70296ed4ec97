//! What was found out about message files, so that they need not be read again. Losing it costs time only.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imap_message::Summary;
use imap_seq::Uid;
use quick_cache::Weighter;
use quick_cache::sync::Cache as QuickCache;

use crate::format::wire_form::Offsets;

/// How much the summaries of all mailboxes of a process may take, in octets: some hundred thousand ordinary messages.
const SUMMARIES: u64 = 64 << 20;
/// What an entry costs besides what it holds, in octets.
const ENTRY: u64 = 96;
/// Large messages that are being read a piece at a time: offsets of so many are kept, at most 32 KiB each.
const OFFSETS: usize = 256;
/// What the table of summaries begins with; it grows.
const FEW: usize = 1024;

/// Shared by all mailboxes of a process.
pub(crate) struct Cache {
    summaries: QuickCache<Key, Arc<Summary>, Size>,
    offsets: QuickCache<Key, Arc<Offsets>>,
    last_mailbox: AtomicU64,
}

/// A message of an open mailbox. A mailbox that is opened again has another number: what was cached of it ages out.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    mailbox: u64,
    uid: Uid,
}

#[derive(Clone)]
struct Size;

impl Weighter<Key, Arc<Summary>> for Size {
    fn weight(&self, _: &Key, summary: &Arc<Summary>) -> u64 {
        ENTRY + summary.heap_size() as u64
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            summaries: QuickCache::with_weighter(FEW, SUMMARIES, Size),
            offsets: QuickCache::new(OFFSETS),
            last_mailbox: AtomicU64::new(0),
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("summaries", &self.summaries.len())
            .finish_non_exhaustive()
    }
}

/// One mailbox's part of the cache.
#[derive(Debug)]
pub(crate) struct MailboxCache {
    cache: Arc<Cache>,
    mailbox: u64,
}

/// How much of a message a summary has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// The header.
    Header,
    /// The structure too.
    Whole,
}

impl MailboxCache {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        let mailbox = cache.last_mailbox.fetch_add(1, Ordering::Relaxed);
        Self { cache, mailbox }
    }

    fn key(&self, uid: Uid) -> Key {
        Key {
            mailbox: self.mailbox,
            uid,
        }
    }

    /// A summary that is deep enough.
    pub(crate) fn summary(&self, uid: Uid, depth: Depth) -> Option<Arc<Summary>> {
        let known = self.cache.summaries.get(&self.key(uid))?;
        (depth == Depth::Header || known.size().is_some()).then_some(known)
    }

    pub(crate) fn keep_summary(&self, uid: Uid, summary: &Arc<Summary>) {
        self.cache.summaries.insert(self.key(uid), Arc::clone(summary));
    }

    /// What is known of the offsets of a file of this size.
    pub(crate) fn offsets(&self, uid: Uid, file_size: u64) -> Offsets {
        let known = self.cache.offsets.get(&self.key(uid));
        match known.filter(|known| known.file_size() == file_size) {
            Some(known) => Offsets::clone(&known),
            None => Offsets::new(file_size),
        }
    }

    pub(crate) fn keep_offsets(&self, uid: Uid, offsets: Offsets) {
        self.cache.offsets.insert(self.key(uid), Arc::new(offsets));
    }
}
