//! What was found out about message files and closed mailboxes, so that they need not be read again. Losing it costs time
//! only.

use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::sync::Arc;
use std::{fmt, io};

use imap_message::Summary;
use quick_cache::Weighter;
use quick_cache::sync::Cache as QuickCache;
use tokio::sync::Semaphore;

use crate::disk::sqlite_file::Claims;
use crate::disk::storage::{ContentStamp, FileIdentity, FileStatus};
use crate::format::wire_form::Offsets;
use crate::mailbox::fill::Filler;
use crate::mailbox::memo::Memos;

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
    summaries: QuickCache<MessageKey, Kept<Arc<Summary>>, Size>,
    offsets: QuickCache<MessageKey, Kept<Arc<Offsets>>>,
    hasher: RandomState,
    pub(crate) memos: Memos,
    /// Which mailboxes have their index open.
    pub(crate) claims: Arc<Claims>,
    /// Which mailboxes have their index of texts open.
    search_claims: Arc<Claims>,
    /// Makes indices of texts, if there are to be any.
    pub(crate) filler: Arc<Filler>,
    /// For files that are looked through: as many at the same time as there are cores.
    scans: Semaphore,
}

/// A message by what never changes of it: the directory and the base name of its file. UIDs are given anew when a UID list
/// is lost; the content of a file of that name is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageKey {
    directory: FileIdentity,
    /// By a key of its own in each process, so that nobody can make two names meet.
    base_hash: u64,
}

/// What was found out about a file, and when it was what it is.
#[derive(Clone)]
struct Kept<T> {
    value: T,
    stamp: ContentStamp,
}

#[derive(Clone)]
struct Size;

impl Weighter<MessageKey, Kept<Arc<Summary>>> for Size {
    fn weight(&self, _: &MessageKey, kept: &Kept<Arc<Summary>>) -> u64 {
        ENTRY + kept.value.heap_size() as u64
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            summaries: QuickCache::with_weighter(FEW, SUMMARIES, Size),
            offsets: QuickCache::new(OFFSETS),
            hasher: RandomState::new(),
            memos: Memos::default(),
            claims: Arc::default(),
            search_claims: Arc::default(),
            filler: Arc::default(),
            scans: Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
        }
    }
}

impl Cache {
    /// Waits until nobody in this process has the indices of a mailbox. Blocks.
    ///
    /// # Errors
    /// `ResourceBusy` where somebody keeps one.
    pub(crate) fn wait_until_closed(&self, directory: FileIdentity) -> io::Result<()> {
        self.claims.wait(directory)?;
        self.search_claims.wait(directory)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.filler.end();
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

    pub(crate) const fn directory(&self) -> FileIdentity {
        self.directory
    }

    pub(crate) const fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    pub(crate) fn scans(&self) -> &Semaphore {
        &self.cache.scans
    }

    pub(crate) fn claims(&self) -> &Arc<Claims> {
        &self.cache.claims
    }

    pub(crate) fn search_claims(&self) -> &Arc<Claims> {
        &self.cache.search_claims
    }

    pub(crate) fn filler(&self) -> &Arc<Filler> {
        &self.cache.filler
    }

    pub(crate) fn memos(&self) -> &Memos {
        &self.cache.memos
    }

    /// The key of the message with this base name.
    pub(crate) fn key(&self, base: &[u8]) -> MessageKey {
        MessageKey {
            directory: self.directory,
            base_hash: self.cache.hasher.hash_one(base),
        }
    }

    /// A summary that is deep enough, of whatever the file was when it was read last: for answers without octets.
    pub(crate) fn summary(&self, key: MessageKey, depth: Depth) -> Option<Arc<Summary>> {
        let known = self.cache.summaries.get(&key)?.value;
        (depth == Depth::Header || known.size().is_some()).then_some(known)
    }

    /// A summary that is deep enough, of the file as it is: its offsets are those of the octets beside it.
    pub(crate) fn summary_of(
        &self,
        key: MessageKey,
        depth: Depth,
        stamp: ContentStamp,
    ) -> Option<Arc<Summary>> {
        let known = self.cache.summaries.get(&key)?;
        let is_deep = depth == Depth::Header || known.value.size().is_some();
        (is_deep && known.stamp == stamp).then_some(known.value)
    }

    pub(crate) fn keep_summary(&self, key: MessageKey, summary: &Arc<Summary>, stamp: ContentStamp) {
        let value = Arc::clone(summary);
        self.cache.summaries.insert(key, Kept { value, stamp });
    }

    /// What is known of the offsets of a file as it is.
    pub(crate) fn offsets(&self, key: MessageKey, status: &FileStatus) -> Offsets {
        let known = self.cache.offsets.get(&key);
        match known.filter(|known| known.stamp == status.content_stamp()) {
            Some(known) => Offsets::clone(&known.value),
            None => Offsets::new(status.size),
        }
    }

    pub(crate) fn keep_offsets(&self, key: MessageKey, offsets: Offsets, stamp: ContentStamp) {
        let value = Arc::new(offsets);
        self.cache.offsets.insert(key, Kept { value, stamp });
    }
}
