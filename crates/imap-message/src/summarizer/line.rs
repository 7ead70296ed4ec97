//! The line that is being read.

use super::Position;
use crate::header::{blank_line, is_space, trim_end};
use crate::parameter::MAX_BOUNDARY;

/// `--`, the boundary, `--`. What follows is white space or the line is no delimiter.
const MAX_HEAD: usize = MAX_BOUNDARY + 4;

/// What most boundaries fit in.
const USUAL: usize = 96;

/// A line as far as it must be known to tell whether it is a boundary delimiter or blank.
#[derive(Debug, Default)]
pub(super) struct Line {
    start: Position,
    /// The length of the line end before it, 0 at the start of the message.
    end_before: u8,
    /// Its first octets; no more than the first two if they rule a delimiter out.
    head: Vec<u8>,
    /// Whether something other than white space follows the head.
    has_more: bool,
    /// The length of the last line end read, its own one once it has ended.
    end_read: u8,
    /// The last octet read.
    last: u8,
}

impl Line {
    pub(super) fn start(&self) -> Position {
        self.start
    }

    /// Whether any octet of it has been read.
    pub(super) fn is_begun(&self) -> bool {
        !self.head.is_empty()
    }

    /// Whether it is a blank line, its end included.
    pub(super) fn is_blank(&self) -> bool {
        !self.has_more && blank_line(&self.head) == Some(self.head.len())
    }

    /// Where the content before it ends if it is a delimiter: the line end before belongs to the delimiter
    /// (RFC 2046 section 5.1.1).
    pub(super) fn content_end_before(&self) -> Position {
        Position {
            octets: self.start.octets - u64::from(self.end_before),
            lines: self.start.lines - u64::from(self.end_before.min(1)),
        }
    }

    /// Whether it can be a delimiter if these octets follow.
    pub(super) fn may_be_delimiter_with(&self, octets: &[u8]) -> bool {
        let head = self.head.iter().chain(octets).take(2);
        !self.has_more && head.into_iter().all(|&octet| octet == b'-')
    }

    /// What stands behind the dashes of a delimiter, without white space at the end; `None` if the line is no delimiter.
    pub(super) fn delimiter_text(&self) -> Option<&[u8]> {
        let text = self.head.strip_prefix(b"--")?;
        (!self.has_more).then_some(trim_end(text))
    }

    /// Takes octets of the line, its end included.
    pub(super) fn push(&mut self, octets: &[u8]) {
        let Some(&last) = octets.last() else { return };
        let enough = if self.may_be_delimiter_with(octets) {
            MAX_HEAD
        } else {
            2
        };
        let (head, more) = octets.split_at(enough.saturating_sub(self.head.len()).min(octets.len()));
        if self.head.capacity() == 0 {
            self.head.reserve(USUAL);
        }
        self.head.extend_from_slice(head);
        self.has_more = self.has_more || more.iter().any(|&octet| !is_space(octet));
        self.remember(octets, last);
    }

    /// Passes octets, the ends of this line and of others included, that make no delimiter.
    pub(super) fn skip(&mut self, octets: &[u8]) {
        if let Some(&last) = octets.last() {
            self.remember(octets, last);
        }
    }

    /// Ends the line; the next one starts at `next`.
    pub(super) fn end(&mut self, next: Position) {
        self.start = next;
        self.end_before = self.end_read;
        self.head.clear();
        self.has_more = false;
    }

    fn remember(&mut self, octets: &[u8], last: u8) {
        if last == b'\n' {
            let before = octets.iter().rev().nth(1).copied().unwrap_or(self.last);
            self.end_read = if before == b'\r' { 2 } else { 1 };
        }
        self.last = last;
    }
}
