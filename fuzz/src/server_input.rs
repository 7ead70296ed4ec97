//! Any octets to a server in memory, in pieces, in every state, while another session changes the mailbox.
//!
//! The server does not panic, ends in time, and says nothing that a strict client could not follow (`judge.rs`): every
//! response is one by the grammar and for the codec, numbers stay within EXISTS, and each tagged answer is of one command,
//! in order. Lines without literals have one answer each. How the octets are cut makes no difference to the answers.

use crate::input::Input;

mod client;
mod judge;
mod pipe;

use client::{Ending, Pause, Piece, Plan, Start};

pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    let how = input.octet();
    let cuts: Vec<(usize, Pause)> = (0..input.below(16))
        .map(|_| (input.u16().into(), Pause::from_octet(input.octet())))
        .collect();
    let octets = input.rest();
    let start = Start::from_octet(how);
    if asks_for_compression(octets) && !start.is_compressed() {
        return;
    }
    let plan = Plan {
        start,
        pieces: pieces(octets, cuts),
        ending: Ending::from_octet(how >> 4),
    };
    let judged = judge::judge(&plan, &client::talk(&plan));
    if plan.is_undisturbed() && plan.pieces.len() > 1 {
        let whole = Plan {
            pieces: vec![Piece::new(octets)],
            ..plan
        };
        let other = judge::judge(&whole, &client::talk(&whole));
        judge::same_answers(&judged, &other);
    }
}

/// What follows would be read in another way; a start has that.
fn asks_for_compression(octets: &[u8]) -> bool {
    let mut words = octets.windows(8);
    words.any(|word| word.eq_ignore_ascii_case(b"COMPRESS"))
}

fn pieces(octets: &[u8], mut cuts: Vec<(usize, Pause)>) -> Vec<Piece<'_>> {
    cuts.iter_mut().for_each(|(at, _)| *at = (*at).min(octets.len()));
    cuts.sort_by_key(|&(at, _)| at);
    let mut pieces = Vec::new();
    let mut from = 0;
    for (at, pause) in cuts {
        pieces.push(Piece {
            octets: &octets[from..at],
            pause,
        });
        from = at;
    }
    pieces.push(Piece::new(&octets[from..]));
    pieces
}
