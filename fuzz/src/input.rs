//! Octets, read from the front as what a target needs.

/// The octets that are left. At their end every number is 0.
pub(crate) struct Input<'o> {
    rest: &'o [u8],
}

impl<'o> Input<'o> {
    pub(crate) fn new(octets: &'o [u8]) -> Self {
        Self { rest: octets }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.octet(), self.octet()])
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u8) -> u8 {
        self.octet() % bound
    }

    /// So many octets, or all that are left.
    pub(crate) fn take(&mut self, octets: usize) -> &'o [u8] {
        let (taken, rest) = self.rest.split_at(octets.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'o [u8] {
        self.rest
    }
}

/// The pieces between these places, which may come in any order and may lie behind the end.
pub(crate) fn pieces(octets: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.extend([0, octets.len()]);
    cuts.iter_mut().for_each(|cut| *cut = (*cut).min(octets.len()));
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &octets[pair[0]..pair[1]]).collect()
}
