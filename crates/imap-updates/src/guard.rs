//! `HubGuard`: the mailbox's lock, through which storage and history change together.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use imap_seq::{MailboxIndex, ModSeq, Uid, UidSet, View};

use crate::hub::{Locked, Shared};
use crate::state::State;
use crate::sync::MutexGuard;
use crate::{Closed, Echo, Flags, Ingest, IngestCounts, Keyword, Origin, Recency};

/// The lock of one mailbox: dereferences to the storage, and publishes.
///
/// Publish a change *after* the storage accepted it and while this guard is alive: what was never committed is then
/// never announced, and no session can look between the change and its publication. Sleeping sessions are woken when
/// the guard is dropped, after the lock is free. A panic while the guard is held leaves the history whole.
///
/// All changes through one guard have one mod-sequence, as those of one command have (RFC 7162 section 3.1).
pub struct HubGuard<'h, S: ?Sized> {
    // Dropped in this order: the lock is free before anybody is woken.
    locked: MutexGuard<'h, Locked<S>>,
    wake: WakeLater<'h, S>,
    modseq: Option<ModSeq>,
}

struct WakeLater<'h, S: ?Sized> {
    shared: &'h Shared<S>,
    changed: bool,
}

impl<S: ?Sized> Drop for WakeLater<'_, S> {
    fn drop(&mut self) {
        if self.changed {
            self.shared.signal.wake();
        }
    }
}

impl<'h, S: ?Sized> HubGuard<'h, S> {
    pub(crate) fn new(shared: &'h Shared<S>, locked: MutexGuard<'h, Locked<S>>) -> Self {
        Self {
            locked,
            wake: WakeLater {
                shared,
                changed: false,
            },
            modseq: None,
        }
    }

    /// The mod-sequence of the changes made through this guard: above all before. Asked for the first time, it is
    /// taken; write it into the storage with the change.
    pub fn modseq(&mut self) -> ModSeq {
        match self.modseq {
            Some(modseq) => modseq,
            None => {
                let modseq = self.locked.state.next_modseq();
                self.modseq = Some(modseq);
                modseq
            }
        }
    }

    /// A message arrived. UIDs may come in any order until some session has been told of a higher one; then a lower
    /// one is [`Ingest::Late`]. O(1).
    ///
    /// If the message has keywords that the mailbox did not define, add them with
    /// [`keywords_changed`](Self::keywords_changed).
    pub fn arrive(&mut self, uid: Uid, recency: Recency) -> Ingest {
        let done = self.locked.state.arrive(uid, recency);
        if done == Ingest::Applied {
            self.modseq();
            self.changing();
        }
        self.counted(done)
    }

    /// Messages were expunged: by EXPUNGE, MOVE, CLOSE, or from outside. Returns those that were in the mailbox; the
    /// others are ignored. Every session is told, the one that did it included, when its command allows it.
    pub fn expunge(&mut self, uids: &UidSet) -> UidSet {
        let state = &self.locked.state;
        if state.closed.is_some() || !state.contains_any(uids) {
            let refused = if state.closed.is_some() {
                Ingest::Closed
            } else {
                Ingest::Unknown
            };
            self.locked.state.counts.count(refused);
            return UidSet::new();
        }
        let modseq = self.modseq();
        self.changing();
        self.locked.state.counts.count(Ingest::Applied);
        self.locked.state.expunge(uids, modseq)
    }

    /// A message's flags are now `flags`, by `origin`'s doing. O(1); later flags replace earlier ones that a session
    /// has not been told.
    pub fn flags_changed(&mut self, uid: Uid, flags: Flags, origin: Origin, echo: Echo) -> Ingest {
        let state = &self.locked.state;
        let refused = if state.closed.is_some() {
            Ingest::Closed
        } else {
            Ingest::Unknown
        };
        if !state.contains(uid) {
            return self.counted(refused);
        }
        let modseq = self.modseq();
        self.changing();
        let maker = maker(origin, echo);
        let done = self.locked.state.change_flags(uid, flags, maker, modseq);
        self.counted(done)
    }

    /// The mailbox defines these keywords too: sessions are told its FLAGS before the first FETCH that uses one.
    /// Keywords in [`flags_changed`](Self::flags_changed) are added by themselves.
    pub fn keywords_changed(&mut self, keywords: impl IntoIterator<Item = Keyword>) {
        let keywords: Vec<Keyword> = keywords.into_iter().collect();
        let before = Arc::clone(&self.locked.state.keywords);
        self.locked.state.define_keywords(&keywords);
        if !Arc::ptr_eq(&before, &self.locked.state.keywords) {
            self.changing();
        }
    }

    /// The mailbox ends for every session that has it selected, also in IDLE. It takes no changes afterwards; make a
    /// new hub for a new mailbox of that name.
    pub fn close(&mut self, why: Closed) {
        if self.locked.state.closed.is_none() && why != Closed::NotWritten {
            self.changing();
            self.locked.state.closed = Some(why);
            self.wake.shared.set_closed(why);
        }
    }

    /// The mailbox has another name now; sessions go on (RFC 2180 section 3.4).
    pub fn renamed(&mut self, name: &str) {
        self.changing();
        self.locked.state.name = Some(Arc::from(name));
    }

    /// The messages of the mailbox as they are now. A message that arrives after this call with a lower UID is
    /// [`Ingest::Late`].
    pub fn view(&mut self) -> View {
        self.index().view()
    }

    /// The index of the mailbox's messages; see [`view`](Self::view).
    pub fn index(&mut self) -> &MailboxIndex {
        self.locked.state.settle_arrivals();
        &self.locked.state.index
    }

    /// What this hub answered so far.
    pub fn counts(&self) -> IngestCounts {
        self.locked.state.counts
    }

    /// Messages in the mailbox now.
    pub fn len(&self) -> u32 {
        self.locked.state.len()
    }

    /// Whether the mailbox has no message now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Messages that came too late to be numbered in open sessions; they show when no session is left.
    pub fn hidden(&self) -> &UidSet {
        &self.locked.state.hidden
    }

    /// Messages with `\Recent` that no read-write session has claimed: what STATUS reports (RFC 3501 section 6.3.10).
    pub fn recent(&self) -> &UidSet {
        &self.locked.state.recent
    }

    /// The last flags of `uid` that the history remembers, and their mod-sequence. `None` says only that it does not
    /// remember: not that the message has no flags.
    pub fn remembered_flags(&self, uid: Uid) -> Option<(&Flags, ModSeq)> {
        let history = &self.locked.state.flags;
        history.flags(uid).zip(history.modseq(uid))
    }

    /// All flag changes that the history remembers and that came after `since`, in no order. O(remembered).
    pub fn flags_changed_since(&self, since: ModSeq) -> impl Iterator<Item = (Uid, &Flags, ModSeq)> {
        self.locked
            .state
            .flags
            .all()
            .filter(move |(_, _, modseq)| *modseq > since)
    }

    /// Whether the message is in the mailbox now.
    pub fn contains(&self, uid: Uid) -> bool {
        self.locked.state.contains(uid)
    }

    /// The mailbox's highest mod-sequence.
    pub fn highest_modseq(&self) -> ModSeq {
        self.locked.state.highest_modseq
    }

    /// The keywords that the mailbox defines, sorted.
    pub fn keywords(&self) -> &[Keyword] {
        &self.locked.state.keywords
    }

    /// Begins a change: the first of this guard moves the history on and makes the session look.
    pub(crate) fn changing(&mut self) {
        if self.wake.changed {
            return;
        }
        self.wake.changed = true;
        let state = &mut self.locked.state;
        state.position += 1;
        let positions = &self.wake.shared.positions;
        if state.flags.wants_pruning(positions.count()) {
            // Not the present one: its changes are still to come.
            state.flags.prune(positions.oldest().min(state.position - 1));
        }
        self.wake.shared.signal.raise();
    }

    pub(crate) fn counted(&mut self, done: Ingest) -> Ingest {
        self.locked.state.counts.count(done);
        done
    }

    pub(crate) fn state(&mut self) -> &mut State {
        &mut self.locked.state
    }

    pub(crate) fn peek(&self) -> &State {
        &self.locked.state
    }
}

/// An own change that is to be told to its maker as well is as good as somebody else's.
pub(crate) const fn maker(origin: Origin, echo: Echo) -> Origin {
    match echo {
        Echo::Tell => Origin::EXTERNAL,
        Echo::Silent => origin,
    }
}

impl<S: ?Sized> Deref for HubGuard<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.locked.storage
    }
}

impl<S: ?Sized> DerefMut for HubGuard<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.locked.storage
    }
}

impl<S: ?Sized> fmt::Debug for HubGuard<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubGuard")
            .field("index", &self.locked.state.index)
            .finish_non_exhaustive()
    }
}
