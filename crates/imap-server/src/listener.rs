//! Accepting clients: how many, and until when.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imap_backend::{Backend, Peer, Transport};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use crate::server::Server;
use crate::shutdown::Shutdown;

/// How long accepting pauses after it failed, as it does while the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The places for connections: so many in all, so many for each address.
#[derive(Debug)]
pub(crate) struct Places {
    taken: Arc<Mutex<Taken>>,
    total: usize,
    per_address: usize,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One taken place; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    taken: Arc<Mutex<Taken>>,
    address: IpAddr,
}

impl Places {
    pub(crate) fn new(total: usize, per_address: usize) -> Self {
        Self {
            taken: Arc::default(),
            total,
            per_address,
        }
    }

    /// A place for a client at `address`, or why there is none.
    fn take(&self, address: IpAddr) -> Result<Place, &'static str> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.total {
            return Err("too many connections");
        }
        let here = taken.by_address.entry(address).or_default();
        if *here >= self.per_address {
            return Err("too many connections from your address");
        }
        *here += 1;
        taken.total += 1;
        Ok(Place {
            taken: Arc::clone(&self.taken),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        if let Some(here) = taken.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// Accepts until the shutdown, then waits for the clients: each ends after its command, or is cut off in the end.
pub(crate) async fn serve<B: Backend>(
    server: &Server<B>,
    listener: TcpListener,
    transport: Transport,
    shutdown: Shutdown,
) -> io::Result<()> {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.started() => break,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    clients.spawn(welcome(server.clone(), stream, address, transport, shutdown.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let all_gone = async { while clients.join_next().await.is_some() {} };
    if timeout(server.shared.limits.stop_time, all_gone).await.is_err() {
        tracing::warn!(
            left = clients.len(),
            "clients were cut off in the middle of a command"
        );
        // Not waited for: one may be in the middle of a search that does not look up.
        clients.abort_all();
    }
    Ok(())
}

async fn welcome<B: Backend>(
    server: Server<B>,
    mut stream: TcpStream,
    address: SocketAddr,
    transport: Transport,
    shutdown: Shutdown,
) {
    let span = tracing::info_span!("client", %address);
    let place = match server.shared.places.take(address.ip().to_canonical()) {
        Ok(place) => place,
        Err(why) => {
            span.in_scope(|| tracing::warn!(why, "refused"));
            if transport == Transport::Plain {
                let bye = format!("* BYE {why}\r\n");
                let _ = timeout(ACCEPT_PAUSE, stream.write_all(bye.as_bytes())).await;
            }
            return;
        }
    };
    // Answers are whole when they are written; waiting to fill a packet only costs time.
    let _ = stream.set_nodelay(true);
    let peer = Peer::new(Some(address), transport);
    let serve = async {
        tracing::debug!("connected");
        match (&server.shared.tls, transport) {
            (Some(tls), Transport::Tls) => {
                match timeout(server.shared.limits.tls_handshake, tls.accept(stream)).await {
                    Ok(Ok(stream)) => server.serve_connection(stream, peer, shutdown).await,
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake took too long"),
                }
            }
            _ => server.serve_connection(stream, peer, shutdown).await,
        }
    };
    serve.instrument(span).await;
    drop(place);
}
