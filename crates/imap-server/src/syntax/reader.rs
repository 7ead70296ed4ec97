//! The words of what the codec does not read: atoms, strings, numbers, sets, dates.

use std::borrow::Cow;
use std::num::NonZeroU32;

use chrono::NaiveDate;
use imap_seq::{Bound, Number, SequenceSet, SetItem};

use super::reader_fault::Fault;
use super::shown::shown;

/// A place in a command.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'c> {
    command: &'c [u8],
    at: usize,
}

impl<'c> Reader<'c> {
    /// At this place of a command, which has no line end at its end.
    pub(crate) fn new(command: &'c [u8], at: usize) -> Self {
        Self {
            command,
            at: at.min(command.len()),
        }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The whole command.
    pub(crate) fn command(&self) -> &'c [u8] {
        self.command
    }

    /// Goes on at this place, up to which somebody else has read.
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at.min(self.command.len());
    }

    /// What is still to be read.
    pub(crate) fn rest(&self) -> &'c [u8] {
        &self.command[self.at..]
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Reads this octet, if it is the next one.
    pub(crate) fn eat(&mut self, octet: u8) -> Option<()> {
        (self.peek()? == octet).then(|| self.at += 1)
    }

    /// The next octet has to be this one.
    pub(crate) fn due(&mut self, octet: u8) -> Result<(), Fault> {
        self.eat(octet).ok_or_else(|| self.unexpected())
    }

    /// That the command cannot go on with what comes next.
    pub(crate) fn unexpected(&self) -> Fault {
        match self.peek() {
            None => Fault::Ends { at: self.at },
            Some(b' ') => Fault::syntax(self.at, "unexpected space"),
            Some(_) => {
                let word = self.rest().split(|&octet| matches!(octet, b' ' | b'\r')).next();
                let word = shown(word.unwrap_or_default());
                Fault::syntax(self.at, format!("cannot go on with {word}"))
            }
        }
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'c [u8] {
        let rest = self.rest();
        let length = rest
            .iter()
            .position(|&octet| !belongs(octet))
            .unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// `1*ATOM-CHAR`.
    pub(crate) fn atom(&mut self) -> Result<&'c str, Fault> {
        let atom = self.take_while(is_atom_char);
        self.ascii(atom)
    }

    /// The next octets if they are an atom; empty if they are none. Nothing is read.
    pub(crate) fn next_atom(&self) -> &'c [u8] {
        self.clone().take_while(is_atom_char)
    }

    fn ascii(&self, word: &'c [u8]) -> Result<&'c str, Fault> {
        match std::str::from_utf8(word) {
            Ok(word) if !word.is_empty() => Ok(word),
            _ => Err(self.unexpected()),
        }
    }

    /// `astring`: an atom, in which `]` is allowed as well, or a string. It has to be UTF-8, of which US-ASCII is a part.
    pub(crate) fn astring(&mut self) -> Result<Cow<'c, str>, Fault> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => {
                let word = self.take_while(|octet| is_atom_char(octet) || octet == b']');
                self.ascii(word).map(Cow::Borrowed)
            }
        }
    }

    /// `astring` of any octets but NUL, such as a mailbox name.
    pub(crate) fn astring_octets(&mut self) -> Result<Cow<'c, [u8]>, Fault> {
        match self.peek() {
            Some(b'"') => self.quoted_octets(),
            Some(b'{') => self.literal_octets().map(Cow::Borrowed),
            _ => {
                let word = self.take_while(|octet| is_atom_char(octet) || octet == b']');
                self.ascii(word).map(|word| Cow::Borrowed(word.as_bytes()))
            }
        }
    }

    /// `list-mailbox`: an atom in which wildcards and `]` are allowed as well, or a string.
    pub(crate) fn list_mailbox(&mut self) -> Result<Cow<'c, [u8]>, Fault> {
        match self.peek() {
            Some(b'"' | b'{') => self.astring_octets(),
            _ => {
                let word = self.take_while(|octet| is_atom_char(octet) || b"]%*".contains(&octet));
                self.ascii(word).map(|word| Cow::Borrowed(word.as_bytes()))
            }
        }
    }

    fn quoted(&mut self) -> Result<Cow<'c, str>, Fault> {
        let from = self.at + 1;
        Ok(match self.quoted_octets()? {
            Cow::Borrowed(octets) => Cow::Borrowed(utf8(octets, from)?),
            Cow::Owned(octets) => Cow::Owned(utf8(&octets, from)?.to_owned()),
        })
    }

    fn quoted_octets(&mut self) -> Result<Cow<'c, [u8]>, Fault> {
        self.due(b'"')?;
        let from = self.at;
        let mut escapes = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escapes.push(self.at);
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\') => self.at += 1,
                        _ => return Err(self.unexpected()),
                    }
                }
                Some(0 | b'\r' | b'\n') | None => return Err(self.unexpected()),
                Some(_) => self.at += 1,
            }
        }
        let text = &self.command[from..self.at];
        self.at += 1;
        if escapes.is_empty() {
            return Ok(Cow::Borrowed(text));
        }
        let mut plain = Vec::with_capacity(text.len());
        let mut begins = 0;
        for escape in escapes {
            plain.extend_from_slice(&text[begins..escape - from]);
            begins = escape - from + 1;
        }
        plain.extend_from_slice(&text[begins..]);
        Ok(Cow::Owned(plain))
    }

    /// `"{" number64 ["+"] "}" CRLF *CHAR8`. Whether it may be so long was decided when it was announced.
    fn literal(&mut self) -> Result<&'c str, Fault> {
        let octets = self.literal_octets()?;
        utf8(octets, self.at - octets.len())
    }

    fn literal_octets(&mut self) -> Result<&'c [u8], Fault> {
        let begin = self.at;
        self.due(b'{')?;
        let octets = self.number(begin)?;
        let _ = self.eat(b'+');
        for due in *b"}\r\n" {
            self.due(due)?;
        }
        let rest = self.rest();
        let text = usize::try_from(octets).ok().and_then(|octets| rest.get(..octets));
        let Some(text) = text else {
            return Err(Fault::Ends {
                at: self.command.len(),
            });
        };
        if let Some(nul) = memchr::memchr(0, text) {
            return Err(Fault::syntax(self.at + nul, "NUL in a string"));
        }
        self.at += text.len();
        Ok(text)
    }

    fn number(&mut self, begin: usize) -> Result<u64, Fault> {
        let digits = self.take_while(|octet| octet.is_ascii_digit());
        let number = self.ascii(digits)?.parse::<u64>().ok();
        number
            .filter(|&number| i64::try_from(number).is_ok())
            .ok_or_else(|| Fault::syntax(begin, "number too large"))
    }

    /// `number64`: 63 bits (RFC 9051, section 9).
    pub(crate) fn number64(&mut self) -> Result<u64, Fault> {
        self.number(self.at)
    }

    /// `nz-number`: 1 to 2^32 - 1.
    pub(crate) fn nz_number(&mut self) -> Result<NonZeroU32, Fault> {
        let begin = self.at;
        let number = self.number(begin)?;
        let number = u32::try_from(number).map_err(|_| Fault::syntax(begin, "number too large"))?;
        NonZeroU32::new(number).ok_or_else(|| Fault::syntax(begin, "0 where a number from 1 is due"))
    }

    /// `sequence-set`.
    pub(crate) fn set<T: Number>(&mut self) -> Result<SequenceSet<T>, Fault> {
        let begin = self.at;
        if self.peek() == Some(b'$') {
            return Err(Fault::syntax(begin, "$ is not supported"));
        }
        let mut items = Vec::new();
        loop {
            let from = self.bound(begin)?;
            items.push(match self.eat(b':') {
                Some(()) => SetItem::Range(from, self.bound(begin)?),
                None => SetItem::Single(from),
            });
            if self.eat(b',').is_none() {
                break;
            }
        }
        match self.peek() {
            None | Some(b' ' | b')') => {}
            Some(_) => return Err(Fault::syntax(begin, "bad sequence set")),
        }
        SequenceSet::new(items).ok_or_else(|| Fault::syntax(begin, "bad sequence set"))
    }

    /// One end of a range. Zeros in front of a number are taken, as other servers do.
    fn bound<T: Number>(&mut self, set: usize) -> Result<Bound<T>, Fault> {
        if self.eat(b'*').is_some() {
            return Ok(Bound::Last);
        }
        let digits = self.take_while(|octet| octet.is_ascii_digit());
        if digits.is_empty() {
            return Err(match self.peek() {
                None => Fault::Ends { at: self.at },
                Some(_) => Fault::syntax(set, "bad sequence set"),
            });
        }
        let number = self.ascii(digits)?.parse::<u32>();
        let number = number.map_err(|_| Fault::syntax(set, "number too large in a sequence set"))?;
        T::from_plain(number)
            .map(Bound::Number)
            .ok_or_else(|| Fault::syntax(set, "0 in a sequence set"))
    }

    /// `date`: `1-Feb-1994`, in quotes or without.
    pub(crate) fn date(&mut self) -> Result<NaiveDate, Fault> {
        let begin = self.at;
        let quoted = self.eat(b'"');
        let text = self.take_while(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        let Some(date) = date(text) else {
            return Err(match self.peek() {
                None if text.is_empty() => Fault::Ends { at: self.at },
                _ => Fault::syntax(begin, "expected a date like 1-Feb-1994"),
            });
        };
        if quoted.is_some() {
            self.due(b'"')?;
        }
        Ok(date)
    }
}

/// `date-day "-" date-month "-" date-year`.
fn date(text: &[u8]) -> Option<NaiveDate> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let mut parts = std::str::from_utf8(text).ok()?.split('-');
    let mut next =
        |lengths: std::ops::RangeInclusive<usize>| parts.next().filter(|part| lengths.contains(&part.len()));
    let (day, month, year) = (next(1..=2)?, next(3..=3)?, next(4..=4)?);
    let month = (1..)
        .zip(MONTHS)
        .find(|(_, name)| name.eq_ignore_ascii_case(month))?
        .0;
    let digits = |part: &str| part.bytes().all(|octet| octet.is_ascii_digit());
    if !digits(day) || !digits(year) || parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month, day.parse().ok()?)
}

fn utf8(octets: &[u8], at: usize) -> Result<&str, Fault> {
    std::str::from_utf8(octets)
        .map_err(|error| Fault::syntax(at + error.valid_up_to(), "string is not UTF-8"))
}

/// `ATOM-CHAR` (RFC 9051, section 9).
fn is_atom_char(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet)
}
