//! COMPRESS=DEFLATE (RFC 4978): a stream whose octets cross as raw DEFLATE (RFC 1951), in both directions.

mod compressors;
mod decompressors;
mod deflater;
mod inflater;
mod kept;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;
use tokio::time::{Sleep, sleep};

use self::compressors::Compressors;
use self::decompressors::Decompressors;
use self::deflater::Deflater;
pub(super) use self::inflater::Damaged;
use self::inflater::Inflater;
use self::kept::Cells;
use super::io::Stream;

/// How much compressed input is read at once, in octets: a command, in the usual case.
const READ_SIZE: usize = 4 << 10;

/// After so long without anything in either direction, what a stream keeps is compressed: a mail program asks again within this
/// time, or not soon. That takes 0.3 ms, and to have it back 0.1.
const QUIET: Duration = Duration::from_secs(2);

/// What all compressed streams of a server share.
#[derive(Clone, Default)]
pub(crate) struct Pools {
    compressors: Arc<Compressors>,
    decompressors: Arc<Decompressors>,
    cells: Arc<Cells>,
}

/// A stream under compression.
///
/// While nothing crosses it, it holds what a client may refer back to: as much as the client has sent, 32 KiB at most, and after a
/// quiet time compressed. Compressor and decompressor, ten times as large, others use meanwhile.
pub(super) struct Deflated {
    stream: Box<dyn Stream>,
    inflater: Inflater,
    deflater: Deflater,
    /// Runs from when nothing was to be read for the first time.
    quiet: Option<Pin<Box<Sleep>>>,
}

impl Deflated {
    /// Compresses what crosses `stream` from now on; `received` is what was read of it already.
    pub(super) fn new(stream: Box<dyn Stream>, received: &[u8], pools: Pools) -> Self {
        let mut inflater = Inflater::new(pools.decompressors, pools.cells);
        inflater.take_in(received);
        Self {
            stream,
            inflater,
            deflater: Deflater::new(pools.compressors),
            quiet: None,
        }
    }

    /// Takes in more compressed octets.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<More>> {
        let mut room = [0; READ_SIZE];
        let mut read = ReadBuf::new(&mut room);
        match Pin::new(&mut self.stream).poll_read(context, &mut read) {
            Poll::Ready(Ok(())) if read.filled().is_empty() => Poll::Ready(Ok(More::None)),
            Poll::Ready(Ok(())) => {
                self.inflater.take_in(read.filled());
                Poll::Ready(Ok(More::Came))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.rest(context);
                Poll::Pending
            }
        }
    }

    /// Gives memory back: at once what others may use, and more after a quiet time. The context is woken for that.
    fn rest(&mut self, context: &mut Context<'_>) {
        let was_in_use = [self.inflater.rest(), self.deflater.rest()];
        if was_in_use.contains(&true) {
            self.quiet = Some(Box::pin(sleep(QUIET)));
        }
        if let Some(quiet) = &mut self.quiet
            && quiet.as_mut().poll(context).is_ready()
        {
            self.quiet = None;
            // In the middle of an answer it has to go on with its compressor.
            if let Some(compressors) = self.deflater.at_rest() {
                self.inflater.pack(compressors);
            }
        }
    }

    /// Sends what is compressed already.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.deflater.output().is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, self.deflater.output()))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.deflater.sent(sent);
        }
        Poll::Ready(Ok(()))
    }
}

/// What came of reading on.
enum More {
    /// Something.
    Came,
    /// The client has closed its side.
    None,
}

impl AsyncRead for Deflated {
    /// Never inflates more than there is room for: a few octets may stand for a thousand times as many, and the bounds on
    /// input are on what they stand for.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // What is inflated was not waited for: without this, a reader would never pause.
        let turn = ready!(poll_proceed(context));
        loop {
            let octets = this.inflater.inflate(room.initialize_unfilled())?;
            if octets > 0 {
                room.advance(octets);
                turn.made_progress();
                return Poll::Ready(Ok(()));
            }
            if this.inflater.has_ended() {
                return Poll::Ready(Ok(()));
            }
            if let More::None = ready!(this.poll_more(context))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Deflated {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(context))?;
        Poll::Ready(Ok(this.deflater.deflate(octets)))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.deflater.flush();
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.deflater.finish();
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
