//! A set of numbers that knows the rank of each (placeholder: a shared sorted vector).

use std::sync::Arc;

/// A set of `u32` with rank and select; a clone is cheap and frozen.
#[derive(Clone, Default, Debug)]
pub struct RankTree {
    members: Arc<Vec<u32>>,
}

impl RankTree {
    /// How many members.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Members smaller than `number`.
    #[must_use]
    pub fn rank(&self, number: u32) -> u32 {
        u32::try_from(self.members.partition_point(|&member| member < number)).unwrap_or(u32::MAX)
    }

    /// The rank of a member; `None` when it is none.
    #[must_use]
    pub fn position(&self, number: u32) -> Option<u32> {
        let rank = self.rank(number);
        (self.select(rank) == Some(number)).then_some(rank)
    }

    /// The member that has `rank` smaller ones.
    #[must_use]
    pub fn select(&self, rank: u32) -> Option<u32> {
        self.members.get(rank as usize).copied()
    }

    /// The largest member.
    #[must_use]
    pub fn max(&self) -> Option<u32> {
        self.members.last().copied()
    }

    /// The members from `first` to `last`, both included, ascending.
    pub fn range(&self, first: u32, last: u32) -> impl Iterator<Item = u32> {
        let from = self.rank(first) as usize;
        self.members[from..]
            .iter()
            .copied()
            .take_while(move |&member| member <= last)
    }

    /// Adds a number above all members; `false`, and nothing changes, when it is not.
    pub fn push(&mut self, number: u32) -> bool {
        let above = self.max().is_none_or(|max| max < number);
        if above {
            Arc::make_mut(&mut self.members).push(number);
        }
        above
    }

    /// Takes a member out; `false` when it is none.
    pub fn remove(&mut self, number: u32) -> bool {
        let position = self.position(number);
        if let Some(position) = position {
            Arc::make_mut(&mut self.members).remove(position as usize);
        }
        position.is_some()
    }

    /// Takes all these out, in ascending order; hands over each that was a member.
    pub fn remove_ascending(&mut self, numbers: impl IntoIterator<Item = u32>, mut removed: impl FnMut(u32)) {
        for number in numbers {
            if self.remove(number) {
                removed(number);
            }
        }
    }
}
