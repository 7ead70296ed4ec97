//! What sessions said of versions that are theirs, until the log was read so far.

use std::collections::BTreeMap;

use imap_seq::{ModSeq, Uid};

use crate::{Echo, Flags, Origin};

/// All claims of one hub that still matter: those of transactions that are under way, or not yet read in the log.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    all: Vec<Claimed>,
    last_number: u64,
}

/// One claim.
#[derive(Debug)]
pub(crate) struct Claimed {
    number: u64,
    after: ModSeq,
    upto: ModSeq,
    by: Origin,
    told: Told,
    /// Until it is confirmed: the present flags of each message that was taken for the session's change, in case the
    /// session has to be told after all. `None` once it is.
    unconfirmed: Option<BTreeMap<Uid, (Flags, ModSeq)>>,
}

/// Whether the session was told of flags since it made its claim, and so since it told its client of its own change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Flags,
}

impl Claimed {
    fn covers(&self, version: ModSeq) -> bool {
        self.after < version && version <= self.upto
    }

    pub(crate) fn into_unconfirmed(self) -> BTreeMap<Uid, (Flags, ModSeq)> {
        self.unconfirmed.unwrap_or_default()
    }
}

impl Claims {
    /// Returns the claim's number, and the earlier claims that are void by it: of two transactions that have a version in
    /// common the first has failed, or it would have kept the version.
    pub(crate) fn add(&mut self, (after, upto): (ModSeq, ModSeq), by: Origin) -> (u64, Vec<Claimed>) {
        let overlaps = |claimed: &mut Claimed| {
            claimed.unconfirmed.is_some() && claimed.after < upto && after < claimed.upto
        };
        let void = self.all.extract_if(.., overlaps).collect();
        self.last_number += 1;
        self.all.push(Claimed {
            number: self.last_number,
            after,
            upto,
            by,
            told: Told::Nothing,
            unconfirmed: Some(BTreeMap::new()),
        });
        (self.last_number, void)
    }

    pub(crate) fn confirm(&mut self, number: u64, cursor: ModSeq) {
        if let Some(claimed) = self.all.iter_mut().find(|claimed| claimed.number == number) {
            claimed.unconfirmed = None;
        }
        self.forget_up_to(cursor);
    }

    pub(crate) fn revoke(&mut self, number: u64) -> Option<Claimed> {
        let at = self.all.iter().position(|claimed| claimed.number == number)?;
        Some(self.all.swap_remove(at))
    }

    /// Who claims the change of this version, and whether the claimant is told of it all the same: if it was told of flags
    /// since, they may have been older ones of the same message, and its client has to hear how it ended.
    pub(crate) fn maker(&self, version: ModSeq) -> Option<(Origin, Echo)> {
        let claimed = self.all.iter().find(|claimed| claimed.covers(version))?;
        let echo = match claimed.told {
            Told::Nothing => Echo::Silent,
            Told::Flags => Echo::Tell,
        };
        Some((claimed.by, echo))
    }

    /// If `maker` claims the version that follows on `version`: up to where its claim goes.
    pub(crate) fn reach(&self, version: ModSeq, maker: Origin) -> Option<ModSeq> {
        let follows =
            |claimed: &&Claimed| claimed.by == maker && claimed.after <= version && version < claimed.upto;
        let claims = self.all.iter().filter(follows);
        claims.map(|claimed| claimed.upto).max()
    }

    /// The session is told of flags.
    pub(crate) fn note_told(&mut self, session: Origin) {
        for claimed in self.all.iter_mut().filter(|claimed| claimed.by == session) {
            claimed.told = Told::Flags;
        }
    }

    /// Notes the present flags of a message for the claims that may be revoked: those by which the change, or one between
    /// `floor` and it, was taken for the session's.
    pub(crate) fn note(&mut self, by: Origin, uid: Uid, flags: &Flags, (floor, version): (ModSeq, ModSeq)) {
        for claimed in &mut self.all {
            let counted = claimed.by == by && claimed.after < version && floor < claimed.upto;
            if let Some(unconfirmed) = &mut claimed.unconfirmed
                && (counted || unconfirmed.contains_key(&uid))
            {
                unconfirmed.insert(uid, (flags.clone(), version));
            }
        }
    }

    /// What was confirmed and read in the log is done with.
    pub(crate) fn forget_up_to(&mut self, cursor: ModSeq) {
        self.all
            .retain(|claimed| claimed.unconfirmed.is_some() || claimed.upto > cursor);
    }
}
