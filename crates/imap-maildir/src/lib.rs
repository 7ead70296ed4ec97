//! An IMAP backend on Maildir++ directories, compatible with Dovecot's files.

use std::time::Duration;

mod account;
mod add;
mod backend;
mod change;
mod clock;
pub mod delivery;
pub mod directory;
pub mod dotlock;
mod error;
pub mod filename;
pub mod flags;
mod index;
pub mod inspect;
pub mod keywords;
mod mailbox;
pub mod names;
mod open_mailbox;
mod random;
mod read;
pub mod scan;
mod session;
mod step;
pub mod subscriptions;
mod sync;
pub mod uidlist;
pub mod uidlist_file;
pub mod uidvalidity;
mod watch;

#[cfg(test)]
mod tests;

pub use backend::{Authenticator, MailRoot, MaildirBackend, Verdict};
pub use mailbox::MaildirMailbox;
pub use session::MaildirSession;

/// How long to wait for another program's lock: longer than a lock takes to go stale.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(130);
