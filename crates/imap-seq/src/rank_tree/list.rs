//! A leaf for numbers that are far apart: up to 256 of them, sorted, of any span.

use std::iter::Peekable;

use super::word::place;

/// Members that one list holds. At 256 in a span of 8192 a bitmap becomes the smaller one.
pub(super) const CAPACITY: usize = 256;
const BLOCK: usize = 16;
/// Fills what is not used. A member may have this value too: ranks count what is *smaller*, so that filling never counts.
const UNUSED: u32 = u32::MAX;

/// 1.1 KiB whatever it holds.
#[derive(Clone)]
pub(super) struct List {
    members: [u32; CAPACITY],
    /// Every 16th member, so that a search reads two cache lines and compares without branches.
    samples: [u32; CAPACITY / BLOCK],
    len: usize,
}

impl List {
    pub(super) fn of_one(number: u32) -> Self {
        let mut list = Self {
            members: [UNUSED; CAPACITY],
            samples: [UNUSED; CAPACITY / BLOCK],
            len: 1,
        };
        list.members[0] = number;
        list.samples[0] = number;
        list
    }

    pub(super) fn members(&self) -> &[u32] {
        &self.members[..self.len]
    }

    #[inline]
    pub(super) fn rank(&self, number: u32) -> u32 {
        let smaller = |numbers: &[u32]| {
            numbers
                .iter()
                .map(|&member| u32::from(member < number))
                .sum::<u32>()
        };
        // The first sample is the smallest member: without a smaller sample the rank is 0.
        let Some(block) = smaller(&self.samples).checked_sub(1) else {
            return 0;
        };
        let from = block as usize * BLOCK % CAPACITY;
        place(from) + smaller(&self.members[from..from + BLOCK])
    }

    #[inline]
    pub(super) fn position(&self, number: u32) -> Option<u32> {
        let rank = self.rank(number);
        (self.members().get(rank as usize) == Some(&number)).then_some(rank)
    }

    /// Adds the next numbers while they ascend and there is room; `last` is the number before them. Gives the last one
    /// added.
    pub(super) fn fill(&mut self, last: u32, numbers: &mut Peekable<impl Iterator<Item = u32>>) -> u32 {
        let mut newest = last;
        while self.len < CAPACITY {
            let Some(number) = numbers.next_if(|&number| number > newest) else {
                break;
            };
            self.members[self.len] = number;
            if self.len.is_multiple_of(BLOCK) {
                self.samples[self.len / BLOCK] = number;
            }
            self.len += 1;
            newest = number;
        }
        newest
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, member: u32) {
        let Some(rank) = self.position(member) else { return };
        self.members.copy_within(rank as usize + 1.., rank as usize);
        self.truncate(self.len - 1);
    }

    /// Takes out what comes below `until`; hands over what was a member.
    pub(super) fn remove_below(
        &mut self,
        until: u64,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        let (mut read, mut kept) = (0, 0);
        while let Some(number) = numbers.next_if(|&number| u64::from(number) < until) {
            while read < self.len && self.members[read] < number {
                self.members[kept] = self.members[read];
                (read, kept) = (read + 1, kept + 1);
            }
            if read < self.len && self.members[read] == number {
                read += 1;
                removed(number);
            }
        }
        self.members.copy_within(read..self.len, kept);
        self.truncate(self.len - (read - kept));
    }

    fn truncate(&mut self, len: usize) {
        self.members[len..self.len].fill(UNUSED);
        self.len = len;
        for (sample, block) in self.samples.iter_mut().zip(self.members.chunks(BLOCK)) {
            *sample = block[0];
        }
    }
}
