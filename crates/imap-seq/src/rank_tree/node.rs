//! A node: up to 64 leaves.

use std::iter::Peekable;

use super::bitmap::Bitmap;
use super::directory;
use super::leaf::Leaf;

/// Leaves in a node.
pub(super) const FANOUT: usize = directory::WIDE;
/// Fills the unused places of both arrays: above everything, so that a search over the whole array is right.
const UNUSED: u32 = u32::MAX;

/// 2 KiB. Its arrays are inline, so that a copy is one allocation.
#[derive(Clone)]
pub(super) struct Node {
    /// The first number that each leaf may hold.
    keys: [u32; FANOUT + 1],
    /// Members of this node before each leaf; before the first unused place, all.
    counts_before: [u32; FANOUT + 1],
    leaves: [Leaf; FANOUT],
    len: usize,
    leaves_per_member: u64,
}

impl Node {
    pub(super) fn of_one(number: u32) -> Self {
        let mut node = Self {
            keys: [UNUSED; FANOUT + 1],
            counts_before: [UNUSED; FANOUT + 1],
            leaves: [const { Leaf::Vacant }; FANOUT],
            len: 0,
            leaves_per_member: 0,
        };
        node.add_leaf(number, Leaf::of_one(number));
        node.recount();
        node
    }

    pub(super) fn count(&self) -> u32 {
        self.counts_before[self.len]
    }

    /// The key of the first leaf.
    pub(super) fn first_key(&self) -> u32 {
        self.keys[0]
    }

    pub(super) fn leaves(&self) -> &[Leaf] {
        &self.leaves[..self.len]
    }

    /// The leaf that holds a number if any does; `guess` is looked at first.
    pub(super) fn leaf_of(&self, number: u32, guess: usize) -> Option<usize> {
        // The largest number is not below what fills the unused places.
        directory::among(&self.keys, number, guess).map(|leaf| leaf.min(self.len - 1))
    }

    /// The number at which the leaf after this one begins; `None` for the last.
    pub(super) fn key_after(&self, leaf: usize) -> Option<u32> {
        self.keys[..self.len].get(leaf + 1).copied()
    }

    pub(super) fn key(&self, leaf: usize) -> u32 {
        self.keys[leaf]
    }

    pub(super) fn before(&self, leaf: usize) -> u32 {
        self.counts_before[leaf]
    }

    /// Members of a leaf, without a look into it.
    #[inline]
    fn count_of(&self, leaf: usize) -> u32 {
        self.counts_before[leaf + 1] - self.counts_before[leaf]
    }

    /// The bitmap that holds a number if any does, its key, and the members of this node before it; `None` when the
    /// guess is wrong, or a list.
    #[inline]
    pub(super) fn bitmap_of(&self, number: u32, guess: usize) -> Option<(&Bitmap, u32, u32)> {
        let (key, next) = (self.keys[guess % FANOUT], self.keys[guess % FANOUT + 1]);
        match &self.leaves[guess % FANOUT] {
            Leaf::Bitmap(bitmap) if key <= number && number < next => {
                Some((bitmap, key, self.counts_before[guess % FANOUT]))
            }
            _ => None,
        }
    }

    /// The bitmap that holds the member with `rank` smaller ones in this node, its key, its members, and those before
    /// it; `None` when it is not where it was guessed, or in a list.
    #[inline]
    pub(super) fn bitmap_with(&self, rank: u32) -> Option<(&Bitmap, u32, u32, u32)> {
        let guess = directory::guess(rank, self.leaves_per_member) % FANOUT;
        let (before, next) = (self.counts_before[guess], self.counts_before[guess + 1]);
        match &self.leaves[guess] {
            Leaf::Bitmap(bitmap) if before <= rank && rank < next => {
                Some((bitmap, self.keys[guess], next - before, before))
            }
            _ => None,
        }
    }

    /// The member with `rank` smaller ones in this node; `rank` is below the count.
    pub(super) fn select(&self, rank: u32) -> Option<u32> {
        let guess = directory::guess(rank, self.leaves_per_member);
        let leaf = directory::among(&self.counts_before, rank, guess)?;
        self.leaves[leaf].select(rank - self.counts_before[leaf], self.keys[leaf])
    }

    /// Adds the next numbers while they ascend and there is room; `last` is the number before them. Gives the last one
    /// added.
    pub(super) fn fill(&mut self, last: u32, numbers: &mut Peekable<impl Iterator<Item = u32>>) -> u32 {
        let mut newest = last;
        loop {
            let (leaf, before) = (self.len - 1, newest);
            newest = self.leaves[leaf].fill(newest, self.keys[leaf], numbers);
            self.split_run();
            if newest > before {
                continue;
            }
            if self.len == FANOUT {
                break;
            }
            let Some(number) = numbers.next_if(|&number| number > newest) else {
                break;
            };
            self.add_leaf(number, Leaf::of_one(number));
            newest = number;
        }
        self.recount();
        newest
    }

    /// Adds one number above `last`, the newest one; `false`, and nothing changes, when there is no room.
    pub(super) fn push(&mut self, number: u32, last: u32) -> bool {
        let (leaf, count) = (self.len - 1, self.count());
        if self.leaves[leaf].push(number, last, self.keys[leaf]) {
            if self.split_run() {
                let newest = self.len - 1;
                self.counts_before[newest] = count + 1 - self.leaves[newest].count();
            }
        } else if self.len < FANOUT {
            self.add_leaf(number, Leaf::of_one(number));
        } else {
            return false;
        }
        self.counts_before[self.len] = count + 1;
        self.update_guesses();
        true
    }

    /// The newest members of a list become a bitmap where they are near each other. The bitmap's key is its own first
    /// member, which may be above the list's key even if the list is empty now. `true` when it happened: the caller must
    /// then correct the counts before the new leaf.
    fn split_run(&mut self) -> bool {
        let leaf = self.len - 1;
        let Some((key, bitmap)) = self.leaves[leaf].split_run(self.len < FANOUT) else {
            return false;
        };
        if self.leaves[leaf].count() == 0 {
            self.len = leaf;
        }
        self.add_leaf(key, bitmap);
        true
    }

    /// Takes a member out of a leaf.
    pub(super) fn remove(&mut self, leaf: usize, member: u32) {
        self.leaves[leaf].remove(member, self.keys[leaf]);
        for before in &mut self.counts_before[leaf + 1..=self.len] {
            *before -= 1;
        }
        match self.count_of(leaf) {
            0 => self.drop_empty(),
            left => self.leaves[leaf].thin_out(left, self.keys[leaf]),
        }
        self.update_guesses();
    }

    /// Takes out what comes below `until`; hands over what was a member.
    pub(super) fn remove_below(
        &mut self,
        until: u64,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        let (mut guess, mut lost) = (0, [0; FANOUT + 1]);
        while let Some(&number) = numbers.peek().filter(|&&number| u64::from(number) < until) {
            let Some(leaf) = self.leaf_of(number, guess) else {
                numbers.next();
                continue;
            };
            let until = self.key_after(leaf).map_or(until, u64::from);
            let mut removed = |number| {
                lost[leaf] += 1;
                removed(number);
            };
            self.leaves[leaf].remove_below(until, self.keys[leaf], numbers, &mut removed);
            guess = leaf + 1;
        }
        let mut gone = 0;
        for (before, lost) in self.counts_before[..=self.len].iter_mut().zip(lost) {
            *before -= gone;
            gone += lost;
        }
        for leaf in 0..self.len {
            self.leaves[leaf].thin_out(self.count_of(leaf), self.keys[leaf]);
        }
        self.drop_empty();
        self.update_guesses();
    }

    fn add_leaf(&mut self, key: u32, leaf: Leaf) {
        self.keys[self.len] = key;
        self.leaves[self.len] = leaf;
        self.len += 1;
    }

    /// Drops leaves without members. The counts must be right before.
    fn drop_empty(&mut self) {
        let (mut kept, count) = (0, self.count());
        for leaf in 0..self.len {
            if self.count_of(leaf) > 0 {
                self.leaves.swap(kept, leaf);
                self.keys[kept] = self.keys[leaf];
                self.counts_before[kept] = self.counts_before[leaf];
                kept += 1;
            }
        }
        self.leaves[kept..self.len].fill(Leaf::Vacant);
        self.keys[kept..=self.len].fill(UNUSED);
        self.counts_before[kept..=self.len].fill(UNUSED);
        self.counts_before[kept] = count;
        self.len = kept;
    }

    fn recount(&mut self) {
        let mut count = 0;
        for (before, leaf) in self.counts_before.iter_mut().zip(&self.leaves[..self.len]) {
            *before = count;
            count += leaf.count();
        }
        self.counts_before[self.len] = count;
        self.update_guesses();
    }

    /// Must follow each change: the guess of a leaf from a rank is computed from what this stores.
    fn update_guesses(&mut self) {
        // The last leaf is left out where there are others: it may not be full yet.
        let full = self.len.saturating_sub(1);
        self.leaves_per_member = directory::per_member(full, self.counts_before[full]);
    }
}
