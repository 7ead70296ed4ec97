//! Hubs that are told anything: UIDs in any order and twice, rows of messages that never were, versions that contradict
//! each other, pages that overlap and lie. No panic, and no client is led astray by what it hears: its numbers stay those
//! of the view, and HIGHESTMODSEQ goes forward only.

use std::collections::BTreeSet;

use imap_seq::{ModSeq, Uid};
use imap_updates::{
    Access, Claim, Drained, Echo, Event, ExpungeForm, Flag, Flags, Followers, HubGuard, Ingest, Limits,
    LogHub, MailboxHub, Origin, Page, Recency, Release, Snapshot, Untagged, UpdateBuffer, kind,
};

use crate::input::Input;

const STEPS: usize = 300;
const SLOTS: usize = 3;

pub(super) fn run(mut input: Input<'_>) {
    let limits = Limits::default()
        .with_flag_changes(1 + usize::from(input.below(4)) * 8)
        .with_expunge_records(usize::from(input.below(4)))
        .with_keywords(usize::from(input.below(4)))
        .with_waiting_events(usize::from(input.below(4)) * 8);
    let mut world = match input.below(2) {
        0 => {
            let Ok(hub) = LogHub::open(whole(&mut input, Origin::EXTERNAL), limits) else {
                return;
            };
            World::new(Hub::Log(hub, Vec::new()))
        }
        _ => {
            let uids: BTreeSet<Uid> = (0..input.below(6)).map(|_| uid(&mut input)).collect();
            let snapshot = Snapshot::new(uids.into_iter().collect());
            World::new(Hub::Direct(
                MailboxHub::with_limits((), snapshot, limits).expect("UIDs that ascend"),
            ))
        }
    };
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        world.step(&mut input);
    }
}

enum Hub {
    Log(LogHub, Vec<Claim>),
    Direct(MailboxHub<()>),
}

struct World {
    hub: Hub,
    seats: [Option<Seat>; SLOTS],
}

struct Seat {
    buffer: UpdateBuffer,
    /// The UIDs by number, as the client has them.
    list: Vec<Uid>,
    expunged: BTreeSet<Uid>,
    told: ModSeq,
}

impl World {
    fn new(hub: Hub) -> Self {
        Self {
            hub,
            seats: [const { None }; SLOTS],
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let what = input.octet();
        let slot = usize::from(what >> 4) % SLOTS;
        let by = match &self.seats[slot] {
            Some(seat) => seat.buffer.origin(),
            None => Origin::from_i64(input.octet().into()),
        };
        match what % 16 {
            0..=5 => self.hub.change(input, by),
            6 => self.seats[slot] = Some(Seat::open(&self.hub, input)),
            7 => self.seats[slot] = None,
            8 => {
                if let Some(seat) = &mut self.seats[slot] {
                    seat.restate(input);
                }
            }
            held => {
                if let Some(seat) = &mut self.seats[slot] {
                    seat.drain(held % 2 == 0);
                    if let Hub::Log(hub, _) = &self.hub {
                        assert!(seat.told <= hub.cursor(), "told what is not settled");
                    }
                }
            }
        }
    }
}

impl Hub {
    fn change(&mut self, input: &mut Input<'_>, by: Origin) {
        match self {
            Self::Log(hub, claims) => {
                let before = hub.cursor();
                match input.below(8) {
                    0 => claims.push(hub.claim(modseq(input), modseq(input), by)),
                    1 => claims.pop().into_iter().for_each(Claim::committed),
                    2 => drop(claims.pop()),
                    3 => drop(hub.apply(whole(input, by))),
                    _ => {
                        let page = Page::changes(modseq(input), modseq(input));
                        let applied = hub.apply(rows(page, input, by));
                        assert_eq!(applied.cursor(), hub.cursor());
                    }
                }
                assert!(hub.cursor() >= before, "the cursor went back");
            }
            Self::Direct(hub) => {
                let mut guard = hub.lock();
                for _ in 0..=input.below(4) {
                    direct(&mut guard, input, by);
                }
            }
        }
    }
}

fn direct(guard: &mut HubGuard<'_, ()>, input: &mut Input<'_>, by: Origin) {
    match input.below(8) {
        0..=2 => {
            let _: Ingest = guard.arrive(uid(input), recency(input));
        }
        3 | 4 => {
            let uids = (0..=input.below(4)).map(|_| uid(input)).collect();
            assert!(guard.expunge(&uids).iter().all(|uid| uids.contains(uid)));
        }
        5 => {
            let _ = guard.modseq();
        }
        _ => {
            let echo = if input.below(2) == 0 {
                Echo::Tell
            } else {
                Echo::Silent
            };
            let _: Ingest = guard.flags_changed(uid(input), flags(input), by, echo);
        }
    }
}

impl Seat {
    fn open(hub: &Hub, input: &mut Input<'_>) -> Self {
        let access = if input.below(2) == 0 {
            Access::ReadOnly
        } else {
            Access::ReadWrite
        };
        let mut buffer = match hub {
            Hub::Log(hub, _) => hub.select(access).updates,
            Hub::Direct(hub) => hub.subscribe(access),
        };
        if input.below(2) == 1 {
            buffer.report_expunges_as(ExpungeForm::Vanished);
        }
        let _command = buffer.begin(kind::Fetch);
        let list: Vec<Uid> = buffer.view().uids().collect();
        assert_eq!(buffer.exists() as usize, list.len());
        let told = buffer.highest_modseq();
        Self {
            buffer,
            list,
            expunged: BTreeSet::new(),
            told,
        }
    }

    fn restate(&mut self, input: &mut Input<'_>) {
        let rows: Vec<_> = (0..input.below(4))
            .map(|_| (uid(input), flags(input), modseq(input)))
            .collect();
        self.buffer.restate_flags(rows);
    }

    fn drain(&mut self, hold: bool) {
        let command = self.buffer.begin(kind::Noop);
        let drained = match hold {
            true => self.buffer.drain(Release::hold()),
            false => self.buffer.drain(command.permit(Followers::None)),
        };
        let exists = self.apply(&drained, hold);
        self.buffer.written(drained);
        self.check(exists, hold);
    }

    /// Applies the lines; how many messages there are by them.
    fn apply(&mut self, drained: &Drained, hold: bool) -> usize {
        let mut exists = None;
        for line in drained.iter() {
            match line {
                Untagged::Fetch { seq, uid, .. } => {
                    assert_eq!(self.list.get(seq.get() as usize - 1), Some(&uid));
                }
                Untagged::Expunge(seq) => {
                    let at = seq.get() as usize;
                    assert!(!hold && at <= self.list.len(), "EXPUNGE {at}");
                    self.expunged.insert(self.list.remove(at - 1));
                }
                Untagged::Vanished(gone) => {
                    assert!(!hold, "VANISHED while it is held");
                    for uid in gone.iter() {
                        let at = self.list.iter().position(|known| *known == uid);
                        self.list.remove(at.expect("VANISHED of what was announced"));
                        self.expunged.insert(uid);
                    }
                }
                Untagged::Exists(now) => {
                    assert!(now as usize > self.list.len(), "EXISTS {now}");
                    exists = Some(now as usize);
                }
                Untagged::Recent(recent) => {
                    assert!(
                        recent as usize <= exists.unwrap_or(self.list.len()),
                        "RECENT {recent}"
                    );
                }
                _ => {}
            }
        }
        exists.unwrap_or(self.list.len())
    }

    /// The client fetches what is new, and has what the server thinks it has.
    fn check(&mut self, exists: usize, hold: bool) {
        let _command = self.buffer.begin(kind::Fetch);
        let view: Vec<Uid> = self.buffer.view().uids().collect();
        assert_eq!(view.len(), exists, "EXISTS");
        assert!(view.starts_with(&self.list), "{:?} became {view:?}", self.list);
        assert!(view.is_sorted_by(|one, other| one < other));
        assert!(
            !view.iter().any(|uid| self.expunged.contains(uid)),
            "a UID came back"
        );
        assert!(
            hold || self.buffer.held().is_none(),
            "a permit left something held"
        );
        self.list = view;
        let told = self.buffer.highest_modseq();
        assert!(told >= self.told, "HIGHESTMODSEQ went back");
        self.told = told;
    }
}

fn whole(input: &mut Input<'_>, by: Origin) -> Page {
    let page = Page::whole(modseq(input));
    rows(page, input, by)
}

fn rows(mut page: Page, input: &mut Input<'_>, by: Origin) -> Page {
    let what = input.octet();
    for _ in 0..what % 8 {
        let (version, uid) = (modseq(input), uid(input));
        page.push(match input.below(3) {
            0 => Event::gone(version, uid),
            maker => {
                let event = Event::present(version, uid, flags(input)).recency(recency(input));
                if maker == 1 { event.by(by) } else { event }
            }
        });
    }
    if what & 8 != 0 {
        page = page.uid_next((input.below(4) > 0).then(|| uid(input)));
    }
    if what & 16 != 0 { page.more_follows() } else { page }
}

/// Small ones, close to each other, and the last ones that there are.
fn uid(input: &mut Input<'_>) -> Uid {
    match input.octet() {
        octet @ 250.. => Uid::new(u32::MAX - u32::from(255 - octet)),
        octet => Uid::new(u32::from(octet % 32) + 1),
    }
    .expect("not 0")
}

fn modseq(input: &mut Input<'_>) -> ModSeq {
    match input.octet() {
        octet @ 250.. => ModSeq::new(i64::MAX as u64 - u64::from(255 - octet)),
        octet => ModSeq::new(u64::from(octet % 64) + 1),
    }
    .expect("not 0")
}

fn recency(input: &mut Input<'_>) -> Recency {
    match input.below(2) {
        0 => Recency::NotRecent,
        _ => Recency::Recent,
    }
}

fn flags(input: &mut Input<'_>) -> Flags {
    let bits = input.octet();
    let all = ["\\Seen", "\\Deleted", "work", "WORK", "$Later", "other"];
    let set = all.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    set.map(|(_, flag)| flag.parse::<Flag>().unwrap()).collect()
}
