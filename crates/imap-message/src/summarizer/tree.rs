//! The part table of a message, as its headers and boundaries come.

use super::Position;
use super::field::Header;
use super::line::Line;
use crate::part::{MAX_DEPTH, MAX_PARTS};
use crate::summary::{Kind, Part};

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is a message: the whole one, or the one inside a `message/rfc822` part.
    Message,
    /// It stands in the multipart that is open at this level.
    Multipart(usize),
}

/// A boundary delimiter line of the multipart that is open at `level`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delimiter {
    pub(super) level: usize,
    pub(super) kind: DelimiterKind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum DelimiterKind {
    /// A part begins.
    Part,
    /// The multipart ends.
    Close,
}

/// What the `Content-Type:` of a part means for splitting.
#[derive(Debug)]
pub(super) enum ContentType {
    Leaf,
    Message,
    Multipart {
        boundary: Option<Box<[u8]>>,
        digest: Digest,
    },
}

/// Whether parts without a `Content-Type:` are messages (RFC 2046 section 5.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    No,
    Yes,
}

#[derive(Debug, Default)]
pub(super) struct TreeBuilder {
    /// While a part is open its `lines` are those before its body.
    parts: Vec<Part>,
    /// The parts that have begun and not ended, outermost first.
    open: Vec<Open>,
    /// Where the header that is being read starts.
    start: Position,
}

#[derive(Debug)]
struct Open {
    id: usize,
    place: Place,
    boundary: Option<Box<[u8]>>,
    digest: Digest,
    /// Whether a part has begun in it.
    has_parts: bool,
}

impl TreeBuilder {
    /// Whether any line can be a delimiter.
    pub(super) fn has_boundary(&self) -> bool {
        self.open.iter().any(|open| open.boundary.is_some())
    }

    /// The delimiter that the line is. The innermost multipart comes first.
    pub(super) fn delimiter(&self, line: &Line) -> Option<Delimiter> {
        let text = line.delimiter_text()?;
        self.open.iter().enumerate().rev().find_map(|(level, open)| {
            let boundary = open.boundary.as_deref()?;
            // Most boundaries of a hostile message are ruled out without comparing octets.
            if !matches!(text.len().checked_sub(boundary.len()), Some(0 | 2)) {
                return None;
            }
            let kind = match text.strip_prefix(boundary)? {
                b"" => DelimiterKind::Part,
                b"--" => DelimiterKind::Close,
                _ => return None,
            };
            Some(Delimiter { level, kind })
        })
    }

    /// Begins the header of a part, if the message is to be split further. Otherwise all that is left is one part
    /// without structure.
    pub(super) fn begin(&mut self, place: Place, start: Position, fields_end: usize) -> bool {
        self.start = start;
        if self.parts.len() + 1 < MAX_PARTS {
            return true;
        }
        self.push(Kind::Opaque, place, start, fields_end, None, Digest::No);
        false
    }

    /// Adds the part whose header has been read to `end`. Returns whether it has a message inside.
    pub(super) fn push_part(&mut self, place: Place, end: Position, header: Header) -> bool {
        let in_digest = match place {
            Place::Multipart(level) => self.open[level].digest,
            Place::Message => Digest::No,
        };
        let content_type = match (header.content_type, in_digest) {
            (Some(content_type), _) => content_type,
            (None, Digest::Yes) => ContentType::Message,
            (None, Digest::No) => ContentType::Leaf,
        };
        let is_deep = self.open.len() >= MAX_DEPTH;
        let (kind, boundary, digest) = match content_type {
            ContentType::Leaf => (Kind::Leaf, None, Digest::No),
            // Without a boundary there are no parts, and a type that promises some would be a lie.
            ContentType::Multipart { boundary: None, .. } => (Kind::Text, None, Digest::No),
            _ if is_deep => (Kind::Opaque, None, Digest::No),
            ContentType::Message => (Kind::Message, None, Digest::No),
            ContentType::Multipart { boundary, digest } => (Kind::Multipart, boundary, digest),
        };
        self.push(kind, place, end, header.fields_end, boundary, digest);
        kind == Kind::Message
    }

    fn push(
        &mut self,
        kind: Kind,
        place: Place,
        header_end: Position,
        fields_end: usize,
        boundary: Option<Box<[u8]>>,
        digest: Digest,
    ) {
        let id = self.parts.len();
        self.parts.push(Part {
            kind,
            header_start: self.start.octets,
            body_start: header_end.octets,
            body_end: header_end.octets,
            lines: header_end.lines,
            fields_end: u32::try_from(fields_end).unwrap_or(u32::MAX),
            end: 0,
        });
        if let Place::Multipart(level) = place {
            self.open[level].has_parts = true;
        }
        self.open.push(Open {
            id,
            place,
            boundary,
            digest,
            has_parts: false,
        });
    }

    /// Ends the parts inside the multipart that is open at `level`.
    pub(super) fn close_inside(&mut self, level: usize, end: Position) {
        for open in self.open.drain(level + 1..).rev() {
            close(&mut self.parts, &open, end);
        }
    }

    /// Ends the multipart that is open at `level`; its epilogue goes on.
    pub(super) fn close_boundary(&mut self, level: usize) {
        self.open[level].boundary = None;
    }

    /// Ends all parts where the message ends.
    pub(super) fn close_all(&mut self, end: Position) {
        for open in self.open.drain(..).rev() {
            close(&mut self.parts, &open, end);
        }
    }

    pub(super) fn finish(self) -> Vec<Part> {
        self.parts
    }
}

fn close(parts: &mut [Part], open: &Open, end: Position) {
    let behind = u16::try_from(parts.len()).unwrap_or(u16::MAX);
    let part = &mut parts[open.id];
    if open.place == Place::Message && end.octets < part.body_start {
        // The line end that a boundary takes away may be the blank line of a message without a body. It then is
        // not in the body of the message part, so it is not in the header of the message either.
        part.body_start = end.octets.max(part.header_start);
    }
    let is_empty = end.octets <= part.body_start;
    part.lines = if is_empty { 0 } else { end.lines - part.lines };
    part.body_end = end.octets.max(part.body_start);
    part.end = behind;
    // The grammar of BODYSTRUCTURE has no multipart without parts.
    if part.kind == Kind::Multipart && !open.has_parts {
        part.kind = Kind::Text;
    }
}
