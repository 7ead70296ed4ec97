//! Changes by other programs, noticed without being asked: file-system events, and a look now and then where there are none.
//!
//! Events are collected for [`GATHER`], so that a program that delivers a hundred messages causes one look, not a hundred. A
//! look that finds nothing costs a few `stat` calls, so own changes, which cause events too, cost next to nothing.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::disk::events::{Events, Forgotten, WatchId};
use crate::mailbox::open::OpenMailbox;

/// How long events are collected.
const GATHER: Duration = Duration::from_millis(100);
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
            tokio::spawn(run(Arc::downgrade(self), Arc::clone(&self.events)));
        });
    }

    /// Watches a mailbox that has been opened or moved. Blocks.
    pub(crate) fn watch(&self, mailbox: &Arc<OpenMailbox>) {
        let id = self.events.new_id();
        self.mailboxes.lock().insert(id, Arc::downgrade(mailbox));
        let mut watched = mailbox.watched.lock();
        // The watch at the former place ends before the new one begins: the system knows both as one.
        if let Some(former) = watched.take() {
            self.mailboxes.lock().remove(&former.id());
        }
        *watched = Some(self.events.watch(id, &mailbox.path()));
        drop(watched);
        // What happened between the listing and the watch has sent no event.
        self.events.mark(id);
    }

    /// The open mailboxes; those that are closed are forgotten.
    fn all(&self) -> Vec<WatchId> {
        let mut mailboxes = self.mailboxes.lock();
        mailboxes.retain(|_, mailbox| mailbox.strong_count() > 0);
        mailboxes.keys().copied().collect()
    }

    fn mailbox(&self, id: WatchId) -> Option<Arc<OpenMailbox>> {
        self.mailboxes.lock().get(&id)?.upgrade()
    }
}

/// When to look at which mailbox.
#[derive(Default)]
struct Schedule(HashMap<WatchId, Instant>);

impl Schedule {
    /// The first event of a burst says when to look; later ones do not put it off further.
    fn add(&mut self, id: WatchId, at: Instant) {
        let due = self.0.entry(id).or_insert(at);
        *due = at.min(*due);
    }

    fn next(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }

    fn take_due(&mut self, now: Instant) -> Vec<WatchId> {
        self.0.extract_if(|_, at| *at <= now).map(|(id, _)| id).collect()
    }
}

async fn run(watcher: Weak<Watcher>, events: Arc<Events>) {
    let mut schedule = Schedule::default();
    let mut round = Instant::now() + EVERY;
    loop {
        let next = schedule.next().map_or(round, |at| at.min(round));
        let _ = tokio::time::timeout_at(next.into(), events.wait()).await;
        let Some(watcher) = watcher.upgrade() else { return };
        let now = Instant::now();
        for id in events.take_changed() {
            schedule.add(id, now + GATHER);
        }
        if now >= round {
            watcher.all().into_iter().for_each(|id| schedule.add(id, now));
            round = now + EVERY;
        }
        if events.has_forgotten() == Forgotten::Some {
            let events = Arc::clone(&events);
            let _ = tokio::task::spawn_blocking(move || events.unwatch_forgotten()).await;
        }
        for mailbox in schedule
            .take_due(now)
            .into_iter()
            .filter_map(|id| Some((id, watcher.mailbox(id)?)))
        {
            look(mailbox.0, mailbox.1, Arc::clone(&events));
        }
    }
}

fn look(id: WatchId, mailbox: Arc<OpenMailbox>, events: Arc<Events>) {
    if mailbox.hub.sessions() == 0 {
        return;
    }
    tokio::spawn(async move {
        match mailbox.look().await {
            Ok(Some(again)) => {
                drop(mailbox);
                // What changed a moment ago may have changed once more within the same time stamp.
                tokio::time::sleep_until((again + Duration::from_millis(1)).into()).await;
                events.mark(id);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "a mailbox could not be looked at"),
        }
    });
}
