//! A store with ids of its own, whose pages come in any order, twice, late or not at all, whose listings fail, and a process
//! that ends at any moment; and a model that remembers which UID each id was given.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Flags, Followers, Recency, UpdateBuffer, kind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{IdPoller, Pages};
use crate::journal::Log;
use crate::journal::tests::disk::{Disk, Failure, Left};
use crate::journal::tests::open;
use crate::{Absence, Answer, Begun, Pace, Reason, Request};

const NOW: Duration = Duration::ZERO;

#[derive(Clone, Debug)]
enum Op {
    /// Somebody else stores a message under one of a few ids, which may have been used before, or removes one.
    Arrives(u8),
    Leaves(Index),
    OwnAppend(u8),
    OwnExpunge(Index),
    Begin,
    /// What was listed is what was there when it began. One message may be missing, if none was last time.
    Complete(Shape),
    /// The listing fails behind its first pages.
    Fail(Shape),
    /// The process ends, and begins again.
    Restart(Shape, Failure),
}

/// In which order a listing arrives, and what of it twice or not at all.
#[derive(Clone, Debug)]
struct Shape {
    order: Vec<Index>,
    twice: usize,
    missing: Option<Index>,
}

struct World {
    absence: Absence,
    disk: Disk,
    mailbox: IdPoller<Log<Disk>>,
    session: UpdateBuffer,
    store: BTreeSet<String>,
    under_way: Option<(Request, Pages<Log<Disk>>, BTreeSet<String>)>,
    last_missed: bool,
    /// The ids that have a UID, and how many listings in a row have lacked them.
    held: BTreeMap<String, (Uid, u32)>,
    /// Own changes since the listing began that is under way: it decides nothing about these.
    own: BTreeSet<String>,
    ever: BTreeSet<Uid>,
}

fn in_two_listings() -> Absence {
    Absence::InListings(NonZeroU32::new(2).unwrap())
}

fn id(number: u8) -> String {
    format!("id {number}")
}

fn fill(pages: &mut Pages<Log<Disk>>, ids: &BTreeSet<String>, shape: &Shape) {
    let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for index in &shape.order {
        if !ids.is_empty() {
            let (one, last) = (index.index(ids.len()), ids.len() - 1);
            ids.swap(one, last);
        }
    }
    for page in ids.chunks(3).chain(ids.chunks(4).take(shape.twice)) {
        pages.page(page.iter().map(|id| (*id, Flags::empty()))).unwrap();
    }
}

fn may_miss(absence: Absence, listed: &BTreeSet<String>) -> bool {
    absence != Absence::IsProof && !listed.is_empty()
}

/// The mailbox, which ids its first listing had, and how often it was listed.
fn first(
    disk: &Disk,
    store: &BTreeSet<String>,
    absence: Absence,
    shape: &Shape,
) -> (IdPoller<Log<Disk>>, BTreeSet<String>, u32) {
    let mut pages = Pages::first(open(disk).unwrap(), absence);
    let mut listed = store.clone();
    if let Some(index) = shape.missing.filter(|_| may_miss(absence, &listed)) {
        let missed = listed.iter().nth(index.index(listed.len())).cloned().unwrap();
        listed.remove(&missed);
    }
    fill(&mut pages, &listed, shape);
    let again = pages.again(NOW) && shape.twice > 0;
    if again {
        listed.clone_from(store);
        fill(&mut pages, store, shape);
        assert!(!pages.again(NOW));
    }
    let mailbox = IdPoller::open(pages, Pace::default(), NOW).unwrap();
    (mailbox, listed, 1 + u32::from(again))
}

impl World {
    fn new(absence: Absence) -> Self {
        let (disk, store) = (Disk::default(), BTreeSet::new());
        let shape = Shape {
            order: vec![],
            twice: 0,
            missing: None,
        };
        let (mailbox, ..) = first(&disk, &store, absence, &shape);
        let session = mailbox.poller().select(Access::ReadWrite).updates;
        Self {
            absence,
            disk,
            mailbox,
            session,
            store,
            under_way: None,
            last_missed: false,
            held: BTreeMap::new(),
            own: BTreeSet::new(),
            ever: BTreeSet::new(),
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Arrives(number) => drop(self.store.insert(id(number))),
            Op::Leaves(index) if !self.store.is_empty() => {
                let gone = self
                    .store
                    .iter()
                    .nth(index.index(self.store.len()))
                    .cloned()
                    .unwrap();
                self.store.remove(&gone);
            }
            Op::OwnAppend(number) => self.own_append(id(number)),
            Op::OwnExpunge(index) => self.own_expunge(index),
            Op::Begin if self.under_way.is_none() => self.begin(),
            Op::Complete(shape) => self.complete(&shape),
            Op::Fail(shape) => {
                if let Some((request, mut pages, listed)) = self.under_way.take() {
                    let some = listed.into_iter().take(4).collect();
                    fill(&mut pages, &some, &shape);
                    request.fail(NOW);
                }
            }
            Op::Restart(shape, failure) => self.restart(&shape, failure),
            _ => {}
        }
        self.check();
    }

    /// A store may use the id of a message that is gone for a new one, once that is confirmed.
    fn own_append(&mut self, id: String) {
        if self.store.contains(&id) || self.held.contains_key(&id) {
            return;
        }
        let (uid, _told) = self
            .mailbox
            .appended(&id, Flags::empty(), Recency::Recent)
            .unwrap();
        self.store.insert(id.clone());
        self.own.insert(id.clone());
        self.gave(&id, uid);
    }

    fn own_expunge(&mut self, index: Index) {
        let known: Vec<_> = self
            .held
            .keys()
            .filter(|id| self.store.contains(*id))
            .cloned()
            .collect();
        if known.is_empty() {
            return;
        }
        let id = &known[index.index(known.len())];
        self.store.remove(id);
        self.own.insert(id.clone());
        let (uid, _) = self.held.remove(id).unwrap();
        let _told = self.mailbox.expunged(&UidSet::from_iter([uid])).unwrap();
    }

    fn begin(&mut self) {
        let now = self.mailbox.poller().not_before(Reason::Asked);
        let Begun::Ask(request) = self.mailbox.poller().begin(Reason::Asked, now) else {
            panic!("one at a time");
        };
        self.own.clear();
        self.under_way = Some((request, self.mailbox.pages(), self.store.clone()));
    }

    fn complete(&mut self, shape: &Shape) {
        let Some((request, mut pages, mut listed)) = self.under_way.take() else {
            return;
        };
        let may_miss = !self.last_missed && may_miss(self.absence, &listed);
        let misses = shape.missing.filter(|_| may_miss);
        if let Some(index) = misses {
            let missed = listed.iter().nth(index.index(listed.len())).cloned().unwrap();
            listed.remove(&missed);
        }
        self.last_missed = misses.is_some();
        fill(&mut pages, &listed, shape);
        let completed = request.complete(pages.finish(NOW).unwrap(), NOW);
        assert_eq!(completed.answer, Answer::Taken);
        assert_eq!((completed.hidden.len(), completed.reused.len()), (0, 0));
        self.listed(&listed);
    }

    fn listed(&mut self, listed: &BTreeSet<String>) {
        for id in listed.difference(&self.own.clone()) {
            let uid = self.mailbox.uid(id).expect("what is listed has a UID");
            self.gave(id, uid);
            self.held.insert(id.clone(), (uid, 0));
        }
        let (own, most) = (&self.own, if self.absence == Absence::IsProof { 1 } else { 2 });
        self.held.retain(|id, (_, missing)| {
            *missing += u32::from(!listed.contains(id) && !own.contains(id));
            *missing < most
        });
    }

    fn gave(&mut self, id: &str, uid: Uid) {
        match self.held.get(id) {
            Some((before, _)) => assert_eq!(*before, uid, "the UID of {id} changed"),
            None => {
                assert!(self.ever.insert(uid), "UID {uid} was used twice");
                self.held.insert(id.to_owned(), (uid, 0));
            }
        }
    }

    fn restart(&mut self, shape: &Shape, failure: Failure) {
        self.disk.fail(Some(failure));
        // Nobody is told of this one, and it may be torn.
        let _ = self.mailbox.appended("id 0", Flags::empty(), Recency::Recent);
        self.disk.fail(None);
        self.under_way = None;
        let (mailbox, listed, times) = first(&self.disk, &self.store, self.absence, shape);
        self.mailbox = mailbox;
        self.session = self.mailbox.poller().select(Access::ReadWrite).updates;
        self.own.clear();
        self.held
            .values_mut()
            .for_each(|(_, missing)| *missing = times - 1);
        self.listed(&listed);
        self.last_missed = listed != self.store;
    }

    fn check(&mut self) {
        for (id, (uid, _)) in &self.held {
            assert_eq!(self.mailbox.uid(id), Some(*uid), "the UID of {id}");
            assert_eq!(self.mailbox.id(*uid).as_ref(), Some(id));
        }
    }

    fn come_to_rest(&mut self) {
        self.under_way = None;
        let shape = Shape {
            order: vec![],
            twice: 1,
            missing: None,
        };
        for _ in 0..2 {
            self.begin();
            self.complete(&shape);
        }
        let noop = self.session.begin(kind::Noop);
        let drained = self.session.drain(noop.permit(Followers::None));
        self.session.written(drained);
        let mut expected: Vec<Uid> = self
            .store
            .iter()
            .map(|id| self.mailbox.uid(id).unwrap())
            .collect();
        expected.sort_unstable();
        assert!(
            self.session.view().uids().eq(expected.iter().copied()),
            "{expected:?}"
        );
        assert_eq!(
            self.mailbox.pages().shared.lock().map.ids().len(),
            self.store.len()
        );
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    (
        vec(any::<Index>(), 0..4),
        0..3_usize,
        proptest::option::of(any::<Index>()),
    )
        .prop_map(|(order, twice, missing)| Shape {
            order,
            twice,
            missing,
        })
}

fn failures() -> impl Strategy<Value = Failure> {
    let left = prop_oneof![
        Just(Left::Short),
        Just(Left::Zeros),
        Just(Left::All),
        Just(Left::Unsynced)
    ];
    (0..60_usize, left).prop_map(|(after, left)| Failure { after, left })
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1..9_u8).prop_map(Op::Arrives),
        3 => any::<Index>().prop_map(Op::Leaves),
        3 => (1..9_u8).prop_map(Op::OwnAppend),
        3 => any::<Index>().prop_map(Op::OwnExpunge),
        6 => Just(Op::Begin),
        6 => shapes().prop_map(Op::Complete),
        1 => shapes().prop_map(Op::Fail),
        1 => (shapes(), failures()).prop_map(|(shape, failure)| Op::Restart(shape, failure)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_page_that_is_late_doubled_or_missing_and_no_crash_changes_a_uid(
        absence in prop_oneof![Just(Absence::IsProof), Just(in_two_listings())],
        ops in vec(ops(), 1..80),
    ) {
        let mut world = World::new(absence);
        for op in ops {
            world.run(op);
        }
        world.come_to_rest();
    }
}
