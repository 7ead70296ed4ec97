//! What a message file says: status, size, summary, octets, as far as somebody wants them.

use std::io::{self, Read};
use std::sync::{Arc, Weak};

use imap_backend::Need;
use imap_message::{Summarizer, Summary};
use imap_seq::Uid;

use crate::disk::directory::Directory;
use crate::disk::storage::{ContentStamp, FileStatus, StoredFile};
use crate::format::wire_form::ToWire;
use crate::mailbox::body::PIECE;
use crate::mailbox::cache::Depth;
use crate::mailbox::index::Entry;

/// A file up to this size is read whole where its octets are asked for, so that nobody waits for it a second time.
const SMALL: u64 = 64 << 10;

/// What has to be found out about one message, besides what the index has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) size: bool,
    pub(crate) date: bool,
    pub(crate) summary: Option<Depth>,
    pub(crate) body: bool,
    /// EMAILID, which needs no file.
    pub(crate) email_id: bool,
}

/// What a file told.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) date: Option<i64>,
    pub(crate) size: Option<u64>,
    /// A summary that was made before, of just this content.
    pub(crate) summary: Option<Arc<Summary>>,
    /// A summary that was made now, of a file with this stamp.
    pub(crate) new_summary: Option<Arc<Summary>>,
    pub(crate) stamp: Option<ContentStamp>,
    pub(crate) is_unreadable: bool,
    /// The whole message as IMAP sends it, where it is small.
    pub(crate) octets: Option<Vec<u8>>,
}

/// What one answer may take, and what its messages share.
pub(crate) struct Means {
    /// How many octets may still be handed over.
    pub(crate) room: usize,
    /// A file as it is on disk.
    pub(crate) piece: Vec<u8>,
    /// What was found out, and of which content.
    pub(crate) summaries: Vec<(Uid, Arc<Summary>, ContentStamp)>,
    asker: Asker,
}

/// Whoever waits for an answer that is made on a blocking thread. Files are read as long as he is there, and no further: a
/// client that has gone must not keep a core busy with gigabytes.
#[derive(Clone, Debug)]
pub(crate) struct Asker(Weak<()>);

impl Asker {
    /// He is there until the other half is dropped.
    pub(crate) fn new() -> (Arc<()>, Self) {
        let there = Arc::new(());
        let asker = Self(Arc::downgrade(&there));
        (there, asker)
    }

    fn check(&self) -> io::Result<()> {
        match self.0.strong_count() {
            0 => Err(io::Error::other("nobody waits for the answer any more")),
            _ => Ok(()),
        }
    }
}

impl Means {
    pub(crate) fn new(asker: Asker) -> Self {
        Self {
            room: Need::HELD_OCTETS,
            piece: Vec::new(),
            summaries: Vec::new(),
            asker,
        }
    }
}

impl Content {
    /// All that is known of a file that cannot be read.
    pub(crate) fn unreadable(status: Option<&FileStatus>) -> Self {
        Self {
            date: status.map(|status| status.modified),
            is_unreadable: true,
            ..Self::default()
        }
    }
}

impl Wanted {
    pub(crate) fn of(need: Need) -> Self {
        let summary = match (need.includes(Need::SUMMARY), need.includes(Need::HEADER_SUMMARY)) {
            (true, _) => Some(Depth::Whole),
            (false, true) => Some(Depth::Header),
            (false, false) => None,
        };
        Self {
            size: need.includes(Need::SIZE),
            date: need.includes(Need::INTERNAL_DATE),
            summary,
            body: need.includes(Need::HEADER),
            email_id: need.includes(Need::OBJECT_IDS),
        }
    }

    /// What is left of it beside what the index has.
    pub(crate) fn beside(self, entry: &Entry) -> Self {
        Self {
            size: self.size && entry.size.is_none(),
            date: self.date && entry.date.is_none(),
            ..self
        }
    }

    pub(crate) fn is_nothing(self) -> bool {
        !self.size && !self.date && self.summary.is_none() && !self.body
    }

    /// Whether the status of the file is enough.
    fn is_status(self) -> bool {
        !self.size && self.summary.is_none() && !self.body
    }
}

/// The summaries that were made before.
pub(crate) type Cached<'a> = &'a dyn Fn(Depth, ContentStamp) -> Option<Arc<Summary>>;

/// Finds out what is wanted of a message from its file. A size is counted: what a file name claims (`W=`) may be a lie.
pub(crate) fn read_content(
    directory: &Directory,
    entry: &Entry,
    mut wanted: Wanted,
    means: &mut Means,
    cached: Cached<'_>,
) -> io::Result<Content> {
    means.asker.check()?;
    if wanted.is_status() {
        return Ok(Content {
            date: Some(directory.status(entry.at())?.modified),
            ..Content::default()
        });
    }
    let (mut file, status) = directory.open_message(entry.at())?;
    let mut content = Content {
        date: Some(status.modified),
        stamp: Some(status.content_stamp()),
        ..Content::default()
    };
    if let Some(depth) = wanted.summary
        && let Some(summary) = cached(depth, status.content_stamp())
    {
        content.summary = Some(summary);
        wanted.summary = None;
    }
    if wanted.body && status.size <= SMALL.min(means.room as u64) {
        read_whole(&mut file, &status, wanted, &mut means.piece, &mut content)?;
    } else {
        read_through(&mut file, &status, wanted, &means.asker, &mut content)?;
    }
    Ok(content)
}

/// A small message whose octets are asked for: everything about it at once.
fn read_whole(
    file: &mut StoredFile,
    status: &FileStatus,
    wanted: Wanted,
    raw: &mut Vec<u8>,
    content: &mut Content,
) -> io::Result<()> {
    let size = usize::try_from(status.size).unwrap_or(0);
    raw.resize(size, 0);
    let mut read = 0;
    while read < size {
        match file.read(&mut raw[read..])? {
            0 => break,
            more => read += more,
        }
    }
    let mut octets = Vec::with_capacity(size + size / 32 + 64);
    ToWire::after(None).push(&raw[..read], &mut octets);
    content.size = Some(octets.len() as u64);
    content.new_summary = wanted.summary.map(|depth| {
        Arc::new(match depth {
            Depth::Header => Summary::of_header(&octets),
            Depth::Whole => Summary::of(&octets),
        })
    });
    content.octets = Some(octets);
    Ok(())
}

/// A message of which no octets are kept: as far as its size or its summary needs it.
fn read_through(
    file: &mut StoredFile,
    status: &FileStatus,
    wanted: Wanted,
    asker: &Asker,
    content: &mut Content,
) -> io::Result<()> {
    let counts = wanted.size;
    let summarizer = match wanted.summary {
        Some(Depth::Whole) => Some(Summarizer::new()),
        Some(Depth::Header) => Some(Summarizer::header_only()),
        None => None,
    };
    if summarizer.is_none() && !counts {
        return Ok(());
    }
    let Some(mut summarizer) = summarizer else {
        content.size = Some(count(file, status.size, asker)?);
        return Ok(());
    };
    let mut ended = true;
    let size = each_piece(file, status.size, asker, |piece| {
        summarizer.push(piece);
        ended = counts || wanted.summary == Some(Depth::Whole) || !summarizer.is_complete();
        if ended { Go::On } else { Go::Enough }
    })?;
    if ended {
        content.size = Some(size);
    }
    content.new_summary = Some(Arc::new(summarizer.finish()));
    Ok(())
}

/// The size of a message as IMAP sends it.
fn count(file: &mut impl Read, file_size: u64, asker: &Asker) -> io::Result<u64> {
    let mut ends = ToWire::after(None);
    let mut size = 0;
    each_raw_piece(file, file_size, asker, |raw| {
        size += raw.len() as u64 + ends.count(raw);
        Go::On
    })?;
    Ok(size)
}

#[derive(Clone, Copy, PartialEq)]
enum Go {
    On,
    Enough,
}

/// Gives the message in the form in which IMAP sends it, a piece at a time; its size, if all of it was taken.
fn each_piece(
    file: &mut StoredFile,
    file_size: u64,
    asker: &Asker,
    mut take: impl FnMut(&[u8]) -> Go,
) -> io::Result<u64> {
    let mut wire = Vec::new();
    let mut ends = ToWire::after(None);
    let mut size = 0;
    each_raw_piece(file, file_size, asker, |raw| {
        wire.clear();
        ends.push(raw, &mut wire);
        size += wire.len() as u64;
        take(&wire)
    })?;
    Ok(size)
}

/// Gives the file as it is, a piece at a time. What is appended while it is read is not the message.
fn each_raw_piece(
    file: &mut impl Read,
    file_size: u64,
    asker: &Asker,
    mut take: impl FnMut(&[u8]) -> Go,
) -> io::Result<()> {
    let piece = usize::try_from(file_size).map_or(PIECE, |size| size.min(PIECE));
    let mut raw = vec![0; piece];
    let mut left = file_size;
    while left > 0 {
        asker.check()?;
        let most = usize::try_from(left).map_or(piece, |left| left.min(piece));
        let read = file.read(&mut raw[..most])?;
        left -= read as u64;
        if read == 0 || take(&raw[..read]) == Go::Enough {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of line ends that has no end, the largest piece that was asked of it, and how many were.
    #[derive(Default)]
    struct Endless {
        largest: usize,
        pieces: usize,
        /// Whoever waits; he leaves with the third piece.
        asker: Option<Arc<()>>,
    }

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.largest = self.largest.max(buffer.len());
            self.pieces += 1;
            if self.pieces == 3 {
                self.asker = None;
            }
            buffer.fill(b'\n');
            Ok(buffer.len())
        }
    }

    #[test]
    fn t13_a_file_of_any_size_is_counted_a_piece_at_a_time() {
        let mut file = Endless::default();
        let size = 100 * PIECE as u64 + 7;
        let (_there, asker) = Asker::new();
        assert_eq!(count(&mut file, size, &asker).unwrap(), 2 * size);
        assert_eq!(file.largest, PIECE);
    }

    #[test]
    fn a_file_is_read_no_further_than_somebody_waits_for_it() {
        let (there, asker) = Asker::new();
        let mut file = Endless {
            asker: Some(there),
            ..Endless::default()
        };
        assert!(count(&mut file, u64::MAX, &asker).is_err());
        assert_eq!(file.pieces, 3);
    }
}
