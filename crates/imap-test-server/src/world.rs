//! What all connections of a server share.

use crate::accounts::Accounts;
use crate::fault::{Command, Fault, How};
use crate::log::Log;
use crate::relay::Stream;
use crate::switches::Switches;
use imap_backend::{Peer, Transport};
use imap_server::{Server, Shutdown};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Octets that a pipe holds in each direction.
pub(crate) const PIPE: usize = 64 << 10;

pub(crate) struct World {
    pub(crate) server: Server<Accounts>,
    pub(crate) log: Log,
    pub(crate) faults: Mutex<Vec<Fault>>,
    pub(crate) switches: Switches,
    pub(crate) tls: Option<TlsAcceptor>,
    /// TLS comes before the greeting.
    pub(crate) implicit_tls: bool,
    /// The most octets that are written at once.
    pub(crate) piece: Option<usize>,
    pub(crate) connections: AtomicUsize,
    pub(crate) end: End,
}

/// How all connections that there are end.
pub(crate) struct End {
    /// At once, without a word.
    pub(crate) cut: watch::Sender<()>,
    /// With BYE and this text.
    pub(crate) bye: watch::Sender<String>,
}

impl Default for End {
    fn default() -> Self {
        Self {
            cut: watch::channel(()).0,
            bye: watch::channel(String::new()).0,
        }
    }
}

impl World {
    pub(crate) fn next_connection(&self) -> usize {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn offers_starttls(&self, secured: bool) -> bool {
        self.tls.is_some() && !self.implicit_tls && !secured && self.switches.has("STARTTLS")
    }

    /// A connection to the server proper.
    pub(crate) fn serve(&self, secured: bool) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let transport = match secured {
            true => Transport::Tls,
            false => Transport::Plain,
        };
        let server = self.server.clone();
        tokio::spawn(async move {
            let peer = Peer::new(None, transport);
            server.serve_connection(theirs, peer, Shutdown::new()).await;
        });
        ours
    }

    pub(crate) async fn accept_tls(&self, stream: Box<dyn Stream>) -> Option<Box<dyn Stream>> {
        let stream = self.tls.as_ref()?.accept(stream).await.ok()?;
        Some(Box::new(stream))
    }

    /// What goes wrong at this command. Counts it.
    pub(crate) fn faults_at(&self, command: &Command, said: &BTreeSet<String>) -> Vec<How> {
        let mut faults = self.faults.lock();
        let happening = faults
            .iter_mut()
            .filter_map(|fault| fault.happens_at(command, said).then(|| fault.how.clone()));
        happening.collect()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
