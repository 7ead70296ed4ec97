//! The fields of a header that comes in pieces.

use memchr::memchr;

use crate::header::is_space;

/// What of one header field SEARCH looks at in a message, in octets: 256 KiB, ended at a space. Bounds memory; fields
/// with a thousand addresses have some tens of KiB.
pub const MAX_SEARCHED_FIELD: usize = 256 << 10;

/// Puts the fields of a header together, one at a time: continuation lines and line ends included, as
/// [`Fields`](crate::Fields) gives them.
#[derive(Debug, Default)]
pub(super) struct HeaderFields {
    field: Vec<u8>,
    at_line_start: bool,
    /// Whether the field goes on beyond what is kept.
    is_cut: bool,
}

impl HeaderFields {
    /// Takes the next octets, and gives the fields that end among them to `take`. The blank line comes as a field.
    pub(super) fn push(&mut self, octets: &[u8], mut take: impl FnMut(&[u8])) {
        let mut rest = octets;
        while let Some(first) = rest.first() {
            if self.at_line_start && !matches!(first, b' ' | b'\t') {
                self.end(&mut take);
            }
            let (line, behind) = rest.split_at(memchr(b'\n', rest).map_or(rest.len(), |lf| lf + 1));
            let room = MAX_SEARCHED_FIELD - self.field.len();
            self.is_cut |= line.len() > room;
            self.field.extend_from_slice(&line[..line.len().min(room)]);
            self.at_line_start = line.ends_with(b"\n");
            rest = behind;
        }
    }

    /// Gives the field that the header ends with.
    pub(super) fn end(&mut self, mut take: impl FnMut(&[u8])) {
        if !self.field.is_empty() {
            take(if self.is_cut {
                whole_words(&self.field)
            } else {
                &self.field
            });
        }
        self.field.clear();
        self.is_cut = false;
    }
}

/// The field without the word that was cut through: half an encoded word or half a character would make nonsense of it.
fn whole_words(field: &[u8]) -> &[u8] {
    let last_line = field.len().saturating_sub(MAX_LINE);
    match field[last_line..].iter().rposition(|&octet| is_space(octet)) {
        Some(end) => &field[..last_line + end],
        None => field,
    }
}

/// The longest line that RFC 5322 section 2.1.1 allows, without its end.
const MAX_LINE: usize = 998;
