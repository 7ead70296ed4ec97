//! Conversations as text: what `watch --record` writes, and `read` reads.
//!
//! ```text
//! # A comment; empty lines are passed over.
//! C: a SELECT INBOX      connection 1: what the client sent
//! S: * 3 EXISTS          what the server sent
//! S2: * BYE              connection 2
//! S2: <end>              the server closed it; C: <end> is the client
//! ```
//! Each line ends in CRLF unless it ends in `\`; `\r`, `\n`, `\\` and `\x00` are escapes, other backslashes are themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::finding::Finding;
use crate::follower::Follower;

/// Who sent the octets of a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// `C:`
    Client,
    /// `S:`
    Server,
}

/// One line of a recorded conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number of the connection, from 1.
    pub connection: u64,
    /// Who sent it.
    pub sender: Sender,
    /// What was sent; `None` at the end of this direction.
    pub octets: Option<Vec<u8>>,
}

/// A line of a recorded conversation that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRecorded {
    line: usize,
}

impl std::fmt::Display for NotRecorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "line {}: neither `C:` nor `S:`, as in a conversation that `watch --record` has written",
            self.line
        )
    }
}

impl std::error::Error for NotRecorded {}

/// Reads a recorded conversation.
///
/// # Errors
/// The first line that is none.
pub fn lines(text: &str) -> Result<Vec<Line>, NotRecorded> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !is_passed_over(line));
    let read = |(at, line)| read(line).ok_or(NotRecorded { line: at + 1 });
    numbered.map(read).collect()
}

/// Whether it is a comment, or empty.
fn is_passed_over(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

fn read(line: &str) -> Option<Line> {
    let (head, text) = line.split_once(':')?;
    let sender = match head.get(..1)? {
        "C" => Sender::Client,
        "S" => Sender::Server,
        _ => return None,
    };
    let connection = match &head[1..] {
        "" => 1,
        number => number.parse().ok()?,
    };
    let text = text.strip_prefix(' ').unwrap_or(text);
    Some(Line {
        connection,
        sender,
        octets: (text != "<end>").then(|| unescaped(text)),
    })
}

/// Judges a recorded conversation.
#[must_use]
pub fn judge(lines: &[Line]) -> Vec<Finding> {
    let mut judging = Judging::default();
    lines.iter().flat_map(|line| judging.follow(line)).collect()
}

/// Judges a recorded conversation line by line, and keeps none of them.
#[derive(Debug, Default)]
pub struct Judging {
    followers: BTreeMap<u64, Follower>,
    /// Lines that were heard.
    heard: usize,
}

impl Judging {
    /// Hears the next line of the text, and gives what is found there.
    ///
    /// # Errors
    /// It is no line of a conversation.
    pub fn hear(&mut self, line: &str) -> Result<Vec<Finding>, NotRecorded> {
        self.heard += 1;
        if is_passed_over(line) {
            return Ok(Vec::new());
        }
        let line = read(line).ok_or(NotRecorded { line: self.heard })?;
        Ok(self.follow(&line))
    }

    fn follow(&mut self, line: &Line) -> Vec<Finding> {
        let Line {
            connection,
            sender,
            octets,
        } = line;
        let new = || Follower::new(connection.to_string());
        let follower = self.followers.entry(*connection).or_insert_with(new);
        match (sender, octets) {
            (Sender::Client, Some(octets)) => follower.client(octets),
            (Sender::Server, Some(octets)) => follower.server(octets),
            (Sender::Client, None) => follower.client_closed(),
            (Sender::Server, None) => follower.server_closed(),
        }
        follower.take_findings()
    }
}

/// These octets as lines of a recorded conversation; `None` is the end of this direction.
#[must_use]
pub fn written(connection: u64, sender: Sender, octets: Option<&[u8]>) -> String {
    let speaker = if sender == Sender::Client { 'C' } else { 'S' };
    let Some(octets) = octets else {
        return format!("{speaker}{connection}: <end>\n");
    };
    let mut text = String::new();
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let (line, end) = match line.strip_suffix(b"\r\n") {
            Some(line) => (line, ""),
            None => (line, "\\"),
        };
        // Writing to a string does not fail.
        let line = match line {
            b"<end>" => "\\x3cend>".to_owned(),
            _ => escaped(line),
        };
        let _ = writeln!(text, "{speaker}{connection}: {line}{end}");
    }
    text
}

fn escaped(octets: &[u8]) -> String {
    let mut escaped = String::with_capacity(octets.len());
    for octet in octets {
        match octet {
            b'\\' => escaped.push_str("\\\\"),
            b' '..=b'~' => escaped.push(char::from(*octet)),
            _ => {
                let _ = write!(escaped, "\\x{octet:02x}");
            }
        }
    }
    escaped
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len() + 2);
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            octets.push(*first);
            continue;
        }
        let hex = rest
            .get(1..3)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        let (octet, length) = match (rest.first(), hex) {
            (None, _) => return octets,
            (Some(b'x'), Some(octet)) => (octet, 3),
            (Some(b'r'), _) => (b'\r', 1),
            (Some(b'n'), _) => (b'\n', 1),
            (Some(b'\\'), _) => (b'\\', 1),
            // As in `\Seen`.
            (Some(_), _) => (b'\\', 0),
        };
        octets.push(octet);
        rest = &rest[length..];
    }
    octets.extend_from_slice(b"\r\n");
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_as_the_same_octets() {
        let octets: Vec<u8> = (0..=255).chain(*b"a\\\r\n<end>\r\nb\n\\x41\r\nc").collect();
        let read = lines(&written(7, Sender::Server, Some(&octets))).unwrap();
        let joined: Vec<u8> = read
            .iter()
            .flat_map(|line| line.octets.clone().unwrap_or_default())
            .collect();
        assert!(
            read.iter()
                .all(|line| line.connection == 7 && line.sender == Sender::Server)
        );
        assert_eq!(
            joined.escape_ascii().to_string(),
            octets.escape_ascii().to_string()
        );
    }

    #[test]
    fn a_line_of_nobody_is_named() {
        assert_eq!(
            lines("C: a NOOP\n\nX: b\n").unwrap_err().to_string(),
            "line 3: neither `C:` nor `S:`, as in a conversation that `watch --record` has written"
        );
    }
}
