//! Keywords: the flags that a server or a user made up (RFC 9051 section 2.3.2).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// A flag that is not a system flag: an `atom` of 1 to [`Keyword::MAX_LEN`] octets, such as `$Junk` or `todo`.
///
/// The spelling is kept; comparison ignores ASCII case, as clients and servers do. Cloning shares the text.
#[derive(Clone)]
pub struct Keyword(Arc<str>);

impl Keyword {
    /// Longest keyword, in octets. The RFCs set no bound; no client shows more, and a bound keeps lines short.
    pub const MAX_LEN: usize = 255;

    /// Checks `text` against the `atom` rule of RFC 9051 section 9.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyword`] for an empty or too long text, and for an octet that no atom may contain.
    pub fn new(text: &str) -> Result<Self, InvalidKeyword> {
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        if fits && text.bytes().all(is_atom_char) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidKeyword)
        }
    }

    /// The keyword as it was first spelt.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|octet| octet.to_ascii_lowercase())
    }
}

/// `ATOM-CHAR` of RFC 9051 section 9: a printable ASCII octet without a meaning of its own.
const fn is_atom_char(octet: u8) -> bool {
    octet.is_ascii_graphic() && !matches!(octet, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Keyword {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|octet| state.write_u8(octet));
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyword({})", self.0)
    }
}

impl FromStr for Keyword {
    type Err = InvalidKeyword;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// The text is not a keyword: not 1 to 255 octets of an `atom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKeyword;

impl fmt::Display for InvalidKeyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a keyword is an atom of 1 to {} octets", Keyword::MAX_LEN)
    }
}

impl std::error::Error for InvalidKeyword {}

#[cfg(test)]
mod tests {
    use super::Keyword;

    #[test]
    fn only_atoms_are_keywords() {
        for good in ["$Junk", "todo", "a+b", "x[y"] {
            assert!(Keyword::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a(b", "\\Seen", "a]", "ü", "a\r\nb", "a*", "%"] {
            assert!(Keyword::new(bad).is_err(), "{bad}");
        }
        assert!(Keyword::new(&"k".repeat(256)).is_err());
    }

    #[test]
    fn comparison_ignores_case_and_keeps_the_spelling() {
        let (one, other) = (Keyword::new("$Junk").unwrap(), Keyword::new("$JUNK").unwrap());
        assert_eq!(one, other);
        assert_eq!(one.to_string(), "$Junk");
    }
}
