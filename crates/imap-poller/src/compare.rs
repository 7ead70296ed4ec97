//! What is different between two listings.

use std::cmp::Ordering;

use imap_seq::Uid;

use crate::listing::{Listed, Listing};

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

/// The differences in ascending order of UID. Both listings are in order; one pass over both, which allocates for what is
/// different only.
pub(crate) fn compare(old: &Listing, new: &Listing) -> Result<Vec<Difference>, GoesBack> {
    let lower = |old: Option<u64>, new: Option<u64>| old.zip(new).is_some_and(|(old, new)| new < old);
    let versions = |listing: &Listing| listing.version().map(|version| version.get());
    if lower(old.uid_next(), new.uid_next()) || lower(versions(old), versions(new)) {
        return Err(GoesBack);
    }
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

fn differs(old: &Listed, new: &Listed) -> Result<bool, GoesBack> {
    match old.modseq.zip(new.modseq) {
        Some((old, new)) if new < old => Err(GoesBack),
        Some((old, new)) if new > old => Ok(true),
        _ => Ok(old.flags != new.flags),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use imap_seq::{ModSeq, Uid};
    use imap_updates::{Flag, Flags};
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::{Difference, GoesBack, compare};
    use crate::listing::{Listed, Listing};

    fn listing(messages: &BTreeMap<u32, u8>) -> Listing {
        let flags = [
            Flags::empty(),
            Flags::from_iter([Flag::Seen]),
            Flags::from_iter([Flag::Draft]),
        ];
        let messages = messages
            .iter()
            .map(|(uid, which)| (Uid::new(*uid).unwrap(), flags[usize::from(*which)].clone()));
        messages.collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// The oracle: whoever applies the differences to the older listing has the newer one.
        #[test]
        fn applying_the_differences_gives_the_newer_listing(
            old in btree_map(1_u32..20, 0_u8..3, 0..12),
            new in btree_map(1_u32..20, 0_u8..3, 0..12),
        ) {
            let (old, new) = (listing(&old), listing(&new));
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
        assert_eq!(parts.in_order(), whole);
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
        assert_eq!(compare(&row(5), &row(4)), Err(GoesBack));
        assert_eq!(
            compare(&row(5).as_of(version(7)), &row(5).as_of(version(6))),
            Err(GoesBack)
        );
        assert_eq!(compare(&next(4), &next(3)), Err(GoesBack));
        // UID 0 does not exist: the mailbox has no UID left, which is more than any other UIDNEXT.
        assert_eq!(compare(&next(0), &next(4)), Err(GoesBack));
        assert_eq!(compare(&next(4), &next(0)), Ok(vec![]));
    }
}
