//! A tokio IMAP server that runs any backend.

mod client;
mod command;
mod completion;
mod config;
mod connection;
mod convert;
mod dispatch;
mod listener;
mod server;
mod shutdown;
mod state;
mod syntax;
mod wire;

pub use config::{Limits, PlaintextLogin};
pub use server::{Server, ServerBuilder};
pub use shutdown::Shutdown;
