//! Which message is above which, while links come and go: a link-cut tree (Sleator and Tarjan).
//!
//! Whether a link would close a circle has to be asked for each reference of each message. Going up from a message answers
//! it too, but mail can be written so that this takes a hundred thousand steps each time. Here it takes O(log n) steps on
//! the average of all, whatever is linked and unlinked.

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// A forest. Each tree is cut into paths that lead down, and each path is a splay tree, in the order from top to bottom.
#[derive(Debug, Default)]
pub(super) struct Links {
    nodes: Vec<Link>,
}

/// 12 octets.
#[derive(Debug, Clone, Copy)]
struct Link {
    /// The splay tree above this node on its path.
    left: u32,
    /// Below.
    right: u32,
    /// The parent in the splay tree. At its root, the node above the whole path.
    up: u32,
}

impl Links {
    /// A new node, alone.
    pub(super) fn push(&mut self) {
        self.nodes.push(Link {
            left: NONE,
            right: NONE,
            up: NONE,
        });
    }

    /// Puts a node that has no parent, and all below it, below another.
    pub(super) fn link(&mut self, child: u32, parent: u32) {
        let Link { left, right, up } = *self.at(child);
        if (left, right, up) != (NONE, NONE, NONE) {
            self.expose(child);
            self.expose(parent);
        }
        self.at_mut(child).up = parent;
    }

    /// Takes a node, and all below it, away from its parent.
    pub(super) fn cut(&mut self, child: u32) {
        self.expose(child);
        let above = self.at(child).left;
        if above != NONE {
            self.at_mut(above).up = NONE;
            self.at_mut(child).left = NONE;
        }
    }

    /// Whether a node is another, or below it.
    pub(super) fn is_below(&mut self, node: u32, other: u32) -> bool {
        if node == other {
            return true;
        }
        self.expose(node);
        self.splay(other);
        // `node` was the root of the splay tree of its whole path. It is no longer, if `other` is on that path.
        self.at(node).up != NONE
    }

    fn at(&self, node: u32) -> &Link {
        &self.nodes[node as usize]
    }

    fn at_mut(&mut self, node: u32) -> &mut Link {
        &mut self.nodes[node as usize]
    }

    /// Makes the way from the top to a node one path, which ends there, with the node at the root of its splay tree.
    fn expose(&mut self, node: u32) {
        let (mut below, mut at) = (NONE, node);
        while at != NONE {
            self.splay(at);
            self.at_mut(at).right = below;
            (below, at) = (at, self.at(at).up);
        }
        self.splay(node);
    }

    fn is_root(&self, node: u32) -> bool {
        let up = self.at(node).up;
        up == NONE || (self.at(up).left != node && self.at(up).right != node)
    }

    fn splay(&mut self, node: u32) {
        while !self.is_root(node) {
            let up = self.at(node).up;
            if !self.is_root(up) {
                let above = self.at(up).up;
                let straight = (self.at(up).left == node) == (self.at(above).left == up);
                self.rotate(if straight { up } else { node });
            }
            self.rotate(node);
        }
    }

    /// Puts a node in the place of its parent in the splay tree.
    fn rotate(&mut self, node: u32) {
        let up = self.at(node).up;
        let above = self.at(up).up;
        let is_root = self.is_root(up);
        let inner = if self.at(up).left == node {
            let inner = self.at(node).right;
            self.at_mut(up).left = inner;
            self.at_mut(node).right = up;
            inner
        } else {
            let inner = self.at(node).left;
            self.at_mut(up).right = inner;
            self.at_mut(node).left = up;
            inner
        };
        if inner != NONE {
            self.at_mut(inner).up = up;
        }
        if !is_root {
            if self.at(above).left == up {
                self.at_mut(above).left = node;
            } else {
                self.at_mut(above).right = node;
            }
        }
        self.at_mut(up).up = node;
        self.at_mut(node).up = above;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_below_what_is_as_going_up_step_by_step_says(steps in prop::collection::vec((0..3u8, 0..12u32, 0..12u32), 0..120)) {
            let mut links = Links::default();
            let mut parents = [NONE; 12];
            (0..12).for_each(|_| links.push());
            for (what, one, other) in steps {
                let mut up = one;
                while up != other && up != NONE {
                    up = parents[up as usize];
                }
                match what {
                    0 if parents[other as usize] == NONE && up != other => {
                        links.link(other, one);
                        parents[other as usize] = one;
                    }
                    1 => {
                        links.cut(one);
                        parents[one as usize] = NONE;
                    }
                    _ => prop_assert_eq!(links.is_below(one, other), up == other),
                }
            }
        }
    }
}
