//! What strangers can bring into the log: how much, and nothing that may be a password.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use common::{World, connect, local, within};
use imap_backend::{Backend, Credentials, Error, ErrorKind, LoginError, Peer};
use imap_backend_test::{MemoryBackend, MemorySession};
use imap_server::{Limits, Server, Shutdown};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// The log of the thread that made it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start(level: Level) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A password typed as the name must not stand in the log, whoever may read it.
#[tokio::test(start_paused = true)]
async fn t18_the_name_of_a_refused_login_is_in_no_log_line() {
    let (log, _guard) = Log::start(Level::TRACE);
    let world = World::new();
    let mut client = world.connect().await;
    client.command("LOGIN hunter2 joe").await;
    client.send("a AUTHENTICATE PLAIN AGh1bnRlcjIAam9l\r\n").await;
    client.until_tagged("a").await;
    client.ok("LOGIN joe secret").await;
    let text = log.text();
    assert!(
        text.contains("login refused") && text.contains("attempt=2"),
        "{text}"
    );
    assert!(text.contains("logged in user=\"joe\""), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

/// Cannot say who anybody is.
struct Broken;

impl Backend for Broken {
    type Session = MemorySession;

    async fn login(&self, _: &Peer, _: Credentials) -> Result<MemorySession, LoginError> {
        Err(LoginError::Failed(Error::new(ErrorKind::Unavailable)))
    }
}

#[tokio::test(start_paused = true)]
async fn t18_a_name_that_could_not_be_checked_is_in_no_log_line_and_the_trouble_is_told_once() {
    let (log, _guard) = Log::start(Level::TRACE);
    let server = Server::builder(Broken).build();
    let mut client = connect(&server, local(), &Shutdown::new());
    client.line().await;
    for _ in 0..5 {
        assert!(client.command("LOGIN hunter2 joe").await[0].starts_with("NO [UNAVAILABLE]"));
    }
    let text = log.text();
    assert_eq!(text.matches("login could not be checked").count(), 1, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn t20_refused_connections_do_not_fill_the_log() {
    let (log, _guard) = Log::start(Level::WARN);
    let mut limits = Limits::default();
    limits.connections = 0;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder(MemoryBackend::new("joe", "secret"))
        .limits(limits)
        .build();
    let shutdown = Shutdown::new();
    let served = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { server.serve(listener, shutdown).await.unwrap() }
    });
    for _ in 0..50 {
        let mut refused = String::new();
        let mut stream = TcpStream::connect(address).await.unwrap();
        within("a refusal", stream.read_to_string(&mut refused))
            .await
            .unwrap();
        assert_eq!(refused, "* BYE too many connections\r\n");
    }
    shutdown.start();
    within("the end of the server", served).await.unwrap();
    let lines = log.text().lines().count();
    assert!((1..50).contains(&lines), "{}", log.text());
}
