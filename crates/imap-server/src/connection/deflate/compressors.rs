//! The compressors that all streams of a server share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::core::{CompressionStrategy, CompressorOxide, TDEFLFlush, compress_to_output};

/// The fastest of the levels. Of the next ones, each costs half as much time again or more, and saves a tenth where mail is
/// text and nothing where it is attachments (docs/operating.md has the numbers).
const LEVEL: u8 = 1;
/// Matches reach as far back as the format has it.
const WINDOW_BITS: u8 = 15;
/// So many are kept once they were made, 2.5 MiB together. There are more only while so many streams are in the middle of an
/// answer.
pub(super) const MOST: usize = 8;

/// A compressor is 312 KiB, and most streams rest most of the time. Where each has its own and frees it when it rests, the
/// process stays as large as if it had not: between what was freed lies what streams keep, and what one thread has freed others do
/// not use.
#[derive(Default)]
pub(crate) struct Compressors {
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    /// How many streams there were: each has a number.
    streams: u64,
    /// How many compressors there are, those that are in use among them.
    compressors: usize,
    /// Those that are not, each with the stream that may go on with it. That which is given to another stream first is the first.
    resting: VecDeque<(Option<u64>, Box<CompressorOxide>)>,
}

impl Shelf {
    /// That which was used for this stream.
    fn take(&mut self, stream: u64) -> Option<Box<CompressorOxide>> {
        let at = self.resting.iter().position(|(of, _)| *of == Some(stream))?;
        self.resting.remove(at).map(|(_, compressor)| compressor)
    }
}

impl Compressors {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One for a stream: that which has compressed for it before, or one that knows nothing.
    fn take(&self, stream: u64) -> Box<CompressorOxide> {
        let mut shelf = self.shelf();
        if let Some(own) = shelf.take(stream) {
            return own;
        }
        let is_full = shelf.compressors >= MOST;
        let other = if is_full { shelf.resting.pop_front() } else { None };
        if other.is_none() {
            shelf.compressors += 1;
        }
        drop(shelf);
        match other {
            // What another client was sent must not show in this one's stream.
            Some((_, mut compressor)) => {
                compressor.reset();
                compressor
            }
            None => new_compressor(),
        }
    }

    /// Takes one that is not in use any more; the stream may go on with it.
    fn put_back(&self, stream: u64, compressor: Box<CompressorOxide>) {
        let mut shelf = self.shelf();
        shelf.resting.push_back((Some(stream), compressor));
        let surplus = match shelf.compressors > MOST {
            true => shelf.resting.pop_front(),
            false => None,
        };
        shelf.compressors -= usize::from(surplus.is_some());
        // Freed without the lock.
        drop(shelf);
        drop(surplus);
    }

    /// The stream will not go on with its compressor.
    fn forget(&self, stream: u64) {
        let mut shelf = self.shelf();
        if let Some(own) = shelf.take(stream) {
            shelf.resting.push_front((None, own));
        }
    }
}

#[cfg(test)]
impl Compressors {
    /// How many there are.
    pub(super) fn number(&self) -> usize {
        self.shelf().compressors
    }
}

fn new_compressor() -> Box<CompressorOxide> {
    let strategy = CompressionStrategy::Default;
    Box::new(CompressorOxide::with_params(
        DataFormat::Raw,
        LEVEL,
        strategy,
        WINDOW_BITS,
    ))
}

/// What one stream has of them.
pub(super) struct Share {
    all: Arc<Compressors>,
    stream: u64,
    in_use: Option<Box<CompressorOxide>>,
}

impl Share {
    pub(super) fn new(all: Arc<Compressors>) -> Self {
        let mut shelf = all.shelf();
        shelf.streams += 1;
        let stream = shelf.streams;
        drop(shelf);
        Self {
            all,
            stream,
            in_use: None,
        }
    }

    /// The stream's compressor. A new one continues the stream of one that was flushed: whoever inflates sees a block that
    /// refers back to nothing.
    pub(super) fn compressor(&mut self) -> &mut CompressorOxide {
        let Self { all, stream, in_use } = self;
        in_use.get_or_insert_with(|| all.take(*stream))
    }

    /// Others may have the compressor, if the stream has one; says whether it had. It must have been flushed.
    pub(super) fn rest(&mut self) -> bool {
        let in_use = self.in_use.take();
        let had_one = in_use.is_some();
        if let Some(compressor) = in_use {
            self.all.put_back(self.stream, compressor);
        }
        had_one
    }

    /// Compresses octets as a stream of their own. The stream will not go on with its compressor.
    pub(super) fn compress_alone(&mut self, octets: &[u8]) -> Vec<u8> {
        let compressor = self.compressor();
        compressor.reset();
        let mut compressed = Vec::new();
        // It goes to memory, which never refuses.
        compress_to_output(compressor, octets, TDEFLFlush::Finish, |some| {
            compressed.extend_from_slice(some);
            true
        });
        self.forget();
        compressed
    }

    /// The stream will not go on with its compressor.
    pub(super) fn forget(&mut self) {
        self.rest();
        self.all.forget(self.stream);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.forget();
    }
}
