//! Scenarios S01 to S23: numbering and buffering. `V` is what session A was told.

use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Ingest, Origin, Recency, kind};

use crate::support::desk::{Desk, SILENCE, flags, lines, release};
use crate::support::{uid, uids};

#[test]
fn s01_a_batch_is_one_exists_and_has_no_numbers_before_it() {
    let mut desk = Desk::with(&[1, 2]);
    {
        let mut guard = desk.hub.lock();
        for number in 3..=5 {
            assert_eq!(guard.arrive(uid(number), Recency::NotRecent), Ingest::Applied);
        }
    }
    for number in 3..=5 {
        assert_eq!(desk.seq_of(number), None);
    }
    assert_eq!(desk.noop(), ["5 EXISTS"]);
    assert_eq!(desk.seq_of(4), Some(4));
}

#[test]
fn s04_a_message_that_came_and_went_before_it_was_announced_is_never_mentioned() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.arrive(2), Ingest::Applied);
    assert_eq!(desk.expunge(&[2]), 1);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.view(), [1]);
}

#[test]
fn s04_nor_when_another_session_was_told_of_it() {
    let mut desk = Desk::with(&[1]);
    let mut b = desk.hub.subscribe(Access::ReadWrite);
    assert_eq!(desk.arrive(2), Ingest::Applied);
    assert_eq!(release(&mut b, kind::Noop), ["2 EXISTS"]);
    assert_eq!(desk.expunge(&[2]), 1);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(release(&mut b, kind::Noop), ["2 EXPUNGE"]);
}

#[test]
fn s05_the_same_inside_a_batch() {
    let mut desk = Desk::with(&[1, 2]);
    {
        let mut guard = desk.hub.lock();
        for number in 3..=5 {
            assert_eq!(guard.arrive(uid(number), Recency::NotRecent), Ingest::Applied);
        }
        assert_eq!(guard.expunge(&uids(&[4])), uids(&[4]));
    }
    assert_eq!(desk.noop(), ["4 EXISTS"]);
    assert_eq!(desk.seq_of(5), Some(4));
}

#[test]
fn s06_append_behind_a_held_expunge() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[1]);
    assert_eq!(desk.arrive(4), Ingest::Applied);
    assert_eq!(desk.hold(kind::Fetch), ["4 EXISTS"]);
    assert_eq!(desk.view(), [1, 2, 3, 4]);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.view(), [2, 3, 4]);
}

#[test]
fn s07_flags_behind_a_held_expunge_are_told_at_once() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[1]);
    assert_eq!(desk.flags(2, "\\Flagged"), Ingest::Applied);
    assert_eq!(desk.hold(kind::Fetch), ["2 FETCH (UID 2 FLAGS (\\Flagged))"]);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}

#[test]
fn s08_flags_of_an_expunged_message_are_never_told() {
    let mut desk = Desk::with(&[1, 2]);
    assert_eq!(desk.flags(1, "\\Seen"), Ingest::Applied);
    desk.expunge(&[1]);
    assert_eq!(desk.hub.lock().remembered_flags(uid(1)), None, "nor kept");
    assert_eq!(desk.flags(1, "\\Flagged"), Ingest::Unknown);
    assert_eq!(desk.hold(kind::Store), SILENCE);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}

#[test]
fn s09_the_last_flags_win() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.flags(1, "\\Seen"), Ingest::Applied);
    assert_eq!(desk.flags(1, "\\Flagged"), Ingest::Applied);
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS (\\Flagged))"]);
    assert_eq!(desk.noop(), SILENCE);
}

/// Choice: the FETCH is sent. What a client was told of a message before is remembered by nobody, and a FETCH that
/// repeats what the client knows is harmless.
#[test]
fn s10_flags_there_and_back_are_told_once() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.flags(1, "\\Flagged"), Ingest::Applied);
    assert_eq!(desk.flags(1, ""), Ingest::Applied);
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS ())"]);
}

/// Choice: no FETCH at all. The client fetches a message that it has just been told of; later changes are told.
#[test]
fn s11_no_flags_before_exists() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.arrive(2), Ingest::Applied);
    assert_eq!(desk.flags(2, "\\Flagged"), Ingest::Applied);
    assert_eq!(desk.noop(), ["2 EXISTS"]);
    assert_eq!(desk.flags(2, "\\Seen"), Ingest::Applied);
    assert_eq!(desk.noop(), ["2 FETCH (UID 2 FLAGS (\\Seen))"]);
}

#[test]
fn s12_flags_of_an_unknown_uid_in_a_gap_are_refused() {
    let mut desk = Desk::with(&[1, 3, 5]);
    assert_eq!(desk.flags(4, "\\Flagged $New"), Ingest::Unknown);
    assert_eq!(desk.noop(), SILENCE);
    let counts = desk.hub.lock().counts();
    assert_eq!((counts.unknown, counts.applied), (1, 0));
}

#[test]
fn s13_a_double_expunge_is_told_once() {
    let mut desk = Desk::with(&[1, 2, 3]);
    assert_eq!(desk.expunge(&[2]), 1);
    assert_eq!(desk.expunge(&[2]), 0);
    assert_eq!(desk.noop(), ["2 EXPUNGE"]);
    assert_eq!(desk.expunge(&[2]), 0);
    assert_eq!(desk.noop(), SILENCE);
}

#[test]
fn s14_an_unknown_expunge_is_ignored_and_is_no_memory_of_what_comes_later() {
    let mut desk = Desk::with(&[1, 2, 3]);
    assert_eq!(desk.expunge(&[9]), 0);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.arrive(9), Ingest::Applied);
    assert_eq!(desk.noop(), ["4 EXISTS"]);
}

/// A set that nobody resolved names no message that comes later.
#[test]
fn s15_an_expunge_of_a_range_past_the_end_spares_what_comes_later() {
    let mut desk = Desk::with(&[1, 2, 3]);
    let mut range = UidSet::new();
    range.insert_range(uid(1), uid(10));
    assert_eq!(desk.hub.lock().expunge(&range), uids(&[1, 2, 3]));
    assert_eq!(desk.arrive(4), Ingest::Applied);
    assert_eq!(desk.noop(), ["3 EXPUNGE", "2 EXPUNGE", "1 EXPUNGE", "1 EXISTS"]);
    assert_eq!(desk.view(), [4]);
}

#[test]
fn s16_arrivals_out_of_order_are_sorted_while_nobody_was_told() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.arrive(11), Ingest::Applied);
    assert_eq!(desk.arrive(10), Ingest::Applied);
    assert_eq!(desk.noop(), ["3 EXISTS"]);
    assert_eq!(desk.view(), [1, 10, 11]);
}

/// Choice: the late message is hidden until no session is left, and the store is told. Numbers that were announced
/// never shift, and nobody is disconnected.
#[test]
fn s16_a_lower_uid_after_a_higher_one_was_announced_is_hidden_and_reported() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.arrive(11), Ingest::Applied);
    assert_eq!(desk.noop(), ["2 EXISTS"]);
    assert_eq!(desk.arrive(10), Ingest::Late);
    assert_eq!(desk.arrive(10), Ingest::Duplicate);
    assert_eq!(desk.hub.lock().hidden(), uids(&[10]));
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.view(), [1, 11]);

    let Desk { hub, a } = desk;
    drop(a);
    let again = hub.subscribe(Access::ReadWrite);
    assert_eq!(
        again.view().uids().collect::<Vec<_>>(),
        [uid(1), uid(10), uid(11)]
    );
}

#[test]
fn s17_an_arrival_that_the_snapshot_has_already_is_ignored() {
    let mut desk = Desk::with(&[1, 2]);
    assert_eq!(desk.arrive(2), Ingest::Duplicate);
    assert_eq!(desk.noop(), SILENCE);
}

#[test]
fn s18_nothing_comes_between_the_snapshot_and_the_subscription() {
    // The storage counts what it was given; both are read in one critical section.
    let hub = imap_updates::MailboxHub::new(2_u32, (1..=2).map(uid).collect()).unwrap();
    let deliver = |number| {
        let mut guard = hub.lock();
        *guard += 1;
        assert_eq!(guard.arrive(uid(number), Recency::NotRecent), Ingest::Applied);
    };
    deliver(3);
    let (mut session, stored) = hub.subscribe_with(Access::ReadWrite, |stored, view| {
        assert_eq!(*stored, view.exists());
        *stored
    });
    assert_eq!((session.exists(), stored), (3, 3));
    assert_eq!(release(&mut session, kind::Noop), SILENCE);
    deliver(4);
    assert_eq!(release(&mut session, kind::Noop), ["4 EXISTS"]);
}

#[test]
fn s19_an_empty_batch_changes_nothing() {
    let mut desk = Desk::with(&[]);
    assert_eq!(desk.hub.lock().expunge(&UidSet::new()), UidSet::new());
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.arrive(1), Ingest::Applied);
    assert_eq!(desk.noop(), ["1 EXISTS"]);
}

#[test]
fn s20_the_largest_uid_arrives_and_ends_a_range() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.arrive(u32::MAX), Ingest::Applied);
    assert_eq!(desk.noop(), ["2 EXISTS"]);
    assert_eq!(desk.uids("1:4294967295"), [1, u32::MAX]);
    let mut all = UidSet::new();
    all.insert_range(Uid::MIN, Uid::MAX);
    assert_eq!(desk.hub.lock().expunge(&all).len(), 2);
    assert_eq!(desk.noop(), ["2 EXPUNGE", "1 EXPUNGE"]);
    assert!(desk.hub.lock().expunge(&all).is_empty());
}

/// Choice: descending, so that each number is the one of the view before the drain.
#[test]
fn s21_expunges_are_told_from_the_last_to_the_first() {
    let mut desk = Desk::with(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    desk.expunge(&[3, 4, 7, 11]);
    assert_eq!(desk.noop(), ["11 EXPUNGE", "7 EXPUNGE", "4 EXPUNGE", "3 EXPUNGE"]);
}

#[test]
fn s22_a_hundred_thousand_expunges_are_one_drain() {
    let all: Vec<u32> = (1..=100_000).collect();
    let mut desk = Desk::with(&all);
    desk.expunge(&all);
    let said = desk.noop();
    assert_eq!(said.len(), 100_000);
    assert_eq!(
        (said[0].as_str(), said[99_999].as_str()),
        ("100000 EXPUNGE", "1 EXPUNGE")
    );
    assert_eq!(desk.a.exists(), 0);
}

#[test]
fn s23_a_uid_that_was_used_is_refused() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[3]);
    assert_eq!(desk.arrive(3), Ingest::Reused);
    assert_eq!(desk.noop(), ["3 EXPUNGE"]);
    assert_eq!(desk.arrive(3), Ingest::Reused);
    // Also of a message that nobody was told of.
    assert_eq!(desk.arrive(7), Ingest::Applied);
    desk.expunge(&[7]);
    assert_eq!(desk.arrive(7), Ingest::Reused);
    assert_eq!(desk.arrive(8), Ingest::Applied);
    assert_eq!(desk.noop(), ["3 EXISTS"]);
}

#[test]
fn a_new_keyword_is_defined_before_the_first_fetch_that_uses_it() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.flags(1, "$Junk"), Ingest::Applied);
    assert_eq!(
        desk.hold(kind::Search),
        ["FLAGS [Keyword($Junk)]", "1 FETCH (UID 1 FLAGS ($Junk))"]
    );
    assert_eq!(desk.flags(1, "$JUNK \\Seen"), Ingest::Applied);
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS (\\Seen $JUNK))"]);
}

#[test]
fn own_changes_are_not_echoed_and_other_peoples_are() {
    use imap_updates::Echo::{Silent, Tell};
    let mut desk = Desk::with(&[1, 2, 3]);
    let me = desk.a.origin();
    let mut b = desk.hub.subscribe(Access::ReadWrite);
    assert_eq!(desk.flags_by(1, "\\Seen", me, Silent), Ingest::Applied);
    assert_eq!(desk.flags_by(2, "\\Seen", me, Tell), Ingest::Applied);
    // Somebody else changed message 3 before this session's own silent change: it was never told of that one.
    assert_eq!(
        desk.flags_by(3, "\\Draft", Origin::EXTERNAL, Tell),
        Ingest::Applied
    );
    assert_eq!(desk.flags_by(3, "\\Draft \\Seen", me, Silent), Ingest::Applied);
    let told = [
        "2 FETCH (UID 2 FLAGS (\\Seen))",
        "3 FETCH (UID 3 FLAGS (\\Seen \\Draft))",
    ];
    assert_eq!(desk.noop(), told);
    let all = ["1 FETCH (UID 1 FLAGS (\\Seen))", told[0], told[1]];
    assert_eq!(release(&mut b, kind::Noop), all);
}

#[test]
fn lines_are_in_canonical_order() {
    let mut desk = Desk::with(&[1, 2, 3]);
    {
        let mut guard = desk.hub.lock();
        assert_eq!(guard.arrive(uid(4), Recency::Recent), Ingest::Applied);
        assert_eq!(guard.expunge(&uids(&[1])), uids(&[1]));
        let done = guard.flags_changed(uid(3), flags("new"), Origin::EXTERNAL, imap_updates::Echo::Tell);
        assert_eq!(done, Ingest::Applied);
    }
    let command = desk.a.begin(kind::Noop);
    let drained = desk.a.drain(command.permit(imap_updates::Followers::None));
    let all = [
        "FLAGS [Keyword(new)]",
        "3 FETCH (UID 3 FLAGS (new))",
        "1 EXPUNGE",
        "3 EXISTS",
        "1 RECENT",
    ];
    assert_eq!(lines(&drained), all);
    desk.a.written(drained);
}
