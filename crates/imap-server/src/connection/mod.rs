//! One client's octets: buffers, lines, literals, whole commands.

mod append;
mod channel;
mod deflate;
mod io;
mod presence;
mod receive;
mod secured;

pub(crate) use append::{AppendHead, Arriving, Fault, Incoming, Judge, too_big};
pub(crate) use channel::{Channel, Gone, Line, Phase, after};
pub(crate) use deflate::Pools as DeflatePools;
pub(crate) use io::Io;
pub(crate) use presence::Watch;
pub(crate) use receive::{ExtensionCommand, Received, Receiver, Refusal, SearchCommand, Unfiltered};
pub(crate) use secured::Secured;
