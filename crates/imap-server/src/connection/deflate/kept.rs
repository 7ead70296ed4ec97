//! What a client may refer back to, while its stream rests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::compressors::Share;

/// Octets of one cell.
const CELL: usize = 4 << 10;
/// So many cells are kept while nobody uses them: 8 MiB.
const MOST_SPARE: usize = 2 << 10;

type Cell = [u8; CELL];

/// Cells that nobody uses. All have one size, and what one thread has allocated every other uses again: blocks of any size would
/// leave holes in the memory of each thread, which the process keeps.
#[derive(Default)]
pub(crate) struct Cells {
    spare: Mutex<Vec<Box<Cell>>>,
}

impl Cells {
    fn spare(&self) -> MutexGuard<'_, Vec<Box<Cell>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Octets in cells.
pub(super) struct Kept {
    all: Arc<Cells>,
    cells: Vec<Box<Cell>>,
    octets: usize,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    AsTheyAre,
    /// As a DEFLATE stream of their own.
    Compressed,
}

impl Kept {
    pub(super) fn new(all: Arc<Cells>) -> Self {
        Self {
            all,
            cells: Vec::new(),
            octets: 0,
            form: Form::AsTheyAre,
        }
    }

    /// Keeps these octets, and none of before.
    pub(super) fn keep(&mut self, octets: &[u8]) {
        self.write(octets);
        self.form = Form::AsTheyAre;
    }

    fn write(&mut self, octets: &[u8]) {
        self.resize(octets.len().div_ceil(CELL));
        for (cell, piece) in self.cells.iter_mut().zip(octets.chunks(CELL)) {
            cell[..piece.len()].copy_from_slice(piece);
        }
        self.octets = octets.len();
    }

    fn resize(&mut self, cells: usize) {
        let (more, fewer) = (
            cells.saturating_sub(self.cells.len()),
            self.cells.len().saturating_sub(cells),
        );
        if more > 0 {
            let mut spare = self.all.spare();
            let from = spare.len().saturating_sub(more);
            self.cells.extend(spare.drain(from..));
            drop(spare);
            self.cells.resize_with(cells, || Box::new([0; CELL]));
        } else if fewer > 0 {
            let left = self.cells.split_off(cells);
            let mut spare = self.all.spare();
            let room = MOST_SPARE.saturating_sub(spare.len());
            spare.extend(left.into_iter().take(room));
        }
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut left = self.octets;
        self.cells.iter().map(move |cell| {
            let piece = &cell[..left.min(CELL)];
            left -= piece.len();
            piece
        })
    }

    /// Writes the octets into a window. Behind them it has zeros then, whatever was there: a client may refer back to what it has
    /// never sent.
    pub(super) fn restore(&self, window: &mut [u8]) {
        let mut written = 0;
        match self.form {
            Form::AsTheyAre => {
                for piece in self.pieces() {
                    window[written..written + piece.len()].copy_from_slice(piece);
                    written += piece.len();
                }
            }
            Form::Compressed => {
                let compressed: Vec<u8> = self.pieces().flatten().copied().collect();
                let mut decoder = Box::<DecompressorOxide>::default();
                let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
                written = decompress(&mut decoder, &compressed, window, 0, flags).2;
            }
        }
        window[written..].fill(0);
    }

    /// Compresses the octets, where that takes fewer cells: what clients say is mostly words.
    pub(super) fn pack(&mut self, compressors: &mut Share) {
        if self.form == Form::Compressed || self.cells.len() < 2 {
            return;
        }
        let octets: Vec<u8> = self.pieces().flatten().copied().collect();
        let compressed = compressors.compress_alone(&octets);
        if compressed.len().div_ceil(CELL) < self.cells.len() {
            self.write(&compressed);
            self.form = Form::Compressed;
        }
    }

    #[cfg(test)]
    pub(super) fn holds(&self) -> usize {
        self.cells.len() * CELL
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.resize(0);
    }
}
