//! `MailboxHub`: the one piece of state that the sessions of a mailbox share.

use std::fmt;
use std::sync::Arc;

use imap_seq::{NotAscending, View};

use crate::guard::HubGuard;
use crate::positions::Positions;
use crate::signal::Signal;
use crate::state::State;
use crate::sync::{AtomicU8, AtomicU64, Mutex, Ordering};
use crate::{Access, Closed, Limits, Origin, Snapshot, UpdateBuffer};

/// One mailbox's storage and its history, under one lock.
///
/// The hub *owns* what guards the storage, so that a change and its publication cannot come apart: whoever changes
/// the storage holds a [`HubGuard`], and says there what changed. Publishing costs the same for one session and for
/// ten thousand; sessions take what concerns them when they [drain](UpdateBuffer::drain).
///
/// Clones share the mailbox. `S` is whatever the change needs: a directory handle, a connection, a map; `()` for a
/// store that locks by itself (see [`HubGuard::ingest`]).
pub struct MailboxHub<S: ?Sized> {
    pub(crate) shared: Arc<Shared<S>>,
}

/// A hub with its storage's type forgotten: what sessions hold.
pub(crate) type AnyHub = Shared<dyn Send>;

/// The parts of a hub. Only `locked` is behind the mailbox's lock.
pub(crate) struct Shared<S: ?Sized> {
    pub(crate) signal: Signal,
    pub(crate) positions: Positions,
    /// A copy of `State::closed` to be read without the lock; see [`closed_code`].
    closed: AtomicU8,
    next_origin: AtomicU64,
    pub(crate) locked: Mutex<Locked<S>>,
}

pub(crate) struct Locked<S: ?Sized> {
    pub(crate) state: State,
    pub(crate) storage: S,
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
        let shared = Arc::new(Shared {
            signal: Signal::new(),
            positions: Positions::new(),
            closed: AtomicU8::new(0),
            next_origin: AtomicU64::new(Origin::EXTERNAL.0 + 1),
            locked: Mutex::new(Locked { state, storage }),
        });
        Ok(Self { shared })
    }

    /// Takes the mailbox's lock: blocks while somebody else changes the mailbox or a session drains.
    ///
    /// A thread that holds the guard must not ask a session of the same mailbox for its view, drain it or drop it:
    /// the lock is not reentrant. Take the view first.
    ///
    /// Do not hold the guard across an `.await`, and keep slow work (a message's body, the network) outside. Locks
    /// of two mailboxes (COPY, MOVE) are not to be held together; where they must be, order them by a name or id.
    pub fn lock(&self) -> HubGuard<'_, S> {
        HubGuard::new(&self.shared, self.shared.locked.lock())
    }

    /// Opens a session: its view is the mailbox as it is now, and everything after now will be told to it.
    /// O(1) memory, whatever the size of the mailbox.
    pub fn subscribe(&self, access: Access) -> UpdateBuffer {
        self.subscribe_with(access, |_, _| ()).0
    }

    /// As [`subscribe`](Self::subscribe), and reads from the storage what SELECT reports (UIDNEXT, the first unseen
    /// message) in the same critical section, so that no change can come between.
    pub fn subscribe_with<T>(&self, access: Access, read: impl FnOnce(&S, &View) -> T) -> (UpdateBuffer, T) {
        let origin = self.shared.new_origin();
        let mut guard = self.shared.locked.lock();
        let Locked { state, storage } = &mut *guard;
        if self.shared.positions.count() == 0 {
            state.nobody_listens();
        }
        state.settle_arrivals();
        let view = state.index.view();
        let read = read(storage, &view);
        let hub: Arc<AnyHub> = self.shared.clone();
        (UpdateBuffer::open(hub, state, origin, access), read)
    }

    /// Sessions that are open now.
    pub fn sessions(&self) -> usize {
        self.shared.positions.count()
    }

    /// Whether the mailbox was closed, and why.
    pub fn closed(&self) -> Option<Closed> {
        self.shared.closed()
    }
}

impl<S: ?Sized> Shared<S> {
    pub(crate) fn new_origin(&self) -> Origin {
        Origin(self.next_origin.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        match self.closed.load(Ordering::Acquire) {
            1 => Some(Closed::Deleted),
            2 => Some(Closed::UidValidityChanged),
            _ => None,
        }
    }

    pub(crate) fn set_closed(&self, why: Closed) {
        self.closed.store(closed_code(why), Ordering::Release);
    }

    /// A session left. If it was the last and nobody is at work, the history goes at once; else the next
    /// subscriber or publisher sees to it.
    pub(crate) fn last_session_left(&self) {
        if let Some(mut locked) = self.locked.try_lock()
            && self.positions.count() == 0
        {
            locked.state.nobody_listens();
        }
    }
}

const fn closed_code(why: Closed) -> u8 {
    match why {
        Closed::Deleted => 1,
        Closed::UidValidityChanged => 2,
        Closed::NotWritten => 0,
    }
}

impl<S: ?Sized> Clone for MailboxHub<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: ?Sized> fmt::Debug for MailboxHub<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxHub")
            .field("sessions", &self.shared.positions.count())
            .field("closed", &self.shared.closed())
            .finish_non_exhaustive()
    }
}
