//! A mailbox to try maildird on: two hundred messages in a folder of their own, served on this machine only.
//!
//! It is a program of its own so that the mail that it makes is not in the server. What serves it is the server's
//! library, and the Maildir backend.

mod certificate;
mod corpus;
mod files;
mod greeting;
mod message;
mod private;
mod specimens;
mod store;
mod texts;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use imap_daemon::Failure;
use imap_daemon::logging::{self, LogFormat, LogLevel};
use imap_daemon::server::{self, ListenError, Listening, Plan, Start};
use imap_daemon::tls::Certificate;
use imap_daemon::users::Authenticator;
use imap_maildir::MaildirBackend;

use store::Store;

/// How many ports are tried from the first one on.
const PORTS: u16 = 100;

/// A mailbox to try maildird on.
///
/// Makes a mail store in a folder of its own, serves it on this machine only, and prints what to type next. Ctrl-C
/// stops it; the next run goes on with the mail as it was left.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The demo's folder; made at the first run, kept between runs
    #[arg(long, value_name = "FOLDER", default_value = "demo-mail")]
    dir: PathBuf,
    /// The port on 127.0.0.1, or the next one above it that is free; 0 lets the system choose
    #[arg(long, default_value_t = 1143)]
    port: u16,
    /// What is logged
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log_level: LogLevel,
}

fn main() -> ExitCode {
    imap_daemon::exit("maildird-demo", run(&Arguments::parse()))
}

/// Serves the demo until it is stopped.
fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    logging::init(&arguments.log_level, LogFormat::Text);
    let store = Store::open(&arguments.dir)?;
    server::block_on(async {
        let listening = listen(arguments.port).await?;
        let ready = greeting::greeting(&store, listening.address());
        let users = Authenticator::open(store.users())?;
        let backend = MaildirBackend::new(store.mail_root(), users)?;
        let plan = Plan::new(vec![listening]).certificate(Certificate::load(store.tls())?);
        plan.serve(backend, &ready).await
    })
}

/// Listens on this machine only, on the first free port from `first` on.
async fn listen(first: u16) -> Result<Listening, ListenError> {
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
