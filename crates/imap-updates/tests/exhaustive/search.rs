//! The search: all traces up to a depth, breadth first, on as many threads as there are.

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::fault::Fault;
use super::setting::Setting;
use super::step::Step;
use super::world::World;
use super::{Judgement, key, laws};

type Trace = Vec<Step>;

/// Every fault is found within so many steps.
const FAULT_DEPTH: usize = 4;

#[derive(Clone, Copy, Debug)]
pub struct Search {
    pub setting: Setting,
    pub fault: Option<Fault>,
    pub depth: usize,
    /// Whether traces that lead to the same state are made longer only once.
    pub merge: bool,
    pub threads: usize,
    /// Whether it says on the standard error how far it is, within a length.
    pub tells: bool,
}

/// What was searched.
#[derive(Debug, Default)]
pub struct Found {
    /// States, the first one included; without merging as many as traces.
    pub states: u64,
    /// Traces, each replayed from the start and judged.
    pub traces: u64,
    pub broken: Option<Broken>,
}

/// A shortest trace that breaks a law.
#[derive(Debug)]
pub struct Broken {
    pub trace: Vec<Step>,
    pub law: String,
    pub transcript: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.transcript.iter().enumerate() {
            writeln!(f, "{:>4}  {line}", number + 1)?;
        }
        write!(f, "broken: {}", self.law)
    }
}

/// What the threads share while one length of traces is searched.
struct Level<'s> {
    search: &'s Search,
    traces: &'s [Trace],
    next: AtomicUsize,
    seen: &'s Seen,
    stop: AtomicBool,
    done: AtomicUsize,
    broken: Mutex<Option<(usize, Trace)>>,
    /// Whether the traces that are made here will be made longer.
    goes_on: bool,
}

/// Keys of states, in parts so that threads seldom meet.
struct Seen(Vec<Mutex<HashSet<u64>>>);

impl Seen {
    fn new() -> Self {
        Self((0..64).map(|_| Mutex::default()).collect())
    }

    /// Whether it is new.
    fn insert(&self, key: u64) -> bool {
        let part = &self.0[(key >> 58) as usize];
        part.lock().expect("no thread panics with it").insert(key)
    }
}

impl Search {
    /// Looks for a fault, where it can be met.
    pub fn for_fault(fault: Fault, threads: usize) -> Self {
        Self {
            setting: fault.setting(),
            fault: Some(fault),
            depth: FAULT_DEPTH,
            merge: true,
            threads,
            tells: false,
        }
    }

    /// `progress` is told of each length when it is done: the length, states and traces so far.
    pub fn run(&self, mut progress: impl FnMut(usize, &Found)) -> Found {
        let seen = Seen::new();
        let mut found = Found {
            states: 1,
            ..Found::default()
        };
        let mut traces: Vec<Trace> = vec![Vec::new()];
        seen.insert(key::of(&World::new(self.setting, self.fault)));
        for depth in 1..=self.depth {
            let level = Level {
                search: self,
                traces: &traces,
                next: AtomicUsize::new(0),
                seen: &seen,
                stop: AtomicBool::new(false),
                done: AtomicUsize::new(0),
                broken: Mutex::new(None),
                goes_on: depth < self.depth,
            };
            let parts: Vec<(u64, Vec<Trace>)> = std::thread::scope(|scope| {
                let workers: Vec<_> = (0..self.threads).map(|_| scope.spawn(|| level.work())).collect();
                workers
                    .into_iter()
                    .map(|worker| worker.join().expect("panics are caught"))
                    .collect()
            });
            found.traces += level.done.into_inner() as u64;
            if let Some((_, trace)) = level.broken.into_inner().expect("no thread panics with it") {
                found.broken = Some(self.explain(trace));
                return found;
            }
            traces = Vec::new();
            for (states, part) in parts {
                found.states += states;
                traces.extend(part);
            }
            progress(depth, &found);
        }
        found
    }

    /// Plays a trace again, and keeps what was said.
    pub fn explain(&self, trace: Trace) -> Broken {
        let (mut transcript, mut law) = (Vec::new(), Ok(()));
        // What holds at the end is asked in two ways.
        for new in [true, false] {
            let mut world = World::new(self.setting, self.fault);
            world.transcript = Some(Vec::new());
            law = trace.iter().try_for_each(|&step| guarded(|| world.step(step)));
            transcript = world.transcript.take().unwrap_or_default();
            law = law.and_then(|()| guarded(|| laws::judge(world, new)));
            if law.is_err() {
                break;
            }
        }
        Broken {
            trace,
            law: law
                .err()
                .unwrap_or_else(|| "nothing, when it was played again".to_owned()),
            transcript,
        }
    }
}

impl Level<'_> {
    /// Takes traces one after the other and makes each longer by every step. Returns how many states are new, and their traces.
    fn work(&self) -> (u64, Vec<Trace>) {
        let (mut states, mut longer) = (0, Vec::new());
        while !self.stop.load(Ordering::Relaxed) {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(trace) = self.traces.get(at) else { break };
            let world = self.replay(trace);
            let steps = world.steps(!self.search.merge);
            drop(world);
            self.note(steps.len());
            for step in steps {
                let mut next = Vec::with_capacity(trace.len() + 1);
                next.extend_from_slice(trace);
                next.push(step);
                match self.judge(trace, step) {
                    Ok(new) if new => {
                        states += 1;
                        if self.goes_on {
                            longer.push(next);
                        }
                    }
                    Ok(_) => {}
                    Err(_) => {
                        self.report(at, next);
                        break;
                    }
                }
            }
        }
        (states, longer)
    }

    fn note(&self, traces: usize) {
        const STRIDE: usize = 500_000;
        let before = self.done.fetch_add(traces, Ordering::Relaxed);
        if self.search.tells && before / STRIDE < (before + traces) / STRIDE {
            let at = self.next.load(Ordering::Relaxed).min(self.traces.len());
            eprintln!(
                "  {} traces, {at} of {} made longer",
                before + traces,
                self.traces.len()
            );
        }
    }

    fn replay(&self, trace: &[Step]) -> World {
        let mut world = World::new(self.search.setting, self.search.fault);
        for &step in trace {
            world.step(step).expect("it was judged before");
        }
        world
    }

    /// Whether the trace leads to a new state.
    fn judge(&self, trace: &[Step], step: Step) -> Result<bool, String> {
        let mut new = false;
        guarded(|| {
            let mut world = self.replay(trace);
            world.step(step)?;
            new = !self.search.merge || self.seen.insert(key::of(&world));
            laws::judge(world, new)
        })?;
        Ok(new)
    }

    /// Of several the first is kept.
    fn report(&self, at: usize, trace: Trace) {
        self.stop.store(true, Ordering::Relaxed);
        let mut broken = self.broken.lock().expect("no thread panics with it");
        if broken.as_ref().is_none_or(|(first, _)| at < *first) {
            *broken = Some((at, trace));
        }
    }
}

/// A panic is a broken law as well.
fn guarded(judge: impl FnOnce() -> Judgement) -> Judgement {
    catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}
