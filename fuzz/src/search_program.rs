//! Any octets as a search program, against the codec and against itself: the checks of
//! `crates/imap-server/src/syntax/search_checks.rs`.

pub fn run(octets: &[u8]) {
    crate::syntax::search_checks::check(octets);
}
