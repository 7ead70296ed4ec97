//! What a store that can only be listed makes its sessions see.

use imap_poller::{Absence, Answer, Begun, Completed, Listing, MailboxPoller, Pace, Reason};
use imap_updates::{Access, Flag, Flags};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

use crate::support::*;

/// Arrived, changed, expunged, missing.
fn counts(completed: &Completed) -> [u32; 4] {
    assert_eq!(completed.answer, Answer::Taken);
    [
        completed.arrived,
        completed.changed,
        completed.expunged,
        completed.missing,
    ]
}

#[test]
fn s77_a_message_gone_without_an_event_is_expunged_and_the_session_goes_on() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), Absence::IsProof);
    assert_eq!(counts(&list(&poller, plain(&[1, 3]), 0)), [0, 0, 1, 0]);
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
    assert_eq!(session.ended(), None);
}

#[test]
fn s79_a_message_that_one_listing_misses_during_a_rename_is_not_expunged() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), in_listings(2));
    assert_eq!(counts(&list(&poller, plain(&[1, 3]), 0)), [0, 0, 0, 1]);
    assert_eq!(noop(&mut session), [""; 0]);
    // It is there again, under its new name and with its new flags; a later absence begins anew.
    let found = list(&poller, listed(&[(1, &[]), (2, &[Flag::Seen]), (3, &[])]), 1);
    assert_eq!(counts(&found), [0, 1, 0, 0]);
    assert_eq!(noop(&mut session), ["2 FETCH (\\Seen)"]);
    assert_eq!(counts(&list(&poller, plain(&[1, 3]), 2)), [0, 0, 0, 1]);
    assert_eq!(counts(&list(&poller, plain(&[1, 3]), 3)), [0, 0, 1, 0]);
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
        assert_eq!(list(&poller, plain(&[1]), now).expunged, 0, "at {now}");
    }
    assert_eq!(list(&poller, plain(&[1]), 10).expunged, 1);
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
}

#[test]
fn new_messages_and_new_keywords_are_told() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    let keyword = "$Junk".parse::<Flag>().unwrap();
    assert_eq!(
        counts(&list(&poller, listed(&[(1, &[]), (5, &[keyword])]), 0)),
        [1, 0, 0, 0]
    );
    assert_eq!(noop(&mut session), ["FLAGS [Keyword($Junk)]", "2 EXISTS"]);
}

/// Notifications got lost, or there are none: the next listing finds all of it, and nobody is disconnected.
#[test]
fn s74_a_lost_position_is_found_again_by_comparing() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), Absence::IsProof);
    let completed = list(&poller, listed(&[(1, &[]), (3, &[Flag::Seen]), (8, &[])]), 0);
    assert_eq!(counts(&completed), [1, 1, 1, 0]);
    assert_eq!(noop(&mut session), ["3 FETCH (\\Seen)", "2 EXPUNGE", "3 EXISTS"]);
    assert_eq!(session.ended(), None);
}

#[test]
fn a_reused_uid_is_refused_and_reported() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), Absence::IsProof);
    assert_eq!(list(&poller, plain(&[1, 3]), 0).expunged, 1);
    let completed = list(&poller, plain(&[1, 2, 3]), 1);
    assert_eq!((completed.reused, completed.arrived), (uids(&[2]), 0));
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
}

/// The store is at fault, and says so by its own listings.
#[test]
fn a_uid_that_shows_up_below_one_that_was_told_is_hidden_and_reported() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    assert_eq!(list(&poller, plain(&[1, 5]), 0).arrived, 1);
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
    let completed = list(&poller, plain(&[1, 4, 5]), 1);
    assert_eq!((completed.hidden, completed.arrived), (uids(&[4]), 0));
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn select_answers_the_uidnext_of_what_was_told() {
    let (poller, _session) = open(plain(&[1, 4]).with_uid_next(Some(uid(9))), Absence::IsProof);
    assert_eq!(poller.select(Access::ReadOnly).uid_next, Some(uid(9)));
    // A message came and went between two listings: nobody hears of it, and UIDNEXT is right.
    assert_eq!(
        counts(&list(&poller, plain(&[1, 4]).with_uid_next(Some(uid(10))), 0)),
        [0; 4]
    );
    assert_eq!(poller.select(Access::ReadOnly).uid_next, Some(uid(10)));
    assert_eq!(poller.status().uid_next, Some(uid(10)));
    // No UID is left.
    assert_eq!(
        counts(&list(&poller, plain(&[1, 4]).with_uid_next(None), 1)),
        [0; 4]
    );
    assert_eq!(poller.select(Access::ReadOnly).uid_next, None);
}

#[test]
fn a_listing_with_a_lower_uidnext_is_older_and_left_out_whole() {
    let (poller, mut session) = open(plain(&[1, 2]).with_uid_next(Some(uid(3))), Absence::IsProof);
    let older = list(&poller, plain(&[1]).with_uid_next(Some(uid(2))), 0);
    assert_eq!(older.answer, Answer::LeftOut);
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn idle_clients_together_cause_one_listing_in_each_interval() {
    let (poller, _session) = open(plain(&[1]), Absence::IsProof);
    let _same = list(&poller, plain(&[1]), 100);
    assert_eq!(poller.not_before(Reason::Idle), seconds(130));
    let early = poller.begin(Reason::Idle, seconds(129));
    assert!(matches!(early, Begun::NotBefore(at) if at == seconds(130)));
    assert!(matches!(poller.begin(Reason::Idle, seconds(130)), Begun::Ask(_)));
}

#[test]
fn failures_make_longer_pauses_and_an_answer_ends_them() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    ask(&poller, 0).fail(seconds(2));
    let early = poller.begin(Reason::Asked, seconds(2));
    assert!(matches!(early, Begun::NotBefore(at) if at == seconds(3)));
    ask(&poller, 3).fail(seconds(3));
    let early = poller.begin(Reason::Asked, seconds(4));
    assert!(matches!(early, Begun::NotBefore(at) if at == seconds(5)));
    assert_eq!(list(&poller, plain(&[1, 2]), 5).arrived, 1);
    assert!(matches!(poller.begin(Reason::Asked, seconds(5)), Begun::Ask(_)));
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
}

#[test]
fn a_request_that_is_dropped_is_no_failure_of_the_store() {
    let (poller, _session) = open(plain(&[1]), Absence::IsProof);
    let request = ask(&poller, 0);
    assert!(matches!(poller.begin(Reason::Asked, seconds(0)), Begun::UnderWay));
    drop(request);
    assert!(matches!(poller.begin(Reason::Asked, seconds(0)), Begun::Ask(_)));
}

/// No bound makes it panic: the longest pause there is, at the end of time.
#[test]
fn durations_without_end_are_harmless() {
    let longest = std::time::Duration::MAX;
    let pace = Pace::default()
        .with_asked(longest)
        .with_idle(longest)
        .with_pauses(longest, longest);
    let poller = MailboxPoller::open(Listing::new(), Absence::IsProof, pace).unwrap();
    let Begun::Ask(request) = poller.begin(Reason::Idle, seconds(1)) else {
        panic!("the first may begin at any time")
    };
    request.fail(longest);
    assert!(matches!(poller.begin(Reason::Asked, seconds(2)), Begun::NotBefore(at) if at == longest));
}

fn listings() -> impl Strategy<Value = Vec<BTreeMap<u32, u8>>> {
    vec(btree_map(1_u32..20, 0_u8..3, 0..12), 1..6)
}

fn row((&number, &which): (&u32, &u8)) -> (imap_seq::Uid, Flags) {
    let all: [&[Flag]; 3] = [&[], &[Flag::Seen], &[Flag::Flagged]];
    (uid(number), flags(all[usize::from(which)]))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    /// After any listings, a session has the messages of the last one, but for UIDs that came too late or twice.
    #[test]
    fn a_session_has_what_the_last_listing_has(all in listings()) {
        let (poller, mut session) = open(all[0].iter().map(row).collect(), Absence::IsProof);
        let mut refused = 0;
        for (now, listing) in all.iter().enumerate() {
            let completed = list(&poller, listing.iter().map(row).collect(), now as u64);
            refused += completed.hidden.len() + completed.reused.len();
            noop(&mut session);
        }
        let listed: Vec<u32> = all[all.len() - 1].keys().copied().collect();
        let seen = numbered(&mut session);
        if refused == 0 {
            prop_assert_eq!(seen, listed);
        } else {
            prop_assert!(seen.iter().all(|uid| listed.contains(uid)));
        }
    }
}
