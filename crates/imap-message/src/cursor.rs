//! Reading structured field values (RFC 5322 section 3.2): comments, quoted strings, white space.

use std::borrow::Cow;

use crate::Octets;
use crate::header::{clean, is_space};

/// A place in a field's raw value. Every step moves forward, so reading a value is linear in its length.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Steps over one octet if it is `octet`.
    pub(crate) fn eat(&mut self, octet: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[octet])?;
        Some(())
    }

    /// Takes octets as long as `wanted` says so.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self
            .rest
            .iter()
            .position(|&octet| !wanted(octet))
            .unwrap_or(self.rest.len());
        self.take(len)
    }

    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    pub(crate) fn skip_space(&mut self) {
        self.take_while(is_space);
    }

    /// Steps over white space and comments.
    pub(crate) fn skip_comments(&mut self) {
        self.skip_space();
        while self.peek() == Some(b'(') {
            self.comment();
            self.skip_space();
        }
    }

    /// Reads the comment that begins here: its text, without the outer parentheses, quoted pairs resolved.
    /// An unclosed comment ends where the value ends.
    pub(crate) fn comment(&mut self) -> Octets<'a> {
        self.take(1);
        let (mut depth, mut at) = (1usize, 0);
        while let Some(&octet) = self.rest.get(at) {
            match octet {
                b'\\' => at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            at += 1;
        }
        let text = self.take(at);
        self.take(1);
        unescape(text)
    }

    /// Reads the quoted string that begins here: its text, without the quotes, quoted pairs resolved.
    /// An unclosed one ends where the value ends.
    pub(crate) fn quoted(&mut self) -> Octets<'a> {
        self.take(1);
        let mut at = 0;
        while let Some(&octet) = self.rest.get(at) {
            match octet {
                b'\\' => at += 1,
                b'"' => break,
                _ => {}
            }
            at += 1;
        }
        let text = self.take(at);
        self.take(1);
        unescape(text)
    }
}

/// Resolves quoted pairs (RFC 5322 section 3.2.1) and unfolds.
fn unescape(text: &[u8]) -> Octets<'_> {
    if !text
        .iter()
        .any(|&octet| matches!(octet, b'\\' | b'\r' | b'\n' | 0))
    {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.iter();
    while let Some(&octet) = octets.next() {
        let octet = if octet == b'\\' {
            octets.next().copied().unwrap_or(b'\\')
        } else {
            octet
        };
        out.push(octet);
    }
    // Only now: a quoted pair may hide a NUL or a line end.
    Cow::Owned(clean(&out).into_owned())
}
