//! From the line ends of a file, LF or CRLF, to those of IMAP: CRLF. Offsets in one form are found in the other.

use memchr::memchr_iter;

/// What NUL octets, which IMAP strings cannot carry, are sent as: Dovecot's choice, and the size stays.
const NUL_SUBSTITUTE: u8 = 0x80;

/// What a file's octets are as IMAP sends them, piece by piece.
///
/// An LF without a CR before it becomes CRLF, NUL becomes 0x80, all else stays, a lone CR included.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ToWire {
    /// Whether the octet before the next piece is a CR.
    after_cr: bool,
}

impl ToWire {
    /// Begins behind this octet, or at the beginning of the file.
    pub(crate) fn after(octet: Option<u8>) -> Self {
        Self {
            after_cr: octet == Some(b'\r'),
        }
    }

    /// Whether the octet before the next piece is a CR.
    pub(crate) fn is_after_cr(self) -> bool {
        self.after_cr
    }

    /// Appends the wire form of the next piece to `out`.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Some(&last) = piece.last() else { return };
        let begin = out.len();
        let mut done = 0;
        for at in self.bare_lf(piece) {
            out.extend_from_slice(&piece[done..at]);
            out.extend_from_slice(b"\r\n");
            done = at + 1;
        }
        out.extend_from_slice(&piece[done..]);
        // Where there is one there may be millions: each is not looked for by itself.
        if memchr::memchr(0, piece).is_some() {
            let nuls = out[begin..].iter_mut().filter(|octet| **octet == 0);
            nuls.for_each(|octet| *octet = NUL_SUBSTITUTE);
        }
        self.after_cr = last == b'\r';
    }

    /// How many octets longer the next piece is in wire form.
    pub(crate) fn count(&mut self, piece: &[u8]) -> u64 {
        let Some(&last) = piece.last() else { return 0 };
        let longer = self.bare_lf(piece).count() as u64;
        self.after_cr = last == b'\r';
        longer
    }

    fn bare_lf<'p>(&self, piece: &'p [u8]) -> impl Iterator<Item = usize> + use<'p> {
        let after_cr = self.after_cr;
        memchr_iter(b'\n', piece).filter(move |&at| match at {
            0 => !after_cr,
            _ => piece[at - 1] != b'\r',
        })
    }
}

/// Where places of a file lie in its wire form, as far as the file has been read: so that a piece of a large message is
/// read without what lies before it.
///
/// Takes at most 32 KiB, whatever the size of the file.
#[derive(Debug, Clone)]
pub(crate) struct Offsets {
    file_size: u64,
    /// File octets between two marks.
    spacing: u64,
    /// The offset in wire form of every `spacing` octets of the file.
    marks: Vec<u64>,
    /// How far the file has been looked at, where that lies in wire form, and what was seen there.
    scanned: u64,
    scanned_wire: u64,
    ends: ToWire,
}

const FEWEST_APART: u64 = 64 << 10;
const MOST_MARKS: u64 = 4096;

impl Offsets {
    /// Nothing is known yet of a file of this size.
    pub(crate) fn new(file_size: u64) -> Self {
        Self {
            file_size,
            spacing: FEWEST_APART.max(file_size.div_ceil(MOST_MARKS)),
            marks: vec![0],
            scanned: 0,
            scanned_wire: 0,
            ends: ToWire::after(None),
        }
    }

    /// The file's size, as it was when this began.
    pub(crate) fn file_size(&self) -> u64 {
        self.file_size
    }

    /// How far the file has been looked at: the place where the piece for [`advance`](Self::advance) begins.
    pub(crate) fn scanned(&self) -> u64 {
        self.scanned
    }

    /// Whether the wire offset lies in what has been looked at.
    pub(crate) fn reaches(&self, wire: u64) -> bool {
        wire <= self.scanned_wire || self.scanned >= self.file_size
    }

    /// The size in wire form, once all of the file was looked at.
    pub(crate) fn wire_size(&self) -> Option<u64> {
        (self.scanned >= self.file_size).then_some(self.scanned_wire)
    }

    /// The file ends where it has been looked at: somebody has cut it.
    pub(crate) fn end_here(&mut self) {
        self.file_size = self.scanned;
    }

    /// Looks at the next octets of the file.
    pub(crate) fn advance(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let next_mark = self.spacing * self.marks.len() as u64;
            let here = usize::try_from(next_mark - self.scanned)
                .unwrap_or(usize::MAX)
                .min(piece.len());
            let (now, rest) = piece.split_at(here);
            self.scanned_wire += now.len() as u64 + self.ends.count(now);
            self.scanned += now.len() as u64;
            if self.scanned == next_mark {
                self.marks.push(self.scanned_wire);
            }
            piece = rest;
        }
    }

    /// The last known place at or before a wire offset: offset in the file, offset in wire form.
    pub(crate) fn before(&self, wire: u64) -> (u64, u64) {
        let mark = self.marks.partition_point(|&mark| mark <= wire).saturating_sub(1);
        (
            mark as u64 * self.spacing,
            self.marks.get(mark).copied().unwrap_or(0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_message::to_crlf;
    use proptest::prelude::*;

    fn wire(octets: &[u8]) -> Vec<u8> {
        to_crlf(octets)
            .iter()
            .map(|&octet| if octet == 0 { NUL_SUBSTITUTE } else { octet })
            .collect()
    }

    fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![Just(b'\r'), Just(b'\n'), Just(0), Just(b'x')];
        prop::collection::vec(octet, 0..most)
    }

    proptest! {
        #[test]
        fn pieces_give_the_wire_form_of_the_whole(all in octets(64), cuts in prop::collection::vec(0..64_usize, 0..4)) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(all.len())).collect();
            cuts.extend([0, all.len()]);
            cuts.sort_unstable();
            let (mut ends, mut out) = (ToWire::after(None), Vec::new());
            for pair in cuts.windows(2) {
                ends.push(&all[pair[0]..pair[1]], &mut out);
            }
            prop_assert_eq!(out, wire(&all));
        }

        #[test]
        fn a_piece_of_the_file_from_a_mark_is_a_piece_of_the_wire_form(
            all in octets(400), spacing in 1..40_u64, step in 1..50_usize, offset in 0..500_u64,
        ) {
            let mut offsets = Offsets { spacing, ..Offsets::new(all.len() as u64) };
            for piece in all.chunks(step) {
                offsets.advance(piece);
            }
            let expected = wire(&all);
            prop_assert_eq!(offsets.wire_size(), Some(expected.len() as u64));
            let (file, at) = offsets.before(offset);
            prop_assert!(at <= offset);
            let (file, at) = (usize::try_from(file).unwrap(), usize::try_from(at).unwrap());
            let mut out = Vec::new();
            ToWire::after(file.checked_sub(1).map(|before| all[before])).push(&all[file..], &mut out);
            prop_assert_eq!(&out[..], &expected[at..]);
        }
    }

    #[test]
    fn a_large_file_has_few_marks() {
        let mut offsets = Offsets::new(1 << 30);
        let piece = vec![b'\n'; 1 << 20];
        for _ in 0..1 << 10 {
            offsets.advance(&piece);
        }
        assert_eq!(offsets.wire_size(), Some(2 << 30));
        assert!(offsets.marks.len() as u64 <= MOST_MARKS + 1);
        assert_eq!(offsets.before(2 << 29), (1 << 29, 2 << 29));
    }
}
