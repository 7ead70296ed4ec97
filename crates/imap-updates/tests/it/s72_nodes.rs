//! Scenarios S66 and S72 to S78: several nodes, databases with versions, changes from outside.

use imap_updates::{Access, Closed, Event, Limits, LogHub, Outcome, Page, Recency, kind};

use crate::support::desk::{Desk, SILENCE, flags, release};
use crate::support::log::{LogDesk, changes};
use crate::support::{modseq, uid, uids};

#[test]
fn s66_commits_that_overtake_each_other_are_told_in_their_order() {
    let mut desk = LogDesk::with(&[1]);
    let later = changes(11, 12).present(modseq(12), uid(11), flags(""));
    let waits = desk.hub.apply(later);
    assert_eq!(
        (waits.outcome(), waits.read_after()),
        (Outcome::Waiting, Some(modseq(10)))
    );
    assert_eq!(desk.noop(), SILENCE);
    let earlier = changes(10, 11).present(modseq(11), uid(10), flags(""));
    let moved = desk.hub.apply(earlier);
    assert_eq!(
        (moved.outcome(), moved.cursor(), moved.read_after()),
        (Outcome::Moved, modseq(12), None)
    );
    assert_eq!(desk.noop(), ["3 EXISTS"]);
    assert_eq!(desk.view(), [1, 10, 11]);
}

/// Only a store that numbers messages in another order than it commits them comes to this.
#[test]
fn s66_a_uid_below_one_that_was_told_is_hidden_and_reported() {
    let mut desk = LogDesk::with(&[1]);
    desk.moved(changes(10, 11).present(modseq(11), uid(8), flags("")));
    assert_eq!(desk.noop(), ["2 EXISTS"]);
    let applied = desk
        .hub
        .apply(changes(11, 12).present(modseq(12), uid(7), flags("")));
    assert_eq!(*applied.hidden(), uids(&[7]));
    assert_eq!(desk.hub.hidden(), uids(&[7]));
    assert_eq!(desk.noop(), SILENCE);
    // Flags of it, and a second report, are nothing that anybody could be told.
    desk.moved(changes(12, 13).present(modseq(13), uid(7), flags("\\Seen")));
    assert_eq!(desk.noop(), SILENCE);
    let LogDesk { hub, a } = desk;
    drop(a);
    assert_eq!(hub.select(Access::ReadOnly).updates.exists(), 3);
}

/// RFC 3501 section 2.3.2, for several nodes: who has claimed a message in the store says so at SELECT.
#[test]
fn s52_what_was_claimed_in_the_store_is_recent_for_the_session_that_claimed_it() {
    let LogDesk { hub, a } = LogDesk::with(&[1, 2, 3]);
    drop(a);
    let claimed = uids(&[2, 3, 4, 4_000_000_000]);
    let looking = hub.select_with_recent(Access::ReadOnly, &claimed).updates;
    assert_eq!(looking.recent_uids(), &uids(&[2, 3]), "there are no others");
    let mut first = hub.select_with_recent(Access::ReadWrite, &uids(&[3])).updates;
    assert_eq!(first.recent_uids(), &uids(&[3]), "who only looked has taken none");
    let second = hub.select_with_recent(Access::ReadWrite, &uids(&[])).updates;
    assert_eq!(second.recent(), 0);
    // What arrives as recent and is told to nobody goes to the next session, with what that has claimed itself.
    let arrival = Event::present(modseq(11), uid(5), flags("")).recency(Recency::Recent);
    let mut page = changes(10, 12).present(modseq(12), uid(6), flags(""));
    page.extend([arrival]);
    let _ = hub.apply(page);
    hub.claimed_recent(&uids(&[7])); // comes later, and says so itself
    let third = hub.select_with_recent(Access::ReadWrite, &uids(&[6])).updates;
    assert_eq!(third.recent_uids(), &uids(&[5, 6]));
    assert_eq!(release(&mut first, kind::Noop), ["5 EXISTS"]);
    // Claimed while nobody who may write was there to be told.
    hub.claimed_recent(&uids(&[1]));
    assert_eq!(hub.select(Access::ReadWrite).updates.recent_uids(), &uids(&[1]));
}

#[test]
fn s72_a_large_update_may_come_in_pieces() {
    let mut desk = LogDesk::with(&(1..=20_000).collect::<Vec<_>>());
    let odd: Vec<u32> = (1..=20_000).step_by(2).collect();
    for (piece, chunk) in odd.chunks(500).enumerate() {
        let version = 11 + piece as u64;
        let mut page = changes(version - 1, version);
        page.extend(chunk.iter().map(|&gone| Event::gone(modseq(version), uid(gone))));
        desk.moved(page);
    }
    assert_eq!(desk.noop().len(), 10_000);
    assert_eq!(desk.a.exists(), 10_000);
}

#[test]
fn s73_what_makes_no_sense_breaks_nothing() {
    let mut desk = LogDesk::with(&[1]);
    desk.moved(changes(10, 11).gone(modseq(11), uid(77)));
    // A page that ends before it begins, and rows that do not belong into it.
    assert_eq!(desk.hub.apply(changes(12, 11)).outcome(), Outcome::NothingNew);
    desk.moved(changes(11, 12).present(modseq(3), uid(1), flags("\\Draft")));
    assert_eq!(desk.noop(), SILENCE);
    desk.moved(changes(12, 13).present(modseq(13), uid(1), flags("\\Seen")));
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS (\\Seen))"]);
}

#[test]
fn s75_what_comes_twice_or_in_another_order_counts_once() {
    let mut desk = LogDesk::with(&[1, 2]);
    let first =
        changes(10, 12)
            .present(modseq(12), uid(3), flags(""))
            .present(modseq(11), uid(1), flags("\\Seen"));
    let second = changes(11, 13)
        .gone(modseq(13), uid(2))
        .present(modseq(12), uid(3), flags(""));
    assert_eq!(desk.hub.apply(second.clone()).outcome(), Outcome::Waiting);
    assert_eq!(desk.hub.apply(second.clone()).outcome(), Outcome::Waiting);
    desk.moved(first.clone());
    let told = ["1 FETCH (UID 1 FLAGS (\\Seen))", "2 EXPUNGE", "2 EXISTS"];
    assert_eq!(desk.noop(), told);
    for known in [first, second] {
        assert_eq!(desk.hub.apply(known).outcome(), Outcome::NothingNew);
    }
    assert_eq!(desk.noop(), SILENCE);
    let reused = desk
        .hub
        .apply(changes(13, 14).present(modseq(14), uid(2), flags("")));
    assert_eq!(*reused.reused(), uids(&[2]));
    desk.hub.close(Closed::Deleted);
    let after = desk
        .hub
        .apply(changes(14, 15).present(modseq(15), uid(9), flags("")));
    assert_eq!((after.outcome(), after.cursor()), (Outcome::Closed, modseq(14)));
}

#[test]
fn s75_a_message_that_came_and_went_in_one_page_is_never_told() {
    let mut desk = LogDesk::with(&[1]);
    let page = changes(10, 13)
        .gone(modseq(13), uid(5))
        .present(modseq(12), uid(6), flags(""))
        .present(modseq(11), uid(5), flags("\\Seen"));
    desk.moved(page);
    assert_eq!(desk.noop(), ["2 EXISTS"]);
    assert_eq!(desk.view(), [1, 6]);
}

#[test]
fn s75_what_the_first_listing_has_is_nothing_new() {
    let mut desk = LogDesk::with(&[1]);
    let page = changes(8, 10)
        .present(modseq(9), uid(1), flags("\\Seen"))
        .gone(modseq(10), uid(2));
    assert_eq!(desk.hub.apply(page).outcome(), Outcome::NothingNew);
    desk.moved(changes(8, 11).present(modseq(9), uid(1), flags("\\Seen")));
    assert_eq!(desk.noop(), SILENCE);
}

#[test]
fn highestmodseq_is_told_only_as_far_as_the_log_was_read() {
    let mut desk = LogDesk::with(&[1, 2]);
    let nine = changes(11, 12).present(modseq(12), uid(1), flags("\\Seen"));
    assert_eq!(desk.hub.apply(nine).outcome(), Outcome::Waiting);
    desk.noop();
    assert_eq!(desk.a.highest_modseq(), modseq(10));
    assert_eq!(desk.hub.status().highest_modseq, modseq(10));
    desk.moved(changes(10, 11).present(modseq(11), uid(2), flags("\\Seen")));
    assert_eq!(desk.noop().len(), 2);
    assert_eq!(desk.a.highest_modseq(), modseq(12));
}

/// A message that arrived early and changed late is in the last page of a log that is read with a LIMIT. It is told
/// with the others, in the order of UIDs.
#[test]
fn a_log_that_is_read_in_several_pages_keeps_the_order_of_uids() {
    let mut desk = LogDesk::with(&[1]);
    // UID 2 arrived with 11 and was flagged with 15.
    let first = changes(10, 12)
        .present(modseq(12), uid(3), flags(""))
        .more_follows();
    let waits = desk.hub.apply(first);
    assert_eq!(
        (waits.outcome(), waits.read_after()),
        (Outcome::Waiting, Some(modseq(12)))
    );
    assert_eq!(desk.noop(), SILENCE);
    desk.moved(changes(12, 15).present(modseq(15), uid(2), flags("\\Seen")));
    assert_eq!(desk.noop(), ["3 EXISTS"]);
    assert_eq!(desk.view(), [1, 2, 3]);
}

/// The same when the rows were read later than the version: UID 2 is above the page's end.
#[test]
fn rows_above_the_end_of_a_page_wait_for_theirs() {
    let mut desk = LogDesk::with(&[1]);
    let page =
        changes(10, 12)
            .present(modseq(12), uid(3), flags(""))
            .present(modseq(15), uid(2), flags("\\Seen"));
    assert_eq!(desk.hub.apply(page).outcome(), Outcome::Waiting);
    desk.moved(changes(12, 15).present(modseq(15), uid(2), flags("\\Seen")));
    assert_eq!(desk.noop(), ["3 EXISTS"]);
}

#[test]
fn more_pages_than_may_wait_are_dropped_and_the_answer_says_where_to_read() {
    let limits = Limits::default().with_waiting_events(4);
    let hub = LogHub::open(Page::whole(modseq(10)), limits).unwrap();
    let arrival = |number: u32| {
        let version = u64::from(number) + 10;
        changes(version - 1, version).present(modseq(version), uid(number), flags(""))
    };
    assert_eq!(hub.apply(arrival(3)).outcome(), Outcome::Waiting);
    assert_eq!(hub.apply(arrival(4)).outcome(), Outcome::Waiting);
    let dropped = hub.apply(arrival(5));
    assert_eq!(
        (dropped.outcome(), dropped.read_after()),
        (Outcome::Dropped, Some(modseq(10)))
    );
    // What follows at once is taken, and takes along what waits.
    assert_eq!(hub.apply(arrival(1)).cursor(), modseq(11));
    assert_eq!(hub.apply(arrival(2)).cursor(), modseq(14));
    assert_eq!(hub.apply(arrival(5)).cursor(), modseq(15));
    // A log that never comes to its end is told nevertheless.
    let mut endless = changes(15, 20).more_follows();
    endless.extend((21..30).map(|number| Event::present(modseq(18), uid(number), flags(""))));
    assert_eq!(hub.apply(endless).cursor(), modseq(20));
}

#[test]
fn select_and_status_are_as_of_the_cursor() {
    let hub = LogHub::open(
        Page::whole(modseq(10))
            .present(modseq(4), uid(2), flags(""))
            .uid_next(Some(uid(5))),
        Limits::default(),
    )
    .unwrap();
    let ahead = changes(11, 12)
        .present(modseq(12), uid(6), flags(""))
        .uid_next(Some(uid(7)));
    assert_eq!(hub.apply(ahead).outcome(), Outcome::Waiting);
    let selection = hub.select(Access::ReadWrite);
    assert_eq!(
        (
            selection.updates.exists(),
            selection.uid_next,
            selection.highest_modseq
        ),
        (1, Some(uid(5)), modseq(10))
    );
    let mut page = changes(10, 11);
    page.push(Event::present(modseq(11), uid(5), flags("")).recency(Recency::Recent));
    assert_eq!(hub.apply(page).outcome(), Outcome::Moved);
    let status = hub.status();
    assert_eq!(
        (
            status.messages,
            status.recent,
            status.uid_next,
            status.highest_modseq
        ),
        (3, 1, Some(uid(7)), modseq(12))
    );
    // Without a word from the store UIDNEXT is above all UIDs, and no UID is left at the end.
    assert_eq!(
        hub.apply(changes(12, 13).present(modseq(13), uid(u32::MAX), flags("")))
            .outcome(),
        Outcome::Moved
    );
    assert_eq!(hub.status().uid_next, None);
}

#[test]
fn a_hub_does_not_begin_with_a_page_of_changes() {
    let refused = LogHub::open(changes(1, 2), Limits::default());
    assert!(refused.unwrap_err().to_string().contains("Page::whole"));
}

#[test]
fn a_rename_and_a_close_reach_the_sessions_of_a_log_too() {
    let mut desk = LogDesk::with(&[1]);
    desk.hub.renamed("Archive");
    let command = desk.a.begin(kind::Noop);
    let drained = desk.a.drain(command.permit(imap_updates::Followers::None));
    assert_eq!(drained.renamed(), Some("Archive"));
    desk.a.written(drained);
    desk.hub.close(Closed::UidValidityChanged);
    desk.hub.close(Closed::Deleted);
    assert_eq!(desk.a.ended(), Some(Closed::UidValidityChanged.into()));
}

#[test]
fn vanished_since_reaches_back_as_far_as_the_memory() {
    let desk = LogDesk::with(&[1, 2, 3]);
    desk.moved(changes(10, 12).gone(modseq(11), uid(1)));
    desk.moved(changes(12, 14).gone(modseq(14), uid(3)));
    assert_eq!(desk.hub.vanished_since(modseq(12)), Some(uids(&[3])));
    assert_eq!(desk.hub.vanished_since(modseq(10)), Some(uids(&[1, 3])));
    assert_eq!(desk.hub.vanished_since(modseq(9)), None);
}

#[test]
fn s78_an_administrators_handle_tells_the_sessions_of_its_process() {
    let mut desk = Desk::with(&[1, 2]);
    let admin = desk.hub.clone();
    assert_eq!(admin.lock().expunge(&uids(&[1])).len(), 1);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}

#[test]
fn a_page_of_nothing_wakes_nobody_and_moves_the_cursor() {
    let mut desk = LogDesk::with(&[1]);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    desk.moved(changes(10, 500));
    assert!(desk.a.poll_changed(&mut context).is_pending());
    assert_eq!(desk.hub.cursor(), modseq(500));
    // The next news bring it along.
    desk.moved(changes(500, 501).present(modseq(501), uid(2), flags("")));
    assert_eq!(release(&mut desk.a, kind::Noop), ["2 EXISTS"]);
    assert_eq!(desk.a.highest_modseq(), modseq(501));
}
