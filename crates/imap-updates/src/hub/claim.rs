//! `Claim`: whose changes these are, for a store whose log does not say.

use std::fmt;

use super::log_hub::LogHub;

/// The word of a session that the versions of a transaction are its own, given before the commit.
///
/// From the commit on, any thread may read the changes in the log; so the claim has to be there before. It is void
/// unless [`committed`](Self::committed) confirms it: a claim that is dropped is revoked, and its session is told of
/// whatever was taken for its own, if any of it was published meanwhile.
///
/// A transaction that fails frees its versions, and the next one that commits gets them. Its changes are taken for this
/// session's until the claim is revoked; then the session is told of them. The order in which transaction and claim are
/// dropped matters little for that: a commit takes the transaction, so in `transaction.commit()?` the versions are free
/// before the claim is dropped, and if the one who gets them claims them, the earlier claim is revoked by the later one. Let
/// the claim end with the block that commits, and begin no other transaction of the session's before.
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
