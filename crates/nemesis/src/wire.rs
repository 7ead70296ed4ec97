//! The client's side of a connection: octets, and whole responses as `imap-conform` reads them. Every wait has a bound.

use std::net::SocketAddr;
use std::time::Duration;

use imap_conform::response::{Fault, Response, Responses, Utf8, Whole};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a client waits for octets.
const PATIENCE: Duration = Duration::from_secs(8);

/// Octets that are read at a time.
const PIECE: usize = 64 << 10;

/// Why a conversation ends.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The connection was cut, or nothing more was said: what was asked for may have happened.
    Lost,
    /// What was said contradicts what was said before, or the protocol.
    Broken(String),
}

impl From<std::io::Error> for Stop {
    fn from(_: std::io::Error) -> Self {
        Self::Lost
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    heard: Vec<u8>,
    /// Octets of it that were looked at.
    read: usize,
    responses: Responses,
}

/// A response that breaks no rule by itself. No client here asks for UTF-8.
pub(crate) fn read(whole: &Whole) -> Result<Response<'_>, Stop> {
    let broken = |fault: Fault| {
        let octets = whole.octets();
        let begin = &octets[..octets.len().min(200)];
        Stop::Broken(format!("{fault}: {}", begin.escape_ascii()))
    };
    whole.read(Utf8::Nowhere).map_err(broken)
}

impl Connection {
    /// Connects, and hears the greeting.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Stop> {
        let connect = timeout(PATIENCE, TcpStream::connect(address)).await;
        let stream = connect.map_err(|_| Stop::Lost)??;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            heard: Vec::new(),
            read: 0,
            responses: Responses::new(),
        };
        let greeting = connection.due().await?;
        match read(&greeting)? {
            Response::Status(_) => Ok(connection),
            other => Err(Stop::Broken(format!("a greeting: {other:?}"))),
        }
    }

    pub(crate) async fn send(&mut self, octets: &[u8]) -> Result<(), Stop> {
        let sent = timeout(PATIENCE, self.stream.write_all(octets)).await;
        Ok(sent.map_err(|_| Stop::Lost)??)
    }

    /// The next response of an answer that is due.
    pub(crate) async fn due(&mut self) -> Result<Whole, Stop> {
        self.response(PATIENCE).await?.ok_or(Stop::Lost)
    }

    /// The next response; none where nothing was said for so long.
    pub(crate) async fn response(&mut self, patience: Duration) -> Result<Option<Whole>, Stop> {
        loop {
            let mut rest = &self.heard[self.read..];
            let whole = self.responses.next(&mut rest);
            self.read = self.heard.len() - rest.len();
            if whole.is_some() {
                return Ok(whole);
            }
            self.heard.clear();
            self.read = 0;
            self.heard.reserve(PIECE);
            match timeout(patience, self.stream.read_buf(&mut self.heard)).await {
                Err(_) => return Ok(None),
                Ok(Ok(1..)) => {}
                Ok(_) => return Err(Stop::Lost),
            }
        }
    }
}
