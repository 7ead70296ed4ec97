//! `Hubs`: the hubs of a server, one for each mailbox that somebody has open or had open lately.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use super::log_hub::LogHub;
use super::mailbox_hub::MailboxHub;
use crate::Closed;
use crate::sync::Mutex;

/// What a registry has to know of a hub. Implement it for a type of one's own that holds a hub and more; its clones have
/// to share the mailbox.
pub trait Hub: Clone {
    /// Whether the mailbox ended.
    fn closed(&self) -> Option<Closed>;

    /// Whether this is the only handle: nobody has a clone, a session or a watch.
    fn is_unused(&self) -> bool;
}

impl<S: ?Sized> Hub for MailboxHub<S> {
    fn closed(&self) -> Option<Closed> {
        Self::closed(self)
    }

    fn is_unused(&self) -> bool {
        Self::is_unused(self)
    }
}

impl Hub for LogHub {
    fn closed(&self) -> Option<Closed> {
        Self::closed(self)
    }

    fn is_unused(&self) -> bool {
        Self::is_unused(self)
    }
}

impl<H: Hub> Hub for Arc<H> {
    fn closed(&self) -> Option<Closed> {
        (**self).closed()
    }

    fn is_unused(&self) -> bool {
        Self::strong_count(self) == 1 && (**self).is_unused()
    }
}

/// One hub for each open mailbox, by a key such as its row's number or its path.
///
/// A mailbox must not have two hubs at a time, because the sessions of one would not hear of what the other publishes.
/// So a hub stays as long as anybody has a clone of it, a session or a watch; of those that nobody uses, the registry
/// keeps as many as its capacity, the latest used. A hub whose mailbox was closed is not given out any more.
///
/// No lock is held while a hub is opened. When several callers open the same mailbox at once, each reads the store, and
/// the first who is done wins: all of them get its hub, and the others' are dropped before anybody used them.
///
/// ```
/// # use imap_seq::ModSeq;
/// use imap_updates::{Hubs, Limits, LogHub, NotWhole, Page};
///
/// let hubs: Hubs<i64, LogHub> = Hubs::new(1_000);
/// let hub = hubs.get_or_open(7, || LogHub::open(Page::whole(ModSeq::MIN), Limits::default()))?;
/// assert!(hubs.get(&7).is_some() && hubs.get(&8).is_none());
/// # Ok::<(), NotWhole>(())
/// ```
pub struct Hubs<K, H> {
    /// Most hubs that are kept though nobody uses them.
    capacity: usize,
    open: Mutex<Open<K, H>>,
}

#[derive(Debug)]
struct Open<K, H> {
    hubs: HashMap<K, Entry<H>>,
    uses: u64,
}

#[derive(Debug)]
struct Entry<H> {
    hub: H,
    /// The number of its last use.
    used: u64,
}

impl<K: Eq + Hash, H: Hub> Hubs<K, H> {
    /// Keeps at most `capacity` hubs that nobody uses.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            open: Mutex::new(Open {
                hubs: HashMap::new(),
                uses: 0,
            }),
        }
    }

    /// The mailbox's hub, if it is open.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<H>
    where
        K: Borrow<Q>,
    {
        self.open.lock().get(key)
    }

    /// The mailbox's hub; `open` makes it if there is none. See [`Hubs`] for several callers at once. O(open hubs) when
    /// one is made.
    ///
    /// # Errors
    ///
    /// What `open` answered.
    pub fn get_or_open<E>(&self, key: K, open: impl FnOnce() -> Result<H, E>) -> Result<H, E> {
        match self.get(&key) {
            Some(hub) => Ok(hub),
            None => Ok(self.insert(key, open()?)),
        }
    }

    /// As [`get_or_open`](Self::get_or_open), with a future, which is polled only if there is no hub. Cancel safe.
    ///
    /// # Errors
    ///
    /// What `open` answered.
    pub async fn get_or_open_async<E>(
        &self,
        key: K,
        open: impl Future<Output = Result<H, E>>,
    ) -> Result<H, E> {
        match self.get(&key) {
            Some(hub) => Ok(hub),
            None => Ok(self.insert(key, open.await?)),
        }
    }

    /// All hubs that are open, to bring them up to date.
    pub fn all(&self) -> Vec<(K, H)>
    where
        K: Clone,
    {
        let open = self.open.lock();
        let all = open.hubs.iter().filter(|(_, entry)| entry.hub.closed().is_none());
        all.map(|(key, entry)| (key.clone(), entry.hub.clone())).collect()
    }

    /// The first hub stays; what is beyond the capacity goes.
    fn insert(&self, key: K, hub: H) -> H {
        let mut dropped_after_the_lock = Vec::new();
        let mut open = self.open.lock();
        if let Some(first) = open.get(&key) {
            return first;
        }
        open.uses += 1;
        let used = open.uses;
        let entry = Entry {
            hub: hub.clone(),
            used,
        };
        dropped_after_the_lock.extend(open.hubs.insert(key, entry));
        dropped_after_the_lock.extend(open.evict(self.capacity));
        drop(open);
        hub
    }
}

impl<K: Eq + Hash, H: Hub> Open<K, H> {
    fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<H>
    where
        K: Borrow<Q>,
    {
        self.uses += 1;
        let entry = self.hubs.get_mut(key)?;
        if entry.hub.closed().is_some() {
            return None;
        }
        entry.used = self.uses;
        Some(entry.hub.clone())
    }

    /// Under the registry's lock nobody can get a clone of a hub that is unused: what is unused stays so.
    fn evict(&mut self, capacity: usize) -> Vec<Entry<H>> {
        let ended = |entry: &Entry<H>| entry.hub.closed().is_some();
        let mut unused: Vec<u64> = self
            .hubs
            .values()
            .filter(|entry| !ended(entry) && entry.hub.is_unused())
            .map(|entry| entry.used)
            .collect();
        unused.sort_unstable();
        let surplus = unused.len().saturating_sub(capacity);
        let last = surplus.checked_sub(1).and_then(|last| unused.get(last).copied());
        let goes =
            |_: &K, entry: &mut Entry<H>| ended(entry) || Some(entry.used) <= last && entry.hub.is_unused();
        self.hubs.extract_if(goes).map(|(_, entry)| entry).collect()
    }
}

impl<K, H> fmt::Debug for Hubs<K, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hubs")
            .field("capacity", &self.capacity)
            .field("open", &self.open.lock().hubs.len())
            .finish()
    }
}
