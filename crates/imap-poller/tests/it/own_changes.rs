//! Changes of one's own beside those of other programs: nothing overtakes what a listing finds, nothing is undone or told
//! twice.

use imap_poller::{Absence, MailboxPoller, Told};
use imap_updates::{Access, Flag, Flags, Origin, Recency};

use crate::support::*;

fn appended(poller: &MailboxPoller, number: u32) -> Told {
    poller.appended(uid(number), Flags::empty(), Recency::Recent)
}

const NOT_YET: Told = Told::NotBefore(seconds(0));

/// Red on the first version: an arrival that came through the hub since the last listing was "known from now on", and so
/// a second listing was needed to miss it (`Absence::IsProof` promises one).
#[test]
fn one_listing_is_proof_also_for_a_message_that_came_through_us_since_the_last_one() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    assert_eq!(appended(&poller, 2), Told::Now);
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
    // Somebody else deletes both; the listing is a later consistent read.
    assert_eq!(list(&poller, plain(&[]), 1).expunged, 2);
    assert_eq!(noop(&mut session), ["2 EXPUNGE", "1 EXPUNGE"]);
}

#[test]
fn an_own_arrival_waits_if_other_programs_may_have_stored_messages_below_it() {
    let (poller, mut session) = open(plain(&[]).with_uid_next(Some(uid(1))), Absence::IsProof);
    // The administrator's message is UID 1, ours is UID 2.
    assert_eq!(appended(&poller, 2), NOT_YET);
    assert_eq!(noop(&mut session), [""; 0], "what could be told here?");
    let completed = list(&poller, plain(&[1, 2]), 0);
    assert_eq!((completed.arrived, completed.hidden), (2, uids(&[])));
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
    assert_eq!(numbered(&mut session), [1, 2]);
}

#[test]
fn an_own_arrival_waits_for_a_listing_that_began_after_it_or_shows_what_is_below() {
    let (poller, mut session) = open(plain(&[6]), Absence::IsProof);
    let request = ask(&poller, 0);
    assert_eq!(appended(&poller, 9), NOT_YET);
    // Read before anything happened: it proves nothing.
    assert_eq!(request.complete(plain(&[6]), seconds(0)).arrived, 0);
    assert_eq!(noop(&mut session), [""; 0]);
    let request = ask(&poller, 0);
    assert_eq!(appended(&poller, 10), NOT_YET);
    // Read before 10 was committed, and after 7, 8 and 9 were. Now nothing can lie below 10.
    assert_eq!(request.complete(plain(&[6, 7, 8, 9]), seconds(1)).arrived, 4);
    assert_eq!(noop(&mut session), ["5 EXISTS"]);
    assert_eq!(numbered(&mut session), [6, 7, 8, 9, 10]);
    assert_eq!(list(&poller, plain(&[6, 7, 8, 9, 10]), 2).arrived, 0);
}

/// Two tasks allocated 7 and 8 and committed 8 first; the listing was read between, and 7 was reported before it came.
#[test]
fn an_own_arrival_that_a_listing_was_too_early_for_is_told_with_those_above_it() {
    let (poller, mut session) = open(plain(&[5]), Absence::IsProof);
    let request = ask(&poller, 0);
    assert_eq!(appended(&poller, 7), NOT_YET);
    let completed = request.complete(plain(&[5, 8]), seconds(0));
    assert_eq!((completed.arrived, completed.hidden), (2, uids(&[])));
    assert_eq!(noop(&mut session), ["3 EXISTS"]);
    let completed = list(&poller, plain(&[5, 7, 8]), 0);
    assert_eq!((completed.arrived, completed.hidden), (0, uids(&[])));
}

#[test]
fn own_arrivals_that_are_reported_in_another_order_than_committed_are_told_in_the_order_of_their_uids() {
    let (poller, mut session) = open(plain(&[6]).with_uid_next(Some(uid(7))), Absence::IsProof);
    assert_eq!(appended(&poller, 8), NOT_YET);
    assert_eq!(noop(&mut session), [""; 0]);
    assert_eq!(poller.select(Access::ReadOnly).uid_next, Some(uid(7)));
    // The report of 7 closes the gap, and no listing is needed.
    assert_eq!(appended(&poller, 7), Told::Now);
    assert_eq!(noop(&mut session), ["3 EXISTS"]);
    assert_eq!(poller.select(Access::ReadOnly).uid_next, Some(uid(9)));
    // Reported twice, or after a listing told it.
    assert_eq!(appended(&poller, 8), Told::Now);
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn an_own_arrival_that_is_reported_after_it_came_and_went_is_not_told() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    assert_eq!(list(&poller, plain(&[1, 2, 3]), 0).arrived, 2);
    assert_eq!(list(&poller, plain(&[1, 3]), 0).expunged, 1);
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
    assert_eq!(appended(&poller, 2), NOT_YET);
    let completed = list(&poller, plain(&[1, 3]), 2);
    assert_eq!(
        (completed.arrived, completed.hidden, completed.reused),
        (0, uids(&[]), uids(&[]))
    );
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn an_expunge_that_is_reported_before_the_arrival_wins() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    assert_eq!(poller.expunged(&uids(&[2])), Told::Now);
    assert_eq!(appended(&poller, 2), Told::Now);
    assert_eq!(noop(&mut session), [""; 0]);
    assert_eq!(list(&poller, plain(&[1]), 0).expunged, 0);
}

#[test]
fn an_own_arrival_that_a_directory_lists_late_is_told_with_what_the_listing_found() {
    let (poller, mut session) = open(plain(&[1]), in_listings(2));
    assert_eq!(appended(&poller, 3), NOT_YET);
    let completed = list(&poller, plain(&[1, 2]), 0);
    assert_eq!((completed.arrived, completed.missing), (2, 1));
    assert_eq!(noop(&mut session), ["3 EXISTS"]);
    assert_eq!(list(&poller, plain(&[1, 2, 3, 4]), 1).missing, 0);
    assert_eq!(noop(&mut session), ["4 EXISTS"]);
}

/// The listing proves nothing of 10, but began after its report; so 10 is told, and then 9 has to be told as well.
#[test]
fn own_arrivals_that_no_listing_shows_yet_are_told_in_the_order_of_their_uids() {
    let (poller, mut session) = open(plain(&[6]), in_listings(2));
    assert_eq!(appended(&poller, 10), NOT_YET);
    let request = ask(&poller, 0);
    assert_eq!(appended(&poller, 9), NOT_YET);
    assert_eq!(request.complete(plain(&[6]), seconds(0)).arrived, 2);
    assert_eq!(noop(&mut session), ["3 EXISTS"]);
    assert_eq!(numbered(&mut session), [6, 9, 10]);
    assert_eq!(list(&poller, plain(&[6, 9, 10]), 0).hidden, uids(&[]));
}

#[test]
fn flags_and_expunges_of_known_messages_are_told_at_once() {
    let (poller, mut other) = open(plain(&[1, 2]), Absence::IsProof);
    let mut maker = poller.select(Access::ReadWrite).updates;
    assert_eq!(
        poller.stored(uid(2), flags(&[Flag::Seen]), maker.origin()),
        Told::Now
    );
    assert_eq!(noop(&mut other), ["2 FETCH (\\Seen)"]);
    assert_eq!(noop(&mut maker), [""; 0], "its STORE answered already");
    assert_eq!(poller.stored(uid(2), Flags::empty(), Origin::EXTERNAL), Told::Now);
    assert_eq!(noop(&mut maker), ["2 FETCH ()"]);
    assert_eq!(poller.expunged(&uids(&[1])), Told::Now);
    assert_eq!(
        noop(&mut maker),
        ["1 EXPUNGE"],
        "the session that expunged is told as well"
    );
    assert_eq!(noop(&mut other), ["2 FETCH ()", "1 EXPUNGE"]);
}

#[test]
fn an_own_change_is_not_repeated_by_the_listing_that_shows_it() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    assert_eq!(
        poller.stored(uid(1), flags(&[Flag::Seen]), session.origin()),
        Told::Now
    );
    assert_eq!(list(&poller, listed(&[(1, &[Flag::Seen])]), 0).changed, 0);
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn a_listing_that_was_asked_for_before_an_own_change_does_not_undo_it() {
    let (poller, mut session) = open(plain(&[1, 2, 3]), Absence::IsProof);
    let request = ask(&poller, 0);
    assert_eq!(
        poller.stored(uid(1), flags(&[Flag::Seen]), session.origin()),
        Told::Now
    );
    assert_eq!(poller.expunged(&uids(&[2])), Told::Now);
    assert_eq!(appended(&poller, 4), Told::Now);
    let completed = request.complete(listed(&[(1, &[Flag::Draft]), (2, &[]), (3, &[])]), seconds(1));
    assert_eq!(
        (completed.arrived, completed.changed, completed.expunged),
        (0, 0, 0)
    );
    assert_eq!(noop(&mut session), ["2 EXPUNGE", "3 EXISTS"]);
    // The next one shows all of it, and is no news.
    let completed = list(&poller, listed(&[(1, &[Flag::Seen]), (3, &[]), (4, &[])]), 2);
    assert_eq!(
        (completed.arrived, completed.changed, completed.expunged),
        (0, 0, 0)
    );
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn an_own_change_that_somebody_reverted_in_the_store_is_told() {
    let (poller, mut session) = open(plain(&[1]), Absence::IsProof);
    assert_eq!(
        poller.stored(uid(1), flags(&[Flag::Seen]), session.origin()),
        Told::Now
    );
    // Both listings say (): only the report says that this session believes (\Seen).
    assert_eq!(list(&poller, plain(&[1]), 1).changed, 1);
    assert_eq!(noop(&mut session), ["1 FETCH ()"]);
}

#[test]
fn an_own_expunge_of_a_range_without_end_costs_what_the_mailbox_has() {
    let (poller, mut session) = open(plain(&[1, 7]), Absence::IsProof);
    let mut all = uids(&[]);
    all.insert_range(uid(2), uid(u32::MAX));
    assert_eq!(poller.expunged(&all), Told::Now);
    assert_eq!(noop(&mut session), ["2 EXPUNGE"]);
}
