//! Mail that goes from one store to another, message by message: into and out of Maildirs, databases, mbox files, and out of
//! other IMAP servers.
//!
//! It knows no store: what it reads from or writes to is a [`Session`](imap_backend::Session) of any backend. So it is safe while
//! a server works on the same mail, as the backend is.
//!
//! * Where mail comes from is a [`Source`]: [`Stored`], [`MboxFiles`], [`ImapServer`].
//! * Where it goes is a [`Target`]: [`Journaled`] and [`Counted`], or one of a program's own.
//! * A [`Plan`] says which mailbox becomes which, and [carries](Plan::carry) them over: flags, keywords, dates,
//!   subscriptions, special uses, access control lists.
//! * [`export_mbox`] writes mbox files.
//!
//! What cannot be stored is named, left out and counted ([`Progress`]); everything else that goes wrong ends the transfer, and
//! another one goes on from there. Memory is for a piece of a message, and for what messages are known by.

#![allow(
    async_fn_in_trait,
    reason = "the traits are for this workspace, and their futures stay on one task"
)]

mod acl;
mod arguments;
mod counted;
mod digest;
mod folder;
mod imap;
mod journal;
mod journaled;
mod mbox;
mod message;
mod plan;
mod progress;
mod source;
mod stored;
mod target;

pub use arguments::ServerArgs;
pub use counted::{Counted, mark};
pub use folder::Folder;
pub use imap::{ImapServer, Tls};
pub use journaled::Journaled;
pub use mbox::{MboxFiles, export_mbox};
pub use message::{Item, Message, Octets, Unreadable};
pub use plan::Plan;
pub use progress::{Progress, Unit};
pub use source::{Intake, Source};
pub use stored::Stored;
pub use target::{Delivered, Target};

/// Any failure, on its way to the line that is printed about it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// So many octets of a message are read at once.
const CHUNK: usize = 64 << 10;
