//! What is different between two listings.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::slice::Iter;

use crate::{Listed, Listing};

/// One difference between an older and a newer listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference<'l> {
    /// In the newer only.
    Arrived(&'l Listed),
    /// In both, with other flags: the newer state.
    Changed(&'l Listed),
    /// In the older only: the older state.
    Missing(&'l Listed),
}

/// The differences in ascending order of UID. One pass over both, no allocation.
///
/// Two messages are compared by mod-sequence where both listings have one, else by flags.
pub fn diff<'l>(old: &'l Listing, new: &'l Listing) -> Differences<'l> {
    Differences {
        old: old.messages().iter().peekable(),
        new: new.messages().iter().peekable(),
    }
}

/// The iterator of [`diff`].
#[derive(Clone, Debug)]
pub struct Differences<'l> {
    old: Peekable<Iter<'l, Listed>>,
    new: Peekable<Iter<'l, Listed>>,
}

impl<'l> Iterator for Differences<'l> {
    type Item = Difference<'l>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let order = match (self.old.peek(), self.new.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.uid.cmp(&new.uid),
            };
            match order {
                Ordering::Less => return self.old.next().map(Difference::Missing),
                Ordering::Greater => return self.new.next().map(Difference::Arrived),
                Ordering::Equal => {
                    let (old, new) = self.old.next().zip(self.new.next())?;
                    if differs(old, new) {
                        return Some(Difference::Changed(new));
                    }
                }
            }
        }
    }
}

pub(crate) fn differs(old: &Listed, new: &Listed) -> bool {
    match (old.modseq, new.modseq) {
        // A replica that lags shows a lower one: that is no news.
        (Some(old), Some(new)) => new > old,
        _ => old.flags != new.flags,
    }
}

#[cfg(test)]
mod tests {
    use imap_seq::Uid;
    use imap_updates::{Flag, Flags};

    use super::{Difference, diff};
    use crate::{Listed, Listing};

    fn listing(messages: &[(u32, &[Flag])]) -> Listing {
        let listed = messages.iter().map(|(uid, flags)| Listed {
            uid: Uid::new(*uid).unwrap(),
            flags: flags.iter().cloned().collect::<Flags>(),
            modseq: None,
        });
        Listing::new(listed.collect()).unwrap()
    }

    #[test]
    fn each_message_is_in_at_most_one_difference_and_they_ascend() {
        let old = listing(&[(1, &[]), (3, &[]), (5, &[Flag::Seen]), (9, &[])]);
        let new = listing(&[(2, &[]), (3, &[Flag::Draft]), (5, &[Flag::Seen]), (10, &[])]);
        let found: Vec<_> = diff(&old, &new)
            .map(|difference| match difference {
                Difference::Arrived(message) => ('+', message.uid.get()),
                Difference::Changed(message) => ('~', message.uid.get()),
                Difference::Missing(message) => ('-', message.uid.get()),
            })
            .collect();
        assert_eq!(found, [('-', 1), ('+', 2), ('~', 3), ('-', 9), ('+', 10)]);
    }

    #[test]
    fn a_listing_does_not_differ_from_itself() {
        let all = listing(&[(1, &[]), (3, &[Flag::Draft])]);
        assert_eq!(diff(&all, &all).next(), None);
    }
}
