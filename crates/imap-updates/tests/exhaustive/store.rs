//! The oracle: every change of the mailbox in the order in which it was committed.

use std::sync::LazyLock;

use imap_seq::{ModSeq, Uid};
use imap_updates::{Flag, Flags, Origin};

/// Messages that there are at the start, and ever.
pub const START: u8 = 4;
pub const MOST: u8 = 6;
/// HIGHESTMODSEQ at the start.
pub const BASE: u64 = 100;

/// Bits of a message's flags.
pub const SEEN: u8 = 1;
pub const FLAGGED: u8 = 2;
pub const WORK: u8 = 4;

/// The flags of each message that is there, by its place among all that ever were.
pub type Messages = [Option<u8>; MOST as usize];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    Present(u8),
    Gone,
}

/// What the hub hears of who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Aloud,
    Silently,
    ByTheLog,
}

#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub version: u64,
    pub message: u8,
    pub change: Change,
    pub by: Origin,
    /// Whether the log says by whom.
    pub named: bool,
    /// Whether its maker was not to be told.
    pub silent: bool,
}

pub struct Store {
    pub rows: Vec<Row>,
    pub version: u64,
    pub arrived: u8,
}

impl Store {
    pub fn new() -> Self {
        let mut store = Self {
            rows: Vec::with_capacity(24),
            version: BASE - u64::from(START),
            arrived: 0,
        };
        for _ in 0..START {
            store.version += 1;
            store.arrive();
        }
        store
    }

    /// A message arrives with the present version.
    pub fn arrive(&mut self) -> u8 {
        let message = self.arrived;
        self.arrived += 1;
        self.commit(message, Change::Present(0), Origin::EXTERNAL);
        message
    }

    /// A change with the present version.
    pub fn commit(&mut self, message: u8, change: Change, by: Origin) {
        self.commit_as(message, change, by, Said::Aloud);
    }

    pub fn commit_as(&mut self, message: u8, change: Change, by: Origin, said: Said) {
        let version = self.version;
        self.rows.push(Row {
            version,
            message,
            change,
            by,
            named: said == Said::ByTheLog,
            silent: said == Said::Silently,
        });
    }

    /// The mailbox as of a version.
    pub fn at(&self, version: u64) -> Messages {
        let mut messages = Messages::default();
        for row in self.rows.iter().filter(|row| row.version <= version) {
            messages[usize::from(row.message)] = match row.change {
                Change::Present(flags) => Some(flags),
                Change::Gone => None,
            };
        }
        messages
    }

    pub fn now(&self) -> Messages {
        self.at(self.version)
    }

    pub fn flags(&self, message: u8) -> Option<u8> {
        self.now()[usize::from(message)]
    }

    /// How many messages had arrived by a version.
    pub fn arrived_by(&self, version: u64) -> u8 {
        let rows = self.rows.iter().filter(|row| row.version <= version);
        rows.map(|row| row.message + 1).max().unwrap_or(0)
    }

    /// The version of the last change of a message, as of another one.
    pub fn changed_at(&self, message: u8, upto: u64) -> u64 {
        let of_it = |row: &&Row| row.message == message && row.version <= upto;
        self.rows.iter().rfind(of_it).map_or(0, |row| row.version)
    }

    /// Whether a later row of the same message is there, as of the present version.
    pub fn is_superseded(&self, row: &Row) -> bool {
        let later = |other: &Row| other.message == row.message && other.version > row.version;
        self.rows.iter().any(later)
    }
}

/// UIDs are tens, so that no UID is a number and between two there is room for one that is nowhere.
pub fn uid_of(message: u8) -> Uid {
    uid(u32::from(message + 1) * 10)
}

pub fn uid(number: u32) -> Uid {
    Uid::new(number).expect("not 0")
}

/// The place of a message, if it is one.
pub fn message_of(uid: Uid) -> Option<u8> {
    let number = uid.get();
    let message = u8::try_from((number / 10).checked_sub(1)?).ok()?;
    (number.is_multiple_of(10) && message < MOST).then_some(message)
}

pub fn modseq(number: u64) -> ModSeq {
    ModSeq::new(number).expect("not 0")
}

pub fn flags_of(bits: u8) -> Flags {
    static ALL: LazyLock<Vec<Flags>> = LazyLock::new(|| {
        let names = ["\\Seen", "\\Flagged", "work"];
        let set = |bits: u8| {
            let named = names
                .iter()
                .enumerate()
                .filter(move |(bit, _)| bits >> bit & 1 == 1);
            named
                .map(|(_, name)| name.parse::<Flag>().expect("a flag"))
                .collect()
        };
        (0..8).map(set).collect()
    });
    ALL[usize::from(bits)].clone()
}

pub fn bits_of(flags: &Flags) -> u8 {
    let seen = u8::from(flags.contains(&Flag::Seen)) * SEEN;
    let flagged = u8::from(flags.contains(&Flag::Flagged)) * FLAGGED;
    let work = u8::from(!flags.keywords().is_empty()) * WORK;
    seen | flagged | work
}

/// Those that are there, as bits.
pub fn mask_of(messages: &Messages) -> u8 {
    let there = messages.iter().enumerate().filter(|(_, flags)| flags.is_some());
    there.fold(0, |mask, (at, _)| mask | 1 << at)
}

pub fn members(mask: u8) -> impl Iterator<Item = u8> {
    (0..MOST).filter(move |message| mask >> message & 1 == 1)
}

/// As a client reads them.
pub fn uids(mask: u8) -> Vec<u32> {
    members(mask).map(|message| uid_of(message).get()).collect()
}
