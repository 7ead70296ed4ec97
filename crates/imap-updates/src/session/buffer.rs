//! `UpdateBuffer`: what one session has yet to be told.

use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use imap_seq::{Expunges, ModSeq, SeqMapper, SeqNum, SeqOutOfRange, SequenceSet, Uid, UidSet, View};

use super::access::Access;
use super::drained::{Drained, FetchFlags};
use super::ended::Ended;
use super::held::{ExpungeForm, Held};
use super::resolved::Resolved;
use crate::history::{Bookmark, FlagsNow, History, Position, Remembered, State};
use crate::sync::Mutex;
use crate::table::{CommandInProgress, CommandKind, Release, SelectedEvents};
use crate::{Flags, Keyword, Origin, Recency};

/// One session's place in a mailbox, and the only exit of EXISTS, EXPUNGE, VANISHED, RECENT and unilateral FETCH.
///
/// Dropping it leaves the mailbox: do so before CLOSE, UNSELECT or another SELECT is answered, and nothing of the
/// old mailbox can follow.
pub struct UpdateBuffer {
    history: Arc<History>,
    origin: Origin,
    access: Access,
    /// Behind a lock only so that `view` can take `&self`; nobody else ever holds it.
    mapper: Mutex<SeqMapper>,
    /// The view of the command in progress. Dropped by each drain: a session at rest keeps no version of the index.
    view: OnceLock<View>,
    /// The signal's version that the last drain saw.
    seen: u64,
    /// All that happened up to here was told, except held EXPUNGEs.
    told: Position,
    /// The same, where the history can see it.
    bookmark: Bookmark,
    keywords: Arc<[Keyword]>,
    name: Option<Arc<str>>,
    recent: UidSet,
    /// The RECENT that the client was told.
    recent_told: u32,
    form: ExpungeForm,
    events: SelectedEvents,
    /// The client's own command has removed messages since a drain that released them.
    own_removal: bool,
    held: Option<Held>,
    /// HIGHESTMODSEQ as of the last drain.
    highest_modseq: ModSeq,
    phase: Phase,
    /// Flags to be told in full because the session fell behind the history; see [`Self::restate_flags`].
    restated: Vec<FlagsNow>,
    flags_lost: bool,
    /// Some of them were restated, and others are not yet.
    restating: bool,
}

/// Where a session is between two drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A drain was made and confirmed, or there was nothing to confirm.
    Told,
    /// A command is in progress that could release what is held.
    MayRelease,
    /// A drain is out and not confirmed.
    Writing,
    /// A drain was lost.
    Ended,
}

impl UpdateBuffer {
    /// A session on the mailbox as it is now. `state` is that of `history`, whose lock the caller holds.
    pub(crate) fn open(history: &Arc<History>, state: &mut State, access: Access) -> Self {
        if history.positions.count() == 0 {
            state.tidy_without_sessions();
        }
        state.place_arrivals();
        let bookmark = history.positions.join(state.position);
        let recent = match access {
            Access::ReadWrite => std::mem::take(&mut state.recent),
            Access::ReadOnly => state.recent.clone(),
        };
        Self {
            origin: Origin::unused(),
            access,
            mapper: Mutex::new(state.index.open()),
            view: OnceLock::new(),
            seen: history.signal.version(),
            told: state.position,
            bookmark,
            keywords: Arc::clone(&state.keywords),
            name: state.name.clone(),
            recent_told: count(&recent),
            recent,
            form: ExpungeForm::Expunge,
            events: SelectedEvents::DuringCommands,
            own_removal: false,
            held: None,
            highest_modseq: state.highest_modseq,
            phase: Phase::Told,
            restated: Vec::new(),
            flags_lost: false,
            restating: false,
            history: Arc::clone(history),
        }
    }

    /// Who this session is, to be named as the maker of its own flag changes.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// How the mailbox was opened.
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Messages that the client knows of: for the EXISTS of SELECT, and the `*` of a message sequence set.
    pub fn exists(&self) -> u32 {
        self.mapper.lock().exists()
    }

    /// The RECENT that the client was told.
    pub const fn recent(&self) -> u32 {
        self.recent_told
    }

    /// The messages that are `\Recent` in this session.
    pub const fn recent_uids(&self) -> &UidSet {
        &self.recent
    }

    /// The keywords that the client was told of, sorted: for SELECT's FLAGS.
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// The HIGHESTMODSEQ that the client may remember, as of the last drain (RFC 7162 section 3.2).
    pub const fn highest_modseq(&self) -> ModSeq {
        self.highest_modseq
    }

    /// The EXPUNGEs that are held, as of the last drain.
    pub const fn held(&self) -> Option<Held> {
        self.held
    }

    /// Whether, and why, nothing more will come.
    pub fn ended(&self) -> Option<Ended> {
        if self.phase == Phase::Ended {
            Some(Ended::NotWritten)
        } else {
            self.history.closed().map(Ended::Mailbox)
        }
    }

    /// From now on expunges are reported in this form. Drain before: what is pending comes in the new form.
    pub const fn report_expunges_as(&mut self, form: ExpungeForm) {
        self.form = form;
    }

    /// What NOTIFY asked for the selected mailbox; [`Release::after_notify_selected`] counts while it is
    /// [`SelectedEvents::AtAnyTime`].
    pub const fn notify(&mut self, events: SelectedEvents) {
        self.events = events;
    }

    /// A command of this client (EXPUNGE, MOVE, REPLACE) removes messages: the next drain that may tell that does, also where
    /// NOTIFY asked for silence. Numbering is one: what others removed comes along.
    pub const fn removed_by_client(&mut self) {
        self.own_removal = true;
    }

    /// A command was received whole, and starts. O(1).
    pub fn begin<K: CommandKind>(&mut self, _kind: K) -> CommandInProgress<K> {
        self.view.take();
        if matches!(self.phase, Phase::Told | Phase::MayRelease) {
            self.phase = if K::ROW.expunge.permits() {
                Phase::MayRelease
            } else {
                Phase::Told
            };
        }
        CommandInProgress::begin(self.origin)
    }

    /// The announced view: the numbering that the client has. Frozen from the first look in a command to the next
    /// drain; expunged messages keep their number in it.
    ///
    /// The first look after a drain or [`begin`](Self::begin) takes the history's lock for a moment; it never waits for
    /// a store. The others take no lock.
    ///
    /// # Panics
    ///
    /// If a guard of this thread has published to this mailbox and still lives: take the view before.
    #[track_caller]
    pub fn view(&self) -> &View {
        let place = Location::caller();
        self.view.get_or_init(|| {
            let mut state = self.history.lock_at(place);
            self.mapper.lock().sync(&mut state.index)
        })
    }

    /// How many messages have a number in the client's view and are gone from the mailbox by now. SEARCH leaves them out
    /// and ends in OK with `EXPUNGEISSUED` (RFC 9051, section 7.1).
    ///
    /// [`held`](Self::held) knows those of the last drain; this looks again, whatever view is in use. O(1) without new
    /// expunges, else as [`view`](Self::view), whose numbers it does not change.
    ///
    /// # Panics
    ///
    /// As [`view`](Self::view).
    #[track_caller]
    pub fn pending_expunges(&self) -> u32 {
        let mut state = self.history.lock_at(Location::caller());
        let mut mapper = self.mapper.lock();
        mapper.sync(&mut state.index);
        mapper.pending()
    }

    /// Resolves a message sequence set in the announced view.
    ///
    /// # Errors
    ///
    /// [`SeqOutOfRange`] for a number that the client was never told of: the answer is BAD.
    ///
    /// # Panics
    ///
    /// As [`view`](Self::view).
    #[track_caller]
    pub fn resolve_seqs(&self, set: &SequenceSet<SeqNum>) -> Result<Resolved<'_>, SeqOutOfRange> {
        let view = self.view();
        Ok(Resolved::new(view, view.resolve_seqs(set)?))
    }

    /// Resolves a UID set in the announced view; UIDs that are not there mean nothing.
    ///
    /// # Panics
    ///
    /// As [`view`](Self::view).
    #[track_caller]
    pub fn resolve_uids(&self, set: &SequenceSet<Uid>) -> Resolved<'_> {
        let view = self.view();
        Resolved::new(view, view.resolve_uids(set))
    }

    /// Takes what the client has yet to be told, as far as `release` allows, and moves the view.
    ///
    /// With nothing to tell it takes no lock. Else it holds the history's lock for O(changes since the last drain); it
    /// never waits for a store. The view changes only here.
    ///
    /// # Panics
    ///
    /// If a guard of this thread has published to this mailbox and still lives.
    #[track_caller]
    pub fn drain(&mut self, release: Release<'_>) -> Drained {
        self.view.take();
        match self.phase {
            Phase::Writing => self.phase = Phase::Ended,
            Phase::MayRelease => self.phase = Phase::Told,
            Phase::Told | Phase::Ended => {}
        }
        if self.phase == Phase::Ended {
            return Drained {
                ended: self.ended(),
                ..Drained::default()
            };
        }
        let expunges = if release.granted_to(self.origin, self.events) {
            Expunges::Release
        } else {
            Expunges::Hold
        };
        if self.is_silent(expunges) || !self.has_news(expunges) {
            return Drained {
                ended: self.ended(),
                ..Drained::default()
            };
        }
        self.own_removal &= expunges == Expunges::Hold;
        let drained = self.take(expunges);
        if !drained.is_empty() {
            self.phase = Phase::Writing;
        }
        drained
    }

    /// The drain is in the connection's output, in its place. Without this the next drain ends the session.
    ///
    /// Part of it may have been sent when a connection fails, and numbers cannot be unsaid: so a lost drain is not
    /// kept for another try. Confirm as soon as the octets are in the output buffer, if that buffer is either sent in
    /// order or dropped together with the connection.
    pub fn written(&mut self, drained: Drained) {
        drop(drained);
        if self.phase == Phase::Writing {
            self.phase = Phase::Told;
        }
    }

    /// Ready when a drain has something to give: level-triggered, so that what happened before the call counts.
    ///
    /// In IDLE: begin, drain once right after the `+`, then drain whenever this is ready. The waker is replaced by a
    /// later call's and forgotten when the buffer is dropped.
    pub fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.should_look() {
            return Poll::Ready(());
        }
        self.history.signal.sleep(self.origin.number(), context.waker());
        if self.should_look() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Waits until a drain has something to give; see [`poll_changed`](Self::poll_changed). Cancel safe; belongs to
    /// no runtime.
    pub async fn changed(&mut self) {
        poll_fn(|context| self.poll_changed(context)).await;
    }

    /// Whether this session fell so far behind that the history of flags was cut: fetch the flags of all messages of
    /// the view and give them to [`restate_flags`](Self::restate_flags), all at once or
    /// [in parts](Self::begin_to_restate).
    pub const fn lost_flags(&self) -> bool {
        self.flags_lost || self.restating
    }

    /// From now on flags are read again that come in parts, each to be [given](Self::restate_some_flags) and drained before the
    /// next, so that nobody holds all of them: for a session that has [lost flags](Self::lost_flags).
    ///
    /// It has lost them until [`end_to_restate`](Self::end_to_restate): whoever fails in between begins again. What is lost
    /// meanwhile stays lost.
    pub const fn begin_to_restate(&mut self) {
        self.flags_lost = false;
        self.restating = true;
    }

    /// Queues a part of them for the next drain.
    pub fn restate_some_flags(&mut self, flags: impl IntoIterator<Item = (Uid, Flags, ModSeq)>) {
        let flags = flags.into_iter();
        self.restated
            .extend(flags.map(|(uid, flags, modseq)| FlagsNow { uid, flags, modseq }));
    }

    /// The next part is the last one, or there is none.
    pub const fn end_to_restate(&mut self) {
        self.restating = false;
    }

    /// Queues these flags for the next drain, after [`lost_flags`](Self::lost_flags). Messages that the client does
    /// not know are left out; flags that change meanwhile win.
    pub fn restate_flags(&mut self, flags: impl IntoIterator<Item = (Uid, Flags, ModSeq)>) {
        self.begin_to_restate();
        self.restate_some_flags(flags);
        self.end_to_restate();
    }

    /// Whether NOTIFY asked for silence, and nothing that this client did has to be told.
    fn is_silent(&self, expunges: Expunges) -> bool {
        self.events == SelectedEvents::Never && !(self.own_removal && expunges == Expunges::Release)
    }

    fn should_look(&mut self) -> bool {
        if self.events == SelectedEvents::Never {
            return self.phase == Phase::Ended || self.history.closed().is_some();
        }
        let releasable = self.phase == Phase::MayRelease && self.mapper.get_mut().pending() > 0;
        releasable
            || !self.restated.is_empty()
            || self.phase == Phase::Ended
            || self.history.signal.version() != self.seen
    }

    fn has_news(&mut self, expunges: Expunges) -> bool {
        let releasable = expunges == Expunges::Release && self.mapper.get_mut().pending() > 0;
        releasable || !self.restated.is_empty() || self.history.signal.version() != self.seen
    }

    #[track_caller]
    fn take(&mut self, expunges: Expunges) -> Drained {
        let history = Arc::clone(&self.history);
        let mut locked = history.lock();
        let state = &mut *locked;
        // Under the lock nobody raises it: what comes after this drain raises it again.
        self.seen = history.signal.version();
        state.place_arrivals();
        let changes = self.take_flags(state);
        if !changes.is_empty() {
            state.claims.note_told(self.origin);
        }
        let hold = expunges == Expunges::Hold;
        // Without flags to number and expunges to hold, nobody looks at the view.
        let before = (hold || !changes.is_empty()).then(|| self.mapper.get_mut().sync(&mut state.index));
        match &before {
            Some(before) if hold => self.note_held(state, before),
            _ => self.held = None,
        }
        let announcement = self.mapper.get_mut().announce(&mut state.index, expunges);
        if let Some((first, last)) = announcement.arrived() {
            self.claim_recent(state, first, last);
        }
        self.highest_modseq = self.safe_modseq(state.highest_modseq);
        let mut drained = Drained {
            keywords: adopt(&mut self.keywords, &state.keywords),
            renamed: self.take_name(state),
            ended: state.closed.map(Ended::Mailbox),
            highest_modseq: Some(self.highest_modseq),
            ..Drained::default()
        };
        self.told = state.position;
        self.bookmark.advance(self.told);
        drop(locked);
        // Numbering and sorting need no lock: `before` is frozen.
        drained.fetches = before.map_or_else(Vec::new, |before| self.number(changes, &before));
        self.finish(drained, announcement)
    }

    fn finish(&mut self, mut drained: Drained, announcement: imap_seq::Announcement) -> Drained {
        let expunged = announcement.expunged();
        if !expunged.is_empty() {
            if self.form == ExpungeForm::Vanished {
                drained.vanished = Some(expunged.uids());
            }
            if !self.recent.is_empty() {
                self.recent = self.recent.difference(&expunged.uids());
            }
        }
        let recent = count(&self.recent);
        if recent != self.recent_told {
            self.recent_told = recent;
            drained.recent = Some(recent);
        }
        drained.announcement = Some(announcement);
        drained
    }

    /// Messages that this drain is the first to announce are this session's; an EXAMINE only looks.
    fn claim_recent(&mut self, state: &mut State, first: Uid, last: Uid) {
        if state.recent.is_empty() {
            return;
        }
        let mut arrived = UidSet::new();
        arrived.insert_range(first, last);
        let mine = state.recent.intersection(&arrived);
        if self.access == Access::ReadWrite {
            state.recent = state.recent.difference(&mine);
        }
        self.recent = self.recent.union(&mine);
    }

    fn take_flags(&mut self, state: &State) -> Vec<FlagsNow> {
        if self.told < state.flags.lost() {
            self.flags_lost = true;
        }
        let mut changes = std::mem::take(&mut self.restated);
        changes.extend(state.flags.since(self.told, self.origin));
        changes
    }

    /// Flags only of messages that the client knows and that are still there, each once, the last of each.
    fn number(&self, mut changes: Vec<FlagsNow>, before: &View) -> Vec<FetchFlags> {
        changes.sort_by_key(|change| (change.uid, change.modseq));
        let mut numbered: Vec<FetchFlags> = Vec::with_capacity(changes.len());
        for FlagsNow { uid, flags, modseq } in changes {
            let Some(seq) = before.seq_of(uid).filter(|_| !before.is_expunged(uid)) else {
                continue;
            };
            let recent = if self.recent.contains(uid) {
                Recency::Recent
            } else {
                Recency::NotRecent
            };
            let fetch = FetchFlags {
                seq,
                uid,
                flags,
                modseq,
                recent,
            };
            match numbered.last_mut() {
                Some(last) if last.uid == uid => *last = fetch,
                _ => numbered.push(fetch),
            }
        }
        numbered
    }

    /// Counts the EXPUNGEs that are held, and finds a mod-sequence below all of them: HIGHESTMODSEQ stays there. Those
    /// that came since the last drain may have lower ones than those that were held before.
    fn note_held(&mut self, state: &State, before: &View) {
        let count = self.mapper.get_mut().pending();
        if count == 0 {
            self.held = None;
            return;
        }
        let announced = before.last().unwrap_or(Uid::MAX);
        let lowest = match state.expunges.lowest_after(self.told, announced) {
            Remembered::All(lowest) => lowest.map(|lowest| ModSeq::new(lowest.get() - 1)),
            Remembered::Dropped => Some(None),
        };
        // What the client was told last is below everything that was published since.
        let below = lowest.map(|below| below.unwrap_or(self.highest_modseq));
        let (drains, below) = match (self.held, below) {
            (Some(held), Some(below)) => (held.drains.saturating_add(1), held.below.min(below)),
            (Some(held), None) => (held.drains.saturating_add(1), held.below),
            (None, below) => (1, below.unwrap_or(self.highest_modseq)),
        };
        self.held = Some(Held { count, drains, below });
    }

    /// What the client may remember: below every EXPUNGE that is held, and no higher than before as long as flag changes
    /// are lost and not restated. Never goes back.
    fn safe_modseq(&self, highest: ModSeq) -> ModSeq {
        if self.lost_flags() {
            return self.highest_modseq;
        }
        self.held
            .map_or(highest, |held| held.below.min(highest))
            .max(self.highest_modseq)
    }

    fn take_name(&mut self, state: &State) -> Option<Arc<str>> {
        if self.name == state.name {
            return None;
        }
        self.name.clone_from(&state.name);
        self.name.clone()
    }
}

/// Takes the mailbox's keywords over; `Some` if they are news.
fn adopt(told: &mut Arc<[Keyword]>, now: &Arc<[Keyword]>) -> Option<Arc<[Keyword]>> {
    if Arc::ptr_eq(told, now) {
        return None;
    }
    *told = Arc::clone(now);
    Some(Arc::clone(now))
}

fn count(recent: &UidSet) -> u32 {
    u32::try_from(recent.len()).unwrap_or(u32::MAX)
}

impl Drop for UpdateBuffer {
    fn drop(&mut self) {
        self.history.signal.forget(self.origin.number());
        if self.history.positions.leave(&self.bookmark) {
            self.history.last_session_left();
        }
    }
}

impl fmt::Debug for UpdateBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateBuffer")
            .field("origin", &self.origin)
            .field("access", &self.access)
            .field("exists", &self.exists())
            .field("held", &self.held)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
