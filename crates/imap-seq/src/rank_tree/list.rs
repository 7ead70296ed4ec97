//! A leaf for numbers that are far apart: up to 256 of them, sorted, of any span.

use std::iter::Peekable;
use std::sync::Arc;

use super::bitmap::SPAN;
use super::word::to_u32;

/// Members that one list holds.
pub(super) const CAPACITY: usize = 256;
const BLOCK: usize = 16;
/// Fills what is not used. A member may have this value too: ranks count *smaller* numbers, so filling is never counted.
const UNUSED: u32 = u32::MAX;

/// Members that are worth a bitmap when they are near each other.
const RUN: usize = 64;
/// What "near" is: up to here the bitmap of a run takes less than four bytes a member.
const RUN_SPAN: u32 = 25 * 64;

/// As many blocks of 16 members as are needed. The first block has the first member of each of the others, so that a
/// search reads two cache lines and compares without branches. The leaf keeps the number of members, in bytes that would
/// be padding.
#[derive(Clone)]
pub(super) struct List(Arc<[[u32; BLOCK]]>);

impl List {
    /// From at most 256 members, ascending; with their number.
    pub(super) fn of_members(members: &[u32]) -> (Self, u16) {
        let mut all = [[UNUSED; BLOCK]; 1 + CAPACITY / BLOCK];
        for (number, members) in (0..).zip(members.chunks(BLOCK)) {
            all[0][number] = members[0];
            all[1 + number][..members.len()].copy_from_slice(members);
        }
        let list = Self(all[..=members.len().div_ceil(BLOCK)].into());
        (list, to_u16(members.len()))
    }

    /// Whether so many members in a list take at most half of these octets.
    pub(super) fn is_half_of(octets: usize, members: u32) -> bool {
        let blocks = 1 + (members as usize).div_ceil(BLOCK);
        members as usize <= CAPACITY && 2 * blocks * size_of::<[u32; BLOCK]>() <= octets
    }

    pub(super) fn members(&self, len: u16) -> &[u32] {
        &self.0[1..].as_flattened()[..len.into()]
    }

    #[inline(never)]
    pub(super) fn rank(&self, number: u32) -> u32 {
        let smaller = |numbers: &[u32; BLOCK]| {
            numbers
                .iter()
                .map(|&member| u32::from(member < number))
                .sum::<u32>()
        };
        // The first sample is the smallest member: without a smaller sample the rank is 0.
        let blocks = smaller(&self.0[0]);
        match self.0.get(blocks as usize) {
            Some(block) if blocks > 0 => (blocks - 1) * to_u32(BLOCK) + smaller(block),
            _ => 0,
        }
    }

    #[inline]
    pub(super) fn position(&self, len: u16, number: u32) -> Option<u32> {
        let rank = self.rank(number);
        (self.members(len).get(rank as usize) == Some(&number)).then_some(rank)
    }

    /// Adds a number above all; `false`, and nothing changes, when there is no room.
    pub(super) fn push(&mut self, len: &mut u16, number: u32) -> bool {
        let (block, place) = (usize::from(*len) / BLOCK, usize::from(*len) % BLOCK);
        if usize::from(*len) == CAPACITY {
            return false;
        }
        if block + 1 == self.0.len() {
            let blocks = self.0.iter().copied();
            self.0 = blocks.chain(std::iter::once([UNUSED; BLOCK])).collect();
        }
        let blocks = Arc::make_mut(&mut self.0);
        blocks[1 + block][place] = number;
        if place == 0 {
            blocks[0][block] = number;
        }
        *len += 1;
        true
    }

    /// Adds the next numbers while they ascend, there is room, and no [run](Self::run) has come together; `last` is the
    /// number before them. Gives the last one added.
    pub(super) fn fill(
        &mut self,
        len: &mut u16,
        last: u32,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
    ) -> u32 {
        let mut all = [UNUSED; CAPACITY];
        let (mut filled, mut newest) = (usize::from(*len), last);
        all[..filled].copy_from_slice(self.members(*len));
        while filled < CAPACITY
            && let Some(number) = numbers.next_if(|&number| number > newest)
        {
            all[filled] = number;
            (filled, newest) = (filled + 1, number);
            if run_of(&all[..filled]).is_some() {
                break;
            }
        }
        if newest > last {
            (*self, *len) = Self::of_members(&all[..filled]);
        }
        newest
    }

    /// The newest members, when they are so many and so near each other that a bitmap is the better place.
    pub(super) fn run(&self, len: u16) -> Option<&[u32]> {
        run_of(self.members(len))
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, len: &mut u16, member: u32) {
        let Some(rank) = self.position(*len, member) else {
            return;
        };
        let rank = rank as usize;
        self.all_mut().copy_within(rank + 1..usize::from(*len), rank);
        self.truncate(len, usize::from(*len) - 1);
    }

    /// Takes out what comes below `until`; hands over what was a member.
    pub(super) fn remove_below(
        &mut self,
        len: &mut u16,
        until: u64,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        let filled = usize::from(*len);
        let members = self.all_mut();
        let (mut read, mut kept) = (0, 0);
        while let Some(number) = numbers.next_if(|&number| u64::from(number) < until) {
            while read < filled && members[read] < number {
                members[kept] = members[read];
                (read, kept) = (read + 1, kept + 1);
            }
            if read < filled && members[read] == number {
                read += 1;
                removed(number);
            }
        }
        members.copy_within(read..filled, kept);
        self.truncate(len, filled - (read - kept));
    }

    /// Takes the newest members out, down to `rest` of them, and gives back blocks when most are empty.
    pub(super) fn truncate(&mut self, len: &mut u16, rest: usize) {
        self.all_mut()[rest..usize::from(*len)].fill(UNUSED);
        *len = to_u16(rest);
        let needed = 1 + rest.div_ceil(BLOCK);
        if self.0.len() > 2 * needed {
            self.0 = self.0[..needed].into();
        }
        if let Some((samples, blocks)) = Arc::make_mut(&mut self.0).split_first_mut() {
            samples.fill(UNUSED);
            for (sample, block) in samples.iter_mut().zip(blocks) {
                *sample = block[0];
            }
        }
    }

    fn all_mut(&mut self) -> &mut [u32] {
        Arc::make_mut(&mut self.0)[1..].as_flattened_mut()
    }
}

fn run_of(members: &[u32]) -> Option<&[u32]> {
    let run = members.last_chunk::<RUN>()?;
    let (first, last) = (run[0], run[RUN - 1]);
    (last - first < RUN_SPAN && first / SPAN == last / SPAN).then_some(run)
}

#[expect(clippy::cast_possible_truncation, reason = "at most 256")]
const fn to_u16(len: usize) -> u16 {
    len as u16
}
