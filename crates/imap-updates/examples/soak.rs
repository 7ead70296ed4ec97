//! Strict clients for as long as you like: `cargo run --release -p imap-updates --example soak -- 1000000 [seed]`.
//!
//! Prints the seed of each thousandth world; a failure is shown by the same seed again, which then prints its steps.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use support::log_world::{FORMS, HOWS, LogWorld, Op as LogOp, Style};
use support::world::{By, COMMANDS, Op, SLOTS, World};

/// Steps of one world: long enough for lag to build up, short enough to read.
const STEPS: u64 = 1000;

/// xorshift64*: the soak wants a seed that can be typed, not a good generator.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    fn pick(&mut self) -> u16 {
        self.next() as u16
    }

    fn op(&mut self) -> Op {
        match self.next() % 26 {
            0..=2 => Op::Append { count: self.byte() },
            3..=6 => Op::Expunge {
                picks: (0..=self.next() % 3).map(|_| self.pick()).collect(),
            },
            7..=10 => Op::Flags {
                pick: self.pick(),
                flags: self.byte(),
                by: self.by(),
            },
            11 => Op::Batch { pick: self.pick() },
            12 => Op::Noise { pick: self.pick() },
            13 => Op::Lose { slot: self.byte() },
            14..=15 => Op::Open {
                slot: self.byte(),
                access: !self.next().is_multiple_of(3),
                vanished: self.next().is_multiple_of(2),
            },
            16 => Op::Leave { slot: self.byte() },
            _ => Op::Command {
                slot: self.byte() % SLOTS as u8,
                command: COMMANDS[self.next() as usize % COMMANDS.len()],
                followers: self.next().is_multiple_of(5),
                set: (self.pick(), self.pick()),
            },
        }
    }

    fn log_op(&mut self) -> LogOp {
        match self.next() % 28 {
            0..=1 => LogOp::Arrive { count: self.byte() },
            2..=4 => LogOp::Flags {
                picks: (0..=self.next() % 2).map(|_| self.pick()).collect(),
                bits: self.byte(),
            },
            5..=6 => LogOp::Expunge {
                picks: (0..=self.next() % 3).map(|_| self.pick()).collect(),
                one_version: self.next().is_multiple_of(2),
            },
            7..=8 => LogOp::Store {
                slot: self.byte(),
                picks: (0..=self.next() % 2).map(|_| self.pick()).collect(),
                one_version: self.next().is_multiple_of(2),
                bits: self.byte(),
                form: FORMS[self.next() as usize % FORMS.len()],
                how: HOWS[self.next() as usize % HOWS.len()],
            },
            9..=12 => LogOp::Read {
                back: self.byte() % 4,
                piece: self.byte(),
            },
            13 => LogOp::List,
            14..=19 => LogOp::Deliver {
                pick: self.byte(),
                again: self.next().is_multiple_of(2),
            },
            20..=25 => LogOp::Drain {
                slot: self.byte(),
                hold: self.next().is_multiple_of(2),
            },
            26 => LogOp::Open { slot: self.byte() },
            _ => LogOp::Leave { slot: self.byte() },
        }
    }

    fn by(&mut self) -> By {
        match self.next() % 3 {
            0 => By::Outside,
            1 => By::Silent(self.byte()),
            _ => By::Told(self.byte()),
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let steps: u64 = arguments.next().map_or(1_000_000, |steps| steps.parse().unwrap());
    let only: Option<u64> = arguments.next().map(|seed| seed.parse().unwrap());
    let worlds = only.map_or(1..=steps.div_ceil(STEPS), |seed| seed..=seed);
    for seed in worlds {
        let outcome = std::panic::catch_unwind(|| run(seed, only.is_some()));
        if outcome.is_err() {
            eprintln!("world {seed} failed: run `soak 1000 {seed}` to see its steps");
            std::process::exit(1);
        }
        if seed.is_multiple_of(1000) {
            println!("{seed} worlds, {} steps", seed * STEPS);
        }
    }
    println!("{steps} steps: every client had what it was told");
}

fn run(seed: u64, verbose: bool) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut world = World::new((seed % 5) as u32);
    for step in 0..STEPS {
        let op = random.op();
        if verbose {
            println!("{step}: {op:?}");
        }
        world.step(&op);
    }
    world.finish();
    run_log(&mut random, seed, verbose);
}

/// The same for a hub that follows a log. Shorter, because its oracle replays the log at each step.
fn run_log(random: &mut Random, seed: u64, verbose: bool) {
    let style = if seed.is_multiple_of(2) {
        Style::Log
    } else {
        Style::State
    };
    let memory = [1, 2, 4_096][seed as usize % 3];
    let mut world = LogWorld::new(style, (seed % 5) as u32, memory);
    for step in 0..STEPS / 10 {
        let op = random.log_op();
        if verbose {
            println!("{style:?} {step}: {op:?}");
        }
        world.step(&op);
    }
    world.finish();
}
