//! Bytes: of an index, of sessions, of lag.

use imap_backendutil_benches::dataset::{Random, Shape};
use imap_backendutil_benches::mailbox::index_of;
use imap_backendutil_benches::plot::{Plot, Series};
use imap_seq::{MailboxIndex, SeqMapper, Uid};
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
    over_pending(&numbers, report);
    over_size(scale, report);
}

/// One mailbox in the form of every contestant.
fn over_size(scale: Scale, report: &mut Report) {
    let sizes = [1000, 10_000, 100_000, 1_000_000, 10_000_000];
    let sizes = sizes.into_iter().filter(|&size| size <= scale.huge);
    let names = [
        "imap-seq, sparse",
        "imap-seq, dense",
        "imap-seq, old",
        "vector",
        "roaring, sparse",
        "B-tree (indexset)",
    ];
    let mut series = names.map(|name| Series {
        name: name.to_owned(),
        points: Vec::new(),
    });
    for size in sizes {
        let numbers = Shape::Sparse.uids(size);
        let all = || numbers.iter().copied();
        let totals = [
            bytes(|| index_of(&numbers)).0,
            bytes(|| index_of(&Shape::Dense.uids(size))).0,
            bytes(|| index_of(&Shape::Old.uids(size))).0,
            bytes(|| numbers.clone()).0,
            bytes(|| all().collect::<RoaringBitmap>()).0,
            bytes(|| all().collect::<indexset::BTreeSet<u32>>()).0,
        ];
        for (series, total) in series.iter_mut().zip(totals) {
            series.points.push((f64::from(size), total / f64::from(size)));
        }
    }
    report.plot(
        "memory.svg",
        Plot {
            title: "Memory of one mailbox",
            horizontal: "messages in the mailbox",
            vertical: "bytes a message",
            series: series.into(),
        },
    );
}

/// What the first session at a place pays when it syncs; the others there share it.
fn over_pending(numbers: &[u32], report: &mut Report) {
    let counts = [1, 10, 100, 1000, 10_000, 100_000];
    let counts: Vec<usize> = counts
        .into_iter()
        .filter(|&count| count <= numbers.len() / 10)
        .collect();
    let mut random = Random::new(11);
    let sets = |&count: &usize| {
        let mut index = index_of(numbers);
        let mut session = index.open();
        // Another one sleeps on, so that the log gives nothing back.
        let sleeper = index.open();
        while index.unread(&session) < count as u64 {
            let place = random.below(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
            let _ = Uid::new(numbers[place as usize]).map(|uid| index.expunge(uid));
        }
        let (bytes, _) = bytes(|| session.sync(&mut index));
        drop(sleeper);
        (count as f64, bytes)
    };
    let sets = counts.iter().map(sets).collect();
    let each = |bytes: f64| {
        counts
            .iter()
            .map(|&count| (count as f64, bytes * count as f64))
            .collect()
    };
    let whole = counts
        .iter()
        .map(|&count| (count as f64, numbers.len() as f64 * 4.0));
    let series = |name: &str, points: Vec<(f64, f64)>| Series {
        name: name.to_owned(),
        points,
    };
    report.plot(
        "pending-memory.svg",
        Plot {
            title: "Memory of expunges that wait, 1M messages",
            horizontal: "expunges pending",
            vertical: "bytes: imap-seq once for all sessions at one place, others for each",
            series: vec![
                series("imap-seq", sets),
                series("queue per session", each(4.0)),
                series("vector per session", whole.collect()),
            ],
        },
    );
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
    held_bytes(numbers, count, MailboxIndex::open)
}

fn snapshots(numbers: &[u32], count: u32) -> f64 {
    held_bytes(numbers, count, MailboxIndex::view)
}

/// Bytes of so many sessions, each of which holds on to what `hold` gives, with expunges between one and the next.
fn held_bytes<T>(numbers: &[u32], count: u32, hold: impl Fn(&MailboxIndex) -> T) -> f64 {
    let mut index = index_of(numbers);
    let mut random = Random::new(2);
    let (bytes, sessions) = bytes(|| {
        let mut sessions = Vec::with_capacity(count as usize);
        for _ in 0..count {
            sessions.push(hold(&index));
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
