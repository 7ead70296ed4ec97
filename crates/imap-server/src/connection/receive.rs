//! Lines and literals become commands.

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::fragmentizer::{FragmentInfo, Fragmentizer, LineEnding, LiteralAnnouncement};
use imap_codec::imap_types::IntoStatic;
use imap_codec::imap_types::command::Command;
use imap_codec::imap_types::core::LiteralMode;
use memchr::memchr;

use super::append::AppendHead;
use super::channel::{Channel, Gone, KEPT, Line, Phase};
use crate::completion::{Completion, Condition};
use crate::numbers::Numbers;
use crate::syntax::extension::{self, Extension, Extras};
use crate::syntax::search::{self, Kind, Program};
use crate::syntax::{self, Fault, SearchHead, append};

/// One command from the client, or why it is none.
#[derive(Debug)]
pub(crate) enum Received {
    /// A command that the codec reads, and what was cut out of it before.
    Command(Command<'static>, Option<Box<Extras>>),
    /// A command of an extension that the codec does not know.
    Extension(ExtensionCommand),
    /// A SEARCH, SORT or THREAD, whose arguments the codec does not see.
    Search(SearchCommand),
    /// An APPEND or REPLACE of which no message has been accepted yet.
    Append(AppendHead),
    Refused(Refusal),
}

/// A command that the codec does not know.
#[derive(Debug)]
pub(crate) struct ExtensionCommand {
    pub(crate) tag: String,
    /// The command, as it is named in answers.
    pub(crate) name: &'static str,
    pub(crate) extension: Extension,
}

/// A SEARCH, SORT or THREAD, with or without UID.
#[derive(Debug)]
pub(crate) struct SearchCommand {
    pub(crate) tag: String,
    pub(crate) numbers: Numbers,
    pub(crate) program: Program,
    /// There where the program names filters: it is read again when they are known.
    pub(crate) unfiltered: Option<Unfiltered>,
}

/// A SEARCH, SORT or THREAD as it was written.
#[derive(Debug)]
pub(crate) struct Unfiltered {
    /// Without the end of its last line.
    pub(crate) command: Vec<u8>,
    /// Where the arguments begin.
    pub(crate) arguments: usize,
    pub(crate) kind: Kind,
    /// The command, as it is named in answers.
    pub(crate) name: &'static str,
}

/// The answer to what is no command, or asks for too much.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Missing where the client sent none.
    pub(crate) tag: Option<String>,
    pub(crate) answer: Completion,
    /// The literal of a client that does not wait is on its way already, and what follows cannot be told from it: the
    /// connection ends with the answer.
    pub(crate) last: bool,
    /// It was a search whose result would have been saved.
    pub(crate) forgets_saved: bool,
}

/// Puts commands together. The codec's fragmentizer is fed line by line, so that it never holds an octet of a
/// following command, and a literal only after it was accepted.
pub(crate) struct Receiver {
    fragments: Fragmentizer,
}

impl Receiver {
    pub(crate) fn new(max_command: u32) -> Self {
        Self {
            fragments: Fragmentizer::new(max_command),
        }
    }

    /// Reads the next command.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn receive(&mut self, channel: &mut Channel) -> Result<Received, Gone> {
        if self.fragments.message_bytes().len() > KEPT {
            self.fragments = Fragmentizer::new(channel.limits.command);
        }
        self.fragments.skip_message();
        channel.begin_command().await?;
        let mut literals = 0;
        loop {
            let line = channel.read_line(channel.max_line()).await?;
            let info = match self.take_line(channel, &line)? {
                Taken::Line(info) => info,
                Taken::Answer(received) => return Ok(*received),
            };
            let Some(announcement) = info else {
                return Ok(self.decode());
            };
            literals += 1;
            if let Some(answer) = self.accept(channel, announcement, literals) {
                return Ok(answer);
            }
            if announcement.mode == LiteralMode::Sync {
                channel.io.out().extend_from_slice(b"+ OK\r\n");
            }
            self.take_literal(channel, announcement.length).await?;
        }
    }

    /// Feeds the line just read; problems that are seen in a line alone are answered here.
    fn take_line(&mut self, channel: &Channel, line: &Line) -> Result<Taken, Gone> {
        if let Line::TooLong(tail) = line {
            let last = tail.ends_with(b"+}\r\n") || tail.ends_with(b"+}\n");
            if self.fragments.message_bytes().is_empty() {
                self.feed(channel.line());
            }
            let why = format!("command line longer than {} octets", channel.max_line());
            return Ok(Taken::Answer(Box::new(self.refuse(None, why, last))));
        }
        let line = channel.line();
        let at = self.fragments.message_bytes().len();
        let nul = memchr(0, line);
        let info = self.feed(without_trailing_spaces(line).as_deref().unwrap_or(line));
        let Some(FragmentInfo::Line {
            announcement, ending, ..
        }) = info
        else {
            // One whole line was fed where a line was due.
            return Err(Gone::CutOff("framing lost"));
        };
        let incomprehensible = announcement.is_none() && looks_like_announcement(line);
        let unsent = match announcement {
            Some(announcement) => announcement.mode == LiteralMode::Sync,
            None => !incomprehensible || !line.trim_ascii_end().ends_with(b"+}"),
        };
        let why = if self.fragments.is_max_message_size_exceeded() {
            format!("command longer than {} octets", channel.limits.command)
        } else if ending == LineEnding::Lf {
            format!("line ends in a bare LF at octet {}", at + line.len())
        } else if let Some(nul) = nul {
            format!("NUL at octet {}", at + nul + 1)
        } else if incomprehensible {
            UNCOUNTABLE.to_owned()
        } else {
            return Ok(Taken::Line(announcement));
        };
        Ok(Taken::Answer(Box::new(self.refuse(None, why, !unsent))))
    }

    /// Decides about an announced literal. `None`: go on and read it.
    fn accept(
        &self,
        channel: &Channel,
        announcement: LiteralAnnouncement,
        literals: u32,
    ) -> Option<Received> {
        let last = announcement.mode == LiteralMode::NonSync;
        // Whatever the literal holds, the command is wrong already: say so before it is sent.
        let message = self.fragments.message_bytes();
        if let Some(begun) = append::begin(without_announcement(message)) {
            match begun.begin {
                Ok(_) if channel.phase == Phase::Stranger => {
                    return Some(self.refuse(None, format!("{} before login", begun.name), last));
                }
                Ok(begin) => return Some(self.append(begin)),
                // The mailbox is a literal.
                Err(Fault::Ends { .. }) => {}
                Err(fault) => return Some(refused(begun.tag, begun.name, fault, last)),
            }
        } else if let Some(head) = syntax::search_head(message) {
            if let Err(fault) = search::could_go_on(message, head.arguments, head.kind) {
                return Some(refused_search(&head, message, fault, last));
            }
        } else if let Some(read) = extension::read(message) {
            match read.extension {
                // An announced literal of no octets ends the beginning, and may end the command.
                Ok(_) | Err(Fault::Ends { .. }) => {}
                Err(fault) => return Some(refused(read.tag, read.name, fault, last)),
            }
        } else if !syntax::could_go_on(&extension::judged(message)) {
            return Some(self.refuse(None, syntax::diagnose(message), last));
        }
        let held = u32::try_from(self.fragments.message_bytes().len()).unwrap_or(u32::MAX);
        let limits = &channel.limits;
        let why = if literals > limits.literals {
            format!("more than {} literals", limits.literals)
        } else if announcement.length > channel.max_literal() {
            format!(
                "literal of {} octets where {} are allowed",
                announcement.length,
                channel.max_literal()
            )
        } else if announcement.length > limits.command.saturating_sub(held) {
            format!("command longer than {} octets", limits.command)
        } else {
            return None;
        };
        Some(self.refuse(Some("TOOBIG"), why, last))
    }

    async fn take_literal(&mut self, channel: &mut Channel, octets: u32) -> Result<(), Gone> {
        let mut left = octets as usize;
        while left > 0 {
            let chunk = channel.read_some(left).await?;
            left -= chunk.len();
            self.fragments.enqueue_bytes(&chunk);
            self.fragments.progress();
        }
        if octets == 0 {
            self.fragments.progress();
        }
        Ok(())
    }

    fn feed(&mut self, line: &[u8]) -> Option<FragmentInfo> {
        self.fragments.enqueue_bytes(line);
        self.fragments.progress()
    }

    fn decode(&self) -> Received {
        let message = self.fragments.message_bytes();
        let line = message.strip_suffix(b"\r\n").unwrap_or(message);
        if let Some(begun) = append::begin(line) {
            return match begun.begin {
                Ok(begin) => self.append(begin),
                Err(fault) => refused(begun.tag, begun.name, fault, false),
            };
        }
        if let Some(head) = syntax::search_head(message) {
            return match search::parse(line, head.arguments, head.kind) {
                Ok(program) => Received::Search(SearchCommand {
                    tag: head.tag.to_owned(),
                    numbers: head.numbers,
                    unfiltered: program.names_filters.then(|| Unfiltered {
                        command: line.to_vec(),
                        arguments: head.arguments,
                        kind: head.kind,
                        name: head.name(),
                    }),
                    program,
                }),
                Err(fault) => refused_search(&head, line, fault, false),
            };
        }
        if let Some(read) = extension::read(line) {
            return match read.extension {
                Ok(extension) => Received::Extension(ExtensionCommand {
                    tag: read.tag.to_owned(),
                    name: read.name,
                    extension,
                }),
                Err(fault) => refused(read.tag, read.name, fault, false),
            };
        }
        let decoded = match extension::cut(line) {
            Some(Ok((mut rest, extras))) => {
                rest.extend_from_slice(b"\r\n");
                decode_whole(&rest).map(|command| (command, Some(Box::new(extras))))
            }
            Some(Err(fault)) => return self.answer(Completion::refusing("FETCH", fault), false),
            None => decode_whole(message).map(|command| (command, None)),
        };
        match decoded {
            Some((command, extras)) => Received::Command(command, extras),
            None => self.refuse(None, syntax::diagnose(message), false),
        }
    }

    /// The messages of this command are taken in by whoever stores them.
    fn append(&self, begin: append::Begin) -> Received {
        match AppendHead::new(begin, self.fragments.message_bytes()) {
            Ok(head) => Received::Append(head),
            Err(append::Uncountable) => self.refuse(None, UNCOUNTABLE.to_owned(), true),
        }
    }

    /// NO with this code, or BAD.
    fn refuse(&self, code: Option<&'static str>, why: String, last: bool) -> Received {
        let answer = match code {
            Some(code) => Completion::no(code, why),
            None => Completion::bad(why),
        };
        self.answer(answer, last)
    }

    fn answer(&self, answer: Completion, last: bool) -> Received {
        let tag = syntax::tag(self.fragments.message_bytes());
        let answer = match tag {
            Some(_) => answer,
            // A line without a tag cannot be answered NO.
            None => Completion::bad(answer.text),
        };
        Received::Refused(Refusal {
            tag,
            answer,
            last,
            forgets_saved: false,
        })
    }
}

/// The answer to an announcement of more octets than a literal can have.
const UNCOUNTABLE: &str = "literal of more octets than can be counted";

/// A command without the end of its last line, and without the literal that is announced there.
fn without_announcement(command: &[u8]) -> &[u8] {
    let line = command.strip_suffix(b"\r\n").unwrap_or(command);
    append::announcement(line).map_or(line, |(begin, _)| &line[..begin])
}

/// A command as the codec reads it; `None` where it does not, or where something is left over.
fn decode_whole(command: &[u8]) -> Option<Command<'static>> {
    match CommandCodec::default().decode(command) {
        Ok(([], command)) => Some(command.into_static()),
        _ => None,
    }
}

/// A search that fails with NO leaves an empty saved result, if it was to be saved (RFC 5182, section 2.1).
fn refused_search(head: &SearchHead<'_>, command: &[u8], fault: Fault, last: bool) -> Received {
    let mut refusal = refusal(head.tag, head.name(), fault, last);
    refusal.forgets_saved =
        refusal.answer.condition == Condition::No && search::asks_to_save(command, head.arguments, head.kind);
    Received::Refused(refusal)
}

fn refused(tag: &str, name: &str, fault: Fault, last: bool) -> Received {
    Received::Refused(refusal(tag, name, fault, last))
}

fn refusal(tag: &str, name: &str, fault: Fault, last: bool) -> Refusal {
    Refusal {
        tag: Some(tag.to_owned()),
        answer: Completion::refusing(name, fault),
        last,
        forgets_saved: false,
    }
}

enum Taken {
    Line(Option<LiteralAnnouncement>),
    Answer(Box<Received>),
}

/// Sloppy clients put a space before CRLF, which the grammar does not know. Not before a literal: `{5} ` is none.
fn without_trailing_spaces(line: &[u8]) -> Option<Vec<u8>> {
    let text = line.strip_suffix(b"\r\n")?;
    let end = text
        .iter()
        .rposition(|&octet| octet != b' ')
        .map_or(0, |last| last + 1);
    if end == text.len() || text[..end].ends_with(b"}") {
        return None;
    }
    let mut trimmed = text[..end].to_vec();
    trimmed.extend_from_slice(b"\r\n");
    Some(trimmed)
}

/// A line end like `{99999999999}` that the fragmentizer did not take for an announcement.
fn looks_like_announcement(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    append::announcement(line).is_some()
}
