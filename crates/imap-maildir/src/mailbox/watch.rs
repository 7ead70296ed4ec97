//! Changes by other programs, noticed without being asked: file-system events, and a look now and then where there are none.
//!
//! One watcher (one inotify handle) serves all mailboxes of a backend; each open mailbox has its `new/` and `cur/` watched. Events are
//! collected for [`GATHER`], so that a program that delivers a hundred messages causes one look, not a hundred. A look that finds
//! nothing costs a few `stat` calls, so own changes, which cause events too, cost next to nothing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::mailbox::open::OpenMailbox;

/// How long events are collected.
const GATHER: Duration = Duration::from_millis(100);
/// How often mailboxes are looked at without an event: network file systems send none, and watches may run out.
const EVERY: Duration = Duration::from_secs(30);

/// The watcher of one backend.
pub(crate) struct Watcher {
    routes: Arc<Mutex<Routes>>,
    events: Mutex<Option<RecommendedWatcher>>,
    sender: UnboundedSender<Option<Weak<OpenMailbox>>>,
    receiver: Mutex<Option<UnboundedReceiver<Option<Weak<OpenMailbox>>>>>,
    started: OnceLock<()>,
}

/// Which mailbox a watched directory belongs to.
#[derive(Default)]
struct Routes {
    by_directory: HashMap<PathBuf, Weak<OpenMailbox>>,
}

/// What an open mailbox has to undo when it goes.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Registration>>);

struct Registration {
    watcher: Weak<Watcher>,
    directories: [PathBuf; 2],
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(registration) = self.0.get_mut().take() {
            registration.undo(&Weak::new());
        }
    }
}

impl Registration {
    fn undo(self, owner: &Weak<OpenMailbox>) {
        if let Some(watcher) = self.watcher.upgrade() {
            watcher.forget(&self.directories, owner);
        }
    }
}

impl Watcher {
    /// A watcher; without file-system events where the system has none to give.
    pub(crate) fn new() -> Arc<Self> {
        let routes: Arc<Mutex<Routes>> = Arc::default();
        let (sender, receiver) = unbounded_channel();
        let (routes_of_events, events_to) = (Arc::clone(&routes), sender.clone());
        let events = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else {
                return drop(events_to.send(None));
            };
            if event.need_rescan() {
                return drop(events_to.send(None));
            }
            if matches!(event.kind, notify::EventKind::Access(_)) {
                return;
            }
            let routes = routes_of_events.lock();
            let mailboxes = event.paths.iter().filter_map(|path| {
                let directory = path.parent()?;
                routes
                    .by_directory
                    .get(directory)
                    .or_else(|| routes.by_directory.get(path))
                    .cloned()
            });
            mailboxes.for_each(|mailbox| drop(events_to.send(Some(mailbox))));
        });
        if let Err(error) = &events {
            tracing::warn!(%error, "no file-system events: mailboxes are looked at every {} seconds", EVERY.as_secs());
        }
        Arc::new(Self {
            routes,
            events: Mutex::new(events.ok()),
            sender,
            receiver: Mutex::new(Some(receiver)),
            started: OnceLock::new(),
        })
    }

    /// Starts the task that looks after mailboxes; to be called within a tokio runtime, any number of times.
    pub(crate) fn start(self: &Arc<Self>) {
        self.started.get_or_init(|| {
            if let Some(receiver) = self.receiver.lock().take() {
                tokio::spawn(run(Arc::downgrade(self), receiver));
            }
        });
    }

    /// Watches a mailbox that has been opened or moved. Blocks.
    pub(crate) fn watch(self: &Arc<Self>, mailbox: &Arc<OpenMailbox>) {
        let path = mailbox.path();
        let directories = [path.join("new"), path.join("cur")];
        let mut slot = mailbox.watch.0.lock();
        if let Some(earlier) = slot.take() {
            earlier.undo(&Arc::downgrade(mailbox));
        }
        for directory in &directories {
            self.routes
                .lock()
                .by_directory
                .insert(directory.clone(), Arc::downgrade(mailbox));
            self.watch_directory(directory);
        }
        *slot = Some(Registration {
            watcher: Arc::downgrade(self),
            directories,
        });
        // What happened between the listing and the watch has sent no event.
        let _ = self.sender.send(Some(Arc::downgrade(mailbox)));
    }

    fn watch_directory(&self, directory: &Path) {
        let mut events = self.events.lock();
        let Some(watcher) = events.as_mut() else { return };
        if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
            tracing::debug!(%error, "a mailbox cannot be watched and is looked at now and then instead");
        }
    }

    fn forget(&self, directories: &[PathBuf], owner: &Weak<OpenMailbox>) {
        for directory in directories {
            // Another mailbox may have been opened at the same place since.
            let mut routes = self.routes.lock();
            let mine = |mailbox: &Weak<OpenMailbox>| mailbox.strong_count() == 0 || mailbox.ptr_eq(owner);
            if routes.by_directory.get(directory).is_some_and(mine) {
                routes.by_directory.remove(directory);
                drop(routes);
                if let Some(watcher) = self.events.lock().as_mut() {
                    let _ = watcher.unwatch(directory);
                }
            }
        }
    }

    fn all(&self) -> Vec<Weak<OpenMailbox>> {
        self.routes.lock().by_directory.values().cloned().collect()
    }
}

/// Mailboxes to look at, by identity, and when.
type Due = HashMap<usize, (Instant, Weak<OpenMailbox>)>;

async fn run(watcher: Weak<Watcher>, mut events: UnboundedReceiver<Option<Weak<OpenMailbox>>>) {
    let mut due = Due::new();
    let mut round = Instant::now() + EVERY;
    loop {
        let next = due
            .values()
            .map(|(at, _)| *at)
            .min()
            .map_or(round, |at| at.min(round));
        let event = tokio::time::timeout_at(next.into(), events.recv()).await;
        let Some(watcher) = watcher.upgrade() else { return };
        let now = Instant::now();
        match event {
            Ok(Some(Some(mailbox))) => put_off(&mut due, mailbox, now + GATHER),
            Ok(Some(None)) => watcher
                .all()
                .into_iter()
                .for_each(|mailbox| put_off(&mut due, mailbox, now + GATHER)),
            Ok(None) => return,
            Err(_) => {}
        }
        if now >= round {
            watcher
                .all()
                .into_iter()
                .for_each(|mailbox| put_off(&mut due, mailbox, now));
            round = now + EVERY;
        }
        let ready: Vec<usize> = due
            .iter()
            .filter(|(_, (at, _))| *at <= now)
            .map(|(&key, _)| key)
            .collect();
        for mailbox in ready.into_iter().filter_map(|key| due.remove(&key)?.1.upgrade()) {
            look(mailbox, watcher.sender.clone());
        }
    }
}

/// The first event of a burst says when to look; later ones do not put it off further.
fn put_off(due: &mut Due, mailbox: Weak<OpenMailbox>, at: Instant) {
    let key = mailbox.as_ptr() as usize;
    let entry = due.entry(key).or_insert((at, mailbox));
    entry.0 = entry.0.min(at);
}

fn look(mailbox: Arc<OpenMailbox>, sender: UnboundedSender<Option<Weak<OpenMailbox>>>) {
    if mailbox.hub.sessions() == 0 {
        return;
    }
    tokio::spawn(async move {
        match mailbox.look().await {
            Ok(Some(again)) => {
                // What changed a moment ago may have changed once more within the same time stamp.
                let mailbox = Arc::downgrade(&mailbox);
                tokio::time::sleep_until((again + Duration::from_millis(1)).into()).await;
                let _ = sender.send(Some(mailbox));
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "a mailbox could not be looked at"),
        }
    });
}
