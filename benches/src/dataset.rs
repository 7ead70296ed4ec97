//! Mailboxes to measure on: the three shapes that UIDs have after years of use.

/// How the UIDs of a mailbox lie in the UID space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// 1 to n: nothing was ever expunged.
    Dense,
    /// One UID in ten is left.
    Sparse,
    /// Clusters of 10 to 1500 messages, UIDs 1 to 3 apart, with exponential gaps up to a UID of about 4.0e9.
    Old,
}

impl Shape {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Dense, Self::Sparse, Self::Old];

    /// As the tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Sparse => "sparse",
            Self::Old => "old",
        }
    }

    /// The UIDs of a mailbox of `messages`, ascending; the same each time.
    #[must_use]
    pub fn uids(self, messages: u32) -> Vec<u32> {
        let mut random = Random::new(u64::from(messages) ^ 0x5eed);
        match self {
            Self::Dense => (1..=messages).collect(),
            Self::Sparse => {
                let alive = (1..).filter(|_| random.below(10) == 0);
                alive.take(messages as usize).collect()
            }
            Self::Old => old(messages, &mut random),
        }
    }
}

fn old(messages: u32, random: &mut Random) -> Vec<u32> {
    let mut uids = Vec::with_capacity(messages as usize);
    // The mean cluster has about 300 messages; gaps share what is left of 4.0e9.
    let clusters = f64::from(messages) / 300.0;
    let mean_gap = ((4.0e9 - 2.0 * f64::from(messages)) / clusters.max(1.0)).max(1.0);
    let mut uid = 0_u32;
    while uids.len() < messages as usize {
        uid = uid.saturating_add(rounded(random.exponential() * mean_gap * 0.97).min(u32::MAX / 8));
        let size = 10 + rounded(random.exponential() * 290.0).min(1490);
        for _ in 0..size {
            uid = uid.saturating_add(1 + random.below(3));
            uids.push(uid);
        }
    }
    uids.truncate(messages as usize);
    uids.dedup();
    uids
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "non-negative, and clamped by the callers"
)]
fn rounded(value: f64) -> u32 {
    value as u32
}

/// A small generator (xorshift64*), so that every run and every machine measures the same mailbox.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0 to `bound`, exclusive.
    pub fn below(&mut self, bound: u32) -> u32 {
        let wide = (self.next() >> 32) * u64::from(bound);
        u32::try_from(wide >> 32).unwrap_or(0)
    }

    /// 0 to 1, exclusive.
    pub fn share(&mut self) -> f64 {
        f64::from(self.below(1 << 30)) / f64::from(1 << 30)
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(f64::from(self.below(1 << 30) + 1) / f64::from(1 << 30)).ln()
    }

    /// `count` of these, each as likely, with repetition.
    #[must_use]
    pub fn pick(&mut self, from: &[u32], count: usize) -> Vec<u32> {
        let bound = u32::try_from(from.len()).unwrap_or(u32::MAX);
        (0..count).map(|_| from[self.below(bound) as usize]).collect()
    }
}
