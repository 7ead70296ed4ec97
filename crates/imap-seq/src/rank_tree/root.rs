//! The root: all nodes.

use std::iter::Peekable;
use std::sync::Arc;

use super::bitmap::SPAN;
use super::directory;
use super::node::{FANOUT, Node};

#[derive(Clone, Default)]
pub(super) struct Root {
    children: Vec<Child>,
    count: u32,
    highest_ever: u32,
    nodes_per_member: u64,
    nodes_per_number: u64,
    /// The key of the first node. It is repeated here so that a lookup need not load the first child.
    first_key: u32,
}

#[derive(Clone)]
struct Child {
    /// The first number that the node may hold.
    key: u32,
    /// Members before the node.
    before: u32,
    node: Arc<Node>,
}

/// A node and one of its leaves.
#[derive(Clone, Copy)]
pub(super) struct LeafIndex {
    pub(super) node: usize,
    pub(super) leaf: usize,
}

impl Root {
    pub(super) fn len(&self) -> u32 {
        self.count
    }

    pub(super) fn highest_ever(&self) -> u32 {
        self.highest_ever
    }

    pub(super) fn node(&self, node: usize) -> Option<&Node> {
        Some(&self.children.get(node)?.node)
    }

    pub(super) fn before(&self, node: usize) -> u32 {
        self.children[node].before
    }

    /// The number at which the node after this one begins; `None` for the last.
    pub(super) fn key_after(&self, node: usize) -> Option<u32> {
        Some(self.children.get(node + 1)?.key)
    }

    /// The rank of a member. Tries the leaf that holds the number if no span before it is without members. The search
    /// behind a wrong guess is a function of its own, so that this one needs few registers.
    #[inline]
    pub(super) fn position(&self, number: u32) -> Option<u32> {
        let span = (number / SPAN).wrapping_sub(self.first_key / SPAN) as usize;
        let (node, leaf) = (span / FANOUT, span % FANOUT);
        if directory::holds(&self.children, |child| child.key, number, node) {
            let child = &self.children[node];
            if let Some((bitmap, key, before)) = child.node.bitmap_of(number, leaf) {
                return Some(child.before + before + bitmap.position(number, key)?);
            }
        }
        self.search_position(number)
    }

    #[inline(never)]
    fn search_position(&self, number: u32) -> Option<u32> {
        let LeafIndex { node, leaf } = self.find_leaf(number)?;
        let Child { before, node, .. } = &self.children[node];
        Some(before + node.before(leaf) + node.leaves()[leaf].position(number, node.key(leaf))?)
    }

    /// The member with `rank` smaller ones. Tries the leaf that holds it if members are spread evenly.
    #[inline]
    pub(super) fn select(&self, rank: u32) -> Option<u32> {
        if rank >= self.count {
            return None;
        }
        let guess = directory::guess(rank, self.nodes_per_member);
        if directory::holds(&self.children, |child| child.before, rank, guess) {
            let child = &self.children[guess];
            let rank = rank - child.before;
            if let Some((bitmap, key, count, before)) = child.node.bitmap_with(rank)
                && let Some(member) = bitmap.select_near(rank - before, count, key)
            {
                return Some(member);
            }
        }
        self.search_select(rank)
    }

    #[inline(never)]
    fn search_select(&self, rank: u32) -> Option<u32> {
        let guess = directory::guess(rank, self.nodes_per_member);
        let node = directory::among_many(&self.children, |child| child.before, rank, guess)?;
        let Child { before, node, .. } = &self.children[node];
        node.select(rank - before)
    }

    pub(super) fn rank(&self, number: u32) -> u32 {
        self.find_leaf(number).map_or(0, |LeafIndex { node, leaf }| {
            let Child { before, node, .. } = &self.children[node];
            before + node.before(leaf) + node.leaves()[leaf].rank(number, node.key(leaf))
        })
    }

    /// The leaf that holds a number if any does.
    ///
    /// The guess takes nodes for equally wide, which is nearly true where gaps are spread evenly, and assumes that no leaf
    /// of the node is missing.
    pub(super) fn find_leaf(&self, number: u32) -> Option<LeafIndex> {
        let guess = directory::guess(number.wrapping_sub(self.first_key), self.nodes_per_number);
        let node = directory::among_many(&self.children, |child| child.key, number, guess)?;
        let Child { key, node: child, .. } = &self.children[node];
        let leaf = child.leaf_of(number, (number / SPAN - key / SPAN) as usize)?;
        Some(LeafIndex { node, leaf })
    }

    pub(super) fn find_leaf_with(&self, number: u32) -> Option<LeafIndex> {
        let place = self.find_leaf(number)?;
        let node = self.node(place.node)?;
        node.leaves()[place.leaf].position(number, node.key(place.leaf))?;
        Some(place)
    }

    /// Adds one number; it is above all that ever were members.
    pub(super) fn push(&mut self, number: u32) {
        let last = self.highest_ever;
        if !self
            .children
            .last_mut()
            .is_some_and(|child| Arc::make_mut(&mut child.node).push(number, last))
        {
            self.add_node(number);
        }
        self.count += 1;
        self.highest_ever = number;
        self.update_last_key();
        self.update_guesses();
    }

    /// Adds numbers while they ascend; the first that does not is the error.
    pub(super) fn extend(&mut self, numbers: &mut Peekable<impl Iterator<Item = u32>>) -> Result<(), u32> {
        loop {
            if let Some(child) = self.children.last_mut() {
                self.highest_ever = Arc::make_mut(&mut child.node).fill(self.highest_ever, numbers);
            }
            let Some(number) = numbers.next_if(|&number| number > self.highest_ever) else {
                break;
            };
            self.add_node(number);
            self.highest_ever = number;
        }
        self.recount();
        numbers.peek().map_or(Ok(()), |&number| Err(number))
    }

    /// Takes a member out of its place.
    pub(super) fn remove(&mut self, place: LeafIndex, member: u32) {
        let child = &mut self.children[place.node];
        let node = Arc::make_mut(&mut child.node);
        node.remove(place.leaf, member);
        child.key = node.first_key();
        let empty = node.count() == 0;
        for child in &mut self.children[place.node + 1..] {
            child.before -= 1;
        }
        self.count -= 1;
        if empty {
            self.children.remove(place.node);
        }
        self.update_guesses();
    }

    /// Takes out all that come; hands over what was a member.
    pub(super) fn remove_ascending(
        &mut self,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        while let Some(&number) = numbers.peek() {
            // A node that a clone shares is copied only when a member of it leaves.
            let Some(place) = self.find_leaf_with(number) else {
                numbers.next();
                continue;
            };
            let until = self.key_after(place.node).map_or(1 << 32, u64::from);
            let child = &mut self.children[place.node];
            Arc::make_mut(&mut child.node).remove_below(until, numbers, removed);
        }
        self.children.retain(|child| child.node.count() > 0);
        self.recount();
    }

    fn add_node(&mut self, number: u32) {
        self.children.push(Child {
            key: number,
            before: self.count,
            node: Arc::new(Node::of_one(number)),
        });
    }

    /// The key of a node rises when its first leaf becomes a bitmap.
    fn update_last_key(&mut self) {
        if let Some(child) = self.children.last_mut() {
            child.key = child.node.first_key();
        }
    }

    fn recount(&mut self) {
        self.count = 0;
        for child in &mut self.children {
            child.key = child.node.first_key();
            child.before = self.count;
            self.count += child.node.count();
        }
        self.update_guesses();
    }

    /// Must follow each change: the guesses of a node are computed from what this stores.
    fn update_guesses(&mut self) {
        let (Some(first), Some(last)) = (self.children.first(), self.children.last()) else {
            return;
        };
        // The last node is left out where there are others: it is not full yet.
        let full = self.children.len() - 1;
        self.first_key = first.key;
        self.nodes_per_member = directory::per_member(full, last.before);
        self.nodes_per_number = directory::per_member(full, last.key - first.key);
    }
}
