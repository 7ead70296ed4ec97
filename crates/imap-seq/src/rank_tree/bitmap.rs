//! A leaf for 8192 aligned numbers: one bit each, and a running count for each word.

use std::iter::Peekable;

use super::word::{self, place};

/// Numbers that one bitmap spans, a power of two.
pub(super) const SPAN: u32 = 8192;
const WORDS: usize = 128;
/// Running counts that select compares around its guess.
const WINDOW: usize = 16;

/// 1.3 KiB whatever it holds.
#[derive(Clone)]
pub(super) struct Bitmap {
    words: [u64; WORDS],
    /// Members before each word. At most 8192, so that 16 bits do.
    before: [u16; WORDS],
    /// The number of bit 0, a multiple of the span.
    base: u32,
    count: u32,
    /// Words per member, in units of 2^-16: guesses the word from the rank.
    words_per_member: u32,
}

impl Bitmap {
    /// From members of one span, ascending; at least one.
    pub(super) fn from_list(members: &[u32]) -> Self {
        let base = members[0] & !(SPAN - 1);
        let mut bitmap = Self {
            words: [0; WORDS],
            before: [0; WORDS],
            base,
            count: 0,
            words_per_member: 0,
        };
        for member in members {
            bitmap.set(member - base);
        }
        bitmap.recount();
        bitmap
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Whether a number at or above the base is in the span.
    pub(super) fn spans(&self, number: u32) -> bool {
        number - self.base < SPAN
    }

    /// The place of a number in the bitmap; `None` before and behind its span.
    #[inline]
    fn offset(&self, number: u32) -> Option<(usize, u32)> {
        let offset = number.wrapping_sub(self.base);
        (offset < SPAN).then_some(((offset / 64) as usize, offset % 64))
    }

    #[inline]
    pub(super) fn rank(&self, number: u32) -> u32 {
        let Some((word, bit)) = self.offset(number) else {
            // Before the span: a list became this bitmap when its first members, and the numbers up to here, were gone.
            return if number < self.base { 0 } else { self.count };
        };
        u32::from(self.before[word]) + (self.words[word] & ((1 << bit) - 1)).count_ones()
    }

    #[inline]
    pub(super) fn position(&self, number: u32) -> Option<u32> {
        let (word, bit) = self.offset(number)?;
        let bits = self.words[word];
        if bits >> bit & 1 == 0 {
            return None;
        }
        Some(u32::from(self.before[word]) + (bits & ((1 << bit) - 1)).count_ones())
    }

    /// The member with `rank` smaller ones in this leaf; `rank` is below the count.
    #[inline]
    pub(super) fn select(&self, rank: u32) -> u32 {
        let guess = (((u64::from(rank) * u64::from(self.words_per_member)) >> 16) & 0x7f) as usize;
        // Fetches the word early: it mostly is in the guess's line, and the comparison below need not be waited for.
        std::hint::black_box(self.words[guess]);
        let word = self.word_of(rank, guess);
        let bit = word::select(self.words[word], rank - u32::from(self.before[word]));
        self.base + place(word) * 64 + bit
    }

    /// The last word with at most `rank` members before it.
    #[inline]
    fn word_of(&self, rank: u32, guess: usize) -> usize {
        let rank = (rank & 0x1fff) as u16;
        let start = guess.saturating_sub(WINDOW / 2).min(WORDS - WINDOW);
        let window = &self.before[start..start + WINDOW];
        let behind = self.before.get(start + WINDOW).copied().unwrap_or(u16::MAX);
        if window[0] <= rank && rank < behind {
            let at_most: u16 = window.iter().map(|&before| u16::from(before <= rank)).sum();
            start + usize::from(at_most) - 1
        } else {
            self.before.partition_point(|&before| before <= rank) - 1
        }
    }

    /// Adds the next numbers while they ascend and are in the span; `last` is the number before them. Gives the last
    /// one added.
    pub(super) fn fill(&mut self, last: u32, numbers: &mut Peekable<impl Iterator<Item = u32>>) -> u32 {
        let (base, mut newest, mut added) = (self.base, last, 0);
        while let Some(number) = numbers.next_if(|&number| number > newest && number - base < SPAN) {
            self.set(number - base);
            newest = number;
            added += 1;
        }
        match added {
            0 => {}
            1 => self.count_one_more(newest),
            _ => self.recount(),
        }
        newest
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, member: u32) {
        let Some((word, bit)) = self.offset(member) else {
            return;
        };
        self.words[word] &= !(1 << bit);
        for before in &mut self.before[word + 1..] {
            *before -= 1;
        }
        self.count -= 1;
        self.guess_anew();
    }

    /// Takes out what comes below `until`; hands over what was a member.
    pub(super) fn remove_below(
        &mut self,
        until: u64,
        numbers: &mut Peekable<impl Iterator<Item = u32>>,
        removed: &mut impl FnMut(u32),
    ) {
        // Counting what leaves is quicker than counting what stays.
        let mut lost = [0_u16; WORDS];
        while let Some(number) = numbers.next_if(|&number| u64::from(number) < until) {
            let Some((word, bit)) = self.offset(number) else {
                continue;
            };
            if self.words[word] >> bit & 1 == 1 {
                self.words[word] &= !(1 << bit);
                lost[word] += 1;
                removed(number);
            }
        }
        let mut gone = 0;
        for (before, lost) in self.before.iter_mut().zip(lost) {
            *before -= gone;
            gone += lost;
        }
        self.count -= u32::from(gone);
        self.guess_anew();
    }

    /// A word's bits, and the number of its lowest; `None` behind the last word.
    pub(super) fn word(&self, word: usize) -> Option<(u64, u32)> {
        Some((*self.words.get(word)?, self.base + place(word) * 64))
    }

    /// The word of a number, at most one behind the last, and the bits at and above it there.
    pub(super) fn word_from(&self, number: u32) -> (usize, u64) {
        match self.offset(number.max(self.base)) {
            Some((word, bit)) => (word, self.words[word] & (u64::MAX << bit)),
            None => (WORDS - 1, 0),
        }
    }

    fn set(&mut self, offset: u32) {
        self.words[(offset / 64) as usize] |= 1 << (offset % 64);
    }

    fn count_one_more(&mut self, number: u32) {
        let word = ((number - self.base) / 64) as usize;
        for before in &mut self.before[word + 1..] {
            *before += 1;
        }
        self.count += 1;
        self.guess_anew();
    }

    fn recount(&mut self) {
        let mut count = 0;
        for (before, word) in self.before.iter_mut().zip(&self.words) {
            *before = count;
            count += (word.count_ones() & 0x7f) as u16;
        }
        self.count = count.into();
        self.guess_anew();
    }

    fn guess_anew(&mut self) {
        self.words_per_member = (place(WORDS) << 16) / self.count.max(1);
    }
}
