//! Steps made of numbers: for the soak, which has them from a generator, and for the fuzzer, which has them from octets.

use super::log_world::{self, FORMS, HOWS};
use super::world::{self, By, COMMANDS, SLOTS};

/// Where the numbers come from.
pub trait Numbers {
    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: u8) -> u8;
    fn octet(&mut self) -> u8;
    fn pick(&mut self) -> u16;

    /// One to `most` picks.
    fn picks(&mut self, most: u8) -> Vec<u16> {
        (0..=self.below(most)).map(|_| self.pick()).collect()
    }

    fn is_one_in(&mut self, bound: u8) -> bool {
        self.below(bound) == 0
    }
}

/// A step of a [`World`](world::World).
pub fn op(numbers: &mut impl Numbers) -> world::Op {
    use world::Op;
    match numbers.below(26) {
        0..=2 => Op::Append {
            count: numbers.octet(),
        },
        3..=6 => Op::Expunge {
            picks: numbers.picks(3),
        },
        7..=10 => Op::Flags {
            pick: numbers.pick(),
            flags: numbers.octet(),
            by: by(numbers),
        },
        11 => Op::Batch { pick: numbers.pick() },
        12 => Op::Noise { pick: numbers.pick() },
        13 => Op::Lose {
            slot: numbers.octet(),
        },
        14..=15 => Op::Open {
            slot: numbers.octet(),
            access: !numbers.is_one_in(3),
            vanished: numbers.is_one_in(2),
        },
        16 => Op::Leave {
            slot: numbers.octet(),
        },
        _ => Op::Command {
            slot: numbers.octet() % SLOTS as u8,
            command: COMMANDS[usize::from(numbers.below(COMMANDS.len() as u8))],
            followers: numbers.is_one_in(5),
            set: (numbers.pick(), numbers.pick()),
        },
    }
}

fn by(numbers: &mut impl Numbers) -> By {
    match numbers.below(3) {
        0 => By::Outside,
        1 => By::Silent(numbers.octet()),
        _ => By::Told(numbers.octet()),
    }
}

/// A step of a [`LogWorld`](log_world::LogWorld).
pub fn log_op(numbers: &mut impl Numbers) -> log_world::Op {
    use log_world::Op;
    match numbers.below(28) {
        0..=1 => Op::Arrive {
            count: numbers.octet(),
        },
        2..=4 => Op::Flags {
            picks: numbers.picks(2),
            bits: numbers.octet(),
        },
        5..=6 => Op::Expunge {
            picks: numbers.picks(3),
            one_version: numbers.is_one_in(2),
        },
        7..=8 => Op::Store {
            slot: numbers.octet(),
            picks: numbers.picks(2),
            one_version: numbers.is_one_in(2),
            bits: numbers.octet(),
            form: FORMS[usize::from(numbers.below(FORMS.len() as u8))],
            how: HOWS[usize::from(numbers.below(HOWS.len() as u8))],
        },
        9..=12 => Op::Read {
            back: numbers.octet() % 4,
            piece: numbers.octet(),
        },
        13 => Op::List,
        14..=19 => Op::Deliver {
            pick: numbers.octet(),
            again: numbers.is_one_in(2),
        },
        20..=25 => Op::Drain {
            slot: numbers.octet(),
            hold: numbers.is_one_in(2),
        },
        26 => Op::Open {
            slot: numbers.octet(),
        },
        _ => Op::Leave {
            slot: numbers.octet(),
        },
    }
}
