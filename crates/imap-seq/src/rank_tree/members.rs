//! The members of one leaf, ascending.

use super::bitmap::Bitmap;

/// Those that are left of a walk through one leaf.
#[derive(Clone)]
pub(super) enum Members<'a> {
    /// A word's remaining bits, and the number of its lowest.
    Bitmap {
        bitmap: &'a Bitmap,
        key: u32,
        word: usize,
        bits: u64,
        base: u32,
    },
    List(std::slice::Iter<'a, u32>),
}

impl<'a> Members<'a> {
    pub(super) fn none() -> Self {
        Self::List([].iter())
    }

    /// The members of a bitmap from `first` on. `key` is the leaf's.
    pub(super) fn of_bitmap(bitmap: &'a Bitmap, first: u32, key: u32) -> Self {
        let (word, bits) = bitmap.word_from(first, key);
        let (_, base) = bitmap.word(word, key).unwrap_or((0, 0));
        Self::Bitmap {
            bitmap,
            key,
            word,
            bits,
            base,
        }
    }
}

impl Iterator for Members<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        match self {
            Self::List(members) => members.next().copied(),
            Self::Bitmap {
                bitmap,
                key,
                word,
                bits,
                base,
            } => {
                while *bits == 0 {
                    *word += 1;
                    (*bits, *base) = bitmap.word(*word, *key)?;
                }
                let number = *base + bits.trailing_zeros();
                *bits &= *bits - 1;
                Some(number)
            }
        }
    }
}
