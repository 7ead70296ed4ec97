//! The judges judge each other: faults are seeded one after another, in a store or on the wire, and each judge of this workspace
//! says what it sees. Where the layers between the two could be wrong in the same way, the exhaustive run looks for it there.
//!
//! The program `judges` prints the table of `docs/judges.md`; `tests/table.rs` holds the page to it.

#![allow(
    clippy::unwrap_used,
    reason = "stores with a fault belong to tests, where a panic is the answer"
)]

mod judge;
mod layers;
pub mod seeds;
pub mod table;
mod traffic;
mod wire;

// The stores with a fault are those that the kit is tried on.
#[path = "../../imap-backend-test/tests/broken/body.rs"]
mod body;
#[allow(
    dead_code,
    reason = "the kit has a test of its own for a backend that offers less"
)]
#[path = "../../imap-backend-test/tests/broken/fault.rs"]
mod fault;
#[path = "../../imap-backend-test/tests/broken/mailbox.rs"]
mod mailbox;
#[path = "../../imap-backend-test/tests/broken/outside.rs"]
mod outside;
#[path = "../../imap-backend-test/tests/broken/session.rs"]
mod session;
#[path = "../../imap-backend-test/tests/broken/world.rs"]
mod world;

// The exhaustive run, with its own faults.
#[path = "../../imap-updates/tests/exhaustive/mod.rs"]
mod exhaustive;

pub use judge::{Bench, JUDGES, Judge, Said};
