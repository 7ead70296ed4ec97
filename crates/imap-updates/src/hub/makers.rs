//! Who made which versions of a page: whether a row has nothing of somebody else's merged into it.

use std::collections::HashMap;

use imap_seq::ModSeq;

use super::event::Event;
use crate::Origin;
use crate::history::{Claims, State};

/// The makers of the versions that one page has, as far as its rows name them.
///
/// A log of current state has one row for each message: the last change. If session A sets a flag with version 6 and
/// somebody else did with version 5, there is one row, of version 6 and by A, and it has both flags. A version may have
/// changed several messages, so a row of another message with version 5 proves nothing. The row is A's alone only if every
/// version before it, from what was told last, is A's.
#[derive(Debug)]
pub(super) struct Makers {
    /// Up to here every change was told, or its row in an earlier page was.
    floor: ModSeq,
    /// In the order of versions; empty if no row names its maker.
    rows: Vec<(ModSeq, Origin)>,
    /// For each maker that was asked for: up to where all versions after the floor are its own.
    reaches: HashMap<Origin, ModSeq>,
}

impl Makers {
    /// O(rows), O(rows * log rows) for a whole listing.
    pub(super) fn new(floor: ModSeq, events: &[Event]) -> Self {
        let mut rows = Vec::new();
        if events.iter().any(|event| event.by != Origin::EXTERNAL) {
            let above = events.iter().filter(|event| event.version > floor);
            rows.extend(above.map(|event| (event.version, event.by)));
            rows.sort_by_key(|&(version, _)| version);
        }
        Self {
            floor,
            rows,
            reaches: HashMap::new(),
        }
    }

    pub(super) const fn floor(&self) -> ModSeq {
        self.floor
    }

    /// Whether all versions between the floor and `version`, both excluded, are `maker`'s.
    pub(super) fn made_all_before(&mut self, version: ModSeq, maker: Origin, claims: &Claims) -> bool {
        let reach = match self.reaches.get(&maker) {
            Some(reach) => *reach,
            None => {
                let reach = self.reach(maker, claims);
                self.reaches.insert(maker, reach);
                reach
            }
        };
        State::modseq_after(reach) >= version
    }

    fn reach(&self, maker: Origin, claims: &Claims) -> ModSeq {
        let mut reach = self.floor;
        loop {
            let next = State::modseq_after(reach);
            let claimed = claims.reach(reach, maker);
            let here = self.between(reach, next);
            reach = match claimed {
                Some(upto) if self.names_only(maker, reach, upto) => upto,
                _ if next > reach && !here.is_empty() && here.iter().all(|&(_, by)| by == maker) => next,
                _ => return reach,
            };
        }
    }

    /// Whether no row of these versions names somebody else.
    fn names_only(&self, maker: Origin, after: ModSeq, upto: ModSeq) -> bool {
        let mut makers = self.between(after, upto).iter().map(|&(_, by)| by);
        makers.all(|by| by == maker || by == Origin::EXTERNAL)
    }

    fn between(&self, after: ModSeq, upto: ModSeq) -> &[(ModSeq, Origin)] {
        let start = self.rows.partition_point(|&(version, _)| version <= after);
        let end = self.rows.partition_point(|&(version, _)| version <= upto);
        self.rows.get(start..end).unwrap_or_default()
    }
}
