//! Measures the translation between UIDs and message sequence numbers beside its rivals, all interleaved in one
//! process, prints the table of targets, and writes it and the plots into `docs/`.
//!
//! `cargo run --release -p imap-backendutil-benches --bin translation-table` takes some minutes and a quiet machine;
//! with `quick` behind it, it measures small mailboxes in a few seconds and writes nothing.

mod changes;
mod contention;
mod lookups;
mod memory;
mod pending;
mod report;
mod sessions;

use std::process::ExitCode;

use report::Report;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts what is allocated, for the figures in bytes. Costs a few nanoseconds an allocation, for everybody alike.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    /// Messages of the mailboxes that the table calls 1M and 10M.
    pub(crate) large: u32,
    pub(crate) huge: u32,
    /// Rounds of which the least counts.
    pub(crate) rounds: usize,
}

const FULL: Scale = Scale {
    large: 1_000_000,
    huge: 10_000_000,
    rounds: 7,
};
const QUICK: Scale = Scale {
    large: 30_000,
    huge: 100_000,
    rounds: 2,
};

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "quick");
    let scale = if quick { QUICK } else { FULL };
    let mut report = Report::default();
    lookups::measure(scale, &mut report);
    changes::measure(scale, &mut report);
    sessions::measure(scale, &mut report);
    sessions::told_to_all(scale, &mut report);
    pending::measure(scale, &mut report);
    memory::measure(scale, &mut report);
    contention::measure(scale, &mut report);
    print!("{}", report.table());
    if quick {
        println!("\nsmall mailboxes: the targets do not apply, and nothing was written");
        return ExitCode::SUCCESS;
    }
    match report.write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the results could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}
