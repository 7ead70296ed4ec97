//! `imap-modseqs`: the file beside the mail that keeps mod-sequences. What its lines mean is [`crate::format::modseqs`].
//!
//! Lines are only ever added, by whoever has the file's lock (`flock`); in between the file is replaced by a shorter one. It
//! is locked for as long as it takes to read what others added and to add a few lines, and nobody is waited for meanwhile.
//!
//! Nothing is synced when lines are added: what a dead process wrote is there all the same, and that a power failure took
//! something away is told by the mark that no process of this boot of the system has set.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::disk::control_file::{self, Replacement};
use crate::disk::directory::Directory;
use crate::disk::storage::{self, FileIdentity, OpenFor, StoredFile};
use crate::format::modseqs::{Chain, End, Line, parse};

/// Its name.
pub(crate) const FILE_NAME: &str = "imap-modseqs";
const TEMPORARY_NAME: &str = "imap-modseqs.tmp";
/// What is read of the file at most, octets. It is replaced by a shorter one long before.
const LARGEST: u64 = 256 << 20;
/// Another process has the lock for some milliseconds. One that was stopped with it must not stop this one too. Tests wait less
/// for one that was.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 10 });
const PAUSE: Duration = Duration::from_millis(2);

/// The file, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct ModSeqFile {
    open: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    file: StoredFile,
    identity: FileIdentity,
    /// Octets of whole lines.
    read: u64,
    /// Of these.
    chain: Chain,
}

/// Which file it was and how long: it only grows, so an equal stamp means equal lines.
pub(crate) type Stamp = (FileIdentity, u64);

/// What reading brought.
#[derive(Debug)]
pub(crate) enum Reading {
    /// The lines that were added since.
    More(Vec<Line>),
    /// All lines of a file that was not read before.
    Anew(Vec<Line>),
    /// An empty file, or one that is damaged or too long: nothing in it counts.
    Unusable,
}

/// Whether lines have to survive a power failure before anybody relies on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    Synced,
    Eventual,
}

impl ModSeqFile {
    /// The state of the file as far as it was read; none where there is none.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.open.as_ref().map(|open| (open.identity, open.read))
    }

    /// The checksum of what was read, for [`opened_again`](Self::opened_again).
    pub(crate) fn checksum(&self) -> Option<u32> {
        self.open.as_ref().map(|open| open.chain.checksum())
    }

    /// The file as it was when it was read up to `stamp`; none where it is another file now.
    pub(crate) fn opened_again(directory: &Directory, stamp: Stamp, checksum: u32) -> Option<Self> {
        let (identity, read) = stamp;
        if stamp_of(directory)?.0 != identity {
            return None;
        }
        let open = Opened {
            read,
            chain: Chain::after(checksum, read),
            ..Opened::open_or_make(directory).ok()?
        };
        (open.identity == identity).then_some(Self { open: Some(open) })
    }

    /// Locks the file, making it where there is none, and reads what was added. [`unlock`](Self::unlock) has to follow.
    ///
    /// # Errors
    /// `TimedOut` while another process does not give the lock back; else as the system says.
    pub(crate) fn lock(&mut self, directory: &Directory) -> io::Result<Reading> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(reading) = self.lock_if_free(directory)? {
                return Ok(reading);
            }
            if Instant::now() >= until {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("{FILE_NAME} is locked by another process"),
                ));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The same without waiting; none while another process has the lock.
    pub(crate) fn lock_if_free(&mut self, directory: &Directory) -> io::Result<Option<Reading>> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                none => none.insert(Opened::open_or_make(directory)?),
            };
            if !open.file.try_lock()? {
                return Ok(None);
            }
            if stamp_of(directory).is_some_and(|(identity, _)| identity == open.identity) {
                return open.read_on().map(Some);
            }
            // Replaced or removed: this is not the file any more.
            self.open = None;
        }
    }

    pub(crate) fn unlock(&self) {
        if let Some(open) = &self.open {
            open.file.unlock();
        }
    }

    /// Adds lines to the locked file. On an error none of them is there.
    pub(crate) fn append(&mut self, lines: &[Line], durability: Durability) -> io::Result<()> {
        let open = self.open.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let (mut chain, mut octets) = (open.chain.clone(), Vec::new());
        lines.iter().for_each(|line| line.write(&mut chain, &mut octets));
        if let Err(error) = open.file.write_all(&octets) {
            open.file.truncate(open.read)?;
            return Err(error);
        }
        open.read += octets.len() as u64;
        open.chain = chain;
        match durability {
            Durability::Synced => open.file.sync_data(),
            Durability::Eventual => Ok(()),
        }
    }

    /// Replaces the locked file by one with these lines, and locks that one: another process may have been faster. After a
    /// power failure the old one may be back: it has to have the mark of a running process, or to be unusable.
    pub(crate) fn replace(&mut self, directory: &Directory, lines: &[Line]) -> io::Result<Reading> {
        let (mut chain, mut octets) = (Chain::default(), Vec::new());
        lines.iter().for_each(|line| line.write(&mut chain, &mut octets));
        let replacement = Replacement {
            name: FILE_NAME,
            temporary: TEMPORARY_NAME,
            octets: &octets,
            mode: directory.file_mode(),
            modified: None,
        };
        let identity = replacement.put_anyhow(directory.root())?.status()?.identity;
        let mut open = Opened::open_or_make(directory)?;
        if open.identity == identity {
            (open.read, open.chain) = (octets.len() as u64, chain);
        }
        self.open = Some(open);
        self.lock(directory)
    }

    /// Removes the file, because it cannot be kept up: no file tells no lies.
    pub(crate) fn abandon(&mut self, directory: &Directory) {
        let _ = storage::unlink(directory.root(), FILE_NAME);
        self.open = None;
    }
}

impl Opened {
    fn open_or_make(directory: &Directory) -> io::Result<Self> {
        let open = || control_file::open(directory.root(), FILE_NAME, OpenFor::ReadingAndAppending);
        let file = match open()? {
            Some(file) => file,
            None => {
                match storage::create_file(directory.root(), FILE_NAME, directory.file_mode()) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
                open()?.ok_or(io::ErrorKind::NotFound)?
            }
        };
        Ok(Self {
            identity: file.status()?.identity,
            file,
            read: 0,
            chain: Chain::default(),
        })
    }

    fn read_on(&mut self) -> io::Result<Reading> {
        let size = self.file.status()?.size;
        if size == self.read && self.read > 0 {
            return Ok(Reading::More(Vec::new()));
        }
        if size < self.read {
            return Ok(Reading::Unusable);
        }
        self.file.read_from(self.read)?;
        let mut octets = Vec::new();
        match control_file::read_on(&mut self.file, FILE_NAME, LARGEST, &mut octets) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(Reading::Unusable),
            read => read?,
        }
        let (is_first, parsed) = (self.read == 0, parse(&octets, &mut self.chain));
        if parsed.end == End::Damaged || (is_first && parsed.lines.is_empty()) {
            return Ok(Reading::Unusable);
        }
        self.read += parsed.complete as u64;
        if parsed.complete < octets.len() {
            self.file.truncate(self.read)?;
        }
        Ok(match is_first {
            true => Reading::Anew(parsed.lines),
            false => Reading::More(parsed.lines),
        })
    }
}

/// The state of the file on disk; none where there is none.
pub(crate) fn stamp_of(directory: &Directory) -> Option<Stamp> {
    let status = storage::status(directory.root(), FILE_NAME).ok()?;
    Some((status.identity, status.size))
}

/// The lines of a file that nobody has to lock, for a look that changes nothing; none where there is no file.
///
/// # Errors
/// As the system says; `InvalidData` for a damaged file, [`TooLong`](control_file::TooLong) for one without end.
pub(crate) fn inspect(directory: &Directory) -> io::Result<Option<Vec<Line>>> {
    let Some(mut file) = control_file::open(directory.root(), FILE_NAME, OpenFor::Reading)? else {
        return Ok(None);
    };
    let mut octets = Vec::new();
    control_file::read_on(&mut file, FILE_NAME, LARGEST, &mut octets)?;
    let parsed = parse(&octets, &mut Chain::default());
    if parsed.end == End::Damaged || parsed.lines.is_empty() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Some(parsed.lines))
}

/// A name for this boot of the system, that no other boot and no other host has; a new one for each process where the system
/// does not tell.
pub(crate) fn this_boot() -> Arc<str> {
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(boot) if !boot.trim().is_empty() => boot.trim().into(),
        _ => crate::disk::random::guid()
            .unwrap_or_else(|_| std::process::id().to_string())
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::{Call, faults};
    use std::fs::File;

    #[test]
    fn a_file_that_is_too_long_is_read_by_nobody() {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        let file = File::create(home.path().join(FILE_NAME)).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        faults::with(Call::Read, io::ErrorKind::Other, || {
            assert_eq!(
                inspect(&directory).unwrap_err().kind(),
                io::ErrorKind::FileTooLarge
            );
            let reading = ModSeqFile::default().lock(&directory).unwrap();
            assert!(matches!(reading, Reading::Unusable), "{reading:?}");
        });
    }
}
