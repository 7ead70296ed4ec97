//! Expunging: one message, and a tenth of the mailbox.

use std::hint::black_box;
use std::time::{Duration, Instant};

use imap_backendutil_benches::dataset::{Random, Shape};
use imap_backendutil_benches::mailbox::index_of;
use imap_backendutil_benches::measure::{Contestant, interleaved};
use imap_backendutil_benches::rivals::FilteredVector;
use imap_seq::{Expunges, Uid, UidSet};

use crate::Scale;
use crate::report::Report;

pub(crate) fn measure(scale: Scale, report: &mut Report) {
    for (messages, size, at_least) in [(scale.large, "1M", 120.0), (scale.huge, "10M", 800.0)] {
        one(messages, size, at_least, scale.rounds, report);
    }
    with_snapshot(scale, report);
    many(scale, report);
}

fn one(messages: u32, size: &str, at_least: f64, rounds: usize, report: &mut Report) {
    let numbers = Shape::Sparse.uids(messages);
    let mut index = index_of(&numbers);
    let mut vector = numbers.clone();
    let mut leaving = shuffled(&numbers).into_iter();
    let mut rest = leaving.clone().rev();
    let times = interleaved(
        rounds,
        &mut [
            Contestant::new("imap-seq", 4, |_| {
                let batch: Vec<Uid> = leaving.by_ref().take(1024).filter_map(Uid::new).collect();
                let start = Instant::now();
                for &uid in &batch {
                    black_box(index.expunge(uid));
                }
                (start.elapsed(), batch.len())
            }),
            Contestant::new("Vec::remove", 4, |_| {
                let batch: Vec<u32> = rest.by_ref().take(64).collect();
                let start = Instant::now();
                for uid in &batch {
                    black_box(
                        vector
                            .binary_search(uid)
                            .map(|place| vector.remove(place))
                            .is_ok(),
                    );
                }
                (start.elapsed(), batch.len())
            }),
        ],
    );
    let detail = format!("{:.0} : {:.0}", times[0], times[1]);
    report.factor(
        &format!("one expunge : Vec::remove, {size} sparse"),
        at_least,
        times[1] / times[0],
        &detail,
    );
}

/// A command is running: its view is a snapshot, so that the change copies a path.
fn with_snapshot(scale: Scale, report: &mut Report) {
    let numbers = Shape::Sparse.uids(scale.large);
    let mut index = index_of(&numbers);
    let mut leaving = shuffled(&numbers).into_iter();
    let times = interleaved(
        scale.rounds,
        &mut [Contestant::new("imap-seq", 8, |_| {
            let batch: Vec<Uid> = leaving.by_ref().take(256).filter_map(Uid::new).collect();
            let mut took = Duration::ZERO;
            for &uid in &batch {
                let view = index.view();
                let start = Instant::now();
                black_box(index.expunge(uid));
                took += start.elapsed();
                drop(view);
            }
            (took, batch.len())
        })],
    );
    report.target(
        "one expunge while a command's view is alive, 1M sparse",
        1200.0,
        times[0],
        "clock included",
    );
}

/// A tenth of the mailbox goes at once, with the numbers of the EXPUNGE responses.
fn many(scale: Scale, report: &mut Report) {
    let numbers = Shape::Sparse.uids(scale.large);
    let leaving: Vec<u32> = {
        let mut some: Vec<u32> = shuffled(&numbers).into_iter().take(numbers.len() / 10).collect();
        some.sort_unstable();
        some
    };
    let set: UidSet = leaving.iter().copied().filter_map(Uid::new).collect();
    let each = 100;
    let times = interleaved(
        scale.rounds.min(5),
        &mut [
            Contestant::new("imap-seq", 1, |_| {
                let mut index = index_of(&numbers);
                let mut session = index.open();
                let start = Instant::now();
                black_box(index.expunge_all(&set));
                let told = session.announce(&mut index, Expunges::Release);
                black_box(
                    told.expunged()
                        .descending()
                        .map(|seq| u64::from(seq.get()))
                        .sum::<u64>(),
                );
                (start.elapsed(), 1)
            }),
            Contestant::new("imap-seq, the shared part", 1, |_| {
                let mut index = index_of(&numbers);
                let start = Instant::now();
                black_box(index.expunge_all(&set));
                (start.elapsed(), 1)
            }),
            // One by one, from the last; a hundred spread over the list stand for all.
            Contestant::new("Vec::remove", 1, |_| {
                let mut vector = numbers.clone();
                let some: Vec<u32> = leaving
                    .iter()
                    .rev()
                    .copied()
                    .step_by(leaving.len() / each)
                    .collect();
                let start = Instant::now();
                for uid in &some {
                    black_box(
                        vector
                            .binary_search(uid)
                            .map(|place| vector.remove(place))
                            .is_ok(),
                    );
                }
                (
                    start.elapsed().mul_f64(leaving.len() as f64 / some.len() as f64),
                    1,
                )
            }),
            Contestant::new("one pass over a vector", 1, |_| {
                let mut vector = numbers.clone();
                let start = Instant::now();
                black_box(retain(&mut vector, &leaving));
                (start.elapsed(), 1)
            }),
            Contestant::new("filtered vector", 1, |_| {
                let mut session = FilteredVector::open(&numbers);
                let start = Instant::now();
                leaving.iter().for_each(|&uid| session.hear(uid));
                black_box(session.announce());
                (start.elapsed(), 1)
            }),
        ],
    );
    let milliseconds = |time: f64| format!("{:.2} ms", time / 1e6);
    let detail = format!("{} : {}", milliseconds(times[0]), milliseconds(times[2]));
    report.factor(
        "100,000 of 1M with their numbers : one by one",
        1500.0,
        times[2] / times[0],
        &detail,
    );
    let detail = format!("{} : {}", milliseconds(times[1]), milliseconds(times[3]));
    report.target(
        "the same, part shared by all sessions : one pass over a vector",
        0.5,
        times[1] / times[3],
        &detail,
    );
    report.note(format!(
        "The same 100,000, each session for itself: filtered vector (go-imap-mess) {}, one pass over a sorted vector {}.",
        milliseconds(times[4]),
        milliseconds(times[3])
    ));
}

/// The numbers of the expunged, for the fairest vector: both lists are sorted, one pass merges them.
fn retain(vector: &mut Vec<u32>, leaving: &[u32]) -> Vec<u32> {
    let mut numbers = Vec::with_capacity(leaving.len());
    let (mut place, mut leaving) = (0, leaving.iter().peekable());
    vector.retain(|uid| {
        place += 1;
        let gone = leaving.next_if_eq(&uid).is_some();
        if gone {
            numbers.push(place);
        }
        !gone
    });
    numbers
}

fn shuffled(numbers: &[u32]) -> Vec<u32> {
    let mut random = Random::new(9);
    let mut shuffled = numbers.to_vec();
    for place in (1..shuffled.len()).rev() {
        let other = random.below(u32::try_from(place + 1).unwrap_or(u32::MAX));
        shuffled.swap(place, other as usize);
    }
    shuffled
}
