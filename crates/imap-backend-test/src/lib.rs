//! A conformance kit for IMAP backends: a strict client model, cases by area, and a reference backend in memory.
//!
//! You have implemented the traits of `imap-backend`. One test tells whether they do what a server relies on:
//!
//! ```
//! use imap_backend_test::{MemoryBackend, Subject, run_all};
//!
//! # let wait = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # wait.block_on(async {
//! // In your crate: a new backend for each case, with a user who has no mail.
//! let report = run_all(async || Subject::new(MemoryBackend::new("ann", "secret"), "ann", "secret")).await;
//! println!("{report}");
//! report.assert_passed();
//! # });
//! ```
//!
//! A failure names the case, the RFC's section, what was expected and what was seen:
//!
//! ```text
//! FAILED  two_sessions::numbering_stays_until_expunge_is_told (RFC 9051, section 7.5.1): expected ..; saw ..
//! skipped uid::rename_keeps_uids (RFC 9051, section 6.3.6): the backend has no CREATE
//! 87 passed, 1 skipped, 1 failed
//! ```
//!
//! What is optional and answers [`Unsupported`](imap_backend::ErrorKind::Unsupported) is skipped, and the report says so. So
//! are mod-sequences and MOVE where [`abilities`](imap_backend::Session::abilities) do not list them, and summaries where no
//! record has one.
//!
//! # Other programs, a second process, a restart
//!
//! A backend that hides what others store passes every case of its own sessions. So give the kit a hand that changes the store
//! behind the backend's back ([`Subject::with_outside`], [`Outside`]), a second value of the backend on the same store
//! ([`Subject::with_second`]), and a way to open it again ([`Subject::with_reopen`]). Without them their cases are skipped.
//! [`RandomRuns`] mixes all of it with sessions, by a seed, and makes short what fails.
//!
//! # What it leaves to you
//!
//! A runtime (the kit needs none), what happens in a loss of power, and real concurrency: the sessions of a case take turns.
//!
//! # How it works
//!
//! A case logs in one to three times. Each selected mailbox is a [`Selected`]: it does for each command what a server
//! does between the client and the backend, and gives every untagged response to a [`ClientModel`], which fails at the first
//! that a client cannot follow. [`CASES`] is the table; each case is a function in [`case`](mod@case), to be run alone with
//! [`run_case`].
//!
//! # Costs
//!
//! Some 130 backends, each with fewer than 20 messages of at most 150 kB: a tenth of a second in memory, seconds on a disk.

pub mod case;
mod mail;
mod model;
mod outside;
mod random;
mod read;
mod report;
mod selected;
mod stage;
mod time_limit;
mod verdict;

pub use case::{CASES, Case};
pub use imap_memory::{MemoryBackend, MemoryMailbox, MemorySession};
pub use mail::Mail;
pub use model::{ClientModel, Contradiction, ContradictionKind, Effect};
pub use outside::{Outside, OutsideMessage};
pub use random::{RandomReport, RandomRuns};
pub use report::{Outcome, Report, run_all, run_case};
pub use selected::{Figures, News, Selected};
pub use stage::{Stage, Subject, User};
pub use verdict::{Failure, Stop, Verdict};
