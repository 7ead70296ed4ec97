//! A pretended store that an administrator changes as well, own changes that are reported in another order than they were
//! committed, listings that are slow, dropped, failed and older, and strict clients: checked at each drain, and at rest.

#![allow(clippy::unwrap_used)]

mod client;
mod store;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use world::{Op, Pages, Setting, World};

fn settings() -> impl Strategy<Value = Setting> {
    prop_oneof![
        Just(Setting::Plain),
        Just(Setting::WithUidNext),
        Just(Setting::Directory),
        Just(Setting::Versioned),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    let pick = || any::<prop::sample::Index>();
    prop_oneof![
        3 => Just(Op::AdminAppends),
        2 => pick().prop_map(Op::AdminExpunges),
        2 => pick().prop_map(Op::AdminSetsFlags),
        4 => pick().prop_map(Op::OwnAppend),
        2 => (pick(), pick()).prop_map(|(client, message)| Op::OwnFlags(client, message)),
        2 => (pick(), pick()).prop_map(|(client, message)| Op::OwnExpunge(client, message)),
        8 => pick().prop_map(Op::Report),
        4 => Just(Op::Begin),
        4 => Just(Op::Read),
        4 => Just(Op::Complete),
        1 => Just(Op::Fail),
        1 => Just(Op::Abandon),
        2 => pick().prop_map(Op::CompleteWithAnOlderOne),
        2 => pick().prop_map(Op::ReadAndMiss),
        5 => pick().prop_map(Op::Noop),
        2 => pick().prop_map(Op::Fetch),
        1 => pick().prop_map(Op::SelectAgain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn clients_have_what_the_store_has_and_are_never_told_what_is_not_so(
        setting in settings(),
        pages in prop_oneof![Just(Pages::AtOnce), Just(Pages::InParts)],
        ops in vec(ops(), 1..120),
    ) {
        let mut world = World::new(setting, pages);
        for op in ops {
            world.run(op);
        }
        world.come_to_rest();
    }
}
