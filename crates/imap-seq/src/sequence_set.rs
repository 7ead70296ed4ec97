//! `SequenceSet`: what a client wrote after FETCH or UID FETCH, before it means any message.

use std::fmt;
use std::str::FromStr;

use crate::{SeqNum, Uid};

/// The two numbers that a set can be written in: [`SeqNum`] and [`Uid`]. Sealed.
pub trait Number: Copy + Ord + fmt::Display + fmt::Debug + sealed::Sealed {
    /// From a plain number; `None` for 0.
    fn from_plain(number: u32) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::SeqNum {}
    impl Sealed for crate::Uid {}
}

impl Number for SeqNum {
    fn from_plain(number: u32) -> Option<Self> {
        Self::new(number)
    }
}

impl Number for Uid {
    fn from_plain(number: u32) -> Option<Self> {
        Self::new(number)
    }
}

/// One end of a range, or a single number (RFC 9051 `seq-number`).
///
/// `*` is its own case and not a large number: 4,294,967,295 is a legal UID, and means something else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bound<T> {
    /// A number as written.
    Number(T),
    /// `*`, the last message of the view.
    Last,
}

/// One item of a set, between commas.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SetItem<T> {
    /// One number or `*`.
    Single(Bound<T>),
    /// All between two ends, both included, in either order: `4:2` is `2:4` (RFC 9051 `seq-range`).
    Range(Bound<T>, Bound<T>),
}

/// A set of message sequence numbers or UIDs as the client wrote it, never empty (RFC 9051 `sequence-set`).
///
/// Items may overlap, repeat and run backwards. It means no message until a [`View`](crate::View) resolves it.
/// `$` is not part of it: a saved result is a set of UIDs, for [`View::resolve_saved`](crate::View::resolve_saved).
///
/// ```
/// use imap_seq::{SequenceSet, Uid};
/// let set: SequenceSet<Uid> = "2,4:7,9,12:*".parse()?;
/// assert_eq!(set.items().len(), 4);
/// assert_eq!(set.to_string(), "2,4:7,9,12:*");
/// # Ok::<(), imap_seq::ParseSetError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SequenceSet<T> {
    items: Vec<SetItem<T>>,
}

impl<T> SequenceSet<T> {
    /// From its items in the order written; `None` when there are none.
    #[must_use]
    pub fn new(items: Vec<SetItem<T>>) -> Option<Self> {
        (!items.is_empty()).then_some(Self { items })
    }

    /// The items in the order written, at least one.
    #[must_use]
    pub fn items(&self) -> &[SetItem<T>] {
        &self.items
    }
}

impl<T> From<SetItem<T>> for SequenceSet<T> {
    fn from(item: SetItem<T>) -> Self {
        Self { items: vec![item] }
    }
}

impl<T: fmt::Display> fmt::Display for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Last => f.write_str("*"),
        }
    }
}

impl<T: fmt::Display> fmt::Display for SequenceSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, item) in self.items.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            match item {
                SetItem::Single(bound) => bound.fmt(f)?,
                SetItem::Range(from, to) => write!(f, "{from}:{to}")?,
            }
        }
        Ok(())
    }
}

/// The text is no sequence set in the syntax of RFC 9051; the client is at fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseSetError {
    item: String,
}

impl fmt::Display for ParseSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is neither a number, \"*\" nor a range of them",
            self.item
        )
    }
}

impl std::error::Error for ParseSetError {}

impl<T: Number> FromStr for SequenceSet<T> {
    type Err = ParseSetError;

    fn from_str(text: &str) -> Result<Self, ParseSetError> {
        let items = text.split(',').map(parse_item).collect::<Result<_, _>>()?;
        Ok(Self { items })
    }
}

fn parse_item<T: Number>(text: &str) -> Result<SetItem<T>, ParseSetError> {
    let item = match text.split_once(':') {
        None => parse_bound(text).map(SetItem::Single),
        Some((from, to)) => parse_bound(from)
            .zip(parse_bound(to))
            .map(|(from, to)| SetItem::Range(from, to)),
    };
    item.ok_or_else(|| ParseSetError {
        item: text.chars().take(30).collect(),
    })
}

/// `nz-number / "*"`: digits only, no leading zero, so that `+1` and `01`, which Rust would parse, are refused.
fn parse_bound<T: Number>(text: &str) -> Option<Bound<T>> {
    if text == "*" {
        return Some(Bound::Last);
    }
    if text.starts_with('0') || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().and_then(T::from_plain).map(Bound::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_prints_as_it_was_written() {
        for text in ["1", "*", "1:*", "*:1", "4:2,3,3,*", "4294967295"] {
            assert_eq!(text.parse::<SequenceSet<Uid>>().unwrap().to_string(), text);
            assert_eq!(text.parse::<SequenceSet<SeqNum>>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_the_grammar_does_not_know_is_refused() {
        for text in [
            "",
            "0",
            "1,",
            ",1",
            "1:",
            ":1",
            "1:2:3",
            "+1",
            "01",
            "1 ",
            "4294967296",
            "-1",
            "a",
            "$",
            "**",
        ] {
            assert!(text.parse::<SequenceSet<Uid>>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_set_has_at_least_one_item() {
        assert_eq!(SequenceSet::<Uid>::new(vec![]), None);
    }
}
