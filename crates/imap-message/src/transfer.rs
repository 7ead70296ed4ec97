//! Content-Transfer-Encodings (RFC 2045 section 6), decoded as the text comes.
//!
//! Damaged and unknown encodings give what can be read, because SEARCH had better find too much than too little.

use memchr::memchr;

use crate::parameter::single_token;

/// An encoding. [`Identity`](Self::Identity) is 7bit, 8bit, binary, and what nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// What a value of `Content-Transfer-Encoding:` names.
    pub(crate) fn of(value: Option<&[u8]>) -> Self {
        let name = value.and_then(single_token);
        match name.as_deref() {
            Some(name) if name.eq_ignore_ascii_case(b"base64") => Self::Base64,
            Some(name) if name.eq_ignore_ascii_case(b"quoted-printable") => Self::QuotedPrintable,
            _ => Self::Identity,
        }
    }

    /// The same, but `None` for an encoding that nobody knows.
    pub(crate) fn known(value: Option<&[u8]>) -> Option<Self> {
        const PLAIN: [&[u8]; 3] = [b"7bit", b"8bit", b"binary"];
        let name = value.and_then(single_token);
        match (Self::of(value), name) {
            (Self::Identity, Some(name)) => PLAIN
                .iter()
                .any(|plain| plain.eq_ignore_ascii_case(&name))
                .then_some(Self::Identity),
            (encoding, _) => Some(encoding),
        }
    }
}

/// Decodes a body that comes in pieces. What it gives does not depend on where they are cut.
#[derive(Debug)]
pub(crate) enum Decoder {
    Identity,
    Base64(Base64),
    QuotedPrintable(QuotedPrintable),
}

impl Decoder {
    pub(crate) fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity => Self::Identity,
            Encoding::Base64 => Self::Base64(Base64::default()),
            Encoding::QuotedPrintable => Self::QuotedPrintable(QuotedPrintable::default()),
        }
    }

    /// What the next octets of the body stand for. `room` is overwritten, if it is needed.
    pub(crate) fn decode<'o>(&mut self, octets: &'o [u8], room: &'o mut Vec<u8>) -> &'o [u8] {
        room.clear();
        match self {
            Self::Identity => return octets,
            Self::Base64(base64) => base64.decode(octets, room),
            Self::QuotedPrintable(quoted) => quoted.decode(octets, room),
        }
        room
    }

    /// What is left when the body has ended.
    pub(crate) fn finish<'o>(&mut self, room: &'o mut Vec<u8>) -> &'o [u8] {
        room.clear();
        match self {
            Self::Identity => {}
            Self::Base64(base64) => base64.finish(room),
            Self::QuotedPrintable(quoted) => quoted.finish(room),
        }
        room
    }
}

/// Decodes base64. Octets that are not in its alphabet are skipped; padding ends a group, so that pieces encoded one by
/// one and then joined are read too.
pub(crate) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = Base64::default();
    decoder.decode(text, &mut out);
    decoder.finish(&mut out);
    out
}

/// Base64 up to some place: the group that has begun there.
#[derive(Debug, Default)]
pub(crate) struct Base64 {
    group: u32,
    /// Digits in the group, fewer than four.
    digits: usize,
}

impl Base64 {
    fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let (mut rest, mut len) = (text, out.len());
        out.resize(len + text.len().div_ceil(4) * 3 + 3, 0);
        while !rest.is_empty() {
            if self.digits == 0 {
                let groups = whole_groups(rest, &mut out[len..]);
                (rest, len) = (&rest[4 * groups..], len + 3 * groups);
            }
            let (ends, read) = self.read_group(rest);
            rest = &rest[read..];
            if ends {
                let (octets, count) = self.end_group();
                out[len..len + 3].copy_from_slice(&octets);
                len += count;
            }
        }
        out.truncate(len);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let (octets, count) = self.end_group();
        out.extend_from_slice(&octets[..count]);
    }

    /// Goes on with the group, whatever stands between its digits. Returns whether it ends, and how much was read.
    fn read_group(&mut self, text: &[u8]) -> (bool, usize) {
        for (at, &octet) in text.iter().enumerate() {
            let digit = DIGITS[usize::from(octet)];
            if digit < NO_DIGIT {
                self.group = self.group << 6 | u32::from(digit);
                self.digits += 1;
            }
            if self.digits == 4 || octet == b'=' {
                return (true, at + 1);
            }
        }
        (false, text.len())
    }

    /// The octets of the group, and how many count: four digits are three octets, three are two, two are one.
    fn end_group(&mut self) -> ([u8; 3], usize) {
        let Self { group, digits } = std::mem::take(self);
        let [_, octets @ ..] = (group << (6 * (4 - digits))).to_be_bytes();
        (octets, digits * 6 / 8)
    }
}

/// Decodes groups of four digits as far as nothing else stands between them. Returns how many there were.
fn whole_groups(text: &[u8], out: &mut [u8]) -> usize {
    let mut groups = 0;
    for (four, three) in text.chunks_exact(4).zip(out.chunks_exact_mut(3)) {
        let [a, b, c, d] = [four[0], four[1], four[2], four[3]].map(|octet| DIGITS[usize::from(octet)]);
        if a | b | c | d >= NO_DIGIT {
            break;
        }
        let [_, octets @ ..] =
            (u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d)).to_be_bytes();
        three.copy_from_slice(&octets);
        groups += 1;
    }
    groups
}

/// What no base64 digit has as its value.
const NO_DIGIT: u8 = 64;

/// The value of each base64 digit.
const DIGITS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < NO_DIGIT {
        digits[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

/// Quoted-printable up to some place. A `=` that begins no escape is kept; white space at the end of a line is not: mail transport
/// has added it (RFC 2045 section 6.7, rule 3).
#[derive(Debug, Default)]
pub(crate) struct QuotedPrintable {
    /// Empty, or a `=` and what [`Escape::Unfinished`] allows behind it.
    begun: Vec<u8>,
    end: LineEnd,
}

impl QuotedPrintable {
    fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.reserve(text.len() + MAX_ESCAPE);
        let mut rest = self.go_on(text, out);
        loop {
            let (plain, next) = rest.split_at(memchr(b'=', rest).unwrap_or(rest.len()));
            self.end.text(plain, out);
            let Some((equals, after)) = next.split_first() else {
                return;
            };
            self.end.begins_no_line_end(out);
            rest = match escape(after) {
                Escape::Octet(octet) => {
                    out.push(octet);
                    &after[2..]
                }
                Escape::SoftBreak(len) => &after[len..],
                Escape::None => {
                    out.push(*equals);
                    after
                }
                Escape::Unfinished => {
                    self.begun.extend_from_slice(next);
                    return;
                }
            };
        }
    }

    /// Goes on with what has begun before `text`. Returns what follows.
    fn go_on<'t>(&mut self, text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
        let before = self.begun.len();
        if before == 0 {
            return text;
        }
        self.begun.extend(text.iter().take(MAX_ESCAPE));
        let taken = match escape(&self.begun[1..]) {
            Escape::Octet(octet) => {
                out.push(octet);
                3
            }
            Escape::SoftBreak(len) => 1 + len,
            Escape::None => {
                // No other `=` is in it, so all of it is plain.
                out.push(b'=');
                self.end.text(&self.begun[1..before], out);
                before
            }
            Escape::Unfinished => return &[],
        };
        self.begun.clear();
        &text[taken - before..]
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some((equals, after)) = std::mem::take(&mut self.begun).split_first() {
            out.push(*equals);
            self.end.text(after, out);
        }
        self.end.finish(out);
    }
}

/// What may be the end of a line: white space, and CR. It is held back until it is known what follows.
#[derive(Debug, Default)]
struct LineEnd {
    held: Vec<u8>,
    /// There is more white space than a line can have, so that it is text.
    is_text: bool,
}

impl LineEnd {
    /// Text without escapes.
    fn text(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some(at) = memchr(b'\n', rest) {
            self.line(&rest[..at], out);
            let end: &[u8] = if self.held.ends_with(b"\r") {
                b"\r\n"
            } else {
                b"\n"
            };
            out.extend_from_slice(end);
            *self = Self::default();
            rest = &rest[at + 1..];
        }
        self.line(rest, out);
    }

    /// Some of a line, without its LF.
    fn line(&mut self, some: &[u8], out: &mut Vec<u8>) {
        if some.is_empty() {
            return;
        }
        if self.held.ends_with(b"\r") {
            self.begins_no_line_end(out);
        }
        let before_cr = some.strip_suffix(b"\r").unwrap_or(some);
        let spaces = before_cr
            .iter()
            .rev()
            .take_while(|octet| matches!(octet, b' ' | b'\t'));
        let (text, spaces) = before_cr.split_at(before_cr.len() - spaces.count());
        if !text.is_empty() {
            self.begins_no_line_end(out);
            out.extend_from_slice(text);
        }
        if !self.is_text && self.held.len() + spaces.len() > MAX_TRAILING_SPACE {
            out.append(&mut self.held);
            self.is_text = true;
        }
        match self.is_text {
            true => out.extend_from_slice(spaces),
            false => self.held.extend_from_slice(spaces),
        }
        self.held.extend_from_slice(&some[before_cr.len()..]);
    }

    /// Something else follows: what is held is text.
    fn begins_no_line_end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        self.is_text = false;
    }

    /// The last line ends where the body does.
    fn finish(&mut self, out: &mut Vec<u8>) {
        out.extend(self.held.drain(..).filter(|octet| *octet == b'\r'));
    }
}

/// What follows a `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Two digits: this octet.
    Octet(u8),
    /// A line end, so many octets with the white space before it.
    SoftBreak(usize),
    /// Something that makes no escape.
    None,
    /// The start of something that may become one.
    Unfinished,
}

/// What the `=` before `after` begins.
pub(crate) fn escape(after: &[u8]) -> Escape {
    if let Some(octet) = hex_pair(after) {
        return Escape::Octet(octet);
    }
    // Mail transport may have added white space at the end of the line.
    let spaces = after
        .iter()
        .take(MAX_TRAILING_SPACE)
        .take_while(|octet| matches!(octet, b' ' | b'\t'))
        .count();
    match &after[spaces..] {
        [b'\r', b'\n', ..] => Escape::SoftBreak(spaces + 2),
        [b'\n', ..] => Escape::SoftBreak(spaces + 1),
        [] | [b'\r'] => Escape::Unfinished,
        [digit] if spaces == 0 && hex(*digit).is_some() => Escape::Unfinished,
        _ => Escape::None,
    }
}

/// So that white space is not looked at again and again: a line has at most 76 octets (RFC 2045 section 6.7).
const MAX_TRAILING_SPACE: usize = 76;

/// The longest that can follow a `=` in an escape.
const MAX_ESCAPE: usize = MAX_TRAILING_SPACE + 2;

/// The octet that the two hexadecimal digits at the start stand for.
pub(crate) fn hex_pair(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low, ..] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

fn hex(octet: u8) -> Option<u8> {
    char::from(octet)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
