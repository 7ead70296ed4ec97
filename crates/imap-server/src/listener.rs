//! Accepting clients until the server stops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imap_backend::{Backend, Peer, Transport};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;

use crate::client;
use crate::connection::Secured;
use crate::shared::Shared;
use crate::shutdown::Shutdown;

/// How long accepting pauses after it failed, as it does while the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long clients that are cut off may take to notice.
const ABORT_TIME: Duration = Duration::from_millis(100);

/// Accepts until the shutdown, then waits for the clients: each ends after its command, or is cut off in the end.
pub(crate) async fn serve<B: Backend>(
    server: &Arc<Shared<B>>,
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
                    clients.spawn(welcome(Arc::clone(server), stream, address, transport, shutdown.clone()));
                }
                Err(error) => {
                    if let Some(left_out) = server.log.accept.admit(Instant::now()) {
                        tracing::warn!(%error, left_out, "accepting a connection failed");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let all_gone = async { while clients.join_next().await.is_some() {} };
    if timeout(server.limits.stop_time, all_gone).await.is_err() {
        tracing::warn!(
            left = clients.len(),
            "clients were cut off in the middle of a command"
        );
        clients.abort_all();
        // They end where they pause next. One may be in the middle of a search that does not: it is not waited for.
        let _ = timeout(ABORT_TIME, async { while clients.join_next().await.is_some() {} }).await;
    }
    Ok(())
}

async fn welcome<B: Backend>(
    server: Arc<Shared<B>>,
    mut stream: TcpStream,
    address: SocketAddr,
    transport: Transport,
    shutdown: Shutdown,
) {
    let span = tracing::info_span!("client", %address);
    let slot = match server.slots.take(address.ip().to_canonical()) {
        Ok(slot) => slot,
        Err(why) => {
            if let Some(left_out) = server.log.refused.admit(Instant::now()) {
                span.in_scope(|| tracing::warn!(why, left_out, "refused"));
            }
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
        match (&server.tls, transport) {
            (Some(tls), Transport::Tls) => {
                match timeout(server.limits.tls_handshake, tls.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let secured = Secured::of(stream.get_ref().1);
                        client::serve(&server, stream, peer, Some(secured), shutdown).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake took too long"),
                }
            }
            _ => client::serve(&server, stream, peer, None, shutdown).await,
        }
    };
    serve.instrument(span).await;
    drop(slot);
}
