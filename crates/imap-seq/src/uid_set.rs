//! `UidSet`: a set of UIDs as it crosses the edges (search results, arguments of EXPUNGE, COPYUID, VANISHED).

use std::fmt;

use roaring::RoaringBitmap;

use crate::Uid;

/// Octets that are no set of UIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidUidSet;

impl fmt::Display for InvalidUidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no set of UIDs")
    }
}

impl std::error::Error for InvalidUidSet {}

/// A set of UIDs, compressed: at most about 2 octets a UID when sparse, far less when dense.
///
/// For what is handed around, not for translation to message sequence numbers: that is the business of a
/// [`View`](crate::View).
///
/// ```
/// use imap_seq::{Uid, UidSet};
/// let set: UidSet = [1, 2, 3, 7].into_iter().filter_map(Uid::new).collect();
/// assert_eq!(set.to_string(), "1:3,7");
/// assert_eq!(set.len(), 4);
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct UidSet {
    bits: RoaringBitmap,
}

impl Eq for UidSet {}

/// Stored numbers came in as UIDs, so none is 0; should one be, it is left out instead of a panic.
fn uid(number: u32) -> Option<Uid> {
    Uid::new(number)
}

impl UidSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From UIDs that ascend strictly.
    pub(crate) fn from_ascending(uids: &[u32]) -> Self {
        let mut bits = RoaringBitmap::new();
        // Only out of order could it fail.
        let appended = bits.append(uids.iter().copied());
        debug_assert!(appended.is_ok());
        Self { bits }
    }

    /// Adds a UID; `true` when it was not there.
    pub fn insert(&mut self, uid: Uid) -> bool {
        self.bits.insert(uid.get())
    }

    /// Adds all from `first` to `last`, both included; nothing when `first > last`.
    pub fn insert_range(&mut self, first: Uid, last: Uid) {
        self.bits.insert_range(first.get()..=last.get());
    }

    /// A run, from its first to its last UID.
    fn add(&mut self, run: Option<(Uid, Uid)>) {
        match run {
            Some((uid, last)) if uid == last => drop(self.insert(uid)),
            Some((first, last)) => self.insert_range(first, last),
            None => {}
        }
    }

    /// Takes a UID out; `true` when it was there.
    pub fn remove(&mut self, uid: Uid) -> bool {
        self.bits.remove(uid.get())
    }

    /// Whether the UID is in the set.
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        self.bits.contains(uid.get())
    }

    /// How many UIDs, 0 to 4,294,967,295.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bits.len()
    }

    /// How many there are from `first` to `last`, both included; none when `first > last`.
    #[must_use]
    pub fn range_len(&self, first: Uid, last: Uid) -> u64 {
        self.bits.range_cardinality(first.get()..=last.get())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// The smallest.
    #[must_use]
    pub fn first(&self) -> Option<Uid> {
        self.bits.min().and_then(uid)
    }

    /// The largest.
    #[must_use]
    pub fn last(&self) -> Option<Uid> {
        self.bits.max().and_then(uid)
    }

    /// All, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Uid> {
        self.bits.iter().filter_map(uid)
    }

    /// The runs of consecutive UIDs, as (first, last) with both included, ascending and never adjacent.
    ///
    /// Runs are found without a visit to each UID.
    pub fn ranges(&self) -> impl Iterator<Item = (Uid, Uid)> {
        let mut bits = self.bits.iter();
        let mut held: Option<(u32, u32)> = None;
        // A run that crosses a container of 65,536 comes in pieces: hold one back until the next is not adjacent.
        std::iter::from_fn(move || {
            loop {
                let piece = bits.next_range().map(|range| (*range.start(), *range.end()));
                match (held, piece) {
                    (Some((first, last)), Some((from, to))) if last.checked_add(1) == Some(from) => {
                        held = Some((first, to));
                    }
                    (None, Some(piece)) => held = Some(piece),
                    (ready, piece) => {
                        held = piece;
                        let (first, last) = ready?;
                        return uid(first).zip(uid(last));
                    }
                }
            }
        })
    }

    /// How many runs [`ranges`](Self::ranges) gives.
    #[must_use]
    pub fn count_ranges(&self) -> u64 {
        // Few UIDs in many octets are sparse, and finding where a run ends costs more there than a visit to each.
        if self.bits.len() > self.bits.serialized_size() as u64 {
            return self.ranges().count() as u64;
        }
        let mut before = None;
        let begins = |&number: &u32| before.replace(number) != number.checked_sub(1);
        self.bits.iter().filter(begins).count() as u64
    }

    /// The set as octets, for a file or a database column: the portable format of Roaring bitmaps, the same on every machine. About
    /// as long as the set is in memory.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bits = self.bits.clone();
        bits.optimize();
        let mut octets = Vec::with_capacity(bits.serialized_size());
        // Writing to memory does not fail.
        let written = bits.serialize_into(&mut octets);
        debug_assert!(written.is_ok());
        octets
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Time and memory are linear in the octets.
    ///
    /// # Errors
    ///
    /// [`InvalidUidSet`] for octets that are something else.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, InvalidUidSet> {
        let bits = RoaringBitmap::deserialize_from(octets).map_err(|_| InvalidUidSet)?;
        match bits.contains(0) {
            true => Err(InvalidUidSet),
            false => Ok(Self { bits }),
        }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            bits: &self.bits | &other.bits,
        }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            bits: &self.bits & &other.bits,
        }
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            bits: &self.bits - &other.bits,
        }
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        let mut set = Self::new();
        set.extend(uids);
        set
    }
}

impl Extend<Uid> for UidSet {
    /// A run of consecutive UIDs is added as one.
    fn extend<I: IntoIterator<Item = Uid>>(&mut self, uids: I) {
        let mut run: Option<(Uid, Uid)> = None;
        for uid in uids {
            run = match run {
                Some((first, last)) if last.get().checked_add(1) == Some(uid.get()) => Some((first, uid)),
                ended => {
                    self.add(ended);
                    Some((uid, uid))
                }
            };
        }
        self.add(run);
    }
}

impl fmt::Display for UidSet {
    /// In the syntax of `uid-set` (RFC 9051); the empty set, which that syntax does not know, prints as nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.ranges().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}:{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UidSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: impl IntoIterator<Item = u32>) -> UidSet {
        numbers.into_iter().filter_map(Uid::new).collect()
    }

    #[test]
    fn runs_join_across_the_containers_of_the_bitmap() {
        assert_eq!(set(65_530..65_540).to_string(), "65530:65539");
        assert_eq!(
            set((65_530..65_536).chain([65_537])).to_string(),
            "65530:65535,65537"
        );
        assert_eq!(set(1..=200_000).to_string(), "1:200000");
    }

    #[test]
    fn what_is_written_is_read_again_and_other_octets_are_refused() {
        let sets = [
            set([]),
            set([1, 5, 70_000, u32::MAX]),
            set(1..=200_000),
            set((1..300_000).step_by(2)),
        ];
        for set in sets {
            let octets = set.to_bytes();
            assert_eq!(UidSet::from_bytes(&octets), Ok(set));
            for length in 0..octets.len().min(64) {
                assert_eq!(UidSet::from_bytes(&octets[..length]), Err(InvalidUidSet));
            }
        }
        assert!(set(1..=200_000).to_bytes().len() < 100, "runs are short");
        let mut with_zero = Vec::new();
        RoaringBitmap::from_iter([0, 1])
            .serialize_into(&mut with_zero)
            .unwrap();
        assert_eq!(UidSet::from_bytes(&with_zero), Err(InvalidUidSet));
    }

    #[test]
    fn iteration_and_the_count_of_runs_are_those_of_the_numbers_whatever_the_containers() {
        let numbers: [Vec<u32>; 6] = [
            vec![],
            vec![1, u32::MAX],
            (1..=200_000).collect(),
            (1..300_000).step_by(2).collect(),
            (1..=63).chain(65..130).chain([65_535, 65_536, 65_537]).collect(),
            (1..400_000).filter(|number| number % 1_000 < 3).collect(),
        ];
        for numbers in numbers {
            let set = set(numbers.iter().copied());
            assert!(set.iter().map(Uid::get).eq(numbers.iter().copied()));
            assert_eq!(set.count_ranges(), set.ranges().count() as u64);
        }
    }

    #[test]
    fn the_ends_of_the_uid_space_print() {
        assert_eq!(
            set([1, u32::MAX - 1, u32::MAX]).to_string(),
            "1,4294967294:4294967295"
        );
        assert_eq!(set([]).to_string(), "");
        let mut whole = UidSet::new();
        whole.insert_range(Uid::MIN, Uid::MAX);
        assert_eq!(whole.to_string(), "1:4294967295");
        assert_eq!(whole.len(), u64::from(u32::MAX));
    }

    #[test]
    fn algebra_is_that_of_sets() {
        let (left, right) = (set([1, 2, 3]), set([2, 3, 4]));
        assert_eq!(left.union(&right), set(1..=4));
        assert_eq!(left.intersection(&right), set([2, 3]));
        assert_eq!(left.difference(&right), set([1]));
    }

    #[test]
    fn a_range_written_backwards_inserts_nothing() {
        let mut empty = UidSet::new();
        empty.insert_range(Uid::MAX, Uid::MIN);
        assert!(empty.is_empty());
        assert_eq!(empty.ranges().next(), None);
    }
}
