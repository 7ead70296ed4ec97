//! Where the octets of a response go.

/// Takes octets.
pub(crate) trait Sink {
    fn push(&mut self, octet: u8);
    fn extend_from_slice(&mut self, octets: &[u8]);
}

impl Sink for Vec<u8> {
    fn push(&mut self, octet: u8) {
        self.push(octet);
    }

    fn extend_from_slice(&mut self, octets: &[u8]) {
        self.extend_from_slice(octets);
    }
}

/// Keeps one piece of what is written to it and counts the rest. What may be long is written again and again, a piece of it
/// each time, so that nobody holds it whole: a stranger's mail decides how long it is.
pub(crate) struct Piece<'o> {
    out: &'o mut Vec<u8>,
    /// Octets before the piece that are still to come.
    before: usize,
    /// Octets that the piece may still take.
    room: usize,
    /// Whether something came that did not fit.
    overflowed: bool,
}

impl<'o> Piece<'o> {
    /// The piece that begins after so many octets and has at most so many.
    pub(crate) fn new(out: &'o mut Vec<u8>, before: usize, at_most: usize) -> Self {
        Self {
            out,
            before,
            room: at_most,
            overflowed: false,
        }
    }

    /// Whether another piece follows this one.
    pub(crate) fn goes_on(&self) -> bool {
        self.overflowed
    }
}

impl Sink for Piece<'_> {
    #[inline]
    fn push(&mut self, octet: u8) {
        match (self.before, self.room) {
            (0, 1..) => {
                self.room -= 1;
                self.out.push(octet);
            }
            _ => self.extend_from_slice(&[octet]),
        }
    }

    fn extend_from_slice(&mut self, octets: &[u8]) {
        let skipped = self.before.min(octets.len());
        self.before -= skipped;
        let octets = &octets[skipped..];
        let taken = self.room.min(octets.len());
        self.room -= taken;
        self.out.extend_from_slice(&octets[..taken]);
        self.overflowed |= taken < octets.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pieces_together_are_the_whole(
            written in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..20),
            at_most in 1_usize..12,
        ) {
            let mut all = Vec::new();
            loop {
                let before = all.len();
                let mut piece = Piece::new(&mut all, before, at_most);
                for octets in &written {
                    match octets[..] {
                        [octet] => Sink::push(&mut piece, octet),
                        _ => Sink::extend_from_slice(&mut piece, octets),
                    }
                }
                let goes_on = piece.goes_on();
                prop_assert!(all.len() - before <= at_most);
                if !goes_on {
                    break;
                }
            }
            prop_assert_eq!(all, written.concat());
        }
    }
}
