//! Who made a change, and whether the maker is told of it.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Who made a change: one session, or something that is no session.
///
/// An origin fits a signed 64-bit column ([`to_i64`](Self::to_i64)), so that a store can write beside each change who
/// made it and [`Event::by`](crate::Event::by) can read it back. Each process numbers its sessions from a random place
/// of the 2^64 numbers on, which the system's randomness chooses at its start. Two processes that open a thousand million
/// sessions each give one number twice with a chance below 1 in 10^9; if it happens, one session is not told of flags that
/// another one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(u64);

impl Origin {
    /// Delivery, another program, an administrator: every session is told.
    pub const EXTERNAL: Self = Self(0);

    /// An origin that no session has.
    pub(crate) fn unused() -> Self {
        // Not modelled by loom: nothing depends on the order in which sessions are numbered.
        static START: OnceLock<u64> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let start = *START.get_or_init(|| RandomState::new().hash_one(std::process::id()));
        loop {
            let origin = Self(start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)));
            if origin != Self::EXTERNAL {
                return origin;
            }
        }
    }

    /// For a signed 64-bit column. Negative numbers are as good as others; 0 is [`EXTERNAL`](Self::EXTERNAL).
    pub const fn to_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// From what [`to_i64`](Self::to_i64) gave, in this process or another.
    pub const fn from_i64(number: i64) -> Self {
        Self(number.cast_unsigned())
    }

    /// The number that names the session among the sleepers of its mailbox.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// Whether the session that made a flag change is told of it like everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Echo {
    /// The next drain reports it to its maker as well.
    Tell,
    /// The maker knows: its STORE handler writes the FETCH itself, or the client asked for `.SILENT`.
    Silent,
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn an_origin_comes_back_from_the_column_it_was_written_to() {
        for origin in [
            Origin::EXTERNAL,
            Origin::unused(),
            Origin(u64::MAX),
            Origin(1 << 63),
        ] {
            assert_eq!(Origin::from_i64(origin.to_i64()), origin);
        }
        assert_eq!(Origin::EXTERNAL.to_i64(), 0);
    }

    #[test]
    fn no_two_sessions_have_the_same_origin() {
        let (one, other) = (Origin::unused(), Origin::unused());
        assert_ne!(one, other);
        assert_ne!(one, Origin::EXTERNAL);
    }
}
