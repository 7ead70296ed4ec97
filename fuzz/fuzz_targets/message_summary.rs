//! Any octets as a message in chunks against the whole message, and as a stored summary: the checks of
//! `crates/imap-message/tests/message/summary_checks.rs`. The first octet says how many of the next pairs are cuts.
//!
//! `cargo +nightly fuzz run message_summary`

#![no_main]
#![allow(dead_code)] // the test's modules have helpers for other tests too

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/imap-message/tests/message/clean.rs"]
mod clean;
#[path = "../../crates/imap-message/tests/message/summary_checks.rs"]
mod summary_checks;
#[path = "../../crates/imap-message/tests/message/support.rs"]
mod support;

fuzz_target!(|octets: &[u8]| {
    summary_checks::check_stored(octets);
    let Some((&cuts, rest)) = octets.split_first() else {
        return;
    };
    let (cuts, message) = rest.split_at(rest.len().min(2 * usize::from(cuts % 16)));
    let cuts: Vec<u16> = cuts
        .as_chunks()
        .0
        .iter()
        .map(|&cut| u16::from_le_bytes(cut))
        .collect();
    summary_checks::check(message, &cuts);
});
