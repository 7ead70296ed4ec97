//! What names and files of a Maildir mean: text to values and back. Nothing here touches the file system.

pub mod filename;
pub mod flags;
pub mod mailbox_names;
pub mod uidlist;
