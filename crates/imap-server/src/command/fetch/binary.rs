//! BINARY and BINARY.SIZE (RFC 3516): parts without their Content-Transfer-Encoding. A part is decoded once to find out how
//! long it is, before its literal is announced, and once more while it is written; it is never held whole.

use std::num::NonZeroU32;
use std::ops::Range;

use imap_backend::{Error, ErrorKind};
use imap_message::{PartDecoder, Section, SectionText};

use super::message::{Content, Reading};
use super::plan::Partial;

/// A part, or a piece of one, that is decoded while it is written.
#[derive(Debug)]
pub(super) struct Decoded {
    part: Vec<NonZeroU32>,
    /// Where the encoded octets lie.
    range: Range<u64>,
    /// So many decoded octets are passed over.
    skipped: u64,
    /// So many follow.
    pub(super) octets: u64,
    /// Whether there is a NUL among them.
    pub(super) has_nul: bool,
    /// How many lines they are.
    lines: u64,
}

impl Reading<'_> {
    /// What BINARY answers of a part, or a piece of that.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownEncoding`] for an encoding that is not known.
    pub(super) async fn binary(
        &mut self,
        part: &[NonZeroU32],
        partial: Option<Partial>,
    ) -> Result<Content, Error> {
        if self.decoder(part)?.is_identity() {
            return self.content(&whole(part), partial).await;
        }
        let Content::Octets(range) = self.content(&whole(part), None).await? else {
            return Ok(Content::None);
        };
        let (skipped, most) = partial.map_or((0, u64::MAX), |p| (p.origin, p.octets));
        let mut decoded = Decoded {
            part: part.to_vec(),
            range,
            skipped,
            octets: most,
            has_nul: false,
            lines: 0,
        };
        let mut writing = decoded.begin(self)?;
        let mut octets = 0;
        while let Some(piece) = writing.next(self).await? {
            octets += piece.len() as u64;
            decoded.has_nul |= memchr::memchr(0, piece).is_some();
            decoded.lines += memchr::memchr_iter(b'\n', piece).count() as u64;
            tokio::task::consume_budget().await;
        }
        decoded.octets = octets;
        Ok(Content::Decoded(decoded))
    }

    /// What BINARY.SIZE answers: 0 for a part that is not there.
    ///
    /// # Errors
    /// As [`binary`](Self::binary).
    pub(super) async fn binary_size(&mut self, part: &[NonZeroU32]) -> Result<Content, Error> {
        Ok(Content::Size(match self.binary(part, None).await? {
            Content::Octets(range) => range.end - range.start,
            Content::Decoded(decoded) => decoded.octets,
            _ => 0,
        }))
    }

    /// Octets and lines of a part without its encoding; `None` where it has none.
    ///
    /// # Errors
    /// As [`binary`](Self::binary).
    pub(super) async fn decoded_size(&mut self, part: &[NonZeroU32]) -> Result<Option<(u64, u64)>, Error> {
        Ok(match self.binary(part, None).await? {
            Content::Decoded(Decoded { octets, lines, .. }) => Some((octets, lines)),
            _ => None,
        })
    }

    fn decoder(&self, part: &[NonZeroU32]) -> Result<PartDecoder, Error> {
        match self.summary() {
            Some(summary) => summary
                .decoder(part)
                .ok_or_else(|| ErrorKind::UnknownEncoding.into()),
            // The whole message is asked for.
            None => Ok(PartDecoder::identity()),
        }
    }
}

fn whole(part: &[NonZeroU32]) -> Section {
    Section {
        part: part.to_vec(),
        text: SectionText::All,
    }
}

impl Decoded {
    /// Begins to decode.
    ///
    /// # Errors
    /// As [`Reading::binary`].
    pub(super) fn begin(&self, message: &Reading<'_>) -> Result<Decoding, Error> {
        Ok(Decoding {
            decoder: Some(message.decoder(&self.part)?),
            left: self.range.clone(),
            skipped: self.skipped,
            octets: self.octets,
            room: Vec::new(),
        })
    }
}

/// A part in the course of being decoded.
pub(super) struct Decoding {
    /// There until the end of the part.
    decoder: Option<PartDecoder>,
    left: Range<u64>,
    skipped: u64,
    octets: u64,
    room: Vec<u8>,
}

impl Decoding {
    /// The next decoded octets; `None` behind the last.
    pub(super) async fn next(&mut self, message: &mut Reading<'_>) -> Result<Option<&[u8]>, Error> {
        loop {
            if self.octets == 0 {
                return Ok(None);
            }
            let Some(mut decoder) = self.decoder.take() else {
                return Ok(None);
            };
            let mut room = std::mem::take(&mut self.room);
            let (from, to) = if self.left.is_empty() {
                let rest = decoder.finish(&mut room);
                self.window(rest.len())
            } else {
                let octets = message.read(self.left.start, self.left.end).await?;
                if octets.is_empty() {
                    return Err(
                        Error::new(ErrorKind::Corruption).with_source("a part is shorter than it was")
                    );
                }
                self.left.start += octets.len() as u64;
                let decoded = decoder.decode(&octets, &mut room);
                self.decoder = Some(decoder);
                self.window(decoded.len())
            };
            self.room = room;
            if from < to {
                return Ok(self.room.get(from..to));
            }
        }
    }

    /// Which of so many decoded octets are wanted.
    fn window(&mut self, decoded: usize) -> (usize, usize) {
        let from = usize::try_from(self.skipped).unwrap_or(usize::MAX).min(decoded);
        self.skipped -= from as u64;
        let wanted = usize::try_from(self.octets).unwrap_or(usize::MAX);
        let to = from.saturating_add(wanted).min(decoded);
        self.octets -= (to - from) as u64;
        (from, to)
    }
}
