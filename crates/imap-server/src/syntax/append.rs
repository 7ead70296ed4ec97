//! APPEND and REPLACE, a line at a time: their messages lie between the lines and are never put together with them
//! (RFC 9051, section 6.3.12; RFC 3502, RFC 4466, RFC 4469, RFC 6855, RFC 8508).
//!
//! ```text
//! append         = "APPEND" SP mailbox 1*append-message
//! replace        = ["UID" SP] "REPLACE" SP nz-number SP mailbox append-message
//! append-message = [SP flag-list] [SP date-time] SP append-data
//! append-data    = literal / literal8 / "UTF8" SP "(" literal8 ")" / "CATENATE" SP "(" cat-part *(SP cat-part) ")"
//! cat-part       = "TEXT" SP literal / "UTF8" SP "(" literal8 ")" / "URL" SP astring
//! ```

use std::num::NonZeroU32;

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::IntoStatic;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::core::LiteralMode;
use imap_codec::imap_types::datetime::DateTime;
use imap_codec::imap_types::flag::Flag;

use super::reader::Reader;
use super::reader_fault::Fault;
use super::split_tag;
use crate::numbers::Numbers;

/// What the command does beside storing messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Append,
    /// Removes the message of this number.
    Replace(Numbers, NonZeroU32),
}

impl Verb {
    /// The command, as it is named in answers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Append => "APPEND",
            Self::Replace(Numbers::Seqs, _) => "REPLACE",
            Self::Replace(Numbers::Uids, _) => "UID REPLACE",
        }
    }
}

/// The beginning of a command: all before its first message.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) tag: String,
    pub(crate) verb: Verb,
    /// The mailbox, as the client wrote it.
    pub(crate) mailbox: Vec<u8>,
    /// Where the first message begins, counted from 0.
    pub(crate) at: usize,
}

/// An APPEND or REPLACE, or what is wrong with its beginning.
#[derive(Debug)]
pub(crate) struct Begun<'c> {
    pub(crate) tag: &'c str,
    /// The command, as it is named in answers.
    pub(crate) name: &'static str,
    /// [`Fault::Ends`] where the literal that the mailbox is comes first.
    pub(crate) begin: Result<Begin, Fault>,
}

/// Reads the beginning of an APPEND or REPLACE, whose line end, and the literal announced there, are cut off. `None` for
/// other commands.
pub(crate) fn begin(command: &[u8]) -> Option<Begun<'_>> {
    let (tag, rest) = split_tag(command)?;
    let (numbers, rest) = match rest.split_at_checked(5) {
        Some((uid, rest)) if uid.eq_ignore_ascii_case(b" UID ") => (Numbers::Uids, rest),
        _ => (Numbers::Seqs, &rest[1..]),
    };
    let end = memchr::memchr(b' ', rest)?;
    let mut reader = Reader::new(command, command.len() - rest.len() + end + 1);
    let verb = match numbers {
        Numbers::Seqs if rest[..end].eq_ignore_ascii_case(b"APPEND") => Ok(Verb::Append),
        _ if rest[..end].eq_ignore_ascii_case(b"REPLACE") => replaced(&mut reader, numbers),
        _ => return None,
    };
    let name = match (&verb, numbers) {
        (Ok(verb), _) => verb.name(),
        (Err(_), Numbers::Seqs) => "REPLACE",
        (Err(_), Numbers::Uids) => "UID REPLACE",
    };
    let tag = std::str::from_utf8(tag).ok()?;
    let begin = verb.and_then(|verb| {
        let mailbox = reader.astring_octets()?.into_owned();
        if reader.rest().is_empty() {
            return Err(reader.unexpected());
        }
        Ok(Begin {
            tag: tag.to_owned(),
            verb,
            mailbox,
            at: reader.at(),
        })
    });
    Some(Begun { tag, name, begin })
}

fn replaced(reader: &mut Reader<'_>, numbers: Numbers) -> Result<Verb, Fault> {
    let number = reader.nz_number()?;
    reader.due(b' ')?;
    Ok(Verb::Replace(numbers, number))
}

/// What `{n}`, `{n+}`, `~{n}` or `~{n+}` announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// What a line says, and the literal that it announces at its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppendLine {
    /// Without line end and announcement.
    text: Vec<u8>,
    /// Up to where it was read.
    at: usize,
    announced: Option<Announced>,
}

/// Why a line cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uncountable;

/// What is said of a message.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) flags: Vec<Flag<'static>>,
    pub(crate) date: Option<DateTime>,
    pub(crate) data: Data,
}

/// What a message is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// This literal.
    Literal(Announced),
    /// This literal, whose header may be UTF-8, and a parenthesis.
    Utf8(Announced),
    /// Parts, and a parenthesis.
    Catenate,
}

/// A part of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CatPart {
    Text(Announced),
    Utf8(Announced),
    Url(Vec<u8>),
    /// A URL that is this literal.
    UrlLiteral(Announced),
}

type Read<T> = Result<T, &'static str>;

impl AppendLine {
    /// A line of a command, read from this place on.
    ///
    /// # Errors
    /// It announces more octets than can be counted.
    pub(crate) fn new(line: &[u8], at: usize) -> Result<Self, Uncountable> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (text, announced) = match announcement(line) {
            Some((begin, announced)) => (&line[..begin], Some(announced?)),
            None => (line, None),
        };
        Ok(Self {
            text: text.to_vec(),
            at: at.min(text.len()),
            announced,
        })
    }

    /// Whether octets come behind it whatever is answered.
    pub(crate) fn is_followed_by_octets(&self) -> bool {
        self.announced
            .is_some_and(|announced| announced.mode == LiteralMode::NonSync)
    }

    /// Whether everything in it was read, and the command ends.
    pub(crate) fn ends_command(&self) -> bool {
        self.announced.is_none() && self.rest().trim_ascii().is_empty()
    }

    /// Whether another message follows.
    pub(crate) fn goes_on(&self) -> bool {
        self.rest().first() == Some(&b' ')
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads these octets, in any case, if they are next.
    fn eat(&mut self, word: &[u8]) -> bool {
        let next = self.rest().get(..word.len());
        let is_next = next.is_some_and(|next| next.eq_ignore_ascii_case(word));
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// The literal that ends the line, if all else in it was read.
    fn literal(&self) -> Read<Announced> {
        match self.announced {
            Some(announced) if self.rest().is_empty() => Ok(announced),
            _ => Err("a literal is due"),
        }
    }

    fn literal8(&self) -> Read<Announced> {
        self.literal()
            .ok()
            .filter(|announced| announced.kind == LiteralKind::Literal8)
            .ok_or("a literal8 is due")
    }

    /// `[SP flag-list] [SP date-time] SP`, and what the message is made of.
    pub(crate) fn options(&mut self) -> Read<Options> {
        let from = self.at;
        for (opening, closing) in [(&b" ("[..], b')'), (b" \"", b'"')] {
            if self.eat(opening) {
                let end = memchr::memchr(closing, self.rest()).ok_or("flags or a date without an end")?;
                self.at += end + 1;
            }
        }
        let (flags, date) = flags_and_date(&self.text[from..self.at])?;
        let data = if self.eat(b" UTF8 (") {
            Data::Utf8(self.literal8()?)
        } else if self.eat(b" CATENATE (") {
            Data::Catenate
        } else if self.eat(b" ") {
            Data::Literal(self.literal()?)
        } else {
            return Err("a message is due");
        };
        Ok(Options { flags, date, data })
    }

    /// The parenthesis behind a literal.
    pub(crate) fn parenthesis(&mut self) -> Read<()> {
        match self.eat(b")") {
            true => Ok(()),
            false => Err("a parenthesis is due"),
        }
    }

    /// What separates parts: whether another one follows.
    pub(crate) fn behind_part(&mut self) -> Read<bool> {
        if self.eat(b")") {
            return Ok(false);
        }
        match self.eat(b" ") {
            true => Ok(true),
            false => Err("a space or a parenthesis is due"),
        }
    }

    /// A part of CATENATE.
    pub(crate) fn part(&mut self) -> Read<CatPart> {
        if self.eat(b"TEXT ") {
            return self.literal().map(CatPart::Text);
        }
        if self.eat(b"UTF8 (") {
            return self.literal8().map(CatPart::Utf8);
        }
        if !self.eat(b"URL ") {
            return Err("TEXT, UTF8 or URL is due");
        }
        if self.rest().is_empty() {
            return self.literal().map(CatPart::UrlLiteral);
        }
        let mut reader = Reader::new(&self.text, self.at);
        let url = reader.astring_octets().map_err(|_| "a URL is due")?.into_owned();
        self.at = reader.at();
        Ok(CatPart::Url(url))
    }
}

/// Flags and date, as the codec reads them of an APPEND.
fn flags_and_date(options: &[u8]) -> Read<(Vec<Flag<'static>>, Option<DateTime>)> {
    let stub = [b"a APPEND INBOX", options, b" {0}\r\n\r\n"].concat();
    match CommandCodec::default().decode(&stub) {
        Ok(([], command)) => match command.body.into_static() {
            CommandBody::Append { flags, date, .. } => Ok((flags, date)),
            _ => Err("bad flags or date"),
        },
        _ => Err("bad flags or date"),
    }
}

/// Where the announcement at the end of a line begins, and what it says.
pub(crate) fn announcement(line: &[u8]) -> Option<(usize, Result<Announced, Uncountable>)> {
    let inner = line.strip_suffix(b"}")?;
    let brace = memchr::memrchr(b'{', inner)?;
    let (digits, mode) = match inner[brace + 1..].strip_suffix(b"+") {
        Some(digits) => (digits, LiteralMode::NonSync),
        None => (&inner[brace + 1..], LiteralMode::Sync),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (begin, kind) = match inner[..brace].ends_with(b"~") {
        true => (brace - 1, LiteralKind::Literal8),
        false => (brace, LiteralKind::Literal),
    };
    let octets = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    let announced = octets.map(|octets| Announced { octets, mode, kind });
    Some((begin, announced.ok_or(Uncountable)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> AppendLine {
        AppendLine::new(text.as_bytes(), 0).unwrap()
    }

    fn literal(octets: u32) -> Announced {
        Announced {
            octets,
            mode: LiteralMode::Sync,
            kind: LiteralKind::Literal,
        }
    }

    #[test]
    fn a_command_begins_with_its_mailbox() {
        for (command, verb, mailbox, at) in [
            ("a APPEND INBOX {1}", Verb::Append, "INBOX", 14),
            ("a append \"a b\" (\\Seen) {1}", Verb::Append, "a b", 14),
            ("a append {3}\r\na b (\\Seen) {1}", Verb::Append, "a b", 17),
            (
                "a REPLACE 4 Drafts (",
                Verb::Replace(Numbers::Seqs, NonZeroU32::new(4).unwrap()),
                "Drafts",
                18,
            ),
            (
                "a uid replace 17 Drafts (",
                Verb::Replace(Numbers::Uids, NonZeroU32::new(17).unwrap()),
                "Drafts",
                23,
            ),
        ] {
            let begin = begin(command.as_bytes()).unwrap().begin.unwrap();
            let read = (begin.verb, begin.mailbox.as_slice(), begin.at);
            assert_eq!(read, (verb, mailbox.as_bytes(), at), "{command}");
        }
        for none in ["", "a", "a APPEND", "a UID APPEND x {1}", "a FETCH 1 x"] {
            assert!(begin(none.as_bytes()).is_none(), "{none}");
        }
        for unfinished in ["a APPEND ", "a APPEND INBOX", "a REPLACE 4 "] {
            let begun = begin(unfinished.as_bytes()).unwrap();
            assert!(matches!(begun.begin, Err(Fault::Ends { .. })), "{unfinished}");
        }
        for bad in [
            "a REPLACE 0 INBOX {1}",
            "a REPLACE 1:2 INBOX {1}",
            "a APPEND (x {1}",
        ] {
            let begun = begin(bad.as_bytes()).unwrap();
            assert!(matches!(begun.begin, Err(Fault::Syntax { .. })), "{bad}");
        }
    }

    #[test]
    fn what_is_said_of_a_message() {
        let mut plain = line(" (\\Seen $Work) \"17-Jul-1996 02:44:25 -0700\" {12}\r\n");
        let options = plain.options().unwrap();
        assert_eq!((options.flags.len(), options.date.is_some()), (2, true));
        assert_eq!(options.data, Data::Literal(literal(12)));
        let utf8 = line(" utf8 (~{5+}\r\n").options().unwrap();
        assert!(matches!(utf8.data, Data::Utf8(Announced { octets: 5, .. })));
        assert_eq!(line(" catenate (URL x)").options().unwrap().data, Data::Catenate);
        for bad in [
            "",
            " x",
            "{5}",
            " UTF8 ({5}",
            " UTF8 (x~{5}",
            " (\\Seen {5}",
            " \"nonsense\" {5}",
            " \"17-Jul-1996 02:44:25 -0700\" (\\Seen) {5}",
            "  {5}",
        ] {
            assert!(line(bad).options().is_err(), "{bad}");
        }
    }

    #[test]
    fn parts_are_read_one_by_one() {
        let mut parts = line("URL \"/a;UID=1\" URL /b;UID=2 TEXT {7}\r\n");
        assert_eq!(parts.part(), Ok(CatPart::Url(b"/a;UID=1".to_vec())));
        assert_eq!(parts.behind_part(), Ok(true));
        assert_eq!(parts.part(), Ok(CatPart::Url(b"/b;UID=2".to_vec())));
        assert_eq!(parts.behind_part(), Ok(true));
        assert_eq!(parts.part(), Ok(CatPart::Text(literal(7))));
        assert_eq!(line("URL {9}").part(), Ok(CatPart::UrlLiteral(literal(9))));
        let mut end = line(")\r\n");
        assert_eq!((end.behind_part(), end.ends_command()), (Ok(false), true));
        for bad in ["", "TEXT x", "TEXT", "TEXT x{5}", "URL (", "BLOB {5}"] {
            assert!(line(bad).part().is_err(), "{bad}");
        }
    }

    #[test]
    fn more_octets_than_can_be_counted_are_no_literal() {
        assert_eq!(AppendLine::new(b" {4294967296}\r\n", 0).unwrap_err(), Uncountable);
        assert_eq!(line(" {}").announced, None);
        assert_eq!(line(" {4294967295+}").announced.unwrap().octets, u32::MAX);
    }
}
