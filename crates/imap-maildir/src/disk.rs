//! The files of a Maildir as they lie on disk: directories, messages on their way in, locks and control files.

pub(crate) mod clock;
pub mod delivery;
pub mod directory;
pub mod dotlock;
pub mod keywords;
pub(crate) mod random;
pub mod scan;
pub(crate) mod step;
pub mod subscriptions;
pub mod uidlist_file;
pub mod uidvalidity;
