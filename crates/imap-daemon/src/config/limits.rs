//! The table `[limits]` and the flag `--limit NAME=VALUE`: one list of names for both.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A size in octets, at least 1 and below 4 GiB: a number, or a string such as `64KiB`, `25MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Octets(pub u32);

/// A time of at least 1 ms: a string with a unit, such as `250ms`, `60s`, `30min`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

/// How many of something, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u32);

impl From<Time> for Duration {
    fn from(time: Time) -> Self {
        time.0
    }
}

/// The server counts in `u32` or `usize`, as its own needs are.
macro_rules! into_server_numbers {
    ($($name:ident),*) => {$(
        impl From<$name> for u32 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl From<$name> for usize {
            fn from(value: $name) -> Self {
                Self::try_from(value.0).unwrap_or(Self::MAX)
            }
        }
    )*};
}

into_server_numbers!(Octets, Count);

impl From<Count> for Option<NonZeroU32> {
    fn from(count: Count) -> Self {
        NonZeroU32::new(count.0)
    }
}

/// The number and the unit of `25MiB`.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim_start()))
}

impl FromStr for Octets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = split(text).and_then(|(number, unit)| {
            let shift = match unit {
                "" | "B" => 0,
                "KiB" => 10,
                "MiB" => 20,
                "GiB" => 30,
                _ => return None,
            };
            u32::try_from(number.checked_mul(1 << shift)?)
                .ok()
                .filter(|octets| *octets > 0)
        });
        parsed
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no size from 1 octet to 4 GiB, such as 8192, 64KiB or 25MiB"))
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = split(text).and_then(|(number, unit)| {
            let milliseconds = match unit {
                "ms" => 1,
                "s" => 1000,
                "min" => 60_000,
                "h" => 3_600_000,
                _ => return None,
            };
            // A year is as good as forever, and far from where clocks overflow.
            let time = number
                .checked_mul(milliseconds)
                .filter(|time| (1..=31_536_000_000).contains(time))?;
            Some(Self(Duration::from_millis(time)))
        });
        parsed
            .ok_or_else(|| format!("{text:?} is no time from 1ms to a year, such as 250ms, 60s, 30min or 1h"))
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse().ok().filter(|count| *count > 0);
        count
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no number from 1 to {}", u32::MAX))
    }
}

/// Reads a value that TOML has as a number or as a string, and `--limit` as a string.
macro_rules! from_number_or_string {
    ($($name:ident: $expecting:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Reader;
                impl Visitor<'_> for Reader {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_i64<E: Error>(self, number: i64) -> Result<$name, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                }
                from.deserialize_any(Reader)
            }
        }
    )*};
}

from_number_or_string! {
    Octets: "a size such as 8192 or \"64KiB\"";
    Time: "a time such as \"60s\"";
    Count: "a number";
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// The limits that were set. What each bounds is said at the server's own field of the same name.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct LimitsLayer {
            $($(#[$doc])* pub $name: Option<$kind>,)*
        }

        impl LimitsLayer {
            /// All names, in the order of the example file.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// This layer's limits, and `below`'s where this one has none.
            #[must_use]
            pub fn over(self, below: Self) -> Self {
                Self { $($name: self.$name.or(below.$name),)* }
            }

            /// The server's limits, with those that were set in their place.
            #[must_use]
            pub fn over_server(&self, mut limits: imap_server::Limits) -> imap_server::Limits {
                $(if let Some(value) = self.$name {
                    limits.$name = value.into();
                })*
                limits
            }

            fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
                match name {
                    $(stringify!($name) => self.$name = Some(value.parse()?),)*
                    _ => return Err(format!("there is no limit {name:?}; there are: {}", Self::NAMES.join(", "))),
                }
                Ok(())
            }
        }
    };
}

limits! {
    /// Open connections in total.
    connections: Count,
    /// Open connections from one IP address.
    connections_per_address: Count,
    /// From connecting to a completed login.
    login_time: Time,
    /// Without a command after login, IDLE included.
    idle_time: Time,
    /// In which a client must take at least one octet of an answer.
    write_stall: Time,
    /// For one TLS handshake.
    tls_handshake: Time,
    /// So many failed logins end the connection.
    failed_logins: Count,
    /// After the n-th failed login the answer waits n times this long.
    failed_login_delay: Time,
    /// Logins being checked at the same time.
    logins_at_once: Count,
    /// So many BAD answers in a row end the connection.
    bad_commands: Count,
    /// The longest command line before login.
    line_before_login: Octets,
    /// The longest command line after login.
    line: Octets,
    /// The largest literal before login.
    literal_before_login: Octets,
    /// The largest literal after login, other than a message.
    literal: Octets,
    /// The most literals in one command.
    literals: Count,
    /// The largest command with all its lines and literals, without an APPEND's message.
    command: Octets,
    /// The largest message in APPEND.
    append: Octets,
    /// The most messages in one APPEND.
    append_messages: Count,
    /// All messages of one APPEND together.
    append_octets: Octets,
    /// The most parts of one message that is put together (CATENATE).
    append_parts: Count,
    /// The most messages that one command processes.
    message_limit: Count,
    /// The most messages that one COPY or APPEND saves.
    save_limit: Count,
    /// Pause between two batches of updates to an idling client.
    idle_batch: Time,
    /// How often a mailbox is looked at while its client idles, besides being watched.
    idle_poll: Time,
    /// How often a client that idles is told that the server is still there.
    idle_keep_alive: Time,
    /// How long a stopping server waits for commands in progress.
    stop_time: Time,
}

/// `NAME=VALUE`, as `--limit` has it.
impl FromStr for LimitsLayer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not of the form NAME=VALUE"))?;
        let mut layer = Self::default();
        layer.set(name.trim(), value.trim())?;
        Ok(layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_need_units_that_exist_and_fit() {
        assert_eq!("64KiB".parse(), Ok(Octets(65_536)));
        assert_eq!("25 MiB".parse(), Ok(Octets(25 << 20)));
        assert_eq!("8192".parse(), Ok(Octets(8192)));
        for bad in [
            "",
            "0",
            "64kb",
            "-1",
            "1.5MiB",
            "4GiB",
            "99999999999999999999",
            "MiB",
        ] {
            assert!(bad.parse::<Octets>().is_err(), "{bad:?}");
        }
        assert_eq!("250ms".parse(), Ok(Time(Duration::from_millis(250))));
        assert_eq!("30min".parse(), Ok(Time(Duration::from_secs(1800))));
        for bad in ["", "60", "0s", "1m", "9000h", "99999999999999999999h"] {
            assert!(bad.parse::<Time>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_flag_knows_the_names_of_the_table() {
        for name in LimitsLayer::NAMES {
            let value = ["1", "1s"]
                .into_iter()
                .find(|value| format!("{name}={value}").parse::<LimitsLayer>().is_ok());
            let value = value.unwrap_or_else(|| panic!("no value fits {name}"));
            let from_table: LimitsLayer = toml::from_str(&format!("{name} = \"{value}\"")).unwrap();
            assert_eq!(format!("{name}={value}").parse(), Ok(from_table));
        }
        let unknown = "size=1".parse::<LimitsLayer>().unwrap_err();
        assert!(
            unknown.contains("\"size\"") && unknown.contains("connections_per_address"),
            "{unknown}"
        );
    }
}
