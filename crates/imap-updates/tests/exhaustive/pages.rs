//! Pages of the store's log: how they are read, and what has to become of them.

use imap_updates::{Event, Outcome, Page};

use super::fault::Fault;
use super::setting::Feed;
use super::step::Reading;
use super::store::{BASE, Change, Row, Store, flags_of, mask_of, modseq, uid_of};
use super::world::{Hub, World};
use super::{Judgement, law};

/// A page under way, and where it begins and ends.
#[derive(Clone)]
pub struct UnderWay {
    pub page: Page,
    pub after: u64,
    pub upto: u64,
    pub rows: Vec<Row>,
    pub reading: Reading,
    /// Whether the hub was given it.
    pub given: bool,
}

impl World {
    pub fn read(&self, reading: Reading) -> UnderWay {
        let cursor = self.cursor();
        let upto = self.store.version;
        let latest = self
            .under_way
            .iter()
            .map(|page| page.upto)
            .max()
            .unwrap_or(cursor);
        match reading {
            Reading::Rest => self.page(cursor, upto, reading),
            Reading::Overlapping => self.page(BASE, upto, reading),
            Reading::Following => self.page(latest, upto, reading),
            Reading::Short => self.page(cursor, cursor + 1, reading),
            Reading::Whole => listing(&self.store),
        }
    }

    /// The rows after a version and up to another one, the latest first.
    fn page(&self, after: u64, upto: u64, reading: Reading) -> UnderWay {
        // A store that reads a short page may find later rows as well, and says the UIDNEXT that it has now.
        let more = reading == Reading::Short;
        let within = |row: &&Row| row.version > after && (more || row.version <= upto);
        let said = |row: &&Row| self.setting.feed == Feed::Log || !self.store.is_superseded(row);
        let rows: Vec<Row> = self
            .store
            .rows
            .iter()
            .rev()
            .filter(within)
            .filter(said)
            .copied()
            .collect();
        let mut page = Page::changes(modseq(after), modseq(upto));
        page.extend(rows.iter().map(event));
        if more {
            page = page.more_follows().uid_next(Some(uid_of(self.store.arrived)));
        } else {
            page = page.uid_next(Some(uid_of(self.store.arrived_by(upto))));
        }
        UnderWay {
            page,
            after,
            upto,
            rows,
            reading,
            given: false,
        }
    }

    pub fn deliver(&mut self, under_way: UnderWay) -> Judgement {
        let Hub::Logged(hub) = &self.hub else {
            return Ok(());
        };
        let before = hub.cursor().get();
        let page = match self.fault {
            Some(Fault::RowsAreMissed) => Page::changes(modseq(under_way.after), modseq(under_way.upto)),
            _ => under_way.page.clone(),
        };
        let applied = hub.apply(page);
        let after = hub.cursor().get();
        law!(
            applied.cursor().get() == after,
            "{applied:?}, and the cursor is at {after}"
        );
        law!(after >= before, "the cursor went back from {before} to {after}");
        law!(
            after <= self.store.version,
            "the cursor {after} is ahead of the store"
        );
        law!(
            (applied.outcome() == Outcome::Moved) == (after > before),
            "{applied:?} after {before}"
        );
        law!(
            applied.hidden().is_empty() && applied.reused().is_empty(),
            "{applied:?}"
        );
        self.waiting.push(under_way);
        let complete = self.complete_upto(before);
        law!(
            after >= complete,
            "pages up to {complete} have no gap, and the cursor is at {after}: {applied:?}"
        );
        self.waiting.retain(|page| page.upto > after);
        Ok(())
    }

    /// Up to where the pages that the hub was given have everything: to the end of one that reached the end of the log, where
    /// it and those that end before it leave no gap.
    fn complete_upto(&self, cursor: u64) -> u64 {
        let ends = self
            .waiting
            .iter()
            .filter(|page| page.reading != Reading::Short)
            .map(|page| page.upto);
        let without_gap = |end: &u64| {
            let mut reached = cursor;
            let within = || self.waiting.iter().filter(|page| page.upto <= *end);
            while let Some(next) = within().find(|page| page.after <= reached && page.upto > reached) {
                reached = next.upto;
            }
            reached >= *end
        };
        ends.filter(without_gap).max().unwrap_or(cursor)
    }

    /// The rest of the log is read and told.
    pub fn catch_up(&mut self) -> Judgement {
        if matches!(self.hub, Hub::Logged(_)) {
            self.deliver(self.page(self.cursor(), self.store.version, Reading::Rest))?;
            let (cursor, version) = (self.cursor(), self.store.version);
            law!(
                cursor == version,
                "after the log was read the cursor is at {cursor}, not at {version}"
            );
        }
        Ok(())
    }

    /// All that was told so far, once more.
    pub fn deliver_the_past(&mut self) -> Judgement {
        let cursor = self.cursor();
        self.deliver(self.page(BASE, cursor, Reading::Overlapping))?;
        law!(
            self.cursor() == cursor,
            "what is known moves the cursor to {}",
            self.cursor()
        );
        Ok(())
    }
}

/// All messages as of now.
pub fn listing(store: &Store) -> UnderWay {
    let is_last = |row: &&Row| !store.is_superseded(row) && row.change != Change::Gone;
    // A message that came and went in one transaction has two rows of one version.
    let there = mask_of(&store.now());
    let rows = store.rows.iter().rev().filter(is_last);
    let rows: Vec<Row> = rows
        .filter(|row| there >> row.message & 1 == 1)
        .copied()
        .collect();
    let mut page = Page::whole(modseq(store.version)).uid_next(Some(uid_of(store.arrived)));
    page.extend(rows.iter().map(event));
    UnderWay {
        page,
        after: 0,
        upto: store.version,
        rows,
        reading: Reading::Whole,
        given: false,
    }
}

fn event(row: &Row) -> Event {
    let (version, uid) = (modseq(row.version), uid_of(row.message));
    let event = match row.change {
        Change::Present(flags) => Event::present(version, uid, flags_of(flags)),
        Change::Gone => Event::gone(version, uid),
    };
    if row.named { event.by(row.by) } else { event }
}
