//! What a store that commits first and publishes afterwards meets: the order of commits is not that of publications.
//! An author wrote these programs against the first version of this crate.

use imap_updates::Outcome;

use crate::support::desk::{SILENCE, flags};
use crate::support::log::{LogDesk, changes};
use crate::support::{modseq, uid};

/// Two tasks commit UIDs 10 and 11, and the second is the first to publish; a session drains in between.
///
/// Red on the first version: 11 was published at once, and 10 was `Late`, hidden for as long as any session was open.
#[test]
fn the_task_that_publishes_first_does_not_hide_the_mail_of_the_other() {
    let mut desk = LogDesk::with(&(1..10).collect::<Vec<_>>());
    let waits = desk
        .hub
        .apply(changes(11, 12).present(modseq(12), uid(11), flags("")));
    assert_eq!(waits.outcome(), Outcome::Waiting);
    assert_eq!(desk.noop(), SILENCE);
    let moved = desk
        .hub
        .apply(changes(10, 11).present(modseq(11), uid(10), flags("")));
    assert_eq!((moved.outcome(), moved.hidden().len()), (Outcome::Moved, 0));
    assert_eq!(desk.noop(), ["11 EXISTS"]);
    assert_eq!(desk.view(), (1..=11).collect::<Vec<_>>());
}

/// Red on the first version: after `settle(105)` the versions 104, 103 and 102 were all `Applied`, and HIGHESTMODSEQ said
/// 105 before they had come.
#[test]
fn nothing_is_settled_over_a_gap() {
    let mut desk = LogDesk::with(&[1, 2]);
    let ahead = changes(14, 15).present(modseq(15), uid(1), flags("\\Seen"));
    assert_eq!(desk.hub.apply(ahead.clone()).read_after(), Some(modseq(10)));
    desk.noop();
    assert_eq!(desk.a.highest_modseq(), modseq(10));
    let between = changes(10, 14)
        .present(modseq(14), uid(2), flags("\\Seen"))
        .present(modseq(13), uid(3), flags(""))
        .gone(modseq(12), uid(2));
    desk.moved(between.clone());
    let told = ["1 FETCH (UID 1 FLAGS (\\Seen))", "2 EXPUNGE", "2 EXISTS"];
    assert_eq!(desk.noop(), told);
    assert_eq!(desk.a.highest_modseq(), modseq(15));
    for late in [between, ahead] {
        assert_eq!(desk.hub.apply(late).outcome(), Outcome::NothingNew);
    }
}

/// Red on the first version: a listing, or `flags_changed`, took a number from the hub's own counter, and the store's
/// change of that number was a `Duplicate`. There is no counter here; that the two ways cannot be mixed is a
/// `compile_fail` example of both hubs.
#[test]
fn no_version_of_the_store_is_used_up_by_the_hub() {
    let mut desk = LogDesk::with(&[1]);
    desk.hub.renamed("Archive");
    drop(desk.hub.claim(modseq(10), modseq(11), desk.a.origin()));
    for version in 11..=14 {
        let text = if version % 2 == 0 { "\\Draft" } else { "\\Seen" };
        desk.moved(changes(version - 1, version).present(modseq(version), uid(1), flags(text)));
        assert_eq!(desk.noop(), [format!("1 FETCH (UID 1 FLAGS ({text}))")]);
        assert_eq!(desk.a.highest_modseq(), modseq(version));
    }
}
