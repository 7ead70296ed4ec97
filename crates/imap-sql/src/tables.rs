//! The tables: which statements there are, one module for each subject. Everything here runs in a transaction of its caller.

pub(crate) mod accounts;
pub(crate) mod acl;
pub(crate) mod blobs;
pub(crate) mod imports;
pub(crate) mod log;
pub(crate) mod mailboxes;
pub(crate) mod messages;
pub(crate) mod metadata;
pub(crate) mod names;
pub(crate) mod quotas;
pub(crate) mod special_uses;
pub(crate) mod subscriptions;
pub(crate) mod texts;
pub(crate) mod url_keys;
