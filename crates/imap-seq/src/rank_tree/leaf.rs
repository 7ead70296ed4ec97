//! A leaf: a bitmap where members are dense, a list where they are not.

use std::iter::Peekable;
use std::sync::Arc;

use super::bitmap::{Bitmap, SPAN};
use super::list::{CAPACITY, List};

#[derive(Clone, Default)]
pub(super) enum Leaf {
    Bitmap(Arc<Bitmap>),
    List(Arc<List>),
    /// Fills the unused places of a node.
    #[default]
    Vacant,
}

impl Leaf {
    pub(super) fn of_one(number: u32) -> Self {
        Self::List(Arc::new(List::of_one(number)))
    }

    pub(super) fn count(&self) -> u32 {
        match self {
            Self::Bitmap(bitmap) => bitmap.count(),
            // A list holds at most 256.
            Self::List(list) => u32::try_from(list.members().len()).unwrap_or(0),
            Self::Vacant => 0,
        }
    }

    #[inline]
    pub(super) fn rank(&self, number: u32) -> u32 {
        match self {
            Self::Bitmap(bitmap) => bitmap.rank(number),
            Self::List(list) => list.rank(number),
            Self::Vacant => 0,
        }
    }

    #[inline]
    pub(super) fn position(&self, number: u32) -> Option<u32> {
        match self {
            Self::Bitmap(bitmap) => bitmap.position(number),
            Self::List(list) => list.position(number),
            Self::Vacant => None,
        }
    }

    #[inline]
    pub(super) fn select(&self, rank: u32) -> Option<u32> {
        match self {
            Self::Bitmap(bitmap) => Some(bitmap.select(rank)),
            Self::List(list) => list.members().get(rank as usize).copied(),
            Self::Vacant => None,
        }
    }

    /// Adds the next numbers while they ascend and this leaf is the place for them; `last` is the number before them.
    /// Gives the last one added.
    pub(super) fn fill(&mut self, last: u32, numbers: &mut Peekable<impl Iterator<Item = u32>>) -> u32 {
        let last = match self {
            Self::List(list) => Arc::make_mut(list).fill(last, numbers),
            Self::Bitmap(_) | Self::Vacant => last,
        };
        self.become_bitmap(numbers.peek().copied().filter(|&next| next > last));
        match self {
            Self::Bitmap(bitmap)
                if numbers
                    .peek()
                    .is_some_and(|&next| next > last && bitmap.spans(next)) =>
            {
                Arc::make_mut(bitmap).fill(last, numbers)
            }
            _ => last,
        }
    }

    /// A list that is full, all of it and the next number inside one span, is better a bitmap.
    fn become_bitmap(&mut self, next: Option<u32>) {
        let Self::List(list) = self else { return };
        let members = list.members();
        if members.len() == CAPACITY && next.is_some_and(|next| next / SPAN == members[0] / SPAN) {
            *self = Self::Bitmap(Arc::new(Bitmap::from_list(members)));
        }
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, member: u32) {
        match self {
            Self::Bitmap(bitmap) => Arc::make_mut(bitmap).remove(member),
            Self::List(list) => Arc::make_mut(list).remove(member),
            Self::Vacant => {}
        }
    }

    /// Takes out what comes below `until`; hands over what was a member.
    pub(super) fn remove_below(
        &mut self,
        until: u64,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        // A leaf that a clone shares is copied only when a member of it leaves.
        while numbers
            .next_if(|&number| u64::from(number) < until && self.position(number).is_none())
            .is_some()
        {}
        if numbers.peek().is_none_or(|&number| u64::from(number) >= until) {
            return;
        }
        match self {
            Self::Bitmap(bitmap) => Arc::make_mut(bitmap).remove_below(until, numbers, removed),
            Self::List(list) => Arc::make_mut(list).remove_below(until, numbers, removed),
            Self::Vacant => {}
        }
    }
}
