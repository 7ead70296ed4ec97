//! `UidRanges`: a sequence set after it was resolved: which UIDs the client meant.

use std::fmt;

use crate::Uid;

/// Ranges of UIDs, both ends included, ascending, disjoint and never adjacent.
///
/// What a set means at the moment when it was resolved; not every UID inside needs to exist. Memory is O(ranges),
/// at most one for each item that the client wrote.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct UidRanges {
    ranges: Vec<(Uid, Uid)>,
}

impl UidRanges {
    /// Sorts and joins ranges of any order and overlap; each is (smaller, larger).
    pub(crate) fn from_unordered(mut ranges: Vec<(Uid, Uid)>) -> Self {
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let joins = kept.1.next().is_none_or(|after| next.0 <= after);
            if joins {
                kept.1 = kept.1.max(next.1);
            }
            joins
        });
        Self { ranges }
    }

    /// Whether no UID is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges as (first, last), both included, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Uid, Uid)> + DoubleEndedIterator {
        self.ranges.iter().copied()
    }

    /// Whether the UID is meant. O(log ranges).
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        let after = self.ranges.partition_point(|range| range.0 <= uid);
        after
            .checked_sub(1)
            .is_some_and(|place| uid <= self.ranges[place].1)
    }
}

impl fmt::Debug for UidRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UidRanges(")?;
        for (place, (first, last)) in self.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{first}:{last}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(of: &[(u32, u32)]) -> UidRanges {
        UidRanges::from_unordered(
            of.iter()
                .map(|range| (Uid::new(range.0).unwrap(), Uid::new(range.1).unwrap()))
                .collect(),
        )
    }

    #[test]
    fn overlapping_adjacent_and_contained_ranges_join() {
        assert_eq!(
            ranges(&[(7, 9), (1, 3), (4, 5), (2, 2), (8, 12)]),
            ranges(&[(1, 5), (7, 12)])
        );
        assert_eq!(ranges(&[(1, 100), (2, 3), (50, 60)]).iter().count(), 1);
    }

    #[test]
    fn a_range_up_to_the_largest_uid_joins_without_overflow() {
        let all = ranges(&[(5, u32::MAX), (u32::MAX, u32::MAX), (1, 2)]);
        assert_eq!(all, ranges(&[(1, 2), (5, u32::MAX)]));
        assert!(all.contains(Uid::MAX) && !all.contains(Uid::new(3).unwrap()));
    }

    #[test]
    fn contains_knows_both_ends() {
        let two = ranges(&[(2, 4), (8, 8)]);
        let inside: Vec<u32> = (1..=10)
            .filter(|&uid| two.contains(Uid::new(uid).unwrap()))
            .collect();
        assert_eq!(inside, [2, 3, 4, 8]);
        assert!(!UidRanges::default().contains(Uid::MIN));
    }
}
