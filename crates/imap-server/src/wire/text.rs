//! Numbers, strings and names (RFC 9051, section 4).

use imap_backend::{MailboxName, mutf7};

use super::sink::Sink;

/// How mailbox names are written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameForm {
    /// Modified UTF-7 (RFC 3501, section 5.1.3).
    ModifiedUtf7,
    /// UTF-8 (RFC 6855, section 3; RFC 9051, section 5.1).
    Utf8,
}

/// Strings up to this length are looked through for whether they can be quoted; longer ones are literals.
const LONGEST_QUOTED: usize = 1024;

pub(crate) fn number<S: Sink>(out: &mut S, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A quoted string where the octets allow it, else a literal.
pub(crate) fn string<S: Sink>(out: &mut S, octets: &[u8]) {
    let quotable = |&octet: &u8| !matches!(octet, 0 | b'\r' | b'\n' | 0x80..);
    if octets.len() > LONGEST_QUOTED || !octets.iter().all(quotable) {
        return literal(out, octets);
    }
    quoted(out, octets);
}

fn quoted<S: Sink>(out: &mut S, octets: &[u8]) {
    out.push(b'"');
    let mut rest = octets;
    // Seldom anything has to be escaped: what lies between is one piece.
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

pub(crate) fn nstring<S: Sink>(out: &mut S, octets: Option<&[u8]>) {
    match octets {
        Some(octets) => string(out, octets),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// `{n}` and the octets.
pub(crate) fn literal<S: Sink>(out: &mut S, octets: &[u8]) {
    literal_begin(out, octets.len() as u64);
    literal_octets(out, octets);
}

/// The announcement of a literal of so many octets.
pub(crate) fn literal_begin<S: Sink>(out: &mut S, octets: u64) {
    out.push(b'{');
    number(out, octets);
    out.extend_from_slice(b"}\r\n");
}

/// A piece of a literal. NUL has no place in one; it becomes 0x80, which keeps every length and offset.
pub(crate) fn literal_octets<S: Sink>(out: &mut S, octets: &[u8]) {
    // Where there is one there may be millions: each is not looked for by itself.
    let Some(first) = memchr::memchr(0, octets) else {
        return out.extend_from_slice(octets);
    };
    let (before, mut rest) = (&octets[..first], octets[first..].to_vec());
    rest.iter_mut()
        .filter(|octet| **octet == 0)
        .for_each(|octet| *octet = 0x80);
    out.extend_from_slice(before);
    out.extend_from_slice(&rest);
}

/// A mailbox name, quoted unless it is a plain atom.
pub(crate) fn mailbox(out: &mut Vec<u8>, name: &MailboxName, form: NameForm) {
    match form {
        NameForm::ModifiedUtf7 => astring(out, mutf7::encode(name.as_str()).as_bytes()),
        NameForm::Utf8 if name.as_str().is_ascii() => astring(out, name.as_str().as_bytes()),
        NameForm::Utf8 => quoted_utf8(out, name.as_str()),
    }
}

/// A quoted string with UTF-8 in it (RFC 6855, section 3), a literal where it has octets that cannot be quoted.
fn quoted_utf8(out: &mut Vec<u8>, text: &str) {
    if text.len() > LONGEST_QUOTED || text.contains(['\0', '\r', '\n']) {
        return literal(out, text.as_bytes());
    }
    quoted(out, text.as_bytes());
}

/// An atom where the octets are one (and do not spell NIL), else a string.
pub(crate) fn astring(out: &mut Vec<u8>, octets: &[u8]) {
    let plain = |&octet: &u8| octet.is_ascii_graphic() && !b"(){%*\"\\".contains(&octet);
    if !octets.is_empty() && octets.iter().all(plain) && !octets.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(octets);
    } else {
        string(out, octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        out.iter().map(|&octet| char::from(octet)).collect()
    }

    #[test]
    fn a_string_is_quoted_only_where_that_is_allowed() {
        assert_eq!(written(|out| string(out, b"a \"b\" \\")), r#""a \"b\" \\""#);
        assert_eq!(written(|out| string(out, b"a\r\nb")), "{4}\r\na\r\nb");
        assert_eq!(written(|out| string(out, b"\xfc")), "{1}\r\n\u{fc}");
        assert_eq!(
            written(|out| string(out, &[b'x'; 1025])).len(),
            "{1025}\r\n".len() + 1025
        );
    }

    #[test]
    fn nul_keeps_its_place_in_a_literal() {
        assert_eq!(written(|out| literal(out, b"a\0b\0")), "{4}\r\na\u{80}b\u{80}");
    }

    #[test]
    fn a_mailbox_called_nil_is_not_mistaken_for_none() {
        let name = |name: &str| MailboxName::new(name).unwrap();
        for form in [NameForm::ModifiedUtf7, NameForm::Utf8] {
            assert_eq!(written(|out| mailbox(out, &name("Nil"), form)), "\"Nil\"");
            assert_eq!(written(|out| mailbox(out, &name("a b"), form)), "\"a b\"");
            assert_eq!(written(|out| mailbox(out, &name("inbox"), form)), "INBOX");
        }
    }

    #[test]
    fn names_are_modified_utf_7_until_the_client_has_enabled_utf_8() {
        let written = |form| {
            let mut out = Vec::new();
            mailbox(&mut out, &MailboxName::new("Grüße&").unwrap(), form);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(NameForm::ModifiedUtf7), "Gr&APwA3w-e&-");
        assert_eq!(written(NameForm::Utf8), "\"Grüße&\"");
    }
}
