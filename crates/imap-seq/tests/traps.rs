//! The ten traps that the peers of this crate fell into, or that its own structure sets; one test or more for each.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use imap_seq::{AppendError, Expunges, MailboxIndex, SeqNum, SequenceSet, Uid, UidSet, View};

#[path = "support/numbers.rs"]
mod numbers;

use numbers::{mailbox, seq, uid};

fn uids(view: &View) -> Vec<u32> {
    view.uids().map(Uid::get).collect()
}

#[test]
fn trap_1_a_message_that_came_and_went_unannounced_never_has_a_number() {
    for expunges in [Expunges::Hold, Expunges::Release] {
        let mut index = mailbox([3, 5]);
        let mut session = index.open();
        index.append(uid(8)).unwrap();
        index.expunge(uid(8));
        index.append(uid(9)).unwrap();
        // EXISTS goes out, alone or not; the horizon rises over UID 8 after its log entry was dropped.
        let told = session.announce(&mut index, expunges);
        assert_eq!((told.exists(), told.expunged().len()), (Some(3), 0));
        assert_eq!(told.arrived(), Some((uid(9), uid(9))));
        let view = session.sync(&mut index);
        assert_eq!(
            (uids(&view), view.seq_of(uid(8)), session.pending()),
            (vec![3, 5, 9], None, 0)
        );
        assert!(session.announce(&mut index, Expunges::Release).is_empty());
    }
}

#[test]
fn trap_2_a_view_counts_no_expunge_twice_and_loses_none() {
    let mut index = mailbox(1..=100);
    let mut session = index.open();
    for number in [10, 20, 30, 25, 5] {
        index.expunge(uid(number));
        // A view of now: pending entries and tree of one moment.
        let view = session.sync(&mut index);
        assert_eq!(uids(&view), (1..=100).collect::<Vec<_>>());
        assert!((1..=100).all(|number| view.seq_of(uid(number)) == Some(seq(number))));
        index.expunge(uid(number + 40));
        // Older than the mailbox, and still right.
        assert!((1..=100).all(|number| view.uid_of(seq(number)) == Some(uid(number))));
    }
}

#[test]
fn trap_2_a_shared_pending_set_serves_only_sessions_of_the_same_place_horizon_and_moment() {
    let mut index = mailbox(1..=20);
    let [mut early, mut twin] = [index.open(), index.open()];
    index.append(uid(21)).unwrap();
    let mut further = index.open(); // same place in the log, higher horizon
    index.expunge(uid(3));
    index.expunge(uid(21));
    let mut late = index.open(); // another place
    index.expunge(uid(5));
    // In this order, so that each finds what the one before has left.
    let pending = |session: &mut imap_seq::SeqMapper, index: &mut MailboxIndex| {
        let view = session.sync(index);
        view.uids()
            .filter(|&uid| view.is_expunged(uid))
            .map(Uid::get)
            .collect::<Vec<_>>()
    };
    assert_eq!(pending(&mut early, &mut index), [3, 5]);
    assert_eq!(pending(&mut further, &mut index), [3, 5, 21]);
    assert_eq!(pending(&mut late, &mut index), [5]);
    index.expunge(uid(7));
    assert_eq!(pending(&mut twin, &mut index), [3, 5, 7]);
    assert_eq!(pending(&mut early, &mut index), [3, 5, 7]);
    assert_eq!(pending(&mut late, &mut index), [5, 7]);
}

#[test]
fn trap_3_pending_expunges_survive_an_announcement_of_exists_alone() {
    let mut index = mailbox([3, 5, 8]);
    let mut session = index.open();
    index.expunge(uid(5));
    index.append(uid(13)).unwrap();
    assert_eq!(session.announce(&mut index, Expunges::Hold).exists(), Some(4));
    assert_eq!(session.pending(), 1);
    // One more of the old, and one of the newly announced.
    index.expunge(uid(3));
    index.expunge(uid(13));
    let view = session.sync(&mut index);
    assert_eq!(
        (uids(&view), view.seq_of(uid(13))),
        (vec![3, 5, 8, 13], Some(seq(4)))
    );
    let told = session.announce(&mut index, Expunges::Release);
    assert!(told.expunged().descending().eq([seq(4), seq(2), seq(1)]));
    assert_eq!(told.expunged().uids().to_string(), "3,5,13");
    assert_eq!((told.exists(), session.exists()), (None, 1));
}

#[test]
fn trap_4_the_star_is_the_views_last_message_and_never_the_largest_uid() {
    let mut index = mailbox([3, u32::MAX]);
    let mut session = index.open();
    let set = |text: &str| text.parse::<SequenceSet<Uid>>().unwrap();
    let meant = |view: &View, text| {
        view.uids_in(&view.resolve_uids(&set(text)))
            .map(Uid::get)
            .collect::<Vec<_>>()
    };
    let view = session.sync(&mut index);
    assert_eq!(view.seq_of(Uid::MAX), Some(seq(2)));
    assert_eq!(meant(&view, "4294967295"), [u32::MAX]);
    assert_eq!(meant(&view, "4:*"), [u32::MAX]);

    let mut index = mailbox([3, 5]);
    let mut session = index.open();
    index.append(uid(8)).unwrap();
    let view = session.sync(&mut index);
    // UID 8 is in the mailbox and not announced: `*` is 5, and no range reaches 8.
    assert_eq!(meant(&view, "*"), [5]);
    assert_eq!(meant(&view, "7:*"), [5]);
    assert_eq!(meant(&view, "4:4294967295"), [5]);
    assert_eq!(meant(&view, "4294967295"), [0; 0]);
    assert!(view.resolve_seqs(&"3".parse().unwrap()).is_err());
    index.expunge(uid(5));
    // Gone but not announced: it is still the last.
    assert_eq!(meant(&session.sync(&mut index), "*"), [5]);
}

#[test]
fn trap_5_a_pending_message_resolves_and_says_that_it_is_gone() {
    let mut index = mailbox([3, 5, 8]);
    let mut session = index.open();
    index.expunge(uid(5));
    let view = session.sync(&mut index);
    let ranges = view.resolve_seqs(&"2".parse().unwrap()).unwrap();
    assert!(view.uids_in(&ranges).eq([uid(5)]));
    assert!(view.is_expunged(uid(5)));
    // Neither a living message nor one that never was is "expunged".
    assert!(!view.is_expunged(uid(3)) && !view.is_expunged(uid(4)));
    let _ = session.announce(&mut index, Expunges::Release);
    assert!(!session.sync(&mut index).is_expunged(uid(5)));
}

#[test]
fn trap_6_a_uid_below_the_highest_is_refused_and_changes_nothing() {
    let mut index = mailbox([3, 8]);
    let session = index.open();
    assert_eq!(index.append(uid(5)), Err(AppendError::Late));
    assert_eq!(index.append(uid(8)), Err(AppendError::Duplicate));
    index.expunge(uid(8));
    assert_eq!(index.append(uid(8)), Err(AppendError::Late));
    assert_eq!(
        (uids(&index.view()), index.highest_ever()),
        (vec![3], Some(uid(8)))
    );
    drop(session);
    assert!(MailboxIndex::from_ascending([3, 3].map(uid)).is_err());
    let error = MailboxIndex::from_ascending([8, 3].map(uid)).unwrap_err();
    assert_eq!(error.to_string(), "UID 3 does not ascend: it follows 8");
}

#[test]
fn trap_7_an_own_expunge_takes_the_same_way_and_brings_the_others_along() {
    let mut index = mailbox(1..=6);
    let (mut own, mut other) = (index.open(), index.open());
    index.expunge(uid(2)); // by somebody else, held so far
    let asked: UidSet = [4, 6].map(uid).into_iter().collect();
    assert_eq!(index.expunge_all(&asked), asked);
    let told = own.announce(&mut index, Expunges::Release);
    assert!(told.expunged().descending().eq([seq(6), seq(4), seq(2)]));
    assert!(own.announce(&mut index, Expunges::Release).is_empty());
    assert_eq!(
        other.announce(&mut index, Expunges::Release).expunged().uids(),
        told.expunged().uids()
    );
}

#[test]
fn trap_8_what_a_sleeping_session_keeps_alive_is_counted() {
    let mut index = mailbox(1..=1000);
    let mut sleeper = index.open();
    assert_eq!(index.unread(&sleeper), 0);
    (1..=700).for_each(|number| assert!(index.expunge(uid(number))));
    assert_eq!(index.unread(&sleeper), 700);
    assert_eq!(index.unread(&index.open()), 0);
    sleeper.sync(&mut index);
    assert_eq!(index.unread(&sleeper), 0);
}

#[test]
fn trap_9_closing_a_session_that_slept_through_millions_of_expunges_does_not_overflow_the_stack() {
    let mut index = mailbox(1..=3_000_000);
    let sleeper = index.open();
    let mut all = UidSet::new();
    all.insert_range(uid(1), uid(3_000_000));
    assert_eq!(index.expunge_all(&all).len(), 3_000_000);
    drop(index);
    let closer = std::thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || drop(sleeper))
        .unwrap();
    assert!(closer.join().is_ok());
}

#[test]
fn trap_10_arithmetic_holds_at_both_ends_of_the_uid_space() {
    // Debug builds check for overflow: every operation at UID 1 and at 4,294,967,295, with both kinds of leaf.
    for gap in [1, 100] {
        let low = (0..600).map(|step| 1 + step * gap);
        let high = (0..600).rev().map(|step| u32::MAX - step * gap);
        let numbers: Vec<u32> = low.chain(high).collect();
        let mut index = mailbox(numbers.iter().copied());
        let mut session = index.open();
        assert_eq!(index.append(Uid::MAX), Err(AppendError::Duplicate));
        assert!(index.expunge(Uid::MAX) && index.expunge(Uid::MIN));
        let view = session.sync(&mut index);
        assert_eq!(view.uids().count(), 1200);
        assert_eq!(
            (view.seq_of(Uid::MAX), view.uid_of(seq(1))),
            (Some(seq(1200)), Some(Uid::MIN))
        );
        assert_eq!(view.uid_of(SeqNum::MAX), None);
        assert!(
            session
                .announce(&mut index, Expunges::Release)
                .expunged()
                .descending()
                .eq([seq(1200), seq(1)])
        );
        assert!(
            index
                .expunge_all(&numbers.iter().map(|&number| uid(number)).collect())
                .len()
                == 1198
        );
        assert_eq!(
            session.announce(&mut index, Expunges::Release).expunged().len(),
            1198
        );
        assert!(session.announce(&mut index, Expunges::Release).is_empty());
    }
}

#[test]
fn a_session_is_32_bytes_and_a_view_24() {
    assert_eq!(size_of::<imap_seq::SeqMapper>(), 32);
    assert_eq!(size_of::<View>(), 24);
}

#[test]
#[should_panic(expected = "did not open it")]
fn a_session_that_meets_another_mailbox_panics_rather_than_lies() {
    let mut index = mailbox(1..=3);
    let mut session = mailbox(1..=3).open();
    session.sync(&mut index);
}

#[test]
fn public_types_go_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<MailboxIndex>();
    shared::<imap_seq::SeqMapper>();
    shared::<View>();
    shared::<imap_seq::Announcement>();
    shared::<UidSet>();
    shared::<imap_seq::UidRanges>();
}
