//! `Pending`: the expunged messages that still hold a number in some session's view.

use crate::rank_tree::RankTree;

/// Messages expunged from the mailbox but not from a view, with the numbers that they hold there.
///
/// Frozen, and shared by all sessions whose place in the log and whose horizon are the same.
#[derive(Debug)]
pub(crate) struct Pending {
    /// UIDs, ascending.
    uids: Box<[u32]>,
    /// Their message sequence numbers, ascending too: numbers follow the order of UIDs.
    seqs: Box<[u32]>,
}

impl Pending {
    /// `held`, joined with `fresh`: newly read log entries that belong to the view, in any order. `tree` is the index
    /// after all of them.
    ///
    /// O(k log k) for k fresh entries, and their ranks. What was held already keeps its numbers untouched: they cannot
    /// change before the next announcement.
    pub(crate) fn join(held: Option<&Self>, mut fresh: Vec<u32>, tree: &RankTree) -> Self {
        fresh.sort_unstable();
        let total = fresh.len() + held.map_or(0, |held| held.uids.len());
        let (mut uids, mut seqs) = (Vec::with_capacity(total), Vec::with_capacity(total));
        let mut old = held.into_iter().flat_map(Self::iter).peekable();
        let mut tree = tree.finger();
        let mut below = 0; // pending messages with smaller UIDs
        for uid in fresh {
            while let Some((old_uid, old_seq)) = old.next_if(|&(old_uid, _)| old_uid < uid) {
                uids.push(old_uid);
                seqs.push(old_seq);
                below += 1;
            }
            uids.push(uid);
            seqs.push(tree.rank(uid) + below + 1);
            below += 1;
        }
        for (old_uid, old_seq) in old {
            uids.push(old_uid);
            seqs.push(old_seq);
        }
        Self {
            uids: uids.into(),
            seqs: seqs.into(),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        // A view holds at most u32::MAX messages, pending ones among them.
        u32::try_from(self.uids.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.uids.iter().copied().zip(self.seqs.iter().copied())
    }

    pub(crate) fn uids(&self) -> &[u32] {
        &self.uids
    }

    pub(crate) fn seqs(&self) -> &[u32] {
        &self.seqs
    }

    /// `Ok` with the number that the UID holds, or `Err` with how many pending messages have smaller UIDs.
    pub(crate) fn by_uid(&self, uid: u32) -> Result<u32, u32> {
        match self.uids.binary_search(&uid) {
            Ok(place) => Ok(self.seqs[place]),
            Err(place) => Err(u32::try_from(place).unwrap_or(u32::MAX)),
        }
    }

    /// `Ok` with the UID that holds the number, or `Err` with how many pending messages hold smaller numbers.
    pub(crate) fn by_seq(&self, seq: u32) -> Result<u32, u32> {
        match self.seqs.binary_search(&seq) {
            Ok(place) => Ok(self.uids[place]),
            Err(place) => Err(u32::try_from(place).unwrap_or(u32::MAX)),
        }
    }
}
