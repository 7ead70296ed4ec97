//! A message to be put into a mailbox.

use chrono::{DateTime, FixedOffset};
use imap_backend::Append;
use imap_updates::{Flag, Flags};
use std::collections::BTreeSet;

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

    /// With this UID. What a builder puts into a mailbox comes in the order of the UIDs; what
    /// [`Account::deliver`](crate::Account::deliver) puts behind it needs a higher one.
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

/// The messages of a mailbox in the order of their UIDs, whichever was named first: those that have none come right behind the one
/// before them, where there is room.
#[track_caller]
pub(crate) fn numbered(mut messages: Vec<Message>) -> Vec<Message> {
    let mut taken = BTreeSet::new();
    for uid in messages.iter().filter_map(|message| message.uid) {
        assert!(taken.insert(uid), "two messages of a mailbox have the UID {uid}");
    }
    if taken.is_empty() {
        return messages;
    }
    let mut before = 0_u32;
    for message in &mut messages {
        let uid = message
            .uid
            .or_else(|| (before.saturating_add(1)..u32::MAX).find(|uid| !taken.contains(uid)));
        let Some(uid) = uid else {
            panic!("no UID is left behind {before}");
        };
        taken.insert(uid);
        message.uid = Some(uid);
        before = uid;
    }
    messages.sort_by_key(|message| message.uid);
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_in_the_order_of_their_uids_whoever_names_them_first() {
        let with = |uid: u32| Message::new("Subject: x\n\n").uid(uid);
        let without = || Message::new("Subject: y\n\n");
        let uids = |messages: Vec<Message>| -> Vec<Option<u32>> {
            numbered(messages).iter().map(|message| message.uid).collect()
        };
        assert_eq!(uids(vec![without(), without()]), [None, None]);
        assert_eq!(
            uids(vec![without(), with(7), without()]),
            [Some(1), Some(7), Some(8)]
        );
        assert_eq!(
            uids(vec![with(1_000), without(), with(4), with(3_000), without()]),
            [4, 1_000, 1_001, 3_000, 3_001].map(Some)
        );
        // There is room for one in front of UID 2.
        assert_eq!(uids(vec![without(), without(), with(2)]), [1, 2, 3].map(Some));
    }

    #[test]
    #[should_panic(expected = "two messages of a mailbox have the UID 4")]
    fn a_uid_is_given_once() {
        numbered(vec![Message::new("x\n\n").uid(4), Message::new("y\n\n").uid(4)]);
    }
}
