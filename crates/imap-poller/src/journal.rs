//! `Journal`: a file that keeps which id has which UID. The one place of this crate that reaches a disk.

pub(crate) mod format;
mod medium;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use imap_seq::{Uid, UidSet, UidValidity};

use crate::ids::{Ids, UidMap, UidStore};
use medium::{JournalFile, Medium, OpenedFile};

/// A file to which each change is added, and in which it is durable before anybody is told of it.
///
/// * **A crash at any moment**, of the process or of the machine, leaves what was answered, and perhaps the beginning of a
///   record behind it, which is cut off when the journal is opened ([`UidMap::torn`]). UIDs that the torn record may have
///   given are never used.
/// * **Damage** anywhere else is found by checksums, and the journal is refused, with the place in it: a UID that is guessed
///   would show a client the wrong message. Restore the file, or remove it and take a new UIDVALIDITY.
/// * **It is written anew** when more than half of it is about messages that are gone: beside the old one, and renamed.
/// * **One process** has it open at a time; a file beside it (`.lock`) sees to that.
///
/// ```
/// # let directory = std::env::temp_dir().join(format!("journal-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # let path = directory.join("uids");
/// use imap_poller::UidMap;
/// use imap_seq::{Uid, UidValidity};
///
/// let now = UidValidity::new(1_789_000_000).expect("not 0"); // seconds since 1970
/// let mut map = UidMap::open(&path, now)?;
/// let uids = map.uids(["b", "a"])?;
/// drop(map);
///
/// let later = UidValidity::new(1_790_000_000).expect("not 0"); // for a journal that does not exist yet
/// let mut map = UidMap::open(&path, later)?;
/// assert_eq!(map.uid_validity(), now);
/// assert_eq!(map.uids(["a", "b"])?, [uids[1], uids[0]]);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Costs: 6 octets for each message and its id; one write and one sync for each page with new ids, another one for messages
/// that are gone. Opening reads all of it.
#[derive(Debug)]
pub struct Journal(Log<JournalFile>);

/// Why a journal was not opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalError {
    /// It could not be read or written.
    Io(PathBuf, io::Error),
    /// Another process, or another map in this one, has it open.
    InUse(PathBuf),
    /// It is not what was written.
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Where the record begins in which the damage was found.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
}

impl UidMap<Journal> {
    /// Opens the journal at `path`, or makes it with this UIDVALIDITY; its directory has to be there.
    ///
    /// # Errors
    /// It cannot be read or written, somebody else has it open, or it is damaged.
    pub fn open(path: impl AsRef<Path>, uid_validity: UidValidity) -> Result<Self, JournalError> {
        let path = path.as_ref();
        let failed = |error| JournalError::Io(path.to_owned(), error);
        let opened = JournalFile::open(path).map_err(failed)?;
        let OpenedFile { file, octets } = opened.ok_or_else(|| JournalError::InUse(path.to_owned()))?;
        let opened = Log::open(file, octets.as_deref(), uid_validity);
        let (ids, log) = opened.map_err(|error| match error {
            NotOpened::Failed(error) => failed(error),
            NotOpened::Damaged(format::Damage { at, what }) => JournalError::Damaged {
                path: path.to_owned(),
                at: at as u64,
                what,
            },
        })?;
        Ok(Self::new(ids, Journal(log)))
    }

    /// How many octets were cut off when the journal was opened, because a crash had interrupted their writing: for a log.
    pub fn torn(&self) -> usize {
        self.store().map_or(0, |journal| journal.0.torn)
    }
}

impl UidStore for Journal {
    type Error = io::Error;

    fn give(&mut self, first: Uid, ids: &[&str]) -> io::Result<()> {
        self.0.give(first, ids)
    }

    fn forget(&mut self, uids: &UidSet) -> io::Result<()> {
        self.0.forget(uids)
    }

    fn tidy(&mut self, ids: &Ids) -> io::Result<()> {
        self.0.tidy(ids)
    }
}

/// A journal on any medium.
#[derive(Debug)]
pub(crate) struct Log<M> {
    medium: M,
    /// How many octets it has, and with how many it is worth looking whether it should be written anew.
    length: u64,
    check_at: u64,
    torn: usize,
}

#[derive(Debug)]
pub(crate) enum NotOpened {
    Failed(io::Error),
    Damaged(format::Damage),
}

/// A shorter journal is not worth writing anew.
const SHORT: u64 = 64 << 10;

impl<M: Medium> Log<M> {
    pub(crate) fn open(
        medium: M,
        octets: Option<&[u8]>,
        uid_validity: UidValidity,
    ) -> Result<(Ids, Self), NotOpened> {
        let mut log = Self {
            medium,
            length: 0,
            check_at: 0,
            torn: 0,
        };
        let Some(octets) = octets else {
            let ids = Ids::new(uid_validity);
            log.write_anew(&ids).map_err(NotOpened::Failed)?;
            return Ok((ids, log));
        };
        // Before anybody is told what it says: a process that was killed may have left it unsynced.
        log.medium.sync().map_err(NotOpened::Failed)?;
        let format::Replayed { mut ids, torn } = format::replay(octets).map_err(NotOpened::Damaged)?;
        (log.length, log.torn) = (octets.len() as u64, torn);
        if torn > 0 {
            // Most likely nobody was told of what was torn. But if the last record was damaged afterwards, somebody was.
            let skipped = ids.uid_next().map_or(u32::MAX, Uid::get);
            let skipped = skipped.checked_add(u32::try_from(format::MOST_GIVEN).unwrap_or(u32::MAX));
            ids.raise_uid_next(skipped.and_then(Uid::new));
            log.write_anew(&ids).map_err(NotOpened::Failed)?;
        }
        Ok((ids, log))
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        self.medium.append(record)?;
        self.length += record.len() as u64;
        Ok(())
    }

    fn write_anew(&mut self, ids: &Ids) -> io::Result<()> {
        let mut length = 0;
        self.medium.replace(&mut |out| {
            let mut write = |octets: &[u8]| {
                length += octets.len() as u64;
                out.write_all(octets)
            };
            write(format::MAGIC)?;
            write(&format::begin(ids))?;
            let mut messages = ids.iter().peekable();
            while messages.peek().is_some() {
                write(&format::given(&mut messages))?;
            }
            Ok(())
        })?;
        (self.length, self.check_at) = (length, 2 * length);
        Ok(())
    }
}

impl<M: Medium> UidStore for Log<M> {
    type Error = io::Error;

    /// Each record is on the disk before the next one is written, so that only the last one can be torn.
    fn give(&mut self, first: Uid, ids: &[&str]) -> io::Result<()> {
        let uids = (first.get()..=u32::MAX).filter_map(Uid::new);
        let mut messages = uids.zip(ids.iter().copied()).peekable();
        while messages.peek().is_some() {
            self.append(&format::given(&mut messages))?;
        }
        Ok(())
    }

    fn forget(&mut self, uids: &UidSet) -> io::Result<()> {
        let mut uids = uids.iter().peekable();
        while uids.peek().is_some() {
            self.append(&format::gone(&mut uids))?;
        }
        Ok(())
    }

    fn tidy(&mut self, ids: &Ids) -> io::Result<()> {
        if self.length <= SHORT.max(self.check_at) {
            return Ok(());
        }
        let needed: u64 = ids.iter().map(|(_, id)| id.len() as u64 + 6).sum();
        if self.length > 2 * needed {
            return self.write_anew(ids);
        }
        // Not before it is longer by half, so that the sum is taken seldom.
        self.check_at = self.length + self.length / 2;
        Ok(())
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::InUse(path) => write!(f, "{}: another process has it open", path.display()),
            Self::Damaged { path, at, what } => {
                write!(f, "{}: damaged at octet {at}: {what}", path.display())
            }
        }
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::InUse(_) | Self::Damaged { .. } => None,
        }
    }
}
