//! `maildird demo`: a mail store to look at, in a folder of its own.

pub mod corpus;
mod files;
pub mod greeting;
mod message;
mod specimens;
pub mod store;
mod texts;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use crate::auth::Authenticator;
use crate::cli::{DemoArgs, Failure};
use crate::config::{LimitsLayer, PlaintextLogin};
use crate::logging::{self, LogFormat};
use crate::serve::{self, Listening, Plan, Start, StartError};
use crate::tls::Certificate;
use greeting::greeting;
use store::Store;

/// How many ports are tried from the first one on.
const PORTS: u16 = 100;

/// Serves the demo until it is stopped.
///
/// # Errors
/// The folder cannot be made, or no port is free.
pub fn run(args: &DemoArgs) -> Result<ExitCode, Failure> {
    logging::init(&args.log_level, LogFormat::Text);
    let store = Store::open(&args.dir)?;
    serve::block_on(async {
        let listening = listen(args.port).await?;
        let ready = greeting(&store, listening.address());
        let plan = Plan {
            listening: vec![listening],
            mail_root: store.mail_root(),
            users: Authenticator::open(store.users())?,
            certificate: Some(Certificate::load(store.tls())?),
            plaintext_login: PlaintextLogin::FromLoopback,
            limits: LimitsLayer::default(),
        };
        serve::serve(plan, &ready).await
    })
}

/// Listens on this machine only, on the first free port from `first` on.
async fn listen(first: u16) -> Result<Listening, StartError> {
    let on = |port| Listening::on(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Start::Plain);
    let mut outcome = on(first).await;
    for further in 1..PORTS {
        match (&outcome, first.checked_add(further)) {
            (Err(StartError::Listen { source, .. }), Some(port))
                if source.kind() == std::io::ErrorKind::AddrInUse =>
            {
                outcome = on(port).await;
            }
            _ => break,
        }
    }
    outcome
}
