//! What became of a listing.

use imap_seq::UidSet;
use imap_updates::Applied;

/// What a listing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a listing that was left out told nobody anything"]
pub struct Completed {
    /// What became of the listing as a whole.
    pub answer: Answer,
    /// Messages that arrived.
    pub arrived: u32,
    /// Messages whose flags changed.
    pub changed: u32,
    /// Messages whose expunge was confirmed.
    pub expunged: u32,
    /// Messages that listings lack and whose expunge is not confirmed.
    pub missing: u32,
    /// Messages that cannot be shown while a session is open, because one with a higher UID was told before: the store
    /// committed them in another order than that of their UIDs (RFC 9051 section 2.3.1.1 wants one order).
    pub hidden: UidSet,
    /// Messages that are never shown, because their UIDs belonged to expunged ones (RFC 9051 section 2.3.1.1).
    pub reused: UidSet,
}

/// Whether a listing counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answer {
    /// It did.
    Taken,
    /// It was left out whole: it is older than one before it (it was read at a replica that lags), or it has no version
    /// though those before it had.
    LeftOut,
}

impl Completed {
    pub(crate) fn new(answer: Answer) -> Self {
        Self {
            answer,
            arrived: 0,
            changed: 0,
            expunged: 0,
            missing: 0,
            hidden: UidSet::new(),
            reused: UidSet::new(),
        }
    }

    /// What the hub did not show.
    pub(crate) fn note(&mut self, applied: &Applied) {
        (self.hidden, self.reused) = (applied.hidden().clone(), applied.reused().clone());
        let refused = self.hidden.len() + self.reused.len();
        self.arrived = self
            .arrived
            .saturating_sub(u32::try_from(refused).unwrap_or(u32::MAX));
    }
}
