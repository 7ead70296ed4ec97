//! An IMAP backend on Maildir++ directories, with UIDs in Dovecot's files, shared live with other mail programs.
//!
//! It leaves to you: who may log in (an [`Authenticator`]), where each user's Maildir is (a [`MailRoot`]), and the server
//! that carries it (`imap-server`).
//!
//! ```
//! use imap_backend::{MailboxName, Session};
//! use imap_maildir::{Authenticator, MailRoot, MaildirBackend, Verdict};
//! use imap_updates::Access;
//!
//! struct Everybody;
//! impl Authenticator for Everybody {
//!     async fn verify(&self, _: &str, _: &str) -> Result<Verdict, Box<dyn std::error::Error + Send + Sync>> {
//!         Ok(Verdict::Accepted)
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let home = tempfile::tempdir().unwrap();
//! let backend = MaildirBackend::new(MailRoot::new(home.path().join("%u/Maildir")), Everybody).unwrap();
//! let mut session = backend.session("alice").await.unwrap();
//!
//! // Another program delivers a message.
//! let new = home.path().join("alice/Maildir/new");
//! session.status(&MailboxName::inbox()).await.unwrap(); // makes the directories
//! std::fs::write(new.join("1700000000.M1P1.host"), "Subject: hello\n\nworld\n").unwrap();
//!
//! let opened = session.select(&MailboxName::inbox(), Access::ReadWrite).await.unwrap();
//! assert_eq!(opened.updates.exists(), 1);
//! assert!(home.path().join("alice/Maildir/cur/1700000000.M1P1.host:2,").exists()); // taken over from new/
//! # });
//! ```
//!
//! # The parts
//!
//! * [`MaildirBackend`] logs users in; [`MaildirSession`] and [`MaildirMailbox`] serve them. One process opens each mailbox
//!   once, however many sessions have it selected; a watcher pushes what other programs do to all of them.
//! * [`inspect`](inspect::inspect) reads a Maildir and reports what it finds.
//! * [`format`] and [`disk`] are the files and their rules, each by itself.
//!
//! # What is promised
//!
//! * APPEND, COPY and MOVE that were answered OK survive `kill -9` and, as far as the disk keeps its word, a power failure:
//!   content, name and UID are synced in this order ([`disk::delivery`]). A moved message is at every moment in exactly one mailbox.
//! * A UID is on disk before anybody is told of it and is never used again.
//! * No message is reported expunged because a listing missed it while it was being renamed ([`disk::scan`]).
//! * Octets of a message file never change. No symbolic link, FIFO or device is ever read as mail.
//!
//! # Costs
//!
//! A mailbox in memory takes about 300 octets a message. A look for changes that finds none is a dozen system calls; one that
//! finds some lists both directories. Flags come from memory; sizes and dates too, once they have been looked up.
//!
//! # Trade-offs
//!
//! * Flag changes and expunges are not synced: after a power failure old flags, or an expunged message, may be back.
//! * CRLF is stored as LF, as Dovecot does, and sent as CRLF. A message with NUL octets is refused.
//! * 26 keywords a mailbox; they are letters in file names.
//! * Locks follow Dovecot's rules, so that it can work on the same Maildir. A lock that a dead program of another host left
//!   stops new messages for two minutes.

use std::time::Duration;

mod account;
mod backend;
pub mod disk;
pub mod format;
pub mod inspect;
mod mailbox;
mod selected;
mod session;

#[cfg(test)]
mod tests;

pub use backend::{Authenticator, MailRoot, MaildirBackend, Verdict};
pub use selected::MaildirMailbox;
pub use session::MaildirSession;

/// How long to wait for another program's lock: longer than a lock takes to go stale.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(130);

/// How long what can also go on without a lock waits for it: looking for new messages, which wait in their turn, and
/// changes of flags.
pub(crate) const SHORT_PATIENCE: Duration = Duration::from_secs(2);
