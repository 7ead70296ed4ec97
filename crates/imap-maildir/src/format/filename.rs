//! Message file names: the base name that identifies a message, and the generator of new ones.
//!
//! A name is `<seconds>.M<microseconds>P<process>Q<count>R<random>.<host>[,S=<octets>][,W=<octets>][:2,<flags>]`. Everything before
//! the first `:` is the base name; it never changes while the message stays in its mailbox.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Splits a file name at the first `:` into base name and information part (with its colon).
#[must_use]
pub fn split(name: &[u8]) -> (&[u8], &[u8]) {
    name.split_at(name.iter().position(|&octet| octet == b':').unwrap_or(name.len()))
}

/// Whether a directory entry can be a message: not hidden, not starting with `:`, without CR, LF or `/`.
#[must_use]
pub fn is_message_name(name: &[u8]) -> bool {
    !name.is_empty()
        && !matches!(name[0], b'.' | b':')
        && !name.iter().any(|octet| matches!(octet, b'\r' | b'\n' | b'/' | 0))
}

/// Sizes that a base name claims. They are claims: a wrong one is worse than none, so check before use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ClaimedSizes {
    /// `S=`: octets in the file.
    pub physical: Option<u64>,
    /// `W=`: octets with every line end as CRLF (RFC822.SIZE).
    pub wire: Option<u64>,
}

impl ClaimedSizes {
    /// Reads `,S=` and `,W=` fields of a base name; the first of each counts.
    #[must_use]
    pub fn of(base: &[u8]) -> Self {
        let mut sizes = Self::default();
        for field in base.split(|&octet| octet == b',').skip(1) {
            if let Some(digits) = field.strip_prefix(b"S=") {
                sizes.physical = sizes.physical.or_else(|| number(digits));
            } else if let Some(digits) = field.strip_prefix(b"W=") {
                sizes.wire = sizes.wire.or_else(|| number(digits));
            }
        }
        sizes
    }
}

/// A decimal number without sign, space or overflow.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, octet| {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            None
        } else {
            value.checked_mul(10)?.checked_add(u64::from(digit))
        }
    })
}

/// The order in which messages found on disk get their UIDs: seconds, then microseconds (`M`), then the name itself.
#[must_use]
pub fn arrival_order(base: &[u8]) -> (u64, u64) {
    let dot = base.iter().position(|&octet| octet == b'.').unwrap_or(base.len());
    let seconds = number(&base[..dot]).unwrap_or(0);
    let rest = base.get(dot + 1..).unwrap_or_default();
    let micros = rest.iter().position(|&octet| octet == b'M').map_or(0, |at| {
        let digits: Vec<u8> = rest[at + 1..]
            .iter()
            .copied()
            .take_while(u8::is_ascii_digit)
            .collect();
        number(&digits).unwrap_or(0)
    });
    (seconds, micros)
}

/// Makes base names that nobody else makes: unique among processes, hosts and containers that share a host name.
#[derive(Debug)]
pub struct NameGenerator {
    host: String,
    process: u32,
    /// Containers all have process 1 and may share a host name: a random part per generator tells them apart.
    random: u32,
    count: AtomicU64,
    /// Microseconds since the epoch of the latest name, so that later names sort later when the clock steps back.
    latest: AtomicU64,
}

impl NameGenerator {
    /// A generator for this process.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new() -> io::Result<Self> {
        let mut random = [0; 4];
        crate::disk::random::fill(&mut random)?;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(Self::with(&host, std::process::id(), u32::from_ne_bytes(random)))
    }

    fn with(host: &str, process: u32, random: u32) -> Self {
        let host = host
            .replace('/', "\\057")
            .replace(':', "\\072")
            .replace(',', "\\054");
        Self {
            host,
            process,
            random,
            count: AtomicU64::new(0),
            latest: AtomicU64::new(0),
        }
    }

    /// A new base name, later in [`arrival_order`] than all before it, or equal and later by count.
    #[must_use]
    pub fn next(&self) -> Vec<u8> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        let before = self.latest.fetch_max(now + 1, Ordering::Relaxed);
        let micros = if before > now {
            self.latest.fetch_add(1, Ordering::Relaxed)
        } else {
            now
        };
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!(
            "{}.M{:06}P{}Q{}R{:08x}.{}",
            micros / 1_000_000,
            micros % 1_000_000,
            self.process,
            count,
            self.random,
            self.host
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_base_name_ends_at_the_first_colon() {
        assert_eq!(split(b"1.M2P3.h:2,S:x"), (&b"1.M2P3.h"[..], &b":2,S:x"[..]));
        assert_eq!(split(b"1.M2P3.h"), (&b"1.M2P3.h"[..], &b""[..]));
        assert_eq!(split(b":2,S"), (&b""[..], &b":2,S"[..]));
    }

    #[test]
    fn entries_that_are_no_messages_are_told_apart() {
        for name in [&b""[..], b".hidden", b":2,S", b"a\nb", b"a\rb"] {
            assert!(!is_message_name(name), "{name:?}");
        }
        assert!(is_message_name(b"1.x:2,"));
    }

    #[test]
    fn claimed_sizes_are_read_from_the_base_name_only() {
        let sizes = ClaimedSizes::of(b"1.M2.h,S=40,W=42");
        assert_eq!(
            sizes,
            ClaimedSizes {
                physical: Some(40),
                wire: Some(42)
            }
        );
        for bad in [&b"1.h,S=,W=-1"[..], b"1.h,S=99999999999999999999,W=4x", b"S=4"] {
            assert_eq!(ClaimedSizes::of(bad), ClaimedSizes::default(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_unique_and_ascend_in_arrival_order() {
        let generator = NameGenerator::with("a/b:c,d", 7, 9);
        let names: Vec<_> = (0..2000).map(|_| generator.next()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert!(
            names
                .windows(2)
                .all(|pair| arrival_order(&pair[0]) < arrival_order(&pair[1]))
        );
        assert!(
            names[0].ends_with(b".a\\057b\\072c\\054d"),
            "{}",
            String::from_utf8_lossy(&names[0])
        );
        assert!(names.iter().all(|name| is_message_name(name)));
    }

    #[test]
    fn two_processes_with_the_same_number_and_host_make_different_names() {
        let (one, two) = (NameGenerator::new().unwrap(), NameGenerator::new().unwrap());
        assert_ne!(one.random, two.random);
    }

    #[test]
    fn arrival_order_is_seconds_then_microseconds() {
        assert_eq!(arrival_order(b"17.M000250P1.h"), (17, 250));
        assert_eq!(arrival_order(b"17.R1M3.h"), (17, 3));
        assert_eq!(arrival_order(b"odd"), (0, 0));
    }
}
