//! Which messages were expunged at which mod-sequence, for clients that come back (RFC 7162, section 3.2.10).

use std::collections::VecDeque;

use imap_seq::{ModSeq, UidSet};

/// So many ranges of UIDs are remembered, of 8 octets each: a bound, since nothing else ends them.
const RANGES: u64 = 65_536;

/// The latest expunges.
#[derive(Debug)]
pub(crate) struct Vanished {
    /// Ascending.
    expunges: VecDeque<(ModSeq, UidSet)>,
    ranges: u64,
    /// Expunges up to here may have been forgotten.
    forgotten: ModSeq,
}

impl Vanished {
    /// A memory that begins now.
    pub(crate) const fn after(forgotten: ModSeq) -> Self {
        Self {
            expunges: VecDeque::new(),
            ranges: 0,
            forgotten,
        }
    }

    pub(crate) fn forgotten(&self) -> ModSeq {
        self.forgotten
    }

    pub(crate) fn expunges(&self) -> impl Iterator<Item = &(ModSeq, UidSet)> {
        self.expunges.iter()
    }

    pub(crate) fn add(&mut self, modseq: ModSeq, uids: UidSet) {
        if uids.is_empty() {
            return;
        }
        self.ranges += uids.count_ranges();
        self.expunges.push_back((modseq, uids));
        while self.ranges > RANGES
            && let Some((forgotten, uids)) = self.expunges.pop_front()
        {
            self.ranges -= uids.count_ranges();
            self.forgotten = self.forgotten.max(forgotten);
        }
    }

    /// What was expunged after `since`; none where that is longer ago than the memory reaches.
    pub(crate) fn since(&self, since: ModSeq) -> Option<UidSet> {
        if since < self.forgotten {
            return None;
        }
        let mut all = UidSet::new();
        for (_, uids) in self.expunges.iter().filter(|(modseq, _)| *modseq > since) {
            for (first, last) in uids.ranges() {
                all.insert_range(first, last);
            }
        }
        Some(all)
    }
}

impl Default for Vanished {
    fn default() -> Self {
        Self::after(ModSeq::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_seq::Uid;

    fn set(uids: impl IntoIterator<Item = u32>) -> UidSet {
        uids.into_iter().filter_map(Uid::new).collect()
    }

    fn number(number: u64) -> ModSeq {
        ModSeq::new(number).unwrap()
    }

    #[test]
    fn what_was_expunged_after_a_number_is_named_and_nothing_before_the_memory_began() {
        let mut vanished = Vanished::after(number(10));
        vanished.add(number(11), set([3]));
        vanished.add(number(12), set([7, 8]));
        assert_eq!(vanished.since(number(9)), None);
        assert_eq!(vanished.since(number(10)), Some(set([3, 7, 8])));
        assert_eq!(vanished.since(number(11)), Some(set([7, 8])));
        assert_eq!(vanished.since(number(12)), Some(set([])));
    }

    #[test]
    fn the_memory_is_bounded_and_says_what_it_forgot() {
        let mut vanished = Vanished::default();
        let each = RANGES / 2;
        for modseq in [2, 3, 4] {
            vanished.add(
                number(modseq),
                (0..each)
                    .map(|n| u32::try_from(2 * n + 1).unwrap())
                    .filter_map(Uid::new)
                    .collect(),
            );
        }
        assert_eq!(vanished.forgotten(), number(2));
        assert_eq!(vanished.since(number(1)), None);
        assert_eq!(vanished.since(number(3)).unwrap().len(), each);
    }
}
