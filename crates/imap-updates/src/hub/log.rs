//! The place of a hub in its store's log: the cursor, the pages that wait, and the claims.

use imap_seq::{ModSeq, Uid, UidSet};

use super::applied::{Applied, Outcome};
use super::claim::{Claimed, Claims};
use super::event::{Event, What};
use super::page::{End, Page, Reach};
use super::publication::Publication;
use crate::history::State;
use crate::{Ingest, Origin};

/// What the outer lock of a [`LogHub`](crate::LogHub) guards.
#[derive(Debug)]
pub(super) struct Log {
    /// All changes up to here were told. `State::highest_modseq` is the same, behind the inner lock.
    pub(super) cursor: ModSeq,
    /// Sorted by where they begin.
    waiting: Vec<Page>,
    most_waiting: usize,
    pub(super) claims: Claims,
}

impl Log {
    pub(super) fn new(cursor: ModSeq, most_waiting: usize) -> Self {
        Self {
            cursor,
            waiting: Vec::new(),
            most_waiting,
            claims: Claims::default(),
        }
    }

    /// Takes a page in, and publishes what can be told now.
    pub(super) fn apply(&mut self, page: Page, publication: &mut Publication<'_>) -> Applied {
        let mut applied = Applied {
            outcome: Outcome::NothingNew,
            cursor: self.cursor,
            read_after: None,
            hidden: UidSet::new(),
            reused: UidSet::new(),
        };
        if page.upto > self.cursor {
            applied.outcome = self.accept(page);
            for page in self.take_ready() {
                self.publish(page, publication, &mut applied);
                applied.outcome = Outcome::Moved;
            }
        }
        applied.cursor = self.cursor;
        applied.read_after = match applied.outcome {
            Outcome::Dropped => Some(self.reached()),
            _ if !self.waiting.is_empty() => Some(self.reached()),
            _ => None,
        };
        applied
    }

    /// Puts a page among those that wait.
    fn accept(&mut self, page: Page) -> Outcome {
        let waiting: usize = self.waiting.iter().map(Page::weight).sum();
        let fits = waiting + page.weight() <= self.most_waiting;
        // What follows at once does not wait, or not for long.
        if !fits && !page.follows(self.reached()) {
            return Outcome::Dropped;
        }
        let at = self.waiting.partition_point(|other| other.reach <= page.reach);
        self.waiting.insert(at, page);
        Outcome::Waiting
    }

    /// The version up to which there is no gap, in what was told and in what waits.
    fn reached(&self) -> ModSeq {
        self.chain()
            .fold(self.cursor, |reached, page| reached.max(page.upto))
    }

    /// The pages that follow one another from the cursor on.
    fn chain(&self) -> impl Iterator<Item = &Page> {
        let mut reached = self.cursor;
        self.waiting.iter().take_while(move |page| {
            let follows = page.follows(reached);
            reached = reached.max(page.upto);
            follows
        })
    }

    /// Takes the pages that can be told: from the cursor on without a gap, up to one that reached the end of the log.
    /// Too many that did not reach it are told as well: some messages may have to be hidden for it.
    fn take_ready(&mut self) -> Vec<Page> {
        let following = self.chain().count();
        let weight: usize = self.waiting.iter().map(Page::weight).sum();
        let ready = if weight > self.most_waiting {
            following
        } else {
            let last = self.chain().collect::<Vec<_>>();
            let last = last.iter().rposition(|page| page.end == End::OfLog);
            last.map_or(0, |last| last + 1)
        };
        self.waiting.drain(..ready).collect()
    }

    /// Tells one page, in one step: what it says above the cursor. Then the cursor is at its end.
    fn publish(&mut self, page: Page, publication: &mut Publication<'_>, applied: &mut Applied) {
        if page.upto <= self.cursor {
            return;
        }
        let cursor = std::mem::replace(&mut self.cursor, page.upto);
        let whole = page.reach == Reach::Whole;
        let news = |event: &Event| whole || event.version > cursor;
        let quiet = !whole && page.keywords.is_empty() && !page.events.iter().any(news);
        let tell = |state: &mut State| {
            state.highest_modseq = page.upto;
            if let Some(uid_next) = page.uid_next {
                state.set_uid_next(uid_next);
            }
        };
        if quiet {
            // Nothing for a session to hear of: its HIGHESTMODSEQ may lag, and nobody is woken.
            publication.look(tell);
        } else {
            let state = publication.change();
            state.define_keywords(&page.keywords);
            let mut telling = Telling {
                state,
                claims: &mut self.claims,
                span: (cursor, page.upto),
                applied,
            };
            telling.tell(page.events.into_iter().filter(news).collect(), page.reach);
            tell(telling.state);
        }
        self.claims.forget_up_to(self.cursor);
    }
}

/// One page on its way into the history.
struct Telling<'t> {
    state: &'t mut State,
    claims: &'t mut Claims,
    /// The cursor before the page, and after it.
    span: (ModSeq, ModSeq),
    applied: &'t mut Applied,
}

impl Telling<'_> {
    fn tell(&mut self, events: Vec<Event>, reach: Reach) {
        let mut gone = Gone::default();
        for event in events.iter().filter(|event| matches!(event.what, What::Gone)) {
            gone.add(event.uid, event.version);
        }
        if reach == Reach::Whole {
            self.find_missing(&events, &mut gone);
        }
        for event in events {
            let What::Present(flags) = event.what else {
                continue;
            };
            if gone.uids.contains(event.uid) {
                continue;
            }
            if self.state.has(event.uid) {
                self.flags(event.uid, flags, event.version, event.by);
            } else {
                self.state.define_keywords(flags.keywords());
                self.arrive(event.uid, event.recency);
            }
        }
        if let Some(versions) = gone.versions {
            self.state.expunge(&gone.uids, versions);
        }
    }

    /// What the hub has and a whole listing lacks is gone, at some version that the listing covers.
    fn find_missing(&mut self, listed: &[Event], gone: &mut Gone) {
        let first = State::modseq_after(self.span.0);
        let missing: Vec<Uid> = {
            let is_listed = |uid: &Uid| listed.binary_search_by_key(uid, |event| event.uid).is_ok();
            self.state.all().filter(|uid| !is_listed(uid)).collect()
        };
        for uid in missing {
            gone.add(uid, first);
            gone.add(uid, self.span.1);
        }
    }

    fn flags(&mut self, uid: Uid, flags: crate::Flags, version: ModSeq, by: Origin) {
        if version <= self.span.0 || version > self.span.1 {
            return;
        }
        let by = self.claims.maker(version, by);
        self.claims.note(by, uid, &flags, version);
        let _hidden = self.state.change_flags(uid, flags, by, version);
    }

    fn arrive(&mut self, uid: Uid, recency: crate::Recency) {
        match self.state.arrive(uid, recency) {
            Ingest::Late => {
                self.applied.hidden.insert(uid);
            }
            Ingest::Reused => {
                self.applied.reused.insert(uid);
            }
            _ => {}
        }
    }
}

/// The expunges of one page.
#[derive(Debug, Default)]
struct Gone {
    uids: UidSet,
    /// The lowest and the highest.
    versions: Option<(ModSeq, ModSeq)>,
}

impl Gone {
    fn add(&mut self, uid: Uid, version: ModSeq) {
        self.uids.insert(uid);
        let (low, high) = self.versions.unwrap_or((version, version));
        self.versions = Some((low.min(version), high.max(version)));
    }
}

/// Publishes the changes of a claim that was revoked after they had been told to everybody else.
pub(super) fn tell_maker(claimed: Claimed, publication: &mut Publication<'_>) {
    let unconfirmed = claimed.into_unconfirmed();
    if unconfirmed.is_empty() {
        return;
    }
    let state = publication.change();
    for (uid, (flags, version)) in unconfirmed {
        let _expunged_since = state.change_flags(uid, flags, Origin::EXTERNAL, version);
    }
}
