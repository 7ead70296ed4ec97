//! What is received, uncompressed.

use std::io;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress_with_limit};

use super::compressors::Share;
use super::decompressors::{Decompressor, Decompressors, WINDOW};
use super::kept::{Cells, Kept};

/// What the client sent is no DEFLATE data: nothing behind it can be understood.
#[derive(Debug, thiserror::Error)]
#[error("what the client sends is not DEFLATE data")]
pub(in crate::connection) struct Damaged;

/// The uncompressing side.
pub(super) struct Inflater {
    all: Arc<Decompressors>,
    /// What has been received and not yet inflated.
    compressed: BytesMut,
    /// There while something comes, and where the client has stopped in a block.
    in_use: Option<Box<Decompressor>>,
    /// What the window holds where there is none, from its beginning.
    kept: Kept,
    place: Place,
    /// Where the next octet belongs in the window.
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
    /// Between two blocks, where a client is that has flushed. A decoder can be made anew from this.
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
    pub(super) fn new(all: Arc<Decompressors>, cells: Arc<Cells>) -> Self {
        Self {
            all,
            compressed: BytesMut::new(),
            in_use: None,
            kept: Kept::new(cells),
            place: Place::default(),
            at: 0,
            fill: Fill::default(),
        }
    }

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
            match &self.place {
                Place::End => break,
                Place::Start | Place::Between(_) if self.compressed.is_empty() => break,
                _ => {}
            }
            let in_use = match &mut self.in_use {
                Some(in_use) => in_use,
                none => none.insert(begin(&self.all, &self.place, &self.kept)),
            };
            let Decompressor { decoder, window } = &mut **in_use;
            let limit = room.len() - filled;
            let (status, read, written) =
                decompress_with_limit(decoder, &self.compressed, window, self.at, limit, FLAGS);
            self.place = match status {
                TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => Place::Inside,
                TINFLStatus::BlockBoundary => decoder
                    .block_boundary_state()
                    .map_or(Place::Inside, Place::Between),
                TINFLStatus::Done => Place::End,
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, Damaged)),
            };
            self.compressed.advance(read);
            room[filled..filled + written].copy_from_slice(&window[self.at..self.at + written]);
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

    /// Gives memory back: the decompressor, unless the client has stopped in a block, and the room for compressed octets. Says
    /// whether there was a decompressor.
    pub(super) fn rest(&mut self) -> bool {
        if self.compressed.is_empty() {
            self.compressed = BytesMut::new();
        }
        if let Place::Inside = self.place {
            return false;
        }
        let Some(in_use) = self.in_use.take() else {
            return false;
        };
        let octets = match (&self.place, self.fill) {
            (Place::End, _) => 0,
            (_, Fill::Part) => self.at,
            (_, Fill::Whole) => WINDOW,
        };
        self.kept.keep(&in_use.window[..octets]);
        self.all.put_back(in_use);
        true
    }

    /// Takes less room for what is kept, after a quiet time.
    pub(super) fn pack(&mut self, compressors: &mut Share) {
        if self.in_use.is_none() {
            self.kept.pack(compressors);
        }
    }

    /// The octets that this holds beside itself.
    #[cfg(test)]
    pub(super) fn holds(&self) -> usize {
        let in_use = self.in_use.as_ref();
        let in_use = in_use.map_or(0, |in_use| size_of::<Decompressor>() + in_use.window.capacity());
        self.kept.holds() + self.compressed.capacity() + in_use
    }
}

/// A decompressor that goes on at this place, with what was kept.
fn begin(all: &Decompressors, place: &Place, kept: &Kept) -> Box<Decompressor> {
    let mut begun = all.take();
    begun.decoder = match place {
        Place::Between(between) => DecompressorOxide::from_block_boundary_state(between),
        Place::Start | Place::Inside | Place::End => DecompressorOxide::default(),
    };
    kept.restore(&mut begun.window);
    begun
}
