//! Section addressing: what stands between the brackets of `BODY[...]`.

use std::borrow::Cow;
use std::num::NonZeroU32;

use crate::header::{Fields, blank_line};
use crate::part::{Content, PartId, Tree};

/// A section specification (RFC 9051 section 6.4.5, RFC 3501 section 6.4.5).
///
/// The default is `BODY[]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The part numbers; empty means the message itself.
    pub part: Vec<NonZeroU32>,
    /// What of that part.
    pub text: SectionText,
}

/// What of a part a section names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SectionText {
    /// All of it: `BODY[]` is the message, `BODY[1]` the body of part 1.
    #[default]
    All,
    /// `HEADER`: of the message, or of the message inside a `message/rfc822` part.
    Header,
    /// `HEADER.FIELDS`: the named fields, then the blank line. Case of the names does not matter.
    HeaderFields(Vec<Vec<u8>>),
    /// `HEADER.FIELDS.NOT`: all but the named fields, then the blank line.
    HeaderFieldsNot(Vec<Vec<u8>>),
    /// `TEXT`: what follows the header, of the message or of the message inside a `message/rfc822` part.
    Text,
    /// `MIME`: the header of a numbered part.
    Mime,
}

impl Section {
    /// The octets of this section of a numbered part.
    pub(crate) fn of_part<'a>(&self, octets: &'a [u8], tree: &Tree<'a>) -> Option<Cow<'a, [u8]>> {
        let part = tree.part(tree.numbered(&self.part)?);
        match (&self.text, &part.content) {
            (SectionText::All, _) => Some(Cow::Borrowed(part.body_of(octets))),
            (SectionText::Mime, _) => Some(Cow::Borrowed(part.header_of(octets))),
            (text, Content::Message(inner)) => {
                let message = tree.part(*inner);
                text.of_message(message.header_of(octets), message.body_of(octets))
            }
            (_, Content::Leaf | Content::Multipart(_)) => None,
        }
    }
}

impl SectionText {
    /// The part of a message that this names. The message itself is not asked for here.
    pub(crate) fn of_message<'a>(&self, header: &'a [u8], body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Header => Some(Cow::Borrowed(header)),
            Self::Text => Some(Cow::Borrowed(body)),
            Self::HeaderFields(names) => Some(Cow::Owned(subset(header, names, Keep::Named))),
            Self::HeaderFieldsNot(names) => Some(Cow::Owned(subset(header, names, Keep::Others))),
            Self::All | Self::Mime => None,
        }
    }
}

/// The fields that `HEADER.FIELDS` or `HEADER.FIELDS.NOT` selects from the octets of a header section, and its blank line;
/// with any other text the header as it is.
///
/// Linear in the header's length and in that of the names.
pub fn select_fields(header: &[u8], text: &SectionText) -> Vec<u8> {
    match text {
        SectionText::HeaderFields(names) => subset(header, names, Keep::Named),
        SectionText::HeaderFieldsNot(names) => subset(header, names, Keep::Others),
        SectionText::All | SectionText::Header | SectionText::Text | SectionText::Mime => header.to_vec(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Named,
    Others,
}

/// Some fields of a header, and its blank line if it has one: "the blank line is included in all header fetches, except
/// in the case of a message which has no body and no blank line" (RFC 3501 section 6.4.5).
///
/// A line that is no field has no name, so it is among the others.
fn subset(header: &[u8], names: &[Vec<u8>], keep: Keep) -> Vec<u8> {
    let mut names: Vec<Vec<u8>> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    let is_among_them = |name: &[u8]| {
        let lower = || name.iter().map(u8::to_ascii_lowercase);
        names
            .binary_search_by(|known| known.iter().copied().cmp(lower()))
            .is_ok()
    };
    let mut out = Vec::new();
    let mut after_fields = 0;
    for field in Fields::new(header) {
        after_fields += field.raw().len();
        let is_named = !field.name().is_empty() && is_among_them(field.name());
        if is_named == (keep == Keep::Named) {
            out.extend_from_slice(field.raw());
        }
    }
    let blank = blank_line(&header[after_fields..]).unwrap_or(0);
    out.extend_from_slice(&header[after_fields..after_fields + blank]);
    out
}

impl Tree<'_> {
    /// The part with these numbers (RFC 3501 section 6.4.5): "every message has at least one part number", so the body
    /// of a message that is no multipart is its part 1.
    pub(crate) fn numbered(&self, numbers: &[NonZeroU32]) -> Option<PartId> {
        let mut here = Self::ROOT;
        let mut at = At::Message;
        for number in numbers {
            let index = usize::try_from(number.get()).ok()? - 1;
            if let (At::Part, Content::Message(inner)) = (at, &self.part(here).content) {
                here = *inner;
                at = At::Message;
            }
            here = match (&self.part(here).content, at) {
                (Content::Multipart(children), _) => *children.get(index)?,
                (_, At::Message) if index == 0 => here,
                _ => return None,
            };
            at = At::Part;
        }
        Some(here)
    }
}

/// What a number counts in.
#[derive(Clone, Copy)]
enum At {
    /// A message that no number has named yet.
    Message,
    /// A part that a number named.
    Part,
}
