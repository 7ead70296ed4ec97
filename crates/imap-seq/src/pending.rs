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
    /// O(k log k) for k fresh entries, and k ranks. What was held keeps its numbers: they cannot change before the next
    /// announcement.
    pub(crate) fn join(held: Option<&Self>, mut fresh: Vec<u32>, tree: &RankTree) -> Self {
        fresh.sort_unstable();
        let mut tree = tree.finger();
        let Some(held) = held else {
            let seqs = (1..)
                .zip(&fresh)
                .map(|(place, &uid)| tree.rank(uid) + place)
                .collect();
            return Self {
                uids: fresh.into(),
                seqs,
            };
        };
        let total = fresh.len() + held.uids.len();
        let (mut uids, mut seqs) = (Vec::with_capacity(total), Vec::with_capacity(total));
        let mut taken = 0; // of the held ones
        for (place, uid) in (0..).zip(fresh) {
            let from = taken;
            while held.uids.get(taken).is_some_and(|&held| held < uid) {
                taken += 1;
            }
            uids.extend_from_slice(&held.uids[from..taken]);
            seqs.extend_from_slice(&held.seqs[from..taken]);
            let below = place + u32::try_from(taken).unwrap_or(u32::MAX);
            uids.push(uid);
            seqs.push(tree.rank(uid) + below + 1);
        }
        uids.extend_from_slice(&held.uids[taken..]);
        seqs.extend_from_slice(&held.seqs[taken..]);
        Self {
            uids: uids.into(),
            seqs: seqs.into(),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        // A view holds at most u32::MAX messages, pending ones among them.
        u32::try_from(self.uids.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn uids(&self) -> &[u32] {
        &self.uids
    }

    pub(crate) fn seqs(&self) -> &[u32] {
        &self.seqs
    }

    /// `Ok` with the number that the UID holds, or `Err` with how many pending messages have smaller UIDs.
    pub(crate) fn by_uid(&self, uid: u32) -> Result<u32, u32> {
        match find(&self.uids, uid) {
            Ok(place) => Ok(self.seqs[place]),
            Err(place) => Err(u32::try_from(place).unwrap_or(u32::MAX)),
        }
    }

    /// `Ok` with the UID that holds the number, or `Err` with how many pending messages hold smaller numbers.
    pub(crate) fn by_seq(&self, seq: u32) -> Result<u32, u32> {
        match find(&self.seqs, seq) {
            Ok(place) => Ok(self.uids[place]),
            Err(place) => Err(u32::try_from(place).unwrap_or(u32::MAX)),
        }
    }
}

/// As `binary_search`, but by quarters. Half as many loads wait for an earlier one, and waiting for loads is what a
/// search spends its time on.
fn find(ascending: &[u32], number: u32) -> Result<usize, usize> {
    let (mut below, mut rest) = (0, ascending);
    while rest.len() >= 8 {
        let quarter = rest.len() / 4;
        let is_below = |quarters: usize| usize::from(rest[quarters * quarter - 1] < number);
        let skipped = (is_below(1) + is_below(2) + is_below(3)) * quarter;
        below += skipped;
        // As long as the last quarter, which is the longest: after an earlier one it covers part of the next as well.
        rest = &rest[skipped..][..rest.len() - 3 * quarter];
    }
    below += rest.iter().filter(|&&other| other < number).count();
    match ascending.get(below) {
        Some(&found) if found == number => Ok(below),
        _ => Err(below),
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_search_by_quarters_finds_what_a_binary_search_finds() {
        for len in (0..70).chain([255, 256, 257, 1000]) {
            let ascending: Vec<u32> = (0..len).map(|place| 3 * place + place % 2).collect();
            for number in 0..3 * len + 4 {
                assert_eq!(
                    find(&ascending, number),
                    ascending.binary_search(&number),
                    "{number} in {len}"
                );
            }
        }
    }
}
