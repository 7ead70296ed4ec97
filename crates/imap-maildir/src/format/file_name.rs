//! Message file names: the base name that identifies a message, the sizes and the order that it tells.
//!
//! A name is `<seconds>.M<microseconds>P<process>Q<count>R<random>.<host>[,S=<octets>][,W=<octets>][:2,<flags>]`. Everything before
//! the first `:` is the base name; it never changes while the message stays in its mailbox.

/// Splits a file name at the first `:` into base name and information part (with its colon).
#[must_use]
pub(crate) fn split(name: &[u8]) -> (&[u8], &[u8]) {
    name.split_at(memchr::memchr(b':', name).unwrap_or(name.len()))
}

/// Whether a directory entry can be a message: not hidden, not starting with `:`, without CR, LF or `/`.
#[must_use]
pub(crate) fn is_message_name(name: &[u8]) -> bool {
    !name.is_empty()
        && !matches!(name[0], b'.' | b':')
        && !name.iter().any(|octet| matches!(octet, b'\r' | b'\n' | b'/' | 0))
}

/// Sizes that a base name claims. They are claims: a wrong one is worse than none, so check before use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct ClaimedSizes {
    /// `S=`: octets in the file.
    pub(crate) physical: Option<u64>,
    /// `W=`: octets with every line end as CRLF (RFC822.SIZE).
    pub(crate) wire: Option<u64>,
}

impl ClaimedSizes {
    /// Reads `,S=` and `,W=` fields of a base name; the first of each counts.
    #[must_use]
    pub(crate) fn of(base: &[u8]) -> Self {
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

    /// The claimed sizes if both are claimed and the file has `physical` octets, as the name says.
    pub(crate) fn if_physical_is(self, physical: u64) -> Option<Sizes> {
        let wire = self.wire.filter(|_| self.physical == Some(physical))?;
        Some(Sizes { physical, wire })
    }
}

/// Both sizes of a message, where the file is known to have the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Octets in the file.
    pub(crate) physical: u64,
    /// Octets with every line end as CRLF (RFC822.SIZE).
    pub(crate) wire: u64,
}

/// A base name that claims the sizes of a file that has this many octets and, with every line end as CRLF, `wire` octets.
pub(crate) fn with_sizes(base: &[u8], physical: u64, wire: u64) -> Vec<u8> {
    [base, format!(",S={physical},W={wire}").as_bytes()].concat()
}

/// A decimal number without sign, space or overflow.
#[must_use]
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
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
pub(crate) fn arrival_order(base: &[u8]) -> (u64, u64) {
    let dot = base.iter().position(|&octet| octet == b'.').unwrap_or(base.len());
    let seconds = number(&base[..dot]).unwrap_or(0);
    let rest = base.get(dot + 1..).unwrap_or_default();
    let micros = rest.iter().position(|&octet| octet == b'M').map_or(0, |at| {
        let digits = &rest[at + 1..];
        let end = digits.iter().position(|octet| !octet.is_ascii_digit());
        number(&digits[..end.unwrap_or(digits.len())]).unwrap_or(0)
    });
    (seconds, micros)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn arrival_order_is_seconds_then_microseconds() {
        assert_eq!(arrival_order(b"17.M000250P1.h"), (17, 250));
        assert_eq!(arrival_order(b"17.R1M3.h"), (17, 3));
        assert_eq!(arrival_order(b"odd"), (0, 0));
    }
}
