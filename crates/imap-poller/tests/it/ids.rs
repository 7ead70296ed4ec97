//! UIDs for a store that has ids of its own, on a real file: restarts, locks, cut and damaged journals, and what the pages
//! of a listing cost.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use imap_poller::{Absence, IdPoller, Journal, JournalError, Pace, Pages, Reason, Told, UidMap, UidMapError};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{Access, Flag, Flags, Recency};

use crate::support::{ask, flags, in_listings, noop, numbered, poll, seconds, uid};

fn validity(number: u32) -> UidValidity {
    UidValidity::new(number).unwrap()
}

fn open(path: &Path) -> UidMap<Journal> {
    UidMap::open(path, validity(7)).unwrap()
}

fn journal() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inbox.uids");
    (directory, path)
}

fn page(pages: &mut Pages<Journal>, ids: &[&str]) {
    pages.page(ids.iter().map(|id| (*id, Flags::empty()))).unwrap();
}

fn mailbox(path: &Path, ids: &[&str], absence: Absence) -> IdPoller<Journal> {
    let mut pages = Pages::first(open(path), absence);
    page(&mut pages, ids);
    IdPoller::open(pages, Pace::default(), seconds(0)).unwrap()
}

/// Lists the store and says what it has, at a time.
fn list(mailbox: &IdPoller<Journal>, ids: &[&str], now: u64) {
    let request = ask(mailbox.poller(), now);
    let mut pages = mailbox.pages();
    page(&mut pages, ids);
    let completed = request.complete(pages.finish(seconds(now)).unwrap(), seconds(now));
    assert_eq!((completed.hidden.len(), completed.reused.len()), (0, 0));
}

#[test]
fn uids_and_uidvalidity_outlive_the_process() {
    let (_directory, path) = journal();
    let given = open(&path).uids(["x", "a", "x", "é"]).unwrap();
    assert_eq!(given, [1, 2, 1, 3].map(uid));
    let mut map = UidMap::open(&path, validity(8)).unwrap();
    assert_eq!(map.uid_validity(), validity(7));
    map.forget(&UidSet::from_iter([uid(3)])).unwrap();
    drop(map);
    let mut map = open(&path);
    assert_eq!(map.ids().uid_next(), Some(uid(4)));
    assert_eq!(map.uids(["é", "x"]).unwrap(), [uid(4), uid(1)]);
    assert_eq!(map.id(uid(2)), Some("a"));
}

#[test]
fn two_maps_do_not_write_one_journal() {
    let (_directory, path) = journal();
    let first = open(&path);
    assert!(matches!(
        UidMap::open(&path, validity(7)),
        Err(JournalError::InUse(_))
    ));
    drop(first);
    open(&path);
}

#[test]
fn a_torn_record_is_cut_off_and_damage_is_refused_with_its_place() {
    let (_directory, path) = journal();
    let mut map = open(&path);
    map.uids(["a"]).unwrap();
    let whole = fs::read(&path).unwrap().len();
    map.uids(["b"]).unwrap();
    drop(map);
    let octets = fs::read(&path).unwrap();
    fs::write(&path, &octets[..octets.len() - 1]).unwrap();
    let map = open(&path);
    assert_eq!(map.torn(), octets.len() - 1 - whole);
    assert_eq!((map.ids().uid("a"), map.ids().uid("b")), (Some(uid(1)), None));
    drop(map);
    assert_eq!(open(&path).torn(), 0);

    let mut damaged = octets;
    damaged[whole - 1] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let refused = UidMap::open(&path, validity(7)).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("inbox.uids: damaged at octet "), "{text}");
    assert_eq!(
        fs::read(&path).unwrap(),
        damaged,
        "nothing is repaired in silence"
    );
    fs::write(&path, "something else").unwrap();
    assert!(matches!(
        UidMap::open(&path, validity(7)),
        Err(JournalError::Damaged { at: 0, .. })
    ));
}

#[test]
fn what_a_crash_left_beside_the_journal_is_in_nobodys_way() {
    let (_directory, path) = journal();
    open(&path).uids(["a"]).unwrap();
    fs::write(path.with_added_extension("new"), "half of a journal").unwrap();
    let mut map = open(&path);
    // So many come and go that it is written anew.
    let mut written = 0;
    for round in 0..3 {
        let ids: Vec<String> = (0..5_000)
            .map(|number| format!("message {round} {number}"))
            .collect();
        let uids = map.uids(ids.iter().map(String::as_str)).unwrap();
        written += ids.iter().map(|id| id.len() as u64 + 6).sum::<u64>();
        map.forget(&uids[..4_900].iter().copied().collect()).unwrap();
    }
    assert!(fs::metadata(&path).unwrap().len() < written / 2);
    assert_eq!(map.ids().len(), 301);
    map.uids(["after"]).unwrap();
    let known = map.ids().clone();
    drop(map);
    assert_eq!(open(&path).ids(), &known);
}

#[test]
fn a_directory_that_is_not_there_is_an_error_and_so_are_ids_that_cannot_be() {
    let (directory, path) = journal();
    let nowhere = directory.path().join("nowhere/inbox.uids");
    assert!(matches!(
        UidMap::open(nowhere, validity(7)),
        Err(JournalError::Io(..))
    ));
    let mut map = open(&path);
    let long = "x".repeat(65_536);
    for id in ["", &*long] {
        assert!(matches!(map.uids(["fine", id]), Err(UidMapError::Ids(_))));
    }
    assert_eq!(map.uids([&long[1..], "fine"]).unwrap(), [uid(1), uid(2)]);
}

#[test]
fn the_last_uid_is_given_and_then_none() {
    let (_directory, path) = journal();
    let mut ids = imap_poller::Ids::new(validity(7));
    ids.raise_uid_next(Uid::new(u32::MAX));
    drop(open(&path));
    let mut map = UidMap::new(ids, Forgetful);
    assert!(matches!(map.uids(["a", "b"]), Err(UidMapError::Ids(_))));
    assert_eq!(map.uids(["a"]).unwrap(), [Uid::MAX]);
    assert_eq!(map.ids().uid_next(), None);
    assert!(matches!(map.uids(["b"]), Err(UidMapError::Ids(_))));
    assert_eq!(map.uids(["a"]).unwrap(), [Uid::MAX]);
}

struct Forgetful;

impl imap_poller::UidStore for Forgetful {
    type Error = std::convert::Infallible;

    fn give(&mut self, _: Uid, _: &[&str]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn forget(&mut self, _: &UidSet) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[test]
fn what_went_while_nobody_looked_is_shown_until_that_is_confirmed() {
    let (_directory, path) = journal();
    let twice = in_listings(2);
    drop(mailbox(&path, &["a", "b", "c"], twice));
    let opened = mailbox(&path, &["c", "d"], twice);
    let mut session = opened.poller().select(Access::ReadOnly).updates;
    assert_eq!(numbered(&mut session), [1, 2, 3, 4]);
    list(&opened, &["b", "c", "d"], 1);
    assert_eq!(noop(&mut session), ["1 EXPUNGE"]);
    assert_eq!((opened.uid("a"), opened.uid("b")), (None, Some(uid(2))));
    // It comes back as a new message.
    list(&opened, &["a", "b", "c", "d"], 2);
    assert_eq!(
        (noop(&mut session).as_slice(), opened.uid("a")),
        (&["4 EXISTS".to_owned()][..], Some(uid(5)))
    );
}

#[test]
fn a_first_listing_is_made_again_until_absence_is_confirmed() {
    let (_directory, path) = journal();
    let twice = in_listings(2);
    drop(mailbox(&path, &["a", "b", "c"], twice));
    let mut pages = Pages::first(open(&path), twice);
    page(&mut pages, &["c"]);
    assert!(pages.again(seconds(0)));
    page(&mut pages, &["a", "c"]);
    assert!(!pages.again(seconds(0)));
    let mailbox = IdPoller::open(pages, Pace::default(), seconds(0)).unwrap();
    assert_eq!(
        numbered(&mut mailbox.poller().select(Access::ReadOnly).updates),
        [1, 3]
    );
    assert_eq!(mailbox.uid("b"), None);
}

/// Time passes between the end of the listing and its completion: what is told to be gone is what has lost its id, and
/// nothing else.
#[test]
fn what_loses_its_id_and_what_is_expunged_are_the_same() {
    let (_directory, path) = journal();
    let (listings, at_least) = (NonZeroU32::new(2).unwrap(), seconds(10));
    let mailbox = mailbox(&path, &["a", "b"], Absence::InListingsOver { listings, at_least });
    let mut session = mailbox.poller().select(Access::ReadOnly).updates;
    list(&mailbox, &["b"], 1);
    let request = ask(mailbox.poller(), 10);
    let mut pages = mailbox.pages();
    page(&mut pages, &["b"]);
    let _completed = request.complete(pages.finish(seconds(10)).unwrap(), seconds(12));
    assert_eq!((noop(&mut session).len(), mailbox.uid("a")), (0, Some(uid(1))));
    list(&mailbox, &["b"], 13);
    assert_eq!(
        (noop(&mut session), mailbox.uid("a")),
        (vec!["1 EXPUNGE".to_owned()], None)
    );
}

#[test]
fn an_own_message_is_told_at_once_and_the_listing_that_shows_it_says_nothing_new() {
    let (_directory, path) = journal();
    let mailbox = mailbox(&path, &["a"], in_listings(2));
    let mut session = mailbox.poller().select(Access::ReadOnly).updates;
    let seen = || flags(&[Flag::Seen]);
    let (given, told) = mailbox.appended("own", seen(), Recency::NotRecent).unwrap();
    assert_eq!((given, told), (uid(2), Told::Now));
    assert_eq!(noop(&mut session), ["2 EXISTS"]);
    assert_eq!(mailbox.poller().flags(given), Some(seen()));
    let request = ask(mailbox.poller(), 1);
    let mut pages = mailbox.pages();
    pages.page([("own", seen()), ("a", Flags::empty())]).unwrap();
    let completed = request.complete(pages.finish(seconds(1)).unwrap(), seconds(1));
    assert_eq!(
        (completed.arrived, completed.changed, completed.missing),
        (0, 0, 0)
    );
}

#[test]
fn pages_may_be_filled_within_look_on_another_thread() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let (_directory, path) = journal();
    let mailbox = mailbox(&path, &["a"], Absence::IsProof);
    let look = mailbox.poller().look(
        Reason::Asked,
        || seconds(1),
        || async {
            let mut pages = is_send(mailbox.pages());
            page(&mut pages, &["b"]);
            pages.finish(seconds(1))
        },
    );
    let told = poll(&mut Box::pin(is_send(look)));
    assert!(matches!(told, std::task::Poll::Ready(Ok(Told::Now))));
    assert_eq!((mailbox.uid("a"), mailbox.uid("b")), (None, Some(uid(2))));
}
