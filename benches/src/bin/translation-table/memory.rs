//! Bytes: of an index, of sessions, of lag.

use imap_backendutil_benches::dataset::{Random, Shape};
use imap_backendutil_benches::mailbox::index_of;
use imap_backendutil_benches::plot::{Plot, Series};
use imap_seq::rank_tree::RankTree;
use imap_seq::{SeqMapper, Uid};
use roaring::RoaringBitmap;
use stats_alloc::Region;

use crate::report::Report;
use crate::{ALLOCATOR, Scale};

/// Expunges between one session and the next.
const APART: usize = 10;

/// Bytes that are left of what a piece of work allocated, and its result.
fn bytes<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let region = Region::new(ALLOCATOR);
    let result = work();
    let change = region.change();
    (
        change.bytes_allocated as f64 - change.bytes_deallocated as f64,
        result,
    )
}

pub(crate) fn measure(scale: Scale, report: &mut Report) {
    for (shape, limit) in Shape::ALL.into_iter().zip([0.2, 1.8, 4.5]) {
        let numbers = shape.uids(scale.large);
        let (total, index) = bytes(|| index_of(&numbers));
        let each = total / f64::from(index.len());
        report.target(
            &format!("bytes a message, {}", shape.name()),
            limit,
            each,
            &format!("{total:.0} in all"),
        );
    }
    let numbers = Shape::Sparse.uids(scale.large);
    lag(&numbers, report);
    over_sessions(&numbers, report);
}

fn lag(numbers: &[u32], report: &mut Report) {
    let mut index = index_of(numbers);
    let mut sessions: Vec<SeqMapper> = Vec::with_capacity(10_000);
    let (heap, ()) = bytes(|| sessions.extend((0..10_000).map(|_| index.open())));
    let size = size_of::<SeqMapper>();
    report.target(
        "open a session, bytes",
        64.0,
        size as f64,
        &format!("{heap:.0} on the heap for 10,000"),
    );
    let mut expunged = 0.0;
    let leaving = Random::new(8).pick(numbers, numbers.len() / 9);
    let (lag, ()) = bytes(|| {
        for uid in leaving.into_iter().filter_map(Uid::new) {
            expunged += if index.expunge(uid) { 1.0 } else { 0.0 };
        }
    });
    // The list of what leaves was freed inside: it does not count.
    let lag = lag + numbers.len() as f64 / 9.0 * 4.0;
    report.target(
        "idle lag, bytes an expunge for all sessions",
        5.0,
        lag / expunged,
        &format!("{expunged:.0} expunges, 10,000 sessions"),
    );
    assert!(sessions.iter().all(|session| index.unread(session) > 0));
}

/// Sessions that all lag by a different distance, ten expunges apart: what they cost besides one index.
fn over_sessions(numbers: &[u32], report: &mut Report) {
    let (vector, _) = bytes(|| numbers.to_vec());
    let roaring: RoaringBitmap = numbers.iter().copied().collect();
    let (roaring, _) = bytes(|| roaring.clone());
    // As many as the mailbox has messages to expunge for.
    let mut counts = vec![1_u32, 10, 100, 1000, 10_000];
    counts.retain(|&count| count as usize * APART * 4 < numbers.len());
    let last = counts.len() - 1;
    let linear = |each: f64| {
        counts
            .iter()
            .map(|&count| (f64::from(count), each * f64::from(count)))
            .collect()
    };
    let queue = |&count: &u32| {
        let count = f64::from(count);
        (count, count * (count + 1.0) / 2.0 * APART as f64 * 4.0)
    };
    let queue: Vec<(f64, f64)> = counts.iter().map(queue).collect();
    let cursors: Vec<(f64, f64)> = counts
        .iter()
        .map(|&count| (f64::from(count), cursors(numbers, count)))
        .collect();
    let snapshots: Vec<(f64, f64)> = counts
        .iter()
        .map(|&count| (f64::from(count), snapshots(numbers, count)))
        .collect();
    report.note(format!(
        "{} idle sessions on 1M messages, each {APART} expunges behind the next: {:.1} MB; as snapshots of the same tree {:.0} MB; \
         a vector each {:.0} MB; a roaring bitmap each {:.0} MB.",
        cursors[last].0,
        cursors[last].1 / 1e6,
        snapshots[last].1 / 1e6,
        vector * cursors[last].0 / 1e6,
        roaring * cursors[last].0 / 1e6
    ));
    let series = |name: &str, points: Vec<(f64, f64)>| Series {
        name: name.to_owned(),
        points,
    };
    report.plot(
        "sessions.svg",
        Plot {
            title: "Memory of sessions that lag, 1M messages",
            horizontal: "sessions, each ten expunges behind the next",
            vertical: "bytes besides the mailbox's one index",
            series: vec![
                series("imap-seq (cursors)", cursors),
                series("snapshot per session", snapshots),
                series("vector per session", linear(vector)),
                series("roaring per session", linear(roaring)),
                series("queue per session", queue),
            ],
        },
    );
}

fn cursors(numbers: &[u32], count: u32) -> f64 {
    let mut index = index_of(numbers);
    let mut random = Random::new(2);
    let (bytes, sessions) = bytes(|| {
        let mut sessions = Vec::with_capacity(count as usize);
        for _ in 0..count {
            sessions.push(index.open());
            let mut left = APART;
            while left > 0 {
                let place = random.below(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
                let gone = Uid::new(numbers[place as usize]).is_some_and(|uid| index.expunge(uid));
                left -= usize::from(gone);
            }
        }
        sessions
    });
    drop(sessions);
    bytes
}

fn snapshots(numbers: &[u32], count: u32) -> f64 {
    let mut tree = RankTree::default();
    if tree.extend_ascending(numbers.iter().copied()).is_err() {
        return f64::NAN;
    }
    let mut random = Random::new(2);
    let (bytes, sessions) = bytes(|| {
        let mut sessions = Vec::with_capacity(count as usize);
        for _ in 0..count {
            sessions.push(tree.clone());
            let mut left = APART;
            while left > 0 {
                let place = random.below(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
                left -= usize::from(tree.remove(numbers[place as usize]));
            }
        }
        sessions
    });
    drop(sessions);
    bytes
}
