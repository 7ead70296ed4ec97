//! SEARCH BODY and TEXT over whole octets, from the body structure and without any of the code that reads pieces: what the
//! search over pieces is held against.

use std::num::NonZeroU32;

use encoding_rs::{Encoding, WINDOWS_1252};
use imap_message::{BodyStructure, Message, Octets, Section, SectionText, SinglePart, Specific};
use unicode_normalization::UnicodeNormalization;

/// The texts in which strings are looked for, decoded.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// Text parts.
    parts: Vec<String>,
    /// The fields of messages inside the message.
    inner_fields: Vec<String>,
    /// The fields of the message and of its other parts.
    outer_fields: Vec<String>,
}

impl Texts {
    pub(crate) fn of(octets: &[u8]) -> Self {
        let message = Message::parse(octets);
        let mut texts = Self {
            outer_fields: fields(message.header()),
            ..Self::default()
        };
        let structure = message.structure();
        texts.collect(&message, &structure, &[], Place::Message);
        texts
    }

    pub(crate) fn body_has(&self, needle: &str) -> bool {
        let is_in = |text: &String| folded(text).contains(&folded(needle));
        needle.is_empty() || self.parts.iter().any(is_in) || has(&self.inner_fields, needle)
    }

    pub(crate) fn text_has(&self, needle: &str) -> bool {
        self.body_has(needle) || has(&self.outer_fields, needle)
    }

    fn collect(
        &mut self,
        message: &Message<'_>,
        structure: &BodyStructure<'_>,
        numbers: &[NonZeroU32],
        place: Place,
    ) {
        let section = |part: &[NonZeroU32], text| {
            let section = Section {
                part: part.to_vec(),
                text,
            };
            message
                .section(&section)
                .map(Octets::into_owned)
                .unwrap_or_default()
        };
        if place == Place::Part {
            self.outer_fields
                .extend(fields(&section(numbers, SectionText::Mime)));
        }
        match structure {
            BodyStructure::Multipart(multipart) => {
                for (part, index) in multipart.parts.iter().zip(1..) {
                    let numbers = [numbers, &[NonZeroU32::new(index).unwrap()]].concat();
                    self.collect(message, part, &numbers, Place::Part);
                }
            }
            BodyStructure::Single(part) => {
                let numbers = match place {
                    Place::Message => [numbers, &[NonZeroU32::MIN]].concat(),
                    Place::Part => numbers.to_vec(),
                };
                if let Specific::Message { body, .. } = &part.specific {
                    let header = section(&numbers, SectionText::Header);
                    self.inner_fields.extend(fields(&header));
                    self.collect(message, body, &numbers, Place::Message);
                } else if is(&part.media_type, "text") || is(&part.media_type, "message") {
                    self.parts.push(text(part, &section(&numbers, SectionText::All)));
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// The message, or one inside it.
    Message,
    /// A part of a multipart.
    Part,
}

fn is(octets: &[u8], name: &str) -> bool {
    octets.eq_ignore_ascii_case(name.as_bytes())
}

/// Every field, its name included, as a reader sees it.
fn fields(header: &[u8]) -> Vec<String> {
    let decoded = |raw: &[u8]| {
        let field = [b"X:", raw, b"\r\n\r\n"].concat();
        Message::parse(&field).decoded_field("x").unwrap()
    };
    let message = Message::parse(header);
    message.fields().map(|field| decoded(field.raw())).collect()
}

fn has(fields: &[String], needle: &str) -> bool {
    let needle = spaced(&folded(needle));
    fields
        .iter()
        .any(|field| spaced(&folded(field)).contains(&needle))
}

fn folded(text: &str) -> String {
    let upper = |character: char| match character.to_uppercase().collect::<Vec<_>>()[..] {
        [upper] => upper,
        _ => character,
    };
    let apart = |character: char| upper(character).to_string().nfkd().map(upper).collect::<Vec<_>>();
    text.chars().flat_map(apart).collect()
}

fn spaced(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let character = if "\r\n\t".contains(character) {
            ' '
        } else {
            character
        };
        if character != ' ' || !out.ends_with(' ') {
            out.push(character);
        }
    }
    out
}

fn text(part: &SinglePart<'_>, body: &[u8]) -> String {
    let octets = match &*part.encoding.to_ascii_lowercase() {
        b"base64" => base64(body),
        b"quoted-printable" => quoted_printable(body),
        _ => body.to_vec(),
    };
    let charset = part
        .parameters
        .iter()
        .find(|parameter| is(&parameter.name, "charset"));
    let charset = charset.map_or(&b""[..], |parameter| &*parameter.value);
    if !is(charset, "us-ascii")
        && !is(charset, "ascii")
        && let Some(encoding) = Encoding::for_label_no_replacement(charset)
    {
        return encoding.decode_without_bom_handling(&octets).0.into_owned();
    }
    match String::from_utf8(octets) {
        Ok(text) => text,
        Err(error) => WINDOWS_1252
            .decode_without_bom_handling(error.as_bytes())
            .0
            .into_owned(),
    }
}

/// Group by group: up to four digits or a `=`, whatever stands between.
fn base64(text: &[u8]) -> Vec<u8> {
    let value = |octet: u8| match octet {
        b'A'..=b'Z' => Some(octet - b'A'),
        b'a'..=b'z' => Some(octet - b'a' + 26),
        b'0'..=b'9' => Some(octet - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut out = Vec::new();
    let mut bits: Vec<bool> = Vec::new();
    let mut end = |bits: &mut Vec<bool>| {
        let octet = |eight: &[bool; 8]| eight.iter().fold(0, |octet, bit| octet << 1 | u8::from(*bit));
        out.extend(bits.as_chunks().0.iter().map(octet));
        bits.clear();
    };
    for &octet in text {
        if let Some(value) = value(octet) {
            bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
        }
        if octet == b'=' || bits.len() == 24 {
            end(&mut bits);
        }
    }
    end(&mut bits);
    out
}

/// A `=` before two digits, or before a line end with at most 76 spaces before it; any other stays. So many spaces at the end of a
/// line go.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&octet) = text.get(at) {
        let is_space = |octet: &&u8| b" \t".contains(octet);
        let run = text[at..].iter().take_while(is_space).count();
        if run > 0 {
            let is_end = matches!(&text[at + run..], [] | [b'\r'] | [b'\n', ..] | [b'\r', b'\n', ..]);
            if !is_end || run > 76 {
                out.extend_from_slice(&text[at..at + run]);
            }
            at += run;
            continue;
        }
        at += 1;
        let after = &text[at..];
        let digit = |at: usize| after.get(at).and_then(|octet| char::from(*octet).to_digit(16));
        let spaces = after
            .iter()
            .take_while(|octet| b" \t".contains(octet))
            .count()
            .min(76);
        if octet != b'=' {
            out.push(octet);
        } else if let (Some(high), Some(low)) = (digit(0), digit(1)) {
            out.push(u8::try_from(16 * high + low).unwrap());
            at += 2;
        } else if after[spaces..].starts_with(b"\r\n") {
            at += spaces + 2;
        } else if after[spaces..].starts_with(b"\n") {
            at += spaces + 1;
        } else {
            out.push(octet);
        }
    }
    out
}
