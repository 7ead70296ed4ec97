//! The text of `maildirsize` (Maildir++): what an account may hold, and what it holds.
//!
//! The first line is the limits, `NNNS,NNNC`: octets, and messages; a limit that is missing or 0 is none. Each further line is
//! octets and messages that came, or went (with a minus); their sum is what is used. Programs append a line for each change. A
//! text that says anything else is damaged: its limits count as far as they can be read, its sum does not.

use std::fmt;

/// Files of as many octets or more are written anew.
pub(crate) const LARGEST: u64 = 5120;
/// The mailbox that does not count, by the name of its directory.
pub(crate) const TRASH: &str = ".Trash";

/// What an account may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Limits {
    /// Octets.
    pub(crate) storage: Option<u64>,
    pub(crate) messages: Option<u64>,
}

impl Limits {
    /// Limits of 0 are none.
    pub(crate) fn new(storage: Option<u64>, messages: Option<u64>) -> Self {
        let some = |limit: &u64| *limit > 0;
        Self {
            storage: storage.filter(some),
            messages: messages.filter(some),
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The first line. What is no limit in it says nothing.
    pub(crate) fn parse(line: &str) -> Self {
        let mut limits = Self::default();
        for part in line.trim().split(',') {
            let Some((number, kind)) = part.split_at_checked(part.len().saturating_sub(1)) else {
                continue;
            };
            let limit = number.parse().ok();
            match kind {
                "S" => limits.storage = limit,
                "C" => limits.messages = limit,
                _ => {}
            }
        }
        Self::new(limits.storage, limits.messages)
    }

    /// Whether somebody who holds so much may have so much more. Who takes no more of a thing may always.
    pub(crate) fn allow(&self, used: Amount, more: Amount) -> bool {
        let all = used.and(more);
        (more.octets <= 0 || within(all.octets, self.storage))
            && (more.messages <= 0 || within(all.messages, self.messages))
    }

    /// Whether so much is too much.
    pub(crate) fn are_exceeded_by(&self, used: Amount) -> bool {
        !within(used.octets, self.storage) || !within(used.messages, self.messages)
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.storage, self.messages) {
            (Some(storage), Some(messages)) => write!(f, "{storage}S,{messages}C"),
            (None, Some(messages)) => write!(f, "{messages}C"),
            (storage, None) => write!(f, "{}S", storage.unwrap_or(0)),
        }
    }
}

fn within(held: i64, limit: Option<u64>) -> bool {
    limit.is_none_or(|limit| i128::from(held) <= i128::from(limit))
}

/// Octets and messages: what is there, what comes, or what goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Amount {
    pub(crate) octets: i64,
    pub(crate) messages: i64,
}

impl Amount {
    /// So many messages of so many octets together.
    pub(crate) fn new(messages: usize, octets: u64) -> Self {
        Self {
            octets: i64::try_from(octets).unwrap_or(i64::MAX),
            messages: i64::try_from(messages).unwrap_or(i64::MAX),
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            octets: self.octets.saturating_add(other.octets),
            messages: self.messages.saturating_add(other.messages),
        }
    }

    /// As much that goes, where this comes.
    pub(crate) fn negated(self) -> Self {
        Self {
            octets: self.octets.saturating_neg(),
            messages: self.messages.saturating_neg(),
        }
    }

    /// A line of the file: two numbers, and nothing else. More of them are what a crash has torn, with the next line behind it.
    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_ascii_whitespace().map(str::parse);
        let amount = Self {
            octets: numbers.next()?.ok()?,
            messages: numbers.next()?.ok()?,
        };
        numbers.next().is_none().then_some(amount)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.octets, self.messages)
    }
}

/// What a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaildirSize {
    pub(crate) limits: Limits,
    /// None where the file is damaged.
    pub(crate) sum: Option<Sum>,
}

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) used: Amount,
    /// Of how many lines: one was counted, those after it are what programs said of their changes.
    pub(crate) lines: usize,
}

impl MaildirSize {
    pub(crate) fn parse(octets: &[u8]) -> Self {
        let text = String::from_utf8_lossy(octets);
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        Self {
            limits: Limits::parse(first),
            sum: Sum::parse(rest),
        }
    }

    /// A file of what was counted.
    pub(crate) fn write(limits: Limits, used: Amount) -> String {
        format!("{limits}\n{used}")
    }
}

impl Sum {
    /// All lines after the first, of which at least one is there, the last with its end.
    fn parse(lines: &str) -> Option<Self> {
        let lines = lines.strip_suffix('\n')?;
        let mut sum = Self {
            used: Amount::default(),
            lines: 0,
        };
        for line in lines.split('\n') {
            sum.used = sum.used.and(Amount::parse(line)?);
            sum.lines += 1;
        }
        (sum.used.octets >= 0 && sum.used.messages >= 0).then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> MaildirSize {
        MaildirSize::parse(text.as_bytes())
    }

    #[test]
    fn what_dovecot_and_courier_write_is_read() {
        for text in [
            "1000S,10C\n300 3\n-100 -1\n",
            "1000S,10C\n         300            3\n        -100           -1\n",
            "10C,1000S\n200 2 \n",
        ] {
            let size = parse(text);
            assert_eq!(size.limits, Limits::new(Some(1000), Some(10)), "{text}");
            assert_eq!(size.sum.unwrap().used, Amount::new(2, 200), "{text}");
        }
        assert_eq!(parse("1000S\n0 0\n").limits, Limits::new(Some(1000), None));
        assert_eq!(parse("5C\n0 0\n").limits, Limits::new(None, Some(5)));
        for none in ["0S\n0 0\n", "0S,0C\n0 0\n", "NOQUOTA\n0 0\n", "\n0 0\n"] {
            assert!(parse(none).limits.is_none(), "{none}");
        }
    }

    #[test]
    fn a_damaged_file_keeps_its_limits_and_has_no_sum() {
        for damaged in [
            "1000S\n",
            "1000S",
            "1000S\n5 1",
            "1000S\n5 1\n7",
            "1000S\n5 1\n\n",
            "1000S\n5\n",
            "1000S\n5 x\n",
            "1000S\n-5 1\n",
            "1000S\n5 -1\n",
            "1000S\n5 1\n\0\0\0\n",
            "1000S\n99999999999999999999 1\n",
            "1000S\n50 170 1\n",
        ] {
            let size = parse(damaged);
            assert_eq!(size.limits.storage, Some(1000), "{damaged:?}");
            assert_eq!(size.sum, None, "{damaged:?}");
        }
        assert_eq!(MaildirSize::parse(b"\xff\xfe\n\xff").sum, None);
        assert_eq!(parse("").sum, None);
    }

    #[test]
    fn limits_are_written_as_dovecot_writes_them() {
        let text = |storage, messages| Limits::new(storage, messages).to_string();
        assert_eq!(text(Some(1000), Some(10)), "1000S,10C");
        assert_eq!(text(Some(1000), None), "1000S");
        assert_eq!(text(None, Some(10)), "10C");
        assert_eq!(text(None, None), "0S");
        assert_eq!(text(Some(0), Some(0)), "0S");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_panics(
            storage: Option<u64>, messages: Option<u64>, octets in 0i64.., count in 0i64.., garbage: Vec<u8>,
        ) {
            let (limits, used) = (Limits::new(storage, messages), Amount { octets, messages: count });
            let size = MaildirSize::parse(MaildirSize::write(limits, used).as_bytes());
            proptest::prop_assert_eq!(size, MaildirSize { limits, sum: Some(Sum { used, lines: 1 }) });
            let _ = MaildirSize::parse(&garbage);
        }
    }
}
