//! Whom an ACL is about.

use std::fmt;

/// Whom an entry of an ACL means, as clients say it (RFC 4314, section 2): a user's name, `owner`, `authenticated`, `anyone`,
/// or what the store calls its groups. With `-` before it, it denies instead of granting.
///
/// ```
/// use imap_backend::Identifier;
/// let negative = Identifier::new("-fred").unwrap();
/// assert!(negative.is_negative() && negative.subject() == "fred");
/// assert!(["", "-", "--fred", "a\tb"].into_iter().all(|text| Identifier::new(text).is_none()));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(String);

impl Identifier {
    /// Everybody.
    pub const ANYONE: &'static str = "anyone";
    /// Everybody who has logged in with a name.
    pub const AUTHENTICATED: &'static str = "authenticated";
    /// Whose mailbox it is.
    pub const OWNER: &'static str = "owner";
    /// The most octets of one.
    const LONGEST: usize = 1000;

    /// An identifier; `None` where it is empty, too long, negative twice, or has control characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let subject = text.strip_prefix('-').unwrap_or(text);
        let possible = !subject.is_empty()
            && !subject.starts_with('-')
            && text.len() <= Self::LONGEST
            && !text.chars().any(char::is_control);
        possible.then(|| Self(text.to_owned()))
    }

    /// That of a user; `None` where his name cannot be one.
    #[must_use]
    pub fn of_user(name: &str) -> Option<Self> {
        Self::new(name).filter(|identifier| !identifier.is_negative())
    }

    /// As clients say it, the `-` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its rights are denied.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.0.starts_with('-')
    }

    /// Whom it means, without the `-`.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.0.strip_prefix('-').unwrap_or(&self.0)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A user, and which identifiers mean him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: String,
    is_owner: bool,
    groups: Vec<Identifier>,
}

impl Principal {
    /// Somebody who has logged in: meant by his name, `authenticated` and `anyone`.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_owner: false,
            groups: Vec::new(),
        }
    }

    /// Whose mailbox it is: meant by `owner` as well.
    #[must_use]
    pub fn owner(name: &str) -> Self {
        Self {
            is_owner: true,
            ..Self::user(name)
        }
    }

    /// Meant by this identifier of a group as well.
    #[must_use]
    pub fn in_group(mut self, group: Identifier) -> Self {
        self.groups.push(group);
        self
    }

    /// Whether an identifier means this user, negative or not.
    #[must_use]
    pub fn is_meant_by(&self, identifier: &Identifier) -> bool {
        let subject = identifier.subject();
        subject == Identifier::ANYONE
            || subject == Identifier::AUTHENTICATED
            || self.is_in_person(identifier)
            || self.groups.iter().any(|group| group.subject() == subject)
    }

    /// Whether it means him and nobody else.
    pub(crate) fn is_in_person(&self, identifier: &Identifier) -> bool {
        let subject = identifier.subject();
        match subject == Identifier::OWNER {
            true => self.is_owner,
            false => subject == self.name,
        }
    }
}
