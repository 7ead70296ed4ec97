//! Any octets to a server in memory, in pieces, in every state, while another session changes the mailbox.
//!
//! The server does not panic, ends in time, and says nothing that a strict client could not follow (`judge.rs`): every
//! response is one by the grammar and for the codec, numbers stay within EXISTS, and each tagged answer is of one command,
//! in order. Lines without literals have one answer each. How the octets are cut makes no difference to the answers.

use crate::input::Input;

mod client;
mod judge;

use client::{Ending, Pause, Piece, Plan, Start};

/// COPY doubles a mailbox, and a few octets of it fill the memory of every server without a quota.
const MOST_COPIES: usize = 4;

pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    let how = input.octet();
    let cuts: Vec<(usize, Pause)> = (0..input.below(16))
        .map(|_| (input.u16().into(), Pause::from_octet(input.octet())))
        .collect();
    let octets = input.rest();
    let copies = octets
        .windows(4)
        .filter(|word| word.eq_ignore_ascii_case(b"COPY"));
    if copies.count() > MOST_COPIES {
        return;
    }
    let plan = Plan {
        start: Start::from_octet(how),
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
