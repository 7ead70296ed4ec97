//! Recovery from a gap: the log no longer reaches back to the cursor, and the mailbox is listed as a whole.

use imap_updates::{Access, Limits, LogHub, Outcome, Page};

use crate::support::desk::{SILENCE, flags};
use crate::support::log::{LogDesk, changes};
use crate::support::{modseq, uid, uids};

/// Red on the first version: the listing was published with the hub's own number 113, HIGHESTMODSEQ said 113 too early,
/// and the store's real 113 was a `Duplicate` that nobody was ever told.
#[test]
fn recovery_by_a_whole_listing_loses_no_change_and_is_not_ahead_of_the_store() {
    let mut desk = LogDesk::with(&[1, 2]);
    // 11 is lost, 12 comes.
    let twelve = changes(11, 12).present(modseq(12), uid(2), flags("\\Seen"));
    assert_eq!(desk.hub.apply(twelve).outcome(), Outcome::Waiting);
    let listing = Page::whole(modseq(12))
        .present(modseq(12), uid(2), flags("\\Seen"))
        .present(modseq(11), uid(1), flags("\\Flagged"));
    let applied = desk.hub.apply(listing);
    assert_eq!((applied.cursor(), applied.read_after()), (modseq(12), None));
    let told = [
        "1 FETCH (UID 1 FLAGS (\\Flagged))",
        "2 FETCH (UID 2 FLAGS (\\Seen))",
    ];
    assert_eq!(desk.noop(), told);
    assert_eq!(desk.a.highest_modseq(), modseq(12));
    for (version, text) in [(13, "\\Flagged \\Seen"), (14, "\\Answered \\Flagged")] {
        desk.moved(changes(version - 1, version).present(modseq(version), uid(1), flags(text)));
        assert_eq!(desk.noop(), [format!("1 FETCH (UID 1 FLAGS ({text}))")]);
        assert_eq!(desk.a.highest_modseq(), modseq(version));
    }
}

#[test]
fn what_the_hub_has_and_the_listing_lacks_is_gone() {
    let mut desk = LogDesk::with(&[1, 2, 3]);
    let listing = Page::whole(modseq(20))
        .present(modseq(1), uid(3), flags(""))
        .present(modseq(18), uid(5), flags(""))
        .present(modseq(15), uid(2), flags("\\Seen"));
    desk.moved(listing);
    let told = ["2 FETCH (UID 2 FLAGS (\\Seen))", "1 EXPUNGE", "3 EXISTS"];
    assert_eq!(desk.noop(), told);
    assert_eq!(desk.view(), [2, 3, 5]);
    assert_eq!(desk.hub.vanished_since(modseq(10)), Some(uids(&[1])));
}

#[test]
fn a_listing_that_is_older_than_the_cursor_is_ignored() {
    let mut desk = LogDesk::with(&[1]);
    desk.moved(changes(10, 20).present(modseq(20), uid(2), flags("")));
    let replica = Page::whole(modseq(19)).present(modseq(1), uid(1), flags(""));
    assert_eq!(desk.hub.apply(replica).outcome(), Outcome::NothingNew);
    assert_eq!(desk.noop(), ["2 EXISTS"]);
}

/// A message that the listing has and that was hidden stays hidden; one that it has not is gone.
#[test]
fn a_listing_knows_hidden_messages() {
    let mut desk = LogDesk::with(&[1]);
    desk.moved(changes(10, 11).present(modseq(11), uid(9), flags("")));
    desk.noop();
    let two = changes(11, 12)
        .present(modseq(12), uid(4), flags(""))
        .present(modseq(12), uid(5), flags(""));
    assert_eq!(*desk.hub.apply(two).hidden(), uids(&[4, 5]));
    let listing = Page::whole(modseq(13))
        .present(modseq(1), uid(1), flags(""))
        .present(modseq(12), uid(4), flags(""))
        .present(modseq(11), uid(9), flags(""));
    desk.moved(listing);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.hub.hidden(), uids(&[4]));
    let LogDesk { hub, a } = desk;
    drop(a);
    assert_eq!(hub.select(Access::ReadOnly).updates.exists(), 3);
}

/// A cut page has UIDNEXT as the store has it now, and not as of the version at which it was cut.
#[test]
fn the_uidnext_of_a_page_that_was_cut_short_is_not_told() {
    let limits = Limits::default().with_waiting_events(0);
    let hub = LogHub::open(Page::whole(modseq(10)), limits).unwrap();
    let row = |version, number| {
        Page::present(
            changes(version - 1, version),
            modseq(version),
            uid(number),
            flags(""),
        )
    };
    // Too much is waiting: it is told without the rest.
    let cut = row(11, 1).uid_next(Some(uid(9))).more_follows();
    assert_eq!(hub.apply(cut).cursor(), modseq(11));
    assert_eq!(hub.status().uid_next, Some(uid(2)));
    assert_eq!(hub.apply(row(12, 2).uid_next(Some(uid(9)))).cursor(), modseq(12));
    assert_eq!(hub.status().uid_next, Some(uid(9)));
}
