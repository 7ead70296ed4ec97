//! What a store that can only be listed makes its sessions see.

#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use imap_poller::{
    Absence, Answer, Changes, Flight, Landed, Listed, Listing, MailboxPoller, Pace, Reason, Wish,
};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Access, Echo, Flag, Flags, Followers, Ingest, Recency, Untagged, UpdateBuffer, kind};

type Poller = MailboxPoller<()>;

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().copied().map(uid).collect()
}

fn modseq(number: u64) -> ModSeq {
    ModSeq::new(number).unwrap()
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn message(number: u32, flags: &[Flag]) -> Listed {
    Listed {
        uid: uid(number),
        flags: flags.iter().cloned().collect(),
        modseq: None,
    }
}

fn plain(numbers: &[u32]) -> Listing {
    Listing::new(numbers.iter().map(|&number| message(number, &[])).collect()).unwrap()
}

fn versioned(messages: &[(u32, u64, &[Flag])], as_of: u64) -> Listing {
    let listed = messages.iter().map(|(number, version, flags)| Listed {
        modseq: Some(modseq(*version)),
        ..message(*number, flags)
    });
    Listing::new(listed.collect()).unwrap().as_of(modseq(as_of))
}

fn in_listings(number: u32) -> Absence {
    Absence::InListings(NonZeroU32::new(number).unwrap())
}

fn open(listing: Listing, absence: Absence) -> (Poller, UpdateBuffer) {
    let poller = MailboxPoller::open((), listing, absence, Pace::default()).unwrap();
    let session = poller.hub().subscribe(Access::ReadOnly);
    (poller, session)
}

fn fly(poller: &Poller, now: u64) -> Flight<()> {
    match poller.wish(Reason::Command, seconds(now)) {
        Wish::Fly(flight) => flight,
        other => panic!("{other:?}"),
    }
}

fn land(poller: &Poller, listing: Listing, now: u64) -> Landed {
    fly(poller, now).land(listing, seconds(now))
}

fn noop(session: &mut UpdateBuffer) -> Vec<String> {
    let command = session.begin(kind::Noop);
    let drained = session.drain(command.permit(Followers::None));
    let lines = drained
        .iter()
        .filter_map(|line| match line {
            Untagged::Fetch { seq, flags, .. } => Some(format!("{seq} FETCH {flags}")),
            Untagged::Expunge(seq) => Some(format!("{seq} EXPUNGE")),
            Untagged::Exists(exists) => Some(format!("{exists} EXISTS")),
            Untagged::MailboxFlags(keywords) => Some(format!("FLAGS {keywords:?}")),
            _ => None,
        })
        .collect();
    session.written(drained);
    lines
}

#[test]
fn s77_a_message_gone_without_an_event_is_expunged_and_the_session_goes_on() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), Absence::IsProof);
    assert_eq!(land(&poller, plain(&[1, 3]), 0).expunged, 1);
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
    assert_eq!(session.ended(), None);
}

#[test]
fn s79_a_message_that_one_listing_misses_during_a_rename_is_not_expunged() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), in_listings(2));
    assert_eq!(land(&poller, plain(&[1, 3]), 0).missing, 1);
    assert_eq!(noop(&mut session), [""; 0]);
    // It is there again, under its new name and with its new flags; a later absence begins anew.
    let seen = Listing::new(vec![message(1, &[]), message(2, &[Flag::Seen]), message(3, &[])]).unwrap();
    land(&poller, seen, 1);
    assert_eq!(noop(&mut session), ["2 FETCH (\\Seen)"]);
    assert_eq!(land(&poller, plain(&[1, 3]), 2).expunged, 0);
    assert_eq!(land(&poller, plain(&[1, 3]), 3).expunged, 1);
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
}

#[test]
fn absence_over_a_time_needs_both_the_listings_and_the_time() {
    let rule = Absence::InListingsOver {
        listings: NonZeroU32::new(2).unwrap(),
        at_least: seconds(10),
    };
    let (poller, mut session) = open(plain(&[1, 2]), rule);
    for now in [0, 5, 9] {
        assert_eq!(land(&poller, plain(&[1]), now).expunged, 0, "at {now}");
    }
    assert_eq!(land(&poller, plain(&[1]), 10).expunged, 1);
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
}

#[test]
fn new_messages_and_new_keywords_are_told() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    let keyword = "$Junk".parse::<Flag>().unwrap();
    let listing = Listing::new(vec![message(1, &[]), message(5, &[keyword])]).unwrap();
    assert_eq!(
        land(&poller, listing, 0),
        Landed {
            arrived: 1,
            ..Landed::default()
        }
    );
    assert_eq!(noop(&mut session), ["FLAGS [Keyword($Junk)]", "2 EXISTS"]);
}

/// Notifications got lost, or there are none: the next listing finds all of it, and nobody is disconnected.
#[test]
fn s74_a_lost_position_is_found_again_by_comparing() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), Absence::IsProof);
    let listing = Listing::new(vec![message(1, &[]), message(3, &[Flag::Seen]), message(8, &[])]).unwrap();
    let landed = land(&poller, listing, 0);
    assert_eq!(
        landed,
        Landed {
            arrived: 1,
            changed: 1,
            expunged: 1,
            ..Landed::default()
        }
    );
    assert_eq!(noop(&mut session), ["3 FETCH (\\Seen)", "2 EXPUNGE", "3 EXISTS"]);
    assert_eq!(session.ended(), None);
}

#[test]
fn s76_a_listing_from_a_replica_that_lags_is_left_out_whole() {
    let now = versioned(&[(1, 5, &[Flag::Seen]), (2, 9, &[])], 9);
    let (poller, mut session) = open(now.clone(), Absence::IsProof);
    let lagging = versioned(&[(1, 2, &[])], 4);
    assert_eq!(land(&poller, lagging, 0).answer, Answer::Stale);
    assert_eq!(noop(&mut session), [""; 0]);
    assert_eq!(poller.cursor(), Some(modseq(9)));
    // And nothing is replayed when the replica has caught up.
    assert_eq!(land(&poller, now, 1), Landed::default());
    assert_eq!(noop(&mut session), [""; 0]);
}

/// All its messages are as they are known; it only lacks the newest one.
#[test]
fn s76_a_listing_that_is_older_expunges_nothing() {
    let (poller, mut session) = open(versioned(&[(1, 3, &[]), (2, 9, &[])], 9), Absence::IsProof);
    let lagging = versioned(&[(1, 3, &[])], 4);
    assert_eq!(land(&poller, lagging, 0).answer, Answer::Stale);
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn s76_a_lagging_replica_that_does_not_say_so_betrays_itself_by_a_message_that_goes_back() {
    let listed = |version, flags: &[Flag]| Listed {
        modseq: Some(modseq(version)),
        ..message(1, flags)
    };
    let (poller, mut session) = open(
        Listing::new(vec![listed(5, &[Flag::Seen])]).unwrap(),
        Absence::IsProof,
    );
    let lagging = Listing::new(vec![listed(4, &[])]).unwrap();
    assert_eq!(land(&poller, lagging, 0).answer, Answer::Stale);
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn s76_an_own_change_moves_no_cursor_and_skips_nothing() {
    let (poller, mut session) = open(versioned(&[(1, 5, &[])], 5), Absence::IsProof);
    {
        let mut guard = poller.hub().lock();
        let seen = Flags::from_iter([Flag::Seen]);
        assert_eq!(
            guard.flags_changed(uid(1), seen, session.origin(), Echo::Silent),
            Ingest::Applied
        );
    }
    assert_eq!(poller.cursor(), Some(modseq(5)));
    // Somebody else delivered a message with a lower mod-sequence than the hub's own count.
    land(&poller, versioned(&[(1, 6, &[Flag::Seen]), (2, 6, &[])], 6), 1);
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
}

#[test]
fn an_own_change_is_not_repeated_by_the_listing_that_shows_it() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    let seen = Flags::from_iter([Flag::Seen]);
    assert_eq!(
        poller
            .hub()
            .lock()
            .flags_changed(uid(1), seen, session.origin(), Echo::Silent),
        Ingest::Applied
    );
    let listing = Listing::new(vec![message(1, &[Flag::Seen])]).unwrap();
    assert_eq!(land(&poller, listing, 0).changed, 0);
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn a_listing_that_was_asked_for_before_an_own_change_does_not_undo_it() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), Absence::IsProof);
    let flight = fly(&poller, 0);
    {
        let mut guard = poller.hub().lock();
        let seen = Flags::from_iter([Flag::Seen]);
        assert_eq!(
            guard.flags_changed(uid(1), seen, session.origin(), Echo::Silent),
            Ingest::Applied
        );
        assert_eq!(guard.expunge(&uids(&[2])).len(), 1);
        assert_eq!(guard.arrive(uid(4), Recency::Recent), Ingest::Applied);
    }
    let flagged = Listing::new(vec![message(1, &[Flag::Draft]), message(2, &[]), message(3, &[])]).unwrap();
    assert_eq!(flight.land(flagged, seconds(1)), Landed::default());
    assert_eq!(noop(&mut session), ["2 EXPUNGE", "3 EXISTS"]);
    // The next one shows all of it, and is no news.
    let listing = Listing::new(vec![message(1, &[Flag::Seen]), message(3, &[]), message(4, &[])]).unwrap();
    assert_eq!(land(&poller, listing, 2), Landed::default());
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn an_own_change_that_somebody_reverted_in_the_store_is_told() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    let seen = Flags::from_iter([Flag::Seen]);
    let done = poller
        .hub()
        .lock()
        .flags_changed(uid(1), seen, session.origin(), Echo::Silent);
    assert_eq!(done, Ingest::Applied);
    // Both listings say (): only the hub remembers that this session believes (\Seen).
    assert_eq!(land(&poller, plain(&[1]), 1).changed, 1);
    assert_eq!(noop(&mut session), ["1 FETCH ()"]);
}

#[test]
fn a_message_that_came_through_the_hub_and_vanished_from_the_store_is_missed() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    assert_eq!(
        poller.hub().lock().arrive(uid(2), Recency::Recent),
        Ingest::Applied
    );
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
    land(&poller, plain(&[1]), 0);
    assert_eq!(land(&poller, plain(&[1]), 1).expunged, 1);
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
}

#[test]
fn only_one_flight_is_under_way_and_the_others_can_wait_for_it() {
    let (poller, _session) = open(plain(&[1]), Absence::IsProof);
    let flight = fly(&poller, 0);
    let Wish::Join(number) = poller.wish(Reason::Command, seconds(0)) else {
        panic!("a second flight")
    };
    let mut waiting = pin!(poller.landed(number));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(waiting.as_mut().poll(&mut context), Poll::Pending);
    flight.land(plain(&[1]), seconds(0));
    assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(()));
    assert!(fly(&poller, 0).number() > number);
}

#[test]
fn idle_clients_together_cause_one_listing_in_each_interval() {
    let (poller, _session) = open(plain(&[1]), Absence::IsProof);
    land(&poller, plain(&[1]), 100);
    assert_eq!(poller.next_idle_tick(), seconds(130));
    assert!(matches!(poller.wish(Reason::IdleTick, seconds(129)), Wish::NotBefore(at) if at == seconds(130)));
    assert!(matches!(
        poller.wish(Reason::IdleTick, seconds(130)),
        Wish::Fly(_)
    ));
}

#[test]
fn errors_make_longer_pauses_and_an_answer_ends_them() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    fly(&poller, 0).fail(seconds(2));
    assert!(matches!(poller.wish(Reason::Command, seconds(2)), Wish::NotBefore(at) if at == seconds(3)));
    // Dropped without an answer: a failure as well, at the time it was asked.
    drop(fly(&poller, 3));
    assert!(matches!(poller.wish(Reason::Command, seconds(4)), Wish::NotBefore(at) if at == seconds(5)));
    assert_eq!(land(&poller, plain(&[1, 2]), 5).arrived, 1);
    assert!(matches!(poller.wish(Reason::Command, seconds(5)), Wish::Fly(_)));
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
}

#[test]
fn a_store_that_can_tell_what_changed_is_asked_only_for_that() {
    let (poller, mut session) = open(
        versioned(&[(1, 1, &[]), (2, 2, &[]), (3, 3, &[])], 3),
        in_listings(9),
    );
    let flight = fly(&poller, 0);
    assert_eq!(flight.cursor(), Some(modseq(3)));
    let changed = versioned(&[(2, 4, &[Flag::Flagged]), (7, 5, &[])], 6);
    let landed = flight.land_changes(
        &Changes {
            changed,
            expunged: uids(&[1]),
        },
        seconds(0),
    );
    assert_eq!(
        landed,
        Landed {
            arrived: 1,
            changed: 1,
            expunged: 1,
            ..Landed::default()
        }
    );
    assert_eq!(
        noop(&mut session),
        ["2 FETCH (\\Flagged)", "1 EXPUNGE", "3 EXISTS"]
    );
    assert_eq!(poller.cursor(), Some(modseq(6)));
    // A full listing later agrees with what was learnt so.
    let all = versioned(&[(2, 4, &[Flag::Flagged]), (3, 3, &[]), (7, 5, &[])], 6);
    assert_eq!(land(&poller, all, 1), Landed::default());
}

#[test]
fn a_reused_uid_is_refused_and_reported() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), Absence::IsProof);
    land(&poller, plain(&[1, 3]), 0);
    assert_eq!(land(&poller, plain(&[1, 2, 3]), 1).refused, 1);
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
}

mod laws {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    fn listings() -> impl Strategy<Value = Vec<Listing>> {
        let flags = prop_oneof![Just(vec![]), Just(vec![Flag::Seen]), Just(vec![Flag::Flagged])];
        vec(btree_map(1_u32..20, flags, 0..12), 1..6).prop_map(|states| {
            let listed = |state: std::collections::BTreeMap<u32, Vec<Flag>>| {
                Listing::new(
                    state
                        .iter()
                        .map(|(number, flags)| message(*number, flags))
                        .collect(),
                )
                .unwrap()
            };
            states.into_iter().map(listed).collect()
        })
    }

    proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
            /// The oracle: whoever applies the differences has the newer listing.
            #[test]
            fn applying_the_differences_gives_the_newer_listing(all in listings()) {
                let (old, new) = (&all[0], &all[all.len() - 1]);
                let mut state: std::collections::BTreeMap<Uid, Listed> =
                    old.messages().iter().map(|message| (message.uid, message.clone())).collect();
                for difference in imap_poller::diff(old, new) {
                    match difference {
                        imap_poller::Difference::Missing(message) => {
                            prop_assert!(state.remove(&message.uid).is_some());
                        }
                        imap_poller::Difference::Arrived(message) => {
                            prop_assert!(state.insert(message.uid, message.clone()).is_none());
                        }
                        imap_poller::Difference::Changed(message) => {
                            prop_assert!(state.insert(message.uid, message.clone()).is_some());
                        }
                    }
                }
                let applied: Vec<Listed> = state.into_values().collect();
                prop_assert_eq!(applied.as_slice(), new.messages());
            }

            /// After any listings, a session has the messages of the last one, but for UIDs that came too late or twice.
            #[test]
            fn a_session_has_what_the_last_listing_has(all in listings()) {
                let (poller, mut session) = open(all[0].clone(), Absence::IsProof);
                let mut refused = 0;
                for (now, listing) in all.iter().enumerate() {
                    refused += land(&poller, listing.clone(), now as u64).refused;
                    noop(&mut session);
                }
                let _command = session.begin(kind::Noop);
                let seen: Vec<Uid> = session.view().uids().collect();
                let listed: Vec<Uid> = all[all.len() - 1].messages().iter().map(|m| m.uid).collect();
                if refused == 0 {
                    prop_assert_eq!(seen, listed);
                } else {
                    prop_assert!(seen.iter().all(|uid| listed.contains(uid)));
                }
            }
        }
}
