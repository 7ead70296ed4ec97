//! Mail to try a server on: two hundred messages in ten mailboxes, a folder that they are kept in between runs, a certificate,
//! and what is printed to type next. It knows no store.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use imap_daemon::server::{ListenError, Listening, Start};

mod certificate;
mod corpus;
mod files;
mod folder;
mod greeting;
mod message;
pub mod private;
mod specimens;
mod texts;

pub use corpus::{DemoMailbox, DemoMessage, KEYWORDS, Welcome, corpus};
pub use folder::{Folder, FolderError, Owner};
pub use greeting::{Greeting, History, quoted};

/// The demo's user, and the password as well.
pub const USER: &str = "demo";

/// How many ports are tried from the first one on.
const PORTS: u16 = 100;

/// Listens on this machine only, on the first free port from `first` on.
///
/// # Errors
/// None of a hundred ports is free.
pub async fn listen(first: u16) -> Result<Listening, ListenError> {
    let on = |port| Listening::on(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Start::Plain);
    let mut outcome = on(first).await;
    for further in 1..PORTS {
        match (&outcome, first.checked_add(further)) {
            (Err(error), Some(port)) if error.source.kind() == ErrorKind::AddrInUse => {
                outcome = on(port).await;
            }
            _ => break,
        }
    }
    outcome
}
