//! What is done in a run: steps that a seed decides. A step names a message by a place, not by a UID, so that it means
//! something whatever steps before it are left out.

use imap_backend::FlagAction;
use imap_updates::Flag;

/// Sessions of a run: two on the first process, the last on the second, where there is one.
pub(super) const SESSIONS: usize = 3;

/// The steps of a run, each with the number that it had when there were all of them.
#[derive(Debug, Clone)]
pub(super) struct Program(Vec<(usize, Step)>);

/// Where the message of a step stands, counted from 0, modulo the number of messages.
pub(super) type Place = usize;

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Append(usize),
    Store(usize, Place, FlagAction, Mark),
    Remove(usize, Place),
    Read(usize, Place),
    /// A command that may not tell EXPUNGE.
    Hold(usize),
    Noop(usize),
    /// The client leaves and comes back, with what it knows.
    Select(usize),
    Deliver,
    RemoveOutside(Place),
    FlagOutside(Place, Mark),
    RollBack,
    Restart,
}

/// A flag that a step sets.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Seen,
    Flagged,
    Answered,
    /// Set and left alone: EXPUNGE of others must not take it along.
    Deleted,
}

impl Mark {
    pub(super) fn flag(self) -> Flag {
        match self {
            Self::Seen => Flag::Seen,
            Self::Flagged => Flag::Flagged,
            Self::Answered => Flag::Answered,
            Self::Deleted => Flag::Deleted,
        }
    }
}

impl Program {
    /// The steps of this run.
    pub(super) fn random(seed: u64, run: u32, steps: usize) -> Self {
        let mut numbers = Numbers(seed ^ (u64::from(run) << 32));
        Self((0..steps).map(|number| (number, numbers.step())).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = (usize, Step)> + '_ {
        self.0.iter().copied()
    }

    /// Without `many` steps from this one on.
    pub(super) fn without(&self, from: usize, many: usize) -> Self {
        let left = self
            .0
            .iter()
            .enumerate()
            .filter(|(at, _)| !(from..from + many).contains(at));
        Self(left.map(|(_, step)| *step).collect())
    }
}

/// SplitMix64: small, and the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).unwrap_or(0)
    }

    fn step(&mut self) -> Step {
        let (session, place) = (self.below(SESSIONS), self.below(12));
        let marks = [Mark::Seen, Mark::Flagged, Mark::Answered, Mark::Deleted];
        let (mark, outside) = (marks[self.below(4)], marks[self.below(3)]);
        let action = [FlagAction::Add, FlagAction::Remove, FlagAction::Replace][self.below(3)];
        match self.below(40) {
            0..8 => Step::Append(session),
            8..14 => Step::Store(session, place, action, mark),
            14..19 => Step::Remove(session, place),
            19..21 => Step::Read(session, place),
            21..24 => Step::Hold(session),
            24..29 => Step::Noop(session),
            29..32 => Step::Select(session),
            32..34 => Step::Deliver,
            34..36 => Step::RemoveOutside(place),
            36..38 => Step::FlagOutside(place, outside),
            38 => Step::RollBack,
            _ => Step::Restart,
        }
    }
}
