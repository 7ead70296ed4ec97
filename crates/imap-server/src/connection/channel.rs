//! Lines and literals of one connection, each with its bound and its deadline.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use memchr::memchr;
use tokio::time::{Instant, sleep_until};

use super::deflate::{Damaged, Pools};
use super::io::Io;
use crate::config::Limits;
use crate::shutdown::Shutdown;

/// Why a connection ends other than by LOGOUT.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Gone {
    /// The client closed or reset the connection, or stopped taking our output.
    #[error("connection lost: {0}")]
    Lost(#[source] io::Error),
    /// Nothing came for too long, or nothing whole.
    #[error("the client took too long")]
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

impl From<io::Error> for Gone {
    fn from(error: io::Error) -> Self {
        let damaged = error.get_ref().is_some_and(|inner| inner.is::<Damaged>());
        match damaged {
            true => Self::CutOff("what comes is not DEFLATE data"),
            false => Self::Lost(error),
        }
    }
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

/// What is known of an over-long line whose end has not come yet; its beginning is in [`Channel::line`].
#[derive(Debug, Default)]
struct Skipped {
    /// Octets thrown away so far.
    octets: usize,
    /// The last of them.
    tail: Vec<u8>,
}

/// An over-long line is read (and thrown away) up to so many times the bound before the connection is cut.
const OVERRUN: usize = 16;
/// How much of its buffer a connection keeps after a long line, in octets.
pub(super) const KEPT: usize = 1 << 10;
/// Enough of the end of an over-long line to see a literal announcement: `{4294967295+}` with CRLF and `~`.
const TAIL: usize = 20;

/// Thirty years: longer than any connection, and never more than the clock can count.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The wire, with bounds and deadlines.
pub(crate) struct Channel {
    pub(crate) io: Io,
    pub(crate) limits: Arc<Limits>,
    pub(crate) phase: Phase,
    pub(crate) shutdown: Shutdown,
    /// When a stranger has to be logged in; when a user's command has to be here whole.
    due: Instant,
    line: Vec<u8>,
    /// The over-long line that is being thrown away; kept here so that [`read_line`](Self::read_line) can be dropped
    /// and taken up again.
    skipped: Option<Skipped>,
    /// How far `io.input()` is known to have no line end, so that slow senders cost no second scan.
    scanned: usize,
    /// That of the command that is at work.
    tag: String,
}

impl Channel {
    pub(crate) fn new(io: Io, limits: Arc<Limits>, shutdown: Shutdown) -> Self {
        let due = after(limits.login_time);
        Self {
            io,
            limits,
            phase: Phase::Stranger,
            shutdown,
            due,
            line: Vec::new(),
            skipped: None,
            scanned: 0,
            tag: String::new(),
        }
    }

    /// The command with this tag is at work.
    pub(crate) fn work_for(&mut self, tag: &str) {
        tag.clone_into(&mut self.tag);
    }

    /// The tag of the command that is at work; empty before the first.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The same client over another stream (after STARTTLS): new buffers, the same login timer.
    pub(crate) fn replace_io(&mut self, io: Io) {
        self.io = io;
        self.line = Vec::new();
        self.skipped = None;
        self.scanned = 0;
    }

    /// The client is a stranger again, with the whole time to log in.
    pub(crate) fn begin_anew(&mut self) {
        self.phase = Phase::Stranger;
        self.due = after(self.limits.login_time);
    }

    /// Compresses both directions from now on; see [`Io::compress`].
    pub(crate) fn compress(&mut self, pools: Pools) {
        self.io.compress(pools);
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

    /// By when the client has to be logged in, or its command has to be here.
    pub(crate) fn deadline(&self) -> Instant {
        self.due
    }

    /// Gives a user the whole idle time again. A stranger has one time for all that leads to the login.
    pub(crate) fn restart_time(&mut self) {
        if self.phase == Phase::User {
            self.due = after(self.limits.idle_time);
        }
    }

    /// Waits until a command begins. What counts against a user's time are commands (RFC 9051, section 5.4), not
    /// octets: it runs until the first octet, and from there until the command is whole.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn begin_command(&mut self) -> Result<(), Gone> {
        self.restart_time();
        if self.io.input().is_empty() {
            self.fill().await?;
            self.restart_time();
        }
        Ok(())
    }

    /// Waits for input, sending what is due first. A stopping server waits for nobody: what has not arrived whole,
    /// a message included, was never begun.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn fill(&mut self) -> Result<(), Gone> {
        tokio::select! {
            filled = self.io.fill() => Ok(filled?),
            () = sleep_until(self.due) => Err(Gone::Silent),
            () = self.shutdown.started() => Err(Gone::Stopping),
        }
    }

    /// Reads one line of at most `max` octets.
    ///
    /// # Errors
    /// The connection is over, also where a line does not end at all.
    ///
    /// # Cancel safety
    /// What was read of a line is not lost, nor that it is too long. `max` must be the same when it is taken up again.
    pub(crate) async fn read_line(&mut self, max: usize) -> Result<Line, Gone> {
        loop {
            let end = self.line_end();
            let octets = end.unwrap_or(self.io.input().len());
            if self.skipped.is_some() || octets > max {
                if let Some(tail) = self.skip(octets, end.is_some(), max)? {
                    return Ok(Line::TooLong(tail));
                }
            } else if end.is_some() {
                self.take(octets);
                return Ok(Line::Whole);
            }
            self.fill().await?;
        }
    }

    /// Throws away octets of an over-long line; at its end gives the line's last octets.
    fn skip(&mut self, octets: usize, at_end: bool, max: usize) -> Result<Option<Vec<u8>>, Gone> {
        let before = self.skipped.take();
        let first = before.is_none();
        let Skipped {
            octets: so_far,
            mut tail,
        } = before.unwrap_or_default();
        tail.extend_from_slice(&self.io.input()[octets.saturating_sub(TAIL)..octets]);
        tail.drain(..tail.len().saturating_sub(TAIL));
        if first {
            self.take(octets);
            self.line.truncate(max);
        } else {
            self.consume(octets);
        }
        if at_end {
            return Ok(Some(tail));
        }
        let octets = so_far.saturating_add(octets);
        if octets > max.saturating_mul(OVERRUN) {
            return Err(Gone::CutOff("line without end"));
        }
        self.skipped = Some(Skipped { octets, tail });
        Ok(None)
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
        self.consume(octets);
    }

    fn consume(&mut self, octets: usize) {
        self.io.consume(octets);
        self.scanned = 0;
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

/// A deadline. A time that no clock can count is so far away that it never comes.
pub(crate) fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + FOR_EVER)
}
