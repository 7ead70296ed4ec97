//! Rights: what an ACL grants (RFC 4314, section 2.1).

use std::fmt;

use imap_updates::{Flag, Flags};

/// A set of rights (RFC 4314, section 2.1).
///
/// There are two ways to write one. [`letters`](Self::letters) are the rights themselves: for columns and files. `Display`
/// adds the virtual rights `c` and `d` of section 2.1.1, as clients are told it.
///
/// ```
/// use imap_backend::Rights;
/// let rights: Rights = "lrsd".parse().unwrap();
/// assert!(rights.includes(Rights::DELETE_MESSAGES.and(Rights::EXPUNGE)));
/// assert_eq!((rights.letters().as_str(), rights.to_string().as_str()), ("lrste", "lrsted"));
/// assert_eq!("lrQ".parse::<Rights>().unwrap_err().to_string(), "uppercase rights are not allowed");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u16);

/// The letters, in the order in which they are written.
const LETTERS: [(Rights, char); 11] = [
    (Rights::LOOKUP, 'l'),
    (Rights::READ, 'r'),
    (Rights::KEEP_SEEN, 's'),
    (Rights::WRITE, 'w'),
    (Rights::INSERT, 'i'),
    (Rights::POST, 'p'),
    (Rights::CREATE, 'k'),
    (Rights::DELETE, 'x'),
    (Rights::DELETE_MESSAGES, 't'),
    (Rights::EXPUNGE, 'e'),
    (Rights::ADMINISTER, 'a'),
];

impl Rights {
    /// `l`: sees the mailbox.
    pub const LOOKUP: Self = Self(1);
    /// `r`: opens it.
    pub const READ: Self = Self(1 << 1);
    /// `s`: changes `\Seen`.
    pub const KEEP_SEEN: Self = Self(1 << 2);
    /// `w`: changes flags other than `\Seen` and `\Deleted`.
    pub const WRITE: Self = Self(1 << 3);
    /// `i`: adds messages.
    pub const INSERT: Self = Self(1 << 4);
    /// `p`: sends mail to it. IMAP does nothing with it.
    pub const POST: Self = Self(1 << 5);
    /// `k`: makes mailboxes below it.
    pub const CREATE: Self = Self(1 << 6);
    /// `x`: deletes it, or gives it another name.
    pub const DELETE: Self = Self(1 << 7);
    /// `t`: changes `\Deleted`.
    pub const DELETE_MESSAGES: Self = Self(1 << 8);
    /// `e`: expunges.
    pub const EXPUNGE: Self = Self(1 << 9);
    /// `a`: reads and changes the ACL.
    pub const ADMINISTER: Self = Self(1 << 10);
    /// All of them.
    pub const ALL: Self = Self((1 << 11) - 1);
    /// `k` and `x`, which clients of RFC 2086 know as `c`.
    pub const VIRTUAL_CREATE: Self = Self(Self::CREATE.0 | Self::DELETE.0);
    /// `t` and `e`, which clients of RFC 2086 know as `d`.
    pub const VIRTUAL_DELETE: Self = Self(Self::DELETE_MESSAGES.0 | Self::EXPUNGE.0);

    /// The virtual rights, their members and their letters.
    pub(crate) const VIRTUAL: [(Self, char); 2] = [(Self::VIRTUAL_CREATE, 'c'), (Self::VIRTUAL_DELETE, 'd')];

    /// No right.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without the rights of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every right of `other` is among these.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether one of `others` is among these.
    #[must_use]
    pub const fn includes_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rights of a text that was stored, as [`letters`](Self::letters) writes it. Letters that are none are passed over:
    /// for columns and files.
    #[must_use]
    pub fn of_letters(text: &str) -> Self {
        text.chars()
            .filter_map(Self::of_letter)
            .fold(Self::none(), Self::and)
    }

    /// The letters, without virtual rights.
    #[must_use]
    pub fn letters(self) -> String {
        let granted = LETTERS.iter().filter(|(right, _)| self.includes(*right));
        granted.map(|(_, letter)| letter).collect()
    }

    fn of_letter(letter: char) -> Option<Self> {
        let known = LETTERS.iter().find(|(_, known)| *known == letter);
        known.map(|(right, _)| *right)
    }

    /// Whether these are enough to change a flag (section 4, STORE).
    #[must_use]
    pub const fn may_change(self, flag: &Flag) -> bool {
        self.includes(match flag {
            Flag::Seen => Self::KEEP_SEEN,
            Flag::Deleted => Self::DELETE_MESSAGES,
            _ => Self::WRITE,
        })
    }

    /// Those of `flags` that these are enough to change.
    #[must_use]
    pub fn changeable(self, flags: &Flags) -> Flags {
        flags.iter().filter(|flag| self.may_change(flag)).collect()
    }

    /// Whether these are enough to change every flag.
    #[must_use]
    pub const fn may_change_all_flags(self) -> bool {
        self.includes(Self(Self::KEEP_SEEN.0 | Self::WRITE.0 | Self::DELETE_MESSAGES.0))
    }
}

impl std::str::FromStr for Rights {
    type Err = UnknownRight;

    /// The rights that a client names, `c` and `d` among them.
    fn from_str(text: &str) -> Result<Self, UnknownRight> {
        text.chars().try_fold(Self::none(), |rights, letter| {
            let named = Self::VIRTUAL.iter().find(|(_, known)| *known == letter);
            let right = named.map(|(members, _)| *members).or(Self::of_letter(letter));
            Ok(rights.and(right.ok_or(UnknownRight(letter))?))
        })
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.letters())?;
        for (members, letter) in Self::VIRTUAL {
            if self.includes_any(members) {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({})", self.letters())
    }
}

/// A letter that stands for no right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRight(char);

impl fmt::Display for UnknownRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            'A'..='Z' => f.write_str("uppercase rights are not allowed"),
            letter if letter.is_ascii_graphic() => write!(f, "the {letter} right is not supported"),
            _ => f.write_str("a right is a letter"),
        }
    }
}

impl std::error::Error for UnknownRight {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_has_a_letter_of_its_own_and_comes_back_from_it() {
        assert_eq!(Rights::ALL.letters(), "lrswipkxtea");
        for (right, letter) in LETTERS {
            assert_eq!(right.letters(), letter.to_string());
            assert_eq!(letter.to_string().parse(), Ok(right));
        }
        assert_eq!(Rights::of_letters("l Qr9"), Rights::LOOKUP.and(Rights::READ));
    }

    /// RFC 4314, section 2.1.1.
    #[test]
    fn virtual_rights_stand_for_their_members_and_are_told_where_there_is_one_of_them() {
        for (named, told) in [
            ("d", "ted"),
            ("c", "kxc"),
            ("t", "td"),
            ("x", "xc"),
            ("dt", "ted"),
            ("lrs", "lrs"),
        ] {
            assert_eq!(named.parse::<Rights>().unwrap().to_string(), told, "{named}");
        }
        for (wrong, why) in [
            ("lrQ", "uppercase"),
            ("lrq", "the q right"),
            ("l9", "the 9 right"),
            ("l\u{e9}", "a letter"),
        ] {
            let error = wrong.parse::<Rights>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn each_kind_of_flag_has_its_right() {
        let keyword = Flag::Keyword(imap_updates::Keyword::new("$x").unwrap());
        let flags: Flags = [Flag::Seen, Flag::Deleted, Flag::Flagged, keyword]
            .into_iter()
            .collect();
        for (rights, left) in [
            ("s", "\\Seen"),
            ("t", "\\Deleted"),
            ("w", "\\Flagged $x"),
            ("lripkxea", ""),
        ] {
            let rights = Rights::of_letters(rights);
            assert_eq!(rights.changeable(&flags), left.parse().unwrap());
            assert!(!rights.may_change_all_flags());
        }
        assert!(Rights::of_letters("stw").may_change_all_flags());
    }
}
