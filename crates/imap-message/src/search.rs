//! Substrings for SEARCH.

use std::borrow::Cow;

use memchr::memmem;

use crate::charset;
use crate::encoded_word;
use crate::header::{Field, Fields, unfold};
use crate::part::{Content, Part, Tree};
use crate::transfer;

/// A search string, prepared once for many messages (RFC 9051 section 6.4.4).
///
/// Text matches if it contains the string, without regard to case. Both sides are compared in Unicode lower case,
/// character by character, with the final sigma taken for a sigma. That is not a full case folding (`ß` is not `ss`),
/// and no normalization: a composed character does not match a decomposed one.
#[derive(Debug, Clone)]
pub struct Needle {
    finder: memmem::Finder<'static>,
}

impl Needle {
    /// Prepares a search string.
    pub fn new(text: &str) -> Self {
        Self {
            finder: memmem::Finder::new(fold(text).as_bytes()).into_owned(),
        }
    }

    /// Whether the search string is empty: it then is in every text.
    pub fn is_empty(&self) -> bool {
        self.finder.needle().is_empty()
    }

    /// Whether `text` contains the search string.
    pub fn is_in(&self, text: &str) -> bool {
        self.is_empty() || self.finder.find(fold(text).as_bytes()).is_some()
    }
}

/// Lower case that does not depend on what stands around a character, as a substring search needs.
fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|octet| octet.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let lower = |character: char| match character {
        'ς' => 'σ'.to_lowercase(),
        other => other.to_lowercase(),
    };
    Cow::Owned(text.chars().flat_map(lower).collect())
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
    Fields::new(header)
        .any(|field| field.is_named(name) && (needle.is_empty() || needle.is_in(&decoded(&field))))
}

/// Whether any line of a header has the search string in it, names included.
pub(crate) fn in_header(header: &[u8], needle: &Needle) -> bool {
    Fields::new(header).any(|field| needle.is_in(&decoded_text(field.raw())))
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
