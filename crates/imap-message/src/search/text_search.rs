//! SEARCH BODY, TEXT and HEADER over a message that is read piece by piece.

use std::ops::Range;

use super::area::{Area, AreaKind, Extent};
use super::header_fields::HeaderFields;
use super::matcher::{Form, Matcher};
use super::open::Open;
use super::part_text::PartText;
use super::text_key::TextKey;
use crate::message::Message;
use crate::summary::Summary;

/// Looks for the strings of many keys in one message while it is read piece by piece.
///
/// Only what the keys need is wanted: headers that count and text parts, not attachments, and nothing more once all
/// strings have been found. All of them are looked for in one pass, from the start of the message to its end.
///
/// ```
/// # use imap_message::{Needle, Summary, TextKey, TextSearch};
/// # let octets = b"Subject: x\r\n\r\nHello";
/// # let summary = Summary::of(octets);
/// let (hello, nowhere) = (Needle::new("HELLO"), Needle::new("nowhere"));
/// let keys = [TextKey::body(&hello), TextKey::text(&nowhere)];
/// let mut search = TextSearch::new(&keys, &summary);
/// while let Some(range) = search.wanted() {
///     search.push(&octets[range.start as usize..range.end as usize]); // read from the store
/// }
/// assert_eq!(search.is_found(0), Some(true));
/// assert_eq!(search.is_found(1), Some(false));
/// ```
///
/// # Complexity
/// Time: linear in what is read, for each string a scan of the decoded text. No call takes more than 64 KiB. Memory: some tens
/// of KiB, a header field up to [`MAX_SEARCHED_FIELD`](crate::MAX_SEARCHED_FIELD), a few times the longest string; it
/// does not depend on the message or on the size of its parts.
#[derive(Debug)]
pub struct TextSearch<'k> {
    keys: &'k [TextKey<'k>],
    extent: Extent,
    areas: Vec<Area>,
    /// The area that is being read or is next, always one that is needed; those before are done.
    current: usize,
    /// What lies before this offset has been read or is not needed.
    at: u64,
    reader: Option<Reader>,
    open: Open<'k>,
}

/// The most that is wanted at once, in octets.
const MAX_WANTED: u64 = 64 << 10;

/// So many octets that nobody needs are read along rather than left out, which would cost another reading.
const MAX_GAP: u64 = 1 << 10;

impl<'k> TextSearch<'k> {
    /// Looks in the message of this summary. If the summary knows the header only, so does the search.
    pub fn new(keys: &'k [TextKey<'k>], summary: &Summary) -> Self {
        Self::in_areas(keys, summary.areas(), summary.searched_extent())
    }

    /// Looks in a message that is in memory.
    pub fn in_message(keys: &'k [TextKey<'k>], message: &Message<'_>) -> Self {
        Self::in_areas(keys, message.areas(), Extent::Whole)
    }

    fn in_areas(keys: &'k [TextKey<'k>], areas: Vec<Area>, extent: Extent) -> Self {
        let mut search = Self {
            keys,
            extent,
            areas,
            current: 0,
            at: 0,
            reader: None,
            open: Open::new(keys),
        };
        search.skip_unneeded();
        search
    }

    /// The octets to push next, at most 64 KiB; `None` when nothing that could be read would change what is known.
    pub fn wanted(&self) -> Option<Range<u64>> {
        let (first, behind) = self.areas.get(self.current..)?.split_first()?;
        let start = first.start.max(self.at);
        let mut end = first.end;
        for area in behind.iter().filter(|area| self.open.needs(area.kind)) {
            if end - start >= MAX_WANTED || area.start.saturating_sub(end) > MAX_GAP {
                break;
            }
            end = end.max(area.end);
        }
        Some(start..end.min(start.saturating_add(MAX_WANTED)))
    }

    /// Takes the octets of the message from the start of what is [wanted](Self::wanted) on: all of that, or as much as
    /// there is at hand. None at all say that the message ends there, earlier than its summary says.
    pub fn push(&mut self, octets: &[u8]) {
        let Some(wanted) = self.wanted() else { return };
        let within = |offset: u64| usize::try_from(offset - wanted.start).unwrap_or(usize::MAX);
        let octets = &octets[..octets.len().min(within(wanted.end))];
        if octets.is_empty() {
            return self.end_message();
        }
        let end = wanted.start + octets.len() as u64;
        self.at = wanted.start;
        while let Some(&area) = self.areas.get(self.current) {
            let (from, to) = (area.start.max(self.at), area.end.min(end));
            if from >= to {
                break;
            }
            self.read(area, &octets[within(from)..within(to)]);
            self.at = to;
            if to == area.end {
                self.end_area();
                self.current += 1;
            }
            self.skip_unneeded();
        }
        self.at = end;
    }

    /// Whether the string of the key with this number is in the message; `None` as long as that is not known. Where the
    /// summary knows the header only, it stays unknown of BODY and TEXT that the header does not decide.
    ///
    /// # Panics
    /// If there is no such key.
    pub fn is_found(&self, key: usize) -> Option<bool> {
        let is_header_read = self
            .areas
            .get(self.current)
            .is_none_or(|area| area.kind != AreaKind::Header);
        let is_all_read = self.current >= self.areas.len() && self.extent == Extent::Whole;
        let is_decided = match self.keys[key].is_header() {
            true => is_header_read,
            false => is_all_read,
        };
        (self.open.found[key] || is_decided).then_some(self.open.found[key])
    }

    fn read(&mut self, area: Area, octets: &[u8]) {
        let reader = self.reader.get_or_insert_with(|| match area.kind {
            AreaKind::Text(format) => Reader::Part(PartText::new(format)),
            _ => Reader::Header(HeaderFields::default(), Matcher::new(Form::Field)),
        });
        match reader {
            Reader::Part(part) => {
                part.push(octets, self.open.strings_in(area.kind));
                self.open.take_found(part.found());
            }
            Reader::Header(fields, matcher) => {
                fields.push(octets, |field| {
                    self.open.take_field(self.keys, area.kind, field, matcher)
                });
                self.open.take_found(matcher.found().to_vec());
            }
        }
    }

    fn end_area(&mut self) {
        let Some(area) = self.areas.get(self.current) else {
            return;
        };
        match self.reader.take() {
            Some(Reader::Part(part)) => {
                let found = part.finish(self.open.strings_in(area.kind));
                self.open.take_found(found);
            }
            Some(Reader::Header(mut fields, mut matcher)) => {
                fields.end(|field| self.open.take_field(self.keys, area.kind, field, &mut matcher));
                matcher.look_at_rest(self.open.strings_in(area.kind));
                self.open.take_found(matcher.found().to_vec());
            }
            None => {}
        }
    }

    fn end_message(&mut self) {
        self.end_area();
        self.current = self.areas.len();
    }

    /// Goes on to the next area that is needed. What is needed only becomes less.
    fn skip_unneeded(&mut self) {
        while let Some(area) = self.areas.get(self.current)
            && (area.end <= self.at || !self.open.needs(area.kind))
        {
            self.reader = None;
            self.current += 1;
        }
    }
}

/// What reads the current area.
#[derive(Debug)]
enum Reader {
    Header(HeaderFields, Matcher),
    Part(PartText),
}
