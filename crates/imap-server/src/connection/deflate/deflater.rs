//! What is sent, compressed.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::core::{CompressionStrategy, CompressorOxide, TDEFLFlush, compress_to_output};
use tokio::time::{Sleep, sleep};

/// The fastest of the levels. Of the next ones, each costs half as much time again or more, and saves a tenth where mail is
/// text and nothing where it is attachments (docs/operating.md has the numbers).
const LEVEL: u8 = 1;
/// Matches reach as far back as the format has it.
const WINDOW_BITS: u8 = 15;
/// So much is compressed at once, in octets.
const PIECE: usize = 16 << 10;
/// A compressor that was not used for so long is given back: a mail program asks again within this time, or not soon. One
/// that is made anew knows nothing to refer back to, and takes 50 microseconds.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// The compressing side.
#[derive(Default)]
pub(super) struct Deflater {
    /// 312 KiB. A new one continues the stream of one that was flushed: whoever inflates sees a block that refers back to
    /// nothing.
    compressor: Option<Box<CompressorOxide>>,
    /// Runs while the compressor is not used.
    quiet: Option<Pin<Box<Sleep>>>,
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
            self.compressor = None;
        }
    }

    fn compress(&mut self, octets: &[u8], flush: TDEFLFlush) {
        self.quiet = None;
        let compressor = self.compressor.get_or_insert_with(|| {
            let strategy = CompressionStrategy::Default;
            Box::new(CompressorOxide::with_params(
                DataFormat::Raw,
                LEVEL,
                strategy,
                WINDOW_BITS,
            ))
        });
        // It goes to memory, which never refuses.
        compress_to_output(compressor, octets, flush, |compressed| {
            self.output.extend_from_slice(compressed);
            true
        });
    }

    /// Gives memory back: what is left of sent output at once, the compressor after a quiet time. The context is woken for that.
    pub(super) fn rest(&mut self, context: &mut Context<'_>) {
        if self.output.is_empty() {
            self.output = Vec::new();
        }
        if self.compressor.is_none() || self.progress != Progress::Flushed {
            return;
        }
        let quiet = self.quiet.get_or_insert_with(|| Box::pin(sleep(QUIET)));
        if quiet.as_mut().poll(context).is_ready() {
            self.quiet = None;
            self.compressor = None;
        }
    }

    #[cfg(test)]
    pub(super) fn holds_a_compressor(&self) -> bool {
        self.compressor.is_some()
    }
}
