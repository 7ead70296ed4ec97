//! Shared by the tests of this crate and by its soak: see each file.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation
)]

pub mod client;
pub mod desk;
pub mod log;
pub mod log_world;
pub mod steps;
pub mod world;

use std::time::Duration;

use imap_seq::{ModSeq, SeqNum, Uid, UidSet};

/// How long a thread waits for another one; only a failing test waits that long.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

pub fn seq(number: u32) -> SeqNum {
    SeqNum::new(number).unwrap()
}

pub fn modseq(number: u64) -> ModSeq {
    ModSeq::new(number).unwrap()
}

pub fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().copied().map(uid).collect()
}
