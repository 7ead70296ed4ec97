//! Random runs: several sessions, other programs, a second process and restarts, in an order that a seed decides.
//!
//! The steps of a run come one after the other, so that what has to be there is known exactly ([`expected`]). Each client is
//! strict ([`ClientModel`](crate::ClientModel)). A run that fails is made shorter, step by step, as long as it still fails.

mod expected;
mod play;
mod program;
mod shrink;

use crate::report::guarded;
use crate::stage::{Stage, Subject};
use crate::verdict::{Failure, Stop};
use imap_backend::Backend;
use play::Play;
use program::Program;
use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

/// Random runs against a backend.
///
/// ```
/// use imap_backend_test::{MemoryBackend, RandomRuns, Subject};
/// # let wait = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # wait.block_on(async {
/// let runs = RandomRuns::new(1).runs(20);
/// let report = runs.run(async || Subject::new(MemoryBackend::new("ann", "secret"), "ann", "secret")).await;
/// report.assert_passed();
/// assert_eq!(report.runs(), 20);
/// # });
/// ```
///
/// A failure is a short trace in IMAP's terms, and the rule that was broken:
///
/// ```text
/// run 3 of seed 1 FAILED after 2 steps (RFC 9051, section 7.5.1): expected responses that a client can follow; saw ..
///   A: APPEND INBOX "kit 4" -> UID 1
///   B: NOOP -> told of expunged [], arrived [Uid(1)], flags [], closed None
/// ```
#[derive(Debug, Clone)]
pub struct RandomRuns {
    seed: u64,
    runs: u32,
    steps: usize,
    at_most: Duration,
}

/// How random runs went.
#[derive(Debug, Clone)]
pub struct RandomReport {
    seed: u64,
    runs: u32,
    steps: u64,
    /// What the subject or the backend does not offer.
    missing: BTreeSet<String>,
    failed: Option<Failed>,
}

/// The run that failed, made short.
#[derive(Debug, Clone)]
struct Failed {
    run: u32,
    failure: Failure,
    trace: Vec<String>,
}

impl RandomRuns {
    /// A hundred runs of sixty steps, for a minute at most. The same seed gives the same steps.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            runs: 100,
            steps: 60,
            at_most: Duration::from_secs(60),
        }
    }

    /// So many runs, each with a subject of its own.
    #[must_use]
    pub fn runs(mut self, runs: u32) -> Self {
        self.runs = runs;
        self
    }

    /// So many steps in each run.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Begins no run, and shortens no failure, after this time.
    #[must_use]
    pub fn for_at_most(mut self, time: Duration) -> Self {
        self.at_most = time;
        self
    }

    /// Runs until something fails, or the runs or the time are over. Each run, and each try to make a failure shorter, has a
    /// subject of its own.
    pub async fn run<B: Backend>(&self, make: impl AsyncFn() -> Subject<B>) -> RandomReport {
        let end = Instant::now() + self.at_most;
        let mut report = RandomReport {
            seed: self.seed,
            runs: 0,
            steps: 0,
            missing: BTreeSet::new(),
            failed: None,
        };
        for run in 0..self.runs {
            if Instant::now() >= end {
                break;
            }
            let program = Program::random(self.seed, run, self.steps);
            report.runs += 1;
            report.steps += program.len() as u64;
            let played = played(&make, &program).await;
            report.missing.extend(played.missing);
            if let Some(failure) = played.failure {
                let shorter = shrink::shorter(&make, program, failure.rule, end).await;
                let again = self::played(&make, &shorter).await;
                // A backend with threads of its own may fail now and then: what was seen to fail is shown.
                let (failure, trace) = match again.failure {
                    Some(failure) => (failure, again.trace),
                    None => (failure, played.trace),
                };
                report.failed = Some(Failed { run, failure, trace });
                break;
            }
        }
        report
    }
}

/// What came of one program.
struct Played {
    failure: Option<Failure>,
    trace: Vec<String>,
    missing: BTreeSet<String>,
}

async fn played<B: Backend>(make: &impl AsyncFn() -> Subject<B>, program: &Program) -> Played {
    let stage = Stage::new(make().await);
    let (mut trace, mut missing) = (Vec::new(), BTreeSet::new());
    let playing = Play::new(&stage, &mut trace, &mut missing).play(program);
    let verdict = guarded(stage.time_limit(), &"a random run", playing).await;
    let failure = match verdict {
        Ok(()) => None,
        Err(Stop::Failed(failure)) => Some(failure),
        Err(Stop::Skipped(what)) => {
            missing.insert(what);
            None
        }
    };
    Played {
        failure,
        trace,
        missing,
    }
}

impl RandomReport {
    /// How many runs there were.
    #[must_use]
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// What was broken, if something was.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failed.as_ref().map(|failed| &failed.failure)
    }

    /// The steps of the shortest run that failed, in IMAP's terms; empty where none failed.
    #[must_use]
    pub fn trace(&self) -> &[String] {
        self.failed.as_ref().map_or(&[], |failed| &failed.trace)
    }

    /// What could not be done, because the subject or the backend does not offer it.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.missing.iter().map(String::as_str)
    }

    /// For tests.
    ///
    /// # Panics
    /// With the whole report, if a run failed.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.failed.is_none(), "the backend does not conform\n{self}");
    }
}

impl fmt::Display for RandomReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Failed { run, failure, trace }) = &self.failed {
            let (seed, rule) = (self.seed, failure.rule.unwrap_or("the traits of the backend"));
            writeln!(f, "run {run} of seed {seed} FAILED ({rule}): {failure}")?;
            for line in trace {
                writeln!(f, "  {line}")?;
            }
        }
        for missing in &self.missing {
            writeln!(f, "left out: the backend has no {missing}")?;
        }
        write!(f, "{} runs, {} steps, seed {}", self.runs, self.steps, self.seed)
    }
}
