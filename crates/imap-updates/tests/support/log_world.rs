//! A store with a change log, pages of it on their way, several strict clients on one `LogHub`, and a naive oracle.
//!
//! After every drain each client is asked what it would have if it lost its connection now, came back with what it was
//! told last (its messages, their flags, HIGHESTMODSEQ) and asked the store for what is newer (RFC 7162 section 3.2.5).
//! That has to be the store.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use imap_updates::{
    Access, Event, Flag, Followers, Hub, Limits, LogHub, Origin, Outcome, Page, Release, UpdateBuffer, kind,
};

use super::client::{Client, Truth};
use super::{modseq, uid};

/// One step. Picks and slots are taken modulo what there is, so that any list of steps makes sense.
#[derive(Clone, Debug)]
pub enum Op {
    /// Messages arrive, each with a version of its own.
    Arrive {
        count: u8,
    },
    /// Somebody changes the flags of some messages, with one version for all.
    Flags {
        picks: Vec<u16>,
        bits: u8,
    },
    /// Somebody expunges, with a version for each message or one for all.
    Expunge {
        picks: Vec<u16>,
        one_version: bool,
    },
    /// A session changes flags, with a version for each message or one for all.
    Store {
        slot: u8,
        picks: Vec<u16>,
        one_version: bool,
        bits: u8,
        form: Form,
        how: How,
    },
    /// Somebody reads the log, from the cursor or from an earlier one, to its end or in pieces.
    Read {
        back: u8,
        piece: u8,
    },
    /// Somebody lists the whole mailbox.
    List,
    /// A page arrives; it may come again.
    Deliver {
        pick: u8,
        again: bool,
    },
    Drain {
        slot: u8,
        hold: bool,
    },
    Open {
        slot: u8,
    },
    Leave {
        slot: u8,
    },
}

/// What a session's STORE says, and so what its client believes when it was answered.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// `FLAGS`: the client knows all flags.
    Replaces,
    /// `+FLAGS.SILENT`: the client believes that they were added to those that it knew.
    AddsSilently,
}

pub const FORMS: [Form; 2] = [Form::Replaces, Form::AddsSilently];

/// How a session's own change becomes known to be its own.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// By a claim that is confirmed at once.
    Claimed,
    /// By a claim that is confirmed after the change was read and told.
    ClaimedLate,
    /// By a claim; the transaction fails, and nothing was changed.
    RolledBack,
    /// The same, and somebody else gets the versions, and is read and told before the claim is revoked.
    Overtaken,
    /// By a column of the log.
    Named,
    /// Not at all.
    Unsaid,
}

pub const HOWS: [How; 6] = [
    How::Claimed,
    How::ClaimedLate,
    How::RolledBack,
    How::Overtaken,
    How::Named,
    How::Unsaid,
];

/// What the store's log has, which a world keeps to: the rows of the tables as they are, or every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    State,
    Log,
}

#[derive(Clone, Debug)]
enum Change {
    Present(u8),
    Gone,
}

#[derive(Clone, Debug)]
struct Row {
    version: u64,
    uid: u32,
    change: Change,
    by: Origin,
}

/// The versions that the mailbox begins with.
const BASE: u64 = 100;
const SLOTS: usize = 3;

struct Seat {
    buffer: UpdateBuffer,
    client: Client,
    told: u64,
}

pub struct LogWorld {
    style: Style,
    log: Vec<Row>,
    version: u64,
    next_uid: u32,
    hub: LogHub,
    /// Where the hub's cursor was.
    cursors: Vec<u64>,
    /// What was read: the pages of one read in their order, if they are only complete together.
    under_way: Vec<VecDeque<Page>>,
    seats: [Option<Seat>; SLOTS],
}

fn flags_of(bits: u8) -> imap_updates::Flags {
    let all = ["\\Seen", "\\Flagged", "work"];
    let set = all.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    set.map(|(_, flag)| flag.parse::<Flag>().unwrap()).collect()
}

impl LogWorld {
    /// `memory` is how many expunges the hub remembers.
    pub fn new(style: Style, start: u32, memory: usize) -> Self {
        let log = (1..=start).map(|number| Row {
            version: BASE - u64::from(start) + u64::from(number),
            uid: number,
            change: Change::Present(0),
            by: Origin::EXTERNAL,
        });
        let mut world = Self {
            style,
            log: log.collect(),
            version: BASE,
            next_uid: start + 1,
            hub: LogHub::open(Page::whole(modseq(1)), Limits::default()).unwrap(),
            cursors: vec![BASE],
            under_way: Vec::new(),
            seats: [const { None }; SLOTS],
        };
        let limits = Limits::default().with_expunge_records(memory);
        world.hub = LogHub::open(world.listing(), limits).unwrap();
        world.open(0);
        world
    }

    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Arrive { count } => {
                for _ in 0..=count % 3 {
                    self.version += 1;
                    self.commit(self.next_uid, Change::Present(0), Origin::EXTERNAL);
                    self.next_uid += 1;
                }
            }
            Op::Flags { picks, bits } => {
                self.version += 1;
                for target in picks
                    .iter()
                    .filter_map(|pick| self.pick(*pick))
                    .collect::<BTreeSet<_>>()
                {
                    self.commit(target, Change::Present(*bits), Origin::EXTERNAL);
                }
            }
            Op::Expunge { picks, one_version } => self.expunge(picks, *one_version),
            Op::Store {
                slot,
                picks,
                one_version,
                bits,
                form,
                how,
            } => self.store(
                usize::from(*slot) % SLOTS,
                picks,
                *one_version,
                (*bits, *form),
                *how,
            ),
            Op::Read { back, piece } => self.read(*back, *piece),
            Op::List => self.under_way.push([self.listing()].into()),
            Op::Deliver { pick, again } => self.deliver(*pick, *again),
            Op::Drain { slot, hold } => self.drain(usize::from(*slot) % SLOTS, *hold),
            Op::Open { slot } => self.open(usize::from(*slot) % SLOTS),
            Op::Leave { slot } => self.seats[usize::from(*slot) % SLOTS] = None,
        }
    }

    /// All pages arrive, the log is read to its end, and everybody says NOOP: then everybody has what the store has.
    pub fn finish(&mut self) {
        while !self.under_way.is_empty() {
            self.deliver(0, false);
        }
        self.catch_up();
        let status = self.hub.status();
        let now = self.at(self.version);
        assert_eq!(status.messages as usize, now.len());
        assert_eq!(status.highest_modseq.get(), self.version);
        assert_eq!(status.uid_next, Some(uid(self.next_uid)));
        for slot in 0..SLOTS {
            self.drain(slot, false);
            if let Some(seat) = &self.seats[slot] {
                assert_eq!(seat.client.flags, now, "session {slot} at rest");
                assert!(seat.client.list.iter().eq(now.keys()));
            }
        }
        self.seats = [const { None }; SLOTS];
        assert!(self.hub.is_unused(), "something holds the hub that nobody uses");
    }

    fn commit(&mut self, uid: u32, change: Change, by: Origin) {
        let version = self.version;
        self.log.push(Row {
            version,
            uid,
            change,
            by,
        });
    }

    /// The mailbox as of a version.
    fn at(&self, version: u64) -> BTreeMap<u32, String> {
        let mut all = BTreeMap::new();
        for row in self.log.iter().filter(|row| row.version <= version) {
            match row.change {
                Change::Present(bits) => all.insert(row.uid, flags_of(bits).to_string()),
                Change::Gone => all.remove(&row.uid),
            };
        }
        all
    }

    fn pick(&self, pick: u16) -> Option<u32> {
        let now = self.at(self.version);
        now.keys().nth(usize::from(pick).checked_rem(now.len())?).copied()
    }

    /// In an order that has nothing to do with the UIDs.
    fn expunge(&mut self, picks: &[u16], one_version: bool) {
        self.version += 1;
        for (nth, pick) in picks.iter().enumerate() {
            let Some(gone) = self.pick(*pick) else { return };
            if nth > 0 && !one_version {
                self.version += 1;
            }
            self.commit(gone, Change::Gone, Origin::EXTERNAL);
        }
    }

    fn store(&mut self, slot: usize, picks: &[u16], one_version: bool, what: (u8, Form), how: How) {
        let now = self.at(self.version);
        let Some(mut seat) = self.seats[slot].take() else {
            return;
        };
        // A client names only what it has.
        let known = seat.client.list.iter().filter(|uid| now.contains_key(uid));
        let known: Vec<u32> = known.copied().collect();
        let picked = picks
            .iter()
            .filter_map(|pick| known.get(usize::from(*pick).checked_rem(known.len())?));
        let targets: BTreeSet<u32> = picked.copied().collect();
        if !targets.is_empty() {
            let versions = if one_version { 1 } else { targets.len() as u64 };
            self.transaction(&seat, &targets, versions, what, how);
            if !matches!(how, How::RolledBack | How::Overtaken) {
                answered(&mut seat.client, &targets, what);
            }
        }
        self.seats[slot] = Some(seat);
    }

    fn transaction(
        &mut self,
        seat: &Seat,
        targets: &BTreeSet<u32>,
        versions: u64,
        what: (u8, Form),
        how: How,
    ) {
        let me = seat.buffer.origin();
        let (before, after) = (modseq(self.version), modseq(self.version + versions));
        match how {
            How::Claimed | How::ClaimedLate => {
                let claim = self.hub.claim(before, after, me);
                self.change(targets, versions, what, Origin::EXTERNAL);
                if matches!(how, How::ClaimedLate) {
                    self.catch_up();
                }
                claim.committed();
            }
            How::RolledBack => drop(self.hub.claim(before, after, me)),
            How::Overtaken => {
                let claim = self.hub.claim(before, after, me);
                self.change(targets, versions, what, Origin::EXTERNAL);
                self.catch_up();
                drop(claim);
            }
            How::Named => self.change(targets, versions, what, Origin::from_i64(me.to_i64())),
            How::Unsaid => self.change(targets, versions, what, Origin::EXTERNAL),
        }
    }

    fn change(&mut self, targets: &BTreeSet<u32>, versions: u64, (bits, form): (u8, Form), by: Origin) {
        let first = self.version + 1;
        for (nth, &target) in targets.iter().enumerate() {
            self.version = first + (nth as u64).min(versions - 1);
            let bits = match form {
                Form::Replaces => bits,
                Form::AddsSilently => bits | self.bits(target),
            };
            self.commit(target, Change::Present(bits), by);
        }
    }

    fn bits(&self, uid: u32) -> u8 {
        match self.log.iter().rfind(|row| row.uid == uid).map(|row| &row.change) {
            Some(Change::Present(bits)) => *bits,
            _ => 0,
        }
    }

    /// The rows after a version, as of now, up to another one.
    fn page(&self, after: u64, upto: u64) -> Page {
        let mut page = Page::changes(modseq(after), modseq(upto)).uid_next(Some(uid(self.uid_next_at(upto))));
        let later = |row: &Row| {
            self.log
                .iter()
                .any(|other| other.uid == row.uid && other.version > row.version)
        };
        let rows = self
            .log
            .iter()
            .filter(|row| row.version > after && row.version <= upto);
        let rows = rows.filter(|row| self.style == Style::Log || !later(row));
        // In an order that has nothing to do with that of the log: the latest first.
        let mut rows: Vec<&Row> = rows.collect();
        rows.reverse();
        page.extend(rows.into_iter().map(event));
        page
    }

    fn uid_next_at(&self, version: u64) -> u32 {
        let arrived = self.log.iter().filter(|row| row.version <= version);
        arrived.map(|row| row.uid + 1).max().unwrap_or(1)
    }

    fn listing(&self) -> Page {
        let mut page = Page::whole(modseq(self.version)).uid_next(Some(uid(self.next_uid)));
        let now = self.at(self.version);
        for &number in now.keys().rev() {
            let last = self.log.iter().rfind(|row| row.uid == number);
            page.extend(last.map(event));
        }
        page
    }

    fn read(&mut self, back: u8, piece: u8) {
        let back = usize::from(back) % self.cursors.len();
        let mut after = self.cursors[self.cursors.len() - 1 - back];
        let piece = u64::from(piece % 8);
        let mut pages = VecDeque::new();
        while piece > 0 && after + piece < self.version {
            let page = self.page(after, after + piece);
            match self.style {
                // Every change is there: a piece is complete by itself.
                Style::Log => self.under_way.push([page].into()),
                Style::State => pages.push_back(page.more_follows()),
            }
            after += piece;
        }
        pages.push_back(self.page(after, self.version));
        self.under_way.push(pages);
    }

    fn deliver(&mut self, pick: u8, again: bool) {
        let Some(at) = usize::from(pick).checked_rem(self.under_way.len()) else {
            return;
        };
        let pages = &mut self.under_way[at];
        let page = if again {
            pages.front().cloned()
        } else {
            pages.pop_front()
        };
        if pages.is_empty() {
            self.under_way.remove(at);
        }
        page.into_iter().for_each(|page| self.apply(page));
    }

    fn apply(&mut self, page: Page) {
        let before = self.hub.cursor();
        let applied = self.hub.apply(page);
        assert_eq!(applied.cursor(), self.hub.cursor());
        assert_eq!(applied.outcome() == Outcome::Moved, applied.cursor() > before);
        assert!(
            applied.hidden().is_empty() && applied.reused().is_empty(),
            "{applied:?}"
        );
        self.cursors.push(applied.cursor().get());
    }

    fn catch_up(&mut self) {
        let page = self.page(self.hub.cursor().get(), self.version);
        self.apply(page);
        assert_eq!(self.hub.cursor().get(), self.version);
    }

    fn open(&mut self, slot: usize) {
        let selection = self.hub.select(Access::ReadOnly);
        let cursor = selection.highest_modseq.get();
        let messages = self.at(cursor);
        assert_eq!(selection.uid_next, Some(uid(self.uid_next_at(cursor))));
        let mut client = Client::selected(&messages, 0);
        let keywords = selection.updates.keywords().iter();
        client.keywords = keywords
            .map(|keyword| keyword.to_string().to_lowercase())
            .collect();
        self.seats[slot] = Some(Seat {
            told: selection.updates.highest_modseq().get(),
            buffer: selection.updates,
            client,
        });
        self.would_miss_nothing(slot);
    }

    fn drain(&mut self, slot: usize, hold: bool) {
        let Some(mut seat) = self.seats[slot].take() else {
            return;
        };
        let command = seat.buffer.begin(kind::Noop);
        let release = if hold {
            Release::hold()
        } else {
            command.permit(Followers::None)
        };
        let drained = seat.buffer.drain(release);
        let messages = self.at(self.hub.cursor().get());
        seat.client.apply(
            &drained,
            &Truth {
                messages: &messages,
                may_expunge: !hold,
            },
        );
        seat.buffer.written(drained);
        let told = seat.buffer.highest_modseq().get();
        assert!(
            told >= seat.told,
            "HIGHESTMODSEQ went back from {} to {told}",
            seat.told
        );
        assert!(
            told <= self.hub.cursor().get(),
            "HIGHESTMODSEQ {told} is ahead of the cursor"
        );
        seat.told = told;
        self.seats[slot] = Some(seat);
        self.would_miss_nothing(slot);
    }

    /// The client loses its connection, comes back, and asks for what is newer than what it was told last.
    fn would_miss_nothing(&self, slot: usize) {
        let Some(seat) = &self.seats[slot] else { return };
        let mut cache = seat.client.flags.clone();
        assert!(seat.client.list.iter().eq(cache.keys()));
        let now = self.at(self.version);
        for row in self.log.iter().filter(|row| row.version > seat.told) {
            match now.get(&row.uid) {
                Some(flags) => cache.insert(row.uid, flags.clone()),
                None => cache.remove(&row.uid),
            };
        }
        assert_eq!(cache, now, "session {slot} was told HIGHESTMODSEQ {}", seat.told);
    }
}

/// The client has the tagged OK of its STORE.
fn answered(client: &mut Client, targets: &BTreeSet<u32>, (bits, form): (u8, Form)) {
    for target in targets {
        let flags = match form {
            Form::Replaces => flags_of(bits),
            Form::AddsSilently => {
                let believed = client.flags[target].trim_matches(['(', ')']).split_whitespace();
                let believed: imap_updates::Flags =
                    believed.map(|flag| flag.parse::<Flag>().unwrap()).collect();
                believed.union(&flags_of(bits))
            }
        };
        client.flags.insert(*target, flags.to_string());
    }
}

fn event(row: &Row) -> Event {
    let (version, uid) = (modseq(row.version), uid(row.uid));
    match row.change {
        Change::Present(bits) => Event::present(version, uid, flags_of(bits)).by(row.by),
        Change::Gone => Event::gone(version, uid),
    }
}
