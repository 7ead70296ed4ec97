//! Looks at mailboxes that are behind the database: by a few threads, so that one that is locked or damaged delays no other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_backend::Error;
use imap_updates::LogHub;
use parking_lot::{Condvar, Mutex};

use crate::node::{Node, WeakNode};
use crate::tables::mailboxes::MailboxKey;

/// So many mailboxes are looked at at once. Each look may have a connection until others give a lock back.
const LOOKERS: usize = 4;

/// A look that failed is made again after so long.
const PAUSE: Duration = Duration::from_secs(1);

/// The mailboxes of a process that are behind.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(MailboxKey, LogHub)>,
    looked_at: BTreeSet<MailboxKey>,
    /// When to look again at those that could not be read. One of them at a time: the others are not to wait for them.
    failing: BTreeMap<MailboxKey, Instant>,
    /// Nobody needs news any more.
    ended: bool,
}

impl State {
    fn add(&mut self, key: MailboxKey, hub: LogHub) {
        if self.waiting.iter().all(|(waiting, _)| *waiting != key) {
            self.waiting.push_back((key, hub));
        }
    }

    /// The first that may be looked at now. One that is being looked at comes afterwards: it may have gone on.
    fn take(&mut self, now: Instant) -> Option<(MailboxKey, LogHub)> {
        let may_be_looked_at = |key: &MailboxKey| match self.failing.get(key) {
            _ if self.looked_at.contains(key) => false,
            Some(from) => *from <= now && !self.a_failing_one_is_looked_at(),
            None => true,
        };
        let at = self.waiting.iter().position(|(key, _)| may_be_looked_at(key))?;
        let (key, hub) = self.waiting.remove(at)?;
        self.looked_at.insert(key);
        Some((key, hub))
    }

    fn a_failing_one_is_looked_at(&self) -> bool {
        self.failing.keys().any(|key| self.looked_at.contains(key))
    }

    /// When one of those that failed may be looked at; `None` where the end of another look is waited for.
    fn next_retry(&self) -> Option<Instant> {
        match self.a_failing_one_is_looked_at() {
            true => None,
            false => self.failing.values().min().copied(),
        }
    }
}

impl Looks {
    /// Has somebody look at a mailbox. Waits for nothing.
    pub(crate) fn add(&self, key: MailboxKey, hub: LogHub) {
        self.state.lock().add(key, hub);
        self.changed.notify_one();
    }

    /// Whether the mailbox is known to be behind.
    pub(crate) fn are_owed(&self, key: MailboxKey) -> bool {
        let state = self.state.lock();
        state.looked_at.contains(&key) || state.waiting.iter().any(|(waiting, _)| *waiting == key)
    }

    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }

    /// What to look at next. `None` at the end.
    fn next(&self) -> Option<(MailboxKey, LogHub)> {
        let mut state = self.state.lock();
        while !state.ended {
            if let Some(next) = state.take(Instant::now()) {
                return Some(next);
            }
            match state.next_retry() {
                Some(from) => drop(self.changed.wait_until(&mut state, from)),
                None => self.changed.wait(&mut state),
            }
        }
        None
    }

    /// How a look went. As long as it fails and somebody has the mailbox open, it is made again.
    fn done(&self, key: MailboxKey, hub: LogHub, looked: Result<(), Error>) {
        let mut state = self.state.lock();
        state.looked_at.remove(&key);
        let failed_before = state.failing.remove(&key).is_some();
        match looked {
            Err(error) if hub.sessions() > 0 => {
                state.failing.insert(key, Instant::now() + PAUSE);
                state.add(key, hub);
                if !failed_before {
                    tracing::warn!(%error, mailbox = key.id, "the news of a mailbox cannot be read");
                }
            }
            _ if failed_before => tracing::info!(mailbox = key.id, "the news of a mailbox can be read again"),
            _ => {}
        }
        drop(state);
        self.changed.notify_all();
    }
}

/// Looks at what is to be looked at, on threads of its own, until the node is gone.
///
/// # Errors
/// Where there can be no thread.
pub(crate) fn follow(node: &Node) -> std::io::Result<()> {
    for _ in 0..LOOKERS {
        let (looks, node) = (Arc::clone(node.looks()), node.downgrade());
        std::thread::Builder::new()
            .name("imap-sql-look".to_owned())
            .spawn(move || follow_until_end(&looks, &node))?;
    }
    Ok(())
}

fn follow_until_end(looks: &Looks, node: &WeakNode) {
    while let Some((key, hub)) = looks.next() {
        let Some(node) = node.upgrade() else { return };
        let looked = node.catch_up(key, &hub);
        drop(node);
        looks.done(key, hub, looked);
    }
}
