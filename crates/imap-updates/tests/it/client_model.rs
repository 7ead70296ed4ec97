//! Strict clients under random interleavings: the seven invariants of `docs/updates.md`.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::world::{By, COMMANDS, Op, World};

fn op() -> impl Strategy<Value = Op> {
    let by = prop_oneof![
        Just(By::Outside),
        any::<u8>().prop_map(By::Silent),
        any::<u8>().prop_map(By::Told)
    ];
    let set = (any::<u16>(), any::<u16>());
    prop_oneof![
        3 => any::<u8>().prop_map(|count| Op::Append { count }),
        3 => vec(any::<u16>(), 1..4).prop_map(|picks| Op::Expunge { picks }),
        4 => (any::<u16>(), any::<u8>(), by).prop_map(|(pick, flags, by)| Op::Flags { pick, flags, by }),
        1 => any::<u16>().prop_map(|pick| Op::Batch { pick }),
        1 => any::<u16>().prop_map(|pick| Op::Noise { pick }),
        10 => (any::<u8>(), 0..COMMANDS.len(), any::<bool>(), set).prop_map(|(slot, command, followers, set)| {
            Op::Command { slot, command: COMMANDS[command], followers, set }
        }),
        1 => any::<u8>().prop_map(|slot| Op::Lose { slot }),
        2 => (any::<u8>(), any::<bool>(), any::<bool>())
            .prop_map(|(slot, access, vanished)| Op::Open { slot, access, vanished }),
        1 => any::<u8>().prop_map(|slot| Op::Leave { slot }),
    ]
}

proptest! {
#![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_client_has_what_it_was_told_and_in_the_end_what_the_store_has(
        start in 0_u32..6,
        ops in vec(op(), 1..120),
    ) {
        let mut world = World::new(start);
        for op in &ops {
            world.step(op);
        }
        world.finish();
    }
}
