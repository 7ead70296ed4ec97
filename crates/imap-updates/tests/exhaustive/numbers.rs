//! How a server translates numbers and sets: by the session's view. A fault puts one wrong step in its place.

use std::sync::LazyLock;

use imap_seq::{SeqNum, SequenceSet, Uid};
use imap_updates::UpdateBuffer;

use super::fault::Fault;
use super::store::{MOST, Messages, mask_of, uid, uids};

/// A set as a client writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    One(u32),
    Last,
    From(u32),
    /// `b:a`, which is `a:b`.
    Back(u32, u32),
    /// `a,a:b`
    Twice(u32, u32),
}

impl Asked {
    pub fn text(self) -> String {
        match self {
            Self::One(number) => number.to_string(),
            Self::Last => "*".to_owned(),
            Self::From(number) => format!("{number}:*"),
            Self::Back(from, to) => format!("{to}:{from}"),
            Self::Twice(from, to) => format!("{from},{from}:{to}"),
        }
    }

    /// Whether `number` is meant, where `last` is the largest.
    pub fn means(self, number: u32, last: u32) -> bool {
        let within = |from: u32, to: u32| (from.min(to)..=from.max(to)).contains(&number);
        match self {
            Self::One(one) => number == one,
            Self::Last => number == last,
            Self::From(from) => within(from, last),
            Self::Back(from, to) | Self::Twice(from, to) => within(from, to),
        }
    }

    /// The largest number that it names.
    pub const fn largest(self) -> u32 {
        match self {
            Self::One(number) | Self::From(number) | Self::Back(_, number) | Self::Twice(_, number) => number,
            Self::Last => 1,
        }
    }
}

pub struct Sets<T> {
    pub asked: Asked,
    pub set: SequenceSet<T>,
}

fn parsed<T>(all: Vec<Asked>) -> Vec<Sets<T>>
where
    SequenceSet<T>: std::str::FromStr<Err: std::fmt::Debug>,
{
    let parse = |asked: Asked| Sets {
        asked,
        set: asked.text().parse().expect("a set"),
    };
    all.into_iter().map(parse).collect()
}

/// The sets of numbers that are asked in every state.
pub static SEQ_SETS: LazyLock<Vec<Sets<SeqNum>>> = LazyLock::new(|| {
    let mut all = vec![Asked::Last];
    for number in 1..=u32::from(MOST) + 1 {
        all.extend([
            Asked::One(number),
            Asked::From(number),
            Asked::Back(number, number + 1),
        ]);
    }
    all.push(Asked::Twice(1, 3));
    parsed(all)
});

/// The same by UID; UIDs that end in 5 are nowhere.
pub static UID_SETS: LazyLock<Vec<Sets<Uid>>> = LazyLock::new(|| {
    let mut all = vec![
        Asked::Last,
        Asked::From(5),
        Asked::From(400),
        Asked::Back(61, 69),
        Asked::Twice(10, 30),
    ];
    for message in 1..=u32::from(MOST) {
        let uid = message * 10;
        all.extend([
            Asked::One(uid),
            Asked::One(uid + 5),
            Asked::From(uid),
            Asked::Back(uid + 1, uid + 9),
        ]);
    }
    parsed(all)
});

/// The translation of one session, as of one moment.
pub struct Numbers<'w> {
    pub buffer: &'w UpdateBuffer,
    pub fault: Option<Fault>,
    /// The mailbox as the store has it.
    pub visible: &'w Messages,
    /// How many messages there ever were.
    pub arrived: u8,
}

impl Numbers<'_> {
    /// The store's messages, for those who number them instead of the client's.
    fn there(&self) -> Vec<u32> {
        uids(mask_of(self.visible))
    }

    pub fn uid_of(&self, number: u32) -> Option<u32> {
        let there = || self.there().get(number as usize - 1).copied();
        let exists = self.buffer.exists();
        match self.fault {
            Some(Fault::NumbersOfTheStore) => return there(),
            Some(Fault::NumberBeyondTheView) if number > exists => return there(),
            Some(Fault::LastIsHidden) if number == exists => return None,
            Some(Fault::OrderOfArrival) if exists == u32::from(MOST) && number >= exists - 1 => {
                let other = SeqNum::new(2 * exists - 1 - number)?;
                return self.buffer.view().uid_of(other).map(Uid::get);
            }
            _ => {}
        }
        self.buffer.view().uid_of(SeqNum::new(number)?).map(Uid::get)
    }

    pub fn seq_of(&self, number: u32) -> Option<u32> {
        let view = self.buffer.view();
        let seq = view.seq_of(uid(number)).map(SeqNum::get);
        match self.fault {
            Some(Fault::AbsentIsItsNeighbour) if seq.is_none() => {
                let next = view.uids().position(|other| other.get() > number)?;
                Some(next as u32 + 1)
            }
            Some(Fault::UnannouncedHasANumber) if seq.is_none() => {
                let there = self.there().iter().position(|&other| other == number)?;
                Some(there as u32 + 1)
            }
            _ => seq,
        }
    }

    /// `None` is BAD.
    pub fn seqs(&self, sets: &Sets<SeqNum>) -> Option<Vec<u32>> {
        if self.fault == Some(Fault::StarOfTheStore) && sets.asked == Asked::Last {
            let count = self.there().len() as u32;
            return self.uid_of(count).map(|uid| vec![uid]);
        }
        if self.fault == Some(Fault::GapIsHit) && sets.asked == Asked::From(1) {
            return Some(self.there());
        }
        if let Asked::One(number) = sets.asked
            && self.fault.is_some()
        {
            return self.uid_of(number).map(|uid| vec![uid]);
        }
        let resolved = self.buffer.resolve_seqs(&sets.set).ok()?;
        Some(resolved.uids().map(Uid::get).collect())
    }

    pub fn uids(&self, sets: &Sets<Uid>) -> Vec<u32> {
        let meant = || self.buffer.resolve_uids(&sets.set).uids().map(Uid::get).collect();
        let last = self.buffer.view().last().map_or(0, Uid::get);
        match (self.fault, sets.asked) {
            (Some(Fault::UidStarIsUidNext), Asked::Last) => {
                let uid = u32::from(self.arrived) * 10;
                self.there().into_iter().filter(|&there| there == uid).collect()
            }
            (Some(Fault::StarIsTheNumber), Asked::From(from)) if from > last => Vec::new(),
            (Some(Fault::BeyondIsTheLast), Asked::Back(from, _)) if from > last => vec![last],
            (Some(Fault::OverlapTwice), Asked::Twice(from, _)) => {
                let mut all: Vec<u32> = meant();
                all.extend(self.seq_of(from).map(|_| from));
                all
            }
            _ => meant(),
        }
    }
}
