//! Header sections: where they end, and their fields in order.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

use crate::Octets;

/// The length of the header section that `octets` begin with, its blank line included.
///
/// Without a blank line all of `octets` is header, as RFC 3501 section 6.4.5 foresees for a message without a body.
pub(crate) fn header_len(octets: &[u8]) -> usize {
    let mut at = 0;
    loop {
        if let Some(blank) = blank_line(&octets[at..]) {
            return at + blank;
        }
        match memchr(b'\n', &octets[at..]) {
            Some(lf) => at += lf + 1,
            None => return octets.len(),
        }
    }
}

/// The length of the blank line that `octets` begin with, if they do.
pub(crate) fn blank_line(octets: &[u8]) -> Option<usize> {
    match octets {
        [b'\r', b'\n', ..] => Some(2),
        [b'\n', ..] => Some(1),
        _ => None,
    }
}

/// One header field, or a line of a header section that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    raw: &'a [u8],
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Field<'a> {
    /// The field as it stands in the message: continuation lines and the last line end included.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The field name as written, without white space before the colon. Empty for a line that is no field.
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// Whether the field has this name; case does not matter (RFC 5322 section 1.2.2).
    pub fn is_named(&self, name: &[u8]) -> bool {
        !self.name.is_empty() && self.name.eq_ignore_ascii_case(name)
    }

    /// What follows the colon, folds and all, without the last line end.
    pub fn raw_value(&self) -> &'a [u8] {
        self.value
    }

    /// The value unfolded (RFC 5322 section 2.2.3) and without white space around it, otherwise undecoded.
    ///
    /// NUL and a lone CR, which no IMAP string may carry, become a space.
    pub fn value(&self) -> Octets<'a> {
        unfold(self.value)
    }

    fn new(raw: &'a [u8]) -> Self {
        let text = strip_line_end(raw);
        let none = Self {
            raw,
            name: b"",
            value: text,
        };
        let Some(colon) = memchr(b':', text) else {
            return none;
        };
        let name = trim_end(&text[..colon]);
        // A name has no white space inside (RFC 5322 section 3.6.8): `From joe Mon 10:00` of an mbox is no field.
        if name.is_empty() || name.iter().any(|&octet| octet <= b' ') {
            return none;
        }
        Self {
            raw,
            name,
            value: &text[colon + 1..],
        }
    }
}

/// The fields of a header section in the order of the message.
///
/// Lines that are no field come too, with an empty [name](Field::name), so that nothing of the header is lost.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(header: &'a [u8]) -> Self {
        Self { rest: header }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.rest.is_empty() || blank_line(self.rest).is_some() {
            return None;
        }
        let mut end = 0;
        loop {
            end = memchr(b'\n', &self.rest[end..]).map_or(self.rest.len(), |lf| end + lf + 1);
            // A line that begins with white space continues the field, even if there is nothing else on it.
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (raw, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(Field::new(raw))
    }
}

/// Unfolds and trims a field's value; see [`Field::value`].
pub(crate) fn unfold(value: &[u8]) -> Octets<'_> {
    clean(trim(value))
}

/// Drops line ends and puts a space for NUL and a lone CR.
pub(crate) fn clean(value: &[u8]) -> Octets<'_> {
    if memchr3(b'\r', b'\n', 0, value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    for (at, &octet) in value.iter().enumerate() {
        match octet {
            b'\n' => {}
            b'\r' if value.get(at + 1) == Some(&b'\n') => {}
            b'\r' | 0 => out.push(b' '),
            _ => out.push(octet),
        }
    }
    Cow::Owned(out)
}

pub(crate) fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | 0)
}

pub(crate) fn trim(octets: &[u8]) -> &[u8] {
    let start = octets
        .iter()
        .position(|&octet| !is_space(octet))
        .unwrap_or(octets.len());
    trim_end(&octets[start..])
}

pub(crate) fn trim_end(octets: &[u8]) -> &[u8] {
    let end = octets
        .iter()
        .rposition(|&octet| !is_space(octet))
        .map_or(0, |last| last + 1);
    &octets[..end]
}

fn strip_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
