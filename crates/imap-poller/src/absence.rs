//! When an absent message counts as expunged.

use std::num::NonZeroU32;
use std::time::Duration;

/// When a message that a listing lacks counts as expunged.
///
/// An EXPUNGE cannot be taken back: the client deletes its copy. A directory that is read while another program
/// renames files in it can miss a message that is there. A listing [as of](crate::Listing::as_of) a version is one
/// consistent read, so absence from it is always proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// At once: the listing is one consistent read (a transaction, a locked file).
    IsProof,
    /// After this many listings in a row have lacked it.
    InListings(NonZeroU32),
    /// After this many listings in a row have lacked it over at least this time.
    InListingsOver {
        /// Listings in a row.
        listings: NonZeroU32,
        /// From the first of them to the last.
        at_least: Duration,
    },
}

/// One message's absence so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missing {
    listings: u32,
    since: Duration,
}

impl Missing {
    /// One more listing lacks the message.
    pub(crate) fn again(before: Option<Self>, now: Duration) -> Self {
        let before = before.unwrap_or(Self {
            listings: 0,
            since: now,
        });
        Self {
            listings: before.listings.saturating_add(1),
            ..before
        }
    }
}

impl Absence {
    pub(crate) fn is_confirmed(self, missing: Missing, now: Duration) -> bool {
        match self {
            Self::IsProof => true,
            Self::InListings(listings) => missing.listings >= listings.get(),
            Self::InListingsOver { listings, at_least } => {
                missing.listings >= listings.get() && now.saturating_sub(missing.since) >= at_least
            }
        }
    }
}
