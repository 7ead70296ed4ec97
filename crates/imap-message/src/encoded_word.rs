//! Encoded words in header fields (RFC 2047).

use std::borrow::Cow;

use memchr::memmem;

use crate::charset;
use crate::transfer::{Escape, base64, escape};

/// Charset names are not longer than this (RFC 2978 section 2.3 says 40).
const MAX_CHARSET: usize = 64;

/// Decodes the encoded words in `text`; what cannot be decoded stays as it is.
///
/// Decodes them wherever they stand, quoted strings included, because mailers put them there. White space between two
/// encoded words goes away; a character that is split over two words of one charset comes together again.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    // Words of one charset that nothing separates.
    let mut run: Option<EncodedWord<'_>> = None;
    let mut done = 0;
    while let Some(word) = next_word(text, done) {
        let between = &text[done..word.start];
        done = word.end;
        let adjacent = run.is_some() && between.bytes().all(|octet| octet.is_ascii_whitespace());
        match &mut run {
            Some(run) if adjacent && run.charset.eq_ignore_ascii_case(word.charset) => {
                run.octets.extend_from_slice(&word.octets);
            }
            _ => {
                out.extend(run.take().iter().map(EncodedWord::text));
                if !adjacent {
                    out.push_str(between);
                }
                run = Some(word);
            }
        }
    }
    let Some(run) = run else {
        return Cow::Borrowed(text);
    };
    out.push_str(&run.text());
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

struct EncodedWord<'a> {
    start: usize,
    end: usize,
    charset: &'a str,
    octets: Vec<u8>,
}

impl EncodedWord<'_> {
    fn text(&self) -> Cow<'_, str> {
        charset::decode(self.charset.as_bytes(), &self.octets)
    }
}

/// The next encoded word at or after `from`.
fn next_word(text: &str, from: usize) -> Option<EncodedWord<'_>> {
    let octets = text.as_bytes();
    let mut at = from;
    loop {
        let start = at + memmem::find(&octets[at..], b"=?")?;
        at = start + 2;
        let Some((charset, encoding, content)) = prefix(text, at) else {
            continue;
        };
        // If nothing closes this one, nothing closes a later one: do not look again, that would be quadratic.
        let end = content + memmem::find(&octets[content..], b"?=")?;
        let content = &octets[content..end];
        let octets = if encoding == b'B' {
            base64(content)
        } else {
            q_decode(content)
        };
        return Some(EncodedWord {
            start,
            end: end + 2,
            charset,
            octets,
        });
    }
}

/// Charset, encoding (`B` or `Q`) and the start of the encoded text, of the word whose `=?` ends at `at`.
fn prefix(text: &str, at: usize) -> Option<(&str, u8, usize)> {
    let octets = text.as_bytes();
    let window = &octets[at..octets.len().min(at + MAX_CHARSET)];
    let len = window
        .iter()
        .position(|octet| *octet == b'?' || !octet.is_ascii_graphic())?;
    match octets[at + len..] {
        _ if len == 0 => None,
        [b'?', encoding @ (b'B' | b'b' | b'Q' | b'q'), b'?', ..] => {
            let charset = &text[at..at + len];
            // RFC 2231 section 5: a language may follow the charset.
            let charset = charset.split_once('*').map_or(charset, |(charset, _)| charset);
            Some((charset, encoding.to_ascii_uppercase(), at + len + 3))
        }
        _ => None,
    }
}

/// The `Q` encoding (RFC 2047 section 4.2).
fn q_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'_' => out.push(b' '),
            b'=' => match escape(after) {
                Escape::Octet(decoded) => {
                    out.push(decoded);
                    rest = &after[2..];
                }
                Escape::SoftBreak(len) => rest = &after[len..],
                Escape::None | Escape::Unfinished => out.push(b'='),
            },
            _ => out.push(octet),
        }
    }
    out
}
