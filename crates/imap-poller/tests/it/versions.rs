//! A store whose listings carry its own versions.

use imap_poller::{Absence, Answer, Listing, MailboxPoller, Told};
use imap_seq::ModSeq;
use imap_updates::{Access, Flag, Flags, Recency, UpdateBuffer};

use crate::support::*;

fn as_of(messages: &[(u32, u64, &[Flag])], version: u64) -> Listing {
    versioned(messages).as_of(modseq(version))
}

fn highest(session: &UpdateBuffer) -> u64 {
    session.highest_modseq().get()
}

fn told_by(poller: &MailboxPoller) -> ModSeq {
    poller.select(Access::ReadOnly).highest_modseq
}

/// Red on the first version: what the listing found was published under the hub's own next number, 113. The store's real
/// 113 was then a duplicate and never told, and HIGHESTMODSEQ said 113 before anybody knew of it.
#[test]
fn a_listing_lands_by_its_own_version_and_the_next_version_of_the_store_is_news() {
    let (poller, mut session) = open(as_of(&[(1, 90, &[]), (2, 100, &[])], 100), Absence::IsProof);
    assert_eq!(highest(&session), 100);
    let flagged = list(
        &poller,
        as_of(&[(1, 111, &[Flag::Flagged]), (2, 112, &[Flag::Seen])], 112),
        1,
    );
    assert_eq!(flagged.changed, 2);
    assert_eq!(noop(&mut session), ["1 FETCH (\\Flagged)", "2 FETCH (\\Seen)"]);
    assert_eq!((highest(&session), told_by(&poller)), (112, modseq(112)));
    let seen = list(
        &poller,
        as_of(&[(1, 113, &[Flag::Seen]), (2, 112, &[Flag::Seen])], 113),
        2,
    );
    assert_eq!(seen.changed, 1);
    assert_eq!(noop(&mut session), ["1 FETCH (\\Seen)"]);
    assert_eq!(highest(&session), 113);
}

/// Red on the first version: a plain `flags_changed` counted as well, past versions that the store had given to others.
#[test]
fn an_own_change_takes_no_number_of_the_store() {
    let (poller, mut other) = open(as_of(&[(1, 90, &[]), (2, 100, &[])], 100), Absence::IsProof);
    let mut maker = poller.select(Access::ReadWrite).updates;
    // The administrator made 101, and this is 102: it cannot be told before 101 is known.
    let told = poller.stored(uid(1), flags(&[Flag::Seen]), maker.origin());
    assert_eq!(told, Told::NotBefore(seconds(0)));
    assert_eq!(
        poller.appended(uid(3), Flags::empty(), Recency::Recent),
        Told::NotBefore(seconds(0))
    );
    assert_eq!(noop(&mut other), [""; 0]);
    assert_eq!(told_by(&poller), modseq(100));
    let listing = as_of(
        &[(1, 102, &[Flag::Seen]), (2, 101, &[Flag::Draft]), (3, 103, &[])],
        103,
    );
    assert_eq!(list(&poller, listing, 1).changed, 2);
    assert_eq!(
        noop(&mut other),
        ["1 FETCH (\\Seen)", "2 FETCH (\\Draft)", "3 EXISTS"]
    );
    // The maker hears the mod-sequence of its own change in this way.
    assert_eq!(
        noop(&mut maker),
        ["1 FETCH (\\Seen)", "2 FETCH (\\Draft)", "3 EXISTS"]
    );
    assert_eq!(told_by(&poller), modseq(103));
}

#[test]
fn an_own_expunge_is_told_by_the_listing_that_lacks_it() {
    let (poller, mut session) = open(as_of(&[(1, 90, &[])], 100), Absence::IsProof);
    assert_eq!(poller.expunged(&uids(&[1])), Told::NotBefore(seconds(0)));
    assert_eq!(noop(&mut session), [""; 0]);
    assert_eq!(list(&poller, as_of(&[], 101), 1).expunged, 1);
    assert_eq!(noop(&mut session), ["1 EXPUNGE"]);
}

/// Nobody knows which of the versions 101 to 105 it was: a client that may not hear of it yet must not remember any.
#[test]
fn highestmodseq_stays_below_all_versions_that_a_held_expunge_may_have() {
    let (poller, mut session) = open(as_of(&[(1, 90, &[]), (2, 91, &[])], 100), Absence::IsProof);
    assert_eq!(list(&poller, as_of(&[(2, 91, &[])], 105), 1).expunged, 1);
    let _fetch = session.begin(imap_updates::kind::Fetch);
    let drained = session.drain(imap_updates::Release::hold());
    session.written(drained);
    assert_eq!(highest(&session), 100);
    assert_eq!(noop(&mut session), ["1 EXPUNGE"]);
    assert_eq!(highest(&session), 105);
}

#[test]
fn s76_a_listing_from_a_replica_that_lags_is_left_out_whole() {
    let now = as_of(&[(1, 5, &[Flag::Seen]), (2, 9, &[])], 9);
    let (poller, mut session) = open(now.clone(), Absence::IsProof);
    // It says so by its version, or by a message that goes back; or it only lacks the newest message.
    for lagging in [
        as_of(&[(1, 2, &[])], 4),
        as_of(&[(1, 2, &[]), (2, 9, &[])], 9),
        as_of(&[(1, 5, &[])], 8),
    ] {
        assert_eq!(list(&poller, lagging, 0).answer, Answer::LeftOut);
        assert_eq!(noop(&mut session), [""; 0]);
        assert_eq!(told_by(&poller), modseq(9));
    }
    // And nothing is replayed when the replica has caught up.
    let caught_up = list(&poller, now, 1);
    assert_eq!((caught_up.answer, caught_up.changed), (Answer::Taken, 0));
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn s76_a_lagging_replica_without_versions_betrays_itself_by_a_message_that_goes_back() {
    let (poller, mut session) = open(versioned(&[(1, 5, &[Flag::Seen])]), Absence::IsProof);
    assert_eq!(
        list(&poller, versioned(&[(1, 4, &[])]), 0).answer,
        Answer::LeftOut
    );
    assert_eq!(noop(&mut session), [""; 0]);
}

#[test]
fn a_listing_without_the_version_that_those_before_had_is_left_out() {
    let (poller, mut session) = open(as_of(&[(1, 5, &[])], 5), Absence::IsProof);
    assert_eq!(list(&poller, versioned(&[]), 0).answer, Answer::LeftOut);
    assert_eq!(noop(&mut session), [""; 0]);
}

/// The flags are the same as at the last listing, but their mod-sequence says that they were not in between.
#[test]
fn flags_that_changed_and_changed_back_are_told_if_messages_carry_mod_sequences() {
    let (poller, mut session) = open(versioned(&[(1, 5, &[])]), Absence::IsProof);
    assert_eq!(list(&poller, versioned(&[(1, 7, &[])]), 0).changed, 1);
    assert_eq!(noop(&mut session), ["1 FETCH ()"]);
}
