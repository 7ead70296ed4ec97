//! Which messages changed their flags since a position: one entry per message, last change wins.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};

use imap_seq::{ModSeq, Uid};

use super::makers::PastMakers;
use super::positions::Position;
use crate::{Echo, Flags, Origin};

/// What is known of one message whose flags changed.
#[derive(Debug)]
struct Entry {
    /// The last change.
    last: Position,
    /// Who made it.
    by: Origin,
    /// The last change by somebody else than `by`, or one that `by` is told of as well; 0 for none.
    other: Position,
    modseq: ModSeq,
    flags: Flags,
}

impl Entry {
    /// Whether `session`, at `position`, has yet to be told: of everything that others did, and of nothing that
    /// only it did itself.
    fn concerns(&self, session: Origin, position: Position) -> bool {
        if self.by == session {
            self.other > position
        } else {
            self.last > position
        }
    }
}

/// A message's flags after a change, as a session has yet to be told.
#[derive(Clone, Debug)]
pub(crate) struct FlagsNow {
    pub(crate) uid: Uid,
    pub(crate) flags: Flags,
    pub(crate) modseq: ModSeq,
}

/// The flag changes of one mailbox.
///
/// `log` has the order, `entries` the truth: a pair in the log whose message changed again later is stale, and the
/// log is rewritten before stale pairs outnumber the others. So a message that flips 100,000 times costs one entry.
#[derive(Debug)]
pub(crate) struct FlagHistory {
    entries: HashMap<Uid, Entry, Spread>,
    log: VecDeque<(Position, Uid)>,
    /// Length of the log at which it is looked through for what nobody needs.
    prune_at: usize,
    /// Most entries that are kept, whoever still needs them.
    limit: usize,
    /// Changes up to here may have been dropped by `limit`: a session before it must have its flags restated.
    lost: Position,
    /// Who made the changes that were dropped, if that is asked for.
    past: Option<PastMakers>,
}

/// Hashes a UID by one multiplication. UIDs are the store's own: nobody can choose them to collide.
#[derive(Clone, Copy, Debug, Default)]
struct Spread;

#[derive(Debug)]
struct SpreadUid(u64);

impl BuildHasher for Spread {
    type Hasher = SpreadUid;

    fn build_hasher(&self) -> SpreadUid {
        SpreadUid(0)
    }
}

impl Hasher for SpreadUid {
    fn write(&mut self, octets: &[u8]) {
        octets.iter().for_each(|&octet| self.write_u32(octet.into()));
    }

    fn write_u32(&mut self, number: u32) {
        // 2^64 divided by the golden ratio.
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        // The table takes its place from the low bits and a tag from the high ones.
        self.0.rotate_left(26)
    }
}

const PRUNE_FLOOR: usize = 256;

impl FlagHistory {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            entries: HashMap::default(),
            log: VecDeque::new(),
            prune_at: PRUNE_FLOOR,
            limit,
            lost: 0,
            past: None,
        }
    }

    /// From now on [`changed_by_another`](Self::changed_by_another) knows of changes that were dropped as well.
    pub(crate) fn remember_makers(&mut self) {
        self.past.get_or_insert_default();
    }

    /// No session is left that was told of anything.
    pub(crate) fn forget_all(&mut self) {
        self.prune(Position::MAX);
        if let Some(past) = &mut self.past {
            *past = PastMakers::default();
        }
    }

    /// Records that `by` gave `uid` these flags at `position`, the newest one. With [`Echo::Tell`] the maker is told like
    /// everybody else.
    pub(crate) fn record(&mut self, position: Position, (by, echo): (Origin, Echo), change: FlagsNow) {
        let FlagsNow { uid, flags, modseq } = change;
        let told_to_maker = match echo {
            Echo::Tell => position,
            Echo::Silent => 0,
        };
        match self.entries.get_mut(&uid) {
            Some(entry) => {
                if entry.by != by {
                    (entry.other, entry.by) = (entry.last, by);
                }
                entry.other = entry.other.max(told_to_maker);
                let again = entry.last == position;
                (entry.last, entry.modseq, entry.flags) = (position, modseq, flags);
                if again {
                    return;
                }
            }
            None => {
                let entry = Entry {
                    last: position,
                    by,
                    other: told_to_maker,
                    modseq,
                    flags,
                };
                self.entries.insert(uid, entry);
            }
        }
        self.log.push_back((position, uid));
    }

    /// Whether somebody else than `by` changed the flags of `uid` since a session was there to be told.
    pub(crate) fn changed_by_another(&self, uid: Uid, by: Origin) -> bool {
        let remembered = self.entries.get(&uid);
        remembered.is_some_and(|entry| entry.by != by || entry.other > 0)
            || (self.past.as_ref()).is_some_and(|past| past.changed_by_another(uid, by))
    }

    /// Forgets an expunged message.
    pub(crate) fn expunge(&mut self, uid: Uid) {
        // Its pair in the log is stale from now on.
        self.entries.remove(&uid);
    }

    /// The last change of `uid` that is remembered.
    pub(crate) fn get(&self, uid: Uid) -> Option<(&Flags, ModSeq)> {
        self.entries.get(&uid).map(|entry| (&entry.flags, entry.modseq))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (Uid, &Flags, ModSeq)> {
        self.entries
            .iter()
            .map(|(uid, entry)| (*uid, &entry.flags, entry.modseq))
    }

    /// Changes at or before this position may be missing.
    pub(crate) fn lost(&self) -> Position {
        self.lost
    }

    /// What `session` at `position` has yet to be told, unsorted, each message once.
    pub(crate) fn since(&self, position: Position, session: Origin) -> impl Iterator<Item = FlagsNow> + '_ {
        let start = self.log.partition_point(|&(at, _)| at <= position);
        self.log.range(start..).filter_map(move |&(at, uid)| {
            let entry = self.entries.get(&uid)?;
            let current = entry.last == at && entry.concerns(session, position);
            current.then(|| FlagsNow {
                uid,
                flags: entry.flags.clone(),
                modseq: entry.modseq,
            })
        })
    }

    /// Whether a look through the log, and at all sessions, is due. Amortised: the log has doubled since the last one,
    /// and is no shorter than the list of sessions.
    pub(crate) fn wants_pruning(&self, sessions: usize) -> bool {
        self.log.len() >= self.prune_at.max(sessions) || self.entries.len() > self.limit
    }

    /// Drops what no session needs: all up to `oldest`, all stale pairs, and the oldest beyond the limit.
    pub(crate) fn prune(&mut self, oldest: Position) {
        let (entries, past) = (&mut self.entries, &mut self.past);
        self.log.retain(|&(at, uid)| {
            if entries.get(&uid).is_none_or(|entry| entry.last != at) {
                return false;
            }
            let needed = at > oldest;
            if !needed {
                drop_entry(entries, past, uid);
            }
            needed
        });
        self.shrink_to_limit();
        self.prune_at = (self.log.len() * 2).max(PRUNE_FLOOR);
        if self.entries.capacity() > PRUNE_FLOOR && self.entries.len() * 16 < self.entries.capacity() {
            self.entries.shrink_to(self.entries.len() * 2);
            self.log.shrink_to(self.log.len() * 2);
        }
    }

    /// Keeps the newest half of the limit, so that the next look is amortised as well.
    fn shrink_to_limit(&mut self) {
        if self.entries.len() <= self.limit {
            return;
        }
        while self.entries.len() > self.limit / 2 {
            let Some((at, uid)) = self.log.pop_front() else {
                return;
            };
            drop_entry(&mut self.entries, &mut self.past, uid);
            self.lost = at;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

fn drop_entry(entries: &mut HashMap<Uid, Entry, Spread>, past: &mut Option<PastMakers>, uid: Uid) {
    let (Some(entry), Some(past)) = (entries.remove(&uid), past) else {
        return;
    };
    if entry.other == 0 {
        past.add_sole(uid, entry.by);
    } else {
        past.add_several(uid);
    }
}
