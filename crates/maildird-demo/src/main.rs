//! A mailbox to try maildird on: two hundred messages in a folder of their own, served on this machine only.
//!
//! It is a program of its own so that the mail that it makes is not in the server. What serves it is the server's
//! library, and the Maildir backend.

mod greeting;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use imap_daemon::Failure;
use imap_daemon::logging::{self, LogFormat, LogLevel};
use imap_daemon::server::{self, Plan};
use imap_daemon::tls::Certificate;
use imap_daemon::users::Authenticator;
use imap_maildir::MaildirBackend;

use store::Store;

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
        let listening = imap_demo::listen(arguments.port).await?;
        let ready = greeting::greeting(&store, listening.address());
        let users = Authenticator::open(store.users())?;
        let backend = MaildirBackend::new(store.mail_root(), users)?;
        let plan = Plan::new(vec![listening]).certificate(Certificate::load(store.folder().tls())?);
        plan.serve(backend, &ready).await
    })
}
