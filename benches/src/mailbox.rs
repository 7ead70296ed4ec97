//! One mailbox in the form of every contestant.

use imap_seq::{MailboxIndex, SeqNum, Uid, View};
use roaring::RoaringBitmap;

use crate::dataset::{Random, Shape};
use crate::rivals;

/// A mailbox, as the rivals hold it and as `imap-seq` does, and queries for it.
#[derive(Debug)]
pub struct Mailbox {
    /// Its UIDs, ascending.
    pub numbers: Vec<u32>,
    /// Its index.
    pub index: MailboxIndex,
    /// Roaring's form.
    pub roaring: RoaringBitmap,
    /// The B-tree's form.
    pub btree: indexset::BTreeSet<u32>,
    /// Existing UIDs, each as likely.
    pub uids: Vec<u32>,
    /// Their message sequence numbers.
    pub seqs: Vec<u32>,
}

impl Mailbox {
    /// A mailbox of this shape and size, with as many queries as its size asks for.
    #[must_use]
    pub fn new(shape: Shape, messages: u32) -> Self {
        let numbers = shape.uids(messages);
        let queries = if messages < 1_000_000 { 1 << 17 } else { 1 << 19 };
        let uids = Random::new(1).pick(&numbers, queries);
        Self {
            index: index_of(&numbers),
            roaring: numbers.iter().copied().collect(),
            btree: numbers.iter().copied().collect(),
            seqs: uids
                .iter()
                .map(|&uid| rivals::vector_std(&numbers, uid))
                .collect(),
            uids,
            numbers,
        }
    }

    /// Asks every contestant every query once.
    ///
    /// # Panics
    ///
    /// When one of them is wrong.
    pub fn check(&self) {
        let view = self.index.view();
        for (&uid, &seq) in self.uids.iter().zip(&self.seqs).take(1 << 14) {
            assert_eq!((seq_of(&view, uid), uid_of(&view, seq)), (seq, uid), "imap-seq");
            assert_eq!(rivals::vector_branchy(&self.numbers, uid), seq, "branchy");
            assert_eq!(rivals::btree_seq_of(&self.btree, uid), seq, "B-tree");
            assert_eq!(rivals::btree_uid_of(&self.btree, seq), uid, "B-tree");
        }
        for (&uid, &seq) in self.uids.iter().zip(&self.seqs).take(1 << 9) {
            assert_eq!(rivals::roaring_seq_of(&self.roaring, uid), seq, "roaring");
            assert_eq!(rivals::roaring_uid_of(&self.roaring, seq), uid, "roaring");
        }
    }
}

/// The index of these UIDs, which ascend.
#[must_use]
pub fn index_of(numbers: &[u32]) -> MailboxIndex {
    MailboxIndex::from_ascending(numbers.iter().copied().filter_map(Uid::new)).unwrap_or_default()
}

/// As plain numbers, 0 for none, like the rivals.
#[must_use]
#[inline]
pub fn seq_of(view: &View, uid: u32) -> u32 {
    Uid::new(uid)
        .and_then(|uid| view.seq_of(uid))
        .map_or(0, SeqNum::get)
}

/// As plain numbers, 0 for none, like the rivals.
#[must_use]
#[inline]
pub fn uid_of(view: &View, seq: u32) -> u32 {
    SeqNum::new(seq)
        .and_then(|seq| view.uid_of(seq))
        .map_or(0, Uid::get)
}
