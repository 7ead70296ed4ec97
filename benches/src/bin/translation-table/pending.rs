//! Lookups of a session that lags.

use imap_backendutil_benches::dataset::{Random, Shape};
use imap_backendutil_benches::mailbox::{index_of, seq_of, uid_of};
use imap_backendutil_benches::measure::{Contestant, interleaved};
use imap_backendutil_benches::plot::{Plot, Series};
use imap_backendutil_benches::rivals::{QueueWalk, vector_std};
use imap_seq::Uid;

use crate::Scale;
use crate::report::Report;

/// Nanoseconds with so many pending.
struct Times {
    pending: u32,
    seq_of: f64,
    uid_of: f64,
    snapshot: f64,
    queue: f64,
}

pub(crate) fn measure(scale: Scale, report: &mut Report) {
    let numbers = Shape::Sparse.uids(scale.large);
    let steps = [0, 10, 100, 1000, 10_000, 100_000]
        .into_iter()
        .filter(|&pending| pending <= scale.large / 10);
    let all: Vec<Times> = steps
        .map(|pending| take(&numbers, pending, scale.rounds))
        .collect();
    let none = &all[0];
    for (times, lookups, walks) in
        [(1000, 1.5, 10.0), (100_000, 3.5, 500.0)]
            .into_iter()
            .filter_map(|(pending, lookups, walks)| {
                Some((all.iter().find(|times| times.pending == pending)?, lookups, walks))
            })
    {
        let pending = times.pending;
        let detail = format!("{:.1} : {:.1}", times.seq_of, none.seq_of);
        report.target(
            &format!("uid->seq with {pending} pending : none"),
            lookups,
            times.seq_of / none.seq_of,
            &detail,
        );
        let detail = format!("{:.1} : {:.1}", times.uid_of, none.uid_of);
        report.target(
            &format!("seq->uid with {pending} pending : none"),
            lookups,
            times.uid_of / none.uid_of,
            &detail,
        );
        let detail = format!("{:.1} : {:.0}", times.seq_of, times.queue);
        report.factor(
            &format!("uid->seq : queue walk, {pending} pending"),
            walks,
            times.queue / times.seq_of,
            &detail,
        );
    }
    let series = |name: &str, value: fn(&Times) -> f64| Series {
        name: name.to_owned(),
        points: all
            .iter()
            .map(|times| (f64::from(times.pending.max(1)), value(times)))
            .collect(),
    };
    report.plot(
        "pending.svg",
        Plot {
            title: "Lookups of a session that lags, 1M messages",
            horizontal: "expunges pending in the session (none at 1)",
            vertical: "nanoseconds a lookup, each waiting for the last",
            series: vec![
                series("imap-seq, UID to number", |times| times.seq_of),
                series("imap-seq, number to UID", |times| times.uid_of),
                series("queue walk (go-imap v2)", |times| times.queue),
                series("snapshot per session", |times| times.snapshot),
            ],
        },
    );
}

fn take(numbers: &[u32], pending: u32, rounds: usize) -> Times {
    let mut index = index_of(numbers);
    let snapshot = index.view();
    let mut session = index.open();
    let mut queue = QueueWalk::default();
    let mut leaving = Random::new(3).pick(numbers, numbers.len());
    while index.len() + pending > snapshot.exists() {
        let Some(uid) = leaving.pop().and_then(Uid::new) else {
            break;
        };
        let server = seq_of(&index.view(), uid.get());
        if index.expunge(uid) {
            queue.push(server);
        }
    }
    let view = session.sync(&mut index);
    // Messages that are still there: only they have a number on the server's side to walk from.
    let mut uids = Random::new(4).pick(numbers, 1 << 18);
    uids.retain(|&uid| Uid::new(uid).is_some_and(|uid| index.contains(uid)));
    let seqs: Vec<u32> = uids.iter().map(|&uid| vector_std(numbers, uid)).collect();
    let now = index.view();
    let server: Vec<u32> = uids.iter().map(|&uid| seq_of(&now, uid)).collect();
    for ((&uid, &seq), &server) in uids.iter().zip(&seqs).zip(&server).take(256) {
        assert_eq!(
            (seq_of(&view, uid), uid_of(&view, seq), queue.client_seq(server)),
            (seq, uid, seq)
        );
        assert_eq!(queue.server_seq(seq), server);
    }
    let times = interleaved(
        rounds,
        &mut [
            Contestant::latency("imap-seq", &uids, |uid| seq_of(&view, uid)),
            Contestant::latency("imap-seq back", &seqs, |seq| uid_of(&view, seq)),
            Contestant::latency("snapshot", &uids, |uid| seq_of(&snapshot, uid)),
            Contestant::latency("queue", &server, |server| queue.client_seq(server)),
        ],
    );
    Times {
        pending,
        seq_of: times[0],
        uid_of: times[1],
        snapshot: times[2],
        queue: times[3],
    }
}
