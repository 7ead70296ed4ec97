//! A client that says what it likes.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::server::{ATTACKER, PASSWORD, Server};

/// How long a client waits for an answer that may never come.
const PATIENCE: Duration = Duration::from_secs(150);

/// A connection of a user.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    tags: u32,
}

impl Client {
    /// Connects and logs in.
    pub(crate) fn of(server: &Server, user: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(server.address())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut client = Self {
            stream: BufReader::with_capacity(256 << 10, stream),
            tags: 0,
        };
        client.line()?;
        client.command(&format!("LOGIN {user} {PASSWORD}"))?;
        Ok(client)
    }

    /// The attacker with INBOX selected.
    pub(crate) fn attacker(server: &Server) -> io::Result<Self> {
        let mut client = Self::of(server, ATTACKER)?;
        client.command("SELECT INBOX")?;
        Ok(client)
    }

    /// So many attackers.
    pub(crate) fn attackers(server: &Server, count: usize) -> io::Result<Vec<Self>> {
        (0..count).map(|_| Self::attacker(server)).collect()
    }

    /// How long to wait for an answer.
    pub(crate) fn be_patient(&self, patience: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(patience))
    }

    /// Sends octets.
    pub(crate) fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(octets)
    }

    /// Sends a command and reads to its tagged line, which it gives without the tag. What comes before is thrown away.
    pub(crate) fn command(&mut self, command: &str) -> io::Result<String> {
        self.tags += 1;
        let tag = format!("t{} ", self.tags);
        self.send(format!("{tag}{command}\r\n").as_bytes())?;
        loop {
            let line = self.line()?;
            if let Some(answer) = line.strip_prefix(&*tag) {
                return Ok(answer.to_owned());
            }
        }
    }

    /// The next line, and the literal that it announces thrown away.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let announced = line.strip_suffix('}').and_then(|line| line.rsplit_once('{'));
        if let Some(octets) = announced.and_then(|(_, octets)| octets.parse().ok()) {
            io::copy(&mut self.stream.by_ref().take(octets), &mut io::sink())?;
        }
        Ok(line)
    }
}
