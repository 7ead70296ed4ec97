//! The files of a Maildir as they lie on disk: directories, messages on their way in, locks and control files.
//!
//! All calls to the file system go through [`storage`].

pub(crate) mod acl_file;
pub(crate) mod annotations_file;
pub(crate) mod clock;
pub(crate) mod control_file;
pub(crate) mod delivery;
pub(crate) mod directory;
pub(crate) mod dotlock;
pub(crate) mod events;
pub(crate) mod found;
pub(crate) mod hold;
pub(crate) mod index_file;
pub(crate) mod inotify;
pub(crate) mod interference;
pub(crate) mod keywords_file;
pub(crate) mod locked_file;
pub(crate) mod maildirsize_file;
pub(crate) mod modseq_file;
pub(crate) mod name_generator;
pub(crate) mod random;
pub(crate) mod scan;
pub(crate) mod search_file;
pub(crate) mod special_uses_file;
pub(crate) mod sqlite_file;
pub(crate) mod storage;
pub(crate) mod subscriptions_file;
pub(crate) mod tree;
pub(crate) mod uidlist_file;
pub(crate) mod uidvalidity;
pub(crate) mod url_key_file;
