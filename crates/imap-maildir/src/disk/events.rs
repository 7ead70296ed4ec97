//! File-system events: which watched mailboxes may have changed.
//!
//! Events are kept as a set of mailboxes, not as a queue: a program that renames a million files fills no memory here.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Names one watched mailbox among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WatchId(u64);

/// The events of all watched mailboxes of one backend: one inotify handle.
pub(crate) struct Events {
    board: Arc<Board>,
    /// None where the system has no events to give.
    watcher: Mutex<Option<RecommendedWatcher>>,
    next_id: AtomicU64,
}

/// What the watching thread, the mailboxes and the task that looks at them share. None of its locks is held across a call.
#[derive(Default)]
struct Board {
    watched: Mutex<HashMap<PathBuf, WatchId>>,
    changed: Mutex<HashSet<WatchId>>,
    /// Directories of mailboxes that were closed. The system's watch is removed later: that call blocks, and a mailbox may
    /// be dropped on a thread that must not.
    forgotten: Mutex<Vec<PathBuf>>,
    news: Notify,
}

/// The directories of one open mailbox; dropping it ends the watch.
pub(crate) struct WatchedDirectories {
    board: Weak<Board>,
    id: WatchId,
    directories: [PathBuf; 2],
    works: bool,
}

impl Events {
    /// Without file-system events where the system has none to give; `reason` is told then.
    pub(crate) fn new(without_events: impl FnOnce(&notify::Error)) -> Self {
        let board: Arc<Board> = Arc::default();
        let told = Arc::clone(&board);
        let watcher = notify::recommended_watcher(move |event| told.note(event));
        if let Err(error) = &watcher {
            without_events(error);
        }
        Self {
            board,
            watcher: Mutex::new(watcher.ok()),
            next_id: AtomicU64::new(0),
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

    /// Watches `new/` and `cur/` of the mailbox at `path`. Blocks.
    pub(crate) fn watch(&self, id: WatchId, path: &Path) -> WatchedDirectories {
        // A renamed directory has the system's watch already, under its old path: that one has to go first.
        self.unwatch_forgotten();
        let directories = [path.join("new"), path.join("cur")];
        let mut works = true;
        for directory in &directories {
            self.board.watched.lock().insert(directory.clone(), id);
            let watched = match self.watcher.lock().as_mut() {
                Some(watcher) => watcher.watch(directory, RecursiveMode::NonRecursive),
                None => Err(notify::Error::generic("no events")),
            };
            if let Err(error) = watched {
                works = false;
                tracing::debug!(%error, "a mailbox cannot be watched and is looked at now and then instead");
            }
        }
        WatchedDirectories {
            board: Arc::downgrade(&self.board),
            id,
            directories,
            works,
        }
    }

    /// Says that a mailbox is to be looked at.
    pub(crate) fn mark(&self, id: WatchId) {
        self.board.mark([id]);
    }

    /// Waits until a mailbox may have changed, or one was closed.
    pub(crate) async fn wait(&self) {
        self.board.news.notified().await;
    }

    /// The mailboxes that may have changed since the last call.
    pub(crate) fn take_changed(&self) -> HashSet<WatchId> {
        std::mem::take(&mut self.board.changed.lock())
    }

    /// Ends the system's watches of closed mailboxes. Blocks.
    pub(crate) fn unwatch_forgotten(&self) {
        // Held to the end, so that nobody watches one of these directories in between.
        let mut watcher = self.watcher.lock();
        let forgotten = std::mem::take(&mut *self.board.forgotten.lock());
        for directory in forgotten {
            // Another mailbox may have been opened at the same place since.
            let is_watched = self.board.watched.lock().contains_key(&directory);
            if let Some(watcher) = watcher.as_mut()
                && !is_watched
            {
                let _ = watcher.unwatch(&directory);
            }
        }
    }

    /// Whether [`unwatch_forgotten`](Self::unwatch_forgotten) has something to do.
    pub(crate) fn has_forgotten(&self) -> Forgotten {
        if self.board.forgotten.lock().is_empty() {
            Forgotten::None
        } else {
            Forgotten::Some
        }
    }
}

/// Whether watches are left to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgotten {
    Some,
    None,
}

impl WatchedDirectories {
    pub(crate) fn id(&self) -> WatchId {
        self.id
    }

    /// Whether the system sends events of both directories.
    pub(crate) fn works(&self) -> bool {
        self.works
    }
}

impl Board {
    /// Called on the watching thread for each event.
    fn note(&self, event: notify::Result<notify::Event>) {
        let event = match event {
            Ok(event) if !event.need_rescan() => event,
            // Events were lost: any mailbox may have changed.
            _ => {
                let all: Vec<_> = self.watched.lock().values().copied().collect();
                return self.mark(all);
            }
        };
        if matches!(event.kind, notify::EventKind::Access(_)) {
            return;
        }
        let watched = self.watched.lock();
        let ids = event.paths.iter().filter_map(|path| {
            let by_parent = path.parent().and_then(|directory| watched.get(directory));
            by_parent.or_else(|| watched.get(path)).copied()
        });
        let ids: Vec<_> = ids.collect();
        drop(watched);
        self.mark(ids);
    }

    fn mark(&self, ids: impl IntoIterator<Item = WatchId>) {
        self.changed.lock().extend(ids);
        self.news.notify_one();
    }
}

impl Drop for WatchedDirectories {
    fn drop(&mut self) {
        let Some(board) = self.board.upgrade() else { return };
        for directory in &self.directories {
            let mut watched = board.watched.lock();
            // Another mailbox may have been opened at the same place since.
            if watched.get(directory) == Some(&self.id) {
                watched.remove(directory);
                board.forgotten.lock().push(directory.clone());
            }
        }
        board.news.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("new")).unwrap();
        std::fs::create_dir(home.path().join("cur")).unwrap();
        home
    }

    #[test]
    fn a_million_events_are_one_mailbox_to_look_at() {
        let events = Events::new(|_| {});
        let id = events.new_id();
        for _ in 0..1_000_000 {
            events.mark(id);
        }
        assert_eq!(events.take_changed(), HashSet::from([id]));
        assert!(events.take_changed().is_empty());
    }

    #[tokio::test]
    async fn a_file_that_comes_is_told_and_a_closed_mailbox_is_forgotten() {
        let home = mailbox();
        let events = Events::new(|_| {});
        let id = events.new_id();
        let watched = events.watch(id, home.path());
        std::fs::write(home.path().join("new/1.x"), "x").unwrap();
        events.wait().await;
        assert_eq!(events.take_changed(), HashSet::from([id]));
        drop(watched);
        assert_eq!(events.has_forgotten(), Forgotten::Some);
        events.unwatch_forgotten();
        assert_eq!(events.has_forgotten(), Forgotten::None);
        assert!(events.board.watched.lock().is_empty());
    }

    #[tokio::test]
    async fn closing_one_mailbox_does_not_end_the_watch_of_its_successor() {
        let home = mailbox();
        let events = Events::new(|_| {});
        let (first, second) = (events.new_id(), events.new_id());
        let earlier = events.watch(first, home.path());
        let _later = events.watch(second, home.path());
        drop(earlier);
        events.unwatch_forgotten();
        let _ = events.take_changed();
        std::fs::write(home.path().join("cur/1.x"), "x").unwrap();
        while !events.take_changed().contains(&second) {
            events.wait().await;
        }
    }
}
