//! Runs cases and says how they went.

use crate::case::{self, CASES, Case};
use crate::stage::{Stage, Subject};
use crate::time_limit::within;
use crate::verdict::{Failure, Stop, Verdict};
use imap_backend::Backend;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

/// How one case went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The backend behaves.
    Passed,
    /// The backend says that it does not have this ability.
    Skipped(String),
    /// The backend contradicts the RFC or the traits.
    Failed(Failure),
}

/// How all cases went, in the order of [`CASES`].
#[derive(Debug, Clone)]
pub struct Report {
    results: Vec<(&'static Case, Outcome)>,
}

/// Runs every case, each against a backend of its own.
///
/// The future belongs to no runtime. A case that does not end within [five minutes](Subject::with_time_limit) has failed.
///
/// ```
/// use imap_backend_test::{MemoryBackend, Subject, run_all};
/// # let wait = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # wait.block_on(async {
/// let report = run_all(async || Subject::new(MemoryBackend::new("ann", "secret"), "ann", "secret")).await;
/// report.assert_passed();
/// # });
/// ```
pub async fn run_all<B: Backend>(make: impl AsyncFn() -> Subject<B>) -> Report {
    let mut results = Vec::with_capacity(CASES.len());
    for case in CASES {
        results.push((case, run_case(case, make().await).await));
    }
    Report { results }
}

/// Runs one case. A panic of the backend is its failure, and so is an answer that does not come.
pub async fn run_case<B: Backend>(case: &Case, subject: Subject<B>) -> Outcome {
    let stage = Stage::new(subject);
    match guarded(stage.time_limit(), case, case::run(case, &stage)).await {
        Ok(()) => Outcome::Passed,
        Err(Stop::Skipped(ability)) => Outcome::Skipped(ability),
        Err(Stop::Failed(failure)) => Outcome::Failed(failure),
    }
}

/// What comes of this, where a panic is a failure, and to be under way for longer than this as well.
pub(crate) async fn guarded(
    limit: Duration,
    name: &dyn fmt::Display,
    running: impl Future<Output = Verdict>,
) -> Verdict {
    let mut running = Box::pin(running);
    let running = std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(panicked(panic.as_ref())))
    });
    let ended = within(limit, name, running).await;
    ended.unwrap_or_else(|| {
        Err(Stop::failed(
            format!("an end within {limit:?}"),
            "a call that waits, and that nothing wakes",
        ))
    })
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Verdict {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Err(Stop::failed("no panic", text.unwrap_or("a panic without text")))
}

impl Report {
    /// Each case and how it went.
    pub fn results(&self) -> impl Iterator<Item = (&'static Case, &Outcome)> {
        self.results.iter().map(|(case, outcome)| (*case, outcome))
    }

    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&'static Case, &Failure)> {
        self.results().filter_map(|(case, outcome)| match outcome {
            Outcome::Failed(failure) => Some((case, failure)),
            _ => None,
        })
    }

    /// The cases that could not be played, and the ability that they lacked.
    pub fn skipped(&self) -> impl Iterator<Item = (&'static Case, &str)> {
        self.results().filter_map(|(case, outcome)| match outcome {
            Outcome::Skipped(ability) => Some((case, ability.as_str())),
            _ => None,
        })
    }

    /// For tests.
    ///
    /// # Panics
    /// With the whole report, if a case failed.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(
            self.failures().next().is_none(),
            "the backend does not conform\n{self}"
        );
    }
}

impl fmt::Display for Report {
    /// Failures first, then what was skipped, then the count.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (case, failure) in self.failures() {
            writeln!(f, "FAILED  {case}: {failure}")?;
        }
        for (case, ability) in self.skipped() {
            writeln!(f, "skipped {case}: the backend has no {ability}")?;
        }
        let (failed, skipped) = (self.failures().count(), self.skipped().count());
        let passed = self.results.len() - failed - skipped;
        write!(f, "{passed} passed, {skipped} skipped, {failed} failed")
    }
}
