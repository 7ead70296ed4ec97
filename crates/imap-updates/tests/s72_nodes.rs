//! Scenarios S66 and S72 to S78: several nodes, databases with versions, changes from outside.

mod support;

use imap_updates::{Access, Change, Closed, Echo, Ingest, Origin, Recency, kind};
use support::desk::{Desk, SILENCE, flags, release};
use support::{modseq, uid, uids};

fn arrived(number: u32) -> Change {
    Change::Arrived {
        uid: uid(number),
        recency: Recency::NotRecent,
    }
}

fn flagged(number: u32, text: &str) -> Change {
    Change::Flags {
        uid: uid(number),
        flags: flags(text),
        origin: Origin::EXTERNAL,
        echo: Echo::Tell,
    }
}

#[test]
fn s66_commits_that_overtake_each_other_are_sorted_until_somebody_looks() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.ingest(12, arrived(11)), Ingest::Applied);
    assert_eq!(desk.ingest(11, arrived(10)), Ingest::Applied);
    assert_eq!(desk.noop(), ["3 EXISTS"]);
    assert_eq!(desk.view(), [1, 10, 11]);
    assert_eq!(desk.ingest(13, arrived(9)), Ingest::Late);
}

#[test]
fn s72_a_large_update_may_come_in_pieces() {
    let mut desk = Desk::with(&(1..=20_000).collect::<Vec<_>>());
    let odd: Vec<u32> = (1..=20_000).step_by(2).collect();
    for (piece, chunk) in odd.chunks(500).enumerate() {
        assert_eq!(
            desk.ingest(100 + piece as u64, Change::Expunged(uids(chunk))),
            Ingest::Applied
        );
    }
    assert_eq!(desk.noop().len(), 10_000);
    assert_eq!(desk.a.exists(), 10_000);
}

#[test]
fn s73_a_change_that_makes_no_sense_is_answered_and_breaks_nothing() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.ingest(5, flagged(77, "\\Seen")), Ingest::Unknown);
    assert_eq!(desk.ingest(5, Change::Expunged(uids(&[]))), Ingest::Duplicate);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.ingest(6, flagged(1, "\\Seen")), Ingest::Applied);
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS (\\Seen))"]);
}

#[test]
fn s75_what_comes_twice_or_in_another_order_counts_once() {
    let mut desk = Desk::with(&[1, 2]);
    assert_eq!(desk.ingest(10, flagged(1, "\\Seen")), Ingest::Applied);
    assert_eq!(desk.ingest(10, flagged(1, "\\Seen")), Ingest::Duplicate);
    assert_eq!(desk.ingest(9, flagged(1, "")), Ingest::Late);
    assert_eq!(desk.ingest(11, arrived(3)), Ingest::Applied);
    assert_eq!(desk.ingest(11, arrived(3)), Ingest::Duplicate);
    assert_eq!(desk.ingest(12, Change::Expunged(uids(&[2]))), Ingest::Applied);
    assert_eq!(desk.ingest(12, Change::Expunged(uids(&[2]))), Ingest::Duplicate);
    // The flags were changed before the expunge, and come after it.
    assert_eq!(desk.ingest(8, flagged(2, "\\Seen")), Ingest::Late);
    assert_eq!(desk.ingest(13, arrived(2)), Ingest::Reused);
    let told = ["1 FETCH (UID 1 FLAGS (\\Seen))", "2 EXPUNGE", "2 EXISTS"];
    assert_eq!(desk.noop(), told);
    assert_eq!(desk.noop(), SILENCE);
    desk.hub.lock().close(Closed::Deleted);
    assert_eq!(desk.ingest(20, flagged(1, "")), Ingest::Closed);
    assert_eq!(desk.ingest(20, Change::Expunged(uids(&[1]))), Ingest::Closed);
    assert_eq!(desk.ingest(20, arrived(9)), Ingest::Closed);
    let counts = desk.hub.lock().counts();
    let told = [
        counts.applied,
        counts.duplicate,
        counts.late,
        counts.reused,
        counts.closed,
        counts.unknown,
    ];
    assert_eq!(told, [3, 3, 2, 1, 3, 0]);
}

#[test]
fn s75_an_expunge_that_overtook_its_arrival_wins() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.ingest(11, Change::Expunged(uids(&[5]))), Ingest::Unknown);
    assert_eq!(desk.ingest(11, Change::Expunged(uids(&[5]))), Ingest::Duplicate);
    assert_eq!(desk.ingest(10, arrived(5)), Ingest::Late);
    assert_eq!(desk.noop(), SILENCE);
}

/// Found by `versioned_model`: the memory of the expunge was used up by the first of two copies of the arrival, and an
/// expunge below a UID that had arrived was not remembered at all.
#[test]
fn s75_an_expunge_that_overtook_its_arrival_wins_over_every_copy_of_it() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.ingest(13, arrived(6)), Ingest::Applied);
    assert_eq!(desk.ingest(12, Change::Expunged(uids(&[5]))), Ingest::Unknown);
    for _ in 0..2 {
        assert_eq!(desk.ingest(11, arrived(5)), Ingest::Late);
    }
    assert_eq!(desk.noop(), ["2 EXISTS"]);
    assert_eq!(desk.view(), [1, 6]);
}

#[test]
fn s75_a_message_that_came_and_went_before_the_snapshot_does_not_come_again() {
    let snapshot = imap_updates::Snapshot {
        highest_modseq: modseq(50),
        ..[1].map(uid).into_iter().collect()
    };
    let hub = imap_updates::MailboxHub::new((), snapshot).unwrap();
    let mut session = hub.subscribe(Access::ReadOnly);
    assert_eq!(hub.lock().ingest(modseq(40), arrived(2)), Ingest::Duplicate);
    assert_eq!(
        hub.lock().ingest(modseq(45), Change::Expunged(uids(&[1]))),
        Ingest::Duplicate
    );
    assert_eq!(release(&mut session, kind::Noop), SILENCE);
}

#[test]
fn s75_what_the_snapshot_has_is_a_duplicate() {
    let snapshot = imap_updates::Snapshot {
        highest_modseq: modseq(50),
        ..[1].map(uid).into_iter().collect()
    };
    let hub = imap_updates::MailboxHub::new((), snapshot).unwrap();
    let mut session = hub.subscribe(Access::ReadOnly);
    assert_eq!(
        hub.lock().ingest(modseq(50), flagged(1, "\\Seen")),
        Ingest::Duplicate
    );
    assert_eq!(release(&mut session, kind::Noop), SILENCE);
    assert_eq!(
        hub.lock().ingest(modseq(51), flagged(1, "\\Seen")),
        Ingest::Applied
    );
    assert_eq!(
        release(&mut session, kind::Noop),
        ["1 FETCH (UID 1 FLAGS (\\Seen))"]
    );
}

#[test]
fn s75_a_version_that_the_history_has_forgotten_is_not_told_again() {
    let mut desk = Desk::with(&(1..=1000).collect::<Vec<_>>());
    for number in 1..=1000 {
        assert_eq!(
            desk.ingest(100 + u64::from(number), flagged(number, "\\Seen")),
            Ingest::Applied
        );
    }
    desk.noop();
    // Everybody was told; the next changes make the history forget.
    for number in 1..=300 {
        assert_eq!(
            desk.ingest(2000 + u64::from(number), flagged(number, "\\Draft")),
            Ingest::Applied
        );
    }
    assert_eq!(desk.noop().len(), 300);
    assert_eq!(desk.ingest(1100, flagged(1000, "")), Ingest::Late);
    assert_eq!(desk.noop(), SILENCE);
}

#[test]
fn highestmodseq_is_told_only_as_far_as_the_stream_is_complete() {
    let mut desk = Desk::with(&[1, 2]);
    desk.hub.lock().settle(modseq(5));
    assert_eq!(desk.ingest(9, flagged(1, "\\Seen")), Ingest::Applied);
    desk.noop();
    assert_eq!(desk.a.highest_modseq(), modseq(5));
    assert_eq!(desk.ingest(7, flagged(2, "\\Seen")), Ingest::Applied);
    desk.hub.lock().settle(modseq(9));
    assert_eq!(desk.noop(), ["2 FETCH (UID 2 FLAGS (\\Seen))"]);
    assert_eq!(desk.a.highest_modseq(), modseq(9));
}

#[test]
fn s78_an_administrators_handle_tells_the_sessions_of_its_process() {
    let mut desk = Desk::with(&[1, 2]);
    let admin = desk.hub.clone();
    assert_eq!(admin.lock().expunge(&uids(&[1])).len(), 1);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}
