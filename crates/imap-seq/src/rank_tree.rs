//! A set of numbers that knows how many are below each, and that can be frozen for the price of a pointer.
//!
//! [`RankTree`] holds numbers from 1 to 4,294,967,295. They enter in ascending order and leave in any order.
//! [`rank`](RankTree::rank) tells how many members are smaller than a number, [`select`](RankTree::select) finds the
//! member with so many smaller ones; both take a few dozen nanoseconds at ten million members. A clone shares everything
//! and stays as it is when the original changes. A change copies only the path that it touches, and only while a clone
//! is alive. Nothing in it speaks of mail.
//!
//! # Shape
//!
//! Three levels, never more: a root, nodes of up to 64 leaves, leaves. Root and node keep, for each child, the first
//! number that it may hold (its key) and how many members are before it. A leaf is one of two things:
//!
//! * a bitmap, where members are near each other: as many words as they need, all inside one aligned span of 16,384
//!   numbers, with a running count for each word;
//! * a list of up to 256 numbers of any span, where they are not.
//!
//! Numbers enter at the end only, so nothing is ever split or balanced. They enter a list; as soon as its newest 64 are
//! near each other (within 1,600 numbers), these become a bitmap, which then grows until a gap, or too much emptiness,
//! ends it. A bitmap that has lost most of its members becomes a list again. A leaf or node that becomes empty is
//! dropped.
//!
//! A lookup first guesses: if no span before the number is without members, two subtractions give its node and leaf, and
//! the leaf's key gives word and bit. Nothing has to be read from the leaf to know which of its words to load. If the
//! guess is wrong, node and leaf are searched for.
//!
//! # Costs
//!
//! For n members in L leaves, m numbers in a batch:
//!
//! | operation | time |
//! | --- | --- |
//! | rank, position, select | O(1) where the guess of the child holds (numbers without large gaps), O(log n) else |
//! | push, remove | O(1), and sums over at most 256 counts, 64 leaves, n/100,000 (sparse) to n/1,000,000 (dense) nodes |
//! | remove_ascending | O(m), and one pass over each touched leaf |
//! | clone | O(1) |
//! | the first change after a clone | one copy of root, node and leaf, at most about 5 KiB and 16 bytes a node |
//!
//! Memory: 0.16 bytes a member when dense, 1.6 when one number in ten is a member, 0.8 in clusters of some hundreds; at
//! most 7 before removals.
//!
//! # Trade-offs
//!
//! Numbers cannot enter in the middle. Leaves and nodes do not join when they become small: where one member in
//! thousands is left, it costs some hundred bytes.

use std::fmt;
use std::sync::Arc;

mod bitmap;
mod directory;
mod finger;
mod leaf;
mod list;
mod members;
mod node;
mod range;
mod root;
#[cfg(test)]
mod tests;
mod word;

pub(crate) use finger::Finger;
pub(crate) use range::Range;
use root::Root;

/// A set of numbers from 1 to 4,294,967,295 with rank and select. [The module](self) tells how it works.
#[derive(Clone, Default)]
pub(crate) struct RankTree {
    root: Arc<Root>,
}

impl RankTree {
    /// How many members.
    pub(crate) fn len(&self) -> u32 {
        self.root.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The highest number that ever was a member, 0 for none. Numbers enter above it.
    pub(crate) fn highest_ever(&self) -> u32 {
        self.root.highest_ever()
    }

    /// The largest member.
    pub(crate) fn max(&self) -> Option<u32> {
        self.select(self.len().checked_sub(1)?)
    }

    /// How many members are smaller than `number`, which may be none itself.
    pub(crate) fn rank(&self, number: u32) -> u32 {
        self.root.rank(number)
    }

    /// The rank of a member; `None` when `number` is none.
    #[inline]
    pub(crate) fn position(&self, number: u32) -> Option<u32> {
        self.root.position(number)
    }

    /// Whether `number` is a member.
    pub(crate) fn contains(&self, number: u32) -> bool {
        self.position(number).is_some()
    }

    /// The member that has `rank` smaller ones; `None` from [`len`](Self::len) on.
    #[inline]
    pub(crate) fn select(&self, rank: u32) -> Option<u32> {
        self.root.select(rank)
    }

    /// The members from `first` to `last`, both included, ascending.
    pub(crate) fn range(&self, first: u32, last: u32) -> Range<'_> {
        Range::new(&self.root, first, last)
    }

    /// For many ranks of numbers that are near each other: see [`Finger`].
    pub(crate) fn finger(&self) -> Finger<'_> {
        Finger::new(&self.root)
    }

    /// Adds a number above [`highest_ever`](Self::highest_ever).
    ///
    /// # Errors
    ///
    /// The number, and nothing changes, when it is not above.
    pub(crate) fn push(&mut self, number: u32) -> Result<(), u32> {
        if number <= self.highest_ever() {
            return Err(number);
        }
        Arc::make_mut(&mut self.root).push(number);
        Ok(())
    }

    /// Adds numbers, each above the one before. Faster than [`push`](Self::push) for many.
    ///
    /// # Errors
    ///
    /// The first number that is not above; those before it were added.
    pub(crate) fn extend_ascending(&mut self, numbers: impl IntoIterator<Item = u32>) -> Result<(), u32> {
        Arc::make_mut(&mut self.root).extend(&mut numbers.into_iter().peekable())
    }

    /// Takes a member out; `false`, and nothing changes, when it is none.
    pub(crate) fn remove(&mut self, number: u32) -> bool {
        let Some(leaf) = self.root.find_leaf_with(number) else {
            return false;
        };
        Arc::make_mut(&mut self.root).remove(leaf, number);
        true
    }

    /// Takes many out, given in ascending order, and hands each that was a member to `removed`. A number out of order
    /// may be missed.
    pub(crate) fn remove_ascending(
        &mut self,
        numbers: impl IntoIterator<Item = u32>,
        mut removed: impl FnMut(u32),
    ) {
        let mut numbers = numbers.into_iter().peekable();
        // Nothing is copied from a living clone before the first member is met.
        while let Some(&number) = numbers.peek() {
            if self.contains(number) {
                Arc::make_mut(&mut self.root).remove_ascending(&mut numbers, &mut removed);
                return;
            }
            numbers.next();
        }
    }
}

impl fmt::Debug for RankTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RankTree")
            .field("len", &self.len())
            .field("max", &self.max())
            .finish_non_exhaustive()
    }
}
