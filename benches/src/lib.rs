//! Datasets, rivals and the stopwatch of the benchmarks.
//!
//! `cargo bench -p imap-backendutil-benches --bench translation` runs criterion over the translation between UIDs and
//! message sequence numbers; `cargo run --release -p imap-backendutil-benches --bin translation-table` measures all
//! rivals interleaved in one process and writes the table and the plots of `docs/sequence-numbers.md`;
//! `benches/callgrind.sh` counts instructions, which no neighbour on the machine can disturb.

pub mod dataset;
pub mod hub;
pub mod mailbox;
pub mod measure;
pub mod plot;
pub mod rivals;
pub mod traffic;
pub mod update_rivals;
