//! A node: up to 64 leaves.

use std::iter::Peekable;

use super::bitmap::SPAN;
use super::directory;
use super::leaf::Leaf;

/// Leaves in a node.
pub(super) const FANOUT: usize = directory::WIDE;
/// Fills the unused places of both arrays: above everything, so that a search over the whole array is right.
const UNUSED: u32 = u32::MAX;

/// 1.6 KiB. Its arrays are inline, so that a copy is one allocation.
#[derive(Clone)]
pub(super) struct Node {
    /// The first number that each leaf may hold.
    keys: [u32; FANOUT],
    /// Members of this node before each leaf.
    befores: [u32; FANOUT],
    leaves: [Leaf; FANOUT],
    len: usize,
    count: u32,
    leaves_per_member: u64,
}

impl Node {
    pub(super) fn of_one(number: u32) -> Self {
        let mut node = Self {
            keys: [UNUSED; FANOUT],
            befores: [UNUSED; FANOUT],
            leaves: [const { Leaf::Vacant }; FANOUT],
            len: 0,
            count: 0,
            leaves_per_member: 0,
        };
        node.add_leaf(number);
        node.recount();
        node
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The key of the first leaf.
    pub(super) fn first_key(&self) -> u32 {
        self.keys[0]
    }

    fn keys(&self) -> &[u32] {
        &self.keys[..self.len]
    }

    pub(super) fn leaves(&self) -> &[Leaf] {
        &self.leaves[..self.len]
    }

    /// The leaf that holds a number if any does: exact at once when no leaf is missing in between. `key` is the node's
    /// key: the root knows it without a look into the node.
    #[inline]
    pub(super) fn leaf_of(&self, number: u32, key: u32) -> Option<usize> {
        let guess = number.wrapping_sub(key & !(SPAN - 1)) / SPAN;
        directory::among(&self.keys, self.len, number, guess as usize)
    }

    /// The number at which the leaf after this one begins; `None` for the last.
    pub(super) fn key_after(&self, leaf: usize) -> Option<u32> {
        self.keys().get(leaf + 1).copied()
    }

    pub(super) fn key(&self, leaf: usize) -> u32 {
        self.keys[leaf]
    }

    pub(super) fn before(&self, leaf: usize) -> u32 {
        self.befores[leaf]
    }

    #[inline]
    pub(super) fn rank(&self, number: u32, key: u32) -> u32 {
        self.leaf_of(number, key)
            .map_or(0, |leaf| self.befores[leaf] + self.leaves[leaf].rank(number))
    }

    #[inline]
    pub(super) fn position(&self, number: u32, key: u32) -> Option<u32> {
        let leaf = self.leaf_of(number, key)?;
        Some(self.befores[leaf] + self.leaves[leaf].position(number)?)
    }

    /// The member with `rank` smaller ones in this node; `rank` is below the count.
    #[inline]
    pub(super) fn select(&self, rank: u32) -> Option<u32> {
        let guess = directory::guess(rank, self.leaves_per_member);
        let leaf = directory::among(&self.befores, self.len, rank, guess)?;
        self.leaves[leaf].select(rank - self.befores[leaf])
    }

    /// Adds the next numbers while they ascend and there is room; `last` is the number before them. Gives the last one
    /// added.
    pub(super) fn fill(&mut self, last: u32, numbers: &mut Peekable<impl Iterator<Item = u32>>) -> u32 {
        let mut newest = last;
        loop {
            let (leaf, before) = (self.len - 1, newest);
            newest = self.leaves[leaf].fill(newest, numbers);
            if newest == before && self.len < FANOUT {
                let Some(number) = numbers.next_if(|&number| number > newest) else {
                    break;
                };
                self.add_leaf(number);
                newest = number;
            } else if newest == before {
                break;
            }
        }
        self.recount();
        newest
    }

    /// Adds one number above all; `false`, and nothing changes, when there is no room.
    pub(super) fn push(&mut self, number: u32) -> bool {
        // The number before does not matter: the caller knows that this one is above.
        let mut numbers = std::iter::once(number).peekable();
        self.leaves[self.len - 1].fill(number - 1, &mut numbers);
        if numbers.peek().is_some() {
            if self.len == FANOUT {
                return false;
            }
            self.befores[self.len] = self.count;
            self.add_leaf(number);
        }
        self.count += 1;
        self.guess_anew();
        true
    }

    /// Takes a member out of a leaf.
    pub(super) fn remove(&mut self, leaf: usize, member: u32) {
        self.leaves[leaf].remove(member);
        for before in &mut self.befores[leaf + 1..self.len] {
            *before -= 1;
        }
        self.count -= 1;
        if self.leaves[leaf].count() == 0 {
            self.drop_empty();
        }
        self.guess_anew();
    }

    /// Takes out what comes below `until`; hands over what was a member.
    pub(super) fn remove_below(
        &mut self,
        until: u64,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        while let Some(&number) = numbers.peek().filter(|&&number| u64::from(number) < until) {
            let Some(leaf) = self.leaf_of(number, self.keys[0]) else {
                numbers.next();
                continue;
            };
            let until = self.key_after(leaf).map_or(until, u64::from);
            self.leaves[leaf].remove_below(until, numbers, removed);
        }
        self.drop_empty();
        self.recount();
    }

    fn add_leaf(&mut self, number: u32) {
        self.keys[self.len] = number;
        self.leaves[self.len] = Leaf::of_one(number);
        self.len += 1;
    }

    fn drop_empty(&mut self) {
        let mut kept = 0;
        for leaf in 0..self.len {
            if self.leaves[leaf].count() > 0 {
                self.leaves.swap(kept, leaf);
                self.keys[kept] = self.keys[leaf];
                self.befores[kept] = self.befores[leaf];
                kept += 1;
            }
        }
        self.leaves[kept..self.len].fill(Leaf::Vacant);
        self.keys[kept..self.len].fill(UNUSED);
        self.befores[kept..self.len].fill(UNUSED);
        self.len = kept;
    }

    fn recount(&mut self) {
        self.count = 0;
        for (before, leaf) in self.befores.iter_mut().zip(&self.leaves[..self.len]) {
            *before = self.count;
            self.count += leaf.count();
        }
        self.guess_anew();
    }

    fn guess_anew(&mut self) {
        self.leaves_per_member = directory::per_member(self.len, self.count);
    }
}
