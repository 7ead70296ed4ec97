//! An mbox file: where its messages lie, and their octets as IMAP has them.

use chrono::NaiveDateTime;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;

/// A message, without its `From ` line and the empty line behind it: where it begins, and how many octets IMAP sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) start: u64,
    pub(crate) size: u64,
    pub(crate) seconds: i64,
}

/// The beginning of a line: its place in the message and in the file.
pub(crate) type Place = (u64, u64);

/// One pass over the file.
pub(crate) fn index(file: &File) -> io::Result<Vec<Entry>> {
    let mut messages: Vec<Entry> = vec![];
    let (mut at, mut in_from, mut after_empty) = (0, false, true);
    pieces(file, 0, |begins, piece| {
        at += piece.len() as u64;
        let is_empty = begins && matches!(piece, b"\n" | b"\r\n");
        in_from = if begins { after_empty && piece.starts_with(b"From ") } else { in_from };
        match messages.last_mut() {
            _ if in_from && begins => messages.push(Entry { start: at, size: 0, seconds: date(piece) }),
            Some(message) if in_from => message.start = at,
            Some(message) => {
                // An empty line is counted once it is known that no From follows.
                message.size += if after_empty { 2 } else { 0 };
                let (text, end) = unquoted(begins, piece);
                message.size += if is_empty { 0 } else { (text.len() + end.len()) as u64 };
            }
            None => {}
        }
        after_empty = is_empty;
        true
    })?;
    Ok(messages)
}

/// At most so many octets of a message from `offset` on. `place` makes it quick to read on from there.
pub(crate) fn read(
    file: &File,
    entry: Entry,
    place: &mut Place,
    offset: u64,
    at_most: u64,
) -> io::Result<Vec<u8>> {
    if place.0 > offset {
        *place = (0, entry.start);
    }
    let (mut here, mut at) = *place;
    let wanted = at_most.min(entry.size.saturating_sub(offset));
    let mut octets = vec![];
    pieces(file, at, |begins, piece| {
        if begins && here <= offset + wanted {
            *place = (here, at);
        }
        let (text, end) = unquoted(begins, piece);
        for octet in text.iter().chain(end) {
            if (offset..offset + wanted).contains(&here) {
                octets.push(*octet);
            }
            here += 1;
        }
        at += piece.len() as u64;
        here < offset + wanted
    })?;
    Ok(octets)
}

/// Reads lines from a place in the file on, in pieces of at most 4 KiB, as long as `each` wants more. It is told whether a
/// line begins there.
fn pieces(file: &File, at: u64, mut each: impl FnMut(bool, &[u8]) -> bool) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, At(file, at));
    let (mut piece, mut begins) = (vec![], true);
    while input.by_ref().take(4096).read_until(b'\n', &mut piece)? > 0 && each(begins, &piece) {
        begins = piece.ends_with(b"\n");
        piece.clear();
    }
    Ok(())
}

/// A file from a place on; several may read it at once.
struct At<'f>(&'f File, u64);

impl Read for At<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read_at(into, self.1)?;
        self.1 += read as u64;
        Ok(read)
    }
}

/// A piece of a line as IMAP has it: without the first `>` of those before a From, and its line end.
fn unquoted(begins: bool, piece: &[u8]) -> (&[u8], &'static [u8]) {
    let quotes = piece.iter().take_while(|octet| **octet == b'>').count();
    let is_quoted = begins && quotes > 0 && piece[quotes..].starts_with(b"From ");
    let text = &piece[usize::from(is_quoted)..];
    match text.strip_suffix(b"\n") {
        Some(line) => (line.strip_suffix(b"\r").unwrap_or(line), b"\r\n"),
        None => (text, b""),
    }
}

/// The date of a `From ` line, which is asctime's.
fn date(from: &[u8]) -> i64 {
    let from = String::from_utf8_lossy(from);
    let date = from.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
    NaiveDateTime::parse_from_str(&date, "%a %b %e %T %Y").unwrap_or_default().and_utc().timestamp()
}
