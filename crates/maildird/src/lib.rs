//! What an IMAP server program needs around `imap-server`: settings, users, TLS, logs, signals.
//!
//! The program `maildird` is this library with a command line ([`run_command_line`]) and the Maildir backend. A server
//! for another backend can take the parts one by one:
//!
//! * [`config`]: settings from a TOML file and flags;
//! * [`users`]: the users file, and [`auth`]: password checks against it while the server runs;
//! * [`tls`]: a certificate that can be replaced while the server runs;
//! * [`logging`]: log lines on standard error;
//! * [`server`]: addresses to listen on, and a server for any backend that runs until a signal stops it.
//!
//! None of this promises a stable API yet.

pub mod auth;
mod check;
mod command;
pub mod config;
mod hashers;
pub mod logging;
mod serve;
pub mod server;
mod signals;
pub mod tls;
pub mod users;

pub use command::run_command_line;

/// Any failure, on its way to the one line that is printed about it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
