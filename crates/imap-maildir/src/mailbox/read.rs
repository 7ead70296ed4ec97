//! FETCH: what the index knows at once, and what has to be read from files.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use imap_backend::{Error, Need, Record};
use imap_message::{crlf_len, to_crlf};
use imap_seq::Uid;
use imap_updates::Flags;
use rustix::fs::Stat;

use crate::disk::directory::Directory;
use crate::format::filename::ClaimedSizes;
use crate::mailbox::add::with_file;
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::index::Entry;
use crate::mailbox::open::OpenMailbox;

/// What NUL octets, which IMAP strings cannot carry, are sent as: Dovecot's choice, and the size stays.
const NUL_SUBSTITUTE: u8 = 0x80;
/// How much of a file is read at first when only its header is wanted.
const HEADER_FIRST: usize = 16 << 10;

/// What a file told.
#[derive(Default)]
struct Seen {
    modified: Option<i64>,
    wire: Option<u64>,
    octets: Option<Vec<u8>>,
}

impl OpenMailbox {
    /// Looks up messages; see [`imap_backend::Mailbox::fetch`].
    ///
    /// No blocking call where the index has everything; one for all messages otherwise.
    pub(crate) async fn fetch(
        self: &Arc<Self>,
        uids: &[Uid],
        need: Need,
    ) -> Result<Vec<Option<Record>>, Error> {
        let known = self.known(uids);
        if known.iter().flatten().all(|(entry, _)| is_enough(entry, need)) {
            let record = |(uid, known): (&Uid, Option<(Entry, Flags)>)| {
                known.map(|(entry, flags)| record(*uid, flags, need, (entry.modified, entry.wire, None)))
            };
            return Ok(uids.iter().zip(known).map(record).collect());
        }
        let (mailbox, uids) = (Arc::clone(self), uids.to_vec());
        let read = move || mailbox.read(&uids, known, need);
        tokio::task::spawn_blocking(read).await.map_err(panicked)?
    }

    fn known(&self, uids: &[Uid]) -> Vec<Option<(Entry, Flags)>> {
        let hub = self.hub.lock();
        let known = |uid| {
            hub.messages
                .get(uid)
                .map(|entry| (entry.clone(), hub.flags(entry)))
        };
        uids.iter().map(known).collect()
    }

    fn read(
        &self,
        uids: &[Uid],
        known: Vec<Option<(Entry, Flags)>>,
        need: Need,
    ) -> Result<Vec<Option<Record>>, Error> {
        let mut records = Vec::with_capacity(uids.len());
        let mut budget = need.octets_budget();
        for (&uid, known) in uids.iter().zip(known) {
            let Some((entry, flags)) = known else {
                records.push(None);
                continue;
            };
            if budget == 0 {
                break;
            }
            let seen = match self.see(uid, &entry, need) {
                Ok(Some(seen)) => seen,
                Ok(None) => {
                    records.push(None);
                    continue;
                }
                // One message that cannot be read must not hide the others.
                Err(error) if is_of_one_file(&error) => {
                    tracing::warn!(%error, %uid, "a message cannot be read");
                    records.push(None);
                    continue;
                }
                Err(error) => return Err(from_io(error)),
            };
            budget = budget.saturating_sub(seen.octets.as_ref().map_or(0, Vec::len));
            self.remember(uid, &seen);
            let modified = seen.modified.or(entry.modified);
            let wire = seen.wire.or(entry.wire);
            records.push(Some(record(uid, flags, need, (modified, wire, seen.octets))));
        }
        Ok(records)
    }

    /// Reads a message's file under the name it has now; `None` when it is gone.
    fn see(&self, uid: Uid, entry: &Entry, need: Need) -> io::Result<Option<Seen>> {
        if is_enough(entry, need) {
            return Ok(Some(Seen::default()));
        }
        let read = |entry: &Entry| see_file(&self.directory, entry, need);
        match read(entry) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result.map(Some),
        }
        // Renamed since it was looked up: by a session of ours, which the index knows, or by another program.
        let Some(entry) = self.hub.lock().messages.get(&uid).cloned() else {
            return Ok(None);
        };
        Ok(with_file(&self.directory, &entry, read)?.map(|(seen, _)| seen))
    }

    /// Keeps size and date: the file of a message never changes.
    fn remember(&self, uid: Uid, seen: &Seen) {
        if seen.wire.is_none() && seen.modified.is_none() {
            return;
        }
        if let Some(entry) = self.hub.lock().messages.get_mut(&uid) {
            entry.wire = seen.wire.or(entry.wire);
            entry.modified = seen.modified.or(entry.modified);
        }
    }
}

/// Whether an error says something about the file alone, not about the store as a whole.
fn is_of_one_file(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidData
    ) || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

fn is_enough(entry: &Entry, need: Need) -> bool {
    !need.includes(Need::HEADER)
        && (!need.includes(Need::SIZE) || entry.wire.is_some())
        && (!need.includes(Need::INTERNAL_DATE) || entry.modified.is_some())
}

fn see_file(directory: &Directory, entry: &Entry, need: Need) -> io::Result<Seen> {
    if !need.includes(Need::HEADER) {
        let stat = directory.stat(entry.place, &entry.name)?;
        let claimed = claimed_size(entry, &stat);
        if !need.includes(Need::SIZE) || entry.wire.or(claimed).is_some() {
            let wire = entry.wire.or(claimed);
            return Ok(Seen {
                modified: Some(stat.st_mtime),
                wire,
                octets: None,
            });
        }
    }
    let (file, stat) = directory.open_message(entry.place, &entry.name)?;
    let modified = Some(stat.st_mtime);
    let known = entry.wire.or_else(|| claimed_size(entry, &stat));
    let header_only = !need.includes(Need::OCTETS) && (known.is_some() || !need.includes(Need::SIZE));
    if header_only {
        let octets = read_header(file, &stat)?;
        return Ok(Seen {
            modified,
            wire: known,
            octets: Some(for_the_wire(octets)),
        });
    }
    let octets = read_all(file, &stat)?;
    // What was counted is right whatever a file name claims.
    let wire = Some(crlf_len(&octets));
    let octets = need.includes(Need::HEADER).then(|| for_the_wire(octets));
    Ok(Seen {
        modified,
        wire,
        octets,
    })
}

/// The size that the file name claims, if the other size that it claims is the file's.
fn claimed_size(entry: &Entry, stat: &Stat) -> Option<u64> {
    let claimed = ClaimedSizes::of(entry.base());
    let size = u64::try_from(stat.st_size).ok()?;
    claimed
        .wire
        .filter(|&wire| claimed.physical == Some(size) && (size..=size.saturating_mul(2)).contains(&wire))
}

fn read_all(mut file: File, stat: &Stat) -> io::Result<Vec<u8>> {
    let mut octets = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0).min(1 << 26));
    file.read_to_end(&mut octets)?;
    Ok(octets)
}

/// Reads as far as the empty line after the header, or a little more.
fn read_header(mut file: File, stat: &Stat) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let mut wanted = HEADER_FIRST;
    loop {
        let more = u64::try_from(wanted - octets.len()).unwrap_or(u64::MAX);
        let count = (&mut file).take(more).read_to_end(&mut octets)?;
        let complete = octets.windows(2).any(|pair| pair == b"\n\n")
            || octets.windows(3).any(|three| three == b"\n\r\n");
        if complete || count == 0 || u64::try_from(stat.st_size).is_ok_and(|size| octets.len() as u64 >= size)
        {
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

fn record(
    uid: Uid,
    flags: Flags,
    need: Need,
    (modified, wire, octets): (Option<i64>, Option<u64>, Option<Vec<u8>>),
) -> Record {
    Record {
        internal_date: modified.filter(|_| need.includes(Need::INTERNAL_DATE)).map(date),
        size: wire.filter(|_| need.includes(Need::SIZE)),
        octets: octets.map(Into::into),
        ..Record::new(uid, flags)
    }
}

/// INTERNALDATE of a file's modification time; the epoch for times that no date can say.
fn date(seconds: i64) -> DateTime<FixedOffset> {
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .fixed_offset()
}
