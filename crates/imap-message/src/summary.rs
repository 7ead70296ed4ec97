//! What a store keeps of a message so that nobody has to read the message again.

mod bytes;
mod decoder;
mod locate;
mod preview;
mod search;
mod sort;
mod structure;

use std::num::NonZeroU32;

use chrono::NaiveDate;

use crate::address::Room;
use crate::date::parse_day;
use crate::envelope::Envelope;
use crate::field_name::{FieldName, FieldSet};
use crate::structure::BodyStructure;

pub use bytes::InvalidSummary;
pub use decoder::PartDecoder;
pub use locate::Located;
pub use preview::Preview;
pub use sort::{AddressField, KeptHeader};

/// A field's value beyond this many octets is left out of a [`Summary`]. Longer ones end with a whole address, parameter
/// or word that fits.
pub const MAX_FIELD: usize = u16::MAX as usize;

/// The fields of a [`Summary`] take no more octets than this together, whatever the message.
pub const MAX_FIELDS: usize = 256 * 1024;

/// What IMAP asks of a message without its text, in one owned value: ENVELOPE, BODYSTRUCTURE, RFC822.SIZE, where every
/// section lies, and the fields that SORT, THREAD and SENTON read.
///
/// It is made in one pass over the message, at once ([`of`](Self::of)) or as it arrives ([`Summarizer`](crate::Summarizer)), and can be
/// stored ([`to_bytes`](Self::to_bytes)). It holds the part table and the values of the fields that matter, so an
/// ordinary message takes some hundred octets, and the worst one less than 320 KiB ([`MAX_FIELDS`],
/// [`MAX_PARTS`](crate::MAX_PARTS)).
///
/// Two summaries are equal if every answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    extent: Extent,
    /// In the order of the message, the message itself first. Never empty.
    parts: Box<[Part]>,
    /// The fields of all parts, in the order of the parts; see [`push_field`].
    fields: Box<[u8]>,
    /// Names of which the message's own header has more than is kept.
    cut: FieldSet,
}

/// How much of the message is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it, of this size in octets.
    Whole(u64),
    /// The header.
    Header,
}

/// One entity: the message, a part of a multipart, or a message inside a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) header_start: u64,
    /// Behind the header's blank line.
    pub(crate) body_start: u64,
    /// Before the line end that belongs to the next boundary (RFC 2046 section 5.1.1).
    pub(crate) body_end: u64,
    /// Line ends in the body.
    pub(crate) lines: u64,
    /// Where its fields end in [`Summary::fields`]; they begin where those of the part before end.
    pub(crate) fields_end: u32,
    /// The index of the first part behind it that is not inside it.
    pub(crate) end: u16,
}

/// What a part is, as far as its own `Content-Type:` does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Neither multipart nor message.
    Leaf = 0,
    /// A multipart with at least one part.
    Multipart = 1,
    /// A message part; the message is the next in the table.
    Message = 2,
    /// A multipart without any part, presented as text.
    Text = 3,
    /// Nested too deep or one part too many, presented as `application/octet-stream`.
    Opaque = 4,
}

impl Summary {
    pub(crate) fn new(extent: Extent, parts: Vec<Part>, fields: Vec<u8>, cut: FieldSet) -> Self {
        Self {
            extent,
            parts: parts.into_boxed_slice(),
            fields: fields.into_boxed_slice(),
            cut,
        }
    }

    /// ENVELOPE (RFC 9051 section 7.5.2), with at most [`MAX_ADDRESSES`](crate::MAX_ADDRESSES) addresses.
    ///
    /// Linear in the kept fields, which no message makes longer than [`MAX_FIELDS`].
    pub fn envelope(&self) -> Envelope<'_> {
        Envelope::of_fields(self.fields_of(0), &mut Room::new())
    }

    /// BODYSTRUCTURE, and BODY without the extension data (RFC 9051 section 7.5.2). `None` if only the header is known.
    ///
    /// All its envelopes together list at most [`MAX_ADDRESSES`](crate::MAX_ADDRESSES) addresses.
    pub fn structure(&self) -> Option<BodyStructure<'_>> {
        match self.extent {
            Extent::Whole(_) => Some(structure::structure(self)),
            Extent::Header => None,
        }
    }

    /// The same of one part; `None` where the message has no part with these numbers, too. Without numbers it is that of the
    /// message.
    pub fn part_structure(&self, part: &[NonZeroU32]) -> Option<BodyStructure<'_>> {
        match self.extent {
            Extent::Whole(_) => Some(structure::structure_of(self, self.numbered(part)?)),
            Extent::Header => None,
        }
    }

    /// RFC822.SIZE: the octets of the message in CRLF form. `None` if only the header is known.
    pub fn size(&self) -> Option<u64> {
        match self.extent {
            Extent::Whole(size) => Some(size),
            Extent::Header => None,
        }
    }

    /// The length of `BODY[HEADER]` in octets, the blank line included if there is one.
    pub fn header_len(&self) -> u64 {
        self.parts.first().map_or(0, |message| message.body_start)
    }

    /// The day of the `Date:` field as written there, whatever its time and zone, for SENTBEFORE, SENTON and SENTSINCE
    /// (RFC 9051 section 6.4.4). `None` if there is none or it cannot be read.
    pub fn sent_date(&self) -> Option<NaiveDate> {
        parse_day(self.field(FieldName::Date)?)
    }

    /// The value of the first `References:` field, unfolded, which THREAD reads (RFC 5256 section 3).
    ///
    /// Of a value longer than [`MAX_FIELD`] it is the start.
    pub fn references(&self) -> Option<&[u8]> {
        self.field(FieldName::References)
    }

    /// The memory behind the value, in octets, for caches that are bounded by size; the value itself is not counted.
    pub fn heap_size(&self) -> usize {
        self.fields.len() + size_of_val::<[Part]>(&self.parts)
    }

    fn field(&self, name: FieldName) -> Option<&[u8]> {
        self.field_of(0, name)
    }

    /// The first field of that name that is kept of a part.
    fn field_of(&self, id: usize, name: FieldName) -> Option<&[u8]> {
        self.fields_of(id)
            .find(|field| field.0 == name)
            .map(|field| field.1)
    }

    /// The kept fields of a part, values unfolded, in the order of the message.
    fn fields_of(&self, id: usize) -> KeptFields<'_> {
        let start = id
            .checked_sub(1)
            .map_or(0, |before| self.parts[before].fields_end);
        KeptFields {
            rest: &self.fields[start as usize..self.parts[id].fields_end as usize],
        }
    }
}

/// What [`push_field`] adds to a value.
pub(crate) const FIELD_OVERHEAD: usize = 3;

/// Adds a field: the code of the name, the length in two octets, low one first, and the value, unfolded and trimmed.
/// It has no NUL, CR or LF, so what is read from it borrows.
pub(crate) fn push_field(out: &mut Vec<u8>, name: FieldName, value: &[u8]) {
    let value = &value[..value.len().min(MAX_FIELD)];
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.push(name.code());
    out.extend(len.to_le_bytes());
    out.extend_from_slice(value);
}

/// The fields that [`push_field`] wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KeptFields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for KeptFields<'a> {
    type Item = (FieldName, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[code, low, high], rest) = self.rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
        self.rest = rest;
        Some((FieldName::from_code(code)?, value))
    }
}
