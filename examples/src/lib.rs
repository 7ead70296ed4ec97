//! What the examples share: a client that talks to a server in memory and prints both sides.
//!
//! Run an example with `cargo run -p imap-backendutil-examples --example NAME`:
//!
//! | example | shows |
//! | --- | --- |
//! | `minimal_backend` | the smallest complete backend, served on a port |
//! | `minimal_server` | a server in twenty lines |
//! | `maildir_server` | the same on a Maildir |
//! | `two_clients` | two clients and one expunge: what each is told, and when |
//! | `polled_backend` | a store that can only be listed |
//! | `rest_backend` | a store behind HTTP, with ids of its own, pages and faults; UIDs that last |
//! | `mbox_archive` | one mbox file, read-only |
//! | `log_backend` | a database with a change log, which several servers share |
//! | `sqlite_backend` | the smallest complete backend on an SQL database, which other programs change too |
//! | `helpers_without_server` | the helpers in a server of your own |
//!
//! `tests/` runs each of them and compares its output with the one in its first lines.

use imap_backend::{Backend, Peer, Transport};
use imap_server::{Server, Shutdown};
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// A logged-in client with INBOX selected.
#[derive(Debug)]
pub struct Client {
    name: &'static str,
    stream: BufReader<DuplexStream>,
    commands: u32,
}

impl Client {
    /// Connects, logs in as `demo` with the password `demo`, and selects INBOX, without printing.
    ///
    /// # Errors
    /// The connection ends.
    pub async fn connect<B: Backend>(server: &Server<B>, name: &'static str) -> io::Result<Self> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let server = server.clone();
        tokio::spawn(async move {
            let peer = Peer::new(None, Transport::Plain);
            server.serve_connection(theirs, peer, Shutdown::new()).await;
        });
        let mut client = Self { name, stream: BufReader::new(ours), commands: 0 };
        client.line().await?;
        client.quietly("LOGIN demo demo").await?;
        client.quietly("SELECT INBOX").await?;
        Ok(client)
    }

    /// Sends a command, prints it and every line up to the tagged one.
    ///
    /// # Errors
    /// The connection ends.
    pub async fn say(&mut self, command: &str) -> io::Result<()> {
        println!("{:>4} says  {command}", self.name);
        let tag = self.send(command).await?;
        while !self.hear().await?.starts_with(&tag) {}
        Ok(())
    }

    /// Sends a command, prints it and the one line that answers it: IDLE and its `+`.
    ///
    /// # Errors
    /// The connection ends.
    pub async fn begin(&mut self, command: &str) -> io::Result<()> {
        println!("{:>4} says  {command}", self.name);
        self.send(command).await?;
        self.hear().await.map(drop)
    }

    /// Waits for a line and prints it.
    ///
    /// # Errors
    /// The connection ends.
    pub async fn hear(&mut self) -> io::Result<String> {
        let line = self.line().await?;
        println!("{:>4} hears {line}", self.name);
        Ok(line)
    }

    /// A command whose answer is of no interest.
    ///
    /// # Errors
    /// The connection ends, or the answer is not OK.
    pub async fn quietly(&mut self, command: &str) -> io::Result<()> {
        let tag = self.send(command).await?;
        loop {
            let line = self.line().await?;
            if let Some(completion) = line.strip_prefix(&tag) {
                return match completion.starts_with(" OK") {
                    true => Ok(()),
                    false => Err(io::Error::other(line)),
                };
            }
        }
    }

    /// Appends a message with this subject to INBOX, without printing.
    ///
    /// # Errors
    /// As [`quietly`](Self::quietly).
    pub async fn append(&mut self, subject: &str) -> io::Result<()> {
        let message = format!("Subject: {subject}\r\n\r\nText.\r\n");
        self.quietly(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await
    }

    async fn send(&mut self, command: &str) -> io::Result<String> {
        self.commands += 1;
        let tag = format!("a{}", self.commands);
        self.stream.write_all(format!("{tag} {command}\r\n").as_bytes()).await?;
        Ok(tag)
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
