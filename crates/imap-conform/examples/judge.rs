//! Judges a recorded conversation as `watch` does, for tools that count instructions.
//!
//! ```sh
//! imap-conform watch --listen 127.0.0.1:1144 --upstream 127.0.0.1:1143 --record FILE
//! valgrind --tool=callgrind --toggle-collect='*counted*' target/release/examples/judge FILE
//! ```
//! What is counted is one connection after the other, from its first octet to its last, in the pieces in which a proxy reads them.

use std::hint::black_box;

use imap_conform::Follower;
use imap_conform::record::{Line, Sender, lines};

/// Octets that the proxy reads at a time.
const PIECE: usize = 64 << 10;

#[inline(never)]
fn counted(said: &[(Sender, Vec<u8>)]) -> Follower {
    let mut follower = Follower::new("1");
    for (sender, octets) in said {
        match sender {
            Sender::Client => follower.client(octets),
            Sender::Server => follower.server(octets),
        }
    }
    follower
}

/// What one side says at a time, in pieces.
fn pieces(lines: Vec<Line>) -> Vec<(Sender, Vec<u8>)> {
    let mut said: Vec<(Sender, Vec<u8>)> = Vec::new();
    for Line { sender, octets, .. } in lines {
        let octets = octets.unwrap_or_default();
        match said.last_mut() {
            Some((before, all)) if *before == sender && all.len() + octets.len() <= PIECE => {
                all.extend(octets)
            }
            _ => said.push((sender, octets)),
        }
    }
    said
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("a recorded conversation");
    let times = arguments
        .next()
        .map_or(1, |times| times.parse().expect("how often"));
    let text = std::fs::read_to_string(file).expect("a file");
    let said = pieces(lines(&text).expect("a recorded conversation"));
    for _ in 0..times {
        let mut follower = black_box(counted(&said));
        for finding in follower.take_findings() {
            println!("{finding}");
        }
    }
}
