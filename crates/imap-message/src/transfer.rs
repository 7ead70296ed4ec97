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
    let mut out = vec![0; text.len() / 4 * 3 + 3];
    let (mut rest, mut len) = (text, 0);
    while !rest.is_empty() {
        let groups = whole_groups(rest, &mut out[len..]);
        (rest, len) = (&rest[4 * groups..], len + 3 * groups);
        let (group, octets, read) = next_group(rest);
        out[len..len + octets].copy_from_slice(&group[..octets]);
        (rest, len) = (&rest[read..], len + octets);
    }
    out.truncate(len);
    out
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

/// Decodes the next group, whatever stands between its digits: its octets, how many count, and how many were read.
fn next_group(text: &[u8]) -> ([u8; 3], usize, usize) {
    let (mut group, mut digits, mut read) = (0u32, 0usize, 0);
    for &octet in text {
        read += 1;
        let digit = DIGITS[usize::from(octet)];
        if digit < NO_DIGIT {
            group = group << 6 | u32::from(digit);
            digits += 1;
        }
        if digits == 4 || octet == b'=' {
            break;
        }
    }
    let [_, octets @ ..] = (group << (6 * (4 - digits))).to_be_bytes();
    (octets, digits * 6 / 8, read)
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
