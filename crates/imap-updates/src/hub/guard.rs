//! `HubGuard`: the lock through which storage and history change together.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;

use imap_seq::{ModSeq, Uid, UidSet, View};

use super::mailbox_hub::StorageGuard;
use super::publication::{Publication, WakeAfter};
use crate::history::{History, State};
use crate::{Closed, Echo, Flags, Ingest, IngestCounts, Keyword, Origin, Recency};

/// The storage's lock of one mailbox: dereferences to the storage, and publishes.
///
/// Publish a change *after* the storage accepted it and while this guard is alive: what was never committed is then
/// never announced, and no SELECT can look between the change and its publication. With a transaction that borrows the
/// storage through the guard, publishing before the commit does not compile.
///
/// The first publication takes the history's lock, and the guard keeps it to its end: all changes through one guard are
/// one step for every reader, and have one mod-sequence, as those of one command have (RFC 7162 section 3.1). So let the
/// slow work come before the first publication; the methods that only look take that lock for a moment.
///
/// Sleeping sessions are woken when the guard is dropped, after both locks are free. A panic while the guard is held
/// leaves the history whole.
pub struct HubGuard<'h, S: ?Sized> {
    // Dropped in this order: the history's lock, the storage's, and only then the sleepers are woken.
    publication: Publication<'h>,
    storage: StorageGuard<'h, S>,
    _wake: WakeAfter<'h>,
    history: &'h History,
    modseq: Option<ModSeq>,
}

impl<'h, S: ?Sized> HubGuard<'h, S> {
    pub(super) fn new(
        history: &'h History,
        storage: StorageGuard<'h, S>,
        place: &'static Location<'static>,
    ) -> Self {
        Self {
            publication: Publication::new(history, place),
            storage,
            _wake: WakeAfter::new(history),
            history,
            modseq: None,
        }
    }

    /// The mod-sequence of the changes made through this guard: above all before. Asked for the first time, it is
    /// taken; write it into the storage with the change. Nobody is told of it before something is published.
    pub fn modseq(&mut self) -> ModSeq {
        *self.modseq.get_or_insert_with(|| {
            let last = &mut self.storage.counted.last_modseq;
            *last = State::modseq_after(*last);
            *last
        })
    }

    /// The changes made through this guard have this mod-sequence, which the storage gave out and has written down: for a
    /// store that several processes number together. To be said before the first publication. A mod-sequence below the last
    /// one counts as the last: they never go back.
    pub fn set_modseq(&mut self, modseq: ModSeq) {
        let last = &mut self.storage.counted.last_modseq;
        *last = modseq.max(*last);
        self.modseq = Some(*last);
    }

    /// The mailbox's highest mod-sequence is at least this one, although no session has anything to be told: another process
    /// gave out the numbers up to there.
    pub fn reach_modseq(&mut self, modseq: ModSeq) {
        if modseq > self.highest_modseq() {
            self.set_modseq(modseq);
            self.change().highest_modseq = modseq;
        }
    }

    /// A session of another process was told first that this message is there: `\Recent` is that session's, and no session here
    /// gets it (RFC 3501 section 2.3.2). Of a message that some session has claimed already, or that is not known, nothing
    /// changes. O(log messages).
    pub fn claimed_elsewhere(&mut self, uid: Uid) {
        if self.publication.peek(|state| state.recent.contains(uid)) {
            self.change().recent.remove(uid);
        }
    }

    /// A message arrived. UIDs may come in any order until some session has been told of a higher one; then a lower
    /// one is [`Ingest::Late`]. O(1).
    ///
    /// If the message has keywords that the mailbox did not define, add them with
    /// [`keywords_changed`](Self::keywords_changed).
    pub fn arrive(&mut self, uid: Uid, recency: Recency) -> Ingest {
        let judge = |state: &mut State| match state.judge_arrival(uid) {
            Ingest::Applied => Ok(()),
            _ => {
                let done = state.arrive(uid, recency);
                Err(state.counted(done))
            }
        };
        match self.change_if(judge) {
            Ok((state, _)) => {
                let done = state.arrive(uid, recency);
                state.counted(done)
            }
            Err(refused) => refused,
        }
    }

    /// Messages were expunged: by EXPUNGE, MOVE, CLOSE, or from outside. Returns those that were in the mailbox; the
    /// others are ignored. Every session is told, the one that did it included, when its command allows it.
    pub fn expunge(&mut self, uids: &UidSet) -> UidSet {
        let known = |state: &State| state.contains_any(uids);
        match self.change_if(|state| state.refusal(known)) {
            Ok((state, modseq)) => {
                state.counts.count(Ingest::Applied);
                state.expunge(uids, (modseq, modseq))
            }
            Err(_) => UidSet::new(),
        }
    }

    /// A message's flags are now `flags`, by `origin`'s doing. O(1); later flags replace earlier ones that a session
    /// has not been told.
    pub fn flags_changed(&mut self, uid: Uid, flags: Flags, origin: Origin, echo: Echo) -> Ingest {
        let known = |state: &State| state.contains(uid);
        match self.change_if(|state| state.refusal(known)) {
            Ok((state, modseq)) => {
                let done = state.change_flags(uid, flags, (origin, echo), modseq);
                state.counted(done)
            }
            Err(refused) => refused,
        }
    }

    /// The mailbox defines these keywords too: sessions are told its FLAGS before the first FETCH that uses one.
    /// Keywords in [`flags_changed`](Self::flags_changed) are added by themselves. Those beyond
    /// [`Limits::with_keywords`](crate::Limits::with_keywords) are left out.
    pub fn keywords_changed(&mut self, keywords: impl IntoIterator<Item = Keyword>) {
        let keywords: Vec<Keyword> = keywords.into_iter().collect();
        if self.publication.look(|state| state.lacks_keyword(&keywords)) {
            self.change().define_keywords(&keywords);
        }
    }

    /// The mailbox ends for every session that has it selected, also in IDLE. It takes no changes afterwards; make a
    /// new hub for a new mailbox of that name.
    pub fn close(&mut self, why: Closed) {
        if self.history.closed().is_none() {
            self.change().closed = Some(why);
            self.history.set_closed(why);
        }
    }

    /// The mailbox has another name now; sessions go on (RFC 2180 section 3.4).
    pub fn renamed(&mut self, name: &str) {
        self.change().name = Some(Arc::from(name));
    }

    /// The messages of the mailbox as they are now. A message that arrives after this call with a lower UID is
    /// [`Ingest::Late`]. O(1).
    pub fn view(&mut self) -> View {
        self.publication.look(|state| {
            state.place_arrivals();
            state.index.view()
        })
    }

    /// The highest UID that the mailbox ever had while this hub lived, or had at its beginning.
    pub fn highest_uid(&self) -> Option<Uid> {
        self.publication.peek(State::highest_uid)
    }

    /// What this hub answered so far.
    pub fn counts(&self) -> IngestCounts {
        self.publication.peek(|state| state.counts)
    }

    /// Messages in the mailbox now.
    pub fn len(&self) -> u32 {
        self.publication.peek(State::len)
    }

    /// Whether the mailbox has no message now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Messages that came too late to be numbered in open sessions; they show when no session is left.
    pub fn hidden(&self) -> UidSet {
        self.publication.peek(|state| state.hidden.clone())
    }

    /// Messages with `\Recent` that no read-write session has claimed: what STATUS reports (RFC 3501 section 6.3.10).
    pub fn recent(&self) -> UidSet {
        self.publication.peek(|state| state.recent.clone())
    }

    /// The last flags of `uid` that the history remembers, and their mod-sequence. `None` says only that it does not
    /// remember: not that the message has no flags.
    pub fn remembered_flags(&self, uid: Uid) -> Option<(Flags, ModSeq)> {
        self.publication.peek(|state| {
            let (flags, modseq) = state.flags.get(uid)?;
            Some((flags.clone(), modseq))
        })
    }

    /// All flag changes that the history remembers and that came after `since`, in no order. O(remembered).
    pub fn flags_changed_since(&self, since: ModSeq) -> Vec<(Uid, Flags, ModSeq)> {
        self.publication.peek(|state| {
            let all = state.flags.all().filter(|(_, _, modseq)| *modseq > since);
            all.map(|(uid, flags, modseq)| (uid, flags.clone(), modseq))
                .collect()
        })
    }

    /// The UIDs expunged after `since`, for VANISHED (EARLIER); `None` when the hub's memory does not reach so far
    /// back. Then report as vanished whatever the client knows and the mailbox has not (RFC 7162 section 3.2.5.2).
    pub fn vanished_since(&self, since: ModSeq) -> Option<UidSet> {
        self.publication.peek(|state| state.expunges.since(since))
    }

    /// Whether the message is in the mailbox now.
    pub fn contains(&self, uid: Uid) -> bool {
        self.publication.peek(|state| state.contains(uid))
    }

    /// The mailbox's highest mod-sequence: of what was published.
    pub fn highest_modseq(&self) -> ModSeq {
        self.publication.peek(|state| state.highest_modseq)
    }

    /// The keywords that the mailbox defines, sorted.
    pub fn keywords(&self) -> Arc<[Keyword]> {
        self.publication.peek(|state| Arc::clone(&state.keywords))
    }

    fn change(&mut self) -> &mut State {
        self.publication.change()
    }

    /// The history, to be changed with this guard's mod-sequence, if `judge` finds nothing against it.
    fn change_if<R>(
        &mut self,
        judge: impl FnOnce(&mut State) -> Result<(), R>,
    ) -> Result<(&mut State, ModSeq), R> {
        self.publication.change_if(judge)?;
        let modseq = self.modseq();
        let state = self.change();
        state.highest_modseq = modseq;
        Ok((state, modseq))
    }
}

impl<S: ?Sized> Deref for HubGuard<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.storage.counted.storage
    }
}

impl<S: ?Sized> DerefMut for HubGuard<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.storage.counted.storage
    }
}

impl<S: ?Sized> fmt::Debug for HubGuard<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubGuard")
            .field("publication", &self.publication)
            .finish_non_exhaustive()
    }
}
