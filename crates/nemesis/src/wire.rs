//! The client's side of a connection: octets, and whole responses as the codec reads them. Every wait has a bound.

use std::net::SocketAddr;
use std::time::Duration;

use imap_codec::ResponseCodec;
use imap_codec::decode::{Decoder as _, ResponseDecodeError};
use imap_codec::imap_types::response::Response;
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
    /// Octets that must be there before it is worth looking for a response.
    wanted: usize,
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
            wanted: 0,
        };
        match connection.response(PATIENCE).await? {
            Some(Response::Status(_)) => Ok(connection),
            other => Err(Stop::Broken(format!("a greeting: {other:?}"))),
        }
    }

    pub(crate) async fn send(&mut self, octets: &[u8]) -> Result<(), Stop> {
        let sent = timeout(PATIENCE, self.stream.write_all(octets)).await;
        Ok(sent.map_err(|_| Stop::Lost)??)
    }

    /// The next response of an answer that is due.
    pub(crate) async fn due(&mut self) -> Result<Response<'static>, Stop> {
        self.response(PATIENCE).await?.ok_or(Stop::Lost)
    }

    /// The next response; none where nothing was said for so long.
    pub(crate) async fn response(&mut self, patience: Duration) -> Result<Option<Response<'static>>, Stop> {
        loop {
            if self.heard.len() >= self.wanted.max(1)
                && let Some(response) = self.decode()?
            {
                return Ok(Some(response));
            }
            self.heard.reserve(PIECE);
            match timeout(patience, self.stream.read_buf(&mut self.heard)).await {
                Err(_) => return Ok(None),
                Ok(Ok(1..)) => {}
                Ok(_) => return Err(Stop::Lost),
            }
        }
    }

    fn decode(&mut self) -> Result<Option<Response<'static>>, Stop> {
        let (response, rest) = match ResponseCodec::default().decode_static(&self.heard) {
            Ok((rest, response)) => (response, rest.len()),
            Err(ResponseDecodeError::Incomplete) => return Ok(None),
            Err(ResponseDecodeError::LiteralFound { length }) => {
                self.wanted = length as usize;
                return Ok(None);
            }
            Err(ResponseDecodeError::Failed) => {
                let line = self
                    .heard
                    .split(|octet| *octet == b'\n')
                    .next()
                    .unwrap_or_default();
                let line = line.get(..line.len().min(200)).unwrap_or_default();
                return Err(Stop::Broken(format!("no response: {}", line.escape_ascii())));
            }
        };
        self.heard.drain(..self.heard.len() - rest);
        self.wanted = 0;
        Ok(Some(response))
    }
}
