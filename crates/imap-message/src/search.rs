//! Substrings for SEARCH.

use std::borrow::Cow;

use memchr::{memchr2, memchr2_iter, memmem};

use crate::Octets;
use crate::address::{Room, parse_addresses};
use crate::charset;
use crate::encoded_word;
use crate::field_name::FieldName;
use crate::header::{Field, Fields, is_space, trim, unfold};
use crate::part::{Content, Part, Tree};
use crate::transfer;

/// A search string, prepared once for many messages (RFC 9051 section 6.4.4).
///
/// Text matches if it contains the string, without regard to case. Both sides are compared in Unicode lower case,
/// character by character, with the final sigma taken for a sigma. That is not a full case folding (`ß` is not `ss`),
/// and no normalization: a composed character does not match a decomposed one.
///
/// In a header field a run of white space compares as one space, on both sides: a mailer may fold a field with a tab or
/// with several spaces, and nobody sees that.
#[derive(Debug, Clone)]
pub struct Needle {
    text: String,
    finder: memmem::Finder<'static>,
    /// For header fields, if white space makes a difference.
    in_fields: Option<memmem::Finder<'static>>,
}

impl Needle {
    /// Prepares a search string.
    pub fn new(text: &str) -> Self {
        let finder = |text: &str| memmem::Finder::new(fold(text).as_bytes()).into_owned();
        Self {
            text: text.to_owned(),
            finder: finder(text),
            in_fields: match single_spaced(text) {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(finder(&text)),
            },
        }
    }

    /// The string as the client wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the search string is empty: it then is in every text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether `text` contains the search string.
    pub fn is_in(&self, text: &str) -> bool {
        self.is_empty() || self.finder.find(fold(text).as_bytes()).is_some()
    }

    /// Whether the decoded value of a header field contains the search string.
    fn is_in_field(&self, text: &str) -> bool {
        let finder = self.in_fields.as_ref().unwrap_or(&self.finder);
        self.is_empty() || finder.find(fold(&single_spaced(text)).as_bytes()).is_some()
    }
}

/// The text with one space for each run of white space.
fn single_spaced(text: &str) -> Cow<'_, str> {
    let is_space = |octet: u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let is_single = |pair: &[u8]| pair[0] == b' ' && !is_space(pair[1]) || !is_space(pair[0]);
    let ends_single = text
        .bytes()
        .last()
        .is_none_or(|last| last == b' ' || !is_space(last));
    if ends_single && text.as_bytes().windows(2).all(is_single) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(octet) if is_space(octet) && out.ends_with(' ') => {}
            Ok(octet) if is_space(octet) => out.push(' '),
            _ => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// Lower case that does not depend on what stands around a character, as a substring search needs.
fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|octet| octet.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let mut lower = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ascii if ascii.is_ascii() => lower.push(ascii.to_ascii_lowercase()),
            'ς' => lower.push('σ'),
            other => lower.extend(other.to_lowercase()),
        }
    }
    Cow::Owned(lower)
}

/// The value of a field as a reader sees it: unfolded, encoded words decoded.
pub(crate) fn decoded(field: &Field<'_>) -> String {
    decoded_text(field.raw_value())
}

fn decoded_text(value: &[u8]) -> String {
    encoded_word::decode(&charset::guess(&unfold(value))).into_owned()
}

/// Whether a field of that name has the search string in its decoded value.
pub(crate) fn in_field(header: &[u8], name: &[u8], needle: &Needle) -> bool {
    Fields::new(header).any(|field| field.is_named(name) && in_value(name, trim(field.raw_value()), needle))
}

/// Whether the value of a field of that name has the search string in it, decoded; of an address field also as the
/// envelope lists it, without comments and quoting (RFC 9051 section 6.4.4 searches "the envelope structure's FROM
/// field").
pub(crate) fn in_value(name: &[u8], value: &[u8], needle: &Needle) -> bool {
    needle.is_in_field(&decoded_text(value))
        || (FieldName::of(name).is_some_and(FieldName::is_address)
            && is_written_otherwise(value)
            && in_addresses(value, needle))
}

fn in_addresses(value: &[u8], needle: &Needle) -> bool {
    let mut list = Vec::new();
    parse_addresses(value, &mut list, &mut Room::new());
    list.iter().any(|address| {
        let of = |octets: &Option<Octets<'_>>| octets.as_deref().map(decoded_text).unwrap_or_default();
        let (name, mailbox, host) = (of(&address.name), of(&address.mailbox), of(&address.host));
        needle.is_in_field(&format!("{name} <{mailbox}@{host}>"))
    })
}

/// Whether an address in the value may read otherwise than it is written: comments, quoted pairs, routes, and white space
/// or quotes at an `@` or a dot. Reading the addresses of every field would double the time of a search.
fn is_written_otherwise(value: &[u8]) -> bool {
    let is_loose = |octet: Option<&u8>| octet.is_some_and(|&octet| is_space(octet) || octet == b'"');
    let around = |at: usize| is_loose(value.get(at + 1)) || at > 0 && is_loose(value.get(at - 1));
    memchr2(b'(', b'\\', value).is_some()
        || memmem::find(value, b"<@").is_some()
        || memchr2_iter(b'@', b'.', value).any(around)
}

/// Whether any line of a header has the search string in it, names included.
pub(crate) fn in_header(header: &[u8], needle: &Needle) -> bool {
    Fields::new(header).any(|field| needle.is_in_field(&decoded_text(field.raw())))
}

/// Which headers inside the body a search looks at.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Headers {
    /// Those of messages inside the message: they are what its body says.
    OfMessages,
    /// Those of all parts: attachment names are found there.
    OfParts,
}

/// Whether the body of the message has the search string in it.
pub(crate) fn in_body(octets: &[u8], tree: &Tree<'_>, needle: &Needle, headers: Headers) -> bool {
    let mut is_inner = vec![false; tree.parts.len()];
    for part in &tree.parts {
        if let Content::Message(inner) = part.content {
            is_inner[inner] = true;
        }
    }
    tree.parts.iter().enumerate().any(|(id, part)| {
        let header = id != Tree::ROOT && (headers == Headers::OfParts || is_inner[id]);
        (header && in_header(part.header_of(octets), needle)) || in_text(octets, part, needle)
    })
}

/// Whether the part is readable text with the search string in it. Delivery reports (`message/delivery-status`) are
/// text too, whatever their type says.
fn in_text(octets: &[u8], part: &Part<'_>, needle: &Needle) -> bool {
    let is_text = part.media.is_kind("text") || part.media.is_kind("message");
    if !is_text || !matches!(part.content, Content::Leaf) {
        return false;
    }
    let encoding =
        Fields::new(part.header_of(octets)).find(|field| field.is_named(b"content-transfer-encoding"));
    let body = transfer::decode(encoding.map(|field| field.raw_value()), part.body_of(octets));
    let charset = part.media.parameter("charset");
    let text = charset
        .and_then(|charset| charset::decode(&charset, &body))
        .unwrap_or_else(|| charset::guess(&body));
    needle.is_in(&text)
}
