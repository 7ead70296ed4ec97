//! A message of an mbox file: what is known of it before it is stored, and its octets while it is.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use imap_backend::Append;
use imap_updates::Flags;
use ring::digest::{Context, Digest, SHA256};

use super::reader::Reader;
use super::status::Filter;
use crate::message::{Item, Message, Unreadable};

/// A file from a place on; several read it at once.
#[derive(Debug)]
pub(super) struct Section<'f>(pub(super) &'f File, pub(super) u64);

impl Read for Section<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read_at(into, self.1)?;
        self.1 += read as u64;
        Ok(read)
    }
}

/// What is known of a message once it was read.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where its `From ` line begins.
    pub(super) start: u64,
    /// Where its first NUL octet is.
    pub(super) nul: Option<u64>,
    /// How many octets of the file it is, more or less.
    octets: u64,
    date: Option<DateTime<FixedOffset>>,
    flags: Flags,
    digest: Digest,
}

impl Entry {
    /// Reads the next message of a file.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub(super) fn next<R: Read>(reader: &mut Reader<R>) -> io::Result<Option<Self>> {
        let Some(start) = reader.next()? else {
            return Ok(None);
        };
        let date = date(&String::from_utf8_lossy(reader.separator()));
        let mut text = Text::new(reader.separator());
        let mut octets = Vec::new();
        while text.read(reader, &mut octets)? {
            octets.clear();
        }
        Ok(Some(Self {
            start,
            nul: reader.nul(),
            octets: reader.position().saturating_sub(start),
            date,
            flags: text.fields.flags(),
            digest: text.identity.finish(),
        }))
    }

    /// What is to be said of the message when it is stored.
    pub(super) fn append(&self) -> Append {
        let append = Append::new(self.flags.clone());
        match self.date {
            Some(date) => append.with_internal_date(date),
            None => append,
        }
    }
}

/// The text of one message, as it is stored.
struct Text {
    fields: Filter,
    identity: Identity,
}

impl Text {
    fn new(from_line: &[u8]) -> Self {
        let mut identity = Identity::new();
        identity.push(from_line);
        identity.push(b"\n");
        Self {
            fields: Filter::new(Vec::new()),
            identity,
        }
    }

    /// Adds the next octets to `out`; says whether there may be more.
    fn read<R: Read>(&mut self, reader: &mut Reader<R>, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut raw = Vec::new();
        let more = reader.read(&mut raw)?;
        let before = out.len();
        self.fields.push(&raw, out);
        if !more {
            self.fields.finish(out);
        }
        self.identity.push(&out[before..]);
        Ok(more)
    }
}

/// The hash of a message and its `From ` line, by which it is found again in the file.
///
/// Where the message lies does not matter, nor what its last line ends with and which empty lines are behind that: those are what
/// changes when the file grows at its end, or when other messages are removed from it. The fields for flags do not matter
/// either: a reader of mail writes them while the message stays what it is.
struct Identity {
    context: Context,
    /// Ends of lines after which nothing was there so far.
    ends: u64,
}

impl Identity {
    fn new() -> Self {
        Self {
            context: Context::new(&SHA256),
            ends: 0,
        }
    }

    fn push(&mut self, octets: &[u8]) {
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            for text in line.split(|octet| matches!(octet, b'\r' | b'\n')) {
                if text.is_empty() {
                    continue;
                }
                for _ in 0..mem::take(&mut self.ends) {
                    self.context.update(b"\n");
                }
                self.context.update(text);
            }
            self.ends += u64::from(line.ends_with(b"\n"));
        }
    }

    fn finish(self) -> Digest {
        self.context.finish()
    }
}

/// The names by which an import knows the messages of a file again.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// How many messages with this hash were there so far.
    seen: HashMap<[u8; 32], u64>,
}

impl Items {
    /// The next message of the file, known by its hash and by how many like it are before it.
    pub(super) fn next(&mut self, entry: &Entry) -> Item {
        let mut hash = [0; 32];
        hash.copy_from_slice(entry.digest.as_ref());
        let before = self.seen.entry(hash).or_default();
        let hex: String = hash.iter().map(|octet| format!("{octet:02x}")).collect();
        let name = format!("mbox {hex} {before}");
        *before += 1;
        Item {
            name,
            shown: format!("the message at octet {}", entry.start),
            date: entry.date,
            size: None,
            amount: entry.octets,
        }
    }
}

/// The octets of a message of a file.
///
/// It reads the file as long as that takes: nothing else is to be done meanwhile.
pub(super) struct EntryMessage<'f> {
    file: &'f File,
    entry: &'f Entry,
    reader: Reader<Section<'f>>,
    /// `None` after the end.
    text: Option<Text>,
}

impl<'f> EntryMessage<'f> {
    /// The message that `entry` is of, read again.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn new(file: &'f File, entry: &'f Entry) -> io::Result<Self> {
        let mut reader = Reader::new(Section(file, entry.start), entry.start);
        reader.next()?;
        Ok(Self {
            file,
            entry,
            text: Some(Text::new(reader.separator())),
            reader,
        })
    }

    fn read(&mut self) -> io::Result<Option<Bytes>> {
        let mut octets = Vec::new();
        while octets.is_empty() {
            let Some(mut text) = self.text.take() else {
                return Ok(None);
            };
            if text.read(&mut self.reader, &mut octets)? {
                self.text = Some(text);
            } else if text.identity.finish().as_ref() != self.entry.digest.as_ref() {
                return Err(io::Error::other("the file was changed while it was read"));
            }
        }
        Ok(Some(octets.into()))
    }
}

impl Message for EntryMessage<'_> {
    fn append(&self) -> Append {
        self.entry.append()
    }

    /// Nobody has counted them.
    fn size(&self) -> Option<u64> {
        None
    }

    async fn rewind(&mut self) -> Result<(), Unreadable> {
        let begun = Self::new(self.file, self.entry);
        *self = begun.map_err(|error| Unreadable::Source(error.into()))?;
        Ok(())
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Unreadable> {
        self.read().map_err(|error| Unreadable::Source(error.into()))
    }
}

/// The date of a `From ` line: asctime's, in UTC unless a zone like `+0100` is before the year or behind it. `None` where none can
/// be read.
fn date(from_line: &str) -> Option<DateTime<FixedOffset>> {
    let words: Vec<&str> = from_line.split_ascii_whitespace().collect();
    let at = words.iter().rposition(|word| word.contains(':'))?;
    let (month, day, rest) = (
        words.get(at.checked_sub(2)?)?,
        words.get(at - 1)?,
        &words[at + 1..],
    );
    let year = rest
        .iter()
        .find(|word| word.len() == 4 && word.parse::<u16>().is_ok())?;
    let date = NaiveDate::parse_from_str(&format!("{month} {day} {year}"), "%b %d %Y").ok()?;
    let time = ["%H:%M:%S", "%H:%M"];
    let time = time
        .iter()
        .find_map(|form| NaiveTime::parse_from_str(words[at], form).ok())?;
    let zone = rest.iter().find(|word| word.starts_with(['+', '-']));
    let zone: FixedOffset = zone.unwrap_or(&"+0000").parse().ok()?;
    date.and_time(time).and_local_timezone(zone).single()
}
