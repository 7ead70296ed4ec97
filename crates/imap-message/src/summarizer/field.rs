//! The fields of a header, read octet by octet.

use memchr::memchr3;

use super::kept::{Kept, Owner};
use super::tree::{ContentType, Digest, Place};
use crate::field_name::{FieldName, FieldSet, MAX_NAME};
use crate::header::{is_space, trim, trim_end};
use crate::parameter::Media;
use crate::summary::MAX_FIELD;

/// Reads header lines, keeps the values that matter, and finds out what the part is.
#[derive(Debug, Default)]
pub(super) struct FieldReader {
    kept: Kept,
    state: State,
    /// The name as far as it can be one of those that matter.
    name: Vec<u8>,
    /// The value unfolded and cleaned, without white space at its start, as far as it is kept.
    value: Value,
    content_type: Option<ContentType>,
}

/// What the end of a header tells.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) content_type: Option<ContentType>,
    /// Where its fields end among the kept ones.
    pub(super) fields_end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// In a field that does not matter, or in a line that is no field.
    #[default]
    Ignored,
    Name,
    /// White space between the name and the colon.
    AfterName(FieldName),
    Value(FieldName),
}

impl FieldReader {
    /// Begins the header of the next part.
    pub(super) fn begin(&mut self, place: Place) {
        self.kept.begin(match place {
            Place::Message => Owner::Message,
            Place::Multipart(_) => Owner::Part,
        });
    }

    /// Takes octets of one line; `is_begun` says that they are not its first ones.
    pub(super) fn push(&mut self, octets: &[u8], is_begun: bool) {
        let mut rest = octets;
        let continues = is_begun || matches!(rest.first(), Some(b' ' | b'\t'));
        if !continues && !rest.is_empty() {
            self.end_field();
            self.state = State::Name;
        }
        loop {
            rest = match self.state {
                State::Ignored => return,
                State::Name => self.read_name(rest),
                State::AfterName(name) => self.read_colon(name, rest),
                State::Value(_) => return self.value.push(rest),
            };
            if rest.is_empty() {
                return;
            }
        }
    }

    fn read_name<'o>(&mut self, octets: &'o [u8]) -> &'o [u8] {
        let end = octets.iter().position(|&octet| octet <= b' ' || octet == b':');
        let (name, rest) = octets.split_at(end.unwrap_or(octets.len()));
        self.name.extend_from_slice(&name[..name.len().min(MAX_NAME + 1)]);
        if end.is_some() || self.name.len() > MAX_NAME {
            self.state = match FieldName::of(&self.name) {
                Some(name) if self.kept.wants(name) => State::AfterName(name),
                _ => State::Ignored,
            };
        }
        rest
    }

    fn read_colon<'o>(&mut self, name: FieldName, octets: &'o [u8]) -> &'o [u8] {
        let Some(end) = octets.iter().position(|&octet| !is_space(octet)) else {
            return &[];
        };
        self.state = if octets[end] == b':' {
            State::Value(name)
        } else {
            State::Ignored
        };
        &octets[end + 1..]
    }

    fn end_field(&mut self) {
        if let State::Value(name) = self.state {
            let value = trim_end(&self.value.octets);
            if name == FieldName::ContentType && self.content_type.is_none() {
                self.content_type = Some(content_type(value));
            }
            self.kept.keep(name, value, self.value.is_cut);
        }
        self.state = State::Ignored;
        self.name.clear();
        self.value.clear();
    }

    /// Ends the header.
    pub(super) fn end_header(&mut self) -> Header {
        self.end_field();
        Header {
            content_type: self.content_type.take(),
            fields_end: self.kept.len(),
        }
    }

    /// The length of what is kept so far.
    pub(super) fn kept_len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn finish(self) -> (Vec<u8>, FieldSet) {
        self.kept.finish()
    }
}

fn content_type(value: &[u8]) -> ContentType {
    let media = Media::parse(value);
    if media.is_kind("multipart") {
        return ContentType::Multipart {
            boundary: media.boundary().map(|boundary| Box::from(&*boundary)),
            digest: if media.is("multipart", "digest") {
                Digest::Yes
            } else {
                Digest::No
            },
        };
    }
    if media.is_message() {
        ContentType::Message
    } else {
        ContentType::Leaf
    }
}

/// What most values fit in.
const USUAL: usize = 256;

/// A value that is being read.
#[derive(Debug, Default)]
struct Value {
    octets: Vec<u8>,
    /// Whether the last octet was a CR, which counts if no LF follows.
    after_cr: bool,
    is_cut: bool,
}

impl Value {
    /// As [`clean`](crate::header::clean) does it: line ends go, NUL and a lone CR become a space.
    fn push(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && first != b'\n' {
                self.append(b" ");
            }
            let end = memchr3(b'\r', b'\n', 0, rest);
            self.append(&rest[..end.unwrap_or(rest.len())]);
            let Some(end) = end else { return };
            match rest[end] {
                0 => self.append(b" "),
                b'\r' => self.after_cr = true,
                _ => {}
            }
            rest = &rest[end + 1..];
        }
    }

    fn append(&mut self, text: &[u8]) {
        let text = if self.octets.is_empty() {
            trim_start(text)
        } else {
            text
        };
        let (kept, cut) = text.split_at(text.len().min(MAX_FIELD - self.octets.len()));
        if self.octets.capacity() == 0 {
            self.octets.reserve(USUAL);
        }
        self.octets.extend_from_slice(kept);
        self.is_cut = self.is_cut || !trim(cut).is_empty();
    }

    fn clear(&mut self) {
        self.octets.clear();
        (self.after_cr, self.is_cut) = (false, false);
    }
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&octet| !is_space(octet));
    &text[start.unwrap_or(text.len())..]
}
