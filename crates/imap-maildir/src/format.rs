//! What names and files of a Maildir mean: text to values and back. Nothing here touches the file system.

pub(crate) mod acl;
pub(crate) mod annotations;
pub(crate) mod attributes;
pub(crate) mod file_name;
pub(crate) mod flags;
pub(crate) mod index;
pub(crate) mod keywords;
pub(crate) mod letter_map;
pub(crate) mod line_ends;
pub(crate) mod mailbox_names;
pub(crate) mod maildirsize;
pub(crate) mod modseqs;
pub(crate) mod object_ids;
pub(crate) mod segment;
pub(crate) mod special_uses;
pub(crate) mod subscriptions;
pub(crate) mod uidlist;
pub(crate) mod wire_form;
