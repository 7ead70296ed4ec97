//! The members between two numbers, leaf by leaf.

use std::fmt;

use super::members::Members;
use super::root::{LeafIndex, Root};

/// The members between two numbers, ascending; from [`RankTree::range`](super::RankTree::range).
#[derive(Clone)]
pub(crate) struct Range<'a> {
    root: &'a Root,
    /// The leaf after the current one.
    next: LeafIndex,
    leaf: Members<'a>,
    last: u32,
}

impl<'a> Range<'a> {
    pub(super) fn new(root: &'a Root, first: u32, last: u32) -> Self {
        let start = LeafIndex { node: 0, leaf: 0 };
        let mut range = Self {
            root,
            next: root.find_leaf(first).unwrap_or(start),
            leaf: Members::none(),
            last,
        };
        range.enter(first);
        range
    }

    /// Goes on in the next leaf, at `first` or above; `None` behind the last leaf.
    fn enter(&mut self, first: u32) -> Option<()> {
        let mut node = self.root.node(self.next.node)?;
        if self.next.leaf >= node.leaves().len() {
            self.next = LeafIndex {
                node: self.next.node + 1,
                leaf: 0,
            };
            node = self.root.node(self.next.node)?;
        }
        self.leaf = node.leaves()[self.next.leaf].members_from(first, node.key(self.next.leaf));
        self.next.leaf += 1;
        Some(())
    }
}

impl Iterator for Range<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        loop {
            if let Some(number) = self.leaf.next() {
                return (number <= self.last).then_some(number);
            }
            self.enter(0)?;
        }
    }
}

impl fmt::Debug for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Range")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
