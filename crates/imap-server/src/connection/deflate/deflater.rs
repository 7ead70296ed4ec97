//! What is sent, compressed.

use std::sync::Arc;

use miniz_oxide::deflate::core::{TDEFLFlush, compress_to_output};

use super::compressors::{Compressors, Share};

/// So much is compressed at once, in octets.
const PIECE: usize = 16 << 10;

/// The compressing side.
pub(super) struct Deflater {
    compressors: Share,
    output: Vec<u8>,
    sent: usize,
    progress: Progress,
}

/// How far the stream is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Progress {
    /// All that was compressed can be read.
    #[default]
    Flushed,
    /// The compressor holds some back.
    Inside,
    /// Nothing may follow.
    Finished,
}

impl Deflater {
    pub(super) fn new(compressors: Arc<Compressors>) -> Self {
        Self {
            compressors: Share::new(compressors),
            output: Vec::new(),
            sent: 0,
            progress: Progress::default(),
        }
    }

    /// What is to be sent.
    pub(super) fn output(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// So many octets of the output were sent.
    pub(super) fn sent(&mut self, octets: usize) {
        self.sent += octets;
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
        }
    }

    /// Compresses some of these octets; says how many.
    pub(super) fn deflate(&mut self, octets: &[u8]) -> usize {
        let piece = &octets[..octets.len().min(PIECE)];
        self.compress(piece, TDEFLFlush::None);
        self.progress = Progress::Inside;
        piece.len()
    }

    /// Makes all that was compressed readable. Without something to flush it adds nothing.
    pub(super) fn flush(&mut self) {
        if self.progress == Progress::Inside {
            self.compress(&[], TDEFLFlush::Sync);
            self.progress = Progress::Flushed;
        }
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self) {
        if self.progress != Progress::Finished {
            self.compress(&[], TDEFLFlush::Finish);
            self.progress = Progress::Finished;
            self.compressors.forget();
        }
    }

    fn compress(&mut self, octets: &[u8], flush: TDEFLFlush) {
        // It goes to memory, which never refuses.
        compress_to_output(self.compressors.compressor(), octets, flush, |compressed| {
            self.output.extend_from_slice(compressed);
            true
        });
    }

    /// Gives memory back: what is left of sent output, and the compressor, for others. Says whether there was a compressor.
    pub(super) fn rest(&mut self) -> bool {
        if self.output.is_empty() {
            self.output = Vec::new();
        }
        self.progress == Progress::Flushed && self.compressors.rest()
    }

    /// The compressors, where this stream is using none.
    pub(super) fn at_rest(&mut self) -> Option<&mut Share> {
        (self.progress != Progress::Inside).then_some(&mut self.compressors)
    }
}
