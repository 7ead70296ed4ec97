//! The place of a hub in its store's log: the cursor, the pages that wait, and the claims.

use imap_seq::{ModSeq, Uid, UidSet};

use super::applied::{Applied, Outcome};
use super::event::{Event, What};
use super::makers::Makers;
use super::page::{Page, Reach};
use super::publication::Publication;
use crate::history::{Claimed, State};
use crate::{Echo, Ingest, Origin};

/// What the outer lock of a [`LogHub`](crate::LogHub) guards.
#[derive(Debug)]
pub(super) struct Log {
    /// All changes up to here were told. `State::highest_modseq` is the same, behind the inner lock.
    pub(super) cursor: ModSeq,
    /// Up to here every change was told, or a later one of the same message. Below the cursor only if pages that were cut
    /// short were told without the rest: a change that they lack may be merged into a row of a later page.
    settled: ModSeq,
    /// Sorted by where they begin.
    waiting: Vec<Page>,
    /// What they count for together.
    weight: usize,
    most_waiting: usize,
}

impl Log {
    pub(super) fn new(cursor: ModSeq, most_waiting: usize) -> Self {
        Self {
            cursor,
            settled: cursor,
            waiting: Vec::new(),
            weight: 0,
            most_waiting,
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
            for page in merged(self.take_ready()) {
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
        let weight = self.weight + page.weight();
        // What follows at once does not wait, or not for long.
        if weight > self.most_waiting && !page.follows(self.reached()) {
            return Outcome::Dropped;
        }
        self.weight = weight;
        let at = self.waiting.partition_point(|other| other.reach <= page.reach);
        self.waiting.insert(at, page);
        Outcome::Waiting
    }

    /// The version up to which there is no gap, in what was told and in what waits.
    fn reached(&self) -> ModSeq {
        self.chain(ModSeq::MAX)
            .fold(self.cursor, |reached, page| reached.max(page.upto))
    }

    /// The pages that follow one another from the cursor on, of those that end at `upto` or before.
    fn chain(&self, upto: ModSeq) -> impl Iterator<Item = &Page> {
        let mut reached = self.cursor;
        let within = self.waiting.iter().filter(move |page| page.upto <= upto);
        within.take_while(move |page| {
            let follows = page.follows(reached);
            reached = reached.max(page.upto);
            follows
        })
    }

    /// Takes the pages that can be told.
    fn take_ready(&mut self) -> Vec<Page> {
        let Some(upto) = self.complete_upto() else {
            return Vec::new();
        };
        let ready: Vec<Page> = self.waiting.extract_if(.., |page| page.upto <= upto).collect();
        self.weight = self.waiting.iter().map(Page::weight).sum();
        ready
    }

    /// The end of the last page that reached the end of the log and before which there is no gap. It is complete with
    /// those before it, and not with one that ends later and was cut short.
    ///
    /// If too much is waiting, pages that were cut short are told as well: some messages may have to be hidden for it.
    fn complete_upto(&self) -> Option<ModSeq> {
        let end = self.chain(ModSeq::MAX).map(|page| page.upto).max()?;
        if self.weight > self.most_waiting || self.chain(ModSeq::MAX).all(Page::is_complete) {
            return Some(end);
        }
        let complete = self.waiting.iter().filter(|page| page.is_complete());
        let mut ends: Vec<ModSeq> = complete.map(|page| page.upto).collect();
        ends.sort_unstable();
        let is_told = |upto: &ModSeq| {
            self.chain(*upto)
                .any(|page| page.upto == *upto && page.is_complete())
        };
        ends.into_iter().rev().find(is_told)
    }

    /// Tells one page, in one step: what it says above the cursor. Then the cursor is at its end.
    fn publish(&mut self, page: Page, publication: &mut Publication<'_>, applied: &mut Applied) {
        if page.upto <= self.cursor {
            return;
        }
        let cursor = std::mem::replace(&mut self.cursor, page.upto);
        let settled = self.settled;
        if page.is_complete() {
            self.settled = page.upto;
        }
        let whole = page.reach == Reach::Whole;
        let news = |event: &Event| whole || event.version > cursor;
        let quiet = !whole && page.keywords.is_empty() && !page.events.iter().any(news);
        let tell = |state: &mut State| {
            state.highest_modseq = page.upto;
            state.claims.forget_up_to(page.upto);
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
            let events: Vec<Event> = page.events.into_iter().filter(news).collect();
            let mut telling = Telling {
                state,
                span: (cursor, page.upto),
                makers: Makers::new(settled, &events),
                applied,
            };
            telling.tell(events, page.reach);
            tell(telling.state);
        }
    }
}

/// Listings as they are, and all pages of changes as one. Not one after the other: a page that was cut short may lack a
/// message that a later or wider page has with a version below its end.
fn merged(ready: Vec<Page>) -> Vec<Page> {
    let (mut pages, changes): (Vec<_>, Vec<_>) =
        ready.into_iter().partition(|page| page.reach == Reach::Whole);
    pages.extend(changes.into_iter().reduce(Page::and));
    pages
}

/// One page on its way into the history.
struct Telling<'t> {
    state: &'t mut State,
    /// The cursor before the page, and after it.
    span: (ModSeq, ModSeq),
    makers: Makers,
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
        let state = &mut *self.state;
        let named = || {
            // The maker told its client when it made the change. If somebody else's was told after that, the client has
            // to hear once more how it ended; when it was, nobody knows.
            let echo = if state.flags.changed_by_another(uid, by) {
                Echo::Tell
            } else {
                Echo::Silent
            };
            (by, echo)
        };
        let claimed = state.claims.maker(version);
        let (by, echo) = claimed
            .filter(|(claimant, _)| by == Origin::EXTERNAL || by == *claimant)
            .unwrap_or_else(named);
        state.claims.note(by, uid, &flags, (self.makers.floor(), version));
        // Else something of somebody else's may be merged into this row, and nobody knows.
        let alone = by == Origin::EXTERNAL || self.makers.made_all_before(version, by, &state.claims);
        let echo = if alone { echo } else { Echo::Tell };
        let _hidden = state.change_flags(uid, flags, (by, echo), version);
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
        let _expunged_since = state.change_flags(uid, flags, (Origin::EXTERNAL, Echo::Tell), version);
    }
}
