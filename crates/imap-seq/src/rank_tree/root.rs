//! The root: all nodes.

use std::iter::Peekable;
use std::sync::Arc;

use super::directory;
use super::node::Node;

#[derive(Clone, Default)]
pub(super) struct Root {
    /// The key of the first node, beside the rest so that a lookup does not wait for it.
    first_key: u32,
    /// The first number that each node may hold.
    keys: Vec<u32>,
    /// Members before each node.
    befores: Vec<u32>,
    nodes: Vec<Arc<Node>>,
    count: u32,
    highest_ever: u32,
    nodes_per_member: u64,
    nodes_per_number: u64,
}

/// Where a member is: node and leaf.
#[derive(Clone, Copy)]
pub(super) struct Place {
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

    pub(super) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    pub(super) fn key(&self, node: usize) -> u32 {
        self.keys[node]
    }

    pub(super) fn before(&self, node: usize) -> u32 {
        self.befores[node]
    }

    /// The number at which the node after this one begins; `None` for the last.
    pub(super) fn key_after(&self, node: usize) -> Option<u32> {
        self.keys.get(node + 1).copied()
    }

    /// The node that holds a number if any does. Guessed as if nodes were equally wide: exact when no leaf is missing,
    /// and near when gaps are spread evenly.
    #[inline]
    pub(super) fn node_of(&self, number: u32) -> Option<usize> {
        let guess = directory::guess(number.wrapping_sub(self.first_key), self.nodes_per_number);
        directory::among_many(&self.keys, number, guess)
    }

    #[inline]
    pub(super) fn rank(&self, number: u32) -> u32 {
        self.node_of(number).map_or(0, |node| {
            self.befores[node] + self.nodes[node].rank(number, self.keys[node])
        })
    }

    #[inline]
    pub(super) fn position(&self, number: u32) -> Option<u32> {
        let node = self.node_of(number)?;
        Some(self.befores[node] + self.nodes[node].position(number, self.keys[node])?)
    }

    #[inline]
    pub(super) fn select(&self, rank: u32) -> Option<u32> {
        if rank >= self.count {
            return None;
        }
        let node = directory::among_many(&self.befores, rank, directory::guess(rank, self.nodes_per_member))?;
        self.nodes[node].select(rank - self.befores[node])
    }

    pub(super) fn place_of_member(&self, number: u32) -> Option<Place> {
        let node = self.node_of(number)?;
        let leaf = self.nodes[node].leaf_of(number, self.keys[node])?;
        self.nodes[node].leaves()[leaf].position(number)?;
        Some(Place { node, leaf })
    }

    /// Adds one number; it is above all that ever were members.
    pub(super) fn push(&mut self, number: u32) {
        if !self
            .nodes
            .last_mut()
            .is_some_and(|node| Arc::make_mut(node).push(number))
        {
            self.befores.push(self.count);
            self.add_node(number);
        }
        self.count += 1;
        self.highest_ever = number;
        self.guess_anew();
    }

    /// Adds numbers while they ascend; the first that does not is the error.
    pub(super) fn extend(&mut self, numbers: &mut Peekable<impl Iterator<Item = u32>>) -> Result<(), u32> {
        loop {
            if let Some(node) = self.nodes.last_mut() {
                self.highest_ever = Arc::make_mut(node).fill(self.highest_ever, numbers);
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
    pub(super) fn remove(&mut self, place: Place, member: u32) {
        let node = Arc::make_mut(&mut self.nodes[place.node]);
        node.remove(place.leaf, member);
        let empty = node.count() == 0;
        self.keys[place.node] = node.first_key();
        for before in &mut self.befores[place.node + 1..] {
            *before -= 1;
        }
        self.count -= 1;
        if empty {
            self.drop_empty();
        }
        self.guess_anew();
    }

    /// Takes out all that come; hands over what was a member.
    pub(super) fn remove_ascending(
        &mut self,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        while let Some(&number) = numbers.peek() {
            // A node that a clone shares is copied only when a member of it leaves.
            let Some(place) = self.place_of_member(number) else {
                numbers.next();
                continue;
            };
            let until = self.key_after(place.node).map_or(1 << 32, u64::from);
            Arc::make_mut(&mut self.nodes[place.node]).remove_below(until, numbers, removed);
        }
        self.drop_empty();
        self.recount();
    }

    fn add_node(&mut self, number: u32) {
        self.keys.push(number);
        self.nodes.push(Arc::new(Node::of_one(number)));
    }

    fn drop_empty(&mut self) {
        let mut kept = 0;
        for node in 0..self.nodes.len() {
            if self.nodes[node].count() > 0 {
                self.nodes.swap(kept, node);
                self.keys[kept] = self.nodes[kept].first_key();
                self.befores[kept] = self.befores[node];
                kept += 1;
            }
        }
        self.nodes.truncate(kept);
        self.keys.truncate(kept);
        self.befores.truncate(kept);
    }

    fn recount(&mut self) {
        self.count = 0;
        self.befores.clear();
        for node in &self.nodes {
            self.befores.push(self.count);
            self.count += node.count();
        }
        self.guess_anew();
    }

    fn guess_anew(&mut self) {
        self.first_key = self.keys.first().copied().unwrap_or(0);
        self.nodes_per_member = directory::per_member(self.nodes.len(), self.count);
        let span = self.keys.last().copied().unwrap_or(0) - self.first_key;
        self.nodes_per_number = directory::per_member(self.nodes.len().saturating_sub(1), span);
    }
}
