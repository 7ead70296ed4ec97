//! Whose change it was: by a column of the log, or by a claim that was made before the commit.

use imap_updates::{Access, Event, Limits, LogHub, Origin, UpdateBuffer, kind};

use crate::support::desk::{SILENCE, flags, release};
use crate::support::log::{LogDesk, changes};
use crate::support::{modseq, uid};

/// Session A, session B, and what a page with UID 1 at the next version says.
fn desk() -> (LogDesk, UpdateBuffer) {
    let desk = LogDesk::with(&[1, 2]);
    let b = desk.hub.select(Access::ReadWrite).updates;
    (desk, b)
}

fn seen(version: u64) -> imap_updates::Page {
    changes(version - 1, version).present(modseq(version), uid(1), flags("\\Seen"))
}

const TOLD: [&str; 1] = ["1 FETCH (UID 1 FLAGS (\\Seen))"];

#[test]
fn a_change_that_the_log_names_is_not_echoed_to_its_maker() {
    let (mut desk, mut b) = desk();
    let column: i64 = desk.a.origin().to_i64();
    let mut page = changes(10, 11);
    page.push(Event::present(modseq(11), uid(1), flags("\\Seen")).by(Origin::from_i64(column)));
    desk.moved(page);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(release(&mut b, kind::Noop), TOLD);
    assert_eq!(desk.a.highest_modseq(), modseq(11));
}

#[test]
fn a_change_that_was_claimed_and_committed_is_not_echoed() {
    let (mut desk, mut b) = desk();
    let claim = desk.hub.claim(modseq(10), modseq(11), desk.a.origin());
    claim.committed();
    desk.moved(seen(11));
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(release(&mut b, kind::Noop), TOLD);
    // The claim is used up.
    desk.moved(seen(12));
    assert_eq!(desk.noop(), TOLD);
}

/// Between the commit and `committed` another thread reads the log.
#[test]
fn a_claim_counts_from_the_commit_on() {
    let (mut desk, mut b) = desk();
    let claim = desk.hub.claim(modseq(10), modseq(11), desk.a.origin());
    desk.moved(seen(11));
    assert_eq!(desk.noop(), SILENCE);
    claim.committed();
    assert_eq!(release(&mut b, kind::Noop), TOLD);
    assert_eq!(desk.noop(), SILENCE);
}

#[test]
fn a_claim_that_was_revoked_claims_nothing() {
    let (mut desk, _b) = desk();
    drop(desk.hub.claim(modseq(10), modseq(11), desk.a.origin()));
    desk.moved(seen(11));
    assert_eq!(desk.noop(), TOLD);
}

/// The transaction failed, somebody else got its version, and all of that was read before the claim was revoked.
#[test]
fn what_was_taken_for_a_sessions_own_is_told_to_it_when_the_claim_is_revoked() {
    let (mut desk, mut b) = desk();
    let claim = desk.hub.claim(modseq(10), modseq(11), desk.a.origin());
    desk.moved(seen(11));
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(release(&mut b, kind::Noop), TOLD);
    drop(claim);
    assert_eq!(desk.noop(), TOLD);
}

/// What is told then is the present state, not that of the claim's version.
#[test]
fn a_revoked_claim_does_not_bring_old_flags_back() {
    let (mut desk, _b) = desk();
    let claim = desk.hub.claim(modseq(10), modseq(12), desk.a.origin());
    desk.moved(seen(11));
    desk.moved(changes(11, 12).present(modseq(12), uid(2), flags("\\Draft")));
    desk.moved(changes(12, 13).present(modseq(13), uid(1), flags("\\Flagged")));
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS (\\Flagged))"]);
    desk.moved(changes(13, 14).gone(modseq(14), uid(2)));
    drop(claim);
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS (\\Flagged))", "2 EXPUNGE"]);
}

/// Found by `log_model`: A changes flags and tells its client; then A drains and tells of B's earlier change; then A's own
/// comes in the log. Without a word its client would keep B's.
#[test]
fn who_was_told_of_flags_since_its_own_change_hears_how_it_ended() {
    let (mut desk, mut b) = desk();
    desk.moved(changes(10, 11).present(modseq(11), uid(1), flags("\\Flagged")));
    desk.hub
        .claim(modseq(11), modseq(12), desk.a.origin())
        .committed();
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS (\\Flagged))"]);
    desk.moved(seen(12));
    assert_eq!(desk.noop(), TOLD);
    assert_eq!(release(&mut b, kind::Noop), TOLD);
}

#[test]
fn expunges_and_arrivals_are_told_to_their_maker() {
    let (mut desk, _b) = desk();
    let claim = desk.hub.claim(modseq(10), modseq(12), desk.a.origin());
    let page = changes(10, 12)
        .gone(modseq(11), uid(1))
        .present(modseq(12), uid(3), flags(""));
    claim.committed();
    desk.moved(page);
    assert_eq!(desk.noop(), ["1 EXPUNGE", "2 EXISTS"]);
}

/// A log of current state: one row for each message. The administrator flagged UID 1 with version 11, and this hub has not
/// read it; A adds `\Seen` with version 12.
fn merged(desk: &LogDesk) -> Event {
    Event::present(modseq(12), uid(1), flags("\\Flagged \\Seen")).by(desk.a.origin())
}

const BOTH: [&str; 1] = ["1 FETCH (UID 1 FLAGS (\\Flagged \\Seen))"];

#[test]
fn what_another_did_is_told_though_its_row_was_overwritten_by_ones_own() {
    let (mut desk, mut b) = desk();
    let mut page = changes(10, 12);
    page.push(merged(&desk));
    desk.moved(page);
    assert_eq!(desk.noop(), BOTH);
    assert_eq!(release(&mut b, kind::Noop), BOTH);

    let (mut desk, _b) = self::desk();
    desk.hub
        .claim(modseq(11), modseq(12), desk.a.origin())
        .committed();
    desk.moved(changes(10, 12).present(modseq(12), uid(1), flags("\\Flagged \\Seen")));
    assert_eq!(desk.noop(), BOTH);
}

/// Version 11 changed two messages; the row of the other one is still there.
#[test]
fn a_row_of_another_message_does_not_account_for_a_version() {
    let (mut desk, _b) = desk();
    let mut page = changes(10, 12).present(modseq(11), uid(2), flags("\\Flagged"));
    page.push(merged(&desk));
    desk.moved(page);
    assert_eq!(desk.noop(), [BOTH[0], "2 FETCH (UID 2 FLAGS (\\Flagged))"]);
}

#[test]
fn several_versions_of_ones_own_are_not_echoed() {
    let (mut desk, _b) = desk();
    let me = desk.a.origin();
    let row = |version, number| Event::present(modseq(version), uid(number), flags("\\Seen")).by(me);
    let mut page = changes(10, 12);
    page.extend([row(11, 2), row(12, 1)]);
    desk.moved(page);
    assert_eq!(desk.noop(), SILENCE);
    // Message 1 twice, with 13 and 15, and message 2 with 14: 13 has no row, and is claimed.
    desk.hub.claim(modseq(12), modseq(13), me).committed();
    let mut page = changes(12, 15);
    page.extend([row(15, 1), row(14, 2)]);
    desk.moved(page);
    assert_eq!(desk.noop(), SILENCE);
}

/// Versions that a store gives out for all its mailboxes: most of those between are not of this mailbox.
#[test]
fn a_claim_over_a_range_accounts_for_all_of_it() {
    let (mut desk, _b) = desk();
    let end = 9_000_000_000_000;
    desk.hub
        .claim(modseq(10), modseq(end), desk.a.origin())
        .committed();
    desk.moved(changes(10, end).present(modseq(end), uid(1), flags("\\Seen")));
    assert_eq!(desk.noop(), SILENCE);
}

/// 11 was cut short and told without the rest, because too much was waiting: it lacks what a later row overwrote.
#[test]
fn a_page_that_was_cut_short_settles_nothing() {
    let whole = imap_updates::Page::whole(modseq(10)).present(modseq(1), uid(1), flags(""));
    let hub = LogHub::open(whole, Limits::default().with_waiting_events(0)).unwrap();
    let mut a = hub.select(Access::ReadWrite).updates;
    assert_eq!(hub.apply(changes(10, 11).more_follows()).cursor(), modseq(11));
    let mut page = changes(11, 12);
    page.push(Event::present(modseq(12), uid(1), flags("\\Flagged \\Seen")).by(a.origin()));
    assert_eq!(hub.apply(page).cursor(), modseq(12));
    assert_eq!(release(&mut a, kind::Noop), BOTH);
}

/// The claim of the version between was confirmed by nobody, and is revoked after the page was told.
#[test]
fn a_claim_that_accounted_for_a_version_between_tells_when_it_is_revoked() {
    let (mut desk, _b) = desk();
    let failed = desk.hub.claim(modseq(10), modseq(11), desk.a.origin());
    let mut page = changes(10, 12);
    page.push(merged(&desk));
    desk.moved(page);
    assert_eq!(desk.noop(), SILENCE);
    drop(failed);
    assert_eq!(desk.noop(), BOTH);
}

/// The page that has A's change is also the one at which the history is tidied: everybody was told of the administrator's.
/// A may have made its change before it was told, and then its client has to hear how it ended.
#[test]
fn that_another_changed_the_message_is_known_after_the_history_was_tidied() {
    let numbers: Vec<u32> = (1..=300).collect();
    let mut desk = LogDesk::with(&numbers);
    let mut page = changes(10, 310);
    for &number in &numbers {
        page = page.present(modseq(10 + u64::from(number)), uid(number), flags("\\Flagged"));
    }
    desk.moved(page);
    assert_eq!(desk.noop().len(), 300);
    let own = |number, version| Event::present(modseq(version), uid(number), flags("\\Seen"));
    let mut page = changes(310, 311);
    page.push(own(1, 311).by(desk.a.origin()));
    desk.moved(page);
    assert_eq!(desk.noop(), TOLD);
}

/// A marks its messages, twice, with nobody else: it hears nothing, before the history is tidied and after.
#[test]
fn what_only_the_maker_changed_stays_silent_after_the_history_was_tidied() {
    let numbers: Vec<u32> = (1..=300).collect();
    let mut desk = LogDesk::with(&numbers);
    for round in 0..2 {
        for &number in &numbers {
            let version = 10 + round * 300 + u64::from(number);
            let mut page = changes(version - 1, version);
            page.push(Event::present(modseq(version), uid(number), flags("\\Seen")).by(desk.a.origin()));
            desk.moved(page);
            assert_eq!(desk.noop(), SILENCE);
        }
    }
}

/// The commit of A failed and freed its version; B got it before A's claim was dropped.
#[test]
fn a_later_claim_of_the_same_versions_revokes_the_earlier_one() {
    let (mut desk, mut b) = desk();
    let failed = desk.hub.claim(modseq(10), modseq(11), desk.a.origin());
    desk.hub.claim(modseq(10), modseq(11), b.origin()).committed();
    desk.moved(seen(11));
    assert_eq!(desk.noop(), TOLD);
    assert_eq!(release(&mut b, kind::Noop), SILENCE);
    drop(failed);
    assert_eq!(desk.noop(), SILENCE);
    // Nor does it count when it says that it was committed after all.
    let wrong = desk.hub.claim(modseq(11), modseq(12), desk.a.origin());
    desk.hub.claim(modseq(11), modseq(12), b.origin()).committed();
    wrong.committed();
    desk.moved(seen(12));
    assert_eq!(desk.noop(), TOLD);
}

/// What the administrator did with one of the freed versions was taken for A's.
#[test]
fn a_claim_that_is_revoked_by_a_later_one_tells_what_it_hid() {
    let (mut desk, b) = desk();
    let failed = desk.hub.claim(modseq(10), modseq(12), desk.a.origin());
    desk.moved(seen(11));
    assert_eq!(desk.noop(), SILENCE);
    let next = desk.hub.claim(modseq(11), modseq(12), b.origin());
    assert_eq!(desk.noop(), TOLD);
    drop((failed, next));
    assert_eq!(desk.noop(), SILENCE);
}
