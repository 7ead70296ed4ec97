//! What is different between two listings.

use std::cmp::Ordering;

use imap_seq::{ModSeq, Uid};

use crate::listing::Listed;
use crate::whole::Whole;

/// One difference between an older and a newer listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// In the newer only.
    Arrived(Listed),
    /// In both, with other flags or a higher mod-sequence: the newer state.
    Changed(Listed),
    /// In the older only: the older state.
    Missing(Listed),
}

impl Difference {
    pub(crate) const fn uid(&self) -> Uid {
        match self {
            Self::Arrived(message) | Self::Changed(message) | Self::Missing(message) => message.uid,
        }
    }
}

/// The listing that was meant to be the newer one is older: it has a lower UIDNEXT, a lower version, or a message with a
/// lower mod-sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GoesBack;

/// Whether a listing with these numbers is older than the last one.
pub(crate) fn goes_back(last: &Whole, version: Option<ModSeq>, uid_next: Option<u64>) -> bool {
    let lower_uid_next = last.uid_next.zip(uid_next).is_some_and(|(old, new)| new < old);
    lower_uid_next || last.version.zip(version).is_some_and(|(old, new)| new < old)
}

/// The differences in ascending order of UID: one pass over both, which allocates for what is different only.
pub(crate) fn compare(old: &Whole, new: &Whole) -> Result<Vec<Difference>, GoesBack> {
    let mut differences = Vec::new();
    let (mut older, mut newer) = (old.messages(), new.messages());
    while let (Some((one, old_rest)), Some((other, new_rest))) = (older.split_first(), newer.split_first()) {
        match one.uid.cmp(&other.uid) {
            Ordering::Less => {
                differences.push(Difference::Missing(one.clone()));
                older = old_rest;
            }
            Ordering::Greater => {
                differences.push(Difference::Arrived(other.clone()));
                newer = new_rest;
            }
            Ordering::Equal => {
                if differs(one, other)? {
                    differences.push(Difference::Changed(other.clone()));
                }
                (older, newer) = (old_rest, new_rest);
            }
        }
    }
    differences.extend(older.iter().cloned().map(Difference::Missing));
    differences.extend(newer.iter().cloned().map(Difference::Arrived));
    Ok(differences)
}

pub(crate) fn differs(old: &Listed, new: &Listed) -> Result<bool, GoesBack> {
    match old.modseq.zip(new.modseq) {
        Some((old, new)) if new < old => Err(GoesBack),
        Some((old, new)) if new > old => Ok(true),
        _ => Ok(old.flags != new.flags),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use imap_seq::{ModSeq, Uid};
    use imap_updates::{Flag, Flags};
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::{Difference, GoesBack, compare};
    use crate::listing::{Compared, Listed, Listing};
    use crate::whole::Whole;

    fn listing(messages: &BTreeMap<u32, u8>) -> Listing {
        let messages = messages.iter();
        messages
            .map(|(uid, which)| (Uid::new(*uid).unwrap(), flags(*which)))
            .collect()
    }

    fn flags(which: u8) -> Flags {
        match which {
            0 => Flags::empty(),
            1 => Flags::from_iter([Flag::Seen]),
            _ => Flags::from_iter([Flag::Draft]),
        }
    }

    /// The same messages in a listing that keeps what is different from `old`.
    fn parts_against(old: &Arc<Whole>, new: Listing) -> Result<Compared, GoesBack> {
        let (version, uid_next) = (new.version(), new.clone().into_whole().uid_next);
        let mut listing = Listing::against(Arc::clone(old), 0);
        for message in new.into_whole().messages().iter().cloned() {
            match message.modseq {
                Some(modseq) => listing.push_versioned(message.uid, message.flags, modseq),
                None => listing.push(message.uid, message.flags),
            }
        }
        if let Some(uid_next) = uid_next {
            listing = listing.with_uid_next(u32::try_from(uid_next).ok().and_then(Uid::new));
        }
        match version {
            Some(version) => listing.as_of(version).compared_with(old),
            None => listing.compared_with(old),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// The oracle: whoever applies the differences to the older listing has the newer one.
        #[test]
        fn applying_the_differences_gives_the_newer_listing(
            old in btree_map(1_u32..20, 0_u8..3, 0..12),
            new in btree_map(1_u32..20, 0_u8..3, 0..12),
        ) {
            let (old, new) = (listing(&old).into_whole(), listing(&new).into_whole());
            let mut state: BTreeMap<Uid, Listed> =
                old.messages().iter().map(|message| (message.uid, message.clone())).collect();
            for difference in compare(&old, &new).unwrap() {
                let before = match difference {
                    Difference::Missing(message) => state.remove(&message.uid).is_some(),
                    Difference::Arrived(message) => state.insert(message.uid, message).is_none(),
                    Difference::Changed(message) => {
                        state.insert(message.uid, message.clone()).is_some_and(|before| before != message)
                    }
                };
                prop_assert!(before);
            }
            prop_assert!(state.into_values().eq(new.messages().iter().cloned()));
        }

        /// Whatever the order of the parts, and however they overlap, a listing against the last one says what one says
        /// that has all of it.
        #[test]
        fn a_listing_that_keeps_differences_says_what_a_whole_one_says(
            old in btree_map(1_u32..200, 0_u8..3, 0..150),
            parts in vec((1_u32..200, 0_u8..3), 0..300),
        ) {
            let mut last = Arc::new(listing(&old).into_whole());
            let rows = || parts.iter().map(|(uid, which)| (Uid::new(*uid).unwrap(), flags(*which)));
            let mut paged = Listing::against(Arc::clone(&last), 0);
            paged.extend(rows());
            let whole: Listing = rows().collect();
            let expected = whole.clone().into_whole();
            prop_assert_eq!(&paged.clone().into_whole(), &expected);
            let paged = paged.compared_with(&last).unwrap();
            let whole = whole.compared_with(&last).unwrap();
            prop_assert_eq!(&paged.differences, &whole.differences);
            prop_assert_eq!(paged.covered(), whole.covered());
            for uid in (1..201).filter_map(Uid::new) {
                prop_assert_eq!(paged.get(uid), whole.get(uid));
            }
            paged.replace(&mut last);
            prop_assert_eq!(&*last, &expected);
        }
    }

    #[test]
    fn a_listing_against_another_than_the_last_one_is_compared_whole() {
        let two = || listing(&[(1, 0), (2, 0)].into());
        let mut last = Arc::new(two().into_whole());
        let mut late = Listing::against(Arc::clone(&last), 0);
        late.extend([(Uid::MIN, Flags::empty())]);
        last = Arc::new(two().into_whole());
        let compared = late.compared_with(&last).unwrap();
        assert!(matches!(&compared.differences[..], [Difference::Missing(gone)] if gone.uid.get() == 2));
        compared.replace(&mut last);
        assert_eq!(last.messages().len(), 1);
    }

    #[test]
    fn of_overlapping_parts_the_later_one_counts() {
        let (one, two) = (Uid::MIN, Uid::new(2).unwrap());
        let seen = Flags::from_iter([Flag::Seen]);
        let mut parts: Listing = [(two, Flags::empty()), (one, Flags::empty())]
            .into_iter()
            .collect();
        parts.extend([(two, seen.clone())]);
        let whole: Listing = [(one, Flags::empty()), (two, seen)].into_iter().collect();
        assert_eq!(parts.into_whole(), whole.into_whole());
    }

    #[test]
    fn a_listing_goes_back_if_any_number_in_it_does() {
        let version = |number| ModSeq::new(number).unwrap();
        let row = |modseq| -> Listing {
            [(Uid::MIN, Flags::empty(), version(modseq))]
                .into_iter()
                .collect()
        };
        let next = |number| Listing::new().with_uid_next(Uid::new(number));
        let compare = |old: Listing, new: Listing| {
            let old = Arc::new(old.into_whole());
            let whole = new
                .clone()
                .compared_with(&old)
                .map(|compared| compared.differences);
            assert_eq!(
                parts_against(&old, new).map(|compared| compared.differences),
                whole
            );
            whole
        };
        assert_eq!(compare(row(5), row(4)), Err(GoesBack));
        assert_eq!(
            compare(row(5).as_of(version(7)), row(5).as_of(version(6))),
            Err(GoesBack)
        );
        assert_eq!(compare(next(4), next(3)), Err(GoesBack));
        // UID 0 does not exist: the mailbox has no UID left, which is more than any other UIDNEXT.
        assert_eq!(compare(next(0), next(4)), Err(GoesBack));
        assert_eq!(compare(next(4), next(0)), Ok(vec![]));
    }
}
