//! What the store's author decides: when an absent message is expunged, and how often to ask.

use std::num::NonZeroU32;
use std::time::Duration;

/// When a message that a listing lacks counts as expunged.
///
/// An EXPUNGE cannot be taken back: the client deletes its copy. A directory that is read while another program
/// renames in it, or a replica that lags, can miss a message that is there.
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
    pub(crate) listings: u32,
    pub(crate) since: Duration,
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

/// How often a store is asked, whatever the number of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Least time between two listings when clients ask (NOOP, CHECK). Default 0: each may ask.
    pub commands: Duration,
    /// Time between two listings while clients idle. Default 30 seconds.
    pub idle: Duration,
    /// The pause after a first failure; it doubles with each further one. Default 1 second.
    pub first_backoff: Duration,
    /// The longest pause. Default 5 minutes.
    pub longest_backoff: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            commands: Duration::ZERO,
            idle: Duration::from_secs(30),
            first_backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(300),
        }
    }
}

impl Pace {
    /// The pause after `failures` failures in a row, at least one.
    pub(crate) fn backoff(&self, failures: u32) -> Duration {
        let doubled = self
            .first_backoff
            .saturating_mul(1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX));
        doubled.min(self.longest_backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::Duration;

    #[test]
    fn the_pause_doubles_up_to_the_longest() {
        let pace = Pace::default();
        let pauses: Vec<_> = [1, 2, 3, 9, 10, 40, u32::MAX]
            .map(|n| pace.backoff(n).as_secs())
            .into();
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300]);
        assert_eq!(
            Pace {
                first_backoff: Duration::ZERO,
                ..pace
            }
            .backoff(3),
            Duration::ZERO
        );
    }
}
