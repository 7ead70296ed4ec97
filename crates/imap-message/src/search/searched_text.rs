//! The text of a message for an index of substrings.

use std::ops::Range;

use memchr::memmem;

use super::area::{Area, AreaKind, Extent};
use super::field::{FieldText, push_line};
use super::header_fields::HeaderFields;
use super::matcher::Strings;
use super::needle::Needle;
use super::part_text::PartText;
use crate::field_name::FieldName;
use crate::header::{Fields, trim};
use crate::summary::Summary;

/// All text of one message in which [`TextSearch`](crate::TextSearch) looks, for an index of substrings: where a search finds a
/// string, the text contains [`Needle::in_searched_text`]. Not the other way round: here all fields and parts are one text, and
/// all white space is one space.
///
/// ```
/// # use imap_message::{Needle, SearchedText, Summary};
/// # let octets = b"Subject: x\r\n\r\nHello\r\nWorld";
/// let mut text = SearchedText::new(&Summary::of(octets), 1 << 20).unwrap();
/// while let Some(range) = text.wanted() {
///     text.push(&octets[range.start as usize..range.end as usize]); // read from the store
/// }
/// assert!(text.finish().contains(&Needle::new("HELLO  wor").in_searched_text()));
/// ```
///
/// # Complexity
/// Time: linear in what is read. Memory: a few times what is read, which is bounded by whoever makes it.
#[derive(Debug)]
pub struct SearchedText {
    areas: std::vec::IntoIter<Area>,
    /// The area that is being read, and up to where it was.
    current: Option<(Area, u64, Reader)>,
    text: Vec<u8>,
}

/// The most that is wanted at once, in octets.
const MAX_WANTED: u64 = 64 << 10;

impl SearchedText {
    /// The text of the message of this summary. `None` where it takes more than `most` octets of the message, or where the
    /// summary knows the header only.
    pub fn new(summary: &Summary, most: u64) -> Option<Self> {
        let areas = summary.areas();
        let octets: u64 = areas.iter().map(|area| area.end - area.start).sum();
        if octets > most || summary.searched_extent() != Extent::Whole {
            return None;
        }
        let mut text = Self {
            areas: areas.into_iter(),
            current: None,
            text: Vec::new(),
        };
        text.next_area();
        Some(text)
    }

    /// The octets to push next, at most 64 KiB; `None` when all has been read.
    pub fn wanted(&self) -> Option<Range<u64>> {
        let (area, at, _) = self.current.as_ref()?;
        Some(*at..area.end.min(at + MAX_WANTED))
    }

    /// Takes the octets of the message from the start of what is [wanted](Self::wanted) on. None at all say that the message
    /// ends there, earlier than its summary says.
    pub fn push(&mut self, octets: &[u8]) {
        let Some(wanted) = self.wanted() else { return };
        let Some((area, at, reader)) = &mut self.current else {
            return;
        };
        let most = usize::try_from(wanted.end - wanted.start).unwrap_or(usize::MAX);
        let octets = &octets[..octets.len().min(most)];
        *at += octets.len() as u64;
        reader.push(*area, octets, &mut self.text);
        if octets.is_empty() || *at == area.end {
            self.next_area();
        }
    }

    /// The text.
    pub fn finish(mut self) -> String {
        while self.current.is_some() {
            self.next_area();
        }
        spaced(&String::from_utf8_lossy(&self.text))
    }

    fn next_area(&mut self) {
        if let Some((area, _, reader)) = self.current.take() {
            reader.finish(area, &mut self.text);
            self.text.push(b'\n');
        }
        self.current = self.areas.next().map(|area| {
            let reader = match area.kind {
                AreaKind::Text(format) => Reader::Part(PartText::new(format)),
                _ => Reader::Header(HeaderFields::default()),
            };
            (area, area.start, reader)
        });
    }
}

impl Needle {
    /// The string as [`SearchedText`] has it.
    pub fn in_searched_text(&self) -> String {
        spaced(&String::from_utf8_lossy(self.in_text().needle()))
    }
}

/// The three characters at each place of a text. A text that contains another one has all of its trigrams; that has none where it
/// is shorter than three characters.
///
/// ```
/// let trigrams: Vec<_> = imap_message::trigrams("ABCD").collect();
/// assert_eq!(trigrams, [['A', 'B', 'C'], ['B', 'C', 'D']]);
/// ```
pub fn trigrams(text: &str) -> impl Iterator<Item = [char; 3]> {
    let (second, third) = (text.chars().skip(1), text.chars().skip(2));
    let pairs = text.chars().zip(second);
    pairs
        .zip(third)
        .map(|((first, second), third)| [first, second, third])
}

/// One space for each run of white space. NUL, which databases do not take, is white space here.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0' | ' ' | '\t' | '\r' | '\n' if out.ends_with(' ') => {}
            '\0' | ' ' | '\t' | '\r' | '\n' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// What reads the current area.
#[derive(Debug)]
enum Reader {
    Part(PartText),
    Header(HeaderFields),
}

impl Reader {
    fn push(&mut self, area: Area, octets: &[u8], text: &mut Vec<u8>) {
        match self {
            Self::Part(part) => part.push(octets, &Strings::none()),
            Self::Header(fields) => fields.push(octets, |field| push_field(area, field, text)),
        }
    }

    fn finish(self, area: Area, text: &mut Vec<u8>) {
        match self {
            Self::Part(part) => text.extend(part.into_text()),
            Self::Header(mut fields) => fields.end(|field| push_field(area, field, text)),
        }
    }
}

/// A field as a whole, and its value as HEADER compares it, if that reads otherwise.
fn push_field(area: Area, field: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    push_line(field, text);
    let Some(field) = Fields::new(field)
        .next()
        .filter(|_| area.kind == AreaKind::Header)
    else {
        return;
    };
    let is_address = FieldName::of(field.name()).is_some_and(FieldName::is_address);
    let value = FieldText::of(trim(field.raw_value()), is_address);
    if memmem::find(&text[start..], value.lines()).is_none() {
        text.extend_from_slice(value.lines());
    }
}
