//! A message that is read piece by piece.

use std::ops::Range;

use bytes::Bytes;
use imap_message::{Summarizer, Summary, TextSearch};

use super::pace::Pace;
use crate::body::Body;
use crate::error::Error;

/// Reads a body in pieces, and keeps the last one: of a small message structure and text are found in the same piece.
#[derive(Debug)]
pub(super) struct Pieces<'b> {
    body: &'b Body,
    start: u64,
    piece: Bytes,
    /// Where the message ends, once a piece was shorter than asked.
    ends_at: Option<u64>,
}

/// How much is read at a time where all of a message is wanted, in octets.
pub(super) const PIECE: usize = 64 << 10;

/// How much is read at a time where a header is wanted, in octets.
const HEADER_PIECE: usize = 16 << 10;

impl<'b> Pieces<'b> {
    pub(super) const fn new(body: &'b Body) -> Self {
        Self {
            body,
            start: 0,
            piece: Bytes::new(),
            ends_at: None,
        }
    }

    /// Octets from the start of the range on, not beyond its end; none where the message has ended.
    async fn read(&mut self, range: Range<u64>) -> Result<Bytes, Error> {
        let len = |range: Range<u64>| usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let end = self.start + self.piece.len() as u64;
        if !(self.start..end).contains(&range.start) {
            if self.ends_at.is_some_and(|end| range.start >= end) {
                return Ok(Bytes::new());
            }
            let asked = len(range.clone());
            self.piece = self.body.read_at(range.start, asked).await?;
            self.start = range.start;
            if self.piece.len() < asked {
                self.ends_at = Some(range.start + self.piece.len() as u64);
            }
        }
        let skipped = len(self.start..range.start);
        let most = len(range).min(self.piece.len() - skipped);
        Ok(self.piece.slice(skipped..skipped + most))
    }

    /// The summary of the message, or of its header.
    pub(super) async fn summary(&mut self, of: Extent, pace: &mut Pace) -> Result<Summary, Error> {
        let (mut summarizer, most) = match of {
            Extent::Whole => (Summarizer::new(), PIECE),
            Extent::Header => (Summarizer::header_only(), HEADER_PIECE),
        };
        let mut at: u64 = 0;
        while !summarizer.is_complete() {
            let piece = self.read(at..at.saturating_add(most as u64)).await?;
            if piece.is_empty() {
                break;
            }
            summarizer.push(&piece);
            at += piece.len() as u64;
            pace.after(piece.len()).await;
        }
        Ok(summarizer.finish())
    }

    /// Reads the next piece that is wanted. Returns whether there was one.
    pub(super) async fn push_next(
        &mut self,
        search: &mut TextSearch<'_>,
        pace: &mut Pace,
    ) -> Result<bool, Error> {
        let Some(wanted) = search.wanted() else {
            return Ok(false);
        };
        let piece = self.read(wanted).await?;
        search.push(&piece);
        pace.after(piece.len()).await;
        Ok(true)
    }
}

/// How much of a message a summary is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Header,
}
