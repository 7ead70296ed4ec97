//! The tests of this crate in one program, so that the server is linked once. Programs of their own are `idle_memory`, which counts
//! what its process allocates, and `log`, which reads what is logged.

mod appends;
mod backend_faults;
#[path = "../common/mod.rs"]
mod common;
mod compress;
mod deadlines;
mod flags_again;
mod gone;
mod hostile;
mod kept_searches;
mod lesser_backends;
mod listener;
mod many_mailboxes;
mod notify_names;
mod octets;
mod operators;
mod resync;
mod sasl;
mod sessions;
mod sizes;
mod slow_search;
mod stack;
mod streaming;
mod tls;
mod transcripts;
mod troubled_mailbox;
mod url_auth;
mod url_auth_binary;
