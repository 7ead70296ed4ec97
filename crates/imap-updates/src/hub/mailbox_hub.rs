//! `MailboxHub`: the hub of a store that this process changes under a lock, and that counts by itself.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use imap_seq::{ModSeq, NotAscending, View};

use super::guard::HubGuard;
use crate::history::{History, Holding, Lock, State};
use crate::sync::{Mutex, MutexGuard};
use crate::{Access, Closed, Limits, Snapshot, UpdateBuffer};

/// One mailbox's storage and its history.
///
/// The hub *owns* what guards the storage, so that a change and its publication cannot come apart: whoever changes the
/// storage holds a [`HubGuard`], and says there what changed. Publishing costs the same for one session and for ten
/// thousand; sessions take what concerns them when they [drain](UpdateBuffer::drain).
///
/// There are two locks, the storage's outside and the history's inside. The guard takes the first; the second it takes
/// when it publishes for the first time, and keeps to its end. So a guard that waits for a disk before it publishes
/// delays nobody but those who want to change the same storage; sessions drain meanwhile.
///
/// Clones share the mailbox. `S` is whatever the change needs: a directory handle, a connection, a map. A store that
/// numbers its changes in a log has a [`LogHub`](crate::LogHub) instead. There is no way to hand this hub a version:
///
/// ```compile_fail,E0599
/// # use imap_updates::*;
/// fn mix(hub: &MailboxHub<()>, page: Page) {
///     hub.lock().apply(page); // the hub would count on past versions that the store has yet to use
/// }
/// ```
pub struct MailboxHub<S: ?Sized> {
    history: Arc<History>,
    storage: Arc<Mutex<Counted<S>>>,
}

/// What the storage's lock guards.
#[derive(Debug)]
pub(super) struct Counted<S: ?Sized> {
    /// The last mod-sequence that was given out: published, or about to be.
    pub(super) last_modseq: ModSeq,
    pub(super) storage: S,
}

/// The storage's lock.
pub(super) struct StorageGuard<'h, S: ?Sized> {
    // Dropped in this order: the thread has the lock for as long as its list says so.
    pub(super) counted: MutexGuard<'h, Counted<S>>,
    _holding: Holding,
}

impl<S: Send + 'static> MailboxHub<S> {
    /// A hub for the mailbox that `storage` holds and `snapshot` lists.
    ///
    /// # Errors
    ///
    /// [`NotAscending`] when the snapshot's UIDs do not ascend.
    pub fn new(storage: S, snapshot: Snapshot) -> Result<Self, NotAscending> {
        Self::with_limits(storage, snapshot, Limits::default())
    }

    /// As [`new`](Self::new), with bounds of one's own.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_limits(storage: S, snapshot: Snapshot, limits: Limits) -> Result<Self, NotAscending> {
        let state = State::new(snapshot, limits)?;
        let last_modseq = state.highest_modseq;
        Ok(Self {
            history: Arc::new(History::new(state)),
            storage: Arc::new(Mutex::new(Counted { last_modseq, storage })),
        })
    }
}

impl<S: ?Sized> MailboxHub<S> {
    /// Takes the storage's lock: blocks while somebody else changes the storage, never while a session drains.
    ///
    /// Do not hold the guard across an `.await` (in a spawned task that does not compile). Locks of two mailboxes (COPY,
    /// MOVE) are not to be held together; where they must be, order them by a name or id.
    ///
    /// # Panics
    ///
    /// If this thread holds a guard of the same mailbox: it would wait for itself. The message names the place where the
    /// first was taken. The same holds for a session's view or drain once this thread's guard has published.
    #[track_caller]
    pub fn lock(&self) -> HubGuard<'_, S> {
        let place = Location::caller();
        HubGuard::new(&self.history, self.lock_storage(place), place)
    }

    fn lock_storage(&self, place: &'static Location<'static>) -> StorageGuard<'_, S> {
        let holding = self.history.holding(Lock::Storage, place);
        StorageGuard {
            counted: self.storage.lock(),
            _holding: holding,
        }
    }

    /// Opens a session: its view is the mailbox as the history has it now, and everything after now will be told to it.
    /// O(1) memory, whatever the size of the mailbox. It does not wait for a guard that has not published yet.
    ///
    /// # Panics
    ///
    /// If a guard of this thread has published to this mailbox and still lives.
    #[track_caller]
    pub fn subscribe(&self, access: Access) -> UpdateBuffer {
        UpdateBuffer::open(&self.history, &mut self.history.lock(), access)
    }

    /// As [`subscribe`](Self::subscribe), and reads from the storage what SELECT reports (UIDNEXT, the first unseen
    /// message) in the same critical section, so that no change can come between. It takes both locks, the history's only
    /// for a moment, and waits for a guard that is held.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn subscribe_with<T>(&self, access: Access, read: impl FnOnce(&S, &View) -> T) -> (UpdateBuffer, T) {
        let place = Location::caller();
        let storage = self.lock_storage(place);
        let (session, view) = {
            let mut state = self.history.lock_at(place);
            let session = UpdateBuffer::open(&self.history, &mut state, access);
            (session, state.index.view())
        };
        // Whoever wants to publish waits for the storage; drains do not wait for `read`.
        let read = read(&storage.counted.storage, &view);
        (session, read)
    }

    /// Sessions that are open now.
    pub fn sessions(&self) -> usize {
        self.history.positions.count()
    }

    /// Whether the mailbox was closed, and why.
    pub fn closed(&self) -> Option<Closed> {
        self.history.closed()
    }

    pub(super) const fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Whether nobody else has a clone, a session or a watch.
    pub(super) fn is_unused(&self) -> bool {
        Arc::strong_count(&self.storage) == 1 && Arc::strong_count(&self.history) == 1
    }
}

impl<S: ?Sized> Clone for MailboxHub<S> {
    fn clone(&self) -> Self {
        Self {
            history: Arc::clone(&self.history),
            storage: Arc::clone(&self.storage),
        }
    }
}

impl<S: ?Sized> fmt::Debug for MailboxHub<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxHub")
            .field("sessions", &self.sessions())
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}
