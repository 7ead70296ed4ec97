//! Ten thousand crashes, and a model that remembers every answer.

use std::collections::{BTreeMap, BTreeSet};

use imap_seq::{Uid, UidSet};

use super::disk::{Disk, Failure, Left};
use super::{known, open};
use crate::ids::UidMap;
use crate::journal::Log;

/// A generator of numbers that is the same everywhere (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// What the map has answered. It knows nothing of journals.
#[derive(Default)]
struct Answers {
    /// The ids that have a UID, as far as somebody was told.
    told: BTreeMap<String, Uid>,
    /// Every UID that anybody was ever told, and whose it was.
    ever: BTreeMap<Uid, String>,
    /// Were to be forgotten when the power failed.
    asked_to_forget: BTreeSet<String>,
}

impl Answers {
    fn gave(&mut self, id: &str, uid: Uid) {
        match self.told.get(id) {
            Some(before) => assert_eq!(*before, uid, "the UID of {id} changed"),
            None => {
                assert_eq!(
                    self.ever.insert(uid, id.to_owned()),
                    None,
                    "UID {uid} was used twice"
                );
                self.told.insert(id.to_owned(), uid);
            }
        }
    }

    fn opened(&mut self, map: &UidMap<Log<Disk>>) {
        let known = known(map.ids());
        for id in std::mem::take(&mut self.asked_to_forget) {
            if !known.contains_key(&id) {
                self.told.remove(&id);
            }
        }
        for (id, uid) in &self.told {
            assert_eq!(known.get(id), Some(uid), "the UID of {id} changed");
        }
        for (id, uid) in &known {
            // What nobody was told may be kept, under a UID that nobody was told.
            assert!(
                self.ever.get(uid).is_none_or(|owner| owner == id),
                "UID {uid} was used twice"
            );
        }
        let highest = self.ever.keys().last().copied();
        assert!(map.ids().uid_next() > highest, "UIDNEXT went back");
    }
}

fn failure(random: &mut Random) -> Failure {
    let left = match random.below(6) {
        0 => Left::Short,
        1 => Left::Zeros,
        2 => Left::Noise(u8::try_from(1 + random.below(255)).unwrap()),
        3 => Left::Holes,
        4 => Left::Unsynced,
        _ => Left::All,
    };
    let after = random.below(6_000);
    Failure { after, left }
}

/// One life of the map, until the power fails: pages in any order, with known, new and doubled ids, and messages that go.
fn live(map: &mut UidMap<Log<Disk>>, answers: &mut Answers, random: &mut Random) {
    loop {
        if random.below(3) == 0 {
            let some: Vec<_> = answers.told.iter().map(|(id, uid)| (id.clone(), *uid)).collect();
            let gone: Vec<_> = some.into_iter().filter(|_| random.below(8) == 0).collect();
            answers.asked_to_forget = gone.iter().map(|(id, _)| id.clone()).collect();
            let uids: UidSet = gone.iter().map(|(_, uid)| *uid).collect();
            if map.forget(&uids).is_err() {
                return;
            }
            answers.asked_to_forget.clear();
            answers.told.retain(|_, uid| !uids.contains(*uid));
        }
        let page: Vec<String> = (0..random.below(12))
            .map(|_| format!("{:0>1$}", random.below(400), 1 + random.below(2) * 90))
            .collect();
        let Ok(uids) = map.uids(page.iter().map(String::as_str)) else {
            return;
        };
        assert_eq!(uids.len(), page.len());
        page.iter().zip(uids).for_each(|(id, uid)| answers.gave(id, uid));
    }
}

#[test]
fn ten_thousand_crashes_change_no_uid_and_use_none_twice() {
    let (mut random, mut answers, disk) =
        (Random(0x2545_f491_4f6c_dd1d), Answers::default(), Disk::default());
    let mut torn = 0;
    for _ in 0..10_000 {
        disk.fail(None);
        let mut map = open(&disk).unwrap();
        torn += usize::from(map.store().unwrap().torn > 0);
        answers.opened(&map);
        disk.fail(Some(failure(&mut random)));
        live(&mut map, &mut answers, &mut random);
    }
    assert!(torn > 5_000, "{torn} records were torn");
    assert!(disk.replaces() > 5_000, "{} times written anew", disk.replaces());
}

/// The power fails while what a crash left is cleared away, too.
#[test]
fn a_crash_while_the_journal_is_opened_after_a_crash_changes_nothing() {
    let (mut random, mut answers, disk) = (
        Random(88_172_645_463_325_252),
        Answers::default(),
        Disk::default(),
    );
    let mut failed = 0;
    for _ in 0..2_000 {
        disk.fail(Some(failure(&mut random)));
        match open(&disk) {
            Ok(mut map) => {
                answers.opened(&map);
                live(&mut map, &mut answers, &mut random);
            }
            Err(super::NotOpened::Failed(_)) => failed += 1,
            Err(super::NotOpened::Damaged(damage)) => panic!("{damage}"),
        }
    }
    assert!(failed > 100, "opening failed {failed} times");
}
