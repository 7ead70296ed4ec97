//! Which UIDs were expunged at which mod-sequence: for HIGHESTMODSEQ below a held EXPUNGE, and for VANISHED (EARLIER).
//!
//! The sessions' own pending expunges live in the index's log; this is a short memory beside it.

use std::collections::VecDeque;

use imap_seq::{ModSeq, Uid, UidSet};

use crate::positions::Position;

#[derive(Debug)]
struct Record {
    position: Position,
    modseq: ModSeq,
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
}

impl ExpungeHistory {
    pub(crate) fn new(limit: usize, start: ModSeq) -> Self {
        Self {
            records: VecDeque::new(),
            limit,
            complete_after: start,
        }
    }

    pub(crate) fn record(&mut self, position: Position, modseq: ModSeq, uids: &UidSet) {
        let Some(first) = uids.first() else { return };
        let uids = if uids.len() == 1 {
            Uids::One(first)
        } else {
            Uids::Many(uids.clone())
        };
        self.records.push_back(Record {
            position,
            modseq,
            uids,
        });
        while self.records.len() > self.limit {
            if let Some(dropped) = self.records.pop_front() {
                self.complete_after = self.complete_after.max(dropped.modseq);
            }
        }
    }

    /// The mod-sequence of the first remembered expunge after `position` of a UID up to `announced`, and whether
    /// earlier ones may have been dropped is the caller's to bound.
    pub(crate) fn first_after(&self, position: Position, announced: Uid) -> Option<ModSeq> {
        let start = self.records.partition_point(|record| record.position <= position);
        let mut later = self.records.range(start..);
        later
            .find(|record| record.uids.first().is_some_and(|first| first <= announced))
            .map(|r| r.modseq)
    }

    /// The UIDs expunged after `modseq`, or `None` when that is longer ago than the memory reaches.
    pub(crate) fn since(&self, modseq: ModSeq) -> Option<UidSet> {
        if modseq < self.complete_after {
            return None;
        }
        Some(union(self.records.iter().filter(|record| record.modseq > modseq)))
    }

    /// All UIDs that are remembered.
    pub(crate) fn remembered(&self) -> UidSet {
        union(self.records.iter())
    }

    /// Whether `uid` is among the remembered.
    pub(crate) fn contains(&self, uid: Uid) -> bool {
        self.records.iter().any(|record| match &record.uids {
            Uids::One(one) => *one == uid,
            Uids::Many(uids) => uids.contains(uid),
        })
    }
}

fn union<'r>(records: impl Iterator<Item = &'r Record>) -> UidSet {
    let mut all = UidSet::new();
    for record in records {
        match &record.uids {
            Uids::One(uid) => {
                all.insert(*uid);
            }
            Uids::Many(uids) => all = all.union(uids),
        }
    }
    all
}
