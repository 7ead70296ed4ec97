//! Lookups over size and shape.

use imap_backendutil_benches::dataset::Shape;
use imap_backendutil_benches::mailbox::{Mailbox, seq_of, uid_of};
use imap_backendutil_benches::measure::{Contestant, interleaved};
use imap_backendutil_benches::plot::{Plot, Series};
use imap_backendutil_benches::rivals;

use crate::Scale;
use crate::report::Report;

/// Nanoseconds of everybody on one mailbox.
struct Times {
    messages: u32,
    seq_of: [f64; 5],
    uid_of: [f64; 4],
    /// One dependent load from as many bytes as the tree has, in 64-byte lines.
    load: f64,
}

const SEQ_OF: [&str; 5] = [
    "imap-seq",
    "vector, std search",
    "vector, branchy",
    "roaring",
    "B-tree (indexset)",
];
const UID_OF: [&str; 4] = ["imap-seq", "vector", "roaring", "B-tree (indexset)"];

impl Times {
    fn take(shape: Shape, messages: u32, rounds: usize) -> Self {
        let mailbox = Mailbox::new(shape, messages);
        mailbox.check();
        let (view, numbers) = (mailbox.index.view(), &mailbox.numbers);
        let (roaring, btree) = (&mailbox.roaring, &mailbox.btree);
        let (uids, seqs) = (&mailbox.uids, &mailbox.seqs);
        // What no structure of this size can beat: one load that waits for the last, from as many bytes.
        let lines = u32::try_from(messages as usize * 163 / 100 / 64)
            .unwrap_or(u32::MAX)
            .max(1);
        let memory = vec![[1_u32; 16]; lines as usize];
        let times = interleaved(
            rounds,
            &mut [
                Contestant::latency(SEQ_OF[0], uids, |uid| seq_of(&view, uid)),
                Contestant::latency(SEQ_OF[1], uids, |uid| rivals::vector_std(numbers, uid)),
                Contestant::latency(SEQ_OF[2], uids, |uid| rivals::vector_branchy(numbers, uid)),
                Contestant::latency(SEQ_OF[3], uids, |uid| rivals::roaring_seq_of(roaring, uid)),
                Contestant::latency(SEQ_OF[4], uids, |uid| rivals::btree_seq_of(btree, uid)),
                Contestant::latency(UID_OF[0], seqs, |seq| uid_of(&view, seq)),
                Contestant::latency(UID_OF[1], seqs, |seq| numbers[seq as usize - 1]),
                Contestant::latency(UID_OF[2], seqs, |seq| rivals::roaring_uid_of(roaring, seq)),
                Contestant::latency(UID_OF[3], seqs, |seq| rivals::btree_uid_of(btree, seq)),
                Contestant::latency("one load", uids, |uid| {
                    memory[(uid.wrapping_mul(0x9e37_79b9) % lines) as usize][3]
                }),
            ],
        );
        let (mut seq_of, mut uid_of) = ([0.0; 5], [0.0; 4]);
        seq_of.copy_from_slice(&times[..5]);
        uid_of.copy_from_slice(&times[5..9]);
        Self {
            messages,
            seq_of,
            uid_of,
            load: times[9],
        }
    }

    /// Against the better of both vector searches.
    fn against_vector(&self) -> f64 {
        self.seq_of[0] / self.seq_of[1].min(self.seq_of[2])
    }

    fn detail(&self) -> String {
        format!(
            "{:.1} : {:.1}",
            self.seq_of[0],
            self.seq_of[1].min(self.seq_of[2])
        )
    }
}

pub(crate) fn measure(scale: Scale, report: &mut Report) {
    for (shape, limit) in Shape::ALL.into_iter().zip([1.2, 1.2, 1.2]) {
        let times = Times::take(shape, 1000, scale.rounds);
        let work = format!("uid->seq : best vector search, 1,000 {}", shape.name());
        report.target(&work, limit, times.against_vector(), &times.detail());
    }
    let mut sparse = Vec::new();
    for messages in [1000, 10_000, 100_000]
        .into_iter()
        .filter(|&messages| messages < scale.large)
    {
        sparse.push(Times::take(Shape::Sparse, messages, scale.rounds));
    }
    sparse.extend(rows(scale.large, "1M", [0.20, 0.28, 0.65], scale.rounds, report));
    let large = sparse.len() - 1;
    // What does not fit the second-level cache wants more rounds until the neighbours were quiet for each batch once.
    sparse.extend(rows(
        scale.huge,
        "10M",
        [0.10, 0.35, 0.55],
        3 * scale.rounds,
        report,
    ));
    for (times, size, limit) in [(&sparse[large], "1M", 4.5), (&sparse[large + 1], "10M", 1.6)] {
        let work = format!("seq->uid : one vector index, {size} sparse");
        let detail = format!("{:.1} : {:.1}", times.uid_of[0], times.uid_of[1]);
        report.target(&work, limit, times.uid_of[0] / times.uid_of[1], &detail);
    }
    report.note(format!(
        "The floor: one dependent load from as many bytes as the sparse tree has takes {:.0} ns at 1M and {:.0} ns at 10M \
         (16 MB: in or out of a third-level cache that is shared with other machines' work); the lookup above takes {:.0} and {:.0}.",
        sparse[large].load,
        sparse[large + 1].load,
        sparse[large].seq_of[0],
        sparse[large + 1].seq_of[0]
    ));
    let times = &sparse[large];
    let detail = format!("{:.1} : {:.0}", times.seq_of[0], times.seq_of[3]);
    report.target(
        "uid->seq : roaring rank, 1M sparse",
        0.10,
        times.seq_of[0] / times.seq_of[3],
        &detail,
    );
    let detail = format!("{:.1} : {:.0}", times.uid_of[0], times.uid_of[2]);
    report.target(
        "seq->uid : roaring select, 1M sparse",
        0.08,
        times.uid_of[0] / times.uid_of[2],
        &detail,
    );
    plots(&sparse, report);
}

/// All shapes at one size; gives the sparse one.
fn rows(messages: u32, size: &str, limits: [f64; 3], rounds: usize, report: &mut Report) -> Option<Times> {
    let mut sparse = None;
    for (shape, limit) in Shape::ALL.into_iter().zip(limits) {
        let times = Times::take(shape, messages, rounds);
        let work = format!("uid->seq : best vector search, {size} {}", shape.name());
        report.target(&work, limit, times.against_vector(), &times.detail());
        if shape == Shape::Sparse {
            sparse = Some(times);
        }
    }
    sparse
}

fn plots(sparse: &[Times], report: &mut Report) {
    let series = |names: &[&str], value: fn(&Times, usize) -> f64| {
        let one = |(number, name): (usize, &&str)| Series {
            name: (*name).to_owned(),
            points: sparse
                .iter()
                .map(|times| (f64::from(times.messages), value(times, number)))
                .collect(),
        };
        names.iter().enumerate().map(one).collect()
    };
    report.plot(
        "uid-to-seq.svg",
        Plot {
            title: "UID to message sequence number",
            horizontal: "messages in the mailbox (one UID in ten alive)",
            vertical: "nanoseconds a lookup, each waiting for the last",
            series: series(&SEQ_OF, |times, number| times.seq_of[number]),
        },
    );
    report.plot(
        "seq-to-uid.svg",
        Plot {
            title: "Message sequence number to UID",
            horizontal: "messages in the mailbox (one UID in ten alive)",
            vertical: "nanoseconds a lookup, each waiting for the last",
            series: series(&UID_OF, |times, number| times.uid_of[number]),
        },
    );
}
