//! A leaf: a bitmap where members are near each other, a list where they are not.
//!
//! Every leaf has a key, the first number that it may hold; the node keeps it, and hands it in where it is needed.

use std::iter::Peekable;

use super::bitmap::Bitmap;
use super::list::List;
use super::members::Members;

/// 24 bytes; what lies behind them is shared with clones.
#[derive(Clone, Default)]
pub(super) enum Leaf {
    Bitmap(Bitmap),
    /// And how many members it has.
    List(List, u16),
    /// Fills the unused places of a node.
    #[default]
    Vacant,
}

impl Leaf {
    pub(super) fn of_one(number: u32) -> Self {
        let (list, len) = List::of_members(&[number]);
        Self::List(list, len)
    }

    pub(super) fn count(&self) -> u32 {
        match self {
            Self::Bitmap(bitmap) => bitmap.count(),
            Self::List(_, len) => u32::from(*len),
            Self::Vacant => 0,
        }
    }

    #[inline]
    pub(super) fn rank(&self, number: u32, key: u32) -> u32 {
        match self {
            Self::Bitmap(bitmap) => bitmap.rank(number, key),
            Self::List(list, _) => list.rank(number),
            Self::Vacant => 0,
        }
    }

    #[inline]
    pub(super) fn position(&self, number: u32, key: u32) -> Option<u32> {
        match self {
            Self::Bitmap(bitmap) => bitmap.position(number, key),
            Self::List(list, len) => list.position(*len, number),
            Self::Vacant => None,
        }
    }

    /// The member with `rank` smaller ones in this leaf; `rank` is below its count.
    pub(super) fn select(&self, rank: u32, key: u32) -> Option<u32> {
        match self {
            Self::Bitmap(bitmap) => Some(bitmap.select(rank, key)),
            Self::List(list, len) => list.members(*len).get(rank as usize).copied(),
            Self::Vacant => None,
        }
    }

    /// The members from `first` on, ascending.
    pub(super) fn members_from(&self, first: u32, key: u32) -> Members<'_> {
        match self {
            Self::Bitmap(bitmap) => Members::of_bitmap(bitmap, first, key),
            Self::List(list, len) => Members::List(list.members(*len)[list.rank(first) as usize..].iter()),
            Self::Vacant => Members::none(),
        }
    }

    /// Adds a number above `last`, the newest one; `false`, and nothing changes, when this leaf is not the place for it.
    pub(super) fn push(&mut self, number: u32, last: u32, key: u32) -> bool {
        match self {
            Self::Bitmap(bitmap) => bitmap.push(number, last, key),
            Self::List(list, len) => list.push(len, number),
            Self::Vacant => false,
        }
    }

    /// Adds the next numbers while they ascend and this leaf is the place for them; `last` is the number before them.
    /// Gives the last one added.
    pub(super) fn fill(
        &mut self,
        last: u32,
        key: u32,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
    ) -> u32 {
        match self {
            Self::Bitmap(bitmap) => bitmap.fill(last, key, numbers),
            Self::List(list, len) => list.fill(len, last, numbers),
            Self::Vacant => last,
        }
    }

    /// Takes the newest members out of a list when a bitmap is better for them, and gives that bitmap with its key.
    /// Where the node has no `room` for one more leaf, it happens only if the list is empty afterwards.
    pub(super) fn split_run(&mut self, room: bool) -> Option<(u32, Self)> {
        let Self::List(list, len) = self else { return None };
        let run = list.run(*len)?;
        let rest = usize::from(*len) - run.len();
        if rest > 0 && !room {
            return None;
        }
        let (key, bitmap) = (run[0], Bitmap::from_run(run));
        list.truncate(len, rest);
        Some((key, Self::Bitmap(bitmap)))
    }

    /// A bitmap of which few members are left becomes a list; `left` is how many there are after the removal.
    ///
    /// A mailbox of a million of which one message in a thousand is left takes 14 KB with this, and 160 KB without. It
    /// costs 26 instructions an expunge.
    pub(super) fn thin_out(&mut self, left: u32, key: u32) {
        if let Self::Bitmap(bitmap) = self
            && List::is_half_of(bitmap.size(), left)
        {
            let (list, len) = List::of_members(&self.members_from(key, key).collect::<Vec<_>>());
            *self = Self::List(list, len);
        }
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, member: u32, key: u32) {
        match self {
            Self::Bitmap(bitmap) => bitmap.remove(member, key),
            Self::List(list, len) => list.remove(len, member),
            Self::Vacant => {}
        }
    }

    /// Takes out what comes below `until`; hands over what was a member.
    pub(super) fn remove_below(
        &mut self,
        until: u64,
        key: u32,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        // A leaf that a clone shares is copied only when a member of it leaves.
        while numbers
            .next_if(|&number| u64::from(number) < until && self.position(number, key).is_none())
            .is_some()
        {}
        if numbers.peek().is_none_or(|&number| u64::from(number) >= until) {
            return;
        }
        match self {
            Self::Bitmap(bitmap) => bitmap.remove_below(until, key, numbers, removed),
            Self::List(list, len) => list.remove_below(len, until, numbers, removed),
            Self::Vacant => {}
        }
    }
}
