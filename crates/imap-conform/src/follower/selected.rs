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
    /// Of the messages, so many were there when UIDNEXT was said; not known until SELECT was answered.
    before_uid_next: Option<u32>,
    pub(super) highest: Option<u64>,
    sizes: HashMap<Uid, u64>,
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
            before_uid_next: None,
            highest: None,
            sizes: HashMap::new(),
        }
    }

    /// SELECT was answered OK.
    pub(super) fn opened(&mut self) {
        self.before_uid_next = Some(self.view.exists());
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
        self.view.apply(&Untagged::Expunge(seq), expunges)?;
        if let Some(before) = self
            .before_uid_next
            .as_mut()
            .filter(|before| seq.get() <= **before)
        {
            *before -= 1;
        }
        Ok(())
    }

    pub(super) fn vanish(&mut self, uids: &UidSet, expunges: Expunges) -> Result<(), Contradiction> {
        self.view.apply(&Untagged::Vanished(uids), expunges)?;
        let uid_next = self.uid_next.and_then(Uid::new);
        let before = uid_next.and_then(|next| Uid::new(next.get() - 1));
        let old = before.map_or(0, |last| uids.range_len(Uid::MIN, last));
        let old = u32::try_from(old).unwrap_or(u32::MAX);
        self.before_uid_next = self.before_uid_next.map(|before| before.saturating_sub(old));
        Ok(())
    }

    /// The UID, as far as it follows from what was said before.
    pub(super) fn learn(&mut self, seq: SeqNum, told: &Told) -> Result<Option<Broken>, Contradiction> {
        let Some(uid) = told.uid else {
            return Ok(None);
        };
        let is_new = self.view.uid_of(seq).is_none();
        self.view.learn(seq, uid)?;
        let (Some(next), Some(before)) = (self.uid_next.filter(|_| is_new), self.before_uid_next) else {
            return Ok(None);
        };
        let was_there = seq.get() <= before;
        let is_below = uid.get() < next;
        Ok((was_there != is_below).then(|| {
            let came = if was_there { "was there" } else { "came" };
            (
                Rule::UidNext,
                format!("UID {uid} of a message that {came} when UIDNEXT was {next}"),
            )
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
