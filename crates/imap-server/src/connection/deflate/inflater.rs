//! What is received, uncompressed.

use std::io;

use bytes::{Buf, BytesMut};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress_with_limit};

/// How far back a client may refer, in octets (RFC 1951, section 2). A power of two, as the ring that it is needs it.
const WINDOW: usize = 32 << 10;

/// What the client sent is no DEFLATE data: nothing behind it can be understood.
#[derive(Debug, thiserror::Error)]
#[error("what the client sends is not DEFLATE data")]
pub(in crate::connection) struct Damaged;

/// The uncompressing side.
#[derive(Default)]
pub(super) struct Inflater {
    /// What has been received and not yet inflated.
    compressed: BytesMut,
    /// With the tables of a block, 10 KiB.
    decoder: Option<Box<DecompressorOxide>>,
    place: Place,
    /// The last octets of what was inflated, as a ring. As long as it has never been full it may be shorter than
    /// [`WINDOW`], and its end is where the next octet belongs.
    window: Vec<u8>,
    /// Where the next octet belongs.
    at: usize,
    fill: Fill,
}

/// Where in its stream the client is.
#[derive(Default)]
enum Place {
    /// Nothing has come.
    #[default]
    Start,
    /// In a block: only the decoder knows.
    Inside,
    /// Between two blocks, where a client is that has flushed. The decoder can be made anew from this.
    Between(BlockBoundaryState),
    /// Behind the last block.
    End,
}

/// How much of the window there is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Fill {
    /// What lies before the next octet.
    #[default]
    Part,
    /// All of it was written at least once.
    Whole,
}

impl Inflater {
    pub(super) fn take_in(&mut self, compressed: &[u8]) {
        self.compressed.extend_from_slice(compressed);
    }

    /// The client has ended its stream.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.place, Place::End)
    }

    /// Inflates into `room`, as much as there is or as fits, and says how much that was. Nothing: more has to come.
    ///
    /// # Errors
    /// [`Damaged`].
    pub(super) fn inflate(&mut self, room: &mut [u8]) -> io::Result<usize> {
        const FLAGS: u32 = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        let mut filled = 0;
        while filled < room.len() {
            let decoder = match &self.place {
                Place::End => break,
                Place::Start | Place::Between(_) if self.compressed.is_empty() => break,
                Place::Between(between) => self
                    .decoder
                    .get_or_insert_with(|| Box::new(DecompressorOxide::from_block_boundary_state(between))),
                Place::Start | Place::Inside => self.decoder.get_or_insert_default(),
            };
            // Exactly: it stays as large as it once was.
            self.window.reserve_exact(WINDOW - self.window.len());
            self.window.resize(WINDOW, 0);
            let limit = room.len() - filled;
            let (status, read, written) =
                decompress_with_limit(decoder, &self.compressed, &mut self.window, self.at, limit, FLAGS);
            self.place = match status {
                TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => Place::Inside,
                TINFLStatus::BlockBoundary => decoder
                    .block_boundary_state()
                    .map_or(Place::Inside, Place::Between),
                TINFLStatus::Done => Place::End,
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, Damaged)),
            };
            self.compressed.advance(read);
            room[filled..filled + written].copy_from_slice(&self.window[self.at..self.at + written]);
            filled += written;
            self.advance(written);
            if status == TINFLStatus::NeedsMoreInput {
                break;
            }
        }
        Ok(filled)
    }

    fn advance(&mut self, octets: usize) {
        self.at += octets;
        if self.at == WINDOW {
            self.at = 0;
            self.fill = Fill::Whole;
        }
    }

    /// Gives memory back: tables of a block that is through, what the client has not filled yet of its window, and the room
    /// for compressed octets.
    pub(super) fn rest(&mut self) {
        if let Place::Between(_) | Place::End = self.place {
            self.decoder = None;
        }
        if self.compressed.is_empty() {
            self.compressed = BytesMut::new();
        }
        if self.fill == Fill::Part {
            self.window.truncate(self.at);
            self.window.shrink_to_fit();
        }
    }

    /// The octets that this holds beside itself.
    #[cfg(test)]
    pub(super) fn holds(&self) -> usize {
        let decoder = self.decoder.as_deref().map_or(0, size_of_val);
        self.window.capacity() + self.compressed.capacity() + decoder
    }
}
