//! Makes a run that fails shorter.

use super::program::Program;
use crate::stage::Subject;
use imap_backend::Backend;
use std::time::Instant;

/// The shortest program that was found to break the same rule: pieces are left out, halves first, single steps last, until
/// none can be spared or the time is over.
pub(super) async fn shorter<B: Backend>(
    make: &impl AsyncFn() -> Subject<B>,
    program: Program,
    rule: Option<&'static str>,
    end: Instant,
) -> Program {
    let mut shortest = program;
    let mut piece = shortest.len() / 2;
    while piece > 0 {
        let mut spared = false;
        let mut from = 0;
        while from < shortest.len() && Instant::now() < end {
            let shorter = shortest.without(from, piece);
            let failure = super::played(make, &shorter).await.failure;
            match failure {
                Some(failure) if failure.rule == rule => {
                    shortest = shorter;
                    spared = true;
                }
                _ => from += piece,
            }
        }
        if Instant::now() >= end {
            break;
        }
        if !spared || piece > 1 {
            piece /= 2;
        }
    }
    shortest
}
