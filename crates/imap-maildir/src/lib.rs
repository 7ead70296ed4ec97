//! An IMAP backend on Maildir++ directories, compatible with Dovecot's files.

use std::time::Duration;

mod clock;
pub mod delivery;
pub mod directory;
pub mod dotlock;
pub mod filename;
pub mod flags;
pub mod keywords;
pub mod names;
mod random;
pub mod scan;
mod step;
pub mod subscriptions;
pub mod uidlist;
pub mod uidlist_file;
pub mod uidvalidity;

/// How long to wait for another program's lock: longer than a lock takes to go stale.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(130);
