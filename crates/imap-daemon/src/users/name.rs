//! Names that users may have.

use std::fmt;
use std::str::FromStr;

/// Longest user name, in octets: room for an address, and far below the 255 octets of a file name.
pub const MAX_NAME: usize = 128;

/// A user's name: 1 to [`MAX_NAME`] octets of ASCII letters, digits and `. _ - + @`, the first a letter or a digit.
///
/// The name becomes a folder's name where the mail root says `%u`, so nothing in it can mean a path: no `/`, no
/// leading dot. Names are compared exactly: `Ada` and `ada` are two users.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A string that cannot be a user's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be a user name: it takes 1 to {MAX_NAME} ASCII letters, digits and . _ - + @, \
     the first a letter or a digit"
)]
pub struct BadUserName(String);

impl FromStr for UserName {
    type Err = BadUserName;

    fn from_str(name: &str) -> Result<Self, BadUserName> {
        let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"._-+@".contains(&octet);
        let begins = name
            .bytes()
            .next()
            .is_some_and(|octet| octet.is_ascii_alphanumeric());
        if begins && name.len() <= MAX_NAME && name.bytes().all(legal) {
            Ok(Self(name.to_owned()))
        } else {
            Err(BadUserName(name.chars().take(MAX_NAME).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_mean_a_path_are_refused() {
        for bad in [
            "", ".", "..", ".hidden", "a/b", "../ada", "a:b", "a b", "-x", "a\0", "a\n", "grüße", "#x", "%u",
        ] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(MAX_NAME + 1).parse::<UserName>().is_err());
        for good in [
            "a",
            "ada",
            "ada.l+x@example.org",
            "7",
            "A_b-c",
            &"a".repeat(MAX_NAME),
        ] {
            assert_eq!(good.parse::<UserName>().unwrap().as_str(), good);
        }
    }
}
