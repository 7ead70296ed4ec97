//! The words of a whole response, read by the grammar (RFC 9051, section 9): strictly where a client could be led astray,
//! which is where a value ends, and loosely in what it says.

use std::borrow::Cow;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use memchr::{memchr, memchr2};

use super::eight_bit::EightBit;
use super::fault::Fault;
use crate::rule::Rule;

/// One word of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'o> {
    /// An atom, a number, a flag, or the name of an item with its section.
    Atom(&'o str),
    /// What stands between quotes, still with its escapes.
    Quoted(&'o [u8]),
    /// A literal, or a literal8.
    Literal {
        /// How many octets it has.
        size: u64,
        /// These octets; none where a literal was too long to be kept.
        octets: &'o [u8],
    },
    /// What stands between parentheses.
    List(&'o [Self]),
}

impl<'o> Value<'o> {
    /// The word, if it is one.
    #[must_use]
    pub fn atom(&self) -> Option<&'o str> {
        match self {
            Self::Atom(atom) => Some(atom),
            _ => None,
        }
    }

    /// The values of the list, if it is one.
    #[must_use]
    pub fn list(&self) -> Option<&'o [Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// The number, if it is one and not too large.
    #[must_use]
    pub fn number<N: std::str::FromStr>(&self) -> Option<N> {
        self.atom().and_then(|atom| atom.parse().ok())
    }

    /// The octets of a string of any form; a quoted one still with its escapes.
    pub(crate) fn octets(&self) -> Option<&'o [u8]> {
        match self {
            Self::Atom(atom) => Some(atom.as_bytes()),
            Self::Quoted(octets) | Self::Literal { octets, .. } => Some(octets),
            Self::List(_) => None,
        }
    }

    /// The octets of a quoted string, without its escapes, or of a literal. `None` for NIL and for what is no string.
    #[must_use]
    pub fn string(&self) -> Option<Cow<'o, [u8]>> {
        match self {
            Self::Quoted(octets) if octets.contains(&b'\\') => Some(Cow::Owned(unescaped(octets))),
            Self::Quoted(octets) | Self::Literal { octets, .. } => Some(Cow::Borrowed(octets)),
            Self::Atom(_) | Self::List(_) => None,
        }
    }
}

/// Whether these are one word, in any case. Most are not of the same length, and need no more than that.
#[inline]
pub(crate) fn is_word(word: &str, other: &str) -> bool {
    word.len() == other.len() && word.eq_ignore_ascii_case(other)
}

fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut octets = quoted.iter().copied();
    let mut unescaped = Vec::with_capacity(quoted.len());
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => unescaped.extend(octets.next()),
            _ => unescaped.push(octet),
        }
    }
    unescaped
}

/// Reads the octets of one response.
pub(crate) struct Reader<'o> {
    octets: &'o [u8],
    /// The first line, where it has nothing but printable ASCII: then nobody has to look again whether a word of it has.
    plain: &'o str,
    at: usize,
    /// Where its words are.
    arena: &'o Bump,
    /// Longer literals were left out.
    kept: u64,
    behind_literal: usize,
    /// How deep its lists nest.
    pub(crate) deepest: usize,
    pub(crate) eight_bit: EightBit,
    /// The size of a literal that is announced as a non-synchronizing one.
    pub(crate) non_sync: Option<u64>,
    /// What is wrong, and does not keep the response from being read.
    pub(crate) noted: Vec<Fault>,
}

/// Deeper lists than this are not read.
const DEEPEST: usize = 200;

/// Most lists have no more values.
const FEW: usize = 4;

/// Some clients read on to a CRLF.
pub(crate) fn without_cr() -> Fault {
    Fault::new(Rule::LineEnd, "a line ends in LF without CR")
}

/// The first line, if it is nothing but printable ASCII.
fn plain(octets: &[u8]) -> &str {
    let end = memchr(b'\n', octets).unwrap_or(octets.len());
    let line = octets[..end].strip_suffix(b"\r").unwrap_or(&octets[..end]);
    // No way out before the end, so that many octets are compared at a time.
    let is_plain = line
        .iter()
        .fold(true, |is_plain, octet| is_plain & matches!(octet, b' '..=b'~'));
    let text = is_plain.then(|| std::str::from_utf8(line).ok());
    text.flatten().unwrap_or_default()
}

/// Which octets a word may have: a table, because every octet of every response is looked up.
const OF_A_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = b'!';
    loop {
        table[octet as usize] = !matches!(octet, 0x7f | b'(' | b')' | b'{' | b'"');
        if octet == u8::MAX {
            break;
        }
        octet += 1;
    }
    table
};

impl<'o> Reader<'o> {
    /// Literals of more octets than these were left out.
    pub(crate) fn new(octets: &'o [u8], kept: u64, arena: &'o Bump) -> Self {
        Self {
            octets,
            plain: plain(octets),
            at: 0,
            arena,
            kept,
            behind_literal: usize::MAX,
            deepest: 0,
            eight_bit: EightBit::default(),
            non_sync: None,
            noted: Vec::new(),
        }
    }

    pub(crate) fn arena(&self) -> &'o Bump {
        self.arena
    }

    /// ` value value` up to the end of the line.
    pub(crate) fn values(&mut self) -> Result<&'o [Value<'o>], Fault> {
        let mut values = ArenaVec::with_capacity_in(FEW, self.arena);
        loop {
            match self.peek() {
                Some(b' ') => self.at += 1,
                // As in `* THREAD (1)(2)`.
                Some(b'(') if self.octets[..self.at].ends_with(b")") => {}
                _ => return self.line_end().map(|()| values.into_bump_slice()),
            }
            values.push(self.value(0)?);
        }
    }

    /// `value value` to the end of the octets, as inside of a response code.
    pub(crate) fn all(&mut self) -> Result<&'o [Value<'o>], Fault> {
        let mut values = ArenaVec::with_capacity_in(FEW, self.arena);
        while self.peek().is_some() {
            if !values.is_empty() {
                self.space()?;
            }
            values.push(self.value(0)?);
        }
        Ok(values.into_bump_slice())
    }

    /// The rest of a line of text, and its end.
    pub(crate) fn text(&mut self) -> &'o [u8] {
        let rest = &self.octets[self.at..];
        self.at = self.octets.len();
        let text = rest.strip_suffix(b"\r\n").unwrap_or_else(|| {
            self.noted.push(without_cr());
            rest.strip_suffix(b"\n").unwrap_or(rest)
        });
        self.eight_bit.text(text);
        if text.contains(&b'\r') || text.contains(&0) {
            self.note(Fault::new(Rule::Syntax, "CR or NUL in a line"));
        }
        text
    }

    /// Something is wrong that does not keep the response from being read.
    pub(crate) fn note(&mut self, fault: Fault) {
        self.noted.push(fault);
    }

    fn line_end(&mut self) -> Result<(), Fault> {
        if self.octets[self.at..] == *b"\n" {
            self.note(without_cr());
            return Ok(());
        }
        self.expect(b"\r\n")
    }

    /// A word that is no string.
    pub(crate) fn word(&mut self) -> Result<&'o str, Fault> {
        let rest = &self.octets[self.at..];
        let end = rest
            .iter()
            .position(|&octet| !OF_A_WORD[usize::from(octet)])
            .unwrap_or(rest.len());
        let word = match self.plain.get(self.at..self.at + end) {
            Some(word) => Ok(word),
            None => {
                if !rest[..end].is_ascii() {
                    self.eight_bit.word();
                }
                std::str::from_utf8(&rest[..end])
            }
        };
        match word {
            Ok(word) if !word.is_empty() => {
                self.at += end;
                Ok(word)
            }
            Ok(_) => Err(self.fault("nothing where a word is due")),
            Err(_) => Err(Fault::new(Rule::EightBit, "octets above 127 in a word")),
        }
    }

    pub(crate) fn space(&mut self) -> Result<(), Fault> {
        self.expect(b" ")
    }

    fn value(&mut self, depth: usize) -> Result<Value<'o>, Fault> {
        match self.peek() {
            Some(b'(') => self.list(depth + 1).map(Value::List),
            Some(b'"') => self.quoted().map(Value::Quoted),
            Some(b'{') => self.literal(),
            Some(b'~') if self.octets.get(self.at + 1) == Some(&b'{') => {
                self.at += 1;
                self.literal()
            }
            _ => self.item().map(Value::Atom),
        }
    }

    /// `(a b (c))`; lists that follow each other need no space between them.
    fn list(&mut self, depth: usize) -> Result<&'o [Value<'o>], Fault> {
        self.deepest = self.deepest.max(depth);
        if depth > DEEPEST {
            return Err(self.fault("lists deeper than anything is"));
        }
        self.expect(b"(")?;
        let mut values = ArenaVec::with_capacity_in(FEW, self.arena);
        loop {
            match self.peek() {
                Some(b')') => break,
                Some(b'(') if self.octets[..self.at].ends_with(b")") => {}
                _ if values.is_empty() => {}
                _ => self.space()?,
            }
            values.push(self.value(depth)?);
        }
        self.at += 1;
        Ok(values.into_bump_slice())
    }

    /// An atom, or a section: `BODY[1.HEADER.FIELDS (A "b c")]<7>`. `BODY[x` is an atom, and may be a keyword;
    /// `BODY[]x` may be a mailbox.
    fn item(&mut self) -> Result<&'o str, Fault> {
        let begin = self.at;
        if !matches!(self.peek(), Some(b'B' | b'b')) {
            return self.word();
        }
        for name in [&b"BODY["[..], b"BINARY[", b"BINARY.SIZE["] {
            let rest = &self.octets[begin..];
            let is_it = rest
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name));
            if is_it && self.section(name.len()).is_ok() && self.is_at_end_of_word() {
                let section = &self.octets[begin..self.at];
                return std::str::from_utf8(section).map_err(|_| self.fault("octets that are no UTF-8"));
            }
            self.at = begin;
        }
        self.word()
    }

    fn is_at_end_of_word(&self) -> bool {
        matches!(self.peek(), None | Some(b' ' | b')' | b'\r' | b'\n'))
    }

    fn section(&mut self, name: usize) -> Result<(), Fault> {
        self.at += name;
        self.run(|octet| octet.is_ascii_alphanumeric() || octet == b'.');
        if self.peek() == Some(b' ') {
            self.at += 1;
            self.names()?;
        }
        self.expect(b"]")?;
        if self.peek() == Some(b'<') {
            self.run(|octet| octet.is_ascii_digit() || matches!(octet, b'<' | b'>'));
        }
        Ok(())
    }

    /// The names of header fields, among which `BODY[x]` is a name as any other.
    fn names(&mut self) -> Result<(), Fault> {
        self.expect(b"(")?;
        loop {
            match self.peek() {
                Some(b'"') => drop(self.quoted()?),
                Some(b'{') => drop(self.literal()?),
                _ => drop(self.word()?),
            }
            if self.peek() == Some(b')') {
                return self.expect(b")");
            }
            self.expect(b" ")?;
        }
    }

    fn quoted(&mut self) -> Result<&'o [u8], Fault> {
        self.expect(b"\"")?;
        let begin = self.at;
        loop {
            let rest = &self.octets[self.at..];
            let end = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            let is_plain = self.at + end <= self.plain.len();
            if !is_plain && rest[..end].iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')) {
                return Err(self.fault("CR, LF or NUL in a quoted string"));
            }
            self.at += end;
            if self.next()? == b'"' {
                let quoted = &self.octets[begin..self.at - 1];
                if !is_plain && !quoted.is_ascii() {
                    self.eight_bit.quoted(quoted);
                }
                return Ok(quoted);
            }
            if !matches!(self.next()?, b'"' | b'\\') {
                return Err(self.fault("an escape in a quoted string"));
            }
        }
    }

    fn literal(&mut self) -> Result<Value<'o>, Fault> {
        self.expect(b"{")?;
        let digits = self.run(|octet| octet.is_ascii_digit());
        let size: u64 = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| self.fault("the size of a literal"))?;
        if self.peek() == Some(b'+') {
            self.at += 1;
            self.non_sync = Some(size);
        }
        self.expect(b"}\r\n")?;
        let kept = if size > self.kept {
            0
        } else {
            usize::try_from(size).unwrap_or(usize::MAX)
        };
        let octets = self.octets[self.at..].get(..kept);
        let octets = octets.ok_or_else(|| self.fault("a literal that is cut off"))?;
        self.at += kept;
        self.behind_literal = self.at;
        Ok(Value::Literal { size, octets })
    }

    fn run(&mut self, is_of_it: impl Fn(u8) -> bool) -> &'o [u8] {
        let rest = &self.octets[self.at..];
        let end = rest
            .iter()
            .position(|&octet| !is_of_it(octet))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn expect<const N: usize>(&mut self, octets: &[u8; N]) -> Result<(), Fault> {
        if self.octets[self.at..].first_chunk() != Some(octets) {
            return Err(self.fault(match &octets[..] {
                b" " => "a space is due",
                b")" => "a parenthesis is due",
                b"\r\n" => "the end of the line is due",
                _ => "another octet is due",
            }));
        }
        self.at += N;
        Ok(())
    }

    fn next(&mut self) -> Result<u8, Fault> {
        let octet = self
            .peek()
            .ok_or_else(|| self.fault("the response ends within a value"))?;
        self.at += 1;
        Ok(octet)
    }

    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    /// Directly behind a literal its size is the suspect.
    #[cold]
    fn fault(&self, what: &'static str) -> Fault {
        match self.at == self.behind_literal {
            true => Fault::new(Rule::LiteralSize, format!("behind a literal, {what}")),
            false => Fault::new(Rule::Syntax, what),
        }
    }
}
