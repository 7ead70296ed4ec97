//! Writes messages in RFC 5322 and MIME form: just what the demo's corpus needs.
//!
//! Lines end in LF, as messages lie in Maildirs.

use base64ct::{Base64, Encoding};
use chrono::{DateTime, FixedOffset};

/// Octets of base64 that a line holds (RFC 2045, section 6.8 allows 76 characters).
const LINE: usize = 57;

/// A message under construction: header fields, then one body.
#[derive(Debug, Clone)]
pub(super) struct Message {
    fields: Vec<u8>,
}

impl Message {
    /// A message with the four fields that nearly all have. `from` and `to` are written as they are.
    pub(super) fn new(id: &str, date: DateTime<FixedOffset>, from: &str, to: &str) -> Self {
        let mut message = Self { fields: Vec::new() };
        message
            .raw("From", from)
            .raw("To", to)
            .raw("Date", &date.to_rfc2822());
        message.raw("Message-ID", &format!("<{id}@harbour.example>"));
        message
    }

    /// The subject, encoded where it is not ASCII.
    pub(super) fn subject(&mut self, subject: &str) -> &mut Self {
        self.raw("Subject", &unstructured(subject))
    }

    /// A field as it is: the caller folds and encodes.
    pub(super) fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw_octets(name, value.as_bytes())
    }

    /// A field in whatever charset.
    pub(super) fn raw_octets(&mut self, name: &str, value: &[u8]) -> &mut Self {
        for piece in [name.as_bytes(), b": ", value, b"\n"] {
            self.fields.extend_from_slice(piece);
        }
        self
    }

    /// The whole message.
    pub(super) fn with(&self, body: &Part) -> Vec<u8> {
        [&self.fields[..], b"MIME-Version: 1.0\n", &body.octets()].concat()
    }

    /// A message without any MIME field, as the eldest mail programs wrote.
    pub(super) fn with_bare(&self, text: &str) -> Vec<u8> {
        [&self.fields[..], b"\n", text.as_bytes()].concat()
    }
}

/// A name and an address, the name quoted or encoded as it needs.
pub(super) fn mailbox(name: &str, address: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == ' ';
    match name {
        "" => address.to_owned(),
        name if !name.is_ascii() => format!("{} <{address}>", unstructured(name)),
        name if name.chars().all(plain) => format!("{name} <{address}>"),
        name => format!("\"{name}\" <{address}>"),
    }
}

/// Text of a header field: folded at words, or as encoded words (RFC 2047) where it is not ASCII.
pub(super) fn unstructured(text: &str) -> String {
    if text.is_ascii() {
        return fold(text.split(' '));
    }
    // 42 octets become 56 characters, 68 with what is around them; the limit is 75.
    let mut words = Vec::new();
    let mut word = String::new();
    for character in text.chars() {
        if word.len() + character.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(character);
    }
    words.push(word);
    let encoded: Vec<_> = words
        .iter()
        .map(|word| format!("=?UTF-8?B?{}?=", base64(word.as_bytes())))
        .collect();
    encoded.join("\n ")
}

/// Joins words by spaces, with a line break before a word that would not fit.
pub(super) fn fold<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    // The field's name is on the first line, too.
    let mut column = 14;
    for word in words {
        if !out.is_empty() {
            let breaks = column + word.len() > 76;
            column = if breaks { 0 } else { column };
            out.push_str(if breaks { "\n " } else { " " });
        }
        column += 1 + word.len();
        out.push_str(word);
    }
    out
}

fn base64(octets: &[u8]) -> String {
    Base64::encode_string(octets)
}

/// One MIME part: its header fields and its body, encoded.
#[derive(Debug, Clone)]
pub(super) struct Part {
    fields: String,
    body: Vec<u8>,
}

impl Part {
    /// Any part: `fields` are whole lines.
    pub(super) fn raw(fields: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            fields: fields.to_owned(),
            body: body.into(),
        }
    }

    /// `text/plain`, as it is where it is ASCII, else UTF-8 in quoted-printable.
    pub(super) fn plain(text: &str) -> Self {
        Self::text("plain", text)
    }

    /// `text/html`, likewise.
    pub(super) fn html(text: &str) -> Self {
        Self::text(
            "html",
            &format!("<!DOCTYPE html>\n<html><body>\n{text}</body></html>\n"),
        )
    }

    fn text(subtype: &str, text: &str) -> Self {
        let (charset, encoding) = match text.is_ascii() {
            true => ("us-ascii", "7bit"),
            false => ("utf-8", "quoted-printable"),
        };
        let fields = format!(
            "Content-Type: text/{subtype}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n"
        );
        let body = if text.is_ascii() {
            text.to_owned()
        } else {
            quoted_printable(text.as_bytes())
        };
        Self::raw(&fields, body)
    }

    /// Text in any charset, in quoted-printable.
    pub(super) fn text_in(charset: &str, octets: &[u8]) -> Self {
        let fields = format!(
            "Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: quoted-printable\n"
        );
        Self::raw(&fields, quoted_printable(octets))
    }

    /// Any octets in base64; `fields` are the others' whole lines.
    pub(super) fn encoded(kind: &str, fields: &str, octets: &[u8]) -> Self {
        let lines: String = octets.chunks(LINE).map(|line| base64(line) + "\n").collect();
        Self::raw(
            &format!("Content-Type: {kind}\nContent-Transfer-Encoding: base64\n{fields}"),
            lines,
        )
    }

    /// A file to save. A name that is not ASCII is written as RFC 2231 has it.
    pub(super) fn attachment(kind: &str, name: &str, octets: &[u8]) -> Self {
        let filename = match name.is_ascii() {
            true => format!("filename=\"{name}\""),
            false => format!("filename*=UTF-8''{}", percent(name)),
        };
        Self::encoded(
            kind,
            &format!("Content-Disposition: attachment; {filename}\n"),
            octets,
        )
    }

    /// A picture that HTML beside it shows as `cid:ID`.
    pub(super) fn picture(id: &str, name: &str, png: &[u8]) -> Self {
        let kind = format!("image/png; name=\"{name}\"");
        let fields = format!("Content-ID: <{id}>\nContent-Disposition: inline; filename=\"{name}\"\n");
        Self::encoded(&kind, &fields, png)
    }

    /// A message within the message.
    pub(super) fn message(octets: &[u8]) -> Self {
        Self::raw("Content-Type: message/rfc822\n", octets)
    }

    /// Several parts. `kind` is the subtype, with its parameters.
    pub(super) fn multipart(kind: &str, parts: &[Self]) -> Self {
        let parts: Vec<_> = parts.iter().map(Self::octets).collect();
        let boundary = format!(
            "=_{:016x}",
            parts.iter().flatten().fold(0xcbf2_9ce4_8422_2325, fnv)
        );
        let mut body = Vec::new();
        for part in &parts {
            body.extend_from_slice(format!("--{boundary}\n").as_bytes());
            body.extend_from_slice(part);
            body.push(b'\n');
        }
        body.extend_from_slice(format!("--{boundary}--\n").as_bytes());
        Self::raw(
            &format!("Content-Type: multipart/{kind};\n boundary=\"{boundary}\"\n"),
            body,
        )
    }

    /// Header fields, empty line, body.
    pub(super) fn octets(&self) -> Vec<u8> {
        [self.fields.as_bytes(), b"\n", &self.body].concat()
    }
}

/// A hash step (FNV-1a): a boundary must not occur in the parts, and the same parts must give the same boundary.
fn fnv(hash: u64, octet: &u8) -> u64 {
    (hash ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3)
}

/// RFC 2045, section 6.7.
fn quoted_printable(octets: &[u8]) -> String {
    let mut out = String::new();
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let (line, end) = line.strip_suffix(b"\n").map_or((line, ""), |line| (line, "\n"));
        let mut column = 0;
        for (index, &octet) in line.iter().enumerate() {
            let last = index + 1 == line.len();
            let plain = matches!(octet, b'!'..=b'~') && octet != b'=' || octet == b' ' && !last;
            let piece = if plain {
                char::from(octet).to_string()
            } else {
                format!("={octet:02X}")
            };
            if column + piece.len() > 75 {
                out.push_str("=\n");
                column = 0;
            }
            column += piece.len();
            out.push_str(&piece);
        }
        out.push_str(end);
    }
    out
}

fn percent(text: &str) -> String {
    let escape = |octet: u8| match octet.is_ascii_alphanumeric() || octet == b'.' {
        true => char::from(octet).to_string(),
        false => format!("%{octet:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_keeps_lines_short_and_ends_no_line_in_a_space() {
        assert_eq!(
            quoted_printable("Grüße = \n".as_bytes()),
            "Gr=C3=BC=C3=9Fe =3D=20\n"
        );
        let long = quoted_printable("ä ".repeat(100).as_bytes());
        assert!(
            long.lines().all(|line| line.len() <= 76 && !line.ends_with(' ')),
            "{long}"
        );
    }

    #[test]
    fn encoded_words_fit_and_break_between_characters() {
        let subject = unstructured(&"日本語の件名".repeat(8));
        for word in subject.split("\n ") {
            assert!(word.len() <= 75, "{word}");
            let inner = word
                .strip_prefix("=?UTF-8?B?")
                .unwrap()
                .strip_suffix("?=")
                .unwrap();
            String::from_utf8(Base64::decode_vec(inner).unwrap()).unwrap();
        }
    }

    #[test]
    fn long_ascii_subjects_are_folded() {
        let folded = unstructured(&"harbour ".repeat(30));
        assert!(
            folded.lines().all(|line| line.len() <= 77) && folded.lines().count() > 2,
            "{folded}"
        );
    }

    #[test]
    fn names_are_quoted_or_encoded_as_they_need() {
        assert_eq!(mailbox("Ada Quay", "a@x.example"), "Ada Quay <a@x.example>");
        assert_eq!(mailbox("Quay, Ada", "a@x.example"), "\"Quay, Ada\" <a@x.example>");
        assert_eq!(
            mailbox("Zoë", "z@x.example"),
            "=?UTF-8?B?Wm/Dqw==?= <z@x.example>"
        );
        assert_eq!(mailbox("", "n@x.example"), "n@x.example");
    }
}
