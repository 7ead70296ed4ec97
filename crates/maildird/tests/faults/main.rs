//! Faults of the system and of other programs: what the client is told, what the log says, who goes on, and that all is well when it
//! is over, without a restart.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

#[path = "../common/mod.rs"]
mod common;
mod disks;
mod events;
mod files;
mod fixture;
mod lists;
mod odd_files;
mod permissions;
mod quota;
mod seen;
