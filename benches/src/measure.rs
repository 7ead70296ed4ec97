//! The stopwatch: all contestants in one process, rounds interleaved, the minimum of each batch over the rounds.
//!
//! In each round a contestant goes over its batches twice in a row. The second time it finds in the cache what it left
//! there itself, as far as it fits, as in a server whose mailbox is in use; the first time it finds what the contestant
//! before it left, and who that is must not matter.
//!
//! On a shared machine a mean measures the neighbours. Whatever disturbs a round disturbs all contestants of it, and
//! the least of several rounds is the closest to what the code itself needs.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Operations between two looks at the clock, where operations are short.
pub const BATCH: usize = 4096;

/// Somebody who is timed: runs batch number n and says how long it took, and how many operations that were.
pub struct Contestant<'a> {
    /// As the tables call it.
    pub name: &'static str,
    batches: usize,
    run: Box<dyn FnMut(usize) -> (Duration, usize) + 'a>,
}

impl fmt::Debug for Contestant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contestant({}, {} batches)", self.name, self.batches)
    }
}

impl<'a> Contestant<'a> {
    /// A contestant of any kind.
    pub fn new(name: &'static str, batches: usize, run: impl FnMut(usize) -> (Duration, usize) + 'a) -> Self {
        Self {
            name,
            batches: batches.max(1),
            run: Box::new(run),
        }
    }

    /// Latency: each query waits for the last answer, as it does where a lookup is followed by work on its result.
    pub fn latency(name: &'static str, queries: &'a [u32], mut answer: impl FnMut(u32) -> u32 + 'a) -> Self {
        let queries = affordable(queries, &mut answer);
        Self::new(name, queries.len().div_ceil(BATCH), move |batch| {
            let queries = queries.chunks(BATCH).nth(batch).unwrap_or_default();
            let zero = black_box(0);
            let start = Instant::now();
            let mut last = 0;
            for query in queries {
                // The compiler does not know that nothing is added, so it cannot start early.
                last = answer(query + (last & zero));
            }
            black_box(last);
            (start.elapsed(), queries.len())
        })
    }

    /// Throughput: queries do not depend on each other.
    pub fn throughput(
        name: &'static str,
        queries: &'a [u32],
        mut answer: impl FnMut(u32) -> u32 + 'a,
    ) -> Self {
        let queries = affordable(queries, &mut answer);
        Self::new(name, queries.len().div_ceil(BATCH), move |batch| {
            let queries = queries.chunks(BATCH).nth(batch).unwrap_or_default();
            let start = Instant::now();
            black_box(
                queries
                    .iter()
                    .fold(0_u32, |sum, &query| sum.wrapping_add(answer(query))),
            );
            (start.elapsed(), queries.len())
        })
    }
}

/// As many queries as a slow contestant answers in about a third of a second.
fn affordable<'a>(queries: &'a [u32], answer: &mut impl FnMut(u32) -> u32) -> &'a [u32] {
    let start = Instant::now();
    let trial = queries.len().min(64);
    for &query in &queries[..trial] {
        black_box(answer(query));
    }
    let each = start.elapsed().as_nanos() / (trial.max(1) as u128);
    let count = usize::try_from(300_000_000 / each.max(1)).unwrap_or(usize::MAX);
    &queries[..queries.len().min(count.max(512))]
}

/// Nanoseconds an operation, in the order of the contestants.
pub fn interleaved(rounds: usize, contestants: &mut [Contestant<'_>]) -> Vec<f64> {
    let mut least: Vec<Vec<f64>> = contestants
        .iter()
        .map(|one| vec![f64::INFINITY; one.batches])
        .collect();
    for _ in 0..rounds {
        for (contestant, least) in contestants.iter_mut().zip(&mut least) {
            for _ in 0..2 {
                for (batch, least) in least.iter_mut().enumerate() {
                    let (took, operations) = (contestant.run)(batch);
                    *least = least.min(took.as_secs_f64() * 1e9 / operations.max(1) as f64);
                }
            }
        }
    }
    least
        .iter()
        .map(|batches| batches.iter().sum::<f64>() / batches.len() as f64)
        .collect()
}
