//! Every interleaving of three sessions on a small mailbox, to a depth: the real hubs and sessions, replayed from the start for
//! each trace, with a strict client on each session as the judge.
//!
//! A *trace* is a list of steps. A *state* is what is there after one: the store, what every client has, what each has
//! yet to be told, the pages under way. The search goes breadth first, so the first trace that breaks a law is a shortest one.
//! Traces that lead to a state that was seen before are judged like all others, and not made longer; sessions of
//! the same kind are interchangeable in this.
#![allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation
)]

pub mod choices;
pub mod commands;
pub mod fault;
pub mod key;
pub mod laws;
pub mod line;
pub mod meaning;
#[path = "../../../imap-backend-test/src/model.rs"]
pub mod model;
pub mod noise;
pub mod numbers;
pub mod pages;
pub mod search;
pub mod seat;
pub mod setting;
pub mod step;
pub mod store;
pub mod world;

/// What a trace breaks, in a sentence.
pub type Judgement = Result<(), String>;

/// What there is, for a sentence.
pub fn shown<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}

/// Returns with a sentence if a law does not hold.
macro_rules! law {
    ($holds:expr, $($sentence:tt)+) => {
        if !$holds {
            return Err(format!($($sentence)+));
        }
    };
}
pub(crate) use law;
