//! Operation lists on one mailbox and up to eight sessions, against sorted vectors: the interpreter of
//! `crates/imap-seq/tests/model.rs`. Every four octets are an operation.

use crate::seq_model::{Model, Op};

/// Longer lists find nothing that a shorter one does not, and the oracle is quadratic.
const LONGEST: usize = 300;

pub fn run(octets: &[u8]) {
    let ops = octets.as_chunks::<4>().0.iter().take(LONGEST);
    Model::run(ops.map(|&octets| Op::from_octets(octets)));
}
