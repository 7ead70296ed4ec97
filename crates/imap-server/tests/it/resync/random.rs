//! Numbers that look random and are the same for the same seed (SplitMix64).

use std::fmt::Debug;
use std::str::FromStr;

/// A number that somebody has asked for, or the default.
pub(crate) fn number_in<N: FromStr<Err: Debug>>(variable: &str, default: N) -> N {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// A source of numbers.
pub(crate) struct Random {
    state: u64,
    interrupts: bool,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0xd134_2543_de82_ef95),
            interrupts: true,
        }
    }

    /// Goes on from here, but nothing that is one in some happens.
    pub(crate) fn uninterrupted(&mut self) -> Self {
        Self {
            state: self.next(),
            interrupts: false,
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `bound - 1`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u64::from(bound)).unwrap()
    }

    pub(crate) fn one_in(&mut self, so_many: u32) -> bool {
        self.interrupts && self.below(so_many) == 0
    }

    pub(crate) fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(u32::try_from(texts.len()).unwrap()) as usize]
    }
}
