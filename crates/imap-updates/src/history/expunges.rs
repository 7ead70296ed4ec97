//! Which UIDs were expunged at which mod-sequence: for HIGHESTMODSEQ below a held EXPUNGE, and for VANISHED (EARLIER).
//!
//! The sessions' own pending expunges live in the index's log; this is a short memory beside it.

use std::collections::VecDeque;

use imap_seq::{ModSeq, Uid, UidSet};

use super::positions::Position;

/// The expunges of one critical section.
#[derive(Debug)]
struct Record {
    position: Position,
    /// The mod-sequences of the first and the last of them.
    modseqs: (ModSeq, ModSeq),
    uids: Uids,
}

/// One UID is the common case and owns no heap.
#[derive(Debug)]
enum Uids {
    One(Uid),
    Many(UidSet),
}

impl Uids {
    fn first(&self) -> Option<Uid> {
        match self {
            Self::One(uid) => Some(*uid),
            Self::Many(uids) => uids.first(),
        }
    }
}

/// The latest expunges of one mailbox, oldest first, at most `limit` records.
#[derive(Debug)]
pub(crate) struct ExpungeHistory {
    records: VecDeque<Record>,
    limit: usize,
    /// Expunges up to this mod-sequence are not remembered.
    complete_after: ModSeq,
    /// The position of the last record that was dropped.
    dropped: Position,
}

/// What the memory says about the expunges after a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// It has them all: the lowest mod-sequence among those that were asked for, if there are any.
    All(Option<ModSeq>),
    /// Records after that position were dropped.
    Dropped,
}

impl ExpungeHistory {
    pub(crate) fn new(limit: usize, start: ModSeq) -> Self {
        Self {
            records: VecDeque::new(),
            limit,
            complete_after: start,
            dropped: 0,
        }
    }

    /// Records that `uids` were expunged at `position`, the newest one, with mod-sequences between these two.
    pub(crate) fn record(&mut self, position: Position, modseqs: (ModSeq, ModSeq), uids: &UidSet) {
        let Some(first) = uids.first() else { return };
        let uids = if uids.len() == 1 {
            Uids::One(first)
        } else {
            Uids::Many(uids.clone())
        };
        self.records.push_back(Record {
            position,
            modseqs,
            uids,
        });
        while self.records.len() > self.limit {
            if let Some(dropped) = self.records.pop_front() {
                self.complete_after = self.complete_after.max(dropped.modseqs.1);
                self.dropped = dropped.position;
            }
        }
    }

    /// The lowest mod-sequence of the expunges after `position` that may concern a UID up to `announced`. The lowest
    /// and not the first: one page of a log has its expunges in any order.
    pub(crate) fn lowest_after(&self, position: Position, announced: Uid) -> Remembered {
        if self.dropped > position {
            return Remembered::Dropped;
        }
        let start = self.records.partition_point(|record| record.position <= position);
        let concerns = |record: &&Record| record.uids.first().is_some_and(|first| first <= announced);
        let later = self.records.range(start..).filter(concerns);
        Remembered::All(later.map(|record| record.modseqs.0).min())
    }

    /// The UIDs expunged after `modseq`, and perhaps some that were expunged shortly before; `None` when that is longer
    /// ago than the memory reaches.
    pub(crate) fn since(&self, modseq: ModSeq) -> Option<UidSet> {
        if modseq < self.complete_after {
            return None;
        }
        let mut all = UidSet::new();
        for record in self.records.iter().filter(|record| record.modseqs.1 > modseq) {
            match &record.uids {
                Uids::One(uid) => {
                    all.insert(*uid);
                }
                Uids::Many(uids) => all = all.union(uids),
            }
        }
        Some(all)
    }

    /// Whether `uid` is among the remembered. O(records).
    pub(crate) fn contains(&self, uid: Uid) -> bool {
        self.records.iter().any(|record| match &record.uids {
            Uids::One(one) => *one == uid,
            Uids::Many(uids) => uids.contains(uid),
        })
    }
}
