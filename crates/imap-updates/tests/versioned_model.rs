//! Changes with versions, delivered twice and in any order, against the history in its true order.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use imap_updates::{
    Access, Change, Drained, Echo, Flag, Flags, Followers, MailboxHub, Origin, Recency, Snapshot, Untagged,
    kind,
};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{modseq, uid, uids};

/// What happened, in order; picks are taken modulo what there is.
#[derive(Clone, Debug)]
enum Event {
    Arrive,
    Flags { pick: u8, seen: bool, flagged: bool },
    Expunge { picks: Vec<u8> },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Arrive),
        (any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(pick, seen, flagged)| Event::Flags {
            pick,
            seen,
            flagged
        }),
        vec(any::<u8>(), 1..3).prop_map(|picks| Event::Expunge { picks }),
    ]
}

const START: u32 = 3;
const BASE: u64 = 10;

/// The true order: versions after the snapshot's, the messages that are left, and the flags of each.
fn truth(events: &[Event]) -> (Vec<(u64, Change)>, BTreeMap<u32, Flags>) {
    let mut left: BTreeMap<u32, Flags> = (1..=START).map(|number| (number, Flags::empty())).collect();
    let mut next = START + 1;
    let mut changes = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let pick = |pick: &u8| left.keys().nth(usize::from(*pick) % left.len().max(1)).copied();
        let change = match event {
            Event::Arrive => {
                left.insert(next, Flags::empty());
                next += 1;
                Some(Change::Arrived {
                    uid: uid(next - 1),
                    recency: Recency::NotRecent,
                })
            }
            Event::Flags {
                pick: chosen,
                seen,
                flagged,
            } => pick(chosen).map(|chosen| {
                let flags = [(Flag::Seen, *seen), (Flag::Flagged, *flagged)];
                let flags: Flags = flags
                    .into_iter()
                    .filter_map(|(flag, set)| set.then_some(flag))
                    .collect();
                left.insert(chosen, flags.clone());
                Change::Flags {
                    uid: uid(chosen),
                    flags,
                    origin: Origin::EXTERNAL,
                    echo: Echo::Tell,
                }
            }),
            Event::Expunge { picks } => {
                let gone: BTreeSet<u32> = picks.iter().filter_map(pick).collect();
                left.retain(|number, _| !gone.contains(number));
                Some(Change::Expunged(uids(&gone.into_iter().collect::<Vec<_>>())))
            }
        };
        changes.extend(change.map(|change| (BASE + 1 + at as u64, change)));
    }
    (changes, left)
}

fn hear(told: &mut BTreeMap<u32, Flags>, drained: &Drained) {
    for line in drained.iter() {
        if let Untagged::Fetch { uid, flags, .. } = line {
            told.insert(uid.get(), flags.clone());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_order_and_however_often_the_end_is_the_same(
        events in vec(event(), 1..30),
        order in vec((0_u8..60, any::<bool>()), 60),
    ) {
        let (changes, left) = truth(&events);
        // Twice each, in an order that has nothing to do with the true one; sometimes a session looks in between.
        let mut deliveries: Vec<_> = changes.iter().chain(&changes).zip(&order).collect();
        deliveries.sort_by_key(|(_, (place, _))| *place);

        let start: Snapshot = (1..=START).map(uid).collect();
        let hub = MailboxHub::new((), Snapshot { highest_modseq: modseq(BASE), ..start }).unwrap();
        let mut session = hub.subscribe(Access::ReadOnly);
        let mut told: BTreeMap<u32, Flags> = (1..=START).map(|number| (number, Flags::empty())).collect();
        for ((version, change), (_, looks)) in deliveries {
            let _answer = hub.lock().ingest(modseq(*version), change.clone());
            if *looks {
                let command = session.begin(kind::Noop);
                let drained = session.drain(command.permit(Followers::None));
                hear(&mut told, &drained);
                session.written(drained);
            }
        }
        let command = session.begin(kind::Noop);
        let drained = session.drain(command.permit(Followers::None));
        hear(&mut told, &drained);
        session.written(drained);
        // Of the messages that it had from the start, the session knows the last flags.
        for number in 1..=START {
            if let Some(flags) = left.get(&number) {
                prop_assert_eq!(&told[&number], flags, "UID {}", number);
            }
        }
        // It has no message that is gone; those that came too late for it show when it has left.
        let seen: Vec<u32> = session.view().uids().map(imap_seq::Uid::get).collect();
        prop_assert!(seen.iter().all(|number| left.contains_key(number)), "{:?} of {:?}", seen, left.keys());
        drop(session);
        let again = hub.subscribe(Access::ReadOnly);
        let all: Vec<u32> = again.view().uids().map(imap_seq::Uid::get).collect();
        prop_assert_eq!(all, left.keys().copied().collect::<Vec<_>>());
    }
}
