//! `partial-range` (RFC 9394, section 4).

use std::num::NonZeroU32;

use super::reader::Reader;
use super::reader_fault::Fault;

/// A part of the messages that a command names: `1:100`, or `-1:-100` counted from the last (RFC 9394, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) first: NonZeroU32,
    pub(crate) last: NonZeroU32,
    pub(crate) from: End,
}

/// Where a [`Window`] is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The message with the lowest UID is 1.
    Lowest,
    /// The message with the highest UID is 1.
    Highest,
}

impl Window {
    /// Reads `1:100` or `-1:-100`.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let from = match reader.eat(b'-') {
            Some(()) => End::Highest,
            None => End::Lowest,
        };
        let first = reader.nz_number()?;
        reader.due(b':')?;
        if from == End::Highest {
            reader.due(b'-')?;
        }
        let last = reader.nz_number()?;
        Ok(Self {
            first: first.min(last),
            last: first.max(last),
            from,
        })
    }

    /// How many messages it asks for.
    pub(crate) fn width(self) -> u64 {
        u64::from(self.last.get() - self.first.get()) + 1
    }

    /// The places of this window among so many messages, counted from 0 at the lowest UID.
    pub(crate) fn places(self, among: u32) -> std::ops::Range<u32> {
        let (first, last) = (self.first.get(), self.last.get().min(among));
        if first > last {
            return 0..0;
        }
        match self.from {
            End::Lowest => first - 1..last,
            End::Highest => among - last..among - (first - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_told_by_its_places_among_the_messages() {
        let places = |first, last, from, among| {
            let window = Window {
                first: NonZeroU32::new(first).unwrap(),
                last: NonZeroU32::new(last).unwrap(),
                from,
            };
            window.places(among)
        };
        assert_eq!(places(1, 5, End::Lowest, 10), 0..5);
        assert_eq!(places(9, 15, End::Lowest, 10), 8..10);
        assert_eq!(places(11, 15, End::Lowest, 10), 0..0);
        assert_eq!(places(1, 3, End::Highest, 10), 7..10);
        assert_eq!(places(4, 30, End::Highest, 10), 0..7);
        assert_eq!(places(1, u32::MAX, End::Highest, 0), 0..0);
    }
}
