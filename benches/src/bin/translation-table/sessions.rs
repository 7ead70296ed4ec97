//! Opening sessions, and announcing to them.

use std::hint::black_box;
use std::time::Instant;

use imap_backendutil_benches::dataset::{Random, Shape};
use imap_backendutil_benches::mailbox::index_of;
use imap_backendutil_benches::measure::{BATCH, Contestant, interleaved};
use imap_backendutil_benches::plot::{Plot, Series};
use imap_backendutil_benches::rivals::{FilteredVector, QueueWalk};
use imap_seq::{Expunges, SeqMapper, Uid};

use crate::Scale;
use crate::report::Report;

pub(crate) fn measure(scale: Scale, report: &mut Report) {
    let numbers = Shape::Sparse.uids(scale.large);
    let index = index_of(&numbers);
    let mut quiet = index_of(&numbers);
    let mut at_rest: Vec<SeqMapper> = (0..BATCH).map(|_| quiet.open()).collect();
    let mut busy = index_of(&numbers);
    let mut listening: Vec<SeqMapper> = (0..BATCH).map(|_| busy.open()).collect();
    let mut leaving = Random::new(5)
        .pick(&numbers, 1000)
        .into_iter()
        .filter_map(Uid::new);
    let mut lonely = index_of(&numbers);
    let mut alone = lonely.open();
    let mut others = Random::new(6)
        .pick(&numbers, 1 << 16)
        .into_iter()
        .filter_map(Uid::new);
    let times = interleaved(
        scale.rounds * 3,
        &mut [
            Contestant::new("open", 1, |_| {
                let mut opened = Vec::with_capacity(BATCH);
                let start = Instant::now();
                for _ in 0..BATCH {
                    opened.push(index.open());
                }
                let took = start.elapsed();
                black_box(opened);
                (took, BATCH)
            }),
            Contestant::new("announce nothing", 1, |_| {
                let start = Instant::now();
                for session in &mut at_rest {
                    assert!(session.announce(&mut quiet, Expunges::Release).is_empty());
                }
                (start.elapsed(), BATCH)
            }),
            Contestant::new("announce one, shared", 1, |_| {
                // Until one is met that is still there; the first session builds the set, and is not timed.
                while !leaving.next().is_none_or(|uid| busy.expunge(uid)) {}
                let _ = listening[0].announce(&mut busy, Expunges::Release);
                let start = Instant::now();
                for session in &mut listening[1..] {
                    assert_eq!(session.announce(&mut busy, Expunges::Release).expunged().len(), 1);
                }
                (start.elapsed(), BATCH - 1)
            }),
            Contestant::new("expunge one and announce it, alone", 1, |_| {
                let batch: Vec<Uid> = others.by_ref().take(512).collect();
                let start = Instant::now();
                for &uid in &batch {
                    black_box(lonely.expunge(uid));
                    let _ = black_box(alone.announce(&mut lonely, Expunges::Release));
                }
                (start.elapsed(), batch.len())
            }),
        ],
    );
    report.target("open a session on 1M, nanoseconds", 50.0, times[0], "");
    report.target("announce nothing, nanoseconds", 80.0, times[1], "");
    report.target("announce one, shared, nanoseconds", 150.0, times[2], "");
    report.note(format!(
        "Expunge one and announce it to one session: {:.0} ns.",
        times[3]
    ));
}

/// One expunge until every session was told: the change itself, and what each session does for it.
pub(crate) fn told_to_all(scale: Scale, report: &mut Report) {
    let numbers = Shape::Sparse.uids(scale.large);
    let mut leaving = Random::new(12)
        .pick(&numbers, numbers.len())
        .into_iter()
        .filter_map(Uid::new);
    let mut index = index_of(&numbers);
    let (mut ours, mut queues) = (Vec::new(), Vec::new());
    for count in [1, 10, 100, 1000, 10_000] {
        let mut sessions: Vec<SeqMapper> = (0..count).map(|_| index.open()).collect();
        let mut walks = vec![QueueWalk::default(); count];
        let times = interleaved(
            scale.rounds,
            &mut [
                Contestant::new("imap-seq", 1, |_| {
                    let start = Instant::now();
                    while !leaving.next().is_none_or(|uid| index.expunge(uid)) {}
                    for session in &mut sessions {
                        let _ = black_box(session.announce(&mut index, Expunges::Release));
                    }
                    (start.elapsed(), 1)
                }),
                Contestant::new("queue", 1, |_| {
                    let start = Instant::now();
                    walks.iter_mut().for_each(|walk| walk.push(1));
                    for walk in &mut walks {
                        *walk = QueueWalk::default();
                    }
                    (start.elapsed(), 1)
                }),
            ],
        );
        ours.push((count as f64, times[0]));
        queues.push((count as f64, times[1]));
    }
    // A session of these costs what one costs: what many cost is computed.
    let mut filtered = FilteredVector::open(&numbers);
    let mut vector = numbers.clone();
    let mut rest = Random::new(13).pick(&numbers, numbers.len()).into_iter();
    let each = interleaved(
        scale.rounds,
        &mut [
            Contestant::new("filtered", 1, |_| {
                let uid = filtered.uids[filtered.uids.len() / 2];
                let start = Instant::now();
                filtered.hear(uid);
                black_box(filtered.announce());
                (start.elapsed(), 1)
            }),
            Contestant::new("vector", 16, |_| {
                let uid = rest.next().unwrap_or(1);
                let start = Instant::now();
                black_box(
                    vector
                        .binary_search(&uid)
                        .map(|place| vector.remove(place))
                        .is_ok(),
                );
                (start.elapsed(), 1)
            }),
        ],
    );
    let times_sessions = |each: f64| ours.iter().map(|&(count, _)| (count, count * each)).collect();
    let series = |name: &str, points: Vec<(f64, f64)>| Series {
        name: name.to_owned(),
        points,
    };
    report.plot(
        "told-to-all.svg",
        Plot {
            title: "One expunge until every session was told, 1M messages",
            horizontal: "sessions on the mailbox",
            vertical: "nanoseconds in all; vectors: one session's time as often as there are sessions",
            series: vec![
                series("imap-seq", ours.clone()),
                series("queue per session", queues),
                series("vector per session", times_sessions(each[1])),
                series("filtered (go-imap-mess)", times_sessions(each[0])),
            ],
        },
    );
}
