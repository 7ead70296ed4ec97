//! What a hub knows of one mailbox: every field is guarded by the history's lock.

use std::sync::Arc;

use imap_seq::{MailboxIndex, ModSeq, NotAscending, Uid, UidSet};

use super::claims::Claims;
use super::expunges::ExpungeHistory;
use super::flags::{FlagHistory, FlagsNow};
use super::positions::Position;
use super::{Closed, Ingest, IngestCounts, Limits, Recency, Snapshot};
use crate::{Echo, Flags, Keyword, Origin};

/// The messages of one mailbox, and what happened to them.
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
    /// `\Recent` messages that no read-write session has claimed.
    pub(crate) recent: UidSet,
    pub(crate) keywords: Arc<[Keyword]>,
    pub(crate) flags: FlagHistory,
    pub(crate) expunges: ExpungeHistory,
    pub(crate) claims: Claims,
    /// Critical sections that changed something.
    pub(crate) position: Position,
    /// What may be told as HIGHESTMODSEQ: nothing at or below it is still to come.
    pub(crate) highest_modseq: ModSeq,
    /// The highest UIDNEXT that the store reported, 2^32 if it has no UID left; 0 if it reported none.
    uid_next: u64,
    pub(crate) closed: Option<Closed>,
    pub(crate) name: Option<Arc<str>>,
    most_keywords: usize,
    pub(crate) counts: IngestCounts,
}

impl State {
    pub(crate) fn new(snapshot: Snapshot, limits: Limits) -> Result<Self, NotAscending> {
        let Snapshot {
            uids,
            recent,
            highest_modseq,
            keywords,
        } = snapshot;
        let index = MailboxIndex::from_ascending(uids)?;
        let mut state = Self {
            highest_arrived: index.highest_ever(),
            index,
            staged: UidSet::new(),
            hidden: UidSet::new(),
            recent: UidSet::new(),
            keywords: Arc::from([]),
            flags: FlagHistory::new(limits.flag_changes),
            expunges: ExpungeHistory::new(limits.expunge_records, highest_modseq),
            claims: Claims::default(),
            position: 0,
            highest_modseq,
            uid_next: 0,
            closed: None,
            name: None,
            most_keywords: limits.keywords,
            counts: IngestCounts::default(),
        };
        state.recent = recent.iter().filter(|&uid| state.index.contains(uid)).collect();
        state.define_keywords(&keywords);
        Ok(state)
    }

    /// Gives staged messages their place, in order. From now on a lower UID is late.
    pub(crate) fn place_arrivals(&mut self) {
        for uid in std::mem::take(&mut self.staged).iter() {
            let placed = self.index.append(uid);
            debug_assert_eq!(placed, Ok(()), "only UIDs above the index are staged");
        }
    }

    /// Messages that no session has been told of, says the store. Of UIDs that are no messages nothing is noted. O(those that
    /// are there).
    pub(crate) fn add_recent(&mut self, recent: &UidSet) {
        self.place_arrivals();
        let view = self.index.view();
        let there = view.resolve_saved(recent);
        self.recent.extend(view.uids_in(&there));
    }

    pub(crate) fn contains(&self, uid: Uid) -> bool {
        self.index.contains(uid) || self.staged.contains(uid)
    }

    /// Whether the store has the message, as far as was reported: hidden ones included.
    pub(crate) fn has(&self, uid: Uid) -> bool {
        self.contains(uid) || self.hidden.contains(uid)
    }

    /// All messages that the store has, as far as was reported, hidden ones included. O(messages).
    pub(crate) fn all(&self) -> impl Iterator<Item = Uid> {
        let shown = self.index.view();
        let shown: Vec<Uid> = shown.uids().collect();
        shown
            .into_iter()
            .chain(self.staged.iter())
            .chain(self.hidden.iter())
    }

    pub(crate) fn len(&self) -> u32 {
        let staged = u32::try_from(self.staged.len()).unwrap_or(u32::MAX);
        self.index.len().saturating_add(staged)
    }

    pub(crate) fn arrive(&mut self, uid: Uid, recency: Recency) -> Ingest {
        let done = self.judge_arrival(uid);
        match done {
            Ingest::Applied => {
                self.staged.insert(uid);
                self.highest_arrived = self.highest_arrived.max(Some(uid));
                if recency == Recency::Recent {
                    self.recent.insert(uid);
                }
            }
            Ingest::Late => {
                self.hidden.insert(uid);
            }
            _ => {}
        }
        done
    }

    /// What the arrival of `uid` is, before it is applied.
    pub(crate) fn judge_arrival(&self, uid: Uid) -> Ingest {
        if self.closed.is_some() {
            Ingest::Closed
        } else if self.has(uid) {
            Ingest::Duplicate
        } else if Some(uid) <= self.highest_arrived && self.expunges.contains(uid) {
            Ingest::Reused
        } else if Some(uid) <= self.index.highest_ever() {
            Ingest::Late
        } else {
            Ingest::Applied
        }
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
            None => uids.iter().any(|uid| self.has(uid)),
        }
    }

    /// Expunges them, with mod-sequences between these two. Returns those that were there.
    pub(crate) fn expunge(&mut self, uids: &UidSet, modseqs: (ModSeq, ModSeq)) -> UidSet {
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
        self.expunges.record(self.position, modseqs, &gone);
        gone
    }

    pub(crate) fn change_flags(
        &mut self,
        uid: Uid,
        flags: Flags,
        by: (Origin, Echo),
        modseq: ModSeq,
    ) -> Ingest {
        if self.closed.is_some() {
            return Ingest::Closed;
        }
        if !self.contains(uid) {
            return Ingest::Unknown;
        }
        self.define_keywords(flags.keywords());
        self.flags
            .record(self.position, by, FlagsNow { uid, flags, modseq });
        Ingest::Applied
    }

    /// Counts an answer, and gives it back.
    pub(crate) const fn counted(&mut self, done: Ingest) -> Ingest {
        self.counts.count(done);
        done
    }

    /// What speaks against a change of messages of which `known` says whether they are here.
    pub(crate) fn refusal(&mut self, known: impl FnOnce(&Self) -> bool) -> Result<(), Ingest> {
        if self.closed.is_some() {
            Err(self.counted(Ingest::Closed))
        } else if known(self) {
            Ok(())
        } else {
            Err(self.counted(Ingest::Unknown))
        }
    }

    /// The highest UID that ever arrived.
    pub(crate) const fn highest_uid(&self) -> Option<Uid> {
        self.highest_arrived
    }

    /// Whether the mailbox does not define one of these keywords, and has room for it.
    pub(crate) fn lacks_keyword(&self, keywords: &[Keyword]) -> bool {
        let unknown = |keyword: &Keyword| self.keywords.binary_search(keyword).is_err();
        self.keywords.len() < self.most_keywords && keywords.iter().any(unknown)
    }

    /// Adds keywords to the mailbox's, as many as its bound has room for; cheap when all are known.
    pub(crate) fn define_keywords(&mut self, keywords: &[Keyword]) {
        if !self.lacks_keyword(keywords) {
            return;
        }
        let unknown = |keyword: &&Keyword| self.keywords.binary_search(keyword).is_err();
        let mut all: Vec<Keyword> = keywords.iter().filter(unknown).cloned().collect();
        all.sort();
        all.dedup();
        all.truncate(self.most_keywords - self.keywords.len());
        all.extend(self.keywords.iter().cloned());
        all.sort();
        self.keywords = all.into();
    }

    /// The store's UIDNEXT, `None` when it has no UID left. It never goes back.
    pub(crate) fn set_uid_next(&mut self, uid_next: Option<Uid>) {
        let said = uid_next.map_or(1 << 32, |uid| u64::from(uid.get()));
        self.uid_next = self.uid_next.max(said);
    }

    /// The UID that the next message has at least; `None` when none is left.
    pub(crate) fn uid_next(&self) -> Option<Uid> {
        let above = self.highest_arrived.map_or(1, |uid| u64::from(uid.get()) + 1);
        u32::try_from(above.max(self.uid_next)).ok().and_then(Uid::new)
    }

    /// The next mod-sequence after `last`. At the end of the 63 bits it stays there: 292 years of one change per
    /// nanosecond.
    pub(crate) fn modseq_after(last: ModSeq) -> ModSeq {
        last.next().unwrap_or(ModSeq::MAX)
    }

    /// Nobody has the mailbox open: nobody needs the flag changes, and messages that came too late take their place,
    /// because there is no numbering that they could shift.
    pub(crate) fn tidy_without_sessions(&mut self) {
        self.flags.forget_all();
        if self.hidden.is_empty() {
            return;
        }
        self.place_arrivals();
        let all: UidSet = self.index.view().uids().chain(self.hidden.iter()).collect();
        if let Ok(index) = MailboxIndex::from_ascending(all.iter()) {
            self.index = index;
            self.hidden = UidSet::new();
        }
    }
}
