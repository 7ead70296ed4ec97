//! `View`: what one client was told of a mailbox, frozen: the only way between UIDs and message sequence numbers.

use std::fmt;
use std::iter::Peekable;
use std::sync::Arc;

use crate::pending::Pending;
use crate::rank_tree::RankTree;
use crate::{Bound, SeqNum, SequenceSet, SetItem, Uid, UidRanges, UidSet};

/// One client's view of a mailbox at one moment. Frozen: whatever happens to the mailbox, it keeps answering the same.
///
/// It is exactly the UIDs up to the highest one announced that are in the mailbox, and the pending ones: expunged, but
/// this client was not told, so that they hold their number.
///
/// A clone is two reference counts. Lookups take no lock. Costs are in [the crate's table](crate#costs).
#[derive(Clone)]
pub struct View {
    pub(crate) tree: RankTree,
    pub(crate) pending: Option<Arc<Pending>>,
    /// The highest UID that belongs to the view or ever did, 0 for none. What arrived later is above.
    pub(crate) horizon: u32,
    /// Messages in the view, pending ones included.
    pub(crate) exists: u32,
}

impl View {
    /// Messages in this view, pending ones included: what the client believes EXISTS to be. 0 to 4,294,967,295.
    #[must_use]
    pub fn exists(&self) -> u32 {
        self.exists
    }

    /// The number that a message has in this view; `None` when it is not in the view: never there, announced as
    /// expunged, or not announced yet. A pending expunge has its number.
    #[must_use]
    pub fn seq_of(&self, uid: Uid) -> Option<SeqNum> {
        if uid.get() > self.horizon {
            return None;
        }
        match &self.pending {
            None => SeqNum::new(self.tree.position(uid.get())? + 1),
            Some(pending) => self.seq_with_pending(pending, uid),
        }
    }

    // A call, so that the way without pending ones stays short.
    #[inline(never)]
    fn seq_with_pending(&self, pending: &Pending, uid: Uid) -> Option<SeqNum> {
        match pending.by_uid(uid.get()) {
            Ok(seq) => SeqNum::new(seq),
            Err(before) => SeqNum::new(self.tree.position(uid.get())? + before + 1),
        }
    }

    /// The message that a number means in this view; `None` above [`exists`](Self::exists).
    #[must_use]
    pub fn uid_of(&self, seq: SeqNum) -> Option<Uid> {
        if seq.get() > self.exists {
            return None;
        }
        match &self.pending {
            None => Uid::new(self.tree.select(seq.get() - 1)?),
            Some(pending) => self.uid_with_pending(pending, seq),
        }
    }

    #[inline(never)]
    fn uid_with_pending(&self, pending: &Pending, seq: SeqNum) -> Option<Uid> {
        match pending.by_seq(seq.get()) {
            Ok(uid) => Uid::new(uid),
            Err(before) => Uid::new(self.tree.select(seq.get() - 1 - before)?),
        }
    }

    /// The last message of the view, which `*` means; `None` when the view is empty.
    #[must_use]
    pub fn last(&self) -> Option<Uid> {
        self.uid_of(SeqNum::new(self.exists)?)
    }

    /// Whether the message holds a number in this view though it is gone from the mailbox. A command that meets it
    /// answers NO with `EXPUNGEISSUED` or leaves it out (RFC 5530; RFC 2180, section 4.1), not as if it never existed.
    #[must_use]
    pub fn is_expunged(&self, uid: Uid) -> bool {
        self.pending
            .as_ref()
            .is_some_and(|pending| pending.by_uid(uid.get()).is_ok())
    }

    /// The UIDs that a set of message sequence numbers means. O(items), however many messages they span.
    ///
    /// # Errors
    ///
    /// [`SeqOutOfRange`] when a number is above [`exists`](Self::exists), and for any set when the view is empty. The
    /// client is at fault: answer BAD (RFC 9051, section 9, `seq-number`).
    pub fn resolve_seqs(&self, set: &SequenceSet<SeqNum>) -> Result<UidRanges, SeqOutOfRange> {
        let uid = |bound| {
            let (seq, uid) = match bound {
                Bound::Number(seq) => (Some(seq), self.uid_of(seq)),
                Bound::Last => (None, self.last()),
            };
            uid.ok_or(SeqOutOfRange {
                seq,
                exists: self.exists,
            })
        };
        let ranges = set
            .items()
            .iter()
            .map(|&item| ends(item, uid))
            .collect::<Result<_, _>>()?;
        Ok(UidRanges::from_unordered(ranges))
    }

    /// The UIDs that a set of UIDs means, cut to the view. O(items).
    ///
    /// A UID that is not in the view is no error and means nothing (RFC 9051, section 6.4.9). `*` is the last message
    /// of the view, so that `n:*` past the end means that one; in an empty view everything means nothing.
    #[must_use]
    pub fn resolve_uids(&self, set: &SequenceSet<Uid>) -> UidRanges {
        let Some(last) = self.last() else {
            return UidRanges::default();
        };
        let uid = |bound| {
            Ok::<_, std::convert::Infallible>(match bound {
                Bound::Number(uid) => uid,
                Bound::Last => last,
            })
        };
        let cut = set.items().iter().filter_map(|&item| {
            let Ok((from, to)) = ends(item, uid);
            (from <= last).then_some((from, to.min(last)))
        });
        UidRanges::from_unordered(cut.collect())
    }

    /// The UIDs that `$` means: a saved search result, cut to the view (RFC 9051, section 6.4.4.1). O(runs of the set).
    ///
    /// What left the view since means nothing, as any UID that is not in it.
    #[must_use]
    pub fn resolve_saved(&self, saved: &UidSet) -> UidRanges {
        let Some(last) = self.last() else {
            return UidRanges::default();
        };
        let cut = saved
            .ranges()
            .take_while(|range| range.0 <= last)
            .map(|(from, to)| (from, to.min(last)));
        UidRanges::from_unordered(cut.collect())
    }

    /// The messages of the view inside these ranges, pending ones included, ascending.
    pub fn uids_in(&self, ranges: &UidRanges) -> impl Iterator<Item = Uid> {
        ranges
            .iter()
            .flat_map(|(first, last)| self.between(first.get(), last.get()))
    }

    /// All messages of the view, pending ones included, ascending: the n-th has the number n.
    pub fn uids(&self) -> impl Iterator<Item = Uid> {
        self.between(1, u32::MAX)
    }

    fn between(&self, first: u32, last: u32) -> impl Iterator<Item = Uid> {
        let last = last.min(self.horizon);
        let pending = self.pending.as_ref().map_or(&[][..], |pending| pending.uids());
        let from = pending.partition_point(|&uid| uid < first);
        let pending = pending[from..]
            .iter()
            .copied()
            .take_while(move |&uid| uid <= last);
        Merge {
            left: self.tree.range(first, last).peekable(),
            right: pending.peekable(),
        }
        .filter_map(Uid::new)
    }
}

/// Both ends of an item, the smaller first: `4:2` is `2:4`.
fn ends<T: Copy, E>(item: SetItem<T>, uid: impl Fn(Bound<T>) -> Result<Uid, E>) -> Result<(Uid, Uid), E> {
    match item {
        SetItem::Single(bound) => uid(bound).map(|uid| (uid, uid)),
        SetItem::Range(from, to) => {
            let (from, to) = (uid(from)?, uid(to)?);
            Ok((from.min(to), from.max(to)))
        }
    }
}

/// Two ascending sequences without a common element, as one.
struct Merge<L: Iterator<Item = u32>, R: Iterator<Item = u32>> {
    left: Peekable<L>,
    right: Peekable<R>,
}

impl<L: Iterator<Item = u32>, R: Iterator<Item = u32>> Iterator for Merge<L, R> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match (self.left.peek(), self.right.peek()) {
            (Some(left), Some(right)) if right < left => self.right.next(),
            (Some(_), _) => self.left.next(),
            (None, _) => self.right.next(),
        }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("exists", &self.exists)
            .field("last", &self.last())
            .field(
                "pending",
                &self.pending.as_ref().map_or(0, |pending| pending.len()),
            )
            .finish_non_exhaustive()
    }
}

/// A set names a message sequence number that the view does not have. The client is at fault; answer BAD.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeqOutOfRange {
    /// `None` for `*` in an empty view.
    seq: Option<SeqNum>,
    exists: u32,
}

impl fmt::Display for SeqOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "message sequence number {seq} is above {}", self.exists),
            None => f.write_str("\"*\" means no message in an empty mailbox"),
        }
    }
}

impl std::error::Error for SeqOutOfRange {}
