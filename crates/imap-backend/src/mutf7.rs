//! Modified UTF-7, the form of mailbox names on the wire and on disk (RFC 3501, section 5.1.3).
//!
//! Strict in both directions: one name has exactly one encoding, so that two spellings never name one mailbox.

use std::fmt;

/// The octets are not modified UTF-7 in its one allowed spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotModifiedUtf7 {
    position: usize,
}

impl NotModifiedUtf7 {
    /// Where the first wrong octet, or the sequence it belongs to, begins: zero-based, in octets.
    #[must_use]
    pub fn position(self) -> usize {
        self.position
    }
}

impl fmt::Display for NotModifiedUtf7 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not modified UTF-7 at octet {}", self.position)
    }
}

impl std::error::Error for NotModifiedUtf7 {}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Encodes a name; printable ASCII stays as it is, `&` becomes `&-`, runs of the rest become `&...-`.
///
/// ```
/// use imap_backend::mutf7;
/// assert_eq!(mutf7::encode("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-"); // RFC 3501, section 5.1.3
/// assert_eq!(mutf7::encode("R&D"), "R&-D");
/// ```
#[must_use]
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut run = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            encode_run(&mut run, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            run.extend(c.encode_utf16(&mut [0; 2]).iter());
        }
    }
    encode_run(&mut run, &mut out);
    out
}

/// Appends `&...-` for a run of UTF-16 units and empties it.
fn encode_run(run: &mut Vec<u16>, out: &mut String) {
    if run.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut held) = (0u32, 0u32);
    for unit in run.drain(..) {
        bits = bits << 16 | u32::from(unit);
        held += 16;
        while held >= 6 {
            held -= 6;
            out.push(digit(bits >> held));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        out.push(digit(bits << (6 - held)));
    }
    out.push('-');
}

fn digit(bits: u32) -> char {
    char::from(ALPHABET[(bits & 63) as usize])
}

/// Decodes a name.
///
/// # Errors
/// The octets are not printable ASCII, a shift is not closed, or the name is not in the one form that [`encode`]
/// gives (RFC 3501, section 5.1.3: no superfluous shifts, printable ASCII represents itself).
///
/// ```
/// use imap_backend::mutf7;
/// assert_eq!(mutf7::decode(b"&U,BTFw-").unwrap(), "台北");
/// assert!(mutf7::decode(b"&Jjo!").is_err()); // RFC 3501: the shift back is missing
/// assert!(mutf7::decode(b"&U,BTFw-&ZeVnLIqe-").is_err()); // RFC 3501: superfluous shift
/// ```
pub fn decode(octets: &[u8]) -> Result<String, NotModifiedUtf7> {
    let mut out = String::with_capacity(octets.len());
    let mut at = 0;
    let mut shifted_before = false;
    while at < octets.len() {
        let error = NotModifiedUtf7 { position: at };
        match octets[at] {
            b'&' if octets.get(at + 1) == Some(&b'-') => {
                out.push('&');
                at += 2;
                shifted_before = false;
            }
            b'&' => {
                if shifted_before {
                    return Err(error);
                }
                let length = octets[at + 1..].iter().position(|&o| o == b'-').ok_or(error)?;
                decode_run(&octets[at + 1..at + 1 + length], &mut out).ok_or(error)?;
                at += length + 2;
                shifted_before = true;
            }
            o @ 0x20..=0x7e => {
                out.push(char::from(o));
                at += 1;
                shifted_before = false;
            }
            _ => return Err(error),
        }
    }
    Ok(out)
}

/// Decodes what stands between `&` and `-`; `None` where it is not canonical.
fn decode_run(digits: &[u8], out: &mut String) -> Option<()> {
    let (mut bits, mut held) = (0u32, 0u32);
    let mut units = Vec::with_capacity(digits.len() * 6 / 16);
    for &digit in digits {
        let value = ALPHABET.iter().position(|&a| a == digit)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from(bits >> held & 0xffff).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    // Left-over bits are padding: fewer than one digit's worth, and zero.
    if units.is_empty() || held >= 6 || bits != 0 {
        return None;
    }
    for c in char::decode_utf16(units) {
        let c = c.ok()?;
        if matches!(c, ' '..='~') {
            return None;
        }
        out.push(c);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc3501_5_1_3_examples() {
        assert_eq!(
            decode(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-").unwrap(),
            "~peter/mail/台北/日本語"
        );
        for wrong in [
            "&Jjo!",
            "&U,BTFw-&ZeVnLIqe-",
            "&AGE-",
            "&",
            "&-&",
            "&!!!-",
            "&2D0-",
            "&U,BTFx-",
        ] {
            assert!(decode(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_error_says_where() {
        assert_eq!(decode(b"abc\xc3\xa9").unwrap_err().position(), 3);
        assert_eq!(
            decode(b"ab&Jjo").unwrap_err().to_string(),
            "not modified UTF-7 at octet 2"
        );
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(name in any::<String>()) {
            let printable: String = name.chars().filter(|c| !c.is_control()).collect();
            prop_assert_eq!(decode(encode(&printable).as_bytes()).unwrap(), printable);
        }

        #[test]
        fn what_decodes_is_the_one_encoding(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(name) = decode(&octets) {
                prop_assert_eq!(encode(&name).into_bytes(), octets);
            }
        }

        #[test]
        fn shift_soup_never_panics(soup in "[&A-Za-z0-9+,!-]{0,30}") {
            if let Ok(name) = decode(soup.as_bytes()) {
                prop_assert_eq!(encode(&name), soup);
            }
        }
    }
}
