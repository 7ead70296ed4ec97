//! A mailbox as its client believes it to be.

use std::collections::HashMap;

use imap_backend_test::{ClientModel, Contradiction};
use imap_seq::{Expunges, ModSeq, SeqNum, Uid, UidSet};
use imap_updates::Untagged;

use super::remembered::Remembered;
use crate::rule::Rule;

/// The mailbox that is selected, or that SELECT is about.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) name: Option<String>,
    pub(super) view: ClientModel,
    pub(super) has_flags: bool,
    pub(super) has_exists: bool,
    pub(super) has_recent: bool,
    pub(super) has_permanent_flags: bool,
    pub(super) has_list: bool,
    pub(super) keeps_no_modseqs: bool,
    pub(super) uid_validity: Option<u32>,
    pub(super) uid_next: Option<u32>,
    is_open: bool,
    /// UIDNEXT as SELECT said it: what has come since has no lower UID.
    first_next: Option<UidNext>,
    /// UIDNEXT as it was said last: what was there then has a lower UID. What came since may have one, too: UIDNEXT may be said in front
    /// of EXISTS.
    last_next: Option<UidNext>,
    pub(super) highest: Option<u64>,
    sizes: HashMap<Uid, u64>,
}

/// UIDNEXT, and how many of the messages were there when it was said.
#[derive(Clone, Copy, Debug)]
struct UidNext {
    uid: u32,
    before: u32,
}

impl UidNext {
    fn expunge(&mut self, seq: SeqNum) {
        self.before -= u32::from(seq.get() <= self.before);
    }

    /// Those below it were there. Where UIDNEXT was said in front of EXISTS, too many are taken off, and of some nothing is known.
    fn vanish(&mut self, uids: &UidSet) {
        let last = Uid::new(self.uid.saturating_sub(1));
        let gone = last.map_or(0, |last| uids.range_len(Uid::MIN, last));
        self.before = self
            .before
            .saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
    }
}

/// What one FETCH said of a message.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) uid: Option<Uid>,
    pub(super) has_flags: bool,
    pub(super) has_other: bool,
    pub(super) modseq: Option<u64>,
    pub(super) size: Option<u64>,
    /// Octets of `BODY[]`.
    pub(super) whole: Option<u64>,
    /// The most octets of a partial.
    pub(super) partial: Option<u64>,
}

type Broken = (Rule, String);

impl Selected {
    pub(super) fn new(name: Option<String>) -> Self {
        Self {
            name,
            view: ClientModel::selected(0),
            has_flags: false,
            has_exists: false,
            has_recent: false,
            has_permanent_flags: false,
            has_list: false,
            keeps_no_modseqs: false,
            uid_validity: None,
            uid_next: None,
            is_open: false,
            first_next: None,
            last_next: None,
            highest: None,
            sizes: HashMap::new(),
        }
    }

    /// SELECT was answered OK.
    pub(super) fn opened(&mut self) {
        self.is_open = true;
        self.say_uid_next(self.uid_next);
        self.first_next = self.last_next;
    }

    pub(super) fn say_uid_next(&mut self, uid: Option<u32>) {
        self.uid_next = uid;
        // Until SELECT was answered nobody knows how many are there.
        let before = self.view.exists();
        self.last_next = uid.filter(|_| self.is_open).map(|uid| UidNext { uid, before });
    }

    fn nexts(&mut self) -> impl Iterator<Item = &mut UidNext> {
        [&mut self.first_next, &mut self.last_next].into_iter().flatten()
    }

    pub(super) fn remembered(&self) -> Remembered {
        Remembered {
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            highest: self.highest,
        }
    }

    pub(super) fn exists(&mut self, number: u32) -> Result<(), Contradiction> {
        self.has_exists = true;
        self.view
            .apply(&Untagged::Exists(number), Expunges::Hold)
            .map(drop)
    }

    pub(super) fn recent(&mut self, number: u32) -> Result<(), Contradiction> {
        let is_early = !std::mem::replace(&mut self.has_recent, true) && !self.has_exists;
        match is_early {
            // SELECT may say RECENT first.
            true => Ok(()),
            false => self
                .view
                .apply(&Untagged::Recent(number), Expunges::Hold)
                .map(drop),
        }
    }

    pub(super) fn expunge(&mut self, seq: SeqNum, expunges: Expunges) -> Result<(), Contradiction> {
        let uid = self.view.uid_of(seq);
        self.view.apply(&Untagged::Expunge(seq), expunges)?;
        self.nexts().for_each(|next| next.expunge(seq));
        if let Some(uid) = uid {
            self.sizes.remove(&uid);
        }
        Ok(())
    }

    pub(super) fn vanish(&mut self, uids: &UidSet, expunges: Expunges) -> Result<(), Contradiction> {
        self.view.apply(&Untagged::Vanished(uids), expunges)?;
        self.nexts().for_each(|next| next.vanish(uids));
        self.sizes.retain(|uid, _| !uids.contains(*uid));
        Ok(())
    }

    /// The UID, as far as it follows from what was said before.
    pub(super) fn learn(&mut self, seq: SeqNum, told: &Told) -> Result<Option<Broken>, Contradiction> {
        let Some(uid) = told.uid else {
            return Ok(None);
        };
        let is_new = self.view.uid_of(seq).is_none();
        self.view.learn(seq, uid)?;
        if !is_new {
            return Ok(None);
        }
        let is_below = |next: &UidNext| uid.get() < next.uid;
        let was_there = |next: &UidNext| seq.get() <= next.before;
        let came_with_less = self.first_next.filter(|next| !was_there(next) && is_below(next));
        let had_more = self.nexts().find(|next| was_there(next) && !is_below(next));
        let wrong = match (came_with_less, had_more) {
            (Some(next), _) => Some((next.uid, "came")),
            (None, Some(next)) => Some((next.uid, "was there")),
            (None, None) => None,
        };
        Ok(wrong.map(|(next, came)| {
            let what = format!("UID {uid} of a message that {came} when UIDNEXT was {next}");
            (Rule::UidNext, what)
        }))
    }

    /// The mod-sequence beside the one before, and beside HIGHESTMODSEQ.
    pub(super) fn learn_modseq(&mut self, uid: Uid, modseq: u64) -> Option<Broken> {
        let Some(new) = ModSeq::new(modseq) else {
            let what = format!("MODSEQ {modseq} of UID {uid}");
            return (!self.keeps_no_modseqs).then_some((Rule::ModSeqBack, what));
        };
        let before = self.view.modseq_of(uid).map(ModSeq::get);
        self.view.learn_modseq(uid, new);
        let before = before?;
        if modseq < before {
            return Some((
                Rule::ModSeqBack,
                format!("MODSEQ {modseq} of UID {uid}, it was {before}"),
            ));
        }
        let highest = self.highest?;
        (modseq > before && modseq <= highest).then(|| {
            let what = format!("UID {uid} changed at {modseq}, which was told after HIGHESTMODSEQ {highest}");
            (Rule::HighestModSeqEarly, what)
        })
    }

    /// RFC822.SIZE beside the octets, and beside what it was before.
    pub(super) fn learn_size(&mut self, seq: SeqNum, told: &Told) -> Option<Broken> {
        let uid = told.uid.or_else(|| self.view.uid_of(seq));
        let before = uid.and_then(|uid| self.sizes.get(&uid).copied());
        if let (Some(uid), Some(size)) = (uid, told.size) {
            self.sizes.insert(uid, size);
        }
        let said = told.size.or(before)?;
        let differs = |other: Option<u64>| other.filter(|other| *other != said);
        if let Some(whole) = differs(told.whole) {
            return Some((
                Rule::MessageSize,
                format!("RFC822.SIZE {said}, and {whole} octets"),
            ));
        }
        let before = differs(before)?;
        Some((Rule::MessageSize, format!("RFC822.SIZE {said}, it was {before}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mailbox of which the client was told UID and size of three messages.
    fn with_sizes() -> Selected {
        let mut selected = Selected::new(None);
        selected.exists(3).unwrap();
        for number in 1..=3 {
            let (seq, told) = (
                SeqNum::new(number).unwrap(),
                Told {
                    uid: Uid::new(number * 10),
                    size: Some(7),
                    ..Told::default()
                },
            );
            assert!(selected.learn(seq, &told).unwrap().is_none());
            assert!(selected.learn_size(seq, &told).is_none());
        }
        selected
    }

    fn sizes(selected: &Selected) -> Vec<u32> {
        let mut uids: Vec<u32> = selected.sizes.keys().map(|uid| uid.get()).collect();
        uids.sort_unstable();
        uids
    }

    #[test]
    fn the_size_of_a_message_is_forgotten_with_it() {
        let mut selected = with_sizes();
        selected
            .expunge(SeqNum::new(2).unwrap(), Expunges::Release)
            .unwrap();
        assert_eq!(sizes(&selected), [10, 30]);
        let uids: UidSet = [Uid::new(30).unwrap()].into_iter().collect();
        selected.vanish(&uids, Expunges::Release).unwrap();
        assert_eq!(sizes(&selected), [10]);
    }
}
