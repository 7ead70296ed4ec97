//! Reading one message for a FETCH row: no further than the row needs, and a chunk at a time.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use imap_backend::{Body, Error, ErrorKind, Record};
use imap_message::{Located, Section, SectionText, Summarizer, Summary, select_fields};

use super::plan::{Depth, Item, Partial, Plan};

/// How much of a message is held at a time, in octets.
const CHUNK: usize = 64 << 10;

/// The longest header out of which fields are selected, in octets: 1 MiB. `BODY[HEADER]` has no such bound.
const LONGEST_HEADER: u64 = 1 << 20;

/// One message while a row is made of it.
#[derive(Debug)]
pub(super) struct Reading<'r> {
    record: &'r Record,
    /// A piece of the message and where it begins: a small message is read once however often it is asked for.
    window: (u64, Bytes),
    /// The message's size as its body has it, once somebody had to know.
    size: Option<u64>,
    summary: Option<Arc<Summary>>,
    /// What each of the plan's octet items is, in their order.
    contents: Vec<Content>,
}

/// What a section is of this message.
#[derive(Debug)]
pub(super) enum Content {
    /// It has no such part: NIL.
    None,
    /// These octets of the message.
    Octets(Range<u64>),
    /// Fields of a header.
    Fields(Vec<u8>),
}

impl<'r> Reading<'r> {
    /// Finds out everything about the message that can fail, before a row is begun: what has been announced to the client
    /// cannot be taken back.
    ///
    /// # Errors
    /// The message is gone or cannot be read, or a header is longer than fields are selected from
    /// ([`ErrorKind::Limit`]).
    pub(super) async fn prepare(record: &'r Record, plan: &Plan) -> Result<Self, Error> {
        let mut reading = Self {
            record,
            window: (0, Bytes::new()),
            size: None,
            summary: None,
            contents: Vec::new(),
        };
        if plan.depth > Depth::Attributes {
            reading.summary = Some(reading.summarize(plan.depth).await?);
        }
        for item in &plan.items {
            if let Item::Octets { section, partial, .. } = item {
                let content = reading.locate(section).await?;
                reading.contents.push(cut(content, *partial));
                tokio::task::consume_budget().await;
            }
        }
        // The first octets that will be sent: what fails now fails before the literal is announced.
        if let Some(first) = reading.contents.iter().find_map(|content| match content {
            Content::Octets(range) if !range.is_empty() => Some(range.clone()),
            _ => None,
        }) {
            reading.read(first.start, first.end).await?;
        }
        Ok(reading)
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

    /// Octets from `offset` on, at least one and not beyond `end`; empty only where the message is shorter than it was.
    pub(super) async fn read(&mut self, offset: u64, end: u64) -> Result<Bytes, Error> {
        let (start, octets) = &self.window;
        let window_end = start + octets.len() as u64;
        if !(*start..window_end).contains(&offset) {
            let wanted = usize::try_from(end - offset).unwrap_or(CHUNK).min(CHUNK);
            // Small messages are read whole, so that the next question is answered from memory.
            let wanted = if offset == 0 { CHUNK } else { wanted };
            let octets = self.body()?.read_at(offset, wanted).await?;
            self.window = (offset, octets);
        }
        let (start, octets) = &self.window;
        let within = |at: u64| usize::try_from(at - start).map_or(octets.len(), |at| at.min(octets.len()));
        Ok(octets.slice(within(offset)..within(end.max(offset))))
    }

    fn body(&self) -> Result<&'r Body, Error> {
        self.record
            .body()
            .ok_or_else(|| Error::new(ErrorKind::ServerBug).with_source("fetch answered no body"))
    }

    /// The size of the message as it is sent.
    async fn sent_size(&mut self) -> Result<u64, Error> {
        if let Some(size) = self.size {
            return Ok(size);
        }
        // A body that is shorter than the first chunk has told its size by that.
        let first = self.read(0, CHUNK as u64).await?;
        let size = match first.len() < CHUNK && self.window.0 == 0 {
            true => first.len() as u64,
            false => self.body()?.size().await?,
        };
        self.size = Some(size);
        Ok(size)
    }

    /// The summary that the store keeps, or one made of the message in one pass.
    async fn summarize(&mut self, depth: Depth) -> Result<Arc<Summary>, Error> {
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
            tokio::task::consume_budget().await;
        }
        Ok(Arc::new(summarizer.finish()))
    }

    /// Where a section lies (RFC 9051, section 6.4.5).
    async fn locate(&mut self, section: &Section) -> Result<Content, Error> {
        let header = self.summary.as_ref().map_or(0, |summary| summary.header_len());
        if section.part.is_empty() {
            return match &section.text {
                SectionText::All => Ok(Content::Octets(0..self.sent_size().await?)),
                SectionText::Header => Ok(Content::Octets(0..header)),
                SectionText::Text => Ok(Content::Octets(header..self.sent_size().await?.max(header))),
                text @ (SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_)) => {
                    self.fields(0..header, text).await
                }
                SectionText::Mime => Ok(Content::None),
            };
        }
        let located = self.summary.as_ref().and_then(|summary| summary.locate(section));
        match located {
            Some(Located::Range(range)) => Ok(Content::Octets(range)),
            Some(Located::Fields { header }) => self.fields(header, &section.text).await,
            _ => Ok(Content::None),
        }
    }

    async fn fields(&mut self, header: Range<u64>, text: &SectionText) -> Result<Content, Error> {
        let octets = header.end - header.start;
        if octets > LONGEST_HEADER {
            return Err(Error::new(ErrorKind::Limit).with_source(format!("a header of {octets} octets")));
        }
        let first = self.read(header.start, header.end).await?;
        if first.len() as u64 == octets {
            return Ok(Content::Fields(select_fields(&first, text)));
        }
        let mut all = first.to_vec();
        while (all.len() as u64) < octets {
            let more = self.read(header.start + all.len() as u64, header.end).await?;
            if more.is_empty() {
                break;
            }
            all.extend_from_slice(&more);
        }
        Ok(Content::Fields(select_fields(&all, text)))
    }
}

/// `<origin.octets>`: cut to what is there, empty past the end (RFC 9051, section 6.4.5).
fn cut(content: Content, partial: Option<Partial>) -> Content {
    let Some(partial) = partial else { return content };
    match content {
        Content::None => Content::None,
        Content::Octets(Range { start, end }) => {
            let from = end.min(start.saturating_add(partial.origin.into()));
            Content::Octets(from..end.min(from.saturating_add(partial.octets.into())))
        }
        Content::Fields(mut fields) => {
            let from = fields.len().min(partial.origin as usize);
            fields.drain(..from);
            fields.truncate(partial.octets as usize);
            Content::Fields(fields)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_of(content: Content, origin: u32, octets: u32) -> Content {
        cut(content, Some(Partial { origin, octets }))
    }

    #[test]
    fn a_partial_is_cut_to_what_is_there() {
        for (origin, octets, expected) in [
            (2, 3, &b"cde"[..]),
            (4, 100, b"ef"),
            (6, 1, b""),
            (u32::MAX, u32::MAX, b""),
        ] {
            let Content::Fields(fields) = cut_of(Content::Fields(b"abcdef".to_vec()), origin, octets) else {
                panic!("fields stay fields");
            };
            assert_eq!(fields, expected);
            let Content::Octets(range) = cut_of(Content::Octets(100..106), origin, octets) else {
                panic!("octets stay octets");
            };
            let range = range.start as usize - 100..range.end as usize - 100;
            assert_eq!(&b"abcdef"[range], expected);
        }
    }
}
