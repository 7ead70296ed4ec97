//! The life of one mailbox that this process has open: what is known of it, what is done to it, and what others do to it.

pub(crate) mod add;
pub(crate) mod body;
pub(crate) mod cache;
pub(crate) mod change;
pub(crate) mod content;
pub(crate) mod error;
pub(crate) mod glance;
pub(crate) mod index;
pub(crate) mod letter_sets;
pub(crate) mod listed;
pub(crate) mod locate;
pub(crate) mod lock_out;
pub(crate) mod memo;
pub(crate) mod move_in;
pub(crate) mod numbers;
pub(crate) mod observe;
pub(crate) mod open;
pub(crate) mod patience;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod schedule;
pub(crate) mod search;
pub(crate) mod vanished;
pub(crate) mod watch;
pub(crate) mod weight;
