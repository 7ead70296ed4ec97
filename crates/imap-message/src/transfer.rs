//! Content-Transfer-Encodings (RFC 2045 section 6).

use std::borrow::Cow;

use memchr::memchr;

use crate::Octets;
use crate::parameter::single_token;

/// What a body in that encoding stands for. Damaged and unknown encodings give what can be read, because
/// SEARCH had better find too much than too little.
pub(crate) fn decode<'a>(encoding: Option<&[u8]>, body: &'a [u8]) -> Octets<'a> {
    let encoding = encoding.and_then(single_token);
    match encoding.as_deref() {
        Some(name) if name.eq_ignore_ascii_case(b"base64") => Cow::Owned(base64(body)),
        Some(name) if name.eq_ignore_ascii_case(b"quoted-printable") => quoted_printable(body),
        _ => Cow::Borrowed(body),
    }
}

/// Decodes base64. Octets that are not in its alphabet are skipped; padding ends a group, so that pieces encoded one by
/// one and then joined are read too.
pub(crate) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut group, mut digits) = (0u32, 0usize);
    for &octet in text {
        let digit = DIGITS[usize::from(octet)];
        if digit < 64 {
            group = group << 6 | u32::from(digit);
            digits += 1;
        }
        if digits == 4 || octet == b'=' {
            push_group(&mut out, group, digits);
            (group, digits) = (0, 0);
        }
    }
    push_group(&mut out, group, digits);
    out
}

/// Adds the whole octets of a group of up to four digits.
fn push_group(out: &mut Vec<u8>, group: u32, digits: usize) {
    let [_, octets @ ..] = (group << (6 * (4 - digits))).to_be_bytes();
    out.extend_from_slice(&octets[..digits * 6 / 8]);
}

/// The value of each base64 digit, 64 for what is none.
const DIGITS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digits = [64; 256];
    let mut value = 0;
    while value < 64 {
        digits[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

/// Decodes quoted-printable. A `=` that begins no escape is kept.
fn quoted_printable(text: &[u8]) -> Octets<'_> {
    let Some(first) = memchr(b'=', text) else {
        return Cow::Borrowed(text);
    };
    let mut out = Vec::with_capacity(text.len());
    let (plain, mut rest) = text.split_at(first);
    out.extend_from_slice(plain);
    // Here `rest` is empty or begins with `=`.
    while let Some((_, after)) = rest.split_first() {
        rest = after;
        match escape(after) {
            Some((decoded, len)) => {
                out.extend(decoded);
                rest = &after[len..];
            }
            None => out.push(b'='),
        }
        let (plain, next) = rest.split_at(memchr(b'=', rest).unwrap_or(rest.len()));
        out.extend_from_slice(plain);
        rest = next;
    }
    Cow::Owned(out)
}

/// What the `=` before `after` begins: the octet it stands for, none for a soft line break, and the length behind it.
pub(crate) fn escape(after: &[u8]) -> Option<(Option<u8>, usize)> {
    if let Some(octet) = hex_pair(after) {
        return Some((Some(octet), 2));
    }
    // Mail transport may have added white space at the end of the line.
    let spaces = after
        .iter()
        .take(MAX_TRAILING_SPACE)
        .take_while(|octet| matches!(octet, b' ' | b'\t'))
        .count();
    match &after[spaces..] {
        [b'\r', b'\n', ..] => Some((None, spaces + 2)),
        [b'\n', ..] => Some((None, spaces + 1)),
        _ => None,
    }
}

/// So that white space is not looked at again and again: a line has at most 76 octets (RFC 2045 section 6.7).
const MAX_TRAILING_SPACE: usize = 76;

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
