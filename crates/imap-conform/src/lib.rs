//! Judges any IMAP server by what it says on the wire.
//!
//! A [`Follower`] is given every octet of a connection, of both directions, and keeps what the client must believe: which commands
//! are in progress, which mailbox is selected, which numbers and UIDs its messages have, what was said of mod-sequences. At the
//! first response that no client could reconcile with that, or that the RFCs forbid, it says which [`Rule`] was broken, where it is
//! written, and what was said up to there. It holds no message: literals are counted as they pass.

//!
//! On it stand [`watch`], a proxy between any client and any server; [`record`], conversations as text; and [`run`], cases of its
//! own against a server.

mod command;
mod finding;
mod follower;
mod net;
pub mod record;
mod response;
mod rule;
pub mod run;
mod transcript;
pub mod watch;
mod wire;

pub use finding::Finding;
pub use follower::Follower;
pub use net::{Target, acceptor};
pub use rule::Rule;
pub use transcript::Transcript;
