//! Whose change it was: by a column of the log, or by a claim that was made before the commit.

mod support;

use imap_updates::{Access, Event, Origin, UpdateBuffer, kind};
use support::desk::{SILENCE, flags, release};
use support::log::{LogDesk, changes};
use support::{modseq, uid};

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
