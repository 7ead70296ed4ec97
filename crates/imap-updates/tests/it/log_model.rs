//! Strict clients on a hub that follows a log, whatever way the pages come: nobody would miss anything if it came back
//! now with the HIGHESTMODSEQ that it was told, and at rest everybody has what the store has.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::log_world::{FORMS, HOWS, LogWorld, Op, Style};

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => any::<u8>().prop_map(|count| Op::Arrive { count }),
        3 => (vec(any::<u16>(), 1..3), any::<u8>()).prop_map(|(picks, bits)| Op::Flags { picks, bits }),
        2 => (vec(any::<u16>(), 1..4), any::<bool>())
            .prop_map(|(picks, one_version)| Op::Expunge { picks, one_version }),
        3 => store(),
        4 => (any::<u8>(), any::<u8>()).prop_map(|(back, piece)| Op::Read { back: back % 4, piece }),
        1 => Just(Op::List),
        6 => (any::<u8>(), any::<bool>()).prop_map(|(pick, again)| Op::Deliver { pick, again }),
        6 => (any::<u8>(), any::<bool>()).prop_map(|(slot, hold)| Op::Drain { slot, hold }),
        1 => any::<u8>().prop_map(|slot| Op::Open { slot }),
        1 => any::<u8>().prop_map(|slot| Op::Leave { slot }),
    ]
}

fn store() -> impl Strategy<Value = Op> {
    let what = (any::<u8>(), 0..FORMS.len(), 0..HOWS.len());
    (any::<u8>(), vec(any::<u16>(), 1..3), any::<bool>(), what).prop_map(
        |(slot, picks, one_version, (bits, form, how))| Op::Store {
            slot,
            picks,
            one_version,
            bits,
            form: FORMS[form],
            how: HOWS[how],
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_client_that_reconnects_at_any_moment_misses_nothing(
        log in any::<bool>(),
        start in 0_u32..6,
        memory in prop_oneof![Just(1_usize), Just(2), Just(4096)],
        ops in vec(op(), 1..80),
    ) {
        let style = if log { Style::Log } else { Style::State };
        let mut world = LogWorld::new(style, start, memory);
        for op in &ops {
            world.step(op);
        }
        world.finish();
    }
}
