//! A client of a server in this process.

use std::io;

use imap_backend::{Backend, Peer, Transport};
use imap_server::{Server, Shutdown};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

pub(crate) struct Client {
    stream: BufReader<DuplexStream>,
}

impl Client {
    /// Connects and logs in.
    pub(crate) async fn connect<B: Backend>(server: &Server<B>, user: &str) -> io::Result<Self> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let server = server.clone();
        tokio::spawn(async move {
            let peer = Peer::new(None, Transport::Plain);
            server.serve_connection(theirs, peer, Shutdown::new()).await;
        });
        let mut client = Self {
            stream: BufReader::new(ours),
        };
        client.line().await?;
        client.say(&format!("LOGIN {user} secret")).await?;
        Ok(client)
    }

    /// A command, up to its OK.
    pub(crate) async fn say(&mut self, command: &str) -> io::Result<()> {
        self.send(command).await?;
        loop {
            let line = self.line().await?;
            if line.starts_with("a OK") {
                return Ok(());
            }
            if line.starts_with("a ") {
                return Err(io::Error::other(format!("{command}: {line}")));
            }
        }
    }

    /// Sends a command without waiting for its answer.
    pub(crate) async fn send(&mut self, command: &str) -> io::Result<()> {
        self.stream.write_all(format!("a {command}\r\n").as_bytes()).await
    }

    pub(crate) async fn append(&mut self, mailbox: &str, message: &str) -> io::Result<()> {
        self.say(&format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len()))
            .await
    }

    /// A line, with the literal that it announces.
    pub(crate) async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let literal = line
            .trim_end()
            .strip_suffix('}')
            .and_then(|line| line.rsplit_once('{'));
        if let Some(octets) = literal.and_then(|(_, octets)| octets.parse().ok()) {
            self.stream.read_exact(&mut vec![0; octets]).await?;
        }
        Ok(line)
    }
}
