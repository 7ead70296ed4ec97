//! Any octets as a message in chunks against the whole message, and as a stored summary: the checks of
//! `crates/imap-message/tests/message/summary_checks.rs`; and the ENVELOPE, BODY and BODYSTRUCTURE that are written of it,
//! read back by the grammar. The first octet says how many of the next pairs are cuts.

use imap_conform::response::{Responses, Utf8};
use imap_message::Summary;

use crate::input::Input;
use crate::message::summary_checks;
use crate::response;
use crate::wire::structure::{Extensions, body_structure, envelope};

pub fn run(octets: &[u8]) {
    summary_checks::check_stored(octets);
    if let Ok(stored) = Summary::from_bytes(octets) {
        check_written(&stored);
    }
    let mut input = Input::new(octets);
    let cuts: Vec<u16> = (0..input.below(16)).map(|_| input.u16()).collect();
    let message = input.rest();
    summary_checks::check(message, &cuts);
    check_written(&Summary::of(message));
}

/// What a FETCH writes is one response by the grammar, and the codec reads it as far as it goes.
fn check_written(summary: &Summary) {
    let mut row = b"* 1 FETCH (ENVELOPE ".to_vec();
    envelope(&mut row, &summary.envelope());
    if let Some(structure) = summary.structure() {
        row.extend_from_slice(b" BODY ");
        body_structure(&mut row, &structure, Extensions::LeftOut);
        row.extend_from_slice(b" BODYSTRUCTURE ");
        body_structure(&mut row, &structure, Extensions::Written);
    }
    row.extend_from_slice(b")\r\n");
    let mut rest = &row[..];
    let whole = Responses::new().next(&mut rest).expect("a whole response");
    assert!(rest.is_empty(), "more than one response");
    response::read(&whole, Utf8::Nowhere);
}
