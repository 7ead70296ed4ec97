//! A server in memory, and clients that read it line by line.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod compressed;
pub(crate) mod stub;

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use imap_backend::{Backend, Peer, Transport};
use imap_backend_test::MemoryBackend;
use imap_server::{Limits, Server, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Octets that the pipe between client and server holds in each direction.
const PIPE: usize = 64 << 10;

/// Runs a future with time paused, for a test that cannot be `#[tokio::test]`.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

/// What a future gives, and a panic that names what it waits for where that never comes: for tests with sockets, whose time is real.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// How long a client waits for a line. Time is paused in these tests, so that nobody really waits.
const PATIENCE: Duration = Duration::from_secs(300);

/// A server for the user `joe` with the password `secret`.
pub(crate) struct World {
    pub(crate) server: Server<MemoryBackend>,
    /// The same mailboxes as the server's.
    pub(crate) backend: MemoryBackend,
    pub(crate) shutdown: Shutdown,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let backend = MemoryBackend::new("joe", "secret");
        let server = Server::builder(backend.clone()).limits(limits).build();
        Self {
            server,
            backend,
            shutdown: Shutdown::new(),
        }
    }

    /// A client on the same machine, its greeting read.
    pub(crate) async fn connect(&self) -> Client {
        let mut client = connect(&self.server, local(), &self.shutdown);
        let greeting = client.line().await;
        assert!(greeting.starts_with("* OK [CAPABILITY IMAP4rev1 "), "{greeting}");
        client
    }

    /// A client of the user.
    pub(crate) async fn user(&self) -> Client {
        let mut client = self.connect().await;
        client.ok("LOGIN joe secret").await;
        client
    }

    /// A client with INBOX selected.
    pub(crate) async fn selected(&self) -> Client {
        let mut client = self.user().await;
        client.ok("SELECT INBOX").await;
        client
    }

    /// Puts so many messages into INBOX.
    pub(crate) async fn deliver(&self, messages: u32) {
        let mut client = self.user().await;
        for number in 1..=messages {
            client.append("INBOX", &message(number)).await;
        }
        client.ok("LOGOUT").await;
    }
}

/// The n-th message of [`World::deliver`].
pub(crate) fn message(number: u32) -> String {
    format!("From: sender{number}@example.org\r\nSubject: message {number}\r\n\r\nbody {number}\r\n")
}

pub(crate) fn local() -> Peer {
    Peer::new(None, Transport::Plain)
}

pub(crate) fn remote() -> Peer {
    Peer::new(Some(SocketAddr::from(([192, 0, 2, 7], 40_000))), Transport::Plain)
}

/// A client of any server.
pub(crate) fn connect<B: Backend>(server: &Server<B>, peer: Peer, shutdown: &Shutdown) -> Client {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let panics = Panics::watch();
    let (server, shutdown) = (server.clone(), shutdown.clone());
    let served = tokio::spawn(async move { server.serve_connection(theirs, peer, shutdown).await });
    Client {
        stream: ours,
        received: Vec::new(),
        tags: 0,
        served,
        panics,
    }
}

thread_local! {
    /// Panics of this thread: of the test, which then fails by itself, and of the server, which catches them.
    static SEEN: Cell<u32> = const { Cell::new(0) };
}

/// Sees panics inside the server, which are one connection's end there: a test that caused one by mistake must fail.
pub(crate) struct Panics {
    expected: u32,
}

impl Panics {
    fn watch() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                SEEN.set(SEEN.get() + 1);
                report(panic);
            }));
        });
        Self { expected: SEEN.get() }
    }

    /// The test means the server to panic once.
    pub(crate) fn expect_one(&mut self) {
        self.expected += 1;
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(SEEN.get(), self.expected, "the server panicked");
        }
    }
}

/// A client of any server on the same machine, logged in, with INBOX selected.
pub(crate) async fn selected<B: Backend>(server: &Server<B>) -> Client {
    let mut client = connect(server, local(), &Shutdown::new());
    client.line().await;
    client.ok("LOGIN joe secret").await;
    client.ok("SELECT INBOX").await;
    client
}

/// One client.
pub(crate) struct Client {
    pub(crate) stream: DuplexStream,
    received: Vec<u8>,
    tags: u32,
    served: JoinHandle<()>,
    pub(crate) panics: Panics,
}

impl Client {
    /// Sends octets as they are.
    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        // A server that has closed does not read; what it answered is what counts.
        let _ = self.stream.write_all(octets.as_ref()).await;
    }

    /// The next line without CRLF; empty also at the end of the connection.
    pub(crate) async fn line(&mut self) -> String {
        self.line_or_end().await.unwrap_or_default()
    }

    /// The next line without CRLF; `None` at the end of the connection. Octets above 127 are shown as Latin-1.
    pub(crate) async fn line_or_end(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.received.drain(..end + 2).collect();
                return Some(line[..end].iter().map(|&octet| char::from(octet)).collect());
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
            match read.expect("the server answers in time") {
                Ok(0) | Err(_) => {
                    assert!(
                        self.received.is_empty(),
                        "half a line: {:?}",
                        String::from_utf8_lossy(&self.received)
                    );
                    return None;
                }
                Ok(_) => {}
            }
        }
    }

    /// What was received and not yet looked at.
    pub(crate) fn unread(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.received)
    }

    /// The next so many octets.
    pub(crate) async fn octets(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
            let read = read.expect("the server answers in time").unwrap_or(0);
            assert!(read > 0, "the connection ended in the middle of {count} octets");
        }
        self.received.drain(..count).collect()
    }

    /// Sends a command and reads to its tagged line.
    pub(crate) async fn command(&mut self, command: &str) -> Vec<String> {
        let tag = self.next_tag();
        self.send(format!("{tag} {command}\r\n")).await;
        self.until_tagged(&tag).await
    }

    pub(crate) fn next_tag(&mut self) -> String {
        self.tags += 1;
        format!("t{}", self.tags)
    }

    /// Reads to the line that begins with this tag, which comes last and without the tag.
    pub(crate) async fn until_tagged(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if let Some(rest) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                lines.push(rest.to_owned());
                return lines;
            }
            assert!(!line.is_empty(), "the connection ended after {lines:#?}");
            lines.push(line);
        }
    }

    /// Sends a command that has to succeed; the untagged lines and the tagged one.
    pub(crate) async fn ok(&mut self, command: &str) -> Vec<String> {
        let lines = self.command(command).await;
        assert!(
            lines.last().is_some_and(|last| last.starts_with("OK ")),
            "{command}: {lines:#?}"
        );
        lines
    }

    /// Appends a message with a synchronising literal; the tagged line.
    pub(crate) async fn append(&mut self, mailbox: &str, message: &str) -> String {
        let tag = self.next_tag();
        self.send(format!("{tag} APPEND {mailbox} {{{}}}\r\n", message.len()))
            .await;
        let go_on = self.line().await;
        assert!(go_on.starts_with("+ "), "{go_on}");
        self.send(format!("{message}\r\n")).await;
        let lines = self.until_tagged(&tag).await;
        assert!(
            lines
                .last()
                .is_some_and(|last| last.starts_with("OK [APPENDUID ")),
            "{lines:#?}"
        );
        lines.last().cloned().unwrap_or_default()
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line_or_end().await {
            lines.push(line);
        }
        lines
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        self.received.is_empty()
            && timeout(Duration::from_secs(1), self.stream.read_buf(&mut self.received))
                .await
                .is_err()
    }

    /// Waits for the server's side to end; a panic there fails the test.
    pub(crate) async fn ended(self) {
        drop(self.stream);
        timeout(PATIENCE, self.served)
            .await
            .expect("the server's side ends")
            .expect("no panic");
    }

    /// Whether the server has ended the connection.
    pub(crate) fn is_left(&self) -> bool {
        self.served.is_finished()
    }

    /// The stream alone, for a client that goes on in another way.
    pub(crate) fn into_stream(self) -> DuplexStream {
        assert!(self.received.is_empty(), "{:?}", self.received);
        self.stream
    }

    /// Closes the connection at once, whatever is unread, and gives the server's side of it.
    pub(crate) fn closed(self) -> JoinHandle<()> {
        drop(self.stream);
        self.served
    }
}
