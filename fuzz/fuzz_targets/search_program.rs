//! Any octets as a search program, against the codec and against itself: the checks of
//! `crates/imap-server/src/syntax/search_checks.rs`.
//!
//! `cargo +nightly fuzz run search_program`

#![no_main]
#![allow(dead_code)] // the server uses more of the parser

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/imap-server/src/syntax/search/mod.rs"]
mod search;
#[path = "../../crates/imap-server/src/syntax/search_checks.rs"]
mod search_checks;
#[path = "../../crates/imap-server/src/syntax/shown.rs"]
mod shown;

fuzz_target!(|octets: &[u8]| {
    search_checks::check(octets);
});
