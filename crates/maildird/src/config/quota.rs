//! How much each user may hold.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Octets, at least 1: a number, or a string such as `500MiB`, `2GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StorageQuota(pub(crate) u64);

impl FromStr for StorageQuota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = text.find(|character: char| !character.is_ascii_digit());
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let factor = match unit.trim_start() {
            "" | "B" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            "TiB" => Some(1 << 40),
            _ => None,
        };
        let octets = factor.and_then(|factor: u64| number.parse::<u64>().ok()?.checked_mul(factor));
        let octets = octets.filter(|octets| *octets > 0);
        octets
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no size of at least 1 octet, such as 500MiB or 2GiB"))
    }
}

impl<'de> Deserialize<'de> for StorageQuota {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = StorageQuota;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("octets, or a size such as \"2GiB\"")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<StorageQuota, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<StorageQuota, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_and_more_than_32_bits() {
        for (text, octets) in [
            ("1", 1),
            ("64KiB", 65536),
            ("2GiB", 1 << 31),
            ("5 TiB", 5 << 40),
            ("7B", 7),
        ] {
            assert_eq!(text.parse(), Ok(StorageQuota(octets)), "{text}");
        }
        for bad in ["", "0", "0GiB", "-1", "2GB", "GiB", "99999999TiB", "1.5GiB"] {
            assert!(bad.parse::<StorageQuota>().is_err(), "{bad}");
        }
    }
}
