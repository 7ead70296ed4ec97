//! HIGHESTMODSEQ and what a session has not been told: EXPUNGEs that are held, and flags that were lost.
#![allow(clippy::unwrap_used)]

use imap_updates::{
    Access, Echo, Ingest, Limits, LogHub, MailboxHub, Origin, Outcome, Page, Snapshot, UpdateBuffer, kind,
};

use crate::support::desk::{Desk, flags, hold, release};
use crate::support::log::{LogDesk, changes};
use crate::support::{modseq, uid, uids};

/// Red on the first version: the first record after the hold decided, not the lowest, and the client was told 109 while
/// the EXPUNGE of 105 was held.
#[test]
fn a_page_has_its_expunges_in_any_order() {
    let mut desk = LogDesk::with(&[1, 2, 3]);
    desk.moved(changes(10, 15).gone(modseq(15), uid(1)).gone(modseq(12), uid(2)));
    hold(&mut desk.a, kind::Fetch);
    assert_eq!(desk.a.highest_modseq(), modseq(11));
    desk.moved(changes(15, 20).gone(modseq(17), uid(3)));
    hold(&mut desk.a, kind::Fetch);
    assert_eq!(desk.a.highest_modseq(), modseq(11));
    assert_eq!(desk.a.held().map(|held| (held.count, held.drains)), Some((3, 2)));
    assert_eq!(desk.noop().len(), 3);
    assert_eq!(desk.a.highest_modseq(), modseq(20));
}

/// What a whole listing lacks went at some version since the cursor.
#[test]
fn a_listing_that_lacks_a_message_keeps_highestmodseq_at_the_cursor() {
    let mut desk = LogDesk::with(&[1, 2]);
    desk.moved(Page::whole(modseq(90)).present(modseq(1), uid(2), flags("")));
    hold(&mut desk.a, kind::Fetch);
    assert_eq!(desk.a.highest_modseq(), modseq(10));
}

/// Red on the first version, which could only be asked for what the last drain held.
#[test]
fn what_was_expunged_since_the_last_drain_is_pending_though_nothing_is_held() {
    let mut desk = Desk::with(&[1, 2, 3, 4]);
    assert_eq!(desk.a.pending_expunges(), 0);
    let command = desk.a.begin(kind::Search);
    let numbered: Vec<_> = desk.a.view().uids().collect();
    assert_eq!(desk.expunge(&[2, 3]), 2);
    assert_eq!((desk.a.held(), desk.a.pending_expunges()), (None, 2));
    // The command goes on in the view in which it began.
    assert_eq!(desk.a.view().uids().collect::<Vec<_>>(), numbered);
    assert!(!desk.a.view().is_expunged(uid(2)));
    drop(command);
    assert!(desk.hold(kind::Search).is_empty());
    assert_eq!(
        (desk.a.held().map(|held| held.count), desk.a.pending_expunges()),
        (Some(2), 2)
    );
    assert_eq!(desk.noop(), ["3 EXPUNGE", "2 EXPUNGE"]);
    assert_eq!(desk.a.pending_expunges(), 0);
}

/// A message that came and went without the client having heard of it has no number to lose.
#[test]
fn what_the_client_never_had_is_not_pending() {
    let mut desk = Desk::with(&[1]);
    let _ = desk.arrive(2);
    assert_eq!(desk.expunge(&[2]), 1);
    assert_eq!(desk.a.pending_expunges(), 0);
    assert!(desk.noop().is_empty());
}

fn small_memory() -> Limits {
    Limits::default().with_expunge_records(1)
}

/// Red on the first version: the oldest record that was left decided, though those before it had been dropped.
#[test]
fn with_records_dropped_highestmodseq_stays_at_what_was_told_last() {
    let whole = Page::whole(modseq(10))
        .present(modseq(1), uid(1), flags(""))
        .present(modseq(2), uid(2), flags(""));
    let hub = LogHub::open(whole, small_memory()).unwrap();
    let mut a = hub.select(Access::ReadOnly).updates;
    for (version, gone) in [(12, 1), (14, 2)] {
        let page = changes(version - 2, version).gone(modseq(version), uid(gone));
        assert_eq!(hub.apply(page).outcome(), Outcome::Moved);
    }
    hold(&mut a, kind::Fetch);
    assert_eq!(a.highest_modseq(), modseq(10));
}

#[test]
fn the_hub_that_counts_does_the_same() {
    let snapshot = Snapshot::new((1..=4).map(uid).collect()).with_highest_modseq(modseq(10));
    let hub = MailboxHub::with_limits((), snapshot, small_memory()).unwrap();
    let mut a = hub.subscribe(Access::ReadOnly);
    for gone in [1, 2] {
        assert_eq!(hub.lock().expunge(&uids(&[gone])).len(), 1);
    }
    hold(&mut a, kind::Fetch);
    assert_eq!(a.highest_modseq(), modseq(10));
    assert_eq!(release(&mut a, kind::Noop), ["2 EXPUNGE", "1 EXPUNGE"]);
    assert_eq!(a.highest_modseq(), modseq(12));
    assert_eq!(hub.lock().expunge(&uids(&[3])).len(), 1);
    hold(&mut a, kind::Fetch);
    assert_eq!(a.highest_modseq(), modseq(12));
}

fn change(hub: &MailboxHub<()>, number: u32) {
    let done = hub
        .lock()
        .flags_changed(uid(number), flags("\\Seen"), Origin::EXTERNAL, Echo::Tell);
    assert_eq!(done, Ingest::Applied);
}

/// A client that was not told of flag changes must not remember that it was: the server has to restate them first.
#[test]
fn as_long_as_flags_are_lost_highestmodseq_does_not_move() {
    let limits = Limits::default().with_flag_changes(10);
    let hub = MailboxHub::with_limits((), (1..=100).map(uid).collect(), limits).unwrap();
    let mut a: UpdateBuffer = hub.subscribe(Access::ReadOnly);
    (1..=100).for_each(|number| change(&hub, number));
    release(&mut a, kind::Noop);
    assert!(a.lost_flags());
    assert_eq!(a.highest_modseq(), modseq(1));
    let now = hub.lock().highest_modseq();
    a.restate_flags((1..=100).map(|number| (uid(number), flags("\\Seen"), now)));
    assert_eq!(release(&mut a, kind::Noop).len(), 100);
    assert_eq!(a.highest_modseq(), now);
}

/// Nobody has to hold the flags of a whole mailbox for a session.
#[test]
fn flags_that_are_restated_in_parts_are_lost_until_the_last_part() {
    let limits = Limits::default().with_flag_changes(10);
    let hub = MailboxHub::with_limits((), (1..=100).map(uid).collect(), limits).unwrap();
    let mut a: UpdateBuffer = hub.subscribe(Access::ReadOnly);
    (1..=100).for_each(|number| change(&hub, number));
    release(&mut a, kind::Noop);
    let now = hub.lock().highest_modseq();
    let part =
        |numbers: std::ops::RangeInclusive<u32>| numbers.map(|number| (uid(number), flags("\\Seen"), now));
    a.begin_to_restate();
    a.restate_some_flags(part(1..=50));
    assert_eq!(release(&mut a, kind::Noop).len(), 50);
    // The store fails here, or it goes on.
    assert!(a.lost_flags());
    assert_eq!(a.highest_modseq(), modseq(1));
    a.end_to_restate();
    a.restate_some_flags(part(51..=100));
    assert_eq!(release(&mut a, kind::Noop).len(), 50);
    assert!(!a.lost_flags());
    assert_eq!(a.highest_modseq(), now);
}

#[test]
fn flags_that_are_lost_while_others_are_restated_are_restated_too() {
    let limits = Limits::default().with_flag_changes(10);
    let hub = MailboxHub::with_limits((), (1..=100).map(uid).collect(), limits).unwrap();
    let mut a: UpdateBuffer = hub.subscribe(Access::ReadOnly);
    (1..=100).for_each(|number| change(&hub, number));
    release(&mut a, kind::Noop);
    let now = hub.lock().highest_modseq();
    a.begin_to_restate();
    a.restate_some_flags((1..=50).map(|number| (uid(number), flags("\\Seen"), now)));
    release(&mut a, kind::Noop);
    for number in 1..=100 {
        let done = hub
            .lock()
            .flags_changed(uid(number), flags("\\Flagged"), Origin::EXTERNAL, Echo::Tell);
        assert_eq!(done, Ingest::Applied);
    }
    a.end_to_restate();
    a.restate_some_flags((51..=100).map(|number| (uid(number), flags("\\Flagged"), now)));
    release(&mut a, kind::Noop);
    assert!(a.lost_flags());
    assert_eq!(a.highest_modseq(), modseq(1));
}

/// Keywords are the users' to make up: their number is bounded.
#[test]
fn beyond_the_bound_a_keyword_is_told_with_its_message_and_not_with_the_mailbox() {
    let limits = Limits::default().with_keywords(2);
    let snapshot = Snapshot::new([1].map(uid).to_vec()).with_keywords(vec!["a".parse().unwrap()]);
    let hub = MailboxHub::with_limits((), snapshot, limits).unwrap();
    let mut a = hub.subscribe(Access::ReadOnly);
    let done = hub
        .lock()
        .flags_changed(uid(1), flags("a c b"), Origin::EXTERNAL, Echo::Tell);
    assert_eq!(done, Ingest::Applied);
    let told = ["FLAGS [Keyword(a), Keyword(b)]", "1 FETCH (UID 1 FLAGS (a b c))"];
    assert_eq!(release(&mut a, kind::Noop), told);
    hub.lock().keywords_changed(["d".parse().unwrap()]);
    assert_eq!(hub.lock().keywords().len(), 2);
    change(&hub, 1);
    assert_eq!(release(&mut a, kind::Noop), ["1 FETCH (UID 1 FLAGS (\\Seen))"]);
}
