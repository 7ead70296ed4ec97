//! The flags of one message (RFC 9051 section 2.3.2), without `\Recent`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::keyword::{InvalidKeyword, Keyword};

/// One flag that a client can store. `\Recent` is not among them: it belongs to a session (see [`Recency`]).
///
/// [`Recency`]: crate::Recency
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Seen`
    Seen,
    /// `\Draft`
    Draft,
    /// Any other flag that does not begin with a backslash.
    Keyword(Keyword),
}

const SYSTEM: [(Flag, &str); 5] = [
    (Flag::Answered, "\\Answered"),
    (Flag::Flagged, "\\Flagged"),
    (Flag::Deleted, "\\Deleted"),
    (Flag::Seen, "\\Seen"),
    (Flag::Draft, "\\Draft"),
];

impl Flag {
    /// The bit of a system flag, or the keyword.
    fn place(&self) -> Result<u8, &Keyword> {
        match self {
            Self::Answered => Ok(1),
            Self::Flagged => Ok(1 << 1),
            Self::Deleted => Ok(1 << 2),
            Self::Seen => Ok(1 << 3),
            Self::Draft => Ok(1 << 4),
            Self::Keyword(keyword) => Err(keyword),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Seen => "\\Seen",
            Self::Draft => "\\Draft",
            Self::Keyword(keyword) => keyword.as_str(),
        })
    }
}

/// Reads what a client writes: `\Seen` in any case, or a keyword. `\Recent` and unknown `\` flags are refused.
impl FromStr for Flag {
    type Err = InvalidKeyword;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let system = SYSTEM.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        match system {
            Some((flag, _)) => Ok(flag.clone()),
            None => Keyword::new(text).map(Self::Keyword),
        }
    }
}

impl From<Keyword> for Flag {
    fn from(keyword: Keyword) -> Self {
        Self::Keyword(keyword)
    }
}

/// A message's flags: system flags as bits, keywords sorted and without duplicates.
///
/// Cloning costs no allocation. Insertion and removal of a keyword copy the keyword list, which is short.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    system: u8,
    /// `None` rather than an empty list, so that a message without keywords owns no heap.
    keywords: Option<Arc<[Keyword]>>,
}

impl Flags {
    /// No flag at all.
    pub const fn empty() -> Self {
        Self {
            system: 0,
            keywords: None,
        }
    }

    /// Whether no flag is set.
    pub const fn is_empty(&self) -> bool {
        self.system == 0 && self.keywords.is_none()
    }

    /// Whether `flag` is set; keywords compare without case.
    pub fn contains(&self, flag: &Flag) -> bool {
        match flag.place() {
            Ok(bit) => self.system & bit != 0,
            Err(keyword) => self.keywords().binary_search(keyword).is_ok(),
        }
    }

    /// Sets `flag`. A keyword that is there already keeps its spelling.
    pub fn insert(&mut self, flag: Flag) {
        match flag.place() {
            Ok(bit) => self.system |= bit,
            Err(keyword) => {
                if let Err(at) = self.keywords().binary_search(keyword) {
                    let mut list = self.keywords().to_vec();
                    list.insert(at, keyword.clone());
                    self.keywords = Some(list.into());
                }
            }
        }
    }

    /// Clears `flag`.
    pub fn remove(&mut self, flag: &Flag) {
        match flag.place() {
            Ok(bit) => self.system &= !bit,
            Err(keyword) => {
                if let Ok(at) = self.keywords().binary_search(keyword) {
                    let mut list = self.keywords().to_vec();
                    list.remove(at);
                    self.set_keywords(list);
                }
            }
        }
    }

    /// The keywords, sorted without case.
    pub fn keywords(&self) -> &[Keyword] {
        self.keywords.as_deref().unwrap_or_default()
    }

    /// All flags: system flags first, then keywords in order.
    pub fn iter(&self) -> impl Iterator<Item = Flag> + '_ {
        let system = SYSTEM
            .iter()
            .map(|(flag, _)| flag.clone())
            .filter(|flag| self.contains(flag));
        system.chain(self.keywords().iter().cloned().map(Flag::Keyword))
    }

    /// The flags that are set in either: `STORE +FLAGS`.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.extend(other.iter());
        all
    }

    /// The flags that are set here and not in `other`: `STORE -FLAGS`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.system &= !other.system;
        if !other.keywords().is_empty() {
            let kept = self
                .keywords()
                .iter()
                .filter(|keyword| other.keywords().binary_search(keyword).is_err());
            rest.set_keywords(kept.cloned().collect());
        }
        rest
    }

    fn set_keywords(&mut self, list: Vec<Keyword>) {
        self.keywords = if list.is_empty() { None } else { Some(list.into()) };
    }
}

impl Extend<Flag> for Flags {
    fn extend<I: IntoIterator<Item = Flag>>(&mut self, flags: I) {
        flags.into_iter().for_each(|flag| self.insert(flag));
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut all = Self::empty();
        all.extend(flags);
        all
    }
}

/// The flags as a parenthesised list in RFC syntax: `(\Seen $Junk)`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (place, flag) in self.iter().enumerate() {
            write!(f, "{}{flag}", if place == 0 { "" } else { " " })?;
        }
        f.write_str(")")
    }
}

/// Reads what [`Display`](fmt::Display) wrote, and what a column of a table may have: flags with spaces between them, in
/// parentheses or without, in any order.
///
/// ```
/// use imap_updates::Flags;
/// let flags: Flags = "\\Seen $Junk".parse()?;
/// assert_eq!(flags.to_string(), "(\\Seen $Junk)");
/// assert_eq!("()".parse::<Flags>()?, Flags::empty());
/// # Ok::<(), imap_updates::InvalidKeyword>(())
/// ```
///
/// # Errors
///
/// [`InvalidKeyword`] if one of them is no flag that a client can store.
impl FromStr for Flags {
    type Err = InvalidKeyword;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let words = inner.unwrap_or(text).split(' ');
        words
            .filter(|word| !word.is_empty())
            .map(str::parse::<Flag>)
            .collect()
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{Flag, Flags};

    fn flags(text: &str) -> Flags {
        text.split_whitespace()
            .map(|flag| flag.parse::<Flag>().unwrap())
            .collect()
    }

    #[test]
    fn a_flag_list_is_written_as_the_rfc_writes_it() {
        assert_eq!(
            flags("todo \\seen $Junk \\DRAFT TODO").to_string(),
            "(\\Seen \\Draft $Junk todo)"
        );
        assert_eq!(Flags::empty().to_string(), "()");
    }

    #[test]
    fn union_and_difference_are_those_of_sets() {
        let (a, b) = (flags("\\Seen x y"), flags("\\Draft Y z"));
        assert_eq!(a.union(&b), flags("\\Seen \\Draft x y z"));
        assert_eq!(a.difference(&b), flags("\\Seen x"));
        assert!(flags("x").difference(&flags("X")).is_empty());
    }

    #[test]
    fn removing_the_last_keyword_gives_the_empty_flags() {
        let mut all = flags("x");
        all.remove(&"X".parse().unwrap());
        assert_eq!(all, Flags::empty());
    }

    #[test]
    fn recent_is_not_a_flag_that_can_be_stored() {
        assert!("\\Recent".parse::<Flag>().is_err());
    }

    #[test]
    fn a_list_with_something_that_is_no_flag_is_refused() {
        for text in [
            "\\Recent",
            "\\Seen (x)",
            "(\\Seen",
            "\\Seen)",
            "(())",
            "a\tb",
            "\u{e9}",
        ] {
            assert!(text.parse::<Flags>().is_err(), "{text:?}");
        }
        for text in ["", " ", "()", "( )"] {
            assert_eq!(text.parse(), Ok(Flags::empty()), "{text:?}");
        }
    }

    fn flag() -> impl Strategy<Value = Flag> {
        "[!-~]{1,9}|\\\\(Seen|Flagged|Draft|Deleted|Answered)"
            .prop_filter_map("no flag", |text| text.parse::<Flag>().ok())
    }

    proptest! {
        #[test]
        fn flags_are_read_as_they_were_written(list in vec(flag(), 0..6), gap in " {1,3}") {
            let flags: Flags = list.iter().cloned().collect();
            prop_assert_eq!(flags.to_string().parse::<Flags>(), Ok(flags.clone()));
            let column: Vec<String> = list.iter().map(ToString::to_string).collect();
            prop_assert_eq!(column.join(&gap).parse::<Flags>(), Ok(flags));
        }
    }
}
