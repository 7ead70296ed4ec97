//! The table of `docs/updates.md`: the least of many rounds, which is what the code needs when nobody disturbs it.
//!
//! `cargo run --release -p imap-backendutil-benches --bin updates-table`. The rivals are in `benches/updates.rs`.

use std::time::{Duration, Instant};

use imap_backendutil_benches::hub::{drain, every_tenth_uid, mailbox, noop, sessions, uid};
use imap_backendutil_benches::update_rivals::{Positional, QueueRival, VectorRival};
use imap_seq::{ModSeq, Uid};
use imap_updates::{
    Access, Echo, Event, Flag, Flags, Ingest, Limits, LogHub, Origin, Outcome, Page, Recency, UpdateBuffer,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// The least time of an operation, over rounds that each make `operations`.
fn least(rounds: u32, operations: u32, mut round: impl FnMut() -> Duration) -> Duration {
    (0..rounds).map(|_| round()).min().unwrap_or_default() / operations
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

fn publish() {
    for count in [1, 1_000, 10_000] {
        let hub = mailbox(1_000);
        let _listeners = sessions(&hub, count);
        let flags = Flags::from_iter([Flag::Seen]);
        let time = least(200, 1_000, || {
            let change = |number| {
                hub.lock()
                    .flags_changed(uid(number), flags.clone(), Origin::EXTERNAL, Echo::Tell)
            };
            timed(|| (1..=1_000).for_each(|number| assert_eq!(change(number), Ingest::Applied))).0
        });
        println!("publish one flag change, {count} sessions: {time:?}");
        let rival = least(10, 100, || {
            let mut rival = QueueRival::new(count);
            timed(|| (0..100).for_each(|_| rival.publish(Positional::Flags(1, 1)))).0
        });
        println!("  queue per session: {rival:?}");
    }
}

fn mass_expunge() {
    let gone = every_tenth_uid(1_000_000);
    let mut left = 0;
    let (mut first, mut others) = (Duration::MAX, Duration::MAX);
    let published = least(12, 1, || {
        let hub = mailbox(1_000_000);
        let mut listeners = sessions(&hub, 10_000);
        let region = Region::new(ALLOCATOR);
        let (time, done) = timed(|| hub.lock().expunge(&gone));
        let change = region.change();
        left = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
        assert_eq!(done.len(), 100_000);
        let (one, drained) = timed(|| drain(&mut listeners[0]));
        assert_eq!(drained.iter().count(), 100_000);
        first = first.min(one);
        let mut drains = Vec::with_capacity(10_000);
        let (all, ()) = timed(|| drains.extend(listeners[1..].iter_mut().map(drain)));
        assert!(drains.iter().all(|drained| drained.iter().next().is_some()));
        others = others.min(all / 9_999);
        time
    });
    println!("expunge 100,000 of 1,000,000 before 10,000 sessions: {published:?}, {left} bytes");
    println!("  first drain {first:?}, each other {others:?}");
    let rival = least(5, 1, || {
        let mut rival = VectorRival::new(1_000_000);
        rival.gone = gone.iter().map(Uid::get).collect();
        let (time, numbers) = timed(|| rival.drain());
        assert_eq!(numbers.len(), 100_000);
        time
    });
    println!("  vector per session, one session: {rival:?}");
}

fn drains() {
    let gone = every_tenth_uid(100_000);
    let mut allocations = 0;
    let time = least(200, 1, || {
        let hub = mailbox(100_000);
        let mut session = hub.subscribe(Access::ReadOnly);
        assert_eq!(hub.lock().expunge(&gone).len(), 10_000);
        let region = Region::new(ALLOCATOR);
        let (time, lines) = timed(|| noop(&mut session));
        allocations = region.change().allocations;
        assert_eq!(lines, 10_000);
        time
    });
    println!("drain 10,000 expunges of 100,000: {time:?}, {allocations} allocations");
    let rival = least(50, 1, || {
        let mut rival = VectorRival::new(100_000);
        rival.gone = gone.iter().map(Uid::get).collect();
        let (time, numbers) = timed(|| rival.drain());
        assert_eq!(numbers.len(), 10_000);
        time
    });
    println!("  vector per session: {rival:?}");
    let mut queue: Vec<Positional> = gone.iter().map(|uid| Positional::Expunge(uid.get())).collect();
    queue.reverse();
    assert_eq!(QueueRival::encode(&queue, 90_000), 100_000);
    let walk = least(50, 1, || {
        timed(|| std::hint::black_box(QueueRival::encode(&queue, 90_000))).0
    });
    println!("  queue per session, each number while they are pending: {walk:?}");

    let hub = mailbox(90_000);
    let mut session = hub.subscribe(Access::ReadOnly);
    let time = least(200, 1_000, || {
        timed(|| (0..1_000).for_each(|_| assert_eq!(noop(&mut session), 0))).0
    });
    println!("NOOP with nothing pending: {time:?}");
    let mut rival = VectorRival::new(90_000);
    rival.gone = every_tenth_uid(90_000).iter().map(Uid::get).collect();
    // That set is never cleared in the original, so each sync filters again.
    let filter = least(50, 1, || {
        let gone = &rival.gone;
        timed(|| rival.view.retain(|uid| !gone.contains(uid))).0
    });
    println!("  vector per session, after any expunge: {filter:?}");

    let mut next = 90_000;
    let time = least(100, 1_000, || {
        timed(|| {
            for _ in 0..1_000 {
                next += 1;
                assert_eq!(hub.lock().arrive(uid(next), Recency::NotRecent), Ingest::Applied);
                assert_eq!(noop(&mut session), 1);
            }
        })
        .0
    });
    println!("one arrival, published and drained: {time:?}");
}

fn flags() {
    let hub = mailbox(30_000);
    let mut session = hub.subscribe(Access::ReadOnly);
    let seen = Flags::from_iter([Flag::Seen]);
    let mut published = Duration::MAX;
    let both = least(300, 1, || {
        let (publish, ()) = timed(|| {
            let mut guard = hub.lock();
            for number in 1..=30_000 {
                let done = guard.flags_changed(uid(number), seen.clone(), Origin::EXTERNAL, Echo::Tell);
                assert_eq!(done, Ingest::Applied);
            }
        });
        published = published.min(publish);
        let (drain, lines) = timed(|| noop(&mut session));
        assert_eq!(lines, 30_000);
        publish + drain
    });
    println!("flags of 30,000 messages: {both:?}, of it {published:?} to publish");
}

fn memory() {
    let hub = mailbox(1_000_000);
    let region = Region::new(ALLOCATOR);
    let listeners = sessions(&hub, 10_000);
    let change = region.change();
    println!(
        "an idle session on 1,000,000 messages: {} bytes",
        change.bytes_allocated / 10_000
    );
    drop(listeners);
    let time = least(100, 1_000, || {
        timed(|| (0..1_000).for_each(|_| drop(hub.subscribe(Access::ReadOnly)))).0
    });
    println!("open and leave: {time:?}");
}

fn version(number: u64) -> ModSeq {
    ModSeq::new(number).expect("a mod-sequence")
}

/// A hub whose log ends at version 1.
fn log_hub(messages: u32) -> LogHub {
    let mut whole = Page::whole(ModSeq::MIN);
    whole.extend((1..=messages).map(|number| Event::present(ModSeq::MIN, uid(number), Flags::empty())));
    LogHub::open(whole, Limits::default()).expect("a whole listing")
}

fn apply(hub: &LogHub, page: Page) {
    assert_eq!(hub.apply(page).outcome(), Outcome::Moved);
}

fn log() {
    let seen = Flags::from_iter([Flag::Seen]);
    for count in [1, 1_000, 10_000] {
        let hub = log_hub(1_000);
        let _listeners: Vec<UpdateBuffer> =
            (0..count).map(|_| hub.select(Access::ReadOnly).updates).collect();
        let mut at = 1;
        let time = least(200, 1_000, || {
            timed(|| {
                for number in 1..=1_000 {
                    let page = Page::changes(version(at), version(at + 1));
                    apply(&hub, page.present(version(at + 1), uid(number), seen.clone()));
                    at += 1;
                }
            })
            .0
        });
        println!("log: a page of one flag change, {count} sessions: {time:?}");
    }

    let hub = log_hub(90_000);
    let mut session = hub.select(Access::ReadOnly).updates;
    let time = least(200, 1_000, || {
        timed(|| (0..1_000).for_each(|_| assert_eq!(noop(&mut session), 0))).0
    });
    println!("log: NOOP with nothing pending: {time:?}");

    let page = |after: u64, from: u32| {
        let mut page = Page::changes(version(after), version(after + 100_000));
        page.extend(
            (0..100_000)
                .map(|at| Event::present(version(after + 1 + u64::from(at)), uid(from + at), seen.clone())),
        );
        page
    };
    let (mut arrivals, mut drained) = (Duration::MAX, Duration::MAX);
    let changes = least(20, 1, || {
        let hub = log_hub(0);
        let mut session = hub.select(Access::ReadOnly).updates;
        let first = page(1, 1);
        arrivals = arrivals.min(timed(|| apply(&hub, first)).0);
        assert_eq!(noop(&mut session), 1);
        let second = page(100_001, 1);
        let (time, ()) = timed(|| apply(&hub, second));
        drained = drained.min(timed(|| assert_eq!(noop(&mut session), 100_000)).0);
        time
    });
    println!(
        "log: a page of 100,000 arrivals: {arrivals:?}; of 100,000 flag changes: {changes:?}, drain {drained:?}"
    );
}

fn lock() {
    let hub = mailbox(1);
    let time = least(200, 10_000, || {
        timed(|| (0..10_000).for_each(|_| drop(std::hint::black_box(hub.lock())))).0
    });
    println!("lock and unlock: {time:?}");
}

fn main() {
    lock();
    log();
    publish();
    mass_expunge();
    drains();
    flags();
    memory();
}
