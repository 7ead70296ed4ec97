//! A summary as octets, for a database column or a cache file.

use std::error::Error;
use std::fmt;

use super::{Extent, FIELD_OVERHEAD, KeptFields, KeptHeader, Kind, MAX_FIELDS, Part, Summary};
use crate::field_name::FieldSet;
use crate::part::{MAX_DEPTH, MAX_PARTS};

/// The first octet. A change of what the others mean takes the next number.
const VERSION: u8 = 1;

/// The octets are no summary that this version of the crate wrote: another version, or damaged. Make a new summary of the
/// message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidSummary;

impl fmt::Display for InvalidSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no message summary of this version")
    }
}

impl Error for InvalidSummary {}

impl Summary {
    /// The summary as octets. The first one is a version: [`from_bytes`](Self::from_bytes) refuses what it does not know.
    ///
    /// The encoding is the same on every machine, and shorter than [`heap_size`](Self::heap_size) for ordinary mail.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.fields.len() + self.parts.len() * 12 + 16);
        out.push(VERSION);
        match self.extent {
            Extent::Whole(size) => put(&mut out, size.saturating_add(1)),
            Extent::Header => put(&mut out, 0),
        }
        put(&mut out, u64::from(self.cut.bits()));
        put(&mut out, self.parts.len() as u64);
        let mut fields_start = 0;
        for (id, part) in self.parts.iter().enumerate() {
            out.push(part.kind as u8);
            put(&mut out, part.header_start);
            put(&mut out, part.body_start - part.header_start);
            put(&mut out, part.body_end - part.body_start);
            put(&mut out, part.lines);
            put(&mut out, u64::from(part.fields_end - fields_start));
            put(&mut out, (usize::from(part.end) - id) as u64);
            fields_start = part.fields_end;
        }
        out.extend_from_slice(&self.fields);
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// Any octets give a summary that keeps the promises of this type, or an error. Takes time linear in them, and no more
    /// memory than twice their length and 64 KiB.
    ///
    /// # Errors
    /// [`InvalidSummary`] if another version wrote them, or if they are damaged in a way that shows.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, InvalidSummary> {
        read(octets).ok_or(InvalidSummary)
    }
}

impl<'a> KeptHeader<'a> {
    /// Reads it from what [`Summary::to_bytes`] wrote, without a copy, and without a look at the fields of parts.
    ///
    /// # Errors
    /// [`InvalidSummary`] if another version wrote them, or if these fields are damaged in a way that shows.
    pub fn from_bytes(octets: &'a [u8]) -> Result<Self, InvalidSummary> {
        read_header(octets).ok_or(InvalidSummary)
    }
}

/// Adds a number, seven bits an octet, low ones first.
fn put(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

fn read(octets: &[u8]) -> Option<Summary> {
    let mut reader = Reader { rest: octets };
    let Begin { extent, cut, count } = reader.begin()?;
    let mut parts: Vec<Part> = Vec::with_capacity(count);
    for id in 0..count {
        let before = parts.last().map_or(0, |part| part.fields_end);
        parts.push(reader.part(id, before)?);
    }
    let summary = Summary::new(extent, parts, reader.rest.to_vec(), cut);
    let is_valid =
        has_valid_ranges(&summary) && has_valid_nesting(&summary.parts) && has_valid_fields(&summary);
    is_valid.then_some(summary)
}

fn read_header(octets: &[u8]) -> Option<KeptHeader<'_>> {
    let mut reader = Reader { rest: octets };
    let parts = reader.begin()?.count;
    let message = reader.part(0, 0)?;
    for id in 1..parts {
        reader.part(id, 0)?;
    }
    let rest = reader.rest.get(..message.fields_end as usize)?;
    let fields = KeptFields { rest };
    are_valid_fields(fields).then_some(KeptHeader { fields })
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// What stands before the parts.
struct Begin {
    extent: Extent,
    cut: FieldSet,
    /// Parts.
    count: usize,
}

impl Reader<'_> {
    fn begin(&mut self) -> Option<Begin> {
        if self.octet()? != VERSION {
            return None;
        }
        let extent = match self.number()?.checked_sub(1) {
            Some(size) => Extent::Whole(size),
            None => Extent::Header,
        };
        let cut = FieldSet::from_bits(u32::try_from(self.number()?).ok()?)?;
        let count = usize::try_from(self.number()?).ok()?;
        let is_count_possible = match extent {
            Extent::Whole(_) => (1..=MAX_PARTS).contains(&count),
            Extent::Header => count == 1,
        };
        is_count_possible.then_some(Begin { extent, cut, count })
    }

    fn octet(&mut self) -> Option<u8> {
        let (&octet, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(octet)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let octet = self.octet()?;
            let bits = u64::from(octet & 0x7f);
            if (bits << shift) >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if octet < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn part(&mut self, id: usize, fields_start: u32) -> Option<Part> {
        let kind = match self.octet()? {
            0 => Kind::Leaf,
            1 => Kind::Multipart,
            2 => Kind::Message,
            3 => Kind::Text,
            4 => Kind::Opaque,
            _ => return None,
        };
        let header_start = self.number()?;
        let body_start = header_start.checked_add(self.number()?)?;
        let body_end = body_start.checked_add(self.number()?)?;
        Some(Part {
            kind,
            header_start,
            body_start,
            body_end,
            lines: self.number()?,
            fields_end: fields_start.checked_add(u32::try_from(self.number()?).ok()?)?,
            end: u16::try_from(id.checked_add(usize::try_from(self.number()?).ok()?)?).ok()?,
        })
    }
}

/// Whether every part lies in the message, and the message's own header at its start.
fn has_valid_ranges(summary: &Summary) -> bool {
    let root = &summary.parts[0];
    let is_root_valid = match summary.extent {
        Extent::Whole(size) => root.body_end == size,
        Extent::Header => root.body_end == root.body_start,
    };
    let inside =
        |part: &Part| part.body_end <= root.body_end && part.lines <= part.body_end - part.body_start;
    root.header_start == 0 && is_root_valid && summary.parts.iter().all(inside)
}

/// Whether the parts of multiparts and messages fill them, and nothing is nested too deep.
fn has_valid_nesting(parts: &[Part]) -> bool {
    // Where the parts that are open end, outermost first.
    let mut open: Vec<usize> = Vec::new();
    for (id, part) in parts.iter().enumerate() {
        while open.last() == Some(&id) {
            open.pop();
        }
        let end = usize::from(part.end);
        let outer = open.last().copied().unwrap_or(parts.len());
        let parent = id.checked_sub(1).map(|before| parts[before].kind);
        let is_inner = parent == Some(Kind::Message);
        let has_room = match part.kind {
            Kind::Multipart | Kind::Message => end > id + 1,
            Kind::Leaf | Kind::Text | Kind::Opaque => end == id + 1,
        };
        if !has_room || end > outer || (id == 0 || is_inner) && end != outer || open.len() > MAX_DEPTH {
            return false;
        }
        if end > id + 1 {
            open.push(end);
        }
    }
    true
}

/// Whether the fields are those of the parts and can be sent in a quoted string.
fn has_valid_fields(summary: &Summary) -> bool {
    let mut start = 0;
    let mut is_valid = true;
    for part in &summary.parts {
        let end = part.fields_end as usize;
        let Some(rest) = summary.fields.get(start..end) else {
            return false;
        };
        is_valid &= are_valid_fields(KeptFields { rest });
        start = end;
    }
    is_valid && start == summary.fields.len() && start <= MAX_FIELDS
}

fn are_valid_fields(fields: KeptFields<'_>) -> bool {
    let mut read = 0;
    let mut is_valid = true;
    for (_, value) in fields {
        read += value.len() + FIELD_OVERHEAD;
        is_valid &= memchr::memchr3(0, b'\r', b'\n', value).is_none();
    }
    is_valid && read == fields.rest.len()
}
