//! A client that speaks lines.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use imap_test_server::TestServer;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream};
use tokio::time::timeout;

/// No answer takes as long, on any machine: a test that waits longer has hung, and says where.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client<S> {
    stream: BufReader<S>,
}

impl Client<DuplexStream> {
    /// A client of a connection in memory, with its greeting read.
    pub(crate) async fn of(server: &TestServer) -> Self {
        let mut client = Self::new(server.connect());
        let greeting = client.line().await.unwrap();
        assert!(greeting.starts_with("* OK"), "{greeting}");
        client
    }

    /// A client of `joe`.
    pub(crate) async fn user(server: &TestServer) -> Self {
        let mut client = Self::of(server).await;
        client.ok("LOGIN joe secret").await;
        client
    }

    /// A client of `joe` with INBOX selected.
    pub(crate) async fn selected(server: &TestServer) -> Self {
        let mut client = Self::user(server).await;
        client.ok("SELECT INBOX").await;
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends octets. A server that has closed the connection shows by what is read.
    pub(crate) async fn send(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
        let _ = self.stream.flush().await;
    }

    /// The next line without CRLF; none at the end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line);
        match timeout(PATIENCE, read).await.expect("the server is silent") {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(
                String::from_utf8_lossy(&line)
                    .trim_end_matches(['\r', '\n'])
                    .to_owned(),
            ),
        }
    }

    /// Sends a command, and gives all lines up to its tagged response, a continuation, or the end.
    pub(crate) async fn command(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("t {command}\r\n")).await;
        self.lines_to("t").await
    }

    /// Sends a command that is answered OK; gives its lines.
    pub(crate) async fn ok(&mut self, command: &str) -> Vec<String> {
        let lines = self.command(command).await;
        assert!(lines.last().unwrap().starts_with("t OK"), "{command}: {lines:#?}");
        lines
    }

    pub(crate) async fn lines_to(&mut self, tag: &str) -> Vec<String> {
        let (mut lines, tagged) = (Vec::new(), format!("{tag} "));
        while let Some(line) = self.line().await {
            let last = line.starts_with(&tagged) || line.starts_with("+ ");
            lines.push(line);
            if last {
                return lines;
            }
        }
        lines.push("<end>".to_owned());
        lines
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream.into_inner()
    }
}
