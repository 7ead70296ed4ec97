//! Reading one message for a FETCH row: no further than the row needs, and a chunk at a time.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use imap_backend::{Body, Error, ErrorKind, Record};
use imap_message::{Located, Section, SectionText, Summarizer, Summary, select_fields};

use super::binary::Decoded;
use super::plan::{Depth, Item, Partial, Plan};

/// How much of a message is held at a time, in octets.
const CHUNK: usize = 64 << 10;

/// The headers of a message out of which fields are selected, in octets: 1 MiB together. `BODY[HEADER]` has no such bound.
const LONGEST_HEADER: u64 = 1 << 20;

/// How many octets of headers the selections of one row may look through together: 32 MiB, more than a hundred selections
/// from the longest header that mail systems pass on.
const MOST_SELECTED_FROM: u64 = 32 << 20;

/// One message while a row is made of it.
#[derive(Debug)]
pub(super) struct Reading<'r> {
    record: &'r Record,
    /// What was read last: a small message is read once however often it is asked for.
    window: Window,
    /// The message's size as its body has it, once somebody had to know.
    size: Option<u64>,
    summary: Option<Arc<Summary>>,
    /// What each of the plan's octet items is, in their order.
    contents: Vec<Content>,
    /// Headers from which fields are selected, and where they lie.
    headers: Vec<(Range<u64>, Bytes)>,
    /// How many octets of headers the row's selections look through in all.
    selected_from: u64,
}

/// A piece of the message.
#[derive(Debug, Default)]
struct Window {
    offset: u64,
    octets: Bytes,
    reaches_the_end: bool,
}

impl Window {
    /// As much of these octets as the piece has.
    fn slice(&self, offset: u64, wanted: usize) -> Bytes {
        let from = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let from = from.min(self.octets.len());
        self.octets
            .slice(from..from.saturating_add(wanted).min(self.octets.len()))
    }
}

/// What a section is of this message.
#[derive(Debug)]
pub(super) enum Content {
    /// It has no such part: NIL.
    None,
    /// These octets of the message.
    Octets(Range<u64>),
    /// Fields of the header that was read as this one.
    Fields(usize),
    /// What these octets stand for.
    Decoded(Decoded),
    /// How many octets that are.
    Size(u64),
    /// The words that it begins with.
    Preview(String),
}

impl<'r> Reading<'r> {
    /// Nothing has been read yet.
    pub(super) fn new(record: &'r Record) -> Self {
        Self {
            record,
            window: Window::default(),
            size: None,
            summary: None,
            contents: Vec::new(),
            headers: Vec::new(),
            selected_from: 0,
        }
    }

    /// Finds out everything about the message that can fail, before a row is begun: what has been announced to the client
    /// cannot be taken back.
    ///
    /// # Errors
    /// The message is gone or cannot be read, or a header is longer than fields are selected from
    /// ([`ErrorKind::Limit`]).
    pub(super) async fn prepare(&mut self, plan: &Plan) -> Result<(), Error> {
        self.complete(plan).await?;
        if plan.depth > Depth::Attributes {
            self.summary = Some(self.summarize(plan.depth).await?);
        }
        for item in &plan.items {
            let content = match item {
                Item::Octets { section, partial, .. } => self.content(section, *partial).await?,
                Item::Binary { part, partial, .. } => self.binary(part, *partial).await?,
                Item::BinarySize { part, .. } => self.binary_size(part).await?,
                Item::Preview(effort) => self.preview(*effort).await?,
                _ => continue,
            };
            self.contents.push(content);
            tokio::task::consume_budget().await;
        }
        // The first octets that will be sent: what fails now fails before the literal is announced.
        if let Some(first) = self.contents.iter().find_map(|content| match content {
            Content::Octets(range) if !range.is_empty() => Some(range.clone()),
            _ => None,
        }) && self.read(first.start, first.end).await?.is_empty()
        {
            return Err(too_short());
        }
        let mut ranges = self.contents.iter().filter_map(|content| match content {
            Content::Octets(range) => Some(range),
            _ => None,
        });
        ranges.try_for_each(|range| self.check(range))
    }

    /// What the row's octet items are, in the order of the plan.
    pub(super) fn take_contents(&mut self) -> std::vec::IntoIter<Content> {
        std::mem::take(&mut self.contents).into_iter()
    }

    /// Header and structure, as deep as the plan goes.
    pub(super) fn summary(&self) -> Option<&Summary> {
        self.summary.as_deref()
    }

    /// RFC822.SIZE: as the body has it where that was looked up, so that it is never at odds with a literal beside it.
    pub(super) fn size(&self) -> Option<u64> {
        self.size.or(self.record.size())
    }

    /// Octets from `offset` on, at least one and not beyond `end`; empty only at the end of the message. Fewer than a
    /// chunk of those asked for say that the message ends there.
    pub(super) async fn read(&mut self, offset: u64, end: u64) -> Result<Bytes, Error> {
        let wanted = usize::try_from(end - offset).unwrap_or(CHUNK).min(CHUNK);
        if wanted > 0 && !self.has(offset, wanted) {
            let octets = self.body()?.read_at(offset, wanted).await?;
            self.window = Window {
                offset,
                reaches_the_end: octets.len() < wanted,
                octets,
            };
        }
        Ok(self.window.slice(offset, wanted))
    }

    /// Whether the window has so many octets from there on, or all that there are.
    fn has(&self, offset: u64, wanted: usize) -> bool {
        let Window {
            offset: from,
            octets,
            reaches_the_end,
        } = &self.window;
        let to = from + octets.len() as u64;
        (*from..=to).contains(&offset) && (*reaches_the_end || to - offset >= wanted as u64)
    }

    pub(super) fn body(&self) -> Result<&'r Body, Error> {
        self.record
            .body()
            .ok_or_else(|| Error::new(ErrorKind::ServerBug).with_source("fetch answered no body"))
    }

    /// What lies from `start` to the end of the message, at most so many octets. Asks for the size of the message only
    /// where the answer is longer than a chunk.
    async fn up_to_the_end(&mut self, start: u64, at_most: u64) -> Result<Range<u64>, Error> {
        let chunk = self
            .read(start, start.saturating_add(at_most.min(CHUNK as u64)))
            .await?;
        let read = chunk.len() as u64;
        let end = if read < at_most.min(CHUNK as u64) {
            if read > 0 || start == 0 {
                self.size = Some(start + read);
            }
            start + read
        } else if at_most <= CHUNK as u64 {
            start + at_most
        } else {
            let size = self.body()?.size().await?;
            self.size = Some(size);
            size.clamp(start, start.saturating_add(at_most))
        };
        Ok(start..end)
    }

    /// The summary that the store keeps, or one made of the message in one pass.
    pub(super) async fn summarize(&mut self, depth: Depth) -> Result<Arc<Summary>, Error> {
        let kept = self.record.summary();
        if let Some(kept) = kept.filter(|kept| depth == Depth::Header || kept.structure().is_some()) {
            return Ok(Arc::clone(kept));
        }
        let mut summarizer = match depth {
            Depth::Whole => Summarizer::new(),
            _ => Summarizer::header_only(),
        };
        let mut offset = 0;
        loop {
            let octets = self.read(offset, u64::MAX).await?;
            offset += octets.len() as u64;
            if octets.is_empty() {
                break;
            }
            summarizer.push(&octets);
            if summarizer.is_complete() || octets.len() < CHUNK {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(Arc::new(summarizer.finish()))
    }

    /// What a section is, or a piece of it (RFC 9051, section 6.4.5).
    pub(super) async fn content(
        &mut self,
        section: &Section,
        partial: Option<Partial>,
    ) -> Result<Content, Error> {
        let header = self.summary.as_ref().map_or(0, |summary| summary.header_len());
        let content = match (&section.text, section.part.is_empty()) {
            (SectionText::All, true) => return self.rest(0, partial).await,
            (SectionText::Text, true) => return self.rest(header, partial).await,
            (SectionText::Header, true) => Content::Octets(0..header),
            (SectionText::Mime, true) => Content::None,
            (_, true) => self.fields(0..header).await?,
            (_, false) => match self.summary.as_ref().and_then(|summary| summary.locate(section)) {
                Some(Located::Range(range)) => Content::Octets(range),
                Some(Located::Fields { header }) => self.fields(header).await?,
                _ => Content::None,
            },
        };
        Ok(cut(content, partial))
    }

    /// The message from `start` on, or a piece of that: what lies before is not read.
    async fn rest(&mut self, start: u64, partial: Option<Partial>) -> Result<Content, Error> {
        let (origin, octets) = partial.map_or((0, u64::MAX), |p| (p.origin, p.octets));
        let mut from = start.saturating_add(origin);
        if origin > u64::from(u32::MAX) {
            // Stores need not know places that no message has.
            let size = self.body()?.size().await?;
            self.size = Some(size);
            from = from.min(size);
        }
        Ok(Content::Octets(self.up_to_the_end(from, octets).await?))
    }

    /// Fields of a header. The header is read now, so that nothing can fail later, and the fields are selected when they
    /// are written, so that however many selections are asked for, one is held.
    async fn fields(&mut self, header: Range<u64>) -> Result<Content, Error> {
        let octets = header.end - header.start;
        self.selected_from = self.selected_from.saturating_add(octets);
        if self.selected_from > MOST_SELECTED_FROM {
            return Err(Error::new(ErrorKind::Limit).with_source("too many fields of too long a header"));
        }
        if let Some(known) = self.headers.iter().position(|(range, _)| *range == header) {
            return Ok(Content::Fields(known));
        }
        let held: u64 = self.headers.iter().map(|(_, octets)| octets.len() as u64).sum();
        if held + octets > LONGEST_HEADER {
            return Err(Error::new(ErrorKind::Limit).with_source(format!("a header of {octets} octets")));
        }
        let mut all = self.read(header.start, header.end).await?;
        if (all.len() as u64) < octets {
            let mut whole = all.to_vec();
            while (whole.len() as u64) < octets {
                let more = self.read(header.start + whole.len() as u64, header.end).await?;
                if more.is_empty() {
                    return Err(too_short());
                }
                whole.extend_from_slice(&more);
            }
            all = whole.into();
        }
        self.headers.push((header, all));
        Ok(Content::Fields(self.headers.len() - 1))
    }

    /// The fields that `text` names of a header that was read, or a piece of them.
    pub(super) fn select(&self, header: usize, text: &SectionText, partial: Option<Partial>) -> Vec<u8> {
        let octets = self.headers.get(header).map_or(&[][..], |(_, octets)| octets);
        let mut fields = select_fields(octets, text);
        if let Some(partial) = partial {
            let count = |octets| usize::try_from(octets).unwrap_or(usize::MAX);
            fields.drain(..fields.len().min(count(partial.origin)));
            fields.truncate(count(partial.octets));
        }
        fields
    }

    /// Everything of the record that the row needs and that no body tells.
    ///
    /// # Errors
    /// The store has not answered what it was asked: because the message cannot be read, if its body says so.
    async fn complete(&mut self, plan: &Plan) -> Result<(), Error> {
        let asks_for = |item: &Item| plan.items.contains(item);
        if asks_for(&Item::Size) && self.record.size().is_none() {
            self.size = Some(self.body()?.size().await?);
        }
        if asks_for(&Item::InternalDate) && self.record.internal_date().is_none() {
            self.body()?.read_at(0, 1).await?;
            return Err(Error::new(ErrorKind::Corruption).with_source("no internal date"));
        }
        Ok(())
    }

    /// Whether the store has answered all attributes that the row needs.
    pub(super) fn is_complete(&self, plan: &Plan) -> bool {
        plan.items.iter().all(|item| match item {
            Item::Size => self.record.size().is_some(),
            Item::InternalDate => self.record.internal_date().is_some(),
            Item::ModSeq => self.record.modseq().is_some(),
            Item::EmailId => self.record.email_id().is_some(),
            _ => true,
        })
    }

    /// What was found out about a message earlier may be about other octets: somebody has replaced the file.
    fn check(&self, range: &Range<u64>) -> Result<(), Error> {
        let held = self
            .record
            .body()
            .and_then(|body| body.held())
            .map(|octets| octets.len() as u64);
        match held.or(self.size) {
            Some(size) if !range.is_empty() && range.end > size => Err(too_short()),
            _ => Ok(()),
        }
    }
}

fn too_short() -> Error {
    Error::new(ErrorKind::Corruption).with_source("the message is shorter than its summary says")
}

/// `<origin.octets>`: cut to what is there, empty past the end (RFC 9051, section 6.4.5).
fn cut(content: Content, partial: Option<Partial>) -> Content {
    let Some(partial) = partial else { return content };
    match content {
        Content::None => Content::None,
        Content::Octets(Range { start, end }) => {
            let from = end.min(start.saturating_add(partial.origin));
            Content::Octets(from..end.min(from.saturating_add(partial.octets)))
        }
        // Cut when they are selected, or decoded.
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_of(content: Content, origin: u64, octets: u64) -> Content {
        cut(content, Some(Partial { origin, octets }))
    }

    #[test]
    fn a_partial_is_cut_to_what_is_there() {
        for (origin, octets, expected) in [
            (2, 3, &b"cde"[..]),
            (4, 100, b"ef"),
            (6, 1, b""),
            (u64::MAX, u64::MAX, b""),
        ] {
            let Content::Octets(range) = cut_of(Content::Octets(100..106), origin, octets) else {
                panic!("octets stay octets");
            };
            let at = |offset: u64| usize::try_from(offset - 100).unwrap();
            assert_eq!(&b"abcdef"[at(range.start)..at(range.end)], expected);
        }
    }
}
