//! Two writers and 64 readers on one mailbox behind one lock.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use imap_backendutil_benches::dataset::{Random, Shape};
use imap_backendutil_benches::mailbox::{index_of, seq_of};
use imap_seq::{Expunges, MailboxIndex, Uid};
use parking_lot::Mutex;

use crate::Scale;
use crate::report::Report;

const WRITERS: u64 = 2;
const READERS: u64 = 64;
/// Lookups of a command, outside the lock.
const LOOKUPS: usize = 100;

pub(crate) fn measure(scale: Scale, report: &mut Report) {
    let numbers = Shape::Sparse.uids(scale.large);
    let time = Duration::from_millis(if scale.rounds > 2 { 2000 } else { 200 });
    for readers in [0, READERS] {
        let index = Mutex::new(index_of(&numbers));
        let (stop, changes, commands) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let waits = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (index, stop, changes) = (&index, &stop, &changes);
                scope.spawn(move || write(index, writer, stop, changes));
            }
            for reader in 0..readers {
                let (index, stop, commands, numbers, waits) = (&index, &stop, &commands, &numbers, &waits);
                scope.spawn(move || waits.lock().extend(read(index, numbers, reader, stop, commands)));
            }
            std::thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
        });
        let second = time.as_secs_f64();
        let mut waits = waits.into_inner();
        waits.sort_unstable();
        let quantile = |part: usize| waits.get(waits.len() * part / 1000).map_or(0, Duration::as_nanos);
        report.note(format!(
            "{WRITERS} writers and {readers} readers on {} cores: {:.2} M changes and {:.2} M commands of {LOOKUPS} lookups a second; \
             a reader waits for the lock {} ns at the median, {} ns at 99 %, {} us at 99.9 %.",
            std::thread::available_parallelism().map_or(1, usize::from),
            changes.into_inner() as f64 / second / 1e6,
            commands.into_inner() as f64 / second / 1e6,
            quantile(500),
            quantile(990),
            quantile(999) / 1000,
        ));
    }
}

/// A message arrives, and one of the last million UIDs is expunged if it is still there.
fn write(index: &Mutex<MailboxIndex>, writer: u64, stop: &AtomicBool, changes: &AtomicU64) {
    let mut random = Random::new(writer + 100);
    let (mut arrived, mut expunged) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let back = random.below(1 << 20);
        let mut index = index.lock();
        let highest = index.highest_ever();
        let next = highest.and_then(Uid::next);
        arrived += u64::from(next.is_some_and(|uid| index.append(uid).is_ok()));
        let leaving = highest.and_then(|uid| Uid::new(uid.get().saturating_sub(back)));
        expunged += u64::from(leaving.is_some_and(|uid| index.expunge(uid)));
    }
    changes.fetch_add(arrived + expunged, Ordering::Relaxed);
}

fn read(
    index: &Mutex<MailboxIndex>,
    numbers: &[u32],
    reader: u64,
    stop: &AtomicBool,
    commands: &AtomicU64,
) -> Vec<Duration> {
    let queries = Random::new(reader + 200).pick(numbers, LOOKUPS);
    let mut session = index.lock().open();
    let mut waits = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let mut locked = index.lock();
        waits.push(start.elapsed());
        let view = session.sync(&mut locked);
        drop(locked);
        black_box(
            queries
                .iter()
                .map(|&uid| u64::from(seq_of(&view, uid)))
                .sum::<u64>(),
        );
        drop(view);
        let told = session.announce(&mut index.lock(), Expunges::Release);
        black_box(told.expunged().len());
        commands.fetch_add(1, Ordering::Relaxed);
    }
    waits
}
