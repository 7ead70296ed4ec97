//! What messages say: at once what index and cache know, and from their files the rest.

use std::io;
use std::sync::Arc;

use imap_backend::{Body, Error, Need};
use imap_message::{Summarizer, Summary};
use imap_seq::Uid;
use imap_updates::Flags;

use crate::disk::directory::Directory;
use crate::disk::storage::{FileStatus, StoredFile};
use crate::format::file_name::ClaimedSizes;
use crate::format::wire_form::ToWire;
use crate::mailbox::body::{FileBody, PIECE, of_one_message};
use crate::mailbox::cache::{Depth, MessageKey};
use crate::mailbox::error::panicked;
use crate::mailbox::index::Entry;
use crate::mailbox::locate::with_file;
use crate::mailbox::open::OpenMailbox;

/// A file up to this size is read whole where its octets are asked for, so that nobody waits for it a second time.
const SMALL: u64 = 64 << 10;

/// One message, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) uid: Uid,
    pub(crate) flags: Flags,
    /// RFC822.SIZE, where it is known.
    pub(crate) size: Option<u64>,
    /// INTERNALDATE, seconds since the epoch, where it is known.
    pub(crate) date: Option<i64>,
    pub(crate) summary: Option<Arc<Summary>>,
    pub(crate) body: Option<Body>,
}

/// What has to be found out about one message, besides what the index has.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    size: bool,
    date: bool,
    summary: Option<Depth>,
    body: bool,
}

/// What a file told.
#[derive(Debug, Default)]
struct Content {
    date: Option<i64>,
    size: Option<u64>,
    summary: Option<Arc<Summary>>,
    /// The whole message as IMAP sends it, where it is small.
    octets: Option<Vec<u8>>,
}

/// A message whose file may have to be read.
struct Unread {
    uid: Uid,
    entry: Entry,
    flags: Flags,
}

impl Wanted {
    fn of(need: Need) -> Self {
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
        }
    }

    /// What is left of it beside what the index has.
    fn beside(self, entry: &Entry) -> Self {
        Self {
            size: self.size && entry.size.is_none(),
            date: self.date && entry.date.is_none(),
            ..self
        }
    }

    fn is_nothing(self) -> bool {
        !self.size && !self.date && self.summary.is_none() && !self.body
    }

    /// Whether the status of the file is enough.
    fn is_status(self) -> bool {
        self.summary.is_none() && !self.body
    }
}

impl OpenMailbox {
    /// Looks up messages; `None` where one is gone.
    ///
    /// No blocking call where index and cache have everything; one for all messages otherwise.
    pub(crate) async fn read(
        self: &Arc<Self>,
        uids: &[Uid],
        need: Need,
    ) -> Result<Vec<Option<Reading>>, Error> {
        let wanted = Wanted::of(need);
        if let Some(readings) = self.read_from_memory(uids, wanted) {
            return Ok(readings);
        }
        let (mailbox, uids) = (Arc::clone(self), uids.to_vec());
        let read = move || mailbox.read_files(&uids, wanted);
        tokio::task::spawn_blocking(read).await.map_err(panicked)?
    }

    /// The answer for all messages, if index and cache have it. Copies no file name.
    fn read_from_memory(&self, uids: &[Uid], wanted: Wanted) -> Option<Vec<Option<Reading>>> {
        if wanted.body {
            return None;
        }
        let without_summary = Wanted {
            summary: None,
            ..wanted
        };
        let mut readings = Vec::with_capacity(uids.len());
        let mut keys = Vec::new();
        {
            let hub = self.hub.lock();
            for (uid, entry) in hub.look_up(uids) {
                if entry.is_some_and(|entry| !without_summary.beside(entry).is_nothing()) {
                    return None;
                }
                if wanted.summary.is_some()
                    && let Some(entry) = entry
                {
                    keys.push(self.cache.key(entry.base()));
                }
                readings.push(entry.map(|entry| Reading {
                    uid,
                    flags: hub.flags(entry),
                    size: entry.size,
                    date: entry.date,
                    summary: None,
                    body: None,
                }));
            }
        }
        if let Some(depth) = wanted.summary {
            for (reading, key) in readings.iter_mut().flatten().zip(keys) {
                reading.summary = Some(self.cache.summary(key, depth)?);
            }
        }
        Some(readings)
    }

    fn unread(&self, uids: &[Uid]) -> Vec<Option<Unread>> {
        let hub = self.hub.lock();
        let unread = |(uid, entry): (Uid, Option<&Entry>)| {
            entry.map(|entry| Unread {
                uid,
                entry: entry.clone(),
                flags: hub.flags(entry),
            })
        };
        hub.look_up(uids).map(unread).collect()
    }

    fn read_files(self: &Arc<Self>, uids: &[Uid], wanted: Wanted) -> Result<Vec<Option<Reading>>, Error> {
        let mut readings = Vec::with_capacity(uids.len());
        let mut room = Need::HELD_OCTETS;
        for message in self.unread(uids) {
            let reading = match message {
                Some(message) => self.read_one(message, wanted, &mut room)?,
                None => None,
            };
            readings.push(reading);
        }
        Ok(readings)
    }

    fn read_one(
        self: &Arc<Self>,
        message: Unread,
        wanted: Wanted,
        room: &mut usize,
    ) -> Result<Option<Reading>, Error> {
        let Unread { uid, entry, flags } = message;
        let mut wanted = wanted.beside(&entry);
        let key = self.cache.key(entry.base());
        let known = wanted.summary.and_then(|depth| self.cache.summary(key, depth));
        if known.is_some() {
            wanted.summary = None;
        }
        let content = match self.content(uid, &entry, wanted, *room) {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(None),
            // One message that cannot be read must not hide the others: whoever reads it is told.
            Err(error) if is_about_one_file(&error) => {
                tracing::warn!(%error, %uid, "a message cannot be read");
                Content::default()
            }
            Err(error) => return Err(of_one_message(&error)),
        };
        if content.size.is_some() || content.date.is_some() {
            self.hub.lock().remember(uid, content.size, content.date);
        }
        if let Some(summary) = &content.summary {
            self.cache.keep_summary(key, summary);
        }
        let body = match content.octets {
            Some(octets) if wanted.body => {
                *room = room.saturating_sub(octets.len());
                Some(Body::from(octets))
            }
            _ if wanted.body || known.is_none() && content.summary.is_none() && wanted.summary.is_some() => {
                Some(Body::new(FileBody::new(Arc::clone(self), uid)))
            }
            _ => None,
        };
        Ok(Some(Reading {
            uid,
            flags,
            size: content.size.or(entry.size),
            date: content.date.or(entry.date),
            summary: known.or(content.summary),
            body,
        }))
    }

    /// Reads a message's file under the name it has now; `None` when it is gone.
    fn content(&self, uid: Uid, entry: &Entry, wanted: Wanted, room: usize) -> io::Result<Option<Content>> {
        if wanted.is_nothing() {
            return Ok(Some(Content::default()));
        }
        let read = |entry: &Entry| read_content(&self.directory, entry, wanted, room);
        self.with_file_of(uid, entry, read)
    }

    /// Does something with the file of a message, under the name it has now; `None` when it is gone.
    fn with_file_of<T>(
        &self,
        uid: Uid,
        entry: &Entry,
        work: impl Fn(&Entry) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        match work(entry) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result.map(Some),
        }
        // Renamed since it was looked up: by a session of ours, which the index knows, or by another program.
        let Some(entry) = self.hub.lock().get(uid).cloned() else {
            return Ok(None);
        };
        Ok(with_file(&self.directory, &entry, work)?.map(|(result, _)| result))
    }

    /// The file of a message, its size, and its place in the cache; `None` when it is gone.
    pub(crate) fn open_file(&self, uid: Uid) -> io::Result<Option<(StoredFile, u64, MessageKey)>> {
        let Some(entry) = self.hub.lock().get(uid).cloned() else {
            return Ok(None);
        };
        let open = |entry: &Entry| self.directory.open_message(entry.at());
        let opened = self.with_file_of(uid, &entry, open)?;
        let key = self.cache.key(entry.base());
        Ok(opened.map(|(file, status)| (file, status.size, key)))
    }
}

/// Whether an error says something about the file alone, not about the store as a whole.
fn is_about_one_file(error: &io::Error) -> bool {
    of_one_message(error).kind().concerns_one_message()
}

fn read_content(directory: &Directory, entry: &Entry, wanted: Wanted, room: usize) -> io::Result<Content> {
    if wanted.is_status() {
        let status = directory.status(entry.at())?;
        let size = claimed_size(entry, &status);
        if !wanted.size || size.is_some() {
            return Ok(Content {
                date: Some(status.modified),
                size,
                ..Content::default()
            });
        }
    }
    let (mut file, status) = directory.open_message(entry.at())?;
    let mut content = Content {
        date: Some(status.modified),
        ..Content::default()
    };
    if wanted.body && status.size <= SMALL.min(room as u64) {
        read_whole(&mut file, &status, wanted, &mut content)?;
    } else {
        read_through(&mut file, entry, &status, wanted, &mut content)?;
    }
    Ok(content)
}

/// A small message whose octets are asked for: everything about it at once.
fn read_whole(
    file: &mut StoredFile,
    status: &FileStatus,
    wanted: Wanted,
    content: &mut Content,
) -> io::Result<()> {
    let mut octets = Vec::with_capacity(usize::try_from(status.size).unwrap_or(0) * 33 / 32 + 64);
    // What was counted is right whatever a file name claims.
    content.size = Some(each_piece(file, status.size, |piece| {
        octets.extend_from_slice(piece);
        Go::On
    })?);
    content.summary = wanted.summary.map(|depth| {
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
    entry: &Entry,
    status: &FileStatus,
    wanted: Wanted,
    content: &mut Content,
) -> io::Result<()> {
    let claimed = claimed_size(entry, status);
    let counts = wanted.size && claimed.is_none();
    let mut summarizer = match wanted.summary {
        Some(Depth::Whole) => Some(Summarizer::new()),
        Some(Depth::Header) => Some(Summarizer::header_only()),
        None => None,
    };
    content.size = claimed;
    if summarizer.is_none() && !counts {
        return Ok(());
    }
    let mut ended = true;
    let size = each_piece(file, status.size, |piece| {
        let wants_more = summarizer.as_mut().is_some_and(|summarizer| {
            summarizer.push(piece);
            wanted.summary == Some(Depth::Whole) || !summarizer.is_complete()
        });
        ended = wants_more || counts;
        if ended { Go::On } else { Go::Enough }
    })?;
    if ended {
        content.size = Some(size);
    }
    content.summary = summarizer.map(|summarizer| Arc::new(summarizer.finish()));
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Go {
    On,
    Enough,
}

/// Gives the message in the form in which IMAP sends it, a piece at a time; its size, if all of it was taken.
fn each_piece(file: &mut StoredFile, file_size: u64, mut take: impl FnMut(&[u8]) -> Go) -> io::Result<u64> {
    let piece = usize::try_from(file_size).map_or(PIECE, |size| size.min(PIECE));
    let (mut raw, mut wire) = (vec![0; piece], Vec::with_capacity(piece * 33 / 32 + 64));
    let mut ends = ToWire::after(None);
    let (mut left, mut size) = (file_size, 0);
    // What is appended while it is read is not the message.
    while left > 0 {
        let most = usize::try_from(left).map_or(piece, |left| left.min(piece));
        let read = io::Read::read(file, &mut raw[..most])?;
        if read == 0 {
            break;
        }
        left -= read as u64;
        wire.clear();
        ends.push(&raw[..read], &mut wire);
        size += wire.len() as u64;
        if take(&wire) == Go::Enough {
            break;
        }
    }
    Ok(size)
}

/// The size that the file name claims, if the other size that it claims is the file's.
fn claimed_size(entry: &Entry, status: &FileStatus) -> Option<u64> {
    let sizes = ClaimedSizes::of(entry.base()).if_physical_is(status.size)?;
    let possible = status.size..=status.size.saturating_mul(2);
    possible.contains(&sizes.wire).then_some(sizes.wire)
}
