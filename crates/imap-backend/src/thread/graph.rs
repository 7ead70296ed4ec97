//! Which message answers which (RFC 5256, section 3, REFERENCES, step 1).

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::links::{Links, NONE};
use crate::search::pace::Pace;

/// References name messages that are not there. So many of them are remembered for each message that is, and [`MISSING`]
/// besides; a reference to another one beyond that is passed over, as if a mailer had cut it away. A mailbox of real mail
/// has far fewer.
const MISSING_EACH: usize = 3;
const MISSING: usize = 100_000;

/// The messages by their IDs, and what they answer.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    /// Nodes by their IDs.
    ids: HashTable<u32>,
    links: Links,
    hashers: [RandomState; 2],
    messages: usize,
}

/// A message that is there, or one that was named: 32 octets, and 12 in [`Links`], and 5 to 10 in the table.
#[derive(Debug)]
struct Node {
    /// A hash of 128 bits under a key that nobody knows stands for the ID.
    id: [u64; 2],
    parent: u32,
    /// The number of the message, if it is there.
    message: u32,
    /// Whether another node has ever been put below it.
    has_children: bool,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Above {
    /// Nothing is above it.
    Nothing,
    /// A message, by its number.
    Message(u32),
    /// Several messages stand below one that is not there; a number for that one.
    Missing(u32),
}

impl Graph {
    /// The next message, with its own ID, if it has one, and those of the messages that it answers, oldest first.
    pub(super) fn add<Id: AsRef<[u8]>>(
        &mut self,
        id: Option<impl AsRef<[u8]>>,
        ancestors: impl Iterator<Item = Id>,
    ) {
        let message = self.message(id);
        let mut before = NONE;
        for id in ancestors {
            let Some(named) = self.named(id.as_ref()) else {
                continue;
            };
            // Step 1 (A).
            if before != NONE && self.at(named).parent == NONE {
                self.link(named, before);
            }
            before = named;
        }
        // Step 1 (B).
        let parent = self.at(message).parent;
        if parent != before {
            if parent != NONE {
                self.links.cut(message);
                self.at_mut(message).parent = NONE;
            }
            if before != NONE {
                self.link(message, before);
            }
        }
    }

    /// What stands above each message once those that are not there are gone (steps 2 and 3).
    pub(super) async fn finish(self, pace: &mut Pace) -> Vec<Above> {
        let Self {
            nodes,
            messages,
            links,
            ids,
            ..
        } = self;
        drop((links, ids));
        let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        // The nearest message that is there, or else the topmost that is not.
        let up = |node: u32| {
            let node = &nodes[node as usize];
            (node.message == NONE && node.parent != NONE).then_some(node.parent)
        };
        let stops = top_of_each(count, up, pace).await;
        let mut below = vec![0_u32; nodes.len()];
        for node in nodes.iter().filter(|node| node.message != NONE) {
            if node.parent != NONE {
                below[stops[node.parent as usize] as usize] += 1;
            }
            pace.after(STEP).await;
        }
        let mut above = vec![Above::Nothing; messages];
        for node in nodes.iter().filter(|node| node.message != NONE) {
            if node.parent != NONE {
                let stop = stops[node.parent as usize];
                above[node.message as usize] = match nodes[stop as usize].message {
                    // Only a child that is alone may take the place at the top.
                    NONE if below[stop as usize] < 2 => Above::Nothing,
                    NONE => Above::Missing(stop),
                    message => Above::Message(message),
                };
            }
            pace.after(STEP).await;
        }
        above
    }

    /// The node of the next message. If another message has the same ID, it counts as one without.
    fn message(&mut self, id: Option<impl AsRef<[u8]>>) -> u32 {
        let number = u32::try_from(self.messages).unwrap_or(u32::MAX);
        self.messages += 1;
        let id = id.map(|id| self.hash(id.as_ref()));
        let node = match id {
            Some(id) => self.find(id).unwrap_or_else(|| self.insert(id)),
            None => self.push([0; 2]),
        };
        let node = match self.at(node).message {
            NONE => node,
            _ => self.push([0; 2]),
        };
        self.at_mut(node).message = number;
        node
    }

    /// The node of a message that is referred to. `None` where it is not known, and too many are not.
    fn named(&mut self, id: &[u8]) -> Option<u32> {
        let id = self.hash(id);
        if let Some(node) = self.find(id) {
            return Some(node);
        }
        let missing = self.nodes.len() - self.messages.min(self.nodes.len());
        (missing < MISSING + MISSING_EACH * self.messages).then(|| self.insert(id))
    }

    /// Links, unless that would close a circle.
    fn link(&mut self, child: u32, parent: u32) {
        let is_circle = match self.at(child).has_children {
            true => self.links.is_below(parent, child),
            false => child == parent,
        };
        if !is_circle {
            self.links.link(child, parent);
            self.at_mut(child).parent = parent;
            self.at_mut(parent).has_children = true;
        }
    }

    fn hash(&self, id: &[u8]) -> [u64; 2] {
        self.hashers.each_ref().map(|hasher| hasher.hash_one(id))
    }

    fn find(&self, id: [u64; 2]) -> Option<u32> {
        self.ids.find(id[0], |&node| self.at(node).id == id).copied()
    }

    fn insert(&mut self, id: [u64; 2]) -> u32 {
        let node = self.push(id);
        let Self { nodes, ids, .. } = self;
        ids.insert_unique(id[0], node, |&node| nodes[node as usize].id[0]);
        node
    }

    fn push(&mut self, id: [u64; 2]) -> u32 {
        let node = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.links.push();
        self.nodes.push(Node {
            id,
            parent: NONE,
            message: NONE,
            has_children: false,
        });
        node
    }

    fn at(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    fn at_mut(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }
}

/// What it takes to look at one node, as much as so many octets of text; see [`Pace`].
pub(super) const STEP: usize = 16;

/// Where going up from each of so many ends. Each step is gone once, so that it is O(n) however deep it is.
pub(super) async fn top_of_each(
    count: u32,
    up: impl Fn(u32) -> Option<u32> + Send,
    pace: &mut Pace,
) -> Vec<u32> {
    let mut tops = vec![NONE; count as usize];
    let mut way = Vec::new();
    for start in 0..count {
        let mut at = start;
        let top = loop {
            match tops[at as usize] {
                NONE => {}
                top => break top,
            }
            way.push(at);
            pace.after(STEP).await;
            match up(at) {
                Some(next) => at = next,
                None => break at,
            }
        };
        for passed in way.drain(..) {
            tops[passed as usize] = top;
        }
    }
    tops
}
