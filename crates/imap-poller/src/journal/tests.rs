//! Journals that were written, cut, changed and interrupted; the files are tested in `tests/journal.rs`.

mod crashes;
pub(crate) mod disk;

use std::collections::BTreeMap;

use disk::Disk;
use imap_seq::{Uid, UidSet, UidValidity};

use super::format::{MOST_GIVEN, replay};
use super::{Log, NotOpened};
use crate::ids::{Ids, UidMap, UidMapError};

pub(crate) fn open(disk: &Disk) -> Result<UidMap<Log<Disk>>, NotOpened> {
    let octets = disk.octets();
    let (ids, log) = Log::open(disk.clone(), octets.as_deref(), UidValidity::MIN)?;
    Ok(UidMap::new(ids, log))
}

fn known(ids: &Ids) -> BTreeMap<String, Uid> {
    ids.iter().map(|(uid, id)| (id.to_owned(), uid)).collect()
}

/// Where a record ends, and what the journal says so far.
type End = (usize, BTreeMap<String, Uid>);

/// A journal of several records.
fn small() -> (Vec<u8>, Vec<End>) {
    let disk = Disk::default();
    let mut map = open(&disk).unwrap();
    let mut records = vec![];
    let mut note = |map: &UidMap<Log<Disk>>| records.push((disk.octets().unwrap().len(), known(map.ids())));
    note(&map);
    for page in [
        &["a", "b", "a"][..],
        &["a long id of the store", "é"],
        &["c"],
        &["d"],
    ] {
        map.uids(page.iter().copied()).unwrap();
        note(&map);
    }
    map.forget(&UidSet::from_iter([Uid::MIN, Uid::new(4).unwrap()]))
        .unwrap();
    note(&map);
    map.uids(["a", "e"]).unwrap();
    note(&map);
    (disk.octets().unwrap(), records)
}

#[test]
fn a_journal_that_is_cut_anywhere_says_what_its_whole_records_say() {
    let (octets, records) = small();
    for cut in 0..=octets.len() {
        let disk = Disk::with(&octets[..cut]);
        let Some((end, expected)) = records.iter().rev().find(|(end, _)| *end <= cut) else {
            assert!(matches!(open(&disk), Err(NotOpened::Damaged(_))), "cut at {cut}");
            continue;
        };
        let map = open(&disk).unwrap();
        assert_eq!(known(map.ids()), *expected, "cut at {cut}");
        assert_eq!(map.store().unwrap().torn, cut - end);
        // What was cut off is not in the way of what is written next, and none of its UIDs is used.
        let highest = expected.values().max().map_or(0, |uid| uid.get());
        let mut map = open(&disk).unwrap();
        assert_eq!(map.store().unwrap().torn, 0);
        let next = map.uids(["new"]).unwrap()[0].get();
        let skipped = u32::try_from(MOST_GIVEN).unwrap();
        assert!(
            cut == *end || next > highest + skipped,
            "cut at {cut}: {next} after {highest}"
        );
        assert_eq!(open(&disk).unwrap().ids().uid("new").unwrap().get(), next);
    }
}

#[test]
fn each_bit_that_flips_is_found_and_before_the_last_record_it_is_refused() {
    let (octets, records) = small();
    let last = records[records.len() - 2].0;
    let used = records
        .iter()
        .flat_map(|(_, known)| known.values())
        .max()
        .unwrap();
    for bit in 0..octets.len() * 8 {
        let mut flipped = octets.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match open(&Disk::with(&flipped)) {
            Err(NotOpened::Damaged(damage)) => assert!(damage.at <= bit / 8, "bit {bit}: {damage}"),
            Err(NotOpened::Failed(error)) => panic!("bit {bit}: {error}"),
            Ok(map) => {
                // The last record is as if it had been torn; but then none of its UIDs is given again.
                assert!(bit / 8 >= last, "bit {bit}");
                assert_eq!(known(map.ids()), records[records.len() - 2].1);
                assert!(map.ids().uid_next() > Some(*used));
            }
        }
    }
}

#[test]
fn a_record_that_is_missing_twice_or_in_another_place_is_refused() {
    let (octets, records) = small();
    let ends: Vec<usize> = records.iter().map(|(end, _)| *end).collect();
    let record = |number: usize| &octets[ends[number - 1]..ends[number]];
    let head = &octets[..ends[0]];
    // The record with what is forgotten, before and after those that it is about, and twice.
    for order in [
        &[5, 1, 2][..],
        &[1, 5, 2],
        &[2, 1],
        &[1, 1],
        &[1, 2, 3, 4, 5, 5],
        &[1, 2, 3, 4, 6],
    ] {
        let records = order.iter().flat_map(|number| record(*number));
        let journal: Vec<u8> = head.iter().chain(records).copied().collect();
        assert!(replay(&journal).is_err(), "{order:?}");
    }
}

#[test]
fn what_was_written_anew_cannot_be_torn() {
    let disk = Disk::default();
    let mut map = open(&disk).unwrap();
    map.uids(["a", "b"]).unwrap();
    let ids = map.ids().clone();
    let mut log = Log {
        medium: disk.clone(),
        length: 0,
        check_at: 0,
        torn: 0,
    };
    log.write_anew(&ids).unwrap();
    let octets = disk.octets().unwrap();
    assert_eq!(replay(&octets).unwrap().ids, ids);
    for cut in 0..octets.len() {
        assert!(replay(&octets[..cut]).is_err(), "cut at {cut}");
    }
    for bit in 0..octets.len() * 8 {
        let mut flipped = octets.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(replay(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn the_journal_of_messages_that_come_and_go_stays_short() {
    let disk = Disk::default();
    let mut map = open(&disk).unwrap();
    map.uids(["stays"]).unwrap();
    for number in 0..20_000 {
        let uid = map.uids([&*format!("message {number}")]).unwrap()[0];
        map.forget(&UidSet::from_iter([uid])).unwrap();
    }
    assert!(disk.octets().unwrap().len() < 200_000);
    let map = open(&disk).unwrap();
    assert_eq!((map.ids().len(), map.ids().uid_next()), (1, Uid::new(20_002)));
}

#[test]
fn many_ids_are_several_records_each_of_which_is_durable() {
    let disk = Disk::default();
    let mut map = open(&disk).unwrap();
    let long = "x".repeat(65_535);
    let ids: Vec<String> = (0..40)
        .map(|number| format!("{number}{}", &long[..65_533]))
        .collect();
    let many: Vec<String> = (0..MOST_GIVEN + 2).map(|number| number.to_string()).collect();
    let uids = map.uids(ids.iter().chain(&many).map(String::as_str)).unwrap();
    assert!(disk.appends() > 3);
    let again = open(&disk).unwrap();
    assert_eq!(again.ids(), map.ids());
    assert_eq!(again.ids().uid(&many[MOST_GIVEN]), Some(uids[40 + MOST_GIVEN]));
    let everything = again.ids().iter().map(|(uid, _)| uid).collect();
    let mut again = again;
    again.forget(&everything).unwrap();
    assert!(open(&disk).unwrap().ids().is_empty());
}

#[test]
fn after_a_failure_nothing_is_given_until_the_journal_is_opened_again() {
    let disk = Disk::default();
    let mut map = open(&disk).unwrap();
    let a = map.uids(["a"]).unwrap();
    disk.fail(Some(disk::Failure {
        after: 5,
        left: disk::Left::Short,
    }));
    assert!(matches!(map.uids(["b"]), Err(UidMapError::Store(_))));
    disk.fail(None);
    for failed in [
        map.uids(["b"]).map(drop),
        map.forget(&UidSet::from_iter(a.clone())),
    ] {
        assert!(matches!(failed, Err(UidMapError::OpenAgain)));
    }
    assert_eq!((map.uids(["a"]).unwrap(), map.ids().uid("b")), (a.clone(), None));
    assert_eq!(disk.owners(), 1, "the failed map has let go of its file");
    assert_eq!(open(&disk).unwrap().uids(["a"]).unwrap(), a);
}
