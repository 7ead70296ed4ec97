//! `LogHub`: the hub of a store that numbers its changes in a log.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use imap_seq::{ModSeq, NotAscending, Uid, UidSet};

use super::applied::{Applied, Outcome};
use super::claim::Claim;
use super::event::What;
use super::log::{Log, tell_maker};
use super::page::{Page, Reach};
use super::publication::{Publication, WakeAfter};
use super::turns::Turns;
use super::watch::WatchedStatus;
use crate::history::{History, State};
use crate::sync::Mutex;
use crate::{Access, Closed, Limits, Origin, Recency, Snapshot, UpdateBuffer};

/// Follows the change log of a mailbox whose store allocates the versions: a database, one node of several.
///
/// The log is read from a cursor, by whomever and whenever ([`catch_up`](Self::catch_up)): after a commit of one's own,
/// before SELECT and STATUS, at NOOP, when a notification came. A notification is a reason to read and carries nothing. [`apply`](Self::apply) takes the pages in any order
/// (but those of one read that was [cut short](Page::more_follows)), twice, overlapping, from any thread; what lies above the cursor waits for what comes before it. Everything up to the
/// cursor is settled: nothing that a session is told (EXISTS, flags, UIDNEXT, HIGHESTMODSEQ, STATUS) runs ahead of it.
///
/// The storage stays outside, and so do its locks: there is no guard, and nothing counts here. So this does not compile:
///
/// ```compile_fail,E0599
/// # use imap_updates::*;
/// fn mix(hub: &LogHub, uid: imap_seq::Uid) {
///     let _done = hub.lock().arrive(uid, Recency::Recent); // the store would give its version to another change
/// }
/// ```
///
/// Clones share the mailbox.
#[derive(Clone)]
pub struct LogHub {
    history: Arc<History>,
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    /// The outer lock: held while a page is taken in, never while a store is read.
    log: Mutex<Log>,
    pub(super) turns: Turns,
}

/// A session, and what SELECT reports beside it: all of one moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct Selection {
    /// The session.
    pub updates: UpdateBuffer,
    /// UIDNEXT as of the cursor: every message with a lower UID is among those that the session was told of, or is gone.
    /// `None` when no UID is left.
    pub uid_next: Option<Uid>,
    /// HIGHESTMODSEQ: the cursor.
    pub highest_modseq: ModSeq,
}

/// A hub begins with a listing of the whole mailbox, and this page is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotWhole;

impl fmt::Display for NotWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hub begins with a listing of the whole mailbox (`Page::whole`)")
    }
}

impl std::error::Error for NotWhole {}

impl LogHub {
    /// A hub for the mailbox that `whole` lists. O(messages).
    ///
    /// # Errors
    ///
    /// [`NotWhole`] for a page of [changes](Page::changes), and for one that says that the mailbox is gone.
    pub fn open(whole: Page, limits: Limits) -> Result<Self, NotWhole> {
        if whole.reach != Reach::Whole || whole.closes.is_some() {
            return Err(NotWhole);
        }
        let whole = whole.in_order();
        let mut uids: Vec<Uid> = Vec::with_capacity(whole.events.len());
        let mut recent = UidSet::new();
        let mut keywords = whole.keywords;
        for event in &whole.events {
            let What::Present(flags) = &event.what else {
                continue;
            };
            if uids.last() != Some(&event.uid) {
                uids.push(event.uid);
            }
            if event.recency == Recency::Recent {
                recent.insert(event.uid);
            }
            keywords.extend(flags.keywords().iter().cloned());
        }
        let snapshot = Snapshot::new(uids)
            .with_recent(recent)
            .with_highest_modseq(whole.upto)
            .with_keywords(keywords);
        Self::of_snapshot(snapshot, whole.uid_next, limits).map_err(|_| NotWhole)
    }

    /// As [`open`](Self::open), for a store that lists UIDs faster than rows with flags: the hub of a mailbox as of the
    /// snapshot's HIGHESTMODSEQ, and with this UIDNEXT, if the store says it. The snapshot's keywords are all that messages
    /// have. O(messages).
    ///
    /// ```
    /// use imap_seq::{ModSeq, Uid};
    /// use imap_updates::{Access, Limits, LogHub, Snapshot};
    ///
    /// let uids: Vec<Uid> = [3, 4, 7].into_iter().filter_map(Uid::new).collect();
    /// let snapshot = Snapshot::new(uids).with_highest_modseq(ModSeq::try_from(100_i64)?);
    /// let hub = LogHub::of_snapshot(snapshot, Some(Uid::new(9)), Limits::default())?;
    /// assert_eq!(hub.select(Access::ReadOnly).updates.exists(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotAscending`] for UIDs in another order.
    pub fn of_snapshot(
        snapshot: Snapshot,
        uid_next: Option<Option<Uid>>,
        limits: Limits,
    ) -> Result<Self, NotAscending> {
        let cursor = snapshot.highest_modseq;
        let mut state = State::new(snapshot, limits)?;
        state.flags.remember_makers();
        if let Some(uid_next) = uid_next {
            state.set_uid_next(uid_next);
        }
        Ok(Self {
            history: Arc::new(History::new(state)),
            shared: Arc::new(Shared {
                log: Mutex::new(Log::new(cursor, limits.waiting_events)),
                turns: Turns::new(),
            }),
        })
    }

    /// Up to which version everything was told. Read the log after it.
    pub fn cursor(&self) -> ModSeq {
        self.history.lock().highest_modseq
    }

    /// Takes a page in, from any thread, and wakes the sessions that have something to hear. All that becomes known by it
    /// is one step for every reader.
    ///
    /// * A page that begins above the cursor waits, and the answer says where to read. A page of which all is known
    ///   changes nothing; of a page that overlaps, what is above the cursor counts.
    /// * A [whole](Page::whole) listing closes every gap: what the hub has and the listing lacks is gone, what has a higher
    ///   version than the cursor changed. One that is older than the cursor is ignored.
    /// * A page that says that the mailbox is [gone](Page::deleted) closes the hub.
    ///
    /// O(page); a whole listing costs O(messages). A drain waits for it, so a log is better read in pages of some
    /// thousand rows.
    #[track_caller]
    pub fn apply(&self, page: Page) -> Applied {
        let place = Location::caller();
        let page = page.in_order();
        self.work(place, |log, publication| {
            if let Some(why) = page.closes {
                self.close_by(why, publication);
            }
            if publication.peek(|state| state.closed.is_some()) {
                return Applied {
                    outcome: Outcome::Closed,
                    cursor: log.cursor,
                    read_after: None,
                    hidden: UidSet::new(),
                    reused: UidSet::new(),
                };
            }
            log.apply(page, publication)
        })
    }

    /// Declares, before the commit, that the versions after `after` and up to `upto` are the changes of `maker`, so that
    /// it is not told of its own flags. If the versions before it are not the maker's too, from the cursor on, the maker is
    /// told all the same: somebody else's change may be merged into the row. For a store whose log does not say who made a change
    /// ([`Event::by`](crate::Event::by)). An earlier claim with a version in common, and not confirmed, is revoked. Waits
    /// while a page is taken in.
    #[track_caller]
    pub fn claim(&self, after: ModSeq, upto: ModSeq, maker: Origin) -> Claim {
        let number = self.work(Location::caller(), |_, publication| {
            let (number, void) = publication.look(|state| state.claims.add((after, upto), maker));
            void.into_iter()
                .for_each(|claimed| tell_maker(claimed, publication));
            number
        });
        Claim::new(self.clone(), number)
    }

    /// Opens a session, for SELECT or EXAMINE: its view is the mailbox as of the cursor, and everything after it will be
    /// told to it. O(1) memory, whatever the size of the mailbox. [Catch up](Self::catch_up) before: nobody may have read
    /// the log while no session was open.
    pub fn select(&self, access: Access) -> Selection {
        let mut state = self.history.lock();
        Selection {
            updates: UpdateBuffer::open(&self.history, &mut state, access),
            uid_next: state.uid_next(),
            highest_modseq: state.highest_modseq,
        }
    }

    /// As [`select`](Self::select), for a store where messages that are `\Recent` are claimed: several servers share it, and
    /// one session of all has them (RFC 3501 section 2.3.2). `recent` are those that nobody had claimed. For a session that
    /// may write, claim them in the store first; it gets them, with those that the hub took in as
    /// [recent](crate::Event::recency) and no session was told of. One that may not write sees both, and takes none.
    ///
    /// Let an event be recent only if this process has claimed its message.
    pub fn select_with_recent(&self, access: Access, recent: &UidSet) -> Selection {
        let mut state = self.history.lock();
        let untold = state.recent.clone();
        state.add_recent(recent);
        let updates = UpdateBuffer::open(&self.history, &mut state, access);
        if access == Access::ReadOnly {
            state.recent = untold;
        }
        Selection {
            updates,
            uid_next: state.uid_next(),
            highest_modseq: state.highest_modseq,
        }
    }

    /// Notes that this process has claimed these messages, of which the hub may know some already: the next session that may
    /// write has them as `\Recent`, with [`select`](Self::select) too. Those that it does not know are to come as
    /// [recent](crate::Event::recency) events.
    pub fn claimed_recent(&self, recent: &UidSet) {
        self.history.lock().add_recent(recent);
    }

    /// What STATUS reports, as of the cursor. [Catch up](Self::catch_up) before.
    pub fn status(&self) -> WatchedStatus {
        WatchedStatus::of(&self.history.lock())
    }

    /// The UIDs expunged after `since`, and perhaps some that were expunged shortly before, for VANISHED (EARLIER); `None`
    /// when the hub's memory does not reach so far back. Then report as vanished whatever the client knows and the mailbox
    /// has not (RFC 7162 section 3.2.5.2).
    pub fn vanished_since(&self, since: ModSeq) -> Option<UidSet> {
        self.history.lock().expunges.since(since)
    }

    /// Messages that came too late to be numbered in open sessions; they show when no session is left.
    pub fn hidden(&self) -> UidSet {
        self.history.lock().hidden.clone()
    }

    /// The mailbox ends for every session that has it selected, also in IDLE. It takes no pages afterwards.
    #[track_caller]
    pub fn close(&self, why: Closed) {
        self.work(Location::caller(), |_, publication| {
            self.close_by(why, publication)
        });
    }

    fn close_by(&self, why: Closed, publication: &mut Publication<'_>) {
        if self.closed().is_none() {
            publication.change().closed = Some(why);
            self.history.set_closed(why);
        }
    }

    /// The mailbox has another name now; sessions go on (RFC 2180 section 3.4).
    #[track_caller]
    pub fn renamed(&self, name: &str) {
        self.work(Location::caller(), |_, publication| {
            publication.change().name = Some(Arc::from(name));
        });
    }

    /// Sessions that are open now.
    pub fn sessions(&self) -> usize {
        self.history.positions.count()
    }

    /// Whether the mailbox was closed, and why.
    pub fn closed(&self) -> Option<Closed> {
        self.history.closed()
    }

    pub(super) fn confirm(&self, number: u64) {
        let mut state = self.history.lock();
        let cursor = state.highest_modseq;
        state.claims.confirm(number, cursor);
    }

    pub(super) fn revoke(&self, number: u64) {
        let place = Location::caller();
        self.work(place, |_, publication| {
            if let Some(claimed) = publication.look(|state| state.claims.revoke(number)) {
                tell_maker(claimed, publication);
            }
        });
    }

    /// Under the outer lock, and under the inner one as soon as something is published; then the sleepers are woken.
    fn work<T>(
        &self,
        place: &'static Location<'static>,
        work: impl FnOnce(&mut Log, &mut Publication<'_>) -> T,
    ) -> T {
        let _wake = WakeAfter::new(&self.history);
        let mut log = self.shared.log.lock();
        work(&mut log, &mut Publication::new(&self.history, place))
    }

    pub(super) const fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Whether nobody else has a clone, a session or a watch.
    pub(super) fn is_unused(&self) -> bool {
        Arc::strong_count(&self.shared) == 1 && Arc::strong_count(&self.history) == 1
    }
}

impl fmt::Debug for LogHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogHub")
            .field("sessions", &self.sessions())
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}
