//! Operation lists on one mailbox and up to eight sessions, against sorted vectors: the interpreter of
//! `crates/imap-seq/tests/model.rs`, fed with octets. Every four are an operation.
//!
//! `cargo +nightly fuzz run seq_mapper_ops`

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/imap-seq/tests/support/model.rs"]
mod model;

fuzz_target!(|octets: &[u8]| {
    // Longer lists find nothing that a shorter one does not, and the oracle is quadratic.
    let ops = octets.as_chunks::<4>().0.iter().take(300);
    model::Model::run(ops.map(|&octets| model::Op::from_octets(octets)));
});
