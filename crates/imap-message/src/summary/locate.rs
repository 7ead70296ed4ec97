//! Where the sections of a message lie.

use std::num::NonZeroU32;
use std::ops::Range;

use super::{Extent, Kind, Part, Summary};
use crate::section::{Section, SectionText};

/// Where the octets of a section lie in the message's CRLF form.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Located {
    /// The section is these octets of the message.
    Range(Range<u64>),
    /// The section is a selection of fields.
    Fields {
        /// The octets of the header section to select from, blank line included;
        /// [`select_fields`](crate::select_fields) does it.
        header: Range<u64>,
    },
}

impl Summary {
    /// Where a section lies (RFC 9051 section 6.4.5). `None` where the message has no such part or the part is no message
    /// and so has no HEADER or TEXT: a server answers `NIL` then. A partial fetch is cut out of the range by the caller.
    ///
    /// If only the header is known ([`size`](Self::size) is `None`), `BODY[HEADER]` and the fields of the message are
    /// found, and `None` says nothing about the others.
    ///
    /// Looks at each part of the message at most once, so at no more than [`MAX_PARTS`](crate::MAX_PARTS).
    pub fn locate(&self, section: &Section) -> Option<Located> {
        let message = self.parts.first()?;
        match (&section.text, self.extent) {
            (SectionText::All, Extent::Whole(size)) if section.part.is_empty() => {
                Some(Located::Range(0..size))
            }
            (text, _) if section.part.is_empty() => self.of_message(message, text),
            (_, Extent::Header) => None,
            (text, Extent::Whole(_)) => {
                let id = self.numbered(&section.part)?;
                let part = &self.parts[id];
                match (text, part.kind) {
                    (SectionText::All, _) => Some(Located::Range(part.body_start..part.body_end)),
                    (SectionText::Mime, _) => Some(Located::Range(part.header_start..part.body_start)),
                    (text, Kind::Message) => self.of_message(self.parts.get(id + 1)?, text),
                    _ => None,
                }
            }
        }
    }

    /// What `HEADER`, `HEADER.FIELDS` and `TEXT` name of a message.
    fn of_message(&self, message: &Part, text: &SectionText) -> Option<Located> {
        let header = message.header_start..message.body_start;
        match text {
            SectionText::Header => Some(Located::Range(header)),
            SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_) => {
                Some(Located::Fields { header })
            }
            SectionText::Text if self.extent != Extent::Header => {
                Some(Located::Range(message.body_start..message.body_end))
            }
            SectionText::All | SectionText::Mime | SectionText::Text => None,
        }
    }

    /// The part with these numbers (RFC 3501 section 6.4.5): "every message has at least one part number", so the body
    /// of a message that is no multipart is its part 1.
    pub(super) fn numbered(&self, numbers: &[NonZeroU32]) -> Option<usize> {
        let mut here = 0;
        let mut at = At::Message;
        for number in numbers {
            let index = usize::try_from(number.get()).ok()? - 1;
            if let (At::Part, Kind::Message) = (at, self.parts[here].kind) {
                here += 1;
                at = At::Message;
            }
            here = match (self.parts[here].kind, at) {
                (Kind::Multipart, _) => self.children(here).nth(index)?,
                (_, At::Message) if index == 0 => here,
                _ => return None,
            };
            at = At::Part;
        }
        Some(here)
    }

    /// The parts of a multipart.
    pub(super) fn children(&self, id: usize) -> impl Iterator<Item = usize> + '_ {
        let end = usize::from(self.parts[id].end);
        let inside = move |&child: &usize| child < end;
        let next = |&child: &usize| Some(usize::from(self.parts[child].end));
        std::iter::successors(Some(id + 1), move |child| next(child).filter(inside))
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
