//! The second way in: changes that carry the store's own version, and come in any order, twice, or late.

use imap_seq::{ModSeq, Uid, UidSet};

use crate::guard::maker;
use crate::{Echo, Flags, HubGuard, Ingest, Origin, Recency};

/// A change as another node, a database's change feed or a notification channel reports it.
#[derive(Clone, Debug)]
pub enum Change {
    /// A message arrived.
    Arrived {
        /// Its UID.
        uid: Uid,
        /// Whether no session anywhere was told of it.
        recency: Recency,
    },
    /// Messages were expunged.
    Expunged(UidSet),
    /// A message's flags are now these.
    Flags {
        /// The message.
        uid: Uid,
        /// All its flags.
        flags: Flags,
        /// The session of this hub that did it, or [`Origin::EXTERNAL`].
        origin: Origin,
        /// Whether that session is told as well.
        echo: Echo,
    },
}

impl<S: ?Sized> HubGuard<'_, S> {
    /// Takes in a change that the store numbered itself: `version` is its mod-sequence, larger for later changes.
    ///
    /// For an MVCC database or several nodes, where commits become visible in another order than their numbers: the
    /// change counts once, whatever comes twice or too late, and the answer says what it was.
    ///
    /// * Flags: the highest version of a message wins, in whatever order they come.
    /// * An arrival or expunge counts once. An expunge that overtook its message's arrival is remembered.
    /// * [`Ingest::Late`] for flags also says that the history does not reach so far back: read the message's flags
    ///   and publish them with [`flags_changed`](Self::flags_changed).
    /// * [`Ingest::Late`] for an arrival: its expunge came first, and it was never shown; or a higher UID was announced
    ///   ([`hidden`](Self::hidden) has it then): allocate UIDs in the order of commits.
    ///
    /// Say with [`settle`](Self::settle) how far the stream is complete.
    pub fn ingest(&mut self, version: ModSeq, change: Change) -> Ingest {
        let done = match change {
            _ if self.peek().closed.is_some() => Ingest::Closed,
            _ if self.peek().is_in_snapshot(version) => Ingest::Duplicate,
            Change::Arrived { uid, recency } => self.ingest_arrival(version, uid, recency),
            Change::Expunged(uids) => self.ingest_expunge(version, &uids),
            Change::Flags {
                uid,
                flags,
                origin,
                echo,
            } => {
                let judged = self.state().judge_flags(uid, version);
                if judged == Ingest::Applied {
                    self.changing();
                    let maker = maker(origin, echo);
                    self.state().change_flags(uid, flags, maker, version)
                } else {
                    judged
                }
            }
        };
        if done == Ingest::Applied {
            self.state().reach(version);
        }
        self.counted(done)
    }

    /// All changes up to `version` have been ingested: HIGHESTMODSEQ may be told up to here, and not beyond, or a
    /// client that reconnects would never ask for what was still to come (RFC 7162 section 3.1.1).
    pub fn settle(&mut self, version: ModSeq) {
        self.state().settle_versions(version);
    }

    /// The UIDs expunged after `since`, for VANISHED (EARLIER); `None` when the hub's memory does not reach so far
    /// back. Then report as vanished whatever the client knows and the mailbox has not (RFC 7162 section 3.2.5.2).
    pub fn vanished_since(&self, since: ModSeq) -> Option<UidSet> {
        self.peek().expunges.since(since)
    }

    fn ingest_arrival(&mut self, version: ModSeq, uid: Uid, recency: Recency) -> Ingest {
        if self.peek().gone_before_arrival(uid, version) {
            return Ingest::Late;
        }
        let done = self.state().arrive(uid, recency);
        if done == Ingest::Applied {
            self.changing();
        }
        done
    }

    fn ingest_expunge(&mut self, version: ModSeq, uids: &UidSet) -> Ingest {
        if uids.is_empty() {
            return Ingest::Duplicate;
        }
        let known = self.peek().contains_any(uids);
        if !known && self.peek().all_known_expunged(uids) {
            return Ingest::Duplicate;
        }
        if known {
            self.changing();
        }
        let gone = self.state().expunge(uids, version);
        self.state().remember_early(uids, &gone, version);
        if gone.is_empty() {
            Ingest::Unknown
        } else {
            Ingest::Applied
        }
    }
}
