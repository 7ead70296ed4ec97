//! What only sockets show: places for connections, and the end of a server.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::net::SocketAddr;
use std::time::Duration;

use imap_backend::{Backend, Credentials, LoginError, Peer};
use imap_backend_test::{MemoryBackend, MemorySession};
use imap_server::{Limits, Server, Shutdown};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::common::within;

async fn serving<B: Backend>(backend: B, limits: Limits) -> (SocketAddr, Shutdown, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let server = Server::builder(backend).limits(limits).build();
    let stopping = shutdown.clone();
    let served = tokio::spawn(async move { server.serve(listener, stopping).await.unwrap() });
    (address, shutdown, served)
}

async fn first_line(address: SocketAddr) -> (BufReader<TcpStream>, String) {
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut line = String::new();
    within("a greeting", stream.read_line(&mut line)).await.unwrap();
    (stream, line)
}

#[tokio::test]
async fn a_full_server_says_so_and_a_freed_place_is_given_again() {
    let (mut total, mut per_address) = (Limits::default(), Limits::default());
    total.connections = 2;
    per_address.connections_per_address = 2;
    for (limits, refusal) in [
        (total, "* BYE too many connections\r\n"),
        (per_address, "* BYE too many connections from your address\r\n"),
    ] {
        let (address, ..) = serving(MemoryBackend::new("joe", "secret"), limits).await;
        let (first, greeting) = first_line(address).await;
        assert!(greeting.starts_with("* OK "), "{greeting}");
        let (_second, greeting) = first_line(address).await;
        assert!(greeting.starts_with("* OK "), "{greeting}");
        assert_eq!(first_line(address).await.1, refusal);
        drop(first);
        // The server notices in its own time.
        let freed = async { while !first_line(address).await.1.starts_with("* OK ") {} };
        within("a free place", freed).await;
    }
}

/// Logs nobody in, and never says so.
struct Hanging;

impl Backend for Hanging {
    type Session = MemorySession;

    async fn login(&self, _: &Peer, _: Credentials) -> Result<MemorySession, LoginError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_ever_for_a_command() {
    let mut limits = Limits::default();
    limits.stop_time = Duration::from_millis(50);
    let (address, shutdown, served) = serving(Hanging, limits).await;
    let (mut stuck, _) = first_line(address).await;
    stuck.write_all(b"a LOGIN joe secret\r\n").await.unwrap();
    let (mut quiet, _) = first_line(address).await;
    shutdown.start();
    within("the end of the server", served).await.unwrap();
    let mut rest = String::new();
    within("the end", quiet.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "* BYE the server stops\r\n");
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nobody listens any more"
    );
}
