//! `Claim`: whose changes these are, for a store whose log does not say.

use std::collections::BTreeMap;
use std::fmt;

use imap_seq::{ModSeq, Uid};

use super::log_hub::LogHub;
use crate::{Flags, Origin};

/// The word of a session that the versions of a transaction are its own, given before the commit.
///
/// From the commit on, any thread may read the changes in the log; so the claim has to be there before. It is void
/// unless [`committed`](Self::committed) confirms it: a claim that is dropped is revoked, and its session is told of
/// whatever was taken for its own, if any of it was published meanwhile.
///
/// Declare it *after* the transaction. Rust drops what was declared last first: when an error leaves the block, the claim
/// is revoked before the transaction rolls back and frees its versions for somebody else, whose changes would otherwise be
/// taken for this session's.
///
/// ```
/// # use imap_seq::{ModSeq, Uid};
/// # use imap_updates::*;
/// # struct Transaction;
/// # impl Transaction { fn commit(self) -> Result<(), std::io::Error> { Ok(()) } }
/// # fn store(hub: &LogHub, me: Origin) -> Result<(), std::io::Error> {
/// # let (before, after) = (ModSeq::MIN, ModSeq::MAX);
/// let transaction = Transaction; // BEGIN; the mailbox's version is `before`
/// // UPDATE ..; the mailbox's version is `after`
/// let claim = hub.claim(before, after, me);
/// transaction.commit()?;
/// claim.committed();
/// # Ok(())
/// # }
/// ```
#[must_use = "a claim that is dropped is revoked: call `committed` after the commit"]
pub struct Claim {
    hub: LogHub,
    /// `None` once it was confirmed.
    number: Option<u64>,
}

impl Claim {
    pub(super) const fn new(hub: LogHub, number: u64) -> Self {
        Self {
            hub,
            number: Some(number),
        }
    }

    /// The transaction was committed.
    pub fn committed(mut self) {
        if let Some(number) = self.number.take() {
            self.hub.confirm(number);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.hub.revoke(number);
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// All claims of one hub that still matter: those of transactions that are under way, or not yet read in the log.
#[derive(Debug, Default)]
pub(super) struct Claims {
    all: Vec<Claimed>,
    last_number: u64,
}

/// One claim.
#[derive(Debug)]
pub(super) struct Claimed {
    number: u64,
    after: ModSeq,
    upto: ModSeq,
    by: Origin,
    /// Until it is confirmed: the present flags of each message that was taken for the session's change, in case the
    /// session has to be told after all. `None` once it is.
    unconfirmed: Option<BTreeMap<Uid, (Flags, ModSeq)>>,
}

impl Claimed {
    pub(super) fn into_unconfirmed(self) -> BTreeMap<Uid, (Flags, ModSeq)> {
        self.unconfirmed.unwrap_or_default()
    }
}

impl Claims {
    pub(super) fn add(&mut self, after: ModSeq, upto: ModSeq, by: Origin) -> u64 {
        self.last_number += 1;
        self.all.push(Claimed {
            number: self.last_number,
            after,
            upto,
            by,
            unconfirmed: Some(BTreeMap::new()),
        });
        self.last_number
    }

    pub(super) fn confirm(&mut self, number: u64, cursor: ModSeq) {
        if let Some(claimed) = self.all.iter_mut().find(|claimed| claimed.number == number) {
            claimed.unconfirmed = None;
        }
        self.forget_up_to(cursor);
    }

    pub(super) fn revoke(&mut self, number: u64) -> Option<Claimed> {
        let at = self.all.iter().position(|claimed| claimed.number == number)?;
        Some(self.all.swap_remove(at))
    }

    /// Who made the change of this version: whom the log names, or who claims it.
    pub(super) fn maker(&self, version: ModSeq, named: Origin) -> Origin {
        if named != Origin::EXTERNAL {
            return named;
        }
        let covers = |claimed: &&Claimed| claimed.after < version && version <= claimed.upto;
        let claimed = self.all.iter().find(covers);
        claimed.map_or(Origin::EXTERNAL, |claimed| claimed.by)
    }

    /// Notes the present flags of a message for the claims that may be revoked.
    pub(super) fn note(&mut self, by: Origin, uid: Uid, flags: &Flags, version: ModSeq) {
        for claimed in &mut self.all {
            let covers = claimed.by == by && claimed.after < version && version <= claimed.upto;
            if let Some(unconfirmed) = &mut claimed.unconfirmed
                && (covers || unconfirmed.contains_key(&uid))
            {
                unconfirmed.insert(uid, (flags.clone(), version));
            }
        }
    }

    /// What was confirmed and read in the log is done with.
    pub(super) fn forget_up_to(&mut self, cursor: ModSeq) {
        self.all
            .retain(|claimed| claimed.unconfirmed.is_some() || claimed.upto > cursor);
    }
}
