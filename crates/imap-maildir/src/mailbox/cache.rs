//! What was found out about message files, so that they need not be read again. Losing it costs time only.

use std::fmt;
use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::sync::Arc;

use imap_message::Summary;
use quick_cache::Weighter;
use quick_cache::sync::Cache as QuickCache;

use crate::disk::storage::FileIdentity;
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
    summaries: QuickCache<MessageKey, Arc<Summary>, Size>,
    offsets: QuickCache<MessageKey, Arc<Offsets>>,
    hasher: RandomState,
}

/// A message by what never changes of it: the directory and the base name of its file. UIDs are given anew when a UID list
/// is lost; the content of a file of that name is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageKey {
    directory: FileIdentity,
    /// By a key of its own in each process, so that nobody can make two names meet.
    base_hash: u64,
}

#[derive(Clone)]
struct Size;

impl Weighter<MessageKey, Arc<Summary>> for Size {
    fn weight(&self, _: &MessageKey, summary: &Arc<Summary>) -> u64 {
        ENTRY + summary.heap_size() as u64
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            summaries: QuickCache::with_weighter(FEW, SUMMARIES, Size),
            offsets: QuickCache::new(OFFSETS),
            hasher: RandomState::new(),
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
    directory: FileIdentity,
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
    pub(crate) const fn new(cache: Arc<Cache>, directory: FileIdentity) -> Self {
        Self { cache, directory }
    }

    /// The key of the message with this base name.
    pub(crate) fn key(&self, base: &[u8]) -> MessageKey {
        MessageKey {
            directory: self.directory,
            base_hash: self.cache.hasher.hash_one(base),
        }
    }

    /// A summary that is deep enough.
    pub(crate) fn summary(&self, key: MessageKey, depth: Depth) -> Option<Arc<Summary>> {
        let known = self.cache.summaries.get(&key)?;
        (depth == Depth::Header || known.size().is_some()).then_some(known)
    }

    pub(crate) fn keep_summary(&self, key: MessageKey, summary: &Arc<Summary>) {
        self.cache.summaries.insert(key, Arc::clone(summary));
    }

    /// What is known of the offsets of a file of this size.
    pub(crate) fn offsets(&self, key: MessageKey, file_size: u64) -> Offsets {
        let known = self.cache.offsets.get(&key);
        match known.filter(|known| known.file_size() == file_size) {
            Some(known) => Offsets::clone(&known),
            None => Offsets::new(file_size),
        }
    }

    pub(crate) fn keep_offsets(&self, key: MessageKey, offsets: Offsets) {
        self.cache.offsets.insert(key, Arc::new(offsets));
    }
}
