//! The signals that mean something to a server.

use std::io;
use std::sync::Arc;

use imap_server::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::tls::Certificate;

/// The exit code after a second signal: what shells give for a program that SIGINT ended.
const FORCED: i32 = 130;

/// Handlers for SIGINT, SIGTERM and SIGHUP, in place from [`install`](Self::install) on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Acts on signals for as long as it is polled: SIGINT and SIGTERM start `shutdown`, and end the process when they
    /// come again; SIGHUP reads the certificate again.
    pub(crate) async fn handle(mut self, shutdown: Shutdown, certificate: Option<Arc<Certificate>>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => stop(&shutdown),
                _ = self.terminate.recv() => stop(&shutdown),
                _ = self.hangup.recv() => reload(certificate.as_deref()),
            }
        }
    }
}

/// The first signal asks clients to finish, the second one does not ask.
fn stop(shutdown: &Shutdown) {
    if shutdown.is_started() {
        tracing::warn!("stopped by a second signal, without waiting for commands in progress");
        std::process::exit(FORCED);
    }
    tracing::info!("stopping: clients finish their commands; a second signal stops at once");
    shutdown.start();
}

fn reload(certificate: Option<&Certificate>) {
    match certificate.map(Certificate::reload) {
        Some(Ok(())) => tracing::info!("new connections use the certificate as it is now"),
        Some(Err(error)) => tracing::error!(%error, "the certificate of before stays in use"),
        None => tracing::info!("there is no certificate to read again"),
    }
}
