//! Line counts of many nested ranges in one pass.

use std::ops::Range;

use memchr::memchr_iter;

/// How many lines end before each of some positions.
///
/// Messages nested in messages would otherwise be counted once per level.
pub(crate) struct Lines {
    /// Positions and line counts, ascending.
    before: Vec<(usize, usize)>,
}

impl Lines {
    /// Counts up to the ends of `ranges`.
    pub(crate) fn at<'r>(octets: &[u8], ranges: impl Iterator<Item = &'r Range<usize>>) -> Self {
        let mut positions: Vec<usize> = ranges.flat_map(|range| [range.start, range.end]).collect();
        positions.sort_unstable();
        positions.dedup();
        let (mut from, mut count) = (positions.first().copied().unwrap_or(0), 0);
        let before = positions.into_iter().map(|position| {
            count += memchr_iter(b'\n', &octets[from..position]).count();
            from = position;
            (position, count)
        });
        Self {
            before: before.collect(),
        }
    }

    /// The number of line ends in a range that was among those given.
    pub(crate) fn of(&self, range: &Range<usize>) -> u64 {
        (self.count(range.end) - self.count(range.start)) as u64
    }

    fn count(&self, position: usize) -> usize {
        let index = self.before.partition_point(|&(known, _)| known < position);
        self.before.get(index).map_or(0, |&(_, count)| count)
    }
}
