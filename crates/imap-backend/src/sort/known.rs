//! Orders and threads that were asked for before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imap_seq::{Uid, UidSet};

use super::evaluate::known_to;
use super::{Keys, SortKey};
use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::search::Query;
use crate::search::pace::Pace;
use crate::thread::{self, Algorithm, Threads};

/// What the last commands of a mailbox sorted and threaded, for all its sessions.
///
/// What a message is sorted and threaded by never changes. So an order of messages is right for every part of them, for
/// ever; it only lacks those that came later. Threads are right for the very same messages.
///
/// # Complexity
/// Memory: at most four orders of 4 octets a message, and two of threads of 8 octets a message.
#[derive(Debug, Default)]
pub struct Known {
    kept: Mutex<Kept>,
}

/// The messages that match a query.
#[derive(Debug)]
pub enum Lookup {
    /// In their order, which was known.
    Sorted(Vec<Uid>),
    /// In none.
    Unsorted(UidSet),
}

#[derive(Debug, Default)]
struct Kept {
    /// The latest first.
    orders: VecDeque<Arc<Order>>,
    threads: VecDeque<Arc<Threaded>>,
}

#[derive(Debug)]
struct Order {
    by: Vec<SortKey>,
    of: UidSet,
    uids: Vec<Uid>,
}

#[derive(Debug)]
struct Threaded {
    algorithm: Algorithm,
    of: UidSet,
    threads: Threads,
}

const MOST_ORDERS: usize = 4;
const MOST_THREADS: usize = 2;

impl Known {
    /// [`Mailbox::sort`] as [`sort::evaluate`](super::evaluate) does it, without a look at messages whose order is known.
    ///
    /// # Errors
    /// Those of [`Mailbox::search`] and [`Mailbox::fetch`].
    pub async fn sort<M: Mailbox>(
        &self,
        mailbox: &mut M,
        query: &Query,
        by: &[SortKey],
    ) -> Result<Vec<Uid>, Error> {
        match self.look(mailbox, query, by).await? {
            Lookup::Sorted(uids) => Ok(uids),
            Lookup::Unsorted(found) => {
                let mut keys = Keys::new(by);
                keys.read(mailbox, &found).await?;
                Ok(self.sorted(by, keys).await)
            }
        }
    }

    /// Finds the messages that match a query, in their order if it is known.
    ///
    /// # Errors
    /// Those of [`Mailbox::search`].
    pub async fn look<M: Mailbox>(
        &self,
        mailbox: &mut M,
        query: &Query,
        by: &[SortKey],
    ) -> Result<Lookup, Error> {
        let found = known_to(query.view(), mailbox.search(query).await?.uids());
        let order = self.kept().order(by, &found);
        let Some(order) = order else {
            return Ok(Lookup::Unsorted(found));
        };
        let mut pace = Pace::new();
        let mut uids = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
        for some in order.uids.chunks(4096) {
            uids.extend(some.iter().copied().filter(|&uid| found.contains(uid)));
            pace.after(16 * some.len()).await;
        }
        Ok(Lookup::Sorted(uids))
    }

    /// Sorts messages by their keys of these criteria, and keeps their order.
    pub async fn sorted(&self, by: &[SortKey], keys: Keys) -> Vec<Uid> {
        let is_whole = keys.is_whole();
        let uids = keys.sorted().await;
        if is_whole {
            let order = Order {
                by: by.to_vec(),
                of: uids.iter().copied().collect(),
                uids: uids.clone(),
            };
            let mut kept = self.kept();
            kept.orders.retain(|before| before.by != order.by);
            kept.orders.push_front(Arc::new(order));
            kept.orders.truncate(MOST_ORDERS);
        }
        uids
    }

    /// [`Mailbox::thread`] as [`thread::evaluate`] does it, without a look at messages whose threads are known.
    ///
    /// # Errors
    /// Those of [`Mailbox::search`] and [`Mailbox::fetch`].
    pub async fn thread<M: Mailbox>(
        &self,
        mailbox: &mut M,
        query: &Query,
        algorithm: Algorithm,
    ) -> Result<Threads, Error> {
        let found = known_to(query.view(), mailbox.search(query).await?.uids());
        let known = self.kept().threaded(algorithm, &found);
        if let Some(known) = known {
            return Ok(known.threads.clone());
        }
        let threaded = thread::threaded(mailbox, &found, algorithm).await?;
        if threaded.is_whole {
            let kept = Threaded {
                algorithm,
                of: found,
                threads: threaded.threads.clone(),
            };
            let mut all = self.kept();
            all.threads.retain(|before| before.algorithm != algorithm);
            all.threads.push_front(Arc::new(kept));
            all.threads.truncate(MOST_THREADS);
        }
        Ok(threaded.threads)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The order of these messages, and perhaps of others.
    fn order(&mut self, by: &[SortKey], found: &UidSet) -> Option<Arc<Order>> {
        let is_it = |order: &Arc<Order>| order.by == by && found.difference(&order.of).is_empty();
        let at = self.orders.iter().position(is_it)?;
        let order = self.orders.remove(at)?;
        self.orders.push_front(Arc::clone(&order));
        Some(order)
    }

    fn threaded(&mut self, algorithm: Algorithm, found: &UidSet) -> Option<Arc<Threaded>> {
        let is_it = |known: &Arc<Threaded>| known.algorithm == algorithm && known.of == *found;
        let at = self.threads.iter().position(is_it)?;
        let known = self.threads.remove(at)?;
        self.threads.push_front(Arc::clone(&known));
        Some(known)
    }
}
