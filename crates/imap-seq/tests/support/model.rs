//! A list of operations, run on the crate and on sorted vectors side by side. The property tests and the fuzz target
//! share it.
//!
//! The oracle of the mailbox is a sorted vector of UIDs. The oracle of a session is its pretend client: the vector of
//! what that client was told, changed only by what an announcement says, number by number, as a client would.

use imap_seq::{
    AppendError, Bound, Expunges, MailboxIndex, SeqMapper, SeqNum, SequenceSet, SetItem, Uid, UidSet, View,
};

/// Operations that a mailbox and its sessions can meet. Places are taken modulo what is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Messages arrive, each `gap` above the one before.
    Arrive { count: u16, gap: u32 },
    /// A message arrives that may not: at or below the highest.
    ArriveLate { back: u32 },
    /// One message of the mailbox is expunged.
    Expunge { place: u16 },
    /// A UID is expunged that need not exist.
    ExpungeUid { uid: u32 },
    /// Every `step`-th message from a place on is expunged at once, together with UIDs that do not exist.
    ExpungeMany { place: u16, step: u8, count: u16 },
    /// A client selects the mailbox.
    Open,
    /// A client goes away.
    Close { session: u8 },
    /// A command starts, and the view is examined.
    Sync { session: u8, probe: u32 },
    /// A command ends that may not announce expunges, or one that may.
    Announce { session: u8, expunges: Expunges },
}

impl Op {
    /// Every four octets are an operation.
    pub(crate) fn from_octets([kind, a, b, c]: [u8; 4]) -> Self {
        let place = u16::from_le_bytes([a, b]);
        let wide = u32::from_le_bytes([a, b, c, a ^ c]);
        match kind % 16 {
            0..=2 => Self::Arrive {
                count: u16::from(a % 8),
                gap: 1 + u32::from(b),
            },
            3 => Self::Arrive {
                count: 100 + u16::from(a) * 4,
                gap: 1 << (b % 20),
            },
            4 => Self::ArriveLate { back: u32::from(a) },
            5 | 6 => Self::Expunge { place },
            7 => Self::ExpungeUid { uid: wide.max(1) },
            8 => Self::ExpungeMany {
                place,
                step: 1 + c % 16,
                count: u16::from(c) * 4,
            },
            9 => Self::Open,
            10 => Self::Close { session: a },
            11 | 12 => Self::Sync {
                session: a,
                probe: wide,
            },
            13 => Self::Announce {
                session: a,
                expunges: Expunges::Hold,
            },
            _ => Self::Announce {
                session: a,
                expunges: Expunges::Release,
            },
        }
    }
}

/// One session, what its client was told, and the view that it held longest.
struct Client {
    session: SeqMapper,
    told: Vec<u32>,
    frozen: Option<(View, Vec<u32>)>,
}

/// The mailbox and its sessions, twice.
#[derive(Default)]
pub(crate) struct Model {
    index: MailboxIndex,
    uids: Vec<u32>,
    highest: u32,
    clients: Vec<Client>,
}

fn uid(number: u32) -> Uid {
    Uid::new(number).expect("the model speaks of UIDs above 0")
}

impl Model {
    /// Runs operations on an empty mailbox, and lets everybody look at the end.
    pub(crate) fn run(ops: impl IntoIterator<Item = Op>) {
        let mut model = Self::default();
        ops.into_iter().for_each(|op| model.apply(op));
        for session in 0..model.clients.len() {
            model.sync(session, 0);
            model.announce(session, Expunges::Release);
            model.sync(session, 1);
            assert_eq!(
                model.clients[session].told, model.uids,
                "all told, so the client knows the mailbox"
            );
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Arrive { count, gap } => (0..count).for_each(|_| self.arrive(gap)),
            Op::ArriveLate { back } => self.arrive_late(back),
            Op::Expunge { place } => {
                if let Some(place) = usize::from(place).checked_rem(self.uids.len()) {
                    self.expunge(self.uids[place]);
                }
            }
            Op::ExpungeUid { uid } => self.expunge(uid),
            Op::ExpungeMany { place, step, count } => {
                self.expunge_many(place.into(), step.into(), count.into())
            }
            Op::Open => self.open(),
            Op::Close { session } => {
                if let Some(session) = self.session(session) {
                    self.clients.swap_remove(session);
                }
            }
            Op::Sync { session, probe } => {
                if let Some(session) = self.session(session) {
                    self.sync(session, probe);
                }
            }
            Op::Announce { session, expunges } => {
                if let Some(session) = self.session(session) {
                    self.announce(session, expunges);
                }
            }
        }
        assert_eq!(self.index.len() as usize, self.uids.len());
        assert_eq!(self.index.highest_ever().map_or(0, Uid::get), self.highest);
    }

    fn session(&self, session: u8) -> Option<usize> {
        usize::from(session).checked_rem(self.clients.len())
    }

    fn arrive(&mut self, gap: u32) {
        // The last UIDs of the number space are reached, and then no more arrive.
        let Some(next) = self
            .highest
            .checked_add(gap)
            .or((self.highest < u32::MAX).then_some(u32::MAX))
        else {
            return;
        };
        assert_eq!(self.index.append(uid(next)), Ok(()));
        self.uids.push(next);
        self.highest = next;
    }

    fn arrive_late(&mut self, back: u32) {
        let late = self.highest.saturating_sub(back);
        let Some(late) = Uid::new(late) else { return };
        let expected = match self.uids.binary_search(&late.get()) {
            Ok(_) => AppendError::Duplicate,
            Err(_) => AppendError::Late,
        };
        assert_eq!(self.index.append(late), Err(expected));
    }

    fn expunge(&mut self, number: u32) {
        let place = self.uids.binary_search(&number);
        assert_eq!(self.index.expunge(uid(number)), place.is_ok());
        if let Ok(place) = place {
            self.uids.remove(place);
        }
    }

    fn expunge_many(&mut self, place: usize, step: usize, count: usize) {
        let from = place.checked_rem(self.uids.len()).unwrap_or(0);
        let leaving: Vec<u32> = self.uids[from..]
            .iter()
            .copied()
            .step_by(step)
            .take(count)
            .collect();
        let asked: UidSet = leaving
            .iter()
            .flat_map(|&number| [number, number.saturating_add(1)])
            .map(uid)
            .collect();
        let expected: UidSet = asked
            .iter()
            .filter(|uid| self.uids.binary_search(&uid.get()).is_ok())
            .collect();
        let gone = self.index.expunge_all(&asked);
        assert_eq!(gone, expected);
        self.uids.retain(|&number| !gone.contains(uid(number)));
    }

    fn open(&mut self) {
        if self.clients.len() < 8 {
            let session = self.index.open();
            self.clients.push(Client {
                session,
                told: self.uids.clone(),
                frozen: None,
            });
        }
    }

    fn sync(&mut self, session: usize, probe: u32) {
        let client = &mut self.clients[session];
        let view = client.session.sync(&mut self.index);
        let gone = client
            .told
            .iter()
            .filter(|uid| self.uids.binary_search(uid).is_err())
            .count();
        assert_eq!(client.session.pending() as usize, gone);
        examine(&view, &client.told, probe);
        for &number in client.told.iter().step_by(1 + client.told.len() / 64) {
            let expunged = self.uids.binary_search(&number).is_err();
            assert_eq!(view.is_expunged(uid(number)), expunged, "{number} pending");
        }
        if let Some((frozen, told)) = &client.frozen {
            examine(frozen, told, probe);
        }
        if client.frozen.is_none() || probe.is_multiple_of(3) {
            client.frozen = Some((view, client.told.clone()));
        }
    }

    fn announce(&mut self, session: usize, expunges: Expunges) {
        let client = &mut self.clients[session];
        let before = client.told.clone();
        let announcement = client.session.announce(&mut self.index, expunges);
        let expunged = announcement.expunged();
        assert!(expunges == Expunges::Release || expunged.is_empty());
        for seq in expunged.descending() {
            client.told.remove(seq.get() as usize - 1);
        }
        let gone: UidSet = before
            .iter()
            .filter(|uid| client.told.binary_search(uid).is_err())
            .map(|&n| uid(n))
            .collect();
        assert_eq!(
            (expunged.uids(), u64::from(expunged.len())),
            (gone.clone(), gone.len())
        );
        let known = before.last().copied().unwrap_or(0);
        let new: Vec<u32> = self
            .uids
            .iter()
            .copied()
            .filter(|uid| before.binary_search(uid).is_err())
            .collect();
        assert!(
            new.iter().all(|&uid| uid > known),
            "arrivals are above all that the client knows"
        );
        assert_eq!(
            announcement
                .arrived()
                .map(|(first, last)| (first.get(), last.get())),
            new.first().copied().zip(new.last().copied())
        );
        client.told.extend(&new);
        assert_eq!(
            announcement.exists().map(|exists| exists as usize),
            (!new.is_empty()).then_some(client.told.len())
        );
        assert_eq!(announcement.is_empty(), gone.is_empty() && new.is_empty());
        assert_eq!(client.session.exists() as usize, client.told.len());
    }
}

/// Every question to a view that should be exactly these messages.
fn examine(view: &View, told: &[u32], probe: u32) {
    assert_eq!(view.exists() as usize, told.len());
    assert_eq!(view.last().map(Uid::get), told.last().copied());
    assert!(
        view.uids().map(Uid::get).eq(told.iter().copied()),
        "{view:?} is not {told:?}"
    );
    let step = 1 + told.len() / 200;
    for (seq, &number) in (1..).zip(told).step_by(step) {
        assert_eq!(view.seq_of(uid(number)).map(SeqNum::get), Some(seq));
        assert_eq!(
            SeqNum::new(seq).and_then(|seq| view.uid_of(seq)),
            Some(uid(number))
        );
        for beside in [number - 1, number.saturating_add(1)] {
            let place = told.binary_search(&beside).ok();
            let seq = Uid::new(beside).and_then(|beside| view.seq_of(beside));
            assert_eq!(seq.map(|seq| seq.get() as usize - 1), place, "UID {beside}");
        }
    }
    let behind = u32::try_from(told.len()).expect("the model is small") + 1;
    assert_eq!(view.uid_of(SeqNum::new(behind).expect("above 0")), None);
    examine_sets(view, told, probe);
}

/// Sets of every form, against the messages picked one by one.
fn examine_sets(view: &View, told: &[u32], probe: u32) {
    let exists = view.exists();
    let (a, b) = (probe % (exists + 3), probe.rotate_left(11) % (exists + 3));
    let seqs = [
        Bound::Last,
        SeqNum::new(a).map_or(Bound::Last, Bound::Number),
        SeqNum::new(b).map_or(Bound::Last, Bound::Number),
    ];
    let near = |place: u32| {
        told.get(place as usize)
            .copied()
            .unwrap_or(probe)
            .saturating_add(probe % 3)
    };
    let uids = [
        Bound::Last,
        Uid::new(near(a)).map_or(Bound::Last, Bound::Number),
        Uid::new(near(b)).map_or(Bound::Last, Bound::Number),
    ];
    for from in 0..3 {
        let to = (from + probe as usize) % 3;
        let other = seqs[(to + 1) % 3];
        examine_seq_set(
            view,
            told,
            vec![SetItem::Range(seqs[from], seqs[to]), SetItem::Single(other)],
        );
        let other = uids[(to + 1) % 3];
        examine_uid_set(
            view,
            told,
            vec![SetItem::Range(uids[from], uids[to]), SetItem::Single(other)],
        );
    }
}

/// Both ends of each item in plain numbers, the smaller first.
fn ends_of<T: Copy, N: Copy + Ord>(items: &[SetItem<T>], plain: impl Fn(Bound<T>) -> N) -> Vec<(N, N)> {
    let ends = |&item: &SetItem<T>| match item {
        SetItem::Single(bound) => (plain(bound), plain(bound)),
        SetItem::Range(from, to) => (plain(from).min(plain(to)), plain(from).max(plain(to))),
    };
    items.iter().map(ends).collect()
}

fn examine_seq_set(view: &View, told: &[u32], items: Vec<SetItem<SeqNum>>) {
    let plain = |bound| match bound {
        Bound::Number(seq) => SeqNum::get(seq) as usize,
        Bound::Last => told.len(),
    };
    let ends = ends_of(&items, plain);
    let set = SequenceSet::new(items).expect("two items");
    let legal = ends.iter().all(|&(from, to)| from >= 1 && to <= told.len());
    let resolved = view.resolve_seqs(&set);
    assert_eq!(resolved.is_ok(), legal, "{set} of {} messages", told.len());
    if let Ok(ranges) = resolved {
        let meant = (1..)
            .zip(told)
            .filter(|(seq, _)| ends.iter().any(|(from, to)| (from..=to).contains(&seq)));
        assert!(
            view.uids_in(&ranges).map(Uid::get).eq(meant.map(|(_, &uid)| uid)),
            "{set}"
        );
    }
}

fn examine_uid_set(view: &View, told: &[u32], items: Vec<SetItem<Uid>>) {
    let plain = |bound| match bound {
        Bound::Number(uid) => Uid::get(uid),
        Bound::Last => told.last().copied().unwrap_or(0),
    };
    let ends = ends_of(&items, plain);
    let set = SequenceSet::new(items).expect("two items");
    let ranges = view.resolve_uids(&set);
    let meant = told
        .iter()
        .copied()
        .filter(|uid| ends.iter().any(|(from, to)| (from..=to).contains(&uid)));
    assert!(view.uids_in(&ranges).map(Uid::get).eq(meant.clone()), "{set}");
    assert!(meant.into_iter().all(|number| ranges.contains(uid(number))));
    let saved: UidSet = told.iter().copied().step_by(3).chain([7]).map(uid).collect();
    let expected = saved.iter().filter(|uid| told.binary_search(&uid.get()).is_ok());
    assert!(view.uids_in(&view.resolve_saved(&saved)).eq(expected), "$");
}
