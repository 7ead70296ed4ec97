//! `Page`: a piece of a store's change log.

use imap_seq::{ModSeq, Uid};

use super::event::Event;
use crate::{Closed, Flags, Keyword};

/// A piece of a mailbox's change log, read in one consistent view of the store, for a [`LogHub`](crate::LogHub).
///
/// A page is *complete*: it has every message whose last change has a version above `after` and up to `upto`, and every
/// message that was expunged in between. Further rows do no harm, nor does their order. Read after the hub's
/// [`cursor`](crate::LogHub::cursor), or after the page before.
///
/// ```
/// use imap_seq::{ModSeq, Uid};
/// use imap_updates::{Flags, Page};
///
/// let version = |number: i64| ModSeq::try_from(number);
/// let uid = |number: i64| Uid::try_from(number);
/// // SELECT modseq, uid_next FROM mailboxes ..; SELECT uid, modseq, flags FROM messages WHERE modseq > 100 ..;
/// // SELECT uid, modseq FROM tombstones WHERE modseq > 100 ..: in one transaction
/// let page = Page::changes(version(100)?, version(103)?)
///     .present(version(101)?, uid(8)?, Flags::empty())
///     .gone(version(103)?, uid(2)?)
///     .uid_next(Some(uid(9)?));
/// # let _ = page;
/// # Ok::<(), imap_seq::NumberOutOfRange>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a page does nothing until a hub applies it"]
pub struct Page {
    pub(super) reach: Reach,
    pub(super) upto: ModSeq,
    pub(super) events: Vec<Event>,
    /// `None`: the store did not say.
    pub(super) uid_next: Option<Option<Uid>>,
    pub(super) keywords: Vec<Keyword>,
    pub(super) end: End,
    /// The mailbox is no more: the page says this alone.
    pub(super) closes: Option<Closed>,
}

/// Where a page begins. A listing of the whole mailbox begins before everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Whole,
    After(ModSeq),
}

/// Whether the store had more to say when the page was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    OfLog,
    MoreFollows,
}

impl Page {
    /// What changed after the version `after`, up to and including `upto`.
    pub const fn changes(after: ModSeq, upto: ModSeq) -> Self {
        Self::new(Reach::After(after), upto)
    }

    /// A listing of all messages as of the version `upto`: to open a hub, and when the log no longer reaches back to its
    /// cursor. A message that the listing lacks is gone.
    pub const fn whole(upto: ModSeq) -> Self {
        Self::new(Reach::Whole, upto)
    }

    /// The mailbox is gone: its row was not found. The hub is [closed](crate::LogHub::close) by it.
    pub const fn deleted() -> Self {
        Self::closing(Closed::Deleted)
    }

    /// The mailbox has another UIDVALIDITY than the hub was opened for: what the store has are other messages. The hub is
    /// [closed](crate::LogHub::close) by it; open another one.
    pub const fn uid_validity_changed() -> Self {
        Self::closing(Closed::UidValidityChanged)
    }

    const fn closing(why: Closed) -> Self {
        let mut page = Self::new(Reach::Whole, ModSeq::MIN);
        page.closes = Some(why);
        page
    }

    const fn new(reach: Reach, upto: ModSeq) -> Self {
        Self {
            reach,
            upto,
            events: Vec::new(),
            uid_next: None,
            keywords: Vec::new(),
            end: End::OfLog,
            closes: None,
        }
    }

    /// Adds a row, in any order.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds the row of a message that is in the mailbox; see [`Event::present`].
    pub fn present(mut self, version: ModSeq, uid: Uid, flags: Flags) -> Self {
        self.push(Event::present(version, uid, flags));
        self
    }

    /// Adds the row of a message that was expunged; see [`Event::gone`].
    pub fn gone(mut self, version: ModSeq, uid: Uid) -> Self {
        self.push(Event::gone(version, uid));
        self
    }

    /// The mailbox's UIDNEXT as of `upto`; `None` when it has no UID left. Without this the hub says one more than the
    /// highest UID that it knows, which may be lower than what the store will give out. Of a page that was cut short it does
    /// not count: what the store has now is UIDNEXT as of the end of the log, and messages below it are in the rest.
    pub fn uid_next(self, uid_next: Option<Uid>) -> Self {
        Self {
            uid_next: Some(uid_next),
            ..self
        }
    }

    /// Keywords that the mailbox defines, beside those that the rows use.
    pub fn keywords(self, keywords: impl IntoIterator<Item = Keyword>) -> Self {
        Self {
            keywords: keywords.into_iter().collect(),
            ..self
        }
    }

    /// The store had more to say above `upto`, and the page was cut short, by a LIMIT. The hub then waits for the rest
    /// before it tells anybody: a message that arrived early and changed late is in the last page, and has to be told
    /// before those with higher UIDs.
    ///
    /// Apply the pages of such a read in their order, as [`catch_up`](crate::LogHub::catch_up) does. If one comes before
    /// its predecessor, and a page of another read, which began later and was cut short too, takes the predecessor's place, then a
    /// message that changed between the two reads is in neither. It is told with its next version; a new one is
    /// hidden if messages with higher UIDs were told by then. Pages of a log that keeps every change may come in any order.
    ///
    /// Cut between two versions, never inside one: the next page begins after `upto`, so a row of version `upto` that this
    /// page lacks is in neither, and is told to nobody; the hub cannot see it. With a LIMIT that may end inside a version,
    /// leave out the rows of the last one and let `upto` be the one before, or read the rest of it.
    pub fn more_follows(self) -> Self {
        Self {
            end: End::MoreFollows,
            ..self
        }
    }

    /// In the order of versions, without rows above `upto`: those are of a later page, which then has to follow.
    pub(super) fn in_order(mut self) -> Self {
        if let Reach::After(_) = self.reach {
            let before = self.events.len();
            self.events.retain(|event| event.version <= self.upto);
            if self.events.len() < before {
                self.end = End::MoreFollows;
            }
        } else {
            // A listing is complete at once.
            self.events.sort_by_key(|event| (event.uid, event.version));
            return self;
        }
        if self.end == End::MoreFollows {
            self.uid_next = None;
        }
        if !self.events.is_sorted_by_key(|event| event.version) {
            self.events.sort_by_key(|event| event.version);
        }
        self
    }

    /// Both as one page. `later` begins no earlier than this one.
    pub(super) fn and(mut self, later: Self) -> Self {
        if later.upto == self.upto && later.end == End::OfLog || later.upto > self.upto {
            self.end = later.end;
        }
        if later.upto >= self.upto {
            self.upto = later.upto;
            self.uid_next = later.uid_next.or(self.uid_next);
        }
        self.events.extend(later.events);
        self.keywords.extend(later.keywords);
        self.in_order()
    }

    /// Whether all of it may be told when everything before it was: a listing, or a page that reached the end of the log.
    pub(super) fn is_complete(&self) -> bool {
        self.reach == Reach::Whole || self.end == End::OfLog
    }

    /// What it counts for against the bound of what may wait.
    pub(super) fn weight(&self) -> usize {
        self.events.len() + 1
    }

    /// Whether it follows without a gap on what reaches up to `version`.
    pub(super) fn follows(&self, version: ModSeq) -> bool {
        self.reach <= Reach::After(version)
    }
}

impl Extend<Event> for Page {
    fn extend<I: IntoIterator<Item = Event>>(&mut self, events: I) {
        self.events.extend(events);
    }
}
