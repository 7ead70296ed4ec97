//! The server process: `imap-server` on `imap-sql`, for whoever knows the one password.

use std::error::Error;
use std::io::Read as _;
use std::time::Duration;

use imap_server::{Limits, Server, Shutdown};
use imap_sql::{Authenticator, Options, PasswordCheck, SqlBackend};

/// How often servers look for what no hint came of.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(700);

/// How long a server waits for others' locks.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The database.
    url: String,
}

/// Everybody has the password "secret".
#[derive(Debug)]
struct Secret;

impl Authenticator for Secret {
    async fn verify(&self, _: &str, password: &str) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(match password {
            "secret" => PasswordCheck::Accepted,
            _ => PasswordCheck::Refused,
        })
    }
}

/// How the processes of the harness open the database.
pub(crate) fn options() -> Options {
    Options::default().poll_interval(POLL_INTERVAL).patience(PATIENCE)
}

/// Serves until standard input ends, which is when whoever started it ends; prints where it listens.
pub(crate) async fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    end_with_standard_input();
    let store = options().open_url(&arguments.url)?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    let server = Server::builder(SqlBackend::new(store, Secret)).limits(Limits::default());
    Ok(server.build().serve(listener, Shutdown::new()).await?)
}

fn end_with_standard_input() {
    std::thread::spawn(|| {
        let mut octets = [0];
        while matches!(std::io::stdin().read(&mut octets), Ok(1..)) {}
        std::process::exit(0);
    });
}
