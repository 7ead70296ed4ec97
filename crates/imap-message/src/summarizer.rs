//! Makes a summary of a message that arrives in chunks.

mod field;
mod kept;
mod line;
mod tree;

use memchr::{memchr, memchr_iter, memmem, memrchr};

use crate::summary::{Extent, Summary};
use field::FieldReader;
use line::Line;
use tree::{Delimiter, DelimiterKind, Place, TreeBuilder};

/// Makes a [`Summary`] of a message that comes in chunks: while APPEND receives it, or while a file is read.
///
/// Chunks may be of any size and cut anywhere, in a CRLF too; the summary is the same. The message is in CRLF form. A
/// lone LF ends a line as CRLF does and counts as the one octet that it is; a lone CR and a NUL are octets like
/// others in a body and white space in a header. All offsets and sizes are those of the octets given.
///
/// Time is linear in the octets. Memory is bounded whatever the message: less than 1 MiB, a few KiB for ordinary mail.
#[derive(Debug)]
pub struct Summarizer {
    extent: Wanted,
    at: Position,
    line: Line,
    state: State,
    fields: FieldReader,
    tree: TreeBuilder,
    delimiter: memmem::Finder<'static>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Whole,
    Header,
}

/// A place in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Position {
    octets: u64,
    /// Line ends before it.
    lines: u64,
}

impl Position {
    fn advance(&mut self, octets: &[u8]) {
        self.octets += octets.len() as u64;
        self.lines += memchr_iter(b'\n', octets).count() as u64;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the header of a part that stands in this place.
    Header(Place),
    /// In a body.
    Body,
    /// Nothing that is still to come has structure.
    Rest,
    /// Nothing that is still to come counts.
    Complete,
}

impl Default for Summarizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Summarizer {
    /// For the whole message.
    pub fn new() -> Self {
        Self::wanting(Wanted::Whole)
    }

    /// For the header alone. It [is complete](Self::is_complete) when the header has ended.
    pub fn header_only() -> Self {
        Self::wanting(Wanted::Header)
    }

    fn wanting(extent: Wanted) -> Self {
        Self {
            extent,
            at: Position::default(),
            line: Line::default(),
            state: State::Header(Place::Message),
            fields: FieldReader::default(),
            tree: TreeBuilder::default(),
            delimiter: memmem::Finder::new(b"\n--"),
        }
    }

    /// Takes the next octets of the message.
    pub fn push(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() {
            let taken = match self.state {
                State::Header(_) => self.read_header(rest),
                State::Body if self.tree.has_boundary() => self.read_body(rest),
                State::Body | State::Rest => self.skip(rest),
                State::Complete => return,
            };
            rest = &rest[taken..];
        }
    }

    /// Whether nothing that may follow changes the summary: with [`header_only`](Self::header_only) when the header has
    /// ended, otherwise never, because the size is known only at the end.
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// The summary of what was pushed.
    pub fn finish(mut self) -> Summary {
        if self.line.is_begun() {
            match self.state {
                State::Header(_) => self.end_header_line(),
                State::Body => self.end_body_line(),
                State::Rest | State::Complete => {}
            }
        }
        // A header that the message ends in, and those of the messages that it says are inside.
        while let State::Header(place) = self.state {
            self.end_header(place, self.at);
        }
        self.tree.close_all(self.at);
        let extent = match self.extent {
            Wanted::Whole => Extent::Whole(self.at.octets),
            Wanted::Header => Extent::Header,
        };
        let (fields, cut) = self.fields.finish();
        Summary::new(extent, self.tree.finish(), fields, cut)
    }

    fn skip(&mut self, octets: &[u8]) -> usize {
        self.at.advance(octets);
        octets.len()
    }

    /// Reads on to the end of a header line.
    fn read_header(&mut self, octets: &[u8]) -> usize {
        let (piece, ends) = to_line_end(octets);
        self.fields.push(piece, self.line.is_begun());
        self.take_line(piece);
        if ends {
            self.end_header_line();
        }
        piece.len()
    }

    /// Reads on to the end of a line that may be a delimiter, or to the next such line.
    fn read_body(&mut self, octets: &[u8]) -> usize {
        if self.line.may_be_delimiter_with(octets) {
            let (piece, ends) = to_line_end(octets);
            self.take_line(piece);
            if ends {
                self.end_body_line();
            }
            return piece.len();
        }
        match self.delimiter.find(octets) {
            Some(lf) => {
                let text = &octets[..=lf];
                self.line.skip(text);
                self.at.advance(text);
                self.line.end(self.at);
                text.len()
            }
            None => {
                let text = &octets[..memrchr(b'\n', octets).map_or(0, |lf| lf + 1)];
                if !text.is_empty() {
                    self.line.skip(text);
                    self.at.advance(text);
                    self.line.end(self.at);
                }
                let begun = &octets[text.len()..];
                self.take_line(begun);
                octets.len()
            }
        }
    }

    fn take_line(&mut self, piece: &[u8]) {
        self.line.push(piece);
        self.at.advance(piece);
    }

    /// At the end of a header line, which may be the end of the header.
    fn end_header_line(&mut self) {
        let State::Header(place) = self.state else {
            return;
        };
        if self.line.is_blank() {
            self.line.end(self.at);
            self.end_header(place, self.at);
        } else if let Some(delimiter) = self.tree.delimiter(&self.line) {
            // The boundary cuts the header off, and those of the messages that it says are inside.
            let (start, content_end) = (self.line.start(), self.line.content_end_before());
            self.line.end(self.at);
            self.end_header(place, start);
            if let State::Header(inner) = self.state {
                self.end_header(inner, start);
            }
            if self.state == State::Body {
                self.take_delimiter(delimiter, content_end);
            }
        } else {
            self.line.end(self.at);
        }
    }

    fn end_body_line(&mut self) {
        let delimiter = self.tree.delimiter(&self.line);
        let content_end = self.line.content_end_before();
        self.line.end(self.at);
        if let Some(delimiter) = delimiter {
            self.take_delimiter(delimiter, content_end);
        }
    }

    /// Ends the header that stands in `place` at `end`.
    fn end_header(&mut self, place: Place, end: Position) {
        let mut header = self.fields.end_header();
        if self.extent == Wanted::Header {
            header.content_type = None; // nobody splits what is not known
        }
        let is_message = self.tree.push_part(place, end, header);
        self.state = match self.extent {
            Wanted::Header => State::Complete,
            Wanted::Whole if is_message => self.begin_part(Place::Message, end),
            Wanted::Whole => State::Body,
        };
    }

    /// Ends what the delimiter ends and begins what it begins.
    fn take_delimiter(&mut self, delimiter: Delimiter, content_end: Position) {
        self.tree.close_inside(delimiter.level, content_end);
        self.state = match delimiter.kind {
            DelimiterKind::Part => self.begin_part(Place::Multipart(delimiter.level), self.at),
            DelimiterKind::Close => {
                // What follows is the epilogue, which only an outer boundary ends.
                self.tree.close_boundary(delimiter.level);
                State::Body
            }
        };
    }

    fn begin_part(&mut self, place: Place, start: Position) -> State {
        if self.tree.begin(place, start, self.fields.kept_len()) {
            self.fields.begin(place);
            State::Header(place)
        } else {
            State::Rest
        }
    }
}

impl Summary {
    /// The summary of a message in CRLF form ([`to_crlf`](crate::to_crlf)). Never fails: any octets are a message.
    ///
    /// One pass; use a [`Summarizer`] for a message that is not in memory.
    pub fn of(octets: &[u8]) -> Self {
        let mut summarizer = Summarizer::new();
        summarizer.push(octets);
        summarizer.finish()
    }

    /// The summary of a message of which only the header is known; what follows the header in `octets` is not looked at.
    ///
    /// It has the envelope and the fields, but no structure and no size.
    pub fn of_header(octets: &[u8]) -> Self {
        let mut summarizer = Summarizer::header_only();
        summarizer.push(octets);
        summarizer.finish()
    }
}

/// The octets up to the end of the line, and whether it ends among them.
fn to_line_end(octets: &[u8]) -> (&[u8], bool) {
    match memchr(b'\n', octets) {
        Some(lf) => (&octets[..=lf], true),
        None => (octets, false),
    }
}
