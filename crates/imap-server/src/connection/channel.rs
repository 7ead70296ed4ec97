//! Lines and literals of one connection, each with its bound and its deadline.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memchr;
use tokio::time::{Instant, sleep_until};

use super::io::Io;
use crate::config::Limits;
use crate::shutdown::Shutdown;

/// Why a connection ends other than by LOGOUT.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Gone {
    /// The client closed or reset the connection, or stopped taking our output.
    #[error("connection lost: {0}")]
    Lost(#[from] io::Error),
    /// Nothing came for too long.
    #[error("the client was silent for too long")]
    Silent,
    /// The server stops.
    #[error("the server stops")]
    Stopping,
    /// The client broke a bound or the framing, so that what follows cannot be understood.
    #[error("cut off: {0}")]
    CutOff(&'static str),
    /// The backend panicked, or the selected mailbox is gone.
    #[error("{0}")]
    Server(&'static str),
    /// A literal was announced and cannot be completed: nothing more may be sent, not even BYE.
    #[error("a message changed while it was sent")]
    Torn,
}

/// Which bounds hold: a stranger gets less than a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before login.
    Stranger,
    /// After login.
    User,
}

/// What stands where a line is due.
#[derive(Debug)]
pub(crate) enum Line {
    /// A line with its line end, in [`Channel::line`].
    Whole,
    /// It was longer than allowed and has been thrown away up to its end; [`Channel::line`] has its beginning, and
    /// this is its last octets.
    TooLong(Vec<u8>),
}

/// An over-long line is read (and thrown away) up to so many times the bound before the connection is cut.
const OVERRUN: usize = 16;
/// How much of its buffer a connection keeps after a long line, in octets.
pub(super) const KEPT: usize = 1 << 10;
/// Enough of the end of an over-long line to see a literal announcement: `{4294967295+}` with CRLF and `~`.
const TAIL: usize = 20;

/// The wire, with bounds and deadlines.
pub(crate) struct Channel {
    pub(crate) io: Io,
    pub(crate) limits: Arc<Limits>,
    pub(crate) phase: Phase,
    pub(crate) shutdown: Shutdown,
    /// When a stranger has to be logged in.
    login_by: Instant,
    line: Vec<u8>,
    /// How far `io.input()` is known to have no line end, so that slow senders cost no second scan.
    scanned: usize,
}

impl Channel {
    pub(crate) fn new(io: Io, limits: Arc<Limits>, shutdown: Shutdown) -> Self {
        let login_by = Instant::now() + limits.login_time;
        Self {
            io,
            limits,
            phase: Phase::Stranger,
            shutdown,
            login_by,
            line: Vec::new(),
            scanned: 0,
        }
    }

    /// The same client over another stream (after STARTTLS): new buffers, the same login timer.
    pub(crate) fn replace_io(&mut self, io: Io) {
        self.io = io;
        self.line = Vec::new();
        self.scanned = 0;
    }

    /// The line that was read last.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    pub(crate) fn max_line(&self) -> usize {
        match self.phase {
            Phase::Stranger => self.limits.line_before_login,
            Phase::User => self.limits.line,
        }
    }

    pub(crate) fn max_literal(&self) -> u32 {
        match self.phase {
            Phase::Stranger => self.limits.literal_before_login,
            Phase::User => self.limits.literal,
        }
    }

    /// By when the client has to say something.
    pub(crate) fn deadline(&self) -> Instant {
        match self.phase {
            Phase::Stranger => self.login_by,
            Phase::User => Instant::now() + self.limits.idle_time,
        }
    }

    /// Waits for input, sending what is due first. A stopping server waits for nobody: what has not arrived whole,
    /// a message included, was never begun.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn fill(&mut self) -> Result<(), Gone> {
        let deadline = self.deadline();
        tokio::select! {
            filled = self.io.fill() => Ok(filled?),
            () = sleep_until(deadline) => Err(Gone::Silent),
            () = self.shutdown.started() => Err(Gone::Stopping),
        }
    }

    /// Reads one line of at most `max` octets.
    ///
    /// # Errors
    /// The connection is over, also where a line does not end at all.
    ///
    /// # Cancel safety
    /// A line that is not complete stays in the buffer, unless it is already longer than allowed.
    pub(crate) async fn read_line(&mut self, max: usize) -> Result<Line, Gone> {
        loop {
            if let Some(end) = self.line_end() {
                self.take(end);
                if end > max {
                    let tail = self.line[end.saturating_sub(TAIL)..].to_vec();
                    self.line.truncate(max);
                    return Ok(Line::TooLong(tail));
                }
                return Ok(Line::Whole);
            }
            if self.io.input().len() > max {
                return self.skip_line(max).await;
            }
            self.fill().await?;
        }
    }

    /// Where the first line in the buffer ends, as the number of its octets.
    pub(crate) fn line_end(&mut self) -> Option<usize> {
        match memchr(b'\n', &self.io.input()[self.scanned..]) {
            Some(at) => Some(self.scanned + at + 1),
            None => {
                self.scanned = self.io.input().len();
                None
            }
        }
    }

    fn take(&mut self, octets: usize) {
        self.line.clear();
        self.line.shrink_to(KEPT);
        self.line.extend_from_slice(&self.io.input()[..octets]);
        self.io.consume(octets);
        self.scanned = 0;
    }

    async fn skip_line(&mut self, max: usize) -> Result<Line, Gone> {
        let mut skipped = 0;
        let mut beginning = Vec::new();
        let mut tail = Vec::new();
        loop {
            let end = self.line_end();
            let octets = end.unwrap_or(self.io.input().len());
            let input = &self.io.input()[..octets];
            if beginning.is_empty() {
                beginning.extend_from_slice(&input[..octets.min(max)]);
            }
            tail.extend_from_slice(&input[octets.saturating_sub(TAIL)..]);
            tail.drain(..tail.len().saturating_sub(TAIL));
            self.io.consume(octets);
            self.scanned = 0;
            skipped += octets;
            if end.is_some() {
                self.line = beginning;
                return Ok(Line::TooLong(tail));
            }
            if skipped > max.saturating_mul(OVERRUN) {
                return Err(Gone::CutOff("line without end"));
            }
            self.fill().await?;
        }
    }

    /// Takes at most `max` octets of a literal, waiting for at least one.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn read_some(&mut self, max: usize) -> Result<Bytes, Gone> {
        if self.io.input().is_empty() {
            self.fill().await?;
        }
        let octets = self.io.input().len().min(max);
        self.scanned = 0;
        Ok(self.io.split(octets))
    }
}
