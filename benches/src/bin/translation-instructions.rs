//! Runs one operation a fixed number of times on a sparse mailbox of a million, for `callgrind.sh` to count
//! instructions: only what runs inside `counted` is collected.

use std::hint::black_box;

use imap_backendutil_benches::dataset::{Random, Shape};
use imap_seq::{Expunges, MailboxIndex, SeqNum, Uid};

/// How often the operation runs; `callgrind.sh` divides by it.
const TIMES: usize = 10_000;

/// The name that `callgrind.sh` switches the counting on for.
#[inline(never)]
fn counted<I>(items: &[I], mut operation: impl FnMut(&I)) {
    for item in items {
        operation(item);
    }
}

fn main() {
    let numbers = Shape::Sparse.uids(1_000_000);
    let uids = |numbers: &[u32]| numbers.iter().copied().filter_map(Uid::new).collect::<Vec<_>>();
    let picked = uids(&Random::new(1).pick(&numbers, TIMES));
    let Ok(mut index) = MailboxIndex::from_ascending(uids(&numbers)) else {
        unreachable!("the dataset ascends");
    };
    let view = index.view();
    let seqs: Vec<SeqNum> = picked.iter().filter_map(|&uid| view.seq_of(uid)).collect();
    assert!(
        seqs.iter()
            .zip(&picked)
            .all(|(&seq, &uid)| view.uid_of(seq) == Some(uid))
    );
    match std::env::args().nth(1).as_deref() {
        Some("nothing") => counted(&picked, |uid| {
            black_box(uid);
        }),
        Some("uid-to-seq") => counted(&picked, |&uid| {
            black_box(view.seq_of(uid));
        }),
        Some("seq-to-uid") => counted(&seqs, |&seq| {
            black_box(view.uid_of(seq));
        }),
        Some("expunge") => {
            drop(view);
            counted(&picked, |&uid| {
                black_box(index.expunge(uid));
            });
        }
        Some("open") => {
            let mut sessions = Vec::with_capacity(TIMES);
            counted(&picked, |_| sessions.push(index.open()));
        }
        Some("expunge-and-announce") => {
            drop(view);
            let mut session = index.open();
            counted(&picked, |&uid| {
                index.expunge(uid);
                let _ = black_box(session.announce(&mut index, Expunges::Release));
            });
        }
        _ => eprintln!(
            "usage: translation-instructions nothing|uid-to-seq|seq-to-uid|expunge|open|expunge-and-announce"
        ),
    }
}
