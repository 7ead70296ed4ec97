//! The part tree: where each MIME part's header and body lie in the message.

use std::ops::Range;

use memchr::{memchr, memmem};

use crate::Octets;
use crate::header::{Fields, blank_line, trim, trim_end};
use crate::parameter::Media;

/// Parts nested deeper than this are presented as opaque data. The structure is written and dropped recursively, and
/// clients read it recursively, so a message must not decide how deep. Real mail nests about ten deep.
pub const MAX_DEPTH: usize = 100;

/// A message is not split into more parts than this; the last one is the opaque rest.
pub const MAX_PARTS: usize = 1_000;

/// Index of a part in its [`Tree`].
pub(crate) type PartId = usize;

/// One entity: a message or a part of a multipart.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// Its header section, the blank line included.
    pub(crate) header: Range<usize>,
    /// Its body, up to before the line end that belongs to the next boundary (RFC 2046 section 5.1.1).
    pub(crate) body: Range<usize>,
    pub(crate) media: Media<'a>,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Leaf,
    /// Never empty once the tree is complete.
    Multipart(Vec<PartId>),
    Message(PartId),
}

/// All parts of a message in the order of the message. Ids instead of boxes: dropping it does not recurse.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) parts: Vec<Part<'a>>,
}

impl<'a> Tree<'a> {
    pub(crate) const ROOT: PartId = 0;

    /// Finds the parts in one pass over the boundaries, whatever the depth.
    pub(crate) fn of(octets: &'a [u8]) -> Self {
        let mut builder = Builder {
            octets,
            delimiter: memmem::Finder::new(b"\n--"),
            parts: Vec::new(),
            open: Vec::new(),
        };
        let mut found = builder.open_part(0, Place::Message);
        while let Some(delimiter) = found {
            builder.close_inside(delimiter.level, delimiter.content_end);
            found = match delimiter.kind {
                DelimiterKind::Part => {
                    builder.open_part(delimiter.line.end, Place::Multipart(delimiter.level))
                }
                DelimiterKind::Close => {
                    // What follows is the epilogue, which only an outer boundary ends.
                    builder.open[delimiter.level].boundary = None;
                    builder.next_delimiter(delimiter.line.end)
                }
            };
        }
        builder.close_all(octets.len());
        Self { parts: builder.parts }
    }

    pub(crate) fn part(&self, id: PartId) -> &Part<'a> {
        &self.parts[id]
    }
}

struct Builder<'a> {
    octets: &'a [u8],
    delimiter: memmem::Finder<'static>,
    parts: Vec<Part<'a>>,
    /// The parts that have begun and not ended, outermost first.
    open: Vec<Open<'a>>,
}

struct Open<'a> {
    id: PartId,
    place: Place,
    boundary: Option<Octets<'a>>,
}

/// Where a part stands.
#[derive(Clone, Copy)]
enum Place {
    /// It is a message: the whole one, or the one inside a `message/rfc822` part.
    Message,
    /// It stands in the multipart that is open at this level.
    Multipart(usize),
}

/// A boundary delimiter line of an open multipart.
struct Delimiter {
    level: usize,
    kind: DelimiterKind,
    line: Range<usize>,
    content_end: usize,
}

enum DelimiterKind {
    Part,
    Close,
}

impl<'a> Builder<'a> {
    /// Opens the part that starts at `start`, and the messages inside it. Returns the first delimiter after their
    /// headers.
    fn open_part(&mut self, mut start: usize, mut place: Place) -> Option<Delimiter> {
        loop {
            if self.parts.len() + 1 == MAX_PARTS {
                self.push_rest(start, place);
                return None;
            }
            let (header_end, delimiter) = self.header_end(start);
            self.push_part(start..header_end, place);
            if !self.is_message(self.parts.len() - 1) {
                return delimiter.or_else(|| self.next_delimiter(header_end));
            }
            // A message part has a message inside, be it empty because a boundary cut the header off.
            (start, place) = (header_end, Place::Message);
        }
    }

    /// Where the header that starts at `start` ends: after its blank line, or where a boundary cuts it off.
    fn header_end(&self, start: usize) -> (usize, Option<Delimiter>) {
        let mut at = start;
        loop {
            if let Some(blank) = blank_line(&self.octets[at..]) {
                return (at + blank, None);
            }
            if let Some(delimiter) = self.delimiter_at(at) {
                return (at, Some(delimiter));
            }
            match memchr(b'\n', &self.octets[at..]) {
                Some(lf) => at += lf + 1,
                None => return (self.octets.len(), None),
            }
        }
    }

    fn push_part(&mut self, header: Range<usize>, place: Place) {
        let media = self.media(&self.octets[header.clone()], place);
        let boundary = if media.is_kind("multipart") {
            media.boundary()
        } else {
            None
        };
        let (media, content, boundary) = match (&boundary, media.is_message()) {
            (Some(_), _) | (None, true) if self.open.len() >= MAX_DEPTH => {
                (Media::of("application", "octet-stream"), Content::Leaf, None)
            }
            (Some(_), _) => (media, Content::Multipart(Vec::new()), boundary),
            (None, true) => (media, Content::Message(self.parts.len() + 1), None),
            // Without a boundary there are no parts, and a type that promises some would be a lie.
            (None, false) if media.is_kind("multipart") => (Media::of("text", "plain"), Content::Leaf, None),
            (None, false) => (media, Content::Leaf, None),
        };
        self.push(
            Part {
                body: header.end..header.end,
                header,
                media,
                content,
            },
            place,
            boundary,
        );
    }

    /// Adds what is left of the message as one part without structure, when there are enough parts.
    fn push_rest(&mut self, start: usize, place: Place) {
        let media = Media::of("application", "octet-stream");
        self.push(
            Part {
                header: start..start,
                body: start..start,
                media,
                content: Content::Leaf,
            },
            place,
            None,
        );
    }

    fn push(&mut self, part: Part<'a>, place: Place, boundary: Option<Octets<'a>>) {
        let id = self.parts.len();
        self.parts.push(part);
        if let Place::Multipart(level) = place
            && let Content::Multipart(children) = &mut self.parts[self.open[level].id].content
        {
            children.push(id);
        }
        self.open.push(Open { id, place, boundary });
    }

    /// The media type of a part with this header. Without a `Content-Type:` it is text, in a digest a message
    /// (RFC 2046 section 5.1.5).
    fn media(&self, header: &'a [u8], place: Place) -> Media<'a> {
        let field = Fields::new(header).find(|field| field.is_named(b"content-type"));
        match (field, place) {
            (Some(field), _) => Media::parse(trim(field.raw_value())),
            (None, Place::Multipart(level))
                if self.parts[self.open[level].id].media.is("multipart", "digest") =>
            {
                Media::of("message", "rfc822")
            }
            (None, _) => Media::of("text", "plain"),
        }
    }

    fn is_message(&self, id: PartId) -> bool {
        matches!(self.parts[id].content, Content::Message(_))
    }

    /// The next delimiter of any open multipart at or after `at`, which is the start of a line.
    fn next_delimiter(&self, at: usize) -> Option<Delimiter> {
        if self.open.iter().all(|open| open.boundary.is_none()) {
            return None;
        }
        let mut line = at;
        loop {
            if let Some(delimiter) = self.delimiter_at(line) {
                return Some(delimiter);
            }
            line += self.delimiter.find(&self.octets[line..])? + 1;
        }
    }

    /// The delimiter that the line at `start` is, if it is one. The innermost multipart comes first.
    fn delimiter_at(&self, start: usize) -> Option<Delimiter> {
        let after = self.octets[start..].strip_prefix(b"--")?;
        let line_len = memchr(b'\n', after).map_or(after.len(), |lf| lf + 1);
        let text = trim_end(&after[..line_len]);
        let found = self.open.iter().enumerate().rev().find_map(|(level, open)| {
            let boundary = open.boundary.as_deref()?;
            match text.strip_prefix(boundary)? {
                b"" => Some((level, DelimiterKind::Part)),
                b"--" => Some((level, DelimiterKind::Close)),
                _ => None,
            }
        });
        let (level, kind) = found?;
        Some(Delimiter {
            level,
            kind,
            line: start..start + 2 + line_len,
            content_end: self.content_end(start),
        })
    }

    /// The line end before a delimiter belongs to the delimiter.
    fn content_end(&self, line: usize) -> usize {
        let before = &self.octets[..line];
        let before = before
            .strip_suffix(b"\n")
            .map_or(before, |text| text.strip_suffix(b"\r").unwrap_or(text));
        before.len()
    }

    /// Ends the parts inside the multipart that is open at `level`.
    fn close_inside(&mut self, level: usize, end: usize) {
        while self.open.len() > level + 1 {
            if let Some(open) = self.open.pop() {
                self.close(&open, end);
            }
        }
    }

    fn close_all(&mut self, end: usize) {
        while let Some(open) = self.open.pop() {
            self.close(&open, end);
        }
    }

    fn close(&mut self, open: &Open<'a>, end: usize) {
        let part = &mut self.parts[open.id];
        if matches!(open.place, Place::Message) {
            // The line end that a boundary takes away may be the blank line of a message without a body. It then is
            // not in the body of the message part, so it is not in the header of the message either.
            part.header.end = part.header.end.min(end).max(part.header.start);
            part.body.start = part.header.end;
        }
        part.body.end = end.max(part.body.start);
        // The grammar of BODYSTRUCTURE has no multipart without parts.
        if matches!(&part.content, Content::Multipart(children) if children.is_empty()) {
            part.content = Content::Leaf;
            part.media = Media::of("text", "plain");
        }
    }
}

impl<'a> Part<'a> {
    /// The octets of its header section.
    pub(crate) fn header_of(&self, octets: &'a [u8]) -> &'a [u8] {
        &octets[self.header.clone()]
    }

    /// The octets of its body.
    pub(crate) fn body_of(&self, octets: &'a [u8]) -> &'a [u8] {
        &octets[self.body.clone()]
    }
}
