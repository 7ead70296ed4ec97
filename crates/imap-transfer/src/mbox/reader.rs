//! Reads an mbox file: where its messages begin, and their octets without what mbox does to them.

use std::io::{self, Read};
use std::mem;

use crate::CHUNK;

/// What a line begins with that begins a message, if an empty line or nothing is before it.
const FROM: &[u8] = b"From ";

/// So many octets of a `From ` line are kept.
const FROM_LINE: usize = 1 << 10;

const NOT_MBOX: &str = "it is not an mbox file, which begins with \"From \"";

/// Where the reader is in a line.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// At its beginning, of which it keeps back what may be a `From ` or an empty line.
    Start {
        /// After a `>`. Those before it are given out: only one is ever taken away.
        quoted: bool,
        /// So many octets of `From `.
        matched: usize,
        /// After a CR, and nothing before it.
        cr: bool,
    },
    /// In the text of a message.
    Text,
    /// In the line that begins a message.
    From,
}

impl Line {
    const START: Self = Self::Start {
        quoted: false,
        matched: 0,
        cr: false,
    };
}

/// The messages of an mbox file, one after the other.
///
/// A message begins with a line that begins with `From `, at the beginning of the file or after an empty line, which belongs to
/// neither message. Of a line that begins with any number of `>` and then `From `, one `>` is taken away: that reads what
/// mboxrd and mboxo write. The last line of the file gets an end if it has none, because it would have one if another message
/// followed. One piece is in memory, whatever the lengths of lines and messages.
#[derive(Debug)]
pub(super) struct Reader<R> {
    input: R,
    buffer: Vec<u8>,
    /// From here on, nobody has looked at the buffer.
    next: usize,
    /// Where the buffer begins in the file.
    at: u64,
    line: Line,
    /// The empty line before this one. It is text unless a message begins, or the file ends.
    empty: &'static [u8],
    /// Whether the text that was given out ends with a line's end.
    has_end: bool,
    /// Whether a message has begun.
    inside: bool,
    /// Where the next message begins, once it has begun.
    found: Option<u64>,
    from: Vec<u8>,
    nul: Option<u64>,
}

impl<R: Read> Reader<R> {
    /// Reads from an octet of the file on, where it or a message begins.
    pub(super) fn new(input: R, at: u64) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            next: 0,
            at,
            line: Line::START,
            empty: b"",
            has_end: true,
            inside: false,
            found: None,
            from: Vec::new(),
            nul: None,
        }
    }

    /// Goes to the next message: where it begins. `None` after the last.
    ///
    /// # Errors
    /// The file cannot be read, or begins with something else.
    pub(super) fn next(&mut self) -> io::Result<Option<u64>> {
        let mut skipped = Vec::new();
        while self.read(&mut skipped)? {
            skipped.clear();
        }
        self.inside = true;
        self.nul = None;
        Ok(self.found.take())
    }

    /// Where in the file the reader is: at the end of a message, behind the line that begins the next one.
    pub(super) fn position(&self) -> u64 {
        self.at + self.next as u64
    }

    /// The line that began the message, without its end.
    pub(super) fn separator(&self) -> &[u8] {
        self.from.trim_ascii_end()
    }

    /// Where in the file the first NUL octet is, of the text of this message so far.
    pub(super) fn nul(&self) -> Option<u64> {
        self.nul
    }

    /// Adds the next octets of the message to `out`; says whether there may be more.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub(super) fn read(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let more = self.advance(out)?;
        if !self.inside && !out.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, NOT_MBOX));
        }
        Ok(more)
    }

    fn advance(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        if self.found.is_some() && !matches!(self.line, Line::From) {
            return Ok(false);
        }
        if self.next == self.buffer.len() && !self.fill()? {
            self.end(out);
            return Ok(false);
        }
        let buffer = mem::take(&mut self.buffer);
        let mut more = true;
        while more && self.next < buffer.len() {
            more = self.step(&buffer[self.next..], out);
        }
        self.buffer = buffer;
        Ok(more)
    }

    /// Whether there is more in the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.at += self.buffer.len() as u64;
        self.next = 0;
        self.buffer.resize(CHUNK, 0);
        let read = loop {
            match self.input.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.buffer.truncate(read);
        Ok(read > 0)
    }

    /// Takes one octet or more of what is next; says whether the message goes on.
    fn step(&mut self, octets: &[u8], out: &mut Vec<u8>) -> bool {
        if let Line::Start { quoted, matched, cr } = self.line {
            self.start(octets[0], (quoted, matched, cr), out);
            return true;
        }
        let end = octets.iter().position(|octet| *octet == b'\n');
        let octets = end.map_or(octets, |end| &octets[..=end]);
        if matches!(self.line, Line::From) {
            let room = FROM_LINE.saturating_sub(self.from.len());
            self.from.extend_from_slice(&octets[..room.min(octets.len())]);
        } else {
            let nul = octets.iter().position(|octet| *octet == 0);
            let place = nul.map(|nul| self.at + (self.next + nul) as u64);
            self.nul = self.nul.or(place);
            out.extend_from_slice(octets);
            self.has_end = end.is_some();
        }
        self.next += octets.len();
        if end.is_none() {
            return true;
        }
        let is_from = matches!(mem::replace(&mut self.line, Line::START), Line::From);
        !is_from
    }

    /// Looks at an octet at the beginning of a line, behind what is kept back of it.
    fn start(&mut self, octet: u8, (quoted, matched, cr): (bool, usize, bool), out: &mut Vec<u8>) {
        let is_first = !quoted && matched == 0 && !cr;
        match octet {
            b'\n' if !quoted && matched == 0 => {
                let empty: &[u8] = if cr { b"\r\n" } else { b"\n" };
                let before = mem::replace(&mut self.empty, empty);
                out.extend_from_slice(if self.inside { before } else { b"" });
                self.has_end = true;
                self.line = Line::START;
            }
            b'\r' if is_first => {
                self.line = Line::Start {
                    quoted,
                    matched,
                    cr: true,
                }
            }
            b'>' if matched == 0 && !cr => {
                self.keep(if quoted { b">" } else { b"" }, out);
                self.line = Line::Start {
                    quoted: true,
                    matched,
                    cr,
                };
            }
            _ if !cr && octet == FROM[matched] => {
                let matched = matched + 1;
                self.line = Line::Start { quoted, matched, cr };
                if matched == FROM.len() {
                    self.begin(quoted, out);
                }
            }
            _ => {
                self.give_back((quoted, matched, cr), out);
                return;
            }
        }
        self.next += 1;
    }

    /// A line begins with `From `, the last octet of which is next.
    fn begin(&mut self, quoted: bool, out: &mut Vec<u8>) {
        if quoted || (self.inside && self.empty.is_empty()) {
            self.keep(FROM, out);
            self.line = Line::Text;
            return;
        }
        self.empty = b"";
        self.found = Some(self.at + self.next as u64 + 1 - FROM.len() as u64);
        self.from = FROM.to_vec();
        self.line = Line::From;
    }

    /// The line is text like any other.
    fn give_back(&mut self, (quoted, matched, cr): (bool, usize, bool), out: &mut Vec<u8>) {
        self.keep(if quoted { b">" } else { b"" }, out);
        self.keep(&FROM[..matched], out);
        self.keep(if cr { b"\r" } else { b"" }, out);
        self.line = Line::Text;
    }

    /// Gives out text of a line that is not empty, and an empty line before it.
    fn keep(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(mem::take(&mut self.empty));
        out.extend_from_slice(text);
        self.has_end = false;
    }

    /// The file ends.
    fn end(&mut self, out: &mut Vec<u8>) {
        if let Line::Start { quoted, matched, cr } = self.line
            && (quoted || matched > 0 || cr)
        {
            self.give_back((quoted, matched, cr), out);
        }
        if !mem::replace(&mut self.has_end, true) {
            out.push(b'\n');
        }
        self.empty = b"";
        self.line = Line::START;
    }
}
