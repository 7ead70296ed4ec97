//! The busiest minutes of one database and its server processes, event by event: who waits for what, and how long.
//!
//! Commands come at random (Poisson), deliveries several at a moment, as a newsletter's do. A command takes a connection of its
//! process's pool, or waits for one; sends statements one after the other, each of which takes a core of the database or waits for
//! one; and commits, which waits for the log: those that came while it was being synced are synced together. Behind a commit goes a
//! hint: those that came while the listening connection was busy go together. Each process hears each hint. That of the user whose
//! mailbox it is reads the change and tells who waits in IDLE.
//!
//! What is left out: locks of rows, checkpoints, vacuum, the processors of the server processes, slow clients (none of which holds a
//! connection).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Assumptions, COSTS, DAY, OPENING, WAKE};
use crate::dataset::Random;

/// Nanoseconds since the beginning.
type Time = u64;

const SECOND: f64 = 1e9;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Commands that ended, and what is told to who waits, seconds each, from its beginning: by the option of its cost.
    pub took: Vec<(&'static str, Vec<f64>)>,
    /// From the first octet of a delivery to what a session in IDLE is told.
    pub told: Vec<f64>,
    /// Waits for a connection of the pool, of all that took one.
    pub waited: Vec<f64>,
    /// Which part of the time a core worked.
    pub busy: f64,
    /// Commits, and the syncs that they were made durable with.
    pub commits: u64,
    /// Syncs of the log.
    pub syncs: u64,
    /// Transactions that sent hints.
    pub sent: u64,
    /// Hints heard, over all processes.
    pub heard: u64,
    /// Commands that had not ended when the time was over.
    pub left: usize,
}

/// What a command does, beside waiting.
#[derive(Clone, Copy, Debug)]
struct Work {
    kind: usize,
    process: usize,
    user: usize,
    statements: u32,
    commits: bool,
    began: Time,
}

/// What a session in IDLE is told with comes after all other kinds.
const TELLING: usize = COSTS.len();

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Somebody says something.
    Comes,
    /// A statement of a command is at the database.
    AtDatabase(usize),
    /// A core has done one.
    Done(usize),
    /// The answer is at the process.
    Answered(usize),
    /// The log is on the disk.
    Synced,
    /// The hints of a process are with the others.
    Hinted(usize),
}

/// A process: its connections, and the hints that it has to send.
#[derive(Clone, Debug, Default)]
struct Process {
    free: u32,
    waiting: VecDeque<(usize, Time)>,
    is_sending: bool,
    to_send: Vec<usize>,
    on_their_way: Vec<usize>,
}

struct Simulation<'a> {
    assumptions: &'a Assumptions,
    /// How often a second there is a moment at which somebody says something, by kind.
    moments: [f64; COSTS.len()],
    random: Random,
    now: Time,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    numbered: u64,
    /// Commands that are not over, and places that are free.
    works: Vec<Option<Work>>,
    free: Vec<usize>,
    processes: Vec<Process>,
    cores: u32,
    for_a_core: VecDeque<usize>,
    to_sync: Vec<usize>,
    being_synced: Vec<usize>,
    worked: Time,
    seen: Seen,
}

/// The busiest time of a database with so many users, for so many seconds; the same each time.
#[must_use]
pub fn simulate(assumptions: &Assumptions, seconds: f64) -> Seen {
    let of = |name| assumptions.of(name);
    let processes = (of("mailboxes") * of("idle") / of("process-sessions"))
        .ceil()
        .max(1.0);
    let process = Process {
        free: whole(of("pool")),
        ..Process::default()
    };
    let mut simulation = Simulation {
        assumptions,
        moments: std::array::from_fn(|kind| moments(assumptions, kind)),
        random: Random::new(u64::from(whole(of("seed")))),
        now: 0,
        events: BinaryHeap::new(),
        numbered: 0,
        works: Vec::new(),
        free: Vec::new(),
        processes: vec![process; whole(processes) as usize],
        cores: whole(of("cores")),
        for_a_core: VecDeque::new(),
        to_sync: Vec::new(),
        being_synced: Vec::new(),
        worked: 0,
        seen: Seen::default(),
    };
    simulation.seen.took = COSTS.iter().map(|cost| (cost.of, Vec::new())).collect();
    simulation.run(seconds);
    simulation.seen
}

impl Simulation<'_> {
    fn run(&mut self, seconds: f64) {
        let end = time(seconds);
        self.next_comes();
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            if at > end {
                break;
            }
            self.now = at;
            match event {
                Event::Comes => self.somebody_comes(),
                Event::AtDatabase(work) => self.at_database(work),
                Event::Done(work) => self.done(work),
                Event::Answered(work) => self.answered(work),
                Event::Synced => self.synced(),
                Event::Hinted(process) => self.hinted(process),
            }
        }
        self.seen.left = self.works.iter().flatten().count();
        self.seen.busy =
            self.worked as f64 / (SECOND * seconds * f64::from(whole(self.assumptions.of("cores"))));
    }

    fn after(&mut self, wait: Time, event: Event) {
        self.numbered += 1;
        self.events.push(Reverse((self.now + wait, self.numbered, event)));
    }

    /// A time whose mean this is; how long it took so far says nothing of the rest.
    fn around(&mut self, mean: f64) -> Time {
        time(self.random.exponential() * mean)
    }

    fn next_comes(&mut self) {
        let all: f64 = self.moments.iter().sum();
        if all > 0.0 {
            let wait = self.around(1.0 / all);
            self.after(wait, Event::Comes);
        }
    }

    fn somebody_comes(&mut self) {
        self.next_comes();
        let all: f64 = self.moments.iter().sum();
        let mut at = self.random.share() * all;
        let kind = self.moments.iter().position(|moments| {
            at -= moments;
            at < 0.0
        });
        let kind = kind.unwrap_or(COSTS.len() - 1);
        // Any number from 1 on, and `burst` in the mean.
        let share_of_more = 1.0 - 1.0 / self.assumptions.of("burst").max(1.0);
        loop {
            self.says(kind);
            if !is_delivery(kind) || self.random.share() >= share_of_more {
                return;
            }
        }
    }

    /// Somebody says a command of this kind, or something arrives.
    fn says(&mut self, kind: usize) {
        let users = whole(self.assumptions.of("mailboxes").max(1.0));
        let user = self.random.below(users) as usize;
        // Mail comes in at any process; a user's sessions are at one.
        let process = if is_delivery(kind) {
            self.random.below(count(&self.processes)) as usize
        } else {
            self.home(user)
        };
        let mut statements = COSTS[kind].statements;
        if COSTS[kind].of == "selects" && self.random.share() < self.assumptions.of("opened") {
            statements += OPENING;
        }
        self.begin(Work {
            kind,
            process,
            user,
            statements: whole(statements),
            commits: COSTS[kind].commits > 0.0,
            began: self.now,
        });
    }

    fn home(&self, user: usize) -> usize {
        user % self.processes.len()
    }

    /// A command wants a connection. One without statements is over.
    fn begin(&mut self, work: Work) {
        if work.statements == 0 {
            self.seen.took[work.kind].1.push(0.0);
            return;
        }
        let place = self.put(work);
        let process = &mut self.processes[work.process];
        if process.free > 0 {
            process.free -= 1;
            self.seen.waited.push(0.0);
            self.send(place);
        } else {
            process.waiting.push_back((place, self.now));
        }
    }

    fn put(&mut self, work: Work) -> usize {
        let place = self.free.pop().unwrap_or(self.works.len());
        if place == self.works.len() {
            self.works.push(None);
        }
        self.works[place] = Some(work);
        place
    }

    fn take(&mut self, place: usize) -> Work {
        self.free.push(place);
        self.works[place].take().expect("a command that is not over")
    }

    fn work(&mut self, place: usize) -> &mut Work {
        self.works[place].as_mut().expect("a command that is not over")
    }

    fn send(&mut self, place: usize) {
        let half = time(self.assumptions.of("round-trip-ms") / 2e3);
        self.after(half, Event::AtDatabase(place));
    }

    fn at_database(&mut self, place: usize) {
        if self.cores > 0 {
            self.cores -= 1;
            self.take_core(place);
        } else {
            self.for_a_core.push_back(place);
        }
    }

    fn take_core(&mut self, place: usize) {
        let takes = self.around(self.assumptions.of("statement-ms") / 1e3);
        self.worked += takes;
        self.after(takes, Event::Done(place));
    }

    fn done(&mut self, place: usize) {
        match self.for_a_core.pop_front() {
            Some(next) => self.take_core(next),
            None => self.cores += 1,
        }
        let work = self.work(place);
        work.statements -= 1;
        if work.statements == 0 && work.commits {
            self.to_sync.push(place);
            self.sync_if_idle();
        } else {
            self.answer(place);
        }
    }

    fn answer(&mut self, place: usize) {
        let half = time(self.assumptions.of("round-trip-ms") / 2e3);
        self.after(half, Event::Answered(place));
    }

    fn sync_if_idle(&mut self) {
        if self.being_synced.is_empty() && !self.to_sync.is_empty() {
            self.being_synced = std::mem::take(&mut self.to_sync);
            self.seen.syncs += 1;
            let takes = time(self.assumptions.of("sync-ms") / 1e3);
            self.after(takes, Event::Synced);
        }
    }

    fn synced(&mut self) {
        for place in std::mem::take(&mut self.being_synced) {
            self.seen.commits += 1;
            self.answer(place);
        }
        self.sync_if_idle();
    }

    fn answered(&mut self, place: usize) {
        if self.work(place).statements > 0 {
            self.send(place);
            return;
        }
        let work = self.take(place);
        let took = (self.now - work.began) as f64 / SECOND;
        match work.kind {
            TELLING => self.seen.told.push(took),
            kind => self.seen.took[kind].1.push(took),
        }
        self.give_connection_back(work.process);
        if work.commits && work.kind != TELLING {
            self.hint(work);
        }
    }

    fn give_connection_back(&mut self, process: usize) {
        match self.processes[process].waiting.pop_front() {
            Some((next, since)) => {
                self.seen.waited.push((self.now - since) as f64 / SECOND);
                self.send(next);
            }
            None => self.processes[process].free += 1,
        }
    }

    /// A process says what it has committed: whose mailbox, and when that began.
    fn hint(&mut self, work: Work) {
        // A place of the table stands for the command, whose time is still wanted.
        let place = self.put(work);
        self.processes[work.process].to_send.push(place);
        self.send_hints(work.process);
    }

    fn send_hints(&mut self, number: usize) {
        let trip = time(self.assumptions.of("round-trip-ms") / 1e3);
        let process = &mut self.processes[number];
        if process.is_sending || process.to_send.is_empty() {
            return;
        }
        process.is_sending = true;
        process.on_their_way = std::mem::take(&mut process.to_send);
        self.seen.sent += 1;
        let takes = trip + self.around(self.assumptions.of("statement-ms") / 1e3);
        self.after(takes, Event::Hinted(number));
    }

    /// Every process hears it; the one where the user's sessions are reads the change, if there is one in IDLE.
    fn hinted(&mut self, number: usize) {
        self.processes[number].is_sending = false;
        for place in std::mem::take(&mut self.processes[number].on_their_way) {
            let work = self.take(place);
            self.seen.heard += self.processes.len() as u64;
            let is_awaited = self.random.share() < self.assumptions.of("idle");
            if is_delivery(work.kind) && is_awaited {
                let process = self.home(work.user);
                self.begin(Work {
                    kind: TELLING,
                    process,
                    statements: whole(WAKE),
                    commits: true,
                    ..work
                });
            }
        }
        self.send_hints(number);
    }
}

/// How often a second, at its busiest. Deliveries come several at a moment.
fn moments(assumptions: &Assumptions, kind: usize) -> f64 {
    let of = |name| assumptions.of(name);
    let at_once = if is_delivery(kind) {
        of("burst").max(1.0)
    } else {
        1.0
    };
    of(COSTS[kind].of) * of("mailboxes") * of("peak") / (DAY * at_once)
}

fn is_delivery(kind: usize) -> bool {
    COSTS[kind].of == "deliveries"
}

fn count<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and none of these is negative"
)]
fn whole(value: f64) -> u32 {
    value as u32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and no time is negative"
)]
fn time(seconds: f64) -> Time {
    (seconds * SECOND) as Time
}

/// The value that so many of a hundred do not exceed; 0 of none.
#[must_use]
pub fn percentile(values: &mut [f64], of_a_hundred: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * of_a_hundred).div_ceil(100).saturating_sub(1);
    values.get(at).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::tests::quiet;

    fn with(assumptions: Assumptions, values: &[(&str, f64)]) -> Assumptions {
        let each = values.iter();
        each.fold(assumptions, |assumptions, (name, value)| {
            assumptions.with(name, *value).unwrap()
        })
    }

    /// One kind of command, a core, nothing else that takes time.
    fn one_core(kind: &'static str, a_second: f64) -> Assumptions {
        let users = 1_000.0;
        with(
            quiet(),
            &[
                ("mailboxes", users),
                ("peak", 1.0),
                (kind, a_second * DAY / users),
                ("process-sessions", 1e9),
                ("burst", 1.0),
                ("cores", 1.0),
                ("statement-ms", 1.0),
                ("round-trip-ms", 0.0),
                ("sync-ms", 0.0),
                ("pool", 1e6),
                ("seed", 7.0),
            ],
        )
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn took(seen: &Seen, kind: &str) -> Vec<f64> {
        seen.took.iter().find(|(of, _)| *of == kind).unwrap().1.clone()
    }

    /// A core that is taken statement by statement is nearly one that is shared by all commands: each takes its own time, divided by
    /// the part of the core that is free (processor sharing).
    #[test]
    fn a_queue_of_one_core_is_as_long_as_theory_says() {
        // 4 statements of 1 ms.
        let idle = simulate(&one_core("bodies", 1.0), 2_000.0);
        let alone = mean(&took(&idle, "bodies"));
        assert!((0.0039..0.0043).contains(&alone), "{alone}");
        assert!((0.0035..0.0045).contains(&idle.busy), "{}", idle.busy);
        // 125 a second are 500 statements, half of what the core can do: 4 ms / (1 - 0.5).
        let half = simulate(&one_core("bodies", 125.0), 400.0);
        let shared = mean(&took(&half, "bodies"));
        assert!((0.0072..0.0088).contains(&shared), "{shared}");
        assert!((0.48..0.52).contains(&half.busy), "{}", half.busy);
    }

    #[test]
    fn commits_that_come_during_a_sync_are_one_sync() {
        // 200 STOREs a second, no statement takes any time, and a sync 100 ms: some 20 at a time.
        let slow_disk = with(
            one_core("stores", 200.0),
            &[("statement-ms", 0.0), ("sync-ms", 100.0)],
        );
        let seen = simulate(&slow_disk, 100.0);
        let each = seen.commits as f64 / seen.syncs as f64;
        assert!((18.0..22.0).contains(&each), "{each}");
        // One waits for half a sync of the others in the mean, and for its own.
        let waited = mean(&took(&seen, "stores"));
        assert!((0.14..0.16).contains(&waited), "{waited}");
        assert!(
            seen.sent <= seen.commits && seen.heard == seen.commits,
            "{seen:?}"
        );
    }

    #[test]
    fn who_finds_no_connection_waits_for_one() {
        let narrow = with(
            one_core("bodies", 50.0),
            &[("pool", 1.0), ("cores", 100.0), ("round-trip-ms", 2.5)],
        );
        // A connection is held for 4 * 3.5 ms: 70 % of the time.
        let seen = simulate(&narrow, 400.0);
        assert!(mean(&seen.waited) > 0.005, "{}", mean(&seen.waited));
        let wide = simulate(&with(narrow, &[("pool", 100.0)]), 400.0);
        assert!(wide.waited.iter().all(|&wait| wait == 0.0));
    }

    #[test]
    fn every_delivery_is_told_to_who_waits_and_nothing_is_lost() {
        let mail = with(
            one_core("deliveries", 20.0),
            &[
                ("idle", 1.0),
                ("burst", 5.0),
                ("statement-ms", 0.1),
                ("sync-ms", 1.0),
                ("process-sessions", 250.0),
            ],
        );
        let seen = simulate(&mail, 300.0);
        let delivered = took(&seen, "deliveries").len();
        assert!((5_000..7_000).contains(&delivered), "{delivered}");
        assert!(
            delivered - seen.told.len() <= seen.left,
            "{delivered}, {}, {}",
            seen.told.len(),
            seen.left
        );
        assert_eq!(seen.heard % 4, 0, "four processes hear each");
        let again = simulate(&mail, 300.0);
        assert_eq!(
            (again.told, again.commits),
            (seen.told, seen.commits),
            "the same each time"
        );
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let mut values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            [50, 99, 100].map(|of| percentile(&mut values, of)),
            [100.0, 198.0, 200.0]
        );
        assert!(percentile(&mut [], 99).abs() < f64::EPSILON);
    }
}
