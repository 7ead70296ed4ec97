//! The text of `subscriptions`: the names that a user wants to see in LSUB, whether or not such mailboxes exist.
//!
//! Dovecot's version 2 starts with the line `V<tab>2` and an empty line; each further line is a name, its parts separated by tabs and
//! escaped. Version 1 has one name per line, parts separated by `.`. Courier's `courierimapsubscribed` is version 1 with `INBOX.` before
//! each name. Names are in modified UTF-7 here as there.
//!
//! One name may stand in several lines, and in several spellings: `INBOX` in any case as its first part, or with a delimiter
//! at its end. It is read as one name, so that it is removed as one.

use std::collections::HashSet;

use imap_backend::MailboxName;

use crate::format::mailbox_names::DELIMITER;

const VERSION_2: &[u8] = b"V\t2";

/// Whether a name is to be subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// SUBSCRIBE.
    Add,
    /// UNSUBSCRIBE.
    Remove,
}

/// Whether a change left something to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Yes,
    No,
}

/// The subscribed names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscriptions {
    /// In modified UTF-7, parts separated by `.`, in the file's order, each once.
    names: Vec<String>,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Default for Subscriptions {
    /// None, to be written in version 2.
    fn default() -> Self {
        Self {
            names: Vec::new(),
            version: Version::Two,
        }
    }
}

impl Subscriptions {
    /// Reads Dovecot's file, of either version. Lines that are not UTF-8, or name nothing, are passed over.
    pub(crate) fn parse(octets: &[u8]) -> Self {
        let lines = octets.split(|&octet| octet == b'\n');
        let mut lines = lines
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .peekable();
        let version = match lines.next_if_eq(&VERSION_2) {
            Some(_) => Version::Two,
            None => Version::One,
        };
        let lines = lines.filter_map(|line| std::str::from_utf8(line).ok());
        let names = lines.filter_map(|line| match version {
            // No mailbox has a control character in its name, and here a CR could not be told from a line end, nor
            // `V`, a tab and `2` from the first line of version 2.
            Version::One => Some(line.trim_end_matches('\r'))
                .filter(|line| !line.contains(char::is_control))
                .map(str::to_owned),
            Version::Two => Some(line.split('\t').map(unescape).collect::<Vec<_>>().join(".")),
        });
        Self::of(names, version)
    }

    /// Each name once, in the spelling in which it is compared. An empty one would be written as an empty line, which is read
    /// as none.
    fn of(names: impl Iterator<Item = String>, version: Version) -> Self {
        let names = names.filter(|name| !name.is_empty()).map(|name| canonical(&name));
        let mut seen = HashSet::new();
        Self {
            names: names.filter(|name| seen.insert(name.clone())).collect(),
            version,
        }
    }

    /// Reads Courier's file; written again, it is in version 2.
    pub(crate) fn parse_courier(octets: &[u8]) -> Self {
        let names = Self::parse(octets).names.into_iter();
        let names = names.map(|name| match name.strip_prefix("INBOX.") {
            Some(rest) => rest.to_owned(),
            None => name,
        });
        Self::of(names, Version::Two)
    }

    /// The names: modified UTF-7, parts separated by `.`.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Adds or removes a name.
    pub(crate) fn change(&mut self, name: &str, subscription: Subscription) -> Changed {
        let name = canonical(name);
        let present = self.names.iter().position(|other| *other == name);
        match (subscription, present) {
            (Subscription::Add, None) => self.names.push(name),
            (Subscription::Remove, Some(at)) => drop(self.names.remove(at)),
            _ => return Changed::No,
        }
        Changed::Yes
    }

    /// The text, in the version that was read.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = match self.version {
            Version::One => Vec::new(),
            Version::Two => [VERSION_2, b"\n\n"].concat(),
        };
        for name in &self.names {
            match self.version {
                Version::One => out.extend_from_slice(name.as_bytes()),
                Version::Two => {
                    let parts: Vec<_> = name.split('.').map(escape).collect();
                    out.extend_from_slice(parts.join("\t").as_bytes());
                }
            }
            out.push(b'\n');
        }
        out
    }
}

/// The spelling in which names are compared and written.
fn canonical(name: &str) -> String {
    let name = match name.strip_suffix(DELIMITER) {
        Some(rest) if !rest.is_empty() && !rest.ends_with(DELIMITER) => rest,
        _ => name,
    };
    // `INBOX` is the same in modified UTF-7.
    MailboxName::new(name).map_or_else(
        || name.to_owned(),
        |name| name.canonical(DELIMITER).as_str().to_owned(),
    )
}

/// Dovecot's tab escaping: octet 1 and a character for octets that would break a line or a field.
fn escape(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for character in part.chars() {
        match character {
            '\0' => out.push_str("\u{1}0"),
            '\u{1}' => out.push_str("\u{1}1"),
            '\t' => out.push_str("\u{1}t"),
            '\r' => out.push_str("\u{1}r"),
            '\n' => out.push_str("\u{1}n"),
            other => out.push(other),
        }
    }
    out
}

fn unescape(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    let mut characters = part.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1}' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('0') => out.push('\0'),
            Some('1') => out.push('\u{1}'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('n') => out.push('\n'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_added_once_and_removed_in_version_2() {
        let mut subscriptions = Subscriptions::default();
        for name in ["a.b", "c"] {
            assert_eq!(subscriptions.change(name, Subscription::Add), Changed::Yes);
        }
        assert_eq!(subscriptions.change("a.b", Subscription::Add), Changed::No);
        assert_eq!(subscriptions.change("absent", Subscription::Remove), Changed::No);
        assert_eq!(subscriptions.write(), b"V\t2\n\na\tb\nc\n");
        assert_eq!(subscriptions.change("a.b", Subscription::Remove), Changed::Yes);
        assert_eq!(subscriptions.names(), ["c"]);
    }

    #[test]
    fn version_1_stays_version_1() {
        let mut subscriptions = Subscriptions::parse(b"a.b\r\nc\n");
        subscriptions.change("d", Subscription::Add);
        assert_eq!(subscriptions.write(), b"a.b\nc\nd\n");
    }

    #[test]
    fn couriers_prefix_alone_is_inbox() {
        let read = Subscriptions::parse_courier(b"INBOX.a\nINBOX.\nINBOX.b\n");
        assert_eq!(read.names(), ["a", "INBOX", "b"]);
    }

    #[test]
    fn a_line_that_names_nothing_is_passed_over() {
        // A CR alone, one in a name, what is the first line of version 2 elsewhere, an octet 1 that escapes nothing.
        for read in [
            Subscriptions::parse(b"a\nc\r\r.\nb\n"),
            Subscriptions::parse(b"\nV\t2\na\nb\n"),
            Subscriptions::parse(b"a\n\r\nb\r\n"),
            Subscriptions::parse(b"V\t2\n\na\n\x01\nb\n"),
        ] {
            assert_eq!(read.names(), ["a", "b"]);
            assert_eq!(Subscriptions::parse(&read.write()), read);
        }
    }

    #[test]
    fn couriers_names_lose_their_prefix() {
        let subscriptions = Subscriptions::parse_courier(b"INBOX\nINBOX.lists.rust\n");
        assert_eq!(subscriptions.names(), ["INBOX", "lists.rust"]);
    }

    #[test]
    fn spellings_of_one_name_are_one_name() {
        let subscriptions = Subscriptions::parse(b"a\r\na.\ninbox.b\nINBOX.b\nInbox\n..\nA\n");
        assert_eq!(subscriptions.names(), ["a", "INBOX.b", "INBOX", "..", "A"]);
        let subscriptions = Subscriptions::parse(b"V\t2\r\n\r\na\tb\r\na\tb\t\r\n");
        assert_eq!(subscriptions.names(), ["a.b"]);
    }

    proptest! {
        #[test]
        fn parse_inverts_write(
            names in proptest::collection::btree_set("[a-h\u{1}\t][a-z&\u{1}\t.]{0,8}[a-z]", 0..6)
        ) {
            let names = names.into_iter().collect();
            let subscriptions = Subscriptions { names, version: Version::Two };
            prop_assert_eq!(Subscriptions::parse(&subscriptions.write()), subscriptions);
        }
    }
}
