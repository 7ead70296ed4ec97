//! Mailbox names.

use std::fmt;

/// A mailbox's full name: Unicode, with the session's hierarchy delimiter between its parts.
///
/// Any spelling of `INBOX` becomes `INBOX` (RFC 9051, section 5.1); as the first part of a longer name with
/// [`canonical`](Self::canonical), which needs the delimiter. Names are otherwise opaque and compared octet by octet. No
/// name is empty or has control characters; which names a store can hold is the store's to say
/// ([`ErrorKind::Cannot`](crate::ErrorKind::Cannot)).
///
/// ```
/// use imap_backend::MailboxName;
/// let inbox = MailboxName::new("inBox").unwrap();
/// assert!(inbox.is_inbox());
/// assert_eq!(inbox.as_str(), "INBOX");
/// assert!(MailboxName::new("").is_none());
/// assert!(MailboxName::new("a\nb").is_none());
/// let name = MailboxName::new("lists.rust").unwrap();
/// assert_eq!(name.parent('.').unwrap().as_str(), "lists");
/// assert!(name.is_inferior_of(&MailboxName::new("lists").unwrap(), '.'));
/// let below = MailboxName::new("Inbox.Archive").unwrap().canonical('.');
/// assert_eq!(below.as_str(), "INBOX.Archive");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(String);

impl MailboxName {
    /// A name, or `None` where it is empty or has a control character.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        if name.is_empty() || name.chars().any(char::is_control) {
            return None;
        }
        Some(if name.eq_ignore_ascii_case("INBOX") {
            Self::inbox()
        } else {
            Self(name.to_owned())
        })
    }

    /// `INBOX`, the one name that every user has (RFC 9051, section 5.1).
    #[must_use]
    pub fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    /// Whether this is `INBOX`.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// The name with `INBOX` for any spelling of it as the first of several parts: `INBOX.a` and `Inbox.a` are one mailbox.
    ///
    /// The server does so with every name that a client says, so that a store only ever sees this one spelling. A store
    /// does so with names that it reads from elsewhere.
    #[must_use]
    pub fn canonical(self, delimiter: char) -> Self {
        match self.0.split_once(delimiter) {
            Some((first, rest)) if first.eq_ignore_ascii_case("INBOX") => {
                Self(format!("INBOX{delimiter}{rest}"))
            }
            _ => self,
        }
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name one level up, if there is one.
    #[must_use]
    pub fn parent(&self, delimiter: char) -> Option<Self> {
        self.0
            .rsplit_once(delimiter)
            .and_then(|(parent, _)| Self::new(parent))
    }

    /// Whether this name is below `superior` (RFC 9051, section 6.3.5: inferior hierarchical names).
    #[must_use]
    pub fn is_inferior_of(&self, superior: &Self, delimiter: char) -> bool {
        self.0
            .strip_prefix(&superior.0)
            .is_some_and(|rest| rest.starts_with(delimiter))
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
