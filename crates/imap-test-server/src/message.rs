//! A message to be put into a mailbox.

use chrono::{DateTime, FixedOffset};
use imap_backend::Append;
use imap_updates::{Flag, Flags};

/// A message, and what a server says of it besides. A text is one without flags.
///
/// Lines may end in LF: the server makes CRLF of it.
///
/// ```
/// use imap_test_server::Message;
/// let message = Message::new("Subject: hello\n\nText\n").flags("\\Seen work").uid(4711).date("2024-02-03T04:05:06Z");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub(crate) octets: Vec<u8>,
    pub(crate) flags: Flags,
    pub(crate) uid: Option<u32>,
    pub(crate) date: Option<DateTime<FixedOffset>>,
}

impl Message {
    /// A message with header and body.
    #[must_use]
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self {
            octets: octets.into(),
            flags: Flags::empty(),
            uid: None,
            date: None,
        }
    }

    /// With these flags: `\Seen`, or a keyword, with spaces between.
    ///
    /// # Panics
    /// For what is no flag, and for `\Recent`, which no store keeps.
    #[must_use]
    #[track_caller]
    pub fn flags(mut self, flags: &str) -> Self {
        self.flags = flags_of(flags);
        self
    }

    /// With this UID: in a mailbox, each must be higher than the one before.
    #[must_use]
    pub const fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// With this INTERNALDATE, in the form of RFC 3339, such as `2024-02-03T04:05:06+01:00`.
    ///
    /// # Panics
    /// For what is no date.
    #[must_use]
    #[track_caller]
    pub fn date(mut self, date: &str) -> Self {
        match DateTime::parse_from_rfc3339(date) {
            Ok(date) => self.date = Some(date),
            Err(error) => panic!("{date:?} is not a date of RFC 3339: {error}"),
        }
        self
    }

    /// What APPEND would say of it.
    pub(crate) fn append(&self) -> Append {
        let append = Append::new(self.flags.clone());
        match self.date {
            Some(date) => append.with_internal_date(date),
            None => append,
        }
    }
}

impl<T: Into<Vec<u8>>> From<T> for Message {
    fn from(octets: T) -> Self {
        Self::new(octets)
    }
}

/// The flags that a text names.
#[track_caller]
pub(crate) fn flags_of(text: &str) -> Flags {
    let flag = |word: &str| match word.parse::<Flag>() {
        Ok(flag) => flag,
        Err(error) => panic!("{word:?} is not a flag: {error}"),
    };
    text.split_ascii_whitespace().map(flag).collect()
}
