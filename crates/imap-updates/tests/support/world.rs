//! Several strict clients, one mailbox, and a naive oracle: runs a list of operations and checks the seven invariants
//! of `docs/updates.md` after each.

use std::collections::{BTreeMap, BTreeSet};

use imap_seq::{SeqNum, SequenceSet, Uid, UidSet};
use imap_updates::{
    Access, Echo, Ended, ExpungeForm, Flag, Flags, Followers, Ingest, MailboxHub, MayExpunge, Origin,
    Recency, Release, Snapshot, UpdateBuffer, kind,
};

use super::client::{Client, Truth};
use super::uid;

/// One step. Picks and slots are taken modulo what there is, so that any list of steps makes sense.
#[derive(Clone, Debug)]
pub enum Op {
    Append {
        count: u8,
    },
    Expunge {
        picks: Vec<u16>,
    },
    Flags {
        pick: u16,
        flags: u8,
        by: By,
    },
    /// All in one critical section: append two, change the flags of one, expunge one of them and another.
    Batch {
        pick: u16,
    },
    /// What is reported twice or for nothing.
    Noise {
        pick: u16,
    },
    Command {
        slot: u8,
        command: Command,
        followers: bool,
        set: (u16, u16),
    },
    /// The connection breaks while a drain is written.
    Lose {
        slot: u8,
    },
    Open {
        slot: u8,
        access: bool,
        vanished: bool,
    },
    Leave {
        slot: u8,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum By {
    Outside,
    Silent(u8),
    Told(u8),
}

#[derive(Clone, Copy, Debug)]
pub enum Command {
    Noop,
    Idle,
    UidFetch,
    Expunge,
    Fetch,
    Store,
    Search,
    UidSearchWithSeqs,
    Unparsed,
    Literal,
}

pub const COMMANDS: [Command; 10] = [
    Command::Noop,
    Command::Idle,
    Command::UidFetch,
    Command::Expunge,
    Command::Fetch,
    Command::Store,
    Command::Search,
    Command::UidSearchWithSeqs,
    Command::Unparsed,
    Command::Literal,
];

impl Command {
    /// Said again here, by hand, so that the table in the code is not its own judge.
    fn may_expunge(self) -> bool {
        matches!(self, Self::Noop | Self::Idle | Self::UidFetch | Self::Expunge)
    }
}

struct Seat {
    buffer: UpdateBuffer,
    client: Client,
    access: Access,
    /// Recent messages of this session, by the oracle.
    recent: BTreeSet<u32>,
    /// What the client would tell the server at reconnection.
    highest_modseq: u64,
}

pub const SLOTS: usize = 4;

pub struct World {
    hub: MailboxHub<()>,
    /// UID to flags as written.
    messages: BTreeMap<u32, String>,
    /// UID to the mod-sequence of its expunge.
    expunged: BTreeMap<u32, u64>,
    next_uid: u32,
    unclaimed: BTreeSet<u32>,
    seats: [Option<Seat>; SLOTS],
}

fn flags_of(bits: u8) -> Flags {
    let all = [
        Flag::Seen,
        Flag::Flagged,
        Flag::Deleted,
        "work".parse().unwrap(),
        "$Later".parse().unwrap(),
    ];
    all.iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 == 1)
        .map(|(_, flag)| flag.clone())
        .collect()
}

impl Default for World {
    fn default() -> Self {
        Self::new(3)
    }
}

impl World {
    pub fn new(messages: u32) -> Self {
        let snapshot: Snapshot = (1..=messages).map(uid).collect();
        let mut world = Self {
            hub: MailboxHub::new((), snapshot).unwrap(),
            messages: (1..=messages).map(|number| (number, "()".to_owned())).collect(),
            expunged: BTreeMap::new(),
            next_uid: messages + 1,
            unclaimed: BTreeSet::new(),
            seats: [const { None }; SLOTS],
        };
        world.open(0, Access::ReadWrite, ExpungeForm::Expunge);
        world
    }

    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Append { count } => self.append(u32::from(*count % 4) + 1),
            Op::Expunge { picks } => self.expunge(picks),
            Op::Flags { pick, flags, by } => self.change_flags(*pick, *flags, *by),
            Op::Batch { pick } => self.batch(*pick),
            Op::Noise { pick } => self.noise(*pick),
            Op::Command {
                slot,
                command,
                followers,
                set,
            } => {
                self.command(usize::from(*slot) % SLOTS, *command, *followers, *set);
            }
            Op::Lose { slot } => self.lose(usize::from(*slot) % SLOTS),
            Op::Open {
                slot,
                access,
                vanished,
            } => {
                let access = if *access {
                    Access::ReadWrite
                } else {
                    Access::ReadOnly
                };
                let form = if *vanished {
                    ExpungeForm::Vanished
                } else {
                    ExpungeForm::Expunge
                };
                self.open(usize::from(*slot) % SLOTS, access, form);
            }
            Op::Leave { slot } => self.seats[usize::from(*slot) % SLOTS] = None,
        }
    }

    /// NOOP everywhere: then every client has what the store has.
    pub fn finish(&mut self) {
        for slot in 0..SLOTS {
            if self.seats[slot].is_none() {
                continue;
            }
            self.command(slot, Command::Noop, false, (0, 0));
            let Some(seat) = &self.seats[slot] else { continue };
            let known: Vec<u32> = self.messages.keys().copied().collect();
            assert_eq!(
                seat.client.list, known,
                "session {slot} is not up to date after NOOP"
            );
            assert_eq!(seat.client.flags, self.messages, "flags of session {slot}");
            assert_eq!(seat.buffer.held(), None);
        }
    }

    fn pick(&self, pick: u16) -> Option<u32> {
        let len = self.messages.len();
        self.messages
            .keys()
            .nth(usize::from(pick).checked_rem(len)?)
            .copied()
    }

    fn append(&mut self, count: u32) {
        let mut guard = self.hub.lock();
        for _ in 0..count {
            assert_eq!(guard.arrive(uid(self.next_uid), Recency::Recent), Ingest::Applied);
            self.messages.insert(self.next_uid, "()".to_owned());
            self.unclaimed.insert(self.next_uid);
            self.next_uid += 1;
        }
    }

    fn expunge(&mut self, picks: &[u16]) {
        let chosen: BTreeSet<u32> = picks.iter().filter_map(|pick| self.pick(*pick)).collect();
        let set: UidSet = chosen.iter().copied().map(uid).collect();
        let mut guard = self.hub.lock();
        assert_eq!(guard.expunge(&set), set);
        let at = guard.highest_modseq().get();
        drop(guard);
        chosen.into_iter().for_each(|gone| self.forget(gone, at));
    }

    fn forget(&mut self, gone: u32, at: u64) {
        self.messages.remove(&gone);
        self.unclaimed.remove(&gone);
        self.expunged.insert(gone, at);
    }

    fn change_flags(&mut self, pick: u16, bits: u8, by: By) {
        let Some(target) = self.pick(pick) else { return };
        let flags = flags_of(bits);
        let slot = |slot: u8| usize::from(slot) % SLOTS;
        let (origin, echo, silent) = match by {
            By::Outside => (Origin::EXTERNAL, Echo::Tell, None),
            By::Told(by) => (self.origin(slot(by)), Echo::Tell, None),
            By::Silent(by) => (self.origin(slot(by)), Echo::Silent, Some(slot(by))),
        };
        let done = self
            .hub
            .lock()
            .flags_changed(uid(target), flags.clone(), origin, echo);
        assert_eq!(done, Ingest::Applied);
        self.messages.insert(target, flags.to_string());
        // The maker's STORE handler tells it the result, if it knows the message.
        if let Some(seat) = silent.and_then(|slot| self.seats[slot].as_mut())
            && let Some(believed) = seat.client.flags.get_mut(&target)
        {
            *believed = flags.to_string();
        }
    }

    fn origin(&self, slot: usize) -> Origin {
        self.seats[slot]
            .as_ref()
            .map_or(Origin::EXTERNAL, |seat| seat.buffer.origin())
    }

    fn batch(&mut self, pick: u16) {
        let other = self.pick(pick);
        let (first, second) = (self.next_uid, self.next_uid + 1);
        self.next_uid += 2;
        let mut guard = self.hub.lock();
        // Out of order within the batch, and one of them gone again before anybody looked.
        assert_eq!(guard.arrive(uid(second), Recency::NotRecent), Ingest::Applied);
        assert_eq!(guard.arrive(uid(first), Recency::Recent), Ingest::Applied);
        let flags = flags_of(0b01001);
        let done = guard.flags_changed(uid(second), flags.clone(), Origin::EXTERNAL, Echo::Tell);
        assert_eq!(done, Ingest::Applied);
        let gone: UidSet = [Some(uid(first)), other.map(uid)].into_iter().flatten().collect();
        assert_eq!(guard.expunge(&gone), gone);
        let at = guard.highest_modseq().get();
        drop(guard);
        self.messages.insert(second, flags.to_string());
        self.expunged.insert(first, at);
        if let Some(other) = other {
            self.forget(other, at);
        }
    }

    fn noise(&mut self, pick: u16) {
        let known = self.pick(pick);
        let gone = self
            .expunged
            .keys()
            .nth(usize::from(pick) % self.expunged.len().max(1))
            .copied();
        let mut guard = self.hub.lock();
        if let Some(known) = known {
            assert_eq!(guard.arrive(uid(known), Recency::Recent), Ingest::Duplicate);
        }
        if let Some(gone) = gone {
            assert_eq!(guard.arrive(uid(gone), Recency::Recent), Ingest::Reused);
            assert!(guard.expunge(&[uid(gone)].into_iter().collect()).is_empty());
            let done = guard.flags_changed(uid(gone), flags_of(1), Origin::EXTERNAL, Echo::Tell);
            assert_eq!(done, Ingest::Unknown);
        }
        let unknown: UidSet = [uid(self.next_uid + 7), Uid::MAX].into_iter().collect();
        assert!(guard.expunge(&unknown).is_empty());
    }

    fn open(&mut self, slot: usize, access: Access, form: ExpungeForm) {
        let mut buffer = self.hub.subscribe(access);
        buffer.report_expunges_as(form);
        let recent = self.unclaimed.clone();
        if access == Access::ReadWrite {
            self.unclaimed.clear();
        }
        assert_eq!(buffer.exists() as usize, self.messages.len());
        assert_eq!(buffer.recent() as usize, recent.len());
        let mut client = Client::selected(&self.messages, buffer.recent());
        client.keywords = buffer
            .keywords()
            .iter()
            .map(|keyword| keyword.to_string().to_lowercase())
            .collect();
        let highest_modseq = buffer.highest_modseq().get();
        self.seats[slot] = Some(Seat {
            buffer,
            client,
            access,
            recent,
            highest_modseq,
        });
    }

    fn lose(&mut self, slot: usize) {
        let Some(mut seat) = self.seats[slot].take() else {
            return;
        };
        let command = seat.buffer.begin(kind::Noop);
        let lost = seat.buffer.drain(command.permit(Followers::None));
        let empty = lost.is_empty();
        drop(lost);
        let next = seat.buffer.drain(command.permit(Followers::None));
        assert!(next.is_empty(), "a session went on after a lost drain");
        assert_eq!(next.ended(), if empty { None } else { Some(Ended::NotWritten) });
        // What the lost session claimed is claimed.
        if seat.access == Access::ReadWrite {
            self.unclaimed.clear();
        }
    }

    fn command(&mut self, slot: usize, command: Command, followers: bool, set: (u16, u16)) {
        let Some(mut seat) = self.seats[slot].take() else {
            return;
        };
        seat.check_view(&self.messages);
        let followers = if followers {
            Followers::UseSequenceNumbers
        } else {
            Followers::None
        };
        let granted = command.may_expunge() && followers == Followers::None;
        let drained = {
            let buffer = &mut seat.buffer;
            match command {
                Command::Noop => drain(buffer, kind::Noop, followers),
                Command::Idle => drain(buffer, kind::Idle, followers),
                Command::UidFetch => drain(buffer, kind::UidFetch, followers),
                Command::Expunge => drain(buffer, kind::Expunge, followers),
                Command::Fetch => hold(buffer, kind::Fetch, &seat.client, set),
                Command::Store => hold(buffer, kind::Store, &seat.client, set),
                Command::Search => hold(buffer, kind::Search, &seat.client, set),
                Command::UidSearchWithSeqs => hold(buffer, kind::UidSearchWithSeqs, &seat.client, set),
                Command::Unparsed => hold(buffer, kind::Unparsed, &seat.client, set),
                Command::Literal => buffer.drain(Release::hold()),
            }
        };
        let truth = Truth {
            messages: &self.messages,
            may_expunge: granted,
        };
        let before = seat.client.announced.last().copied().unwrap_or(0);
        seat.client.apply(&drained, &truth);
        let highest = drained.highest_modseq().map(imap_seq::ModSeq::get);
        seat.buffer.written(drained);
        self.claim(&mut seat, before);
        seat.check_told(&self.messages, &self.expunged, granted, highest);
        self.seats[slot] = Some(seat);
    }

    /// The oracle of RECENT: what a read-write session announces first is its own.
    fn claim(&mut self, seat: &mut Seat, before: u32) {
        let last = seat.client.announced.last().copied().unwrap_or(0);
        if last > before {
            let mine: BTreeSet<u32> = self.unclaimed.range(before + 1..=last).copied().collect();
            if seat.access == Access::ReadWrite {
                self.unclaimed.retain(|uid| !mine.contains(uid));
            }
            seat.recent.extend(mine);
        }
        seat.recent.retain(|uid| !seat.client.expunged.contains(uid));
        assert_eq!(seat.client.recent as usize, seat.recent.len(), "RECENT");
    }
}

fn drain<K: MayExpunge>(buffer: &mut UpdateBuffer, kind: K, followers: Followers) -> imap_updates::Drained {
    let command = buffer.begin(kind);
    buffer.drain(command.permit(followers))
}

fn hold<K: imap_updates::CommandKind>(
    buffer: &mut UpdateBuffer,
    kind: K,
    client: &Client,
    (from, to): (u16, u16),
) -> imap_updates::Drained {
    let command = buffer.begin(kind);
    assert_eq!(command.row().expunge, imap_updates::Cell::Never);
    let len = client.list.len();
    let number = |pick: u16| usize::from(pick) % (len + 2) + 1;
    let (from, to) = (number(from), number(to));
    let set: SequenceSet<SeqNum> = format!("{from}:{to}").parse().unwrap();
    match buffer.resolve_seqs(&set) {
        Ok(resolved) => {
            let meant: Vec<u32> = resolved.uids().map(Uid::get).collect();
            assert_eq!(
                meant,
                client.list[from.min(to) - 1..from.max(to)],
                "the set {set}"
            );
        }
        Err(_) => assert!(from.max(to) > len, "{set} refused with {len} messages"),
    }
    buffer.drain(Release::hold())
}

impl Seat {
    /// Invariants 1, 2 and 5: the view is the client's, in both directions, `*` included.
    fn check_view(&mut self, messages: &BTreeMap<u32, String>) {
        let _command = self.buffer.begin(kind::Fetch);
        let view = self.buffer.view();
        let list = &self.client.list;
        assert!(list.is_sorted_by(|a, b| a < b), "the client's UIDs do not ascend");
        assert_eq!(view.exists() as usize, list.len());
        assert_eq!(view.uids().map(Uid::get).collect::<Vec<_>>(), *list);
        for (at, &number) in list.iter().enumerate() {
            let seq = SeqNum::new(u32::try_from(at).unwrap() + 1).unwrap();
            assert_eq!(view.uid_of(seq), Some(uid(number)));
            assert_eq!(view.seq_of(uid(number)), Some(seq));
            assert_eq!(view.is_expunged(uid(number)), !messages.contains_key(&number));
        }
        let star: SequenceSet<SeqNum> = "*".parse().unwrap();
        match self.buffer.resolve_seqs(&star) {
            Ok(last) => assert_eq!(last.uids().next().map(Uid::get), list.last().copied()),
            Err(_) => assert!(list.is_empty()),
        }
    }

    /// Invariants 1, 6 and 7 after a drain, HIGHESTMODSEQ, and the flags.
    fn check_told(
        &mut self,
        messages: &BTreeMap<u32, String>,
        expunged: &BTreeMap<u32, u64>,
        granted: bool,
        highest: Option<u64>,
    ) {
        let held: Vec<u32> = self
            .client
            .list
            .iter()
            .filter(|uid| !messages.contains_key(uid))
            .copied()
            .collect();
        assert!(!granted || held.is_empty(), "a permit left {held:?} unsaid");
        assert_eq!(
            self.buffer.held().map_or(0, |held| held.count as usize),
            held.len()
        );
        for (number, flags) in messages {
            let known = self.client.flags.get(number);
            assert_eq!(known, Some(flags), "flags of UID {number} after a drain");
        }
        let told = self.buffer.highest_modseq().get();
        assert_eq!(highest.unwrap_or(told), told);
        for uid in &held {
            assert!(
                told < expunged[uid],
                "HIGHESTMODSEQ {told} with UID {uid} held at {}",
                expunged[uid]
            );
        }
        assert!(told >= self.highest_modseq, "HIGHESTMODSEQ went back");
        self.highest_modseq = told;
        self.check_view(messages);
    }
}
