//! What an IMAP server program needs around `imap-server`: settings, users, TLS, logs, signals.
//!
//! It knows no store. The programs `maildird` and `sqlmaild` are made of it, a command line and a backend; so can others be, of
//! the parts that they want:
//!
//! * [`config`]: settings from a TOML file and flags: those that every server has, and a program's own beside them;
//! * [`passwords`]: passwords and their hashes, and the few threads that hash;
//! * [`users`]: a users file, and checks of passwords against it while the server runs;
//! * [`certificates`]: whose a client certificate is;
//! * [`tls`]: a certificate that can be replaced while the server runs;
//! * [`logging`]: log lines on standard error;
//! * [`server`]: addresses to listen on, and a server for any backend that runs until a signal stops it.
//!
//! None of this promises a stable API yet.

use std::io::{self, Write};
use std::process::ExitCode;

pub mod certificates;
pub mod config;
pub mod logging;
pub mod passwords;
pub mod server;
mod signals;
pub mod tls;
pub mod users;

/// Any failure, on its way to the one line that is printed about it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The end of a program: its exit code; a failure is printed on standard error first, in one line behind the program's name.
pub fn exit(program: &str, outcome: Result<ExitCode, Failure>) -> ExitCode {
    outcome.unwrap_or_else(|failure| {
        // Nothing is left to tell it to when standard error is closed.
        let _ = writeln!(io::stderr(), "{program}: {failure}");
        ExitCode::FAILURE
    })
}
