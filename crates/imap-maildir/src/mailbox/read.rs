//! What messages say: at once what the index knows, and from their files the rest.

use std::io::{self, Read as _};
use std::sync::Arc;

use imap_backend::{Error, Need};
use imap_message::{crlf_len, to_crlf};
use imap_seq::Uid;
use imap_updates::Flags;

use crate::disk::directory::Directory;
use crate::disk::storage::{FileStatus, StoredFile};
use crate::format::file_name::ClaimedSizes;
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::index::Entry;
use crate::mailbox::locate::with_file;
use crate::mailbox::open::OpenMailbox;

/// What NUL octets, which IMAP strings cannot carry, are sent as: Dovecot's choice, and the size stays.
const NUL_SUBSTITUTE: u8 = 0x80;
/// How much of a file is read at first when only its header is wanted.
const HEADER_FIRST: usize = 16 << 10;

/// One message, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) uid: Uid,
    pub(crate) flags: Flags,
    /// RFC822.SIZE, where it is known.
    pub(crate) size: Option<u64>,
    /// INTERNALDATE, seconds since the epoch, where it is known.
    pub(crate) date: Option<i64>,
    /// As IMAP sends them, where they were asked for.
    pub(crate) octets: Option<Vec<u8>>,
}

/// What a file told.
#[derive(Debug, Default)]
struct Content {
    date: Option<i64>,
    size: Option<u64>,
    octets: Option<Vec<u8>>,
}

/// A message whose file has to be read.
struct Unread {
    uid: Uid,
    entry: Entry,
    flags: Flags,
}

impl OpenMailbox {
    /// Looks up messages; `None` where one is gone, fewer than asked for once enough octets are read.
    ///
    /// No blocking call where the index has everything; one for all messages otherwise.
    pub(crate) async fn read(
        self: &Arc<Self>,
        uids: &[Uid],
        need: Need,
    ) -> Result<Vec<Option<Reading>>, Error> {
        if let Some(readings) = self.read_from_index(uids, need) {
            return Ok(readings);
        }
        let (mailbox, uids) = (Arc::clone(self), uids.to_vec());
        let read = move || mailbox.read_files(&uids, need);
        tokio::task::spawn_blocking(read).await.map_err(panicked)?
    }

    /// The answer for all messages, if the index has it. Copies no file name.
    fn read_from_index(&self, uids: &[Uid], need: Need) -> Option<Vec<Option<Reading>>> {
        if need.includes(Need::HEADER) {
            return None;
        }
        let mut readings = Vec::with_capacity(uids.len());
        let hub = self.hub.lock();
        for (uid, entry) in hub.look_up(uids) {
            if entry.is_some_and(|entry| !is_enough(entry, need)) {
                return None;
            }
            readings.push(entry.map(|entry| Reading {
                uid,
                flags: hub.flags(entry),
                size: entry.size,
                date: entry.date,
                octets: None,
            }));
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

    fn read_files(&self, uids: &[Uid], need: Need) -> Result<Vec<Option<Reading>>, Error> {
        let mut readings = Vec::with_capacity(uids.len());
        let mut budget = need.octets_budget();
        for message in self.unread(uids) {
            if budget == 0 {
                break;
            }
            let reading = match message {
                Some(message) => self.read_one(message, need).map_err(from_io)?,
                None => None,
            };
            let octets = reading.as_ref().and_then(|reading| reading.octets.as_ref());
            budget = budget.saturating_sub(octets.map_or(0, Vec::len));
            readings.push(reading);
        }
        Ok(readings)
    }

    fn read_one(&self, message: Unread, need: Need) -> io::Result<Option<Reading>> {
        let Unread { uid, entry, flags } = message;
        let content = match self.content(uid, &entry, need) {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(None),
            // One message that cannot be read must not hide the others.
            Err(error) if is_about_one_file(&error) => {
                tracing::warn!(%error, %uid, "a message cannot be read");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if content.size.is_some() || content.date.is_some() {
            self.hub.lock().remember(uid, content.size, content.date);
        }
        Ok(Some(Reading {
            uid,
            flags,
            size: content.size.or(entry.size),
            date: content.date.or(entry.date),
            octets: content.octets,
        }))
    }

    /// Reads a message's file under the name it has now; `None` when it is gone.
    fn content(&self, uid: Uid, entry: &Entry, need: Need) -> io::Result<Option<Content>> {
        if is_enough(entry, need) {
            return Ok(Some(Content::default()));
        }
        let read = |entry: &Entry| read_content(&self.directory, entry, need);
        match read(entry) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result.map(Some),
        }
        // Renamed since it was looked up: by a session of ours, which the index knows, or by another program.
        let Some(entry) = self.hub.lock().get(uid).cloned() else {
            return Ok(None);
        };
        Ok(with_file(&self.directory, &entry, read)?.map(|(content, _)| content))
    }
}

/// Whether an error says something about the file alone, not about the store as a whole.
fn is_about_one_file(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidData
    ) || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

fn is_enough(entry: &Entry, need: Need) -> bool {
    !need.includes(Need::HEADER)
        && (!need.includes(Need::SIZE) || entry.size.is_some())
        && (!need.includes(Need::INTERNAL_DATE) || entry.date.is_some())
}

fn read_content(directory: &Directory, entry: &Entry, need: Need) -> io::Result<Content> {
    if !need.includes(Need::HEADER) {
        let status = directory.status(entry.at())?;
        let size = entry.size.or_else(|| claimed_size(entry, &status));
        if !need.includes(Need::SIZE) || size.is_some() {
            return Ok(Content {
                date: Some(status.modified),
                size,
                octets: None,
            });
        }
    }
    let (file, status) = directory.open_message(entry.at())?;
    let date = Some(status.modified);
    let size = entry.size.or_else(|| claimed_size(entry, &status));
    let is_header_enough = !need.includes(Need::OCTETS) && (size.is_some() || !need.includes(Need::SIZE));
    if is_header_enough {
        let octets = Some(for_the_wire(read_header(file, &status)?));
        return Ok(Content { date, size, octets });
    }
    let octets = read_all(file, &status)?;
    // What was counted is right whatever a file name claims.
    let size = Some(crlf_len(&octets));
    let octets = need.includes(Need::HEADER).then(|| for_the_wire(octets));
    Ok(Content { date, size, octets })
}

/// The size that the file name claims, if the other size that it claims is the file's.
fn claimed_size(entry: &Entry, status: &FileStatus) -> Option<u64> {
    let sizes = ClaimedSizes::of(entry.base()).if_physical_is(status.size)?;
    let possible = status.size..=status.size.saturating_mul(2);
    possible.contains(&sizes.wire).then_some(sizes.wire)
}

fn read_all(mut file: StoredFile, status: &FileStatus) -> io::Result<Vec<u8>> {
    let mut octets = Vec::with_capacity(usize::try_from(status.size).unwrap_or(0).min(1 << 26));
    file.read_to_end(&mut octets)?;
    Ok(octets)
}

/// Reads as far as the empty line after the header, or a little more.
fn read_header(mut file: StoredFile, status: &FileStatus) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let mut wanted = HEADER_FIRST;
    loop {
        let more = u64::try_from(wanted - octets.len()).unwrap_or(u64::MAX);
        let count = (&mut file).take(more).read_to_end(&mut octets)?;
        let complete = octets.windows(2).any(|pair| pair == b"\n\n")
            || octets.windows(3).any(|three| three == b"\n\r\n");
        if complete || count == 0 || octets.len() as u64 >= status.size {
            return Ok(octets);
        }
        wanted = wanted.saturating_mul(4);
    }
}

fn for_the_wire(octets: Vec<u8>) -> Vec<u8> {
    let mut octets = match to_crlf(&octets) {
        std::borrow::Cow::Borrowed(_) => octets,
        std::borrow::Cow::Owned(converted) => converted,
    };
    octets
        .iter_mut()
        .filter(|octet| **octet == 0)
        .for_each(|octet| *octet = NUL_SUBSTITUTE);
    octets
}
