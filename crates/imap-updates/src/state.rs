//! What a hub keeps of one mailbox under its lock, beside the storage.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_seq::{MailboxIndex, ModSeq, NotAscending, Uid, UidSet};

use crate::expunge_history::ExpungeHistory;
use crate::flag_history::{FlagChange, FlagHistory};
use crate::positions::Position;
use crate::{Closed, Flags, Ingest, IngestCounts, Keyword, Limits, Origin, Recency, Snapshot};

/// The history of one mailbox. Every field is guarded by the hub's lock.
#[derive(Debug)]
pub(crate) struct State {
    /// Messages that some session may have been told of.
    pub(crate) index: MailboxIndex,
    /// Messages that arrived since somebody last looked: they may still arrive in any order.
    staged: UidSet,
    /// The highest UID that ever arrived, staged ones included.
    highest_arrived: Option<Uid>,
    /// Messages that arrived too late to take their place: nobody sees them while a session is open.
    pub(crate) hidden: UidSet,
    /// UIDs whose expunge was reported before their arrival.
    gone_early: BTreeMap<Uid, ModSeq>,
    /// `\Recent` messages that no read-write session has claimed.
    pub(crate) recent: UidSet,
    pub(crate) keywords: Arc<[Keyword]>,
    pub(crate) flags: FlagHistory,
    pub(crate) expunges: ExpungeHistory,
    /// Critical sections that changed something.
    pub(crate) position: Position,
    pub(crate) highest_modseq: ModSeq,
    /// The HIGHESTMODSEQ that the mailbox began with: changes up to it are in the snapshot.
    base: ModSeq,
    /// With versions that come in any order: all changes up to here have come.
    settled: Option<ModSeq>,
    pub(crate) closed: Option<Closed>,
    pub(crate) name: Option<Arc<str>>,
    limits: Limits,
    pub(crate) counts: IngestCounts,
}

impl State {
    pub(crate) fn new(snapshot: Snapshot, limits: Limits) -> Result<Self, NotAscending> {
        let Snapshot {
            uids,
            recent,
            highest_modseq,
            mut keywords,
        } = snapshot;
        let index = MailboxIndex::from_ascending(uids)?;
        let mut state = Self {
            highest_arrived: index.highest_ever(),
            index,
            staged: UidSet::new(),
            hidden: UidSet::new(),
            gone_early: BTreeMap::new(),
            recent: UidSet::new(),
            keywords: Arc::from([]),
            flags: FlagHistory::new(limits.flag_changes),
            expunges: ExpungeHistory::new(limits.expunge_records, highest_modseq),
            position: 0,
            highest_modseq,
            base: highest_modseq,
            settled: None,
            closed: None,
            name: None,
            limits,
            counts: IngestCounts::default(),
        };
        state.recent = recent.iter().filter(|&uid| state.index.contains(uid)).collect();
        keywords.sort();
        keywords.dedup();
        state.keywords = keywords.into();
        Ok(state)
    }

    /// Gives staged messages their place, in order. From now on a lower UID is late.
    pub(crate) fn settle_arrivals(&mut self) {
        for uid in std::mem::take(&mut self.staged).iter() {
            let placed = self.index.append(uid);
            debug_assert_eq!(placed, Ok(()), "only UIDs above the index are staged");
        }
    }

    pub(crate) fn contains(&self, uid: Uid) -> bool {
        self.index.contains(uid) || self.staged.contains(uid)
    }

    pub(crate) fn len(&self) -> u32 {
        let staged = u32::try_from(self.staged.len()).unwrap_or(u32::MAX);
        self.index.len().saturating_add(staged)
    }

    pub(crate) fn arrive(&mut self, uid: Uid, recency: Recency) -> Ingest {
        if self.closed.is_some() {
            return Ingest::Closed;
        }
        if self.contains(uid) || self.hidden.contains(uid) {
            return Ingest::Duplicate;
        }
        if Some(uid) <= self.highest_arrived && self.expunges.contains(uid) {
            return Ingest::Reused;
        }
        if Some(uid) <= self.index.highest_ever() {
            self.hidden.insert(uid);
            return Ingest::Late;
        }
        self.staged.insert(uid);
        self.highest_arrived = self.highest_arrived.max(Some(uid));
        if recency == Recency::Recent {
            self.recent.insert(uid);
        }
        Ingest::Applied
    }

    /// Those of `uids` that are in the mailbox, if `uids` is larger than it: a range up to the largest UID has
    /// 4,294,967,295 members. `None` for a smaller set, which is cheaper as it is.
    fn present_in_large(&self, uids: &UidSet) -> Option<UidSet> {
        if uids.len() <= u64::from(self.len()) {
            return None;
        }
        let shown = self
            .index
            .view()
            .uids()
            .filter(|&uid| uids.contains(uid))
            .collect::<UidSet>();
        Some(
            shown
                .union(&self.staged.intersection(uids))
                .union(&self.hidden.intersection(uids)),
        )
    }

    /// Whether any of `uids` is in the mailbox, hidden ones included. O(smaller of the two).
    pub(crate) fn contains_any(&self, uids: &UidSet) -> bool {
        match self.present_in_large(uids) {
            Some(present) => !present.is_empty(),
            None => uids
                .iter()
                .any(|uid| self.contains(uid) || self.hidden.contains(uid)),
        }
    }

    /// Returns those that were there.
    pub(crate) fn expunge(&mut self, uids: &UidSet, modseq: ModSeq) -> UidSet {
        let present = self.present_in_large(uids);
        let uids = present.as_ref().unwrap_or(uids);
        let mut gone = self.index.expunge_all(uids);
        if !self.staged.is_empty() {
            let staged = self.staged.intersection(uids);
            self.staged = self.staged.difference(&staged);
            gone = gone.union(&staged);
        }
        if !self.hidden.is_empty() {
            let hidden = self.hidden.intersection(uids);
            self.hidden = self.hidden.difference(&hidden);
            gone = gone.union(&hidden);
        }
        if gone.is_empty() {
            return gone;
        }
        if !self.recent.is_empty() {
            self.recent = self.recent.difference(&gone);
        }
        if self.flags.len() > 0 {
            gone.iter().for_each(|uid| self.flags.expunge(uid));
        }
        self.expunges.record(self.position, modseq, &gone);
        gone
    }

    /// An expunge can overtake its message's arrival on the way from another node: remembers those of `uids` that were
    /// never here, `gone` being those that were until now.
    pub(crate) fn remember_early(&mut self, uids: &UidSet, gone: &UidSet, version: ModSeq) {
        if uids.len() == gone.len() {
            return;
        }
        let never_here = uids.difference(&self.expunges.remembered());
        for uid in never_here.iter().take(self.limits.early_expunges) {
            let latest = self.gone_early.entry(uid).or_insert(version);
            *latest = version.max(*latest);
        }
        while self.gone_early.len() > self.limits.early_expunges {
            let oldest = self.gone_early.iter().min_by_key(|(_, version)| **version);
            let Some(oldest) = oldest.map(|(uid, _)| *uid) else {
                return;
            };
            self.gone_early.remove(&oldest);
        }
    }

    /// Whether the snapshot that the mailbox began with has this change already.
    pub(crate) fn is_in_snapshot(&self, version: ModSeq) -> bool {
        version <= self.base
    }

    /// Whether the expunge of this message came before its arrival of `version`.
    pub(crate) fn gone_before_arrival(&self, uid: Uid, version: ModSeq) -> bool {
        // It stays remembered: the arrival may come a second time.
        self.gone_early
            .get(&uid)
            .is_some_and(|&expunged| expunged >= version)
    }

    /// Whether `uid` was reported expunged, as far as is remembered.
    pub(crate) fn known_expunged(&self, uid: Uid) -> bool {
        self.gone_early.contains_key(&uid) || self.expunges.contains(uid)
    }

    /// Whether all of `uids` were reported expunged, as far as is remembered.
    pub(crate) fn all_known_expunged(&self, uids: &UidSet) -> bool {
        let rest = uids.difference(&self.expunges.remembered());
        rest.len() <= self.gone_early.len() as u64
            && rest.iter().all(|uid| self.gone_early.contains_key(&uid))
    }

    pub(crate) fn change_flags(&mut self, uid: Uid, flags: Flags, by: Origin, modseq: ModSeq) -> Ingest {
        if self.closed.is_some() {
            return Ingest::Closed;
        }
        if !self.contains(uid) {
            return Ingest::Unknown;
        }
        self.define_keywords(flags.keywords());
        self.flags
            .record(self.position, by, FlagChange { uid, flags, modseq });
        Ingest::Applied
    }

    /// What a change with the store's own version is, before it is applied.
    pub(crate) fn judge_flags(&self, uid: Uid, version: ModSeq) -> Ingest {
        if self.closed.is_some() {
            return Ingest::Closed;
        }
        if !self.contains(uid) {
            return if self.known_expunged(uid) {
                Ingest::Late
            } else {
                Ingest::Unknown
            };
        }
        match self.flags.modseq(uid) {
            Some(known) if version == known => Ingest::Duplicate,
            Some(known) if version < known => Ingest::Late,
            Some(_) => Ingest::Applied,
            None if Some(version) <= self.flags.forgotten() => Ingest::Late,
            None => Ingest::Applied,
        }
    }

    /// Adds keywords to the mailbox's; cheap when all are known.
    pub(crate) fn define_keywords(&mut self, keywords: &[Keyword]) {
        let new = |keyword: &&Keyword| self.keywords.binary_search(keyword).is_err();
        if !keywords.iter().any(|keyword| new(&keyword)) {
            return;
        }
        let mut all: Vec<Keyword> = self.keywords.to_vec();
        all.extend(keywords.iter().filter(new).cloned());
        all.sort();
        all.dedup();
        self.keywords = all.into();
    }

    /// The next mod-sequence. At the end of the 63 bits it stays there: 292 years of one change per nanosecond.
    pub(crate) fn next_modseq(&mut self) -> ModSeq {
        self.highest_modseq = self.highest_modseq.next().unwrap_or(ModSeq::MAX);
        self.highest_modseq
    }

    /// A change of this version was taken in.
    pub(crate) fn reach(&mut self, version: ModSeq) {
        self.highest_modseq = self.highest_modseq.max(version);
    }

    pub(crate) fn settle_versions(&mut self, version: ModSeq) {
        self.settled = self.settled.max(Some(version));
    }

    /// What may be told as HIGHESTMODSEQ: nothing at or below it is still to come.
    pub(crate) fn told_highest_modseq(&self) -> ModSeq {
        self.settled
            .map_or(self.highest_modseq, |settled| settled.min(self.highest_modseq))
    }

    /// Messages that came too late take their place as soon as nobody can be confused by it.
    pub(crate) fn nobody_listens(&mut self) {
        self.flags.prune(Position::MAX);
        if self.hidden.is_empty() {
            return;
        }
        self.settle_arrivals();
        let all: UidSet = self.index.view().uids().chain(self.hidden.iter()).collect();
        if let Ok(index) = MailboxIndex::from_ascending(all.iter()) {
            self.index = index;
            self.hidden = UidSet::new();
        }
    }
}
