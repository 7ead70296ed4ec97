//! File-system events: which watched mailboxes may have changed, and which files of them.
//!
//! Of each mailbox the names are kept that events named, in the order of the events, up to a bound: beyond it, and where
//! events were lost, everything may have changed. Our own changes cause events too; they are announced beforehand and drop out.

mod own;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::disk::directory::{DirectoryVersions, FileAt, Subdirectory};
use crate::disk::inotify::{Event, Happened, Inotify, Told, Waited, WatchNumber};
use crate::disk::storage::{self, CWD, FileIdentity};
use crate::log_limit::LogLimit;
use own::OwnChange;
pub(crate) use own::{OwnChanges, OwnKind};

/// How many names are kept of one mailbox: as many events as the system's queue has room for.
const NAMES: usize = 16_384;
/// Behind the first event others are collected for so long: of a thousand changes, few wake the reading thread.
const COLLECTED: Duration = Duration::from_millis(1);
/// How often it is said at most that the system watches no more directories.
const EXHAUSTED_LOGGED_EVERY: Duration = Duration::from_secs(3600);

/// Names one watched mailbox among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WatchId(u64);

/// What events told of one mailbox.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// In the order of the events.
    pub(crate) names: Vec<Named>,
    /// More than the names tell may have changed.
    pub(crate) is_incomplete: bool,
    /// Where anything changed at all, our own changes included.
    pub(crate) stirred: Vec<Subdirectory>,
}

/// A file that an event named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) subdirectory: Subdirectory,
    pub(crate) name: Box<[u8]>,
    pub(crate) happened: Happened,
}

/// The events of all watched mailboxes of one backend.
pub(crate) struct Events {
    /// None while the system has no events to give.
    queue: OnceLock<Arc<Inotify>>,
    /// Whether there is to be a thread that reads the queue.
    is_started: AtomicBool,
    /// That the system watches no more directories.
    told_exhausted: LogLimit<()>,
    board: Mutex<Board>,
    news: Notify,
    next_id: AtomicU64,
    #[cfg(test)]
    pretended: Pretended,
}

/// What tests make of the system.
#[cfg(test)]
#[derive(Default)]
struct Pretended {
    network: AtomicBool,
    /// Events are on their way.
    late: AtomicBool,
}

/// What is known of the watched mailboxes.
#[derive(Default)]
struct Board {
    buffer: Vec<u8>,
    watches: HashMap<WatchNumber, (WatchId, Subdirectory)>,
    mailboxes: HashMap<WatchId, Noted>,
    changed: HashSet<WatchId>,
}

/// What is noted of one mailbox.
struct Noted {
    /// Names are kept where they tell of everything. Otherwise an event is but a reason to look.
    told: Told,
    news: News,
    /// Changes of our own whose events have not come yet.
    own: HashMap<OwnChange, usize>,
    own_since_read: usize,
    /// The system watches a directory no more.
    is_lost: bool,
}

/// The directories of one open mailbox; dropping it ends the watch.
pub(crate) struct WatchedDirectories {
    events: Arc<Events>,
    id: WatchId,
    watches: Vec<WatchNumber>,
    /// Of `new/` and `cur/`; none where one of them is not watched.
    watched: Option<[FileIdentity; 2]>,
    told: Told,
}

impl Events {
    /// Without file-system events where the system has none to give; `reason` is told then.
    pub(crate) fn new(without_events: impl FnOnce(&io::Error)) -> Self {
        let queue = OnceLock::new();
        match Inotify::new() {
            Ok(opened) => drop(queue.set(Arc::new(opened))),
            Err(error) => without_events(&error),
        }
        Self {
            queue,
            is_started: AtomicBool::new(false),
            told_exhausted: LogLimit::once_in(EXHAUSTED_LOGGED_EVERY),
            board: Mutex::default(),
            news: Notify::new(),
            next_id: AtomicU64::new(0),
            #[cfg(test)]
            pretended: Pretended::default(),
        }
    }

    /// A name for a mailbox that has none yet.
    pub(crate) fn new_id(&self) -> WatchId {
        WatchId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// How many names were given.
    #[cfg(test)]
    pub(crate) fn ids(&self) -> u64 {
        self.next_id.load(Ordering::Relaxed)
    }

    /// Watches `new/` and `cur/` of the mailbox at `path`, which are in this state. Blocks for a few calls.
    pub(crate) fn watch(
        self: &Arc<Self>,
        path: &Path,
        told: Told,
        versions: DirectoryVersions,
    ) -> WatchedDirectories {
        #[cfg(test)]
        let told = match self.pretended.network.load(Ordering::SeqCst) {
            true => Told::Some,
            false => told,
        };
        let id = self.new_id();
        self.board.lock().mailboxes.insert(id, Noted::new(told));
        let mut watched = WatchedDirectories {
            events: Arc::clone(self),
            id,
            watches: Vec::new(),
            watched: None,
            told,
        };
        watched.begin(path, versions);
        watched
    }

    /// Says that a mailbox is to be looked at.
    pub(crate) fn mark(&self, id: WatchId) {
        self.board.lock().changed.insert(id);
        self.news.notify_one();
    }

    /// Reads the system's queue whenever something is in it, on a thread of its own that ends with this value.
    pub(crate) fn start(self: &Arc<Self>) {
        self.is_started.store(true, Ordering::SeqCst);
        if let Some(queue) = self.queue.get() {
            self.start_reading(Arc::clone(queue));
        }
    }

    /// The system's queue, opened now if it could not be before.
    fn open_queue(self: &Arc<Self>) -> Option<&Arc<Inotify>> {
        if self.queue.get().is_none()
            && let Ok(queue) = Inotify::new().map(Arc::new)
            && self.queue.set(Arc::clone(&queue)).is_ok()
            && self.is_started.load(Ordering::SeqCst)
        {
            tracing::info!("there are file-system events from now on");
            self.start_reading(queue);
        }
        self.queue.get()
    }

    fn start_reading(self: &Arc<Self>, queue: Arc<Inotify>) {
        let events = Arc::downgrade(self);
        let run = move || {
            while queue.wait() == Waited::ForEvents {
                let Some(events) = events.upgrade() else { return };
                events.read();
                drop(events);
                std::thread::sleep(COLLECTED);
            }
        };
        let started = std::thread::Builder::new()
            .name("maildir-events".into())
            .spawn(run);
        if let Err(error) = started {
            tracing::warn!(%error, "nobody waits for file-system events");
        }
    }

    /// Waits until a mailbox may have changed.
    pub(crate) async fn wait(&self) {
        self.news.notified().await;
    }

    /// The mailboxes that may have changed since the last call.
    pub(crate) fn take_changed(&self) -> HashSet<WatchId> {
        std::mem::take(&mut self.board.lock().changed)
    }

    /// Notes the events that are in the system's queue.
    pub(crate) fn read(&self) {
        let mut board = self.board.lock();
        self.read_into(&mut board);
    }

    fn read_into(&self, board: &mut Board) {
        let Some(queue) = self.queue.get() else { return };
        #[cfg(test)]
        if self.pretended.late.load(Ordering::SeqCst) {
            return;
        }
        let mut buffer = std::mem::take(&mut board.buffer);
        if queue.read(&mut buffer, |event| board.note(event)).is_err() {
            board.note(Event::Overflow);
        }
        board.buffer = buffer;
        if !board.changed.is_empty() {
            self.news.notify_one();
        }
    }

    /// A mailbox is not watched. Where that is so because the system watches no more, it is so for many, and the operator has to
    /// know.
    fn log_unwatched(&self, error: &io::Error) {
        let is_limit = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::OutOfMemory
        );
        if is_limit && self.told_exhausted.admits((), Instant::now()) {
            tracing::warn!(
                "no file-system events of some mailboxes, which are looked at every 30 seconds: the system watches no more \
                 directories (fs.inotify.max_user_watches)"
            );
        }
        tracing::debug!(%error, "a mailbox cannot be watched and is looked at now and then instead");
    }

    #[cfg(test)]
    pub(crate) fn pretend_a_network(&self) {
        self.pretended.network.store(true, Ordering::SeqCst);
    }

    /// Whether events are on their way for longer than time stamps.
    #[cfg(test)]
    pub(crate) fn are_late(&self, late: bool) {
        self.pretended.late.store(late, Ordering::SeqCst);
    }

    /// As if the system's queue had been full.
    #[cfg(test)]
    pub(crate) fn lose_some(&self) {
        self.board.lock().note(Event::Overflow);
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.get() {
            queue.end_waiting();
        }
    }
}

impl Board {
    fn note(&mut self, event: Event<'_>) {
        let Event::Of {
            watch,
            happened,
            name,
        } = event
        else {
            // Any mailbox may have changed.
            for (&id, noted) in &mut self.mailboxes {
                noted.lose();
                self.changed.insert(id);
            }
            return;
        };
        let Some(&(id, subdirectory)) = self.watches.get(&watch) else {
            return;
        };
        let Some(noted) = self.mailboxes.get_mut(&id) else {
            return;
        };
        if happened == Happened::Ended {
            self.watches.remove(&watch);
            noted.is_lost = true;
        }
        let name = name.into();
        let named = Named {
            subdirectory,
            name,
            happened,
        };
        if noted.add(named) == Whose::Others {
            self.changed.insert(id);
        }
    }
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Others,
}

impl Noted {
    fn new(told: Told) -> Self {
        Self {
            told,
            news: News::default(),
            own: HashMap::new(),
            own_since_read: 0,
            is_lost: false,
        }
    }

    fn add(&mut self, named: Named) -> Whose {
        if self.told == Told::Some {
            return Whose::Others;
        }
        if !self.news.stirred.contains(&named.subdirectory) {
            self.news.stirred.push(named.subdirectory);
        }
        let kind = match named.happened {
            Happened::ToItself | Happened::Ended => {
                self.lose();
                return Whose::Others;
            }
            Happened::MovedHere(_) => Some(OwnKind::MovedHere),
            Happened::MovedAway(_) => Some(OwnKind::MovedAway),
            Happened::Removed => Some(OwnKind::Removed),
            Happened::Made => None,
        };
        if let Some(kind) = kind
            && !self.own.is_empty()
            && self.came(&OwnChange::new(named.at(), kind))
        {
            return Whose::Ours;
        }
        self.news.add(named);
        Whose::Others
    }

    fn lose(&mut self) {
        if self.told == Told::All {
            self.news.lose();
        }
    }
}

impl News {
    fn add(&mut self, named: Named) {
        if self.is_incomplete {
            return;
        }
        if self.names.len() == NAMES {
            return self.lose();
        }
        self.names.push(named);
    }

    fn lose(&mut self) {
        self.is_incomplete = true;
        self.names = Vec::new();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.is_incomplete
    }

    /// Adds what was told later.
    pub(crate) fn append(&mut self, later: Self) {
        if later.is_incomplete {
            self.lose();
        }
        later.names.into_iter().for_each(|named| self.add(named));
        let stirred = later.stirred.into_iter();
        let new: Vec<_> = stirred.filter(|at| !self.stirred.contains(at)).collect();
        self.stirred.extend(new);
    }
}

impl Named {
    pub(crate) fn at(&self) -> FileAt<'_> {
        FileAt::new(self.subdirectory, &self.name)
    }
}

impl WatchedDirectories {
    pub(crate) fn id(&self) -> WatchId {
        self.id
    }

    /// Whether the system sends events of both directories.
    pub(crate) fn works(&self) -> bool {
        let board = self.events.board.lock();
        self.watched.is_some() && board.mailboxes.get(&self.id).is_some_and(|noted| !noted.is_lost)
    }

    /// Whether events tell of every change of these directories.
    pub(crate) fn tells_all_of(&self, versions: DirectoryVersions) -> bool {
        self.told == Told::All && self.watched == Some(identities(versions)) && self.works()
    }

    /// Watches the directories that are at `path` now, if those are others or the watch was lost. Gives whether events tell of
    /// every change from now on.
    pub(crate) fn ensure(&mut self, path: &Path, versions: DirectoryVersions) -> bool {
        if self.watched != Some(identities(versions)) || !self.works() {
            self.end();
            if let Some(noted) = self.events.board.lock().mailboxes.get_mut(&self.id) {
                *noted = Noted::new(self.told);
            }
            self.begin(path, versions);
        }
        self.tells_all_of(versions)
    }

    /// Whether events have told something that nobody has taken yet.
    pub(crate) fn has_news(&self) -> bool {
        let mut board = self.events.board.lock();
        self.events.read_into(&mut board);
        let noted = board.mailboxes.get(&self.id);
        noted.is_some_and(|noted| !noted.news.is_empty())
    }

    /// What events have told of all changes up to now. Nobody is making a change of our own.
    pub(crate) fn take_news(&self) -> News {
        let mut board = self.events.board.lock();
        self.events.read_into(&mut board);
        let Some(noted) = board.mailboxes.get_mut(&self.id) else {
            return News::default();
        };
        noted.settle_own();
        std::mem::take(&mut noted.news)
    }

    /// Has the mailbox looked at once more.
    pub(crate) fn mark(&self) {
        self.events.mark(self.id);
    }

    /// For changes of our own; none where every event is but a reason to look.
    pub(crate) fn own_changes(&self) -> Option<OwnChanges> {
        let tells_all = self.told == Told::All && self.watched.is_some();
        tells_all.then(|| OwnChanges::new(Arc::clone(&self.events), self.id))
    }

    fn begin(&mut self, path: &Path, versions: DirectoryVersions) {
        let Some(queue) = self.events.open_queue() else {
            return;
        };
        let mut watched = Vec::new();
        for (subdirectory, expected) in Subdirectory::BOTH.into_iter().zip(identities(versions)) {
            let directory = path.join(subdirectory.name());
            // The watch is of what the path stood for, between two states that are the same. A symbolic link in the place of a
            // directory may lead to another user's mail, whose events must not become this mailbox's.
            let is_there = || storage::status(CWD, &directory).is_ok_and(|there| there.identity == expected);
            if !is_there() {
                continue;
            }
            // Events of it wait until it is known whose they are.
            let mut board = self.events.board.lock();
            match queue.watch(&directory) {
                Ok(watch) => {
                    board.watches.insert(watch, (self.id, subdirectory));
                    self.watches.push(watch);
                    watched.extend(is_there().then_some(expected));
                }
                Err(error) => self.events.log_unwatched(&error),
            }
        }
        self.watched = watched.try_into().ok();
    }

    fn end(&mut self) {
        let mut board = self.events.board.lock();
        for watch in self.watches.drain(..) {
            // Another mailbox may have been opened at the same place since: the system knows both as one.
            if board.watches.get(&watch).is_some_and(|(id, _)| *id == self.id) {
                board.watches.remove(&watch);
                if let Some(queue) = self.events.queue.get() {
                    queue.unwatch(watch);
                }
            }
        }
        self.watched = None;
    }
}

fn identities(versions: DirectoryVersions) -> [FileIdentity; 2] {
    [versions.new.identity, versions.cur.identity]
}

impl Drop for WatchedDirectories {
    fn drop(&mut self) {
        self.end();
        let mut board = self.events.board.lock();
        board.mailboxes.remove(&self.id);
        board.changed.remove(&self.id);
    }
}
