//! The octets of one connection: the only file that touches a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

/// Anything that carries IMAP: a socket, a TLS session, an in-memory pipe.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Output is sent once it is this long, in octets: large enough that a packet is full, small enough to stay in cache.
const FLUSH_AT: usize = 32 << 10;
/// How much input is taken in while a write blocks, in octets. Some, because a client that writes before it reads
/// would otherwise deadlock with us; not more, because it costs memory without any work being done.
const READ_AHEAD: usize = 64 << 10;
const READ_SIZE: usize = 16 << 10;

/// A stream with its input and output buffers.
pub(crate) struct Io {
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: Vec<u8>,
    /// How much of `output` has left; kept here so that a flush can be dropped and taken up again.
    sent: usize,
    write_stall: Duration,
    read_ahead_ended: Option<io::Error>,
}

impl Io {
    pub(crate) fn new(stream: Box<dyn Stream>, write_stall: Duration) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            output: Vec::new(),
            sent: 0,
            write_stall,
            read_ahead_ended: None,
        }
    }

    /// The stream without its buffers, for a TLS handshake: nothing read before may survive into the new session.
    /// What stays behind is closed.
    pub(crate) fn take_stream(&mut self) -> Box<dyn Stream> {
        std::mem::replace(&mut self.stream, Box::new(Closed))
    }

    /// What has been received and not yet consumed.
    pub(crate) fn input(&self) -> &[u8] {
        &self.input
    }

    pub(crate) fn consume(&mut self, octets: usize) {
        self.input.advance(octets);
    }

    /// Takes the first octets of the input without copying them.
    pub(crate) fn split(&mut self, octets: usize) -> Bytes {
        self.input.split_to(octets).freeze()
    }

    /// Where responses are appended. They leave at the next flush.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Sends what is due and then waits for input: at least one octet.
    ///
    /// # Errors
    /// `UnexpectedEof` where the client has closed its side; `TimedOut` where it does not take our output.
    ///
    /// # Cancel safety
    /// Dropping it loses neither input nor output.
    pub(crate) async fn fill(&mut self) -> io::Result<()> {
        self.flush().await?;
        if let Some(error) = self.read_ahead_ended.take() {
            return Err(error);
        }
        self.input.reserve(READ_SIZE);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Sends the output once enough has gathered; called between the rows of a long answer.
    pub(crate) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.output.len() - self.sent >= FLUSH_AT {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Sends all output.
    ///
    /// # Errors
    /// `TimedOut` where the client took nothing for the write-stall time.
    ///
    /// # Cancel safety
    /// A dropped flush can be taken up again; no octet is sent twice.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let stall = self.write_stall;
        while self.sent < self.output.len() {
            timeout(stall, self.write_some()).await.map_err(|_| stalled())??;
        }
        self.output.clear();
        self.sent = 0;
        // A large literal must not pin its buffer to the connection for ever.
        self.output.shrink_to(2 * FLUSH_AT);
        timeout(stall, self.stream.flush()).await.map_err(|_| stalled())?
    }

    /// Writes at least one octet, taking in a bounded amount of input while the client does not take any.
    async fn write_some(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            let mut stream = Pin::new(&mut self.stream);
            match stream.as_mut().poll_write(cx, &self.output[self.sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => {
                    self.sent += n;
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
            while self.input.len() < READ_AHEAD && self.read_ahead_ended.is_none() {
                let mut chunk = [0; 4096];
                let mut buf = ReadBuf::new(&mut chunk);
                match stream.as_mut().poll_read(cx, &mut buf) {
                    Poll::Ready(Ok(())) if buf.filled().is_empty() => {
                        self.read_ahead_ended = Some(io::ErrorKind::UnexpectedEof.into());
                    }
                    Poll::Ready(Ok(())) => self.input.extend_from_slice(buf.filled()),
                    Poll::Ready(Err(error)) => self.read_ahead_ended = Some(error),
                    Poll::Pending => break,
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Sends what is left and closes our side. Errors no longer matter to anybody.
    pub(crate) async fn close(&mut self) {
        if self.flush().await.is_ok() {
            let _ = timeout(self.write_stall, self.stream.shutdown()).await;
        }
    }
}

/// A stream that has ended, in place of one that was taken.
struct Closed;

impl AsyncRead for Closed {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Closed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client does not read")
}
