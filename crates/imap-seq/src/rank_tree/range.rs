//! Members in order.

use std::fmt;

use super::bitmap::Bitmap;
use super::leaf::Leaf;
use super::root::{Place, Root};

/// The members between two numbers, ascending; from [`RankTree::range`](super::RankTree::range).
#[derive(Clone)]
pub struct Range<'a> {
    root: &'a Root,
    /// The leaf after the current one.
    next: Place,
    leaf: Members<'a>,
    last: u32,
}

/// The rest of one leaf, ascending.
#[derive(Clone)]
pub(super) enum Members<'a> {
    /// A word's remaining bits, and the number of its lowest.
    Bitmap {
        bitmap: &'a Bitmap,
        key: u32,
        word: usize,
        bits: u64,
        base: u32,
    },
    List(std::slice::Iter<'a, u32>),
}

impl<'a> Range<'a> {
    pub(super) fn new(root: &'a Root, first: u32, last: u32) -> Self {
        let start = Place { node: 0, leaf: 0 };
        let mut range = Self {
            root,
            next: root.place_of(first).unwrap_or(start),
            leaf: Members::List([].iter()),
            last,
        };
        range.enter(first);
        range
    }

    /// Goes on in the next leaf, at `first` or above; `None` behind the last leaf.
    fn enter(&mut self, first: u32) -> Option<()> {
        let mut node = self.root.node(self.next.node)?;
        if self.next.leaf >= node.leaves().len() {
            self.next = Place {
                node: self.next.node + 1,
                leaf: 0,
            };
            node = self.root.node(self.next.node)?;
        }
        self.leaf = Members::new(&node.leaves()[self.next.leaf], first, node.key(self.next.leaf));
        self.next.leaf += 1;
        Some(())
    }
}

impl<'a> Members<'a> {
    /// From `first` on. `key` is the leaf's.
    pub(super) fn new(leaf: &'a Leaf, first: u32, key: u32) -> Self {
        match leaf {
            Leaf::Bitmap(bitmap) => {
                let (word, bits) = bitmap.word_from(first, key);
                let (_, base) = bitmap.word(word, key).unwrap_or((0, 0));
                Self::Bitmap {
                    bitmap,
                    key,
                    word,
                    bits,
                    base,
                }
            }
            Leaf::List(list, len) => Self::List(list.members(*len)[list.rank(first) as usize..].iter()),
            Leaf::Vacant => Self::List([].iter()),
        }
    }
}

impl Iterator for Members<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        match self {
            Self::List(members) => members.next().copied(),
            Self::Bitmap {
                bitmap,
                key,
                word,
                bits,
                base,
            } => {
                while *bits == 0 {
                    *word += 1;
                    (*bits, *base) = bitmap.word(*word, *key)?;
                }
                let number = *base + bits.trailing_zeros();
                *bits &= *bits - 1;
                Some(number)
            }
        }
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
