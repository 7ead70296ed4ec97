//! The messages of an APPEND or REPLACE on their way from the wire to the backend.

use std::ops::Range;

use bytes::Bytes;
use imap_backend::{Append, Body, Error, ErrorKind, MessageSource, Messages};
use imap_codec::imap_types::core::LiteralMode;
use memchr::memchr;
use tokio::sync::{Mutex, Notify};

use super::channel::{Channel, Gone, Line};
use super::presence::Watch;
use crate::command::MessageLimit;
use crate::completion::Completion;
use crate::syntax::append::{
    Announced, AppendLine, Begin, CatPart, Data, LiteralKind, Options, Uncountable, Verb,
};

/// An APPEND or REPLACE as far as its first message: nothing of that has been accepted yet.
#[derive(Debug)]
pub(crate) struct AppendHead {
    pub(crate) tag: String,
    pub(crate) verb: Verb,
    /// As the client wrote it.
    pub(crate) mailbox: Vec<u8>,
    /// What follows the mailbox.
    pub(crate) line: AppendLine,
}

impl AppendHead {
    /// `command` is all that was read of it, up to the end of a line.
    pub(super) fn new(begin: Begin, command: &[u8]) -> Result<Self, Uncountable> {
        Ok(Self {
            line: AppendLine::new(command, begin.at)?,
            tag: begin.tag,
            verb: begin.verb,
            mailbox: begin.mailbox,
        })
    }
}

/// Decides about what a command says of its messages, and reads what its URLs name.
pub(crate) trait Judge: Send {
    /// What is said of a message, in the backend's terms.
    ///
    /// # Errors
    /// What the command ends with.
    fn judge(&self, options: &Options) -> Result<Append, Completion>;

    /// Whether a message may follow another one.
    fn takes_several(&self) -> bool;

    /// The octets that a URL names.
    ///
    /// # Errors
    /// What the command ends with.
    fn open(&mut self, url: &[u8]) -> impl Future<Output = Result<(Body, Range<u64>), Completion>> + Send;
}

/// So many octets of a message give its client the whole idle time again: a large message over a slow line must not be
/// cut, and an octet now and then must not hold a connection.
const PROGRESS: u32 = 64 << 10;

/// How much of a URL's octets is read at a time.
const CHUNK: u64 = 64 << 10;

/// How much of the command has arrived.
#[derive(Debug)]
enum Progress {
    /// A literal is announced, and not accepted: the client waits for `+` if it synchronises.
    Announced(Announced),
    /// So many octets of a literal are still to come.
    Inside(u32, LiteralKind),
    /// A part of the message is due in the line.
    Part,
    /// So much of what a URL names is still to be read.
    Named(Body, Range<u64>),
    /// All of a message has arrived, and another one follows.
    Between,
    /// All octets and the end of the command have arrived.
    Complete,
    /// It ended in a way that must not be kept.
    Broken,
}

/// What has come so far, against the bounds.
#[derive(Debug, Default)]
struct Counts {
    /// Octets of the present message.
    message: u64,
    /// Octets of all messages.
    messages: u64,
    /// Octets of lines, and of literals in them.
    text: usize,
    number: u32,
    parts: u32,
}

/// The arriving messages.
///
/// The end of the command is checked before the last `None` is answered, so that a backend commits only what the
/// client has really finished.
pub(crate) struct Incoming<'c, J> {
    channel: &'c mut Channel,
    line: AppendLine,
    judge: J,
    /// What the present message is made of.
    data: Data,
    /// Whether the present part has a parenthesis behind it.
    part_is_utf8: bool,
    progress: Progress,
    counts: Counts,
    fault: Option<Fault>,
    /// Whether what still comes is thrown away.
    discards: bool,
}

/// Why the messages were not completed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The connection is over.
    Gone(Gone),
    /// The command was malformed; what the tagged BAD says.
    Malformed(&'static str),
    /// The command ends with this answer.
    Refused(Completion),
    /// The connection ends with this answer: more octets are on their way than are read to be thrown away.
    Last(Completion),
}

impl<'c, J: Judge> Incoming<'c, J> {
    /// Of the first message, `line` was read up to the data.
    pub(crate) fn new(channel: &'c mut Channel, line: AppendLine, data: Data, judge: J) -> Self {
        let mut incoming = Self {
            channel,
            line,
            judge,
            data,
            part_is_utf8: false,
            progress: Progress::Broken,
            counts: Counts::default(),
            fault: None,
            discards: false,
        };
        incoming.begin(data);
        incoming
    }

    fn begin(&mut self, data: Data) {
        self.data = data;
        self.counts.number += 1;
        self.counts.message = 0;
        self.counts.parts = 0;
        self.progress = match data {
            Data::Literal(announced) | Data::Utf8(announced) => Progress::Announced(announced),
            Data::Catenate => Progress::Part,
        };
    }

    fn is_complete(&self) -> bool {
        matches!(self.progress, Progress::Complete)
    }

    /// Keeps a fault for the one who answers the client. The backend learns that it may keep nothing.
    fn noted<T>(&mut self, result: Result<T, Fault>) -> Result<T, Error> {
        result.map_err(|fault| {
            self.fault = Some(fault);
            ErrorKind::ClientGone.into()
        })
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.fault.is_some() {
            return Err(ErrorKind::ClientGone.into());
        }
        let advanced = self.advance().await;
        self.noted(advanced)
    }

    /// Goes to the next message.
    async fn next(&mut self) -> Result<Option<(Append, Data)>, Error> {
        if self.fault.is_some() {
            return Err(ErrorKind::ClientGone.into());
        }
        let next = self.next_message().await;
        self.noted(next)
    }

    async fn next_message(&mut self) -> Result<Option<(Append, Data)>, Fault> {
        while self.advance().await?.is_some() {}
        if self.is_complete() {
            return Ok(None);
        }
        let options = match self.line.options() {
            Ok(options) => options,
            Err(why) => return Err(self.malformed(why)),
        };
        self.begin(options.data);
        let limit = MessageLimit::of_saving(&self.channel.limits);
        if limit.is_exceeded_by(self.counts.number.into()) {
            return Err(Fault::Refused(limit.refusal(None)));
        }
        if self.counts.number > self.channel.limits.append_messages {
            let most = self.channel.limits.append_messages;
            let why = format!("more than {most} messages in one command");
            return Err(Fault::Refused(Completion::no("LIMIT", why)));
        }
        let append = self.judge.judge(&options).map_err(Fault::Refused)?;
        Ok(Some((append, options.data)))
    }

    /// The next octets of the present message; `None` behind its last.
    async fn advance(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            match &mut self.progress {
                Progress::Between | Progress::Complete => return Ok(None),
                Progress::Broken => return Err(Fault::Malformed("the message was not completed")),
                // Whether it is thrown away is for `finish` to decide.
                Progress::Announced(_) if self.discards => return Ok(None),
                &mut Progress::Announced(announced) => self.accept(announced)?,
                Progress::Inside(0, _) => self.literal_ended().await?,
                &mut Progress::Inside(left, kind) => return self.read(left, kind).await.map(Some),
                Progress::Part => self.begin_part().await?,
                Progress::Named(_, range) if range.is_empty() => self.part_ended()?,
                Progress::Named(body, range) => {
                    let octets = read_named(body, range).await?;
                    tokio::task::consume_budget().await;
                    return Ok(Some(octets));
                }
            }
        }
    }

    /// Has the client send a literal of the message.
    fn accept(&mut self, announced: Announced) -> Result<(), Fault> {
        self.count(announced.octets.into())?;
        if announced.octets == 0 && !matches!(self.data, Data::Catenate) && !self.discards {
            // RFC 3502, section 6.3.11: "This can be used to cancel the append."
            return Err(Fault::Refused(Completion::no(
                "",
                "a message of no octets is none",
            )));
        }
        if announced.mode == LiteralMode::Sync {
            self.channel.io.out().extend_from_slice(b"+ OK\r\n");
        }
        self.progress = Progress::Inside(announced.octets, announced.kind);
        self.channel.restart_time();
        Ok(())
    }

    /// Octets are about to come of the present message.
    fn count(&mut self, octets: u64) -> Result<(), Fault> {
        if self.discards {
            return Ok(());
        }
        let limits = &self.channel.limits;
        self.counts.message = self.counts.message.saturating_add(octets);
        self.counts.messages = self.counts.messages.saturating_add(octets);
        let refusal = if self.counts.message > limits.append.into() {
            too_big(limits.append)
        } else if self.counts.messages > limits.append_octets.into() {
            let most = limits.append_octets;
            Completion::no("LIMIT", format!("one command may bring {most} octets"))
        } else {
            return Ok(());
        };
        Err(Fault::Refused(refusal))
    }

    async fn read(&mut self, left: u32, kind: LiteralKind) -> Result<Bytes, Fault> {
        let chunk = self.channel.read_some(left as usize).await.map_err(Fault::Gone)?;
        // Not more than `left`, so the conversion cannot fail.
        let still = left.saturating_sub(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        if still / PROGRESS < left / PROGRESS {
            self.channel.restart_time();
        }
        self.progress = Progress::Inside(still, kind);
        if kind == LiteralKind::Literal && memchr(0, &chunk).is_some() {
            return Err(Fault::Malformed("NUL in the message, use a literal8"));
        }
        Ok(chunk)
    }

    /// Reads the line behind a literal, and as far into it as belongs to that.
    async fn literal_ended(&mut self) -> Result<(), Fault> {
        self.read_line().await?;
        if self.part_is_utf8 || matches!(self.data, Data::Utf8(_)) {
            self.part_is_utf8 = false;
            if let Err(why) = self.line.parenthesis() {
                return Err(self.malformed(why));
            }
        }
        match self.data {
            Data::Catenate => self.part_ended(),
            Data::Literal(_) | Data::Utf8(_) => self.message_ended(),
        }
    }

    async fn read_line(&mut self) -> Result<(), Fault> {
        let max = self.channel.max_line();
        let read = self.channel.read_line(max).await.map_err(Fault::Gone)?;
        // Until it is understood.
        self.progress = Progress::Broken;
        self.line = AppendLine::default();
        if let Line::TooLong(tail) = read {
            return match tail.ends_with(b"+}\r\n") {
                true => Err(Fault::Gone(OUT_OF_STEP)),
                false => Err(Fault::Malformed("a line is too long")),
            };
        }
        let line = self.channel.line();
        if !line.ends_with(b"\r\n") || memchr(0, line).is_some() {
            return Err(Fault::Malformed("a line with NUL, or without CR at its end"));
        }
        let Ok(read) = AppendLine::new(line, 0) else {
            return Err(Fault::Gone(OUT_OF_STEP));
        };
        self.line = read;
        self.count_text(line.len())
    }

    /// The lines of a command are bounded together.
    fn count_text(&mut self, octets: usize) -> Result<(), Fault> {
        self.counts.text += octets;
        if self.counts.text > self.channel.limits.command as usize {
            return Err(self.malformed("the command is too long without its messages"));
        }
        Ok(())
    }

    /// The command cannot go on like that. If the octets of a literal come all the same, what follows cannot be told from
    /// them.
    fn malformed(&mut self, why: &'static str) -> Fault {
        self.progress = Progress::Broken;
        match self.line.is_followed_by_octets() {
            true => Fault::Gone(OUT_OF_STEP),
            false => Fault::Malformed(why),
        }
    }

    async fn begin_part(&mut self) -> Result<(), Fault> {
        self.counts.parts += 1;
        if self.counts.parts > self.channel.limits.append_parts {
            return Err(self.malformed("too many parts"));
        }
        let url = match self.line.part() {
            Ok(CatPart::Text(announced)) => {
                self.progress = Progress::Announced(announced);
                return Ok(());
            }
            Ok(CatPart::Utf8(announced)) => {
                self.part_is_utf8 = true;
                self.progress = Progress::Announced(announced);
                return Ok(());
            }
            Ok(CatPart::Url(url)) => url,
            Ok(CatPart::UrlLiteral(announced)) => self.literal_url(announced).await?,
            Err(why) => return Err(self.malformed(why)),
        };
        // Behind it the line goes on, whatever becomes of it.
        self.progress = Progress::Named(Body::from(Bytes::new()), 0..0);
        if self.discards {
            return Ok(());
        }
        let (body, range) = self.judge.open(&url).await.map_err(Fault::Refused)?;
        self.count(range.end - range.start)?;
        self.progress = Progress::Named(body, range);
        Ok(())
    }

    /// A URL that is a literal, and the line behind it.
    async fn literal_url(&mut self, announced: Announced) -> Result<Vec<u8>, Fault> {
        if announced.octets > self.channel.limits.literal
            || (self.discards && announced.mode == LiteralMode::Sync)
        {
            return Err(self.malformed("a URL is too long"));
        }
        if announced.mode == LiteralMode::Sync {
            self.channel.io.out().extend_from_slice(b"+ OK\r\n");
        }
        self.count_text(announced.octets as usize)?;
        let mut url = Vec::new();
        while url.len() < announced.octets as usize {
            let left = announced.octets as usize - url.len();
            let chunk = self.channel.read_some(left).await.map_err(Fault::Gone)?;
            url.extend_from_slice(&chunk);
        }
        self.read_line().await?;
        Ok(url)
    }

    fn part_ended(&mut self) -> Result<(), Fault> {
        match self.line.behind_part() {
            Ok(true) => self.progress = Progress::Part,
            Ok(false) => return self.message_ended(),
            Err(why) => return Err(self.malformed(why)),
        }
        Ok(())
    }

    fn message_ended(&mut self) -> Result<(), Fault> {
        if self.line.ends_command() {
            self.progress = Progress::Complete;
        } else if self.judge.takes_several() && self.line.goes_on() {
            self.progress = Progress::Between;
        } else {
            return Err(self.malformed("text after the message"));
        }
        Ok(())
    }

    /// Brings the channel to the beginning of the next command, whatever the backend has left unread.
    ///
    /// # Errors
    /// What was wrong with the command, or that the connection is over.
    pub(crate) async fn finish(mut self) -> Result<(), Fault> {
        let mut first = match self.fault.take() {
            Some(fault @ Fault::Gone(_)) => return Err(fault),
            first => first,
        };
        self.discards = true;
        loop {
            let step = match self.progress {
                Progress::Complete | Progress::Broken => break,
                // A client that synchronises has not sent anything yet and must not: the command ends here.
                Progress::Announced(announced) if announced.mode == LiteralMode::Sync => break,
                Progress::Announced(announced) if announced.octets > self.channel.limits.append => {
                    return Err(Fault::Last(match first {
                        Some(Fault::Refused(refusal)) => refusal,
                        _ => too_big(self.channel.limits.append),
                    }));
                }
                Progress::Announced(announced) => self.accept(announced),
                Progress::Between => self.next_message().await.map(drop),
                _ => self.advance().await.map(drop),
            };
            match step {
                Ok(()) => {}
                Err(fault @ Fault::Gone(_)) => return Err(fault),
                Err(fault) => {
                    first.get_or_insert(fault);
                }
            }
        }
        first.map_or(Ok(()), Err)
    }
}

/// The octets of a literal are on their way, and it is not known where the command goes on behind them.
const OUT_OF_STEP: Gone = Gone::CutOff("a literal in a command that is none");

/// The answer to a message that is larger than any may be.
pub(crate) fn too_big(most: u32) -> Completion {
    Completion::no(
        "TOOBIG",
        format!("the largest message accepted has {most} octets"),
    )
}

/// The next octets of what a URL names.
async fn read_named(body: &Body, range: &mut Range<u64>) -> Result<Bytes, Fault> {
    let wanted = usize::try_from((range.end - range.start).min(CHUNK)).unwrap_or(usize::MAX);
    match body.read_at(range.start, wanted).await {
        Ok(octets) if !octets.is_empty() => {
            range.start += octets.len() as u64;
            Ok(octets)
        }
        read => {
            tracing::warn!(error = ?read.err(), "a message that a URL names cannot be read");
            *range = 0..0;
            let why = "a message that a URL names cannot be read";
            Err(Fault::Refused(Completion::no("CORRUPTION", why)))
        }
    }
}

/// The messages that arrive, as the backend and whoever watches the client share them.
pub(crate) struct Arriving<'c, J> {
    incoming: Mutex<Incoming<'c, J>>,
    complete: Notify,
}

impl<'c, J: Judge> Arriving<'c, J> {
    pub(crate) fn new(incoming: Incoming<'c, J>) -> Self {
        Self {
            incoming: Mutex::new(incoming),
            complete: Notify::new(),
        }
    }

    /// What the backend reads; `first` is said of the first message, which is made of `data`.
    pub(crate) fn source(&self, first: Append, data: Data) -> Source<'_, 'c, J> {
        Source {
            arriving: self,
            first: Some(first),
            size: size(data),
            is_complete: false,
        }
    }

    /// Waits until the client has gone, once all of the command is here: until then reading it tells.
    pub(crate) async fn absence(&self) -> Gone {
        self.complete.notified().await;
        self.incoming
            .lock()
            .await
            .channel
            .absence(&mut Watch::new())
            .await
    }

    /// Brings the channel to the beginning of the next command, whatever the backend has left unread.
    ///
    /// # Errors
    /// What was wrong with the command, or that the connection is over.
    pub(crate) async fn finish(self) -> Result<(), Fault> {
        self.incoming.into_inner().finish().await
    }
}

/// How long a message will be, where that was said.
fn size(data: Data) -> Option<u64> {
    match data {
        Data::Literal(announced) | Data::Utf8(announced) => Some(announced.octets.into()),
        Data::Catenate => None,
    }
}

/// The [`Messages`] that arrive.
pub(crate) struct Source<'a, 'c, J> {
    arriving: &'a Arriving<'c, J>,
    /// There until it was asked for.
    first: Option<Append>,
    size: Option<u64>,
    /// Whoever watches the client has the channel from the end on.
    is_complete: bool,
}

impl<'c, J: Judge> Source<'_, 'c, J> {
    fn note_end(&mut self, incoming: &Incoming<'c, J>) {
        if incoming.is_complete() {
            self.is_complete = true;
            self.arriving.complete.notify_one();
        }
    }
}

impl<J: Judge> MessageSource for Source<'_, '_, J> {
    fn size(&self) -> Option<u64> {
        self.size
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.is_complete {
            return Ok(None);
        }
        let arriving = self.arriving;
        let mut incoming = arriving.incoming.lock().await;
        let chunk = incoming.chunk().await?;
        self.note_end(&incoming);
        Ok(chunk)
    }
}

impl<J: Judge> Messages for Source<'_, '_, J> {
    async fn next(&mut self) -> Result<Option<Append>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.is_complete {
            return Ok(None);
        }
        let arriving = self.arriving;
        let mut incoming = arriving.incoming.lock().await;
        let next = incoming.next().await?;
        self.note_end(&incoming);
        let Some((append, data)) = next else {
            return Ok(None);
        };
        self.size = size(data);
        Ok(Some(append))
    }
}
