//! The octets of one connection: the only file that touches a stream.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::deflate::{Deflated, Pools};

/// Anything that carries IMAP: a socket, a TLS session, an in-memory pipe.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Output is sent once it is this long, in octets: large enough that a packet is full, small enough to stay in cache.
const FLUSH_AT: usize = 32 << 10;
/// How much input is taken in while a write blocks, in octets. Some, because a client that writes before it reads
/// would otherwise deadlock with us; not more, because it costs memory without any work being done.
const READ_AHEAD: usize = 64 << 10;
/// How much is read at once, in octets.
const READ_SIZE: usize = 16 << 10;
/// How much of a buffer a connection keeps that waits for its client, in octets.
const KEPT_IDLE: usize = 1 << 10;
/// So many octets may be sent without a pause for others.
const PAUSE_AFTER: usize = 256 << 10;

/// How reading ahead stands.
enum ReadAhead {
    /// For more to come.
    Waiting,
    /// The client has closed its side, or has sent as much as is taken in.
    Stopped,
}

/// A stream with its input and output buffers.
pub(crate) struct Io {
    stream: Box<dyn Stream>,
    is_compressed: bool,
    input: BytesMut,
    output: Vec<u8>,
    /// How much of `output` has left; kept here so that a flush can be dropped and taken up again.
    sent: usize,
    write_stall: Duration,
    read_ahead_ended: Option<io::Error>,
    /// Octets sent since the last pause.
    since_pause: usize,
}

impl Io {
    pub(crate) fn new(stream: Box<dyn Stream>, write_stall: Duration) -> Self {
        Self {
            stream,
            is_compressed: false,
            input: BytesMut::new(),
            output: Vec::new(),
            sent: 0,
            write_stall,
            read_ahead_ended: None,
            since_pause: 0,
        }
    }

    /// The stream without its buffers, for a TLS handshake: nothing read before may survive into the new session.
    /// What stays behind is closed.
    pub(crate) fn take_stream(&mut self) -> Box<dyn Stream> {
        std::mem::replace(&mut self.stream, Box::new(Closed))
    }

    /// Compresses both directions from now on (RFC 4978, section 3); what was read already and not consumed is compressed
    /// input. The output must have been flushed.
    pub(crate) fn compress(&mut self, pools: Pools) {
        let received = std::mem::take(&mut self.input);
        let deflated = Deflated::new(self.take_stream(), &received, pools);
        self.stream = Box::new(deflated);
        self.is_compressed = true;
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.is_compressed
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
        poll_fn(|context| self.poll_read(context)).await
    }

    /// Takes in what has arrived, once there is something. While nothing comes, the connection keeps no buffer for it:
    /// most connections wait most of the time.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = [MaybeUninit::uninit(); READ_SIZE];
        let mut read = ReadBuf::uninit(&mut room);
        match Pin::new(&mut self.stream).poll_read(context, &mut read) {
            Poll::Ready(Ok(())) if read.filled().is_empty() => {
                Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            Poll::Ready(Ok(())) => {
                self.input.extend_from_slice(read.filled());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.give_buffers_back();
                Poll::Pending
            }
        }
    }

    fn give_buffers_back(&mut self) {
        if self.output.capacity() > KEPT_IDLE && self.output.is_empty() {
            self.output = Vec::new();
        }
        // Of a buffer whose beginning was consumed the capacity does not tell how large it is.
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
    }

    /// Takes in a bounded amount of what the client sends while it is not its turn, and returns when that can go no
    /// further: the client has closed its side, or it has sent more than is taken in.
    ///
    /// # Errors
    /// The connection is lost.
    ///
    /// # Cancel safety
    /// Dropping it loses nothing.
    pub(crate) async fn read_ahead(&mut self) -> io::Result<()> {
        poll_fn(|context| match self.poll_read_ahead(context) {
            ReadAhead::Waiting => Poll::Pending,
            ReadAhead::Stopped => Poll::Ready(()),
        })
        .await;
        match self
            .read_ahead_ended
            .take_if(|error| error.kind() != io::ErrorKind::UnexpectedEof)
        {
            Some(lost) => Err(lost),
            None => Ok(()),
        }
    }

    fn poll_read_ahead(&mut self, context: &mut Context<'_>) -> ReadAhead {
        while self.input.len() < READ_AHEAD && self.read_ahead_ended.is_none() {
            match self.poll_read(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.read_ahead_ended = Some(error),
                Poll::Pending => return ReadAhead::Waiting,
            }
        }
        ReadAhead::Stopped
    }

    /// Sends the output once enough has gathered; called between the rows of a long answer. Pauses now and then, so that
    /// a client that reads as fast as it is written to does not keep a core for itself.
    pub(crate) async fn flush_if_full(&mut self) -> io::Result<()> {
        let due = self.output.len() - self.sent;
        if due < FLUSH_AT {
            return Ok(());
        }
        self.flush().await?;
        self.since_pause += due;
        if self.since_pause >= PAUSE_AFTER {
            self.since_pause = 0;
            tokio::task::yield_now().await;
        }
        Ok(())
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
        timeout(stall, self.flush_stream())
            .await
            .map_err(|_| stalled())??;
        // Not before: a flush that is dropped while the stream holds octets back has to be taken up there.
        self.output.clear();
        self.sent = 0;
        // A large literal must not pin its buffer to the connection for ever.
        self.output.shrink_to(2 * FLUSH_AT);
        Ok(())
    }

    /// Sends what the stream itself holds back, as TLS and compression do, taking in a bounded amount of input meanwhile.
    async fn flush_stream(&mut self) -> io::Result<()> {
        poll_fn(|context| match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(flushed) => Poll::Ready(flushed),
            Poll::Pending => {
                let _ = self.poll_read_ahead(context);
                Poll::Pending
            }
        })
        .await
    }

    /// Writes at least one octet, taking in a bounded amount of input while the client does not take any.
    async fn write_some(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            match Pin::new(&mut self.stream).poll_write(cx, &self.output[self.sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => {
                    self.sent += n;
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
            let _ = self.poll_read_ahead(cx);
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, DuplexStream};

    fn pair() -> (DuplexStream, Io) {
        let (client, stream) = tokio::io::duplex(256 << 10);
        (client, Io::new(Box::new(stream), Duration::from_secs(60)))
    }

    #[tokio::test]
    async fn a_connection_that_waits_for_its_client_keeps_no_buffers() {
        let (mut client, mut io) = pair();
        client.write_all(&[b'x'; 100_000]).await.unwrap();
        while io.input().len() < 100_000 {
            io.fill().await.unwrap();
        }
        io.consume(100_000);
        io.out().extend_from_slice(&[b'y'; 100_000]);
        tokio::select! {
            biased;
            _ = io.fill() => unreachable!("the client says nothing"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(client.read_exact(&mut [0; 100_000]).await.unwrap(), 100_000);
        assert_eq!(io.output.capacity() + io.input.capacity(), 0);
    }

    /// Holds back what is written until it is flushed, and is flushed at the second try.
    struct Hesitant(DuplexStream, Vec<u8>, Tries);

    enum Tries {
        None,
        One,
    }

    impl AsyncRead for Hesitant {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            room: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, room)
        }
    }

    impl AsyncWrite for Hesitant {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            octets: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.1.extend_from_slice(octets);
            Poll::Ready(Ok(octets.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            if let Tries::None = self.2 {
                self.2 = Tries::One;
                return Poll::Pending;
            }
            let held = std::mem::take(&mut self.1);
            let written = Pin::new(&mut self.0).poll_write(context, &held);
            written.map_ok(|count| assert!(count == held.len()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_flush_that_is_dropped_is_taken_up_again_where_the_stream_holds_octets_back() {
        let (mut client, stream) = tokio::io::duplex(100);
        let stream = Hesitant(stream, Vec::new(), Tries::None);
        let mut io = Io::new(Box::new(stream), Duration::from_secs(60));
        io.out().extend_from_slice(b"* 1 EXISTS\r\n");
        tokio::select! {
            biased;
            _ = io.fill() => unreachable!("the client says nothing"),
            () = std::future::ready(()) => {}
        }
        io.flush().await.unwrap();
        let mut octets = [0; 12];
        client.read_exact(&mut octets).await.unwrap();
        assert_eq!(&octets, b"* 1 EXISTS\r\n");
        assert!(io.out().is_empty());
    }

    #[tokio::test]
    async fn reading_ahead_is_bounded_and_loses_nothing() {
        let (mut client, mut io) = pair();
        client.write_all(&[b'x'; 200_000]).await.unwrap();
        io.read_ahead().await.unwrap();
        assert!((READ_AHEAD..READ_AHEAD + READ_SIZE).contains(&io.input().len()));
        drop(client);
        while io.fill().await.is_ok() {}
        assert_eq!(io.input(), [b'x'; 200_000]);
    }

    #[tokio::test]
    async fn a_client_that_has_closed_its_side_ends_reading_ahead_and_the_next_fill() {
        let (client, mut io) = pair();
        drop(client);
        io.read_ahead().await.unwrap();
        io.read_ahead().await.unwrap();
        assert_eq!(io.fill().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
