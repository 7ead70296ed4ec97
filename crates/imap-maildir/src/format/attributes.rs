//! The text of Dovecot's `dovecot-attributes`: the annotations of one user (RFC 5464), in the format of Dovecot's dictionaries in
//! files.
//!
//! A line with a key, a line with its value, and so on, in any order. Octet 1 and `0`, `1`, `t`, `r` and `n` stand for NUL, octet 1,
//! tab, CR and LF. A key is `priv/` or `shared/`, the mailbox's identifier (32 hexadecimal digits in lower case), `/`, and what an
//! annotation is called below `/private/` or `/shared/`. Annotations of the server are INBOX's, below [`OF_DOVECOT`]`server/`.
//!
//! As with Dovecot, of two lines with one key the later counts, a CR at the end of a line is none of it, and a value without an end
//! of its line is none. What is not understood, or not of the mailbox that is meant, stays octet by octet.

use std::collections::BTreeMap;

use bytes::Bytes;
use imap_backend::{EntryName, Metadata};

use crate::format::object_ids::MailboxGuid;

/// What Dovecot keeps for itself, of each mailbox: no client can reach it.
const OF_DOVECOT: &str = "vendor/vendor.dovecot/pvt/";

/// `/private/` and `/shared/`, and what stands for them in a key.
const REALMS: [(&str, &str); 2] = [("/private/", "priv/"), ("/shared/", "shared/")];

/// Whose annotations are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Mailbox,
    Server,
}

impl Subject {
    /// Whether clients may have an annotation of this name.
    pub(crate) fn admits(self, name: &EntryName) -> bool {
        let is_of_dovecot = |(realm, _): &(&str, &str)| {
            let rest = name.as_str().strip_prefix(realm);
            rest.is_some_and(|rest| rest.starts_with(OF_DOVECOT))
        };
        self == Self::Server || !REALMS.iter().any(is_of_dovecot)
    }
}

/// The keys of one mailbox's annotations, or of the server's.
pub(crate) struct Keys {
    subject: Subject,
    /// What they begin with, in the order of [`REALMS`].
    prefixes: [String; 2],
}

impl Keys {
    /// `guid` is the mailbox's; INBOX's for the server.
    pub(crate) fn new(subject: Subject, guid: MailboxGuid) -> Self {
        let below = match subject {
            Subject::Mailbox => String::new(),
            Subject::Server => format!("{OF_DOVECOT}server/"),
        };
        let prefixes = REALMS.map(|(_, realm)| format!("{realm}{}/{below}", guid.digits()));
        Self { subject, prefixes }
    }

    /// The annotations in a file.
    pub(crate) fn read(&self, file: &[u8]) -> Metadata {
        let entries =
            Pairs { rest: file }.filter_map(|pair| Some((self.name(pair.key)?, unescape(pair.value))));
        entries.collect()
    }

    /// The file with these annotations in place of those that it has.
    pub(crate) fn write(&self, file: &[u8], annotations: &Metadata) -> Vec<u8> {
        let before = self.read(file);
        let mut changes = BTreeMap::new();
        for (name, value) in annotations.iter() {
            if before.get(name) != Some(value) {
                changes.insert(self.key(name), Some(value));
            }
        }
        for (name, _) in before.iter() {
            if annotations.get(name).is_none() {
                changes.insert(self.key(name), None);
            }
        }
        let added = changes
            .iter()
            .filter_map(|(key, value)| Some((&key[..], (*value)?)));
        rewrite(file, |key| changes.contains_key(key), added)
    }

    /// The file without everything that is kept of the mailbox, Dovecot's own included; none where nothing is.
    pub(crate) fn forget(guid: MailboxGuid, file: &[u8]) -> Option<Vec<u8>> {
        let all = Self::new(Subject::Mailbox, guid);
        let is_of_mailbox = |key: &[u8]| {
            all.prefixes
                .iter()
                .any(|prefix| key.starts_with(prefix.as_bytes()))
        };
        let is_there = Pairs { rest: file }.any(|pair| is_of_mailbox(pair.key));
        is_there.then(|| rewrite(file, is_of_mailbox, std::iter::empty()))
    }

    /// The annotation that a key is of; none unless Dovecot would show it by that name too.
    fn name(&self, key: &[u8]) -> Option<EntryName> {
        let below = |((realm, _), prefix): (&(&str, &str), &String)| {
            let rest = key.strip_prefix(prefix.as_bytes())?;
            Some(format!("{realm}{}", std::str::from_utf8(rest).ok()?))
        };
        let text = REALMS.iter().zip(&self.prefixes).find_map(below)?;
        let name = EntryName::new(&text)?;
        // Names are kept in lower case.
        (name.as_str() == text && self.subject.admits(&name)).then_some(name)
    }

    /// No octet of it has to be escaped.
    fn key(&self, name: &EntryName) -> Vec<u8> {
        let mut realms = REALMS.iter().zip(&self.prefixes);
        let key = realms.find_map(|((realm, _), prefix)| {
            let rest = name.as_str().strip_prefix(realm)?;
            Some(format!("{prefix}{rest}").into_bytes())
        });
        key.unwrap_or_default()
    }
}

/// A key's line and its value's.
struct Pair<'f> {
    /// Both, with their ends.
    lines: &'f [u8],
    key: &'f [u8],
    value: &'f [u8],
}

/// The pairs of a file, and then in `rest` what is left of one that is not whole.
struct Pairs<'f> {
    rest: &'f [u8],
}

impl<'f> Iterator for Pairs<'f> {
    type Item = Pair<'f>;

    fn next(&mut self) -> Option<Pair<'f>> {
        let key_end = memchr::memchr(b'\n', self.rest)?;
        let value_end = key_end + 1 + memchr::memchr(b'\n', &self.rest[key_end + 1..])?;
        let (lines, rest) = self.rest.split_at(value_end + 1);
        self.rest = rest;
        Some(Pair {
            lines,
            key: trim(&lines[..key_end]),
            value: trim(&lines[key_end + 1..value_end]),
        })
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The file without some pairs, and with others.
fn rewrite<'a>(
    file: &[u8],
    goes: impl Fn(&[u8]) -> bool,
    added: impl Iterator<Item = (&'a [u8], &'a Bytes)>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(file.len());
    let mut pairs = Pairs { rest: file };
    for pair in pairs.by_ref().filter(|pair| !goes(pair.key)) {
        out.extend_from_slice(pair.lines);
    }
    for (key, value) in added {
        out.extend_from_slice(key);
        out.push(b'\n');
        escape(value, &mut out);
        out.push(b'\n');
    }
    // Behind all others: a line that is one too many would make keys of values.
    out.extend_from_slice(pairs.rest);
    out
}

/// Octets that would end a value or a line, and what stands behind octet 1 for each.
const ESCAPES: [(u8, u8); 5] = [(0, b'0'), (1, b'1'), (b'\t', b't'), (b'\r', b'r'), (b'\n', b'n')];

fn escape(value: &[u8], out: &mut Vec<u8>) {
    for &octet in value {
        match ESCAPES.iter().find(|(escaped, _)| *escaped == octet) {
            Some((_, letter)) => out.extend_from_slice(&[1, *letter]),
            None => out.push(octet),
        }
    }
}

/// As in our own files, too.
pub(crate) fn unescape(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.iter();
    while let Some(&octet) = octets.next() {
        if octet != 1 {
            out.push(octet);
            continue;
        }
        let Some(&letter) = octets.next() else { break };
        let escape = ESCAPES.iter().find(|(_, known)| *known == letter);
        out.push(escape.map_or(letter, |(escaped, _)| *escaped));
    }
    out.into()
}

#[cfg(test)]
mod tests;
