//! `MailboxPoller`: makes a store that can only be listed a live mailbox.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use imap_seq::{Uid, UidSet};
use imap_updates::{
    Access, Closed, Event, Flags, Hub, Limits, LogHub, MailboxWatch, NotWhole, Origin, Page, Recency,
    Selection, WatchedStatus,
};
use parking_lot::Mutex;

use crate::absence::{Absence, Missing};
use crate::known::Known;
use crate::listing::Listing;
use crate::pace::{Pace, Reason};
use crate::reports::Report;
use crate::request::Request;
use crate::schedule::{Schedule, Turn};
use crate::shared::Shared;

/// Lists a mailbox, at most once at a time for all its sessions, and tells them what is different.
///
/// It does not call the store by itself: [`look`](Self::look) is given a future that lists it, or
/// [`begin`](Self::begin) says *when* to list and [`Request::complete`] takes the answer. Time is an argument: any clock
/// that does not go back, as the time since some fixed moment.
///
/// There is no way round it to the hub inside, so that nothing overtakes what a listing found. This does not compile:
///
/// ```compile_fail,E0599
/// # use imap_poller::MailboxPoller;
/// # use imap_updates::Recency;
/// fn overtake(poller: &MailboxPoller, uid: imap_seq::Uid) {
///     let _hides_lower_uids = poller.hub().lock().arrive(uid, Recency::Recent);
/// }
/// ```
///
/// Sessions are woken while a lock of the poller is held; a waker that calls the poller at once, in place of waking a task,
/// would wait for itself.
///
/// Clones share the mailbox. Keep them in [`Hubs`](imap_updates::Hubs), one for each open mailbox.
#[derive(Clone)]
pub struct MailboxPoller {
    pub(crate) shared: Arc<Shared>,
}

/// The answer to [`MailboxPoller::begin`].
#[derive(Debug)]
#[must_use = "the store is to be listed"]
pub enum Begun {
    /// List the store now, and complete the request.
    Ask(Request),
    /// A listing is under way for somebody else, which may have begun before what the caller wants to see. What it finds
    /// is told to the sessions either way. To wait, use [`MailboxPoller::look`] in place of `begin`.
    UnderWay,
    /// Too early, by the pace or after a failure: not before this time.
    NotBefore(Duration),
}

/// Whether the sessions have been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "what is not told yet needs a listing: look"]
pub enum Told {
    /// There is nothing more to tell: each session has it in its next drain.
    Now,
    /// A listing that is yet to begin has to tell it, and may begin at this time.
    NotBefore(Duration),
}

impl MailboxPoller {
    /// A poller for the mailbox that `listing` shows. O(messages).
    ///
    /// # Errors
    ///
    /// [`NotWhole`] never happens, because a listing is whole; it is the hub's, passed on rather than hidden.
    pub fn open(listing: Listing, absence: Absence, pace: Pace) -> Result<Self, NotWhole> {
        let known = Known::new(listing.into_whole());
        let mut page = Page::whole(known.version);
        let messages = known.listed.messages().iter();
        page.extend(messages.map(|listed| Event::present(known.version, listed.uid, listed.flags.clone())));
        let uid_next = u32::try_from(known.covered).ok().and_then(Uid::new);
        let hub = LogHub::open(page.uid_next(uid_next), Limits::default())?;
        let shared = Shared {
            hub,
            absence,
            pace,
            known: Mutex::new(known),
            schedule: Mutex::new(Schedule::default()),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A listing to be filled with what the store says from now on. It keeps only what is different from the last one: one
    /// bit for each message of that, and what is new or changed. So a mailbox of any size may arrive in pages.
    ///
    /// Make it when the store is to be read, that is within [`look`](Self::look), or after [`begin`](Self::begin).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use imap_poller::{Absence, Begun, Listing, MailboxPoller, Pace, Reason};
    /// # use imap_seq::Uid;
    /// # use imap_updates::Flags;
    /// # let pages = [[1, 2], [2, 3]].map(|page| page.map(|uid| Uid::new(uid).expect("not 0")));
    /// # let poller = MailboxPoller::open(Listing::new(), Absence::IsProof, Pace::default())?;
    /// # let Begun::Ask(request) = poller.begin(Reason::Asked, Duration::ZERO) else { return Ok(()) };
    /// let mut listing = poller.listing();
    /// for page in pages {
    ///     listing.extend(page.map(|uid| (uid, Flags::empty())));
    /// }
    /// assert_eq!(request.complete(listing, Duration::ZERO).arrived, 3);
    /// # Ok::<(), imap_updates::NotWhole>(())
    /// ```
    pub fn listing(&self) -> Listing {
        self.listing_and_expunged().0
    }

    /// The same, and what this process had expunged when it began and no listing has confirmed.
    pub(crate) fn listing_and_expunged(&self) -> (Listing, UidSet) {
        let known = self.shared.known.lock();
        let listing = Listing::against(Arc::clone(&known.listed), known.reports);
        (listing, known.expunged_here())
    }

    /// The messages that would count as gone if a request was completed with this listing now.
    pub(crate) fn would_be_gone(&self, listing: &Listing, now: Duration) -> UidSet {
        let known = self.shared.known.lock();
        known.would_be_gone(listing, self.shared.absence, now)
    }

    /// Messages of the first listing that it lacked, and that are shown all the same.
    pub(crate) fn missing(&self, uids: &UidSet, since: Missing) {
        let mut known = self.shared.known.lock();
        uids.iter().for_each(|uid| known.missing(uid, since));
    }

    pub(crate) fn absence(&self) -> Absence {
        self.shared.absence
    }

    /// The flags that the sessions were told of a message; `None` if they were not told of it, or that it is gone.
    /// O(log messages).
    pub fn flags(&self, uid: Uid) -> Option<Flags> {
        self.shared.known.lock().told(uid).cloned()
    }

    /// Opens a session, for SELECT or EXAMINE. Its view, UIDNEXT and HIGHESTMODSEQ are of one moment, and none of them is
    /// ahead of what the session will be told. [Look](Self::look) before, for a view that is up to date.
    pub fn select(&self, access: Access) -> Selection {
        self.shared.hub.select(access)
    }

    /// Whether to list the store at `now`. Never waits for a listing that is under way.
    pub fn begin(&self, reason: Reason, now: Duration) -> Begun {
        let turn = self.shared.schedule.lock().begin(reason, now, &self.shared.pace);
        match turn {
            Turn::Begins(number) => Begun::Ask(Request::new(&self.shared, number)),
            Turn::UnderWay => Begun::UnderWay,
            Turn::NotBefore(earliest) => Begun::NotBefore(earliest),
        }
    }

    /// From when on the store may be listed, if no listing is under way: for the timer of an idle interval.
    pub fn not_before(&self, reason: Reason) -> Duration {
        self.shared.schedule.lock().earliest(reason, &self.shared.pace)
    }

    /// This process stored a message, and the store has committed it: APPEND, or the target of COPY and MOVE. It is told
    /// at once if no message with a lower UID can be untold, that is if `uid` was the UIDNEXT of what is known; else
    /// together with what the next listing finds, because a lower UID that is told later could not be shown.
    ///
    /// Safe to call late, twice, and in another order than that of the commits. O(log messages).
    pub fn appended(&self, uid: Uid, flags: Flags, recency: Recency) -> Told {
        let report = {
            let mut known = self.shared.known.lock();
            known.appended(&self.shared.hub, uid, flags, recency)
        };
        self.told(report)
    }

    /// A session of this process set a message's flags, which are now `flags`, and the store has committed them. The
    /// session of that origin is not told; give [`Origin::EXTERNAL`] if it is to be told as well. O(log messages).
    ///
    /// Told at once. But if the store has versions ([`Listing::as_of`]), the next listing tells it, under the store's own
    /// mod-sequence and to its maker too: HIGHESTMODSEQ would otherwise run ahead of other programs' changes that are not
    /// known yet.
    pub fn stored(&self, uid: Uid, flags: Flags, maker: Origin) -> Told {
        let report = {
            let mut known = self.shared.known.lock();
            known.stored(&self.shared.hub, uid, flags, maker)
        };
        self.told(report)
    }

    /// A session of this process expunged these messages, and the store has committed it: EXPUNGE, CLOSE, or the source of
    /// MOVE. All sessions are told, when [`stored`](Self::stored) flags would be. O(expunged x log messages).
    pub fn expunged(&self, uids: &UidSet) -> Told {
        let report = {
            let mut known = self.shared.known.lock();
            known.expunged(&self.shared.hub, uids)
        };
        self.told(report)
    }

    /// What STATUS reports, as of what the sessions can be told.
    pub fn status(&self) -> WatchedStatus {
        self.shared.hub.status()
    }

    /// Watches the mailbox from now on, without a session (NOTIFY, RFC 5465).
    pub fn watch(&self) -> MailboxWatch {
        self.shared.hub.watch()
    }

    /// The mailbox ends for every session that has it selected, also in IDLE. Nothing is told afterwards.
    pub fn close(&self, why: Closed) {
        self.shared.hub.close(why);
    }

    /// The mailbox has another name now; sessions go on (RFC 2180 section 3.4).
    pub fn renamed(&self, name: &str) {
        self.shared.hub.renamed(name);
    }

    fn told(&self, report: Report) -> Told {
        match report {
            Report::Told => Told::Now,
            Report::Waits => Told::NotBefore(self.not_before(Reason::Asked)),
        }
    }
}

impl Hub for MailboxPoller {
    fn closed(&self) -> Option<Closed> {
        self.shared.hub.closed()
    }

    fn is_unused(&self) -> bool {
        Arc::strong_count(&self.shared) == 1 && Hub::is_unused(&self.shared.hub)
    }
}

impl fmt::Debug for MailboxPoller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxPoller")
            .field("hub", &self.shared.hub)
            .finish_non_exhaustive()
    }
}
