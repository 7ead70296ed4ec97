//! A client that has compressed its connection (RFC 4978), by another implementation of DEFLATE than the server's.

use std::collections::VecDeque;
use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// A client behind COMPRESS.
pub(crate) struct Compressed<S> {
    pub(crate) stream: S,
    compress: Compress,
    decompress: Decompress,
    received: Vec<u8>,
    lines: VecDeque<String>,
    /// Octets that have crossed towards the client.
    pub(crate) on_the_wire: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Compressed<S> {
    /// Over a stream on which the server has just answered OK to COMPRESS.
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            compress: Compress::new(Compression::new(6), false),
            decompress: Decompress::new(false),
            received: Vec::new(),
            lines: VecDeque::new(),
            on_the_wire: 0,
        }
    }

    /// The same, with what has been received already.
    pub(crate) fn with_received(stream: S, octets: &[u8]) -> Self {
        let mut client = Self::new(stream);
        client.inflate(octets);
        client
    }

    /// The stream alone; what the client itself holds is given back.
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// Octets as they cross.
    pub(crate) fn compressed(&mut self, octets: impl AsRef<[u8]>) -> Vec<u8> {
        let mut all = Vec::with_capacity(octets.as_ref().len() + 1024);
        self.compress
            .compress_vec(octets.as_ref(), &mut all, FlushCompress::Sync)
            .unwrap();
        assert!(all.len() < all.capacity());
        all
    }

    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        let all = self.compressed(octets);
        // A server that has closed does not read; what it answered is what counts.
        let _ = self.stream.write_all(&all).await;
        let _ = self.stream.flush().await;
    }

    /// The next line without CRLF; `None` at the end of the connection.
    pub(crate) async fn line_or_end(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            let mut room = [0; 4096];
            let read = timeout(Duration::from_secs(300), self.stream.read(&mut room)).await;
            let count = read.expect("the server answers in time").unwrap_or(0);
            if count == 0 {
                assert!(self.received.is_empty(), "half a line: {:?}", self.received);
                return None;
            }
            self.on_the_wire += count as u64;
            self.inflate(&room[..count]);
        }
    }

    fn inflate(&mut self, octets: &[u8]) {
        let began = self.decompress.total_in();
        loop {
            self.received.reserve(64 << 10);
            let done = usize::try_from(self.decompress.total_in() - began).unwrap();
            self.decompress
                .decompress_vec(&octets[done..], &mut self.received, FlushDecompress::Sync)
                .expect("the server sends DEFLATE data");
            if self.received.len() < self.received.capacity() {
                break;
            }
        }
        while let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = self.received.drain(..end + 2).collect();
            self.lines
                .push_back(String::from_utf8_lossy(&line[..end]).into_owned());
        }
    }

    pub(crate) async fn line(&mut self) -> String {
        self.line_or_end().await.expect("a line")
    }

    /// Sends a command with the tag `z` and reads to its tagged line.
    pub(crate) async fn command(&mut self, command: &str) -> Vec<String> {
        self.send(format!("z {command}\r\n")).await;
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if let Some(rest) = line.strip_prefix("z ") {
                lines.push(rest.to_owned());
                return lines;
            }
            lines.push(line);
        }
    }
}
