//! Changes by other programs, noticed without being asked: file-system events, and a look now and then where there are none.
//!
//! A change that comes alone is looked at at once. Behind it events are collected for a while, so that a program that
//! delivers a hundred messages causes a few looks, not a hundred: [`schedule`](crate::mailbox::schedule) says for how long.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::disk::directory::DirectoryVersions;
use crate::disk::events::{Events, WatchId, WatchedDirectories};
use crate::disk::inotify::Told;
use crate::let_go::LetGo;
use crate::mailbox::glance::Glance;
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::schedule::{Look, Schedule};

/// How often mailboxes are looked at without an event: network file systems send none, and watches may run out.
const EVERY: Duration = Duration::from_secs(30);

/// Looks at the open mailboxes of one backend when they may have changed.
pub(crate) struct Watcher {
    events: Arc<Events>,
    mailboxes: Mutex<HashMap<WatchId, Weak<OpenMailbox>>>,
    started: OnceLock<()>,
}

impl Watcher {
    /// A watcher; without file-system events where the system has none to give.
    pub(crate) fn new() -> Arc<Self> {
        let events = Events::new(|error| {
            let seconds = EVERY.as_secs();
            tracing::warn!(%error, "no file-system events: mailboxes are looked at every {seconds} seconds");
        });
        Arc::new(Self {
            events: Arc::new(events),
            mailboxes: Mutex::default(),
            started: OnceLock::new(),
        })
    }

    /// Starts the task that looks after mailboxes; to be called within a tokio runtime, any number of times.
    pub(crate) fn start(self: &Arc<Self>) {
        self.started.get_or_init(|| {
            self.events.start();
            tokio::spawn(run(Arc::downgrade(self), Arc::clone(&self.events)));
        });
    }

    /// Nobody is to look by himself.
    #[cfg(test)]
    pub(crate) fn never_start(&self) {
        let _ = self.started.set(());
    }

    /// As if mailboxes were on a file system that other machines reach too.
    #[cfg(test)]
    pub(crate) fn pretend_a_network(&self) {
        self.events.pretend_a_network();
    }

    #[cfg(test)]
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// How many mailboxes have been opened so far.
    #[cfg(test)]
    pub(crate) fn opened(&self) -> u64 {
        self.events.ids()
    }

    /// Watches the directories of a mailbox that is about to be opened, which are in this state. Blocks for a few calls.
    pub(crate) fn watch(&self, path: &Path, told: Told, versions: DirectoryVersions) -> WatchedDirectories {
        self.events.watch(path, told, versions)
    }

    /// Looks after a mailbox that has been opened.
    pub(crate) fn look_after(&self, mailbox: &Arc<OpenMailbox>) {
        let Some(id) = mailbox.watched.lock().as_ref().map(WatchedDirectories::id) else {
            return;
        };
        self.mailboxes.lock().insert(id, Arc::downgrade(mailbox));
        // What happened since the watch began was told of a mailbox that nobody knew.
        self.events.mark(id);
    }

    /// The open mailboxes; those that are closed are forgotten.
    fn all(&self) -> Vec<WatchId> {
        let mut mailboxes = self.mailboxes.lock();
        mailboxes.retain(|_, mailbox| mailbox.strong_count() > 0);
        mailboxes.keys().copied().collect()
    }

    fn mailbox(&self, id: WatchId) -> Option<LetGo<OpenMailbox>> {
        self.mailboxes.lock().get(&id)?.upgrade().map(LetGo::new)
    }
}

async fn run(watcher: Weak<Watcher>, events: Arc<Events>) {
    let mut schedule = Schedule::default();
    let mut looks = JoinSet::new();
    let mut round = Instant::now() + EVERY;
    loop {
        let next = schedule.next().map_or(round, |at| at.min(round));
        tokio::select! {
            () = events.wait() => {}
            () = tokio::time::sleep_until(next.into()) => {}
            Some(Ok(look)) = looks.join_next() => schedule.looked(look),
        }
        let Some(watcher) = watcher.upgrade() else { return };
        let now = Instant::now();
        for id in events.take_changed() {
            schedule.changed(id, now);
        }
        if now >= round {
            let all = watcher.all();
            all.iter().for_each(|id| schedule.changed(*id, now));
            let open: Vec<_> = all.into_iter().filter_map(|id| watcher.mailbox(id)).collect();
            tokio::task::spawn_blocking(move || open.iter().for_each(|mailbox| mailbox.rest()));
            round = now + EVERY;
        }
        for id in schedule.take_due(now) {
            match watcher.mailbox(id).filter(|mailbox| mailbox.hub.sessions() > 0) {
                // Our own changes cause events too; a glance tells that they are known.
                Some(mailbox) if mailbox.glance(now) == Glance::Look => {
                    looks.spawn(look(id, mailbox));
                }
                Some(mailbox) => schedule.looked(Look {
                    id,
                    began: now,
                    ended: now,
                    again_at: mailbox.again_at(),
                }),
                None => schedule.forget(id),
            }
        }
    }
}

async fn look(id: WatchId, mailbox: LetGo<OpenMailbox>) -> Look {
    let began = Instant::now();
    let again_at = match mailbox.look().await {
        Ok(()) => mailbox.again_at(),
        Err(error) => {
            tracing::debug!(%error, "a mailbox could not be looked at");
            None
        }
    };
    Look {
        id,
        began,
        ended: Instant::now(),
        again_at,
    }
}
