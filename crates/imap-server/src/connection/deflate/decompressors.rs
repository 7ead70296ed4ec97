//! The decompressors that all streams of a server share.

use std::sync::{Mutex, PoisonError};

use miniz_oxide::inflate::core::DecompressorOxide;

/// How far back a client may refer, in octets (RFC 1951, section 2). A power of two, as the ring that it is needs it.
pub(super) const WINDOW: usize = 32 << 10;
/// So many are kept while nobody uses them: 350 KiB together.
const KEPT: usize = 8;

/// What inflating takes, 42 KiB.
pub(super) struct Decompressor {
    /// With the tables of a block.
    pub(super) decoder: DecompressorOxide,
    /// The last octets of what was inflated, as a ring of [`WINDOW`].
    pub(super) window: Vec<u8>,
}

/// A stream has one while it is read and not at rest. If each had its own, the windows of 32 KiB would leave holes between what
/// streams keep, which the process never gives back.
#[derive(Default)]
pub(crate) struct Decompressors {
    spare: Mutex<Vec<Box<Decompressor>>>,
}

impl Decompressors {
    /// One in which something of another stream may be left.
    pub(super) fn take(&self) -> Box<Decompressor> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| {
            Box::new(Decompressor {
                decoder: DecompressorOxide::default(),
                window: vec![0; WINDOW],
            })
        })
    }

    pub(super) fn put_back(&self, decompressor: Box<Decompressor>) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < KEPT {
            spare.push(decompressor);
        }
    }
}
