//! Random operations on one mailbox and several sessions that lag differently, against sorted vectors.

use proptest::prelude::*;

#[path = "support/model.rs"]
mod model;

use model::{Model, Op};

proptest! {
    #[test]
    fn every_operation_agrees_with_sorted_vectors_in_every_session(
        ops in prop::collection::vec(any::<[u8; 4]>().prop_map(Op::from_octets), 0..80)
    ) {
        Model::run(ops);
    }

    #[test]
    fn small_mailboxes_agree_in_long_histories(
        ops in prop::collection::vec(
            any::<[u8; 4]>().prop_map(|[kind, a, b, c]| Op::from_octets([if kind % 16 == 3 { 0 } else { kind }, a, b, c])),
            0..300,
        )
    ) {
        Model::run(ops);
    }
}
