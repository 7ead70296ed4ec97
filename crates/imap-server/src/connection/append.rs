//! The message of an APPEND on its way from the wire to the backend.

use bytes::Bytes;
use imap_backend::{Error, ErrorKind, MessageSource};
use imap_codec::imap_types::core::LiteralMode;
use imap_codec::imap_types::datetime::DateTime;
use imap_codec::imap_types::flag::Flag;
use imap_codec::imap_types::mailbox::Mailbox;
use memchr::memchr;
use tokio::sync::{Mutex, Notify};

use super::channel::{Channel, Gone, Line};

/// An APPEND as far as its literal's announcement: nothing of the message has been accepted yet.
#[derive(Debug)]
pub(crate) struct AppendHead {
    pub(crate) tag: String,
    pub(crate) mailbox: Mailbox<'static>,
    pub(crate) flags: Vec<Flag<'static>>,
    pub(crate) date: Option<DateTime>,
    pub(crate) literal: Announced,
}

/// What `{n}`, `{n+}`, `~{n}` or `~{n+}` announced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced {
    pub(crate) octets: u32,
    pub(crate) mode: LiteralMode,
    pub(crate) kind: LiteralKind,
}

/// Whether NUL octets are allowed (RFC 3516, section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiteralKind {
    Literal,
    Literal8,
}

/// So many octets of a message give its client the whole idle time again: a large message over a slow line must not be
/// cut, and an octet now and then must not hold a connection.
const PROGRESS: u32 = 64 << 10;

/// How much of the message has arrived.
#[derive(Debug)]
enum Progress {
    /// Announced, not accepted: the client waits for `+` if it synchronises.
    Announced,
    /// So many octets are still to come.
    Inside(u32),
    /// All octets and the end of the command have arrived.
    Complete,
    /// It ended in a way that must not be kept.
    Broken,
}

/// The arriving message.
///
/// The end of the command is checked before the last `None` is answered, so that a backend commits only what the
/// client has really finished.
pub(crate) struct Incoming<'c> {
    channel: &'c mut Channel,
    literal: Announced,
    progress: Progress,
    fault: Option<Fault>,
}

/// Why an arriving message was not completed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The connection is over.
    Gone(Gone),
    /// The command was malformed; what the tagged BAD says.
    Malformed(&'static str),
}

impl<'c> Incoming<'c> {
    pub(crate) fn new(channel: &'c mut Channel, literal: Announced) -> Self {
        Self {
            channel,
            literal,
            progress: Progress::Announced,
            fault: None,
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.fault.is_some() {
            return Err(ErrorKind::ClientGone.into());
        }
        match self.advance().await {
            Ok(chunk) => Ok(chunk),
            Err(fault) => {
                self.fault = Some(fault);
                Err(ErrorKind::ClientGone.into())
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Progress::Announced = self.progress {
            if self.literal.mode == LiteralMode::Sync {
                self.channel.io.out().extend_from_slice(b"+ OK\r\n");
            }
            self.progress = Progress::Inside(self.literal.octets);
            self.channel.restart_time();
        }
        match self.progress {
            Progress::Announced | Progress::Complete => Ok(None),
            Progress::Broken => Err(Fault::Malformed("the message was not completed")),
            Progress::Inside(0) => self.end().await.map(|()| None),
            Progress::Inside(left) => self.read(left).await.map(Some),
        }
    }

    async fn read(&mut self, left: u32) -> Result<Bytes, Fault> {
        let chunk = self.channel.read_some(left as usize).await.map_err(Fault::Gone)?;
        // Not more than `left`, so the conversion cannot fail.
        let still = left.saturating_sub(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        if still / PROGRESS < left / PROGRESS {
            self.channel.restart_time();
        }
        self.progress = Progress::Inside(still);
        if self.literal.kind == LiteralKind::Literal && memchr(0, &chunk).is_some() {
            return Err(Fault::Malformed("NUL in the message, use a literal8"));
        }
        Ok(chunk)
    }

    /// The line after the literal: nothing but its end, as MULTIAPPEND is not offered.
    async fn end(&mut self) -> Result<(), Fault> {
        let max = self.channel.max_line();
        let read = self.channel.read_line(max).await.map_err(Fault::Gone)?;
        self.progress = Progress::Broken;
        let line = match &read {
            Line::Whole => self.channel.line(),
            Line::TooLong(tail) => tail,
        };
        if line.trim_ascii().is_empty() && line.ends_with(b"\r\n") {
            self.progress = Progress::Complete;
            return Ok(());
        }
        if line.ends_with(b"+}\r\n") {
            return Err(Fault::Gone(Gone::CutOff("more than one message in APPEND")));
        }
        Err(Fault::Malformed("text after the message"))
    }

    /// Brings the channel to the beginning of the next command, whatever the backend has left unread.
    ///
    /// # Errors
    /// What was wrong with the command, or that the connection is over.
    pub(crate) async fn finish(mut self) -> Result<(), Fault> {
        if let Some(fault @ Fault::Gone(_)) = self.fault.take_if(|fault| matches!(fault, Fault::Gone(_))) {
            return Err(fault);
        }
        // A client that synchronises has not sent anything yet and must not: the command ends here.
        if matches!(self.progress, Progress::Announced) && self.literal.mode == LiteralMode::Sync {
            return Ok(());
        }
        let mut first = self.fault.take();
        loop {
            match self.advance().await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(fault @ Fault::Gone(_)) => return Err(fault),
                Err(fault) => {
                    first.get_or_insert(fault);
                    if matches!(self.progress, Progress::Broken) {
                        break;
                    }
                }
            }
        }
        first.map_or(Ok(()), Err)
    }
}

/// The message that arrives, as the backend and whoever watches the client share it.
pub(crate) struct Arriving<'c> {
    incoming: Mutex<Incoming<'c>>,
    octets: u32,
    complete: Notify,
}

impl<'c> Arriving<'c> {
    pub(crate) fn new(channel: &'c mut Channel, literal: Announced) -> Self {
        Self {
            incoming: Mutex::new(Incoming::new(channel, literal)),
            octets: literal.octets,
            complete: Notify::new(),
        }
    }

    /// What the backend reads.
    pub(crate) fn source(&self) -> Source<'_, 'c> {
        Source {
            arriving: self,
            is_read: false,
        }
    }

    /// Waits until the client has gone, once all of the message is here: until then reading it tells.
    pub(crate) async fn absence(&self) -> Gone {
        self.complete.notified().await;
        self.incoming.lock().await.channel.absence().await
    }

    /// Brings the channel to the beginning of the next command, whatever the backend has left unread.
    ///
    /// # Errors
    /// What was wrong with the command, or that the connection is over.
    pub(crate) async fn finish(self) -> Result<(), Fault> {
        self.incoming.into_inner().finish().await
    }
}

/// The [`MessageSource`] of a message that arrives.
pub(crate) struct Source<'a, 'c> {
    arriving: &'a Arriving<'c>,
    is_read: bool,
}

impl MessageSource for Source<'_, '_> {
    fn size(&self) -> u64 {
        self.arriving.octets.into()
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        // Whoever watches the client has the message from the end on.
        if self.is_read {
            return Ok(None);
        }
        let chunk = self.arriving.incoming.lock().await.chunk().await?;
        if chunk.is_none() {
            self.is_read = true;
            self.arriving.complete.notify_one();
        }
        Ok(chunk)
    }
}
