//! Passwords that may be stored.

use std::fmt;
use std::str::FromStr;

/// Longest password, in octets. Hashing reads all of it, so a limit bounds what one login can cost.
pub const MAX_PASSWORD: usize = 1024;

/// A password that may be stored: 1 to [`MAX_PASSWORD`] octets, no control characters.
///
/// Its `Debug` form hides it, so that no log line can show it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Nothing was given.
    #[error("the password is empty")]
    Empty,
    /// Longer than [`MAX_PASSWORD`] octets.
    #[error("the password is longer than {MAX_PASSWORD} octets")]
    TooLong,
    /// Has a control character, which many mail programs cannot send.
    #[error("the password has a control character or a line break in it")]
    Control,
}

impl FromStr for Password {
    type Err = BadPassword;

    fn from_str(password: &str) -> Result<Self, BadPassword> {
        match password {
            "" => Err(BadPassword::Empty),
            long if long.len() > MAX_PASSWORD => Err(BadPassword::TooLong),
            other if other.chars().any(char::is_control) => Err(BadPassword::Control),
            fine => Ok(Self(fine.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_with_line_breaks_or_without_content_are_refused() {
        assert_eq!("".parse::<Password>(), Err(BadPassword::Empty));
        assert_eq!("a\nb".parse::<Password>(), Err(BadPassword::Control));
        assert_eq!("a\0b".parse::<Password>(), Err(BadPassword::Control));
        assert_eq!(
            "x".repeat(MAX_PASSWORD + 1).parse::<Password>(),
            Err(BadPassword::TooLong)
        );
        assert!("pässwörd 密码".parse::<Password>().is_ok());
    }
}
