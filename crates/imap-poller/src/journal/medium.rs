//! Where a journal's octets lie: a file, and in tests a disk that loses power.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Octets that last.
pub(crate) trait Medium {
    /// Adds octets at the end. They are there after a loss of power, once this has returned.
    fn append(&mut self, octets: &[u8]) -> io::Result<()>;

    /// What was found is there after a loss of power, once this has returned. A process that ended between writing and
    /// syncing leaves what can be read and may yet be lost.
    fn sync(&mut self) -> io::Result<()>;

    /// Puts what `write` writes in the place of everything. After a loss of power it is all as before or all as it was
    /// written; the latter, once this has returned.
    fn replace(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()>;
}

/// A file, which nobody else writes as long as this is open.
#[derive(Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    /// `None` before the first [`replace`](Medium::replace) of a new one.
    file: Option<File>,
    /// Of its own, because the journal is replaced by another file.
    _lock: File,
}

/// A file that was opened, and what is in it; `None` if there was none.
pub(crate) struct OpenedFile {
    pub(crate) file: JournalFile,
    pub(crate) octets: Option<Vec<u8>>,
}

impl JournalFile {
    /// `None` if somebody else has it open.
    pub(crate) fn open(path: &Path) -> io::Result<Option<OpenedFile>> {
        let mut lock = OpenOptions::new();
        let lock = lock
            .write(true)
            .create(true)
            .truncate(false)
            .open(beside(path, "lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        let octets = match std::fs::read(path) {
            Ok(octets) => Some(octets),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let file = match octets {
            Some(_) => Some(OpenOptions::new().append(true).open(path)?),
            None => None,
        };
        let path = path.to_owned();
        let file = Self {
            path,
            file,
            _lock: lock,
        };
        Ok(Some(OpenedFile { file, octets }))
    }
}

impl Medium for JournalFile {
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.write_all(octets)?;
        file.sync_data()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.as_ref().ok_or(io::ErrorKind::NotFound)?.sync_data()?;
        sync_directory(&self.path)
    }

    fn replace(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let path = beside(&self.path, "new");
        let mut new = BufWriter::new(File::create(&path)?);
        write(&mut new)?;
        let new = new.into_inner().map_err(io::IntoInnerError::into_error)?;
        new.sync_all()?;
        std::fs::rename(&path, &self.path)?;
        sync_directory(&self.path)?;
        self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        Ok(())
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// A name is in its directory after a loss of power only if the directory was synced.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
