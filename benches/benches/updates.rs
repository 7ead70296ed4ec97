//! Publish, drain and rest, beside what others do.
//!
//! The rivals are the algorithms of the toolkits that came before, written anew in their simplest form: a queue of
//! positional updates for each session (the walk of go-imap v2's tracker), and a vector of UIDs for each session that
//! is filtered on every sync (go-imap-mess). Each bench checks its answer before it is measured.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use imap_backendutil_benches::hub::{every_tenth, every_tenth_uid, mailbox, noop, sessions, uid};
use imap_backendutil_benches::update_rivals::{Positional, QueueRival, VectorRival};
use imap_seq::UidSet;
use imap_updates::{Access, Echo, Flag, Flags, Followers, Ingest, Origin, Recency, Release, kind};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish one flag change");
    for count in [1_usize, 1_000, 10_000] {
        let hub = mailbox(1_000);
        let mut listeners = sessions(&hub, count);
        let flags = Flags::from_iter([Flag::Seen]);
        let mut next = 0;
        let mut change = || {
            next = next % 1_000 + 1;
            hub.lock()
                .flags_changed(uid(next), flags.clone(), Origin::EXTERNAL, Echo::Tell)
        };
        assert_eq!(change(), Ingest::Applied);
        assert!(listeners.iter_mut().all(|session| noop(session) == 1));
        group.bench_function(BenchmarkId::new("hub", count), |bencher| {
            bencher.iter(|| black_box(change()))
        });

        let mut rival = QueueRival {
            queues: vec![Vec::new(); count],
        };
        group.bench_function(BenchmarkId::new("queue per session", count), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                let mut left = rounds;
                while left > 0 {
                    // The queues have no bound of their own: empty them, untimed, before memory runs out.
                    rival.queues.iter_mut().for_each(Vec::clear);
                    let some = left.min(1_000);
                    let start = Instant::now();
                    for _ in 0..some {
                        rival.publish(Positional::Flags(1, 1));
                    }
                    spent += start.elapsed();
                    left -= some;
                }
                spent
            });
        });
    }
    group.finish();
}

/// 10,000 sessions, one batch expunges 100,000 of 1,000,000.
fn mass_expunge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("expunge 100,000 of 1,000,000 before 10,000 sessions");
    group.sample_size(10);
    let gone: UidSet = every_tenth_uid(1_000_000);
    let mut spent_bytes = 0;
    group.bench_function("hub: publish", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let hub = mailbox(1_000_000);
                let listeners = sessions(&hub, 10_000);
                let region = Region::new(ALLOCATOR);
                let start = Instant::now();
                let done = hub.lock().expunge(&gone);
                spent += start.elapsed();
                let change = region.change();
                spent_bytes = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
                assert_eq!(done.len(), 100_000);
                drop(listeners);
            }
            spent
        });
    });
    println!("bytes that the publication left in all: {spent_bytes}");
    group.bench_function("hub: first drain", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let hub = mailbox(1_000_000);
                let mut session = hub.subscribe(Access::ReadOnly);
                assert_eq!(hub.lock().expunge(&gone).len(), 100_000);
                let command = session.begin(kind::Noop);
                let start = Instant::now();
                let drained = session.drain(command.permit(Followers::None));
                spent += start.elapsed();
                assert_eq!(drained.iter().count(), 100_000);
                session.written(drained);
            }
            spent
        });
    });
    group.bench_function("hub: each other drain", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            let mut left = rounds;
            while left > 0 {
                let some = left.min(10_000);
                let hub = mailbox(1_000_000);
                let mut others = sessions(&hub, usize::try_from(some).expect("small"));
                let mut first = hub.subscribe(Access::ReadOnly);
                assert_eq!(hub.lock().expunge(&gone).len(), 100_000);
                assert_eq!(noop(&mut first), 100_000);
                let mut drains = Vec::with_capacity(others.len());
                let start = Instant::now();
                for session in &mut others {
                    let command = session.begin(kind::Noop);
                    drains.push(session.drain(command.permit(Followers::None)));
                }
                spent += start.elapsed();
                assert!(drains.iter().all(|drained| drained.iter().next().is_some()));
                left -= some;
            }
            spent
        });
    });
    group.bench_function("vector per session: one session's filter", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let mut rival = VectorRival::new(1_000_000);
                rival.gone = every_tenth(1_000_000).collect();
                let start = Instant::now();
                let numbers = rival.drain();
                spent += start.elapsed();
                assert_eq!(numbers.len(), 100_000);
            }
            spent
        });
    });
    group.finish();
}

fn drain(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("drain 10,000 expunges of 100,000");
    group.throughput(Throughput::Elements(10_000));
    let gone: UidSet = every_tenth_uid(100_000);
    let mut allocations = 0;
    group.bench_function("hub", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let hub = mailbox(100_000);
                let mut session = hub.subscribe(Access::ReadOnly);
                assert_eq!(hub.lock().expunge(&gone).len(), 10_000);
                let region = Region::new(ALLOCATOR);
                let start = Instant::now();
                assert_eq!(noop(&mut session), 10_000);
                spent += start.elapsed();
                allocations = region.change().allocations;
            }
            spent
        });
    });
    println!("allocations of one drain: {allocations}");
    group.bench_function("vector per session", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let mut rival = VectorRival::new(100_000);
                rival.gone = every_tenth(100_000).collect();
                let start = Instant::now();
                assert_eq!(rival.drain().len(), 10_000);
                spent += start.elapsed();
            }
            spent
        });
    });
    group.bench_function("queue per session, one number", |bencher| {
        let queue: Vec<Positional> = every_tenth(100_000).rev().map(Positional::Expunge).collect();
        assert_eq!(QueueRival::encode(&queue, 90_000), 100_000);
        bencher.iter(|| black_box(QueueRival::encode(&queue, black_box(90_000))));
    });
    group.finish();
}

fn noop_with_nothing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("NOOP with nothing pending");
    let hub = mailbox(90_000);
    let mut session = hub.subscribe(Access::ReadOnly);
    let gone: UidSet = every_tenth_uid(90_000);
    assert_eq!(hub.lock().expunge(&gone).len(), 9_000);
    assert_eq!(noop(&mut session), 9_000);
    assert_eq!(noop(&mut session), 0);
    group.bench_function("hub", |bencher| bencher.iter(|| black_box(noop(&mut session))));
    let mut rival = VectorRival::new(90_000);
    rival.gone = every_tenth(90_000).collect();
    // That set is never cleared in the original, so each sync filters again.
    group.bench_function("vector per session", |bencher| {
        bencher.iter(|| {
            let gone = &rival.gone;
            rival.view.retain(|uid| !gone.contains(uid));
            black_box(rival.view.len())
        });
    });
    group.finish();
}

fn flags(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flags of 30,000 messages change");
    let hub = mailbox(30_000);
    let mut session = hub.subscribe(Access::ReadOnly);
    let seen = Flags::from_iter([Flag::Seen]);
    group.bench_function("hub: publish and drain", |bencher| {
        bencher.iter(|| {
            {
                let mut guard = hub.lock();
                for number in 1..=30_000 {
                    let done = guard.flags_changed(uid(number), seen.clone(), Origin::EXTERNAL, Echo::Tell);
                    assert_eq!(done, Ingest::Applied);
                }
            }
            assert_eq!(noop(&mut session), 30_000);
        });
    });
    group.bench_function("queue per session, coalesced by a scan of 1,000", |bencher| {
        // The scan is quadratic: a thirtieth of the work, to end today.
        bencher.iter(|| {
            let mut queue: Vec<(u32, u8)> = Vec::new();
            for number in 1..=1_000 {
                match queue.iter_mut().find(|(uid, _)| *uid == number) {
                    Some(entry) => entry.1 = 1,
                    None => queue.push((number, 1)),
                }
            }
            assert_eq!(queue.len(), 1_000);
            black_box(queue)
        });
    });
    let mut rival = VectorRival::new(30_000);
    group.bench_function("map per session", |bencher| {
        bencher.iter(|| {
            for number in 1..=30_000 {
                rival.flags.insert(number, 1);
            }
            let mut all: Vec<_> = rival.flags.drain().collect();
            all.sort_unstable();
            assert_eq!(all.len(), 30_000);
            black_box(all)
        });
    });
    group.finish();
}

fn flips_and_rest(criterion: &mut Criterion) {
    let hub = mailbox(1_000_000);
    let count = 10_000;
    let region = Region::new(ALLOCATOR);
    let mut listeners = sessions(&hub, count);
    let change = region.change();
    let bytes = (change.bytes_allocated - change.bytes_deallocated) / count;
    println!("an idle session on 1,000,000 messages: {bytes} bytes");
    assert!(bytes < 300, "{bytes}");

    let region = Region::new(ALLOCATOR);
    for _ in 0..100_000 {
        let flags = Flags::from_iter([Flag::Seen]);
        let done = hub
            .lock()
            .flags_changed(uid(7), flags, Origin::EXTERNAL, Echo::Tell);
        assert_eq!(done, Ingest::Applied);
    }
    let change = region.change();
    println!(
        "100,000 flips before 10,000 silent sessions: {} bytes",
        change.bytes_allocated - change.bytes_deallocated
    );
    assert!(listeners.iter_mut().all(|session| noop(session) == 1));

    let mut group = criterion.benchmark_group("other");
    group.bench_function("open and leave, 1,000,000 messages", |bencher| {
        bencher.iter(|| black_box(hub.subscribe(Access::ReadOnly)));
    });
    group.bench_function("arrive and drain", |bencher| {
        let hub = mailbox(1_000);
        let mut session = hub.subscribe(Access::ReadOnly);
        let mut next = 1_000;
        bencher.iter(|| {
            next += 1;
            assert_eq!(hub.lock().arrive(uid(next), Recency::NotRecent), Ingest::Applied);
            let drained = session.drain(Release::hold());
            session.written(drained);
        });
    });
    group.finish();
}

criterion_group!(
    benches,
    publish,
    mass_expunge,
    drain,
    noop_with_nothing,
    flags,
    flips_and_rest
);
criterion_main!(benches);
