//! Strict clients for as long as you like: `cargo run --release -p imap-updates --example soak -- 1000000 [seed]`.
//!
//! Prints the seed of each thousandth world; a failure is shown by the same seed again, which then prints its steps.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use support::log_world::{LogWorld, Style};
use support::steps::{self, Numbers};
use support::world::World;

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
}

impl Numbers for Random {
    fn below(&mut self, bound: u8) -> u8 {
        (self.next() % u64::from(bound)) as u8
    }

    fn octet(&mut self) -> u8 {
        self.next() as u8
    }

    fn pick(&mut self) -> u16 {
        self.next() as u16
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
        let op = steps::op(&mut random);
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
        let op = steps::log_op(random);
        if verbose {
            println!("{style:?} {step}: {op:?}");
        }
        world.step(&op);
    }
    world.finish();
}
