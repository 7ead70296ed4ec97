//! Other ways to translate, written for comparison: each as good as its idea allows.
//!
//! `uid` and `seq` are plain numbers here; `seq_of` answers 0 for a UID that is no member.

use std::collections::HashSet;

use roaring::RoaringBitmap;

/// A sorted vector and the standard library's binary search: what most servers do.
#[must_use]
pub fn vector_std(uids: &[u32], uid: u32) -> u32 {
    uids.binary_search(&uid).map_or(0, number_at)
}

/// A sorted vector and a hand-written search with branches: the processor runs ahead on a guess and prefetches, which
/// beats the standard library's branchless search on mailboxes that do not fit the cache.
#[must_use]
pub fn vector_branchy(uids: &[u32], uid: u32) -> u32 {
    let (mut low, mut high) = (0, uids.len());
    while low < high {
        let middle = (low + high) / 2;
        let at = uids[middle];
        if at < uid {
            low = middle + 1;
        } else if at > uid {
            high = middle;
        } else {
            return number_at(middle);
        }
    }
    0
}

/// Roaring's rank, after the membership test that a UID needs.
#[must_use]
pub fn roaring_seq_of(set: &RoaringBitmap, uid: u32) -> u32 {
    if set.contains(uid) {
        number(set.rank(uid))
    } else {
        0
    }
}

/// Roaring's select.
#[must_use]
pub fn roaring_uid_of(set: &RoaringBitmap, seq: u32) -> u32 {
    set.select(seq - 1).unwrap_or(0)
}

/// The order-statistic B-tree of the `indexset` crate.
#[must_use]
pub fn btree_seq_of(set: &indexset::BTreeSet<u32>, uid: u32) -> u32 {
    let rank = set.rank(&uid);
    if set.get_index(rank) == Some(&uid) {
        number_at(rank)
    } else {
        0
    }
}

/// As [`btree_seq_of`], back.
#[must_use]
pub fn btree_uid_of(set: &indexset::BTreeSet<u32>, seq: u32) -> u32 {
    set.get_index(seq as usize - 1).copied().unwrap_or(0)
}

/// A vector for each session, filtered when messages are expunged: the way of go-imap-mess.
#[derive(Clone, Debug, Default)]
pub struct FilteredVector {
    /// What the client was told of, ascending.
    pub uids: Vec<u32>,
    pending: HashSet<u32>,
}

impl FilteredVector {
    /// A session on these messages: it owns a copy.
    #[must_use]
    pub fn open(uids: &[u32]) -> Self {
        Self {
            uids: uids.to_vec(),
            pending: HashSet::new(),
        }
    }

    /// Another session expunged a message.
    pub fn hear(&mut self, uid: u32) {
        self.pending.insert(uid);
    }

    /// Tells the client: the numbers, last first. O(messages).
    pub fn announce(&mut self) -> Vec<u32> {
        let mut numbers = Vec::new();
        let mut place = 0;
        self.uids.retain(|uid| {
            place += 1;
            let gone = self.pending.contains(uid);
            if gone {
                numbers.push(place);
            }
            !gone
        });
        self.pending.clear();
        numbers.reverse();
        numbers
    }
}

/// A queue of what the client was not told, walked for each number: the way of go-imap v2.
///
/// It translates between the server's numbers and the client's; a UID still needs another structure.
#[derive(Clone, Debug, Default)]
pub struct QueueWalk {
    /// Server-side numbers at the time of each expunge, oldest first.
    queue: Vec<u32>,
}

impl QueueWalk {
    /// A message was expunged that had this number on the server's side.
    pub fn push(&mut self, server: u32) {
        self.queue.push(server);
    }

    /// The client's number for a message that has this one on the server's side now: undoes the queue, newest first.
    #[must_use]
    pub fn client_seq(&self, server: u32) -> u32 {
        self.queue
            .iter()
            .rev()
            .fold(server, |seq, &expunged| seq + u32::from(expunged <= seq))
    }

    /// The server's number for what the client calls `client`; 0 when it is expunged. Replays the queue.
    #[must_use]
    pub fn server_seq(&self, client: u32) -> u32 {
        let mut seq = client;
        for &expunged in &self.queue {
            if seq == expunged {
                return 0;
            }
            seq -= u32::from(expunged < seq);
        }
        seq
    }
}

fn number_at(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}

fn number(rank: u64) -> u32 {
    u32::try_from(rank).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rivals_agree_on_what_a_number_is() {
        let uids: Vec<u32> = (1..5000).map(|step| step * 3).collect();
        let roaring: RoaringBitmap = uids.iter().copied().collect();
        let btree: indexset::BTreeSet<u32> = uids.iter().copied().collect();
        for uid in 1..15_010 {
            let expected = if uid % 3 == 0 && uid < 15_000 { uid / 3 } else { 0 };
            assert_eq!(vector_std(&uids, uid), expected);
            assert_eq!(vector_branchy(&uids, uid), expected);
            assert_eq!(roaring_seq_of(&roaring, uid), expected);
            assert_eq!(btree_seq_of(&btree, uid), expected);
            if expected > 0 {
                assert_eq!(
                    (roaring_uid_of(&roaring, expected), btree_uid_of(&btree, expected)),
                    (uid, uid)
                );
            }
        }
    }

    #[test]
    fn a_queue_walk_and_a_filtered_vector_agree_with_the_session_of_this_crate() {
        let mut queue = QueueWalk::default();
        let mut server: Vec<u32> = (1..=100).collect();
        let mut filtered = FilteredVector::open(&server);
        for place in [10_u32, 3, 50, 97, 1, 1, 1] {
            filtered.hear(server.remove(place as usize - 1));
            queue.push(place);
        }
        for (seq, uid) in (1..).zip(&server) {
            assert_eq!(queue.client_seq(seq), *uid);
            assert_eq!(queue.server_seq(*uid), seq);
        }
        assert_eq!(queue.server_seq(10), 0);
        assert_eq!(filtered.announce(), [100, 52, 10, 4, 3, 2, 1]);
        assert_eq!(filtered.uids, server);
    }
}
