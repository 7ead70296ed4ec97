//! Judges any IMAP server by what it says on the wire.
//!
//! A [`Follower`] is given every octet of a connection, of both directions, and keeps what the client must believe: which commands
//! are in progress, which mailbox is selected, which numbers and UIDs its messages have, what was said of mod-sequences. At the
//! first response that no client could reconcile with that, or that the RFCs forbid, it says which [`Rule`] was broken, where it is
//! written, and what was said up to there. It holds no message: literals are counted as they pass.
//!
//! It reads by [`response`], which also serves tests of a server that follow it by themselves. On it stand [`record`], conversations
//! as text, and with the feature `program` (on by default) `watch`, a proxy between any client and any server, and `run`, cases of
//! its own against a server.

mod command;
mod finding;
mod follower;
#[cfg(feature = "program")]
mod net;
pub mod record;
pub mod response;
mod rule;
#[cfg(feature = "program")]
pub mod run;
mod transcript;
#[cfg(feature = "program")]
pub mod watch;
mod wire;

pub use finding::Finding;
pub use follower::Follower;
#[cfg(feature = "program")]
pub use net::{Target, acceptor};
pub use rule::Rule;
pub use transcript::Transcript;
