//! Criterion over the translation between UIDs and message sequence numbers, all rivals in one run.
//!
//! `MESSAGES=1000000` sets the size of the mailbox, `SHAPE=sparse` its shape.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use imap_backendutil_benches::dataset::{Random, Shape};
use imap_backendutil_benches::rivals;
use imap_seq::{Expunges, MailboxIndex, SeqNum, Uid};
use roaring::RoaringBitmap;

struct Mailbox {
    numbers: Vec<u32>,
    index: MailboxIndex,
    roaring: RoaringBitmap,
    btree: indexset::BTreeSet<u32>,
    queries: Vec<u32>,
}

impl Mailbox {
    fn from_environment() -> Self {
        let messages = std::env::var("MESSAGES")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(100_000);
        let shape = std::env::var("SHAPE").unwrap_or_else(|_| "sparse".to_owned());
        let shape = Shape::ALL
            .into_iter()
            .find(|known| known.name() == shape)
            .unwrap_or(Shape::Sparse);
        let numbers = shape.uids(messages);
        let index = MailboxIndex::from_ascending(numbers.iter().copied().filter_map(Uid::new));
        let queries = Random::new(1).pick(&numbers, 1 << 16);
        Self {
            index: index.unwrap_or_default(),
            roaring: numbers.iter().copied().collect(),
            btree: numbers.iter().copied().collect(),
            numbers,
            queries,
        }
    }
}

/// Runs a rival over the queries in a circle, after its answers were compared.
fn rival(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    queries: &[u32],
    expected: &[u32],
    answer: impl Fn(u32) -> u32,
) {
    for (&query, &expected) in queries.iter().zip(expected) {
        assert_eq!(answer(query), expected, "{name} answers {query}");
    }
    let mut queries = queries.iter().cycle();
    group.bench_function(name, |bencher| {
        bencher.iter(|| answer(queries.next().copied().unwrap_or(1)));
    });
}

fn lookups(criterion: &mut Criterion) {
    let mailbox = Mailbox::from_environment();
    let view = mailbox.index.view();
    let uids = &mailbox.queries;
    let seqs: Vec<u32> = uids
        .iter()
        .map(|&uid| rivals::vector_std(&mailbox.numbers, uid))
        .collect();

    let mut group = criterion.benchmark_group("uid to sequence number");
    rival(&mut group, "imap-seq", uids, &seqs, |uid| {
        Uid::new(uid)
            .and_then(|uid| view.seq_of(uid))
            .map_or(0, SeqNum::get)
    });
    rival(&mut group, "vector, std search", uids, &seqs, |uid| {
        rivals::vector_std(&mailbox.numbers, uid)
    });
    rival(&mut group, "vector, branchy search", uids, &seqs, |uid| {
        rivals::vector_branchy(&mailbox.numbers, uid)
    });
    rival(&mut group, "roaring", uids, &seqs, |uid| {
        rivals::roaring_seq_of(&mailbox.roaring, uid)
    });
    rival(&mut group, "B-tree (indexset)", uids, &seqs, |uid| {
        rivals::btree_seq_of(&mailbox.btree, uid)
    });
    group.finish();

    let mut group = criterion.benchmark_group("sequence number to uid");
    rival(&mut group, "imap-seq", &seqs, uids, |seq| {
        SeqNum::new(seq)
            .and_then(|seq| view.uid_of(seq))
            .map_or(0, Uid::get)
    });
    rival(&mut group, "vector", &seqs, uids, |seq| {
        mailbox.numbers[seq as usize - 1]
    });
    rival(&mut group, "roaring", &seqs, uids, |seq| {
        rivals::roaring_uid_of(&mailbox.roaring, seq)
    });
    rival(&mut group, "B-tree (indexset)", &seqs, uids, |seq| {
        rivals::btree_uid_of(&mailbox.btree, seq)
    });
    group.finish();
}

fn changes(criterion: &mut Criterion) {
    let mailbox = Mailbox::from_environment();
    let index = || {
        MailboxIndex::from_ascending(mailbox.numbers.iter().copied().filter_map(Uid::new)).unwrap_or_default()
    };
    let mut group = criterion.benchmark_group("changes");
    group.bench_function("open", |bencher| bencher.iter(|| mailbox.index.open()));

    let mut quiet = index();
    let mut session = quiet.open();
    group.bench_function("announce nothing", |bencher| {
        bencher.iter(|| session.announce(&mut quiet, Expunges::Release));
    });

    let mut leaving = mailbox.queries.clone();
    leaving.sort_unstable();
    leaving.dedup();
    // In no order, half of the mailbox at most; then it is built anew, which is not timed.
    leaving.sort_unstable_by_key(|uid| uid.wrapping_mul(0x9e37_79b9));
    leaving.truncate(mailbox.numbers.len() / 2);
    group.bench_function("expunge one and announce it", |bencher| {
        bencher.iter_custom(|iterations| {
            let (mut left, mut took) = (iterations, Duration::ZERO);
            while left > 0 {
                let mut shrinking = index();
                let mut session = shrinking.open();
                let batch = leaving.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let start = Instant::now();
                for uid in leaving[..batch].iter().copied().filter_map(Uid::new) {
                    assert!(shrinking.expunge(uid));
                    let _ = black_box(session.announce(&mut shrinking, Expunges::Release));
                }
                took += start.elapsed();
                left -= batch as u64;
            }
            took
        });
    });

    let tenth = mailbox
        .numbers
        .iter()
        .copied()
        .step_by(10)
        .filter_map(Uid::new)
        .collect();
    group.sample_size(10);
    group.bench_function("expunge a tenth and announce it", |bencher| {
        let setup = || {
            let index = index();
            let session = index.open();
            (index, session)
        };
        let run = |(mut index, mut session): (MailboxIndex, imap_seq::SeqMapper)| {
            let gone = index.expunge_all(&tenth);
            assert_eq!(gone, tenth);
            let told = session.announce(&mut index, Expunges::Release);
            black_box(
                told.expunged()
                    .descending()
                    .map(|seq| u64::from(seq.get()))
                    .sum::<u64>(),
            );
            (index, session)
        };
        bencher.iter_batched(setup, run, BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(translation, lookups, changes);
criterion_main!(translation);
