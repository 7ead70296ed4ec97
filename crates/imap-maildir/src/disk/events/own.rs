//! Our own changes: their events are no news.
//!
//! A change is announced before it is made. The first event of its kind and name that comes then is taken for its own; if
//! another program did the same in that moment, one event of the two is left, and the file is looked at.

use std::io;
use std::sync::Arc;

use super::{Events, Named, Noted, WatchId};
use crate::disk::directory::{FileAt, Subdirectory};
use crate::disk::inotify::Happened;

/// After so many changes of our own their events are read, so that the system's queue does not fill with them.
const OWN_AT_ONCE: usize = 1024;
/// No rename has it: the system counts from 1.
const NO_NUMBER: u32 = 0;

/// A change of our own. Its event has no number that could be known beforehand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct OwnChange {
    subdirectory: Subdirectory,
    name: Box<[u8]>,
    kind: OwnKind,
}

/// What becomes of a name by a change of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OwnKind {
    MovedHere,
    MovedAway,
    Removed,
}

/// The changes of our own in one mailbox, for who makes them.
#[derive(Clone)]
pub(crate) struct OwnChanges {
    events: Arc<Events>,
    id: WatchId,
}

impl OwnChange {
    pub(super) fn new(at: FileAt<'_>, kind: OwnKind) -> Self {
        Self {
            subdirectory: at.subdirectory,
            name: at.name.into(),
            kind,
        }
    }
}

impl From<OwnChange> for Named {
    /// Of a name that was given up nobody knows for which: it is waited for, as for any that another program gave up.
    fn from(own: OwnChange) -> Self {
        Self {
            subdirectory: own.subdirectory,
            name: own.name,
            happened: match own.kind {
                OwnKind::MovedHere => Happened::Made,
                OwnKind::MovedAway => Happened::MovedAway(NO_NUMBER),
                OwnKind::Removed => Happened::Removed,
            },
        }
    }
}

impl std::fmt::Debug for OwnChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OwnChanges").field(&self.id).finish()
    }
}

impl OwnChanges {
    pub(super) fn new(events: Arc<Events>, id: WatchId) -> Self {
        Self { events, id }
    }

    /// Makes a change, whose event will be ours.
    pub(crate) fn make<T>(
        &self,
        at: FileAt<'_>,
        kind: OwnKind,
        change: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let own = OwnChange::new(at, kind);
        self.with_noted(|noted| *noted.own.entry(own.clone()).or_default() += 1);
        let result = change();
        let mut is_full = false;
        self.with_noted(|noted| {
            if result.is_err() && !noted.came(&own) {
                // Another program did the same, and its event was taken for ours.
                noted.news.add(own.into());
            }
            noted.own_since_read += 1;
            is_full = noted.own_since_read >= OWN_AT_ONCE;
        });
        if is_full {
            self.events.read();
            self.with_noted(|noted| noted.own_since_read = 0);
        }
        result
    }

    /// To be called when a series of changes is over.
    pub(crate) fn are_over(&self) {
        self.events.read();
        self.with_noted(Noted::settle_own);
    }

    fn with_noted(&self, act: impl FnOnce(&mut Noted)) {
        if let Some(noted) = self.events.board.lock().mailboxes.get_mut(&self.id) {
            act(noted);
        }
    }
}

impl Noted {
    /// Whether a change of our own was announced, whose event this may be.
    pub(super) fn came(&mut self, own: &OwnChange) -> bool {
        let Some(count) = self.own.get_mut(own) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.own.remove(own);
        }
        true
    }

    /// Every change of our own is over, and the queue has been read: what was announced and did not come is to be looked at.
    /// So is a rename that did nothing, and what another program did in the same moment and was taken for ours.
    pub(super) fn settle_own(&mut self) {
        self.own_since_read = 0;
        for (own, _) in std::mem::take(&mut self.own) {
            self.news.add(own.into());
        }
    }
}
