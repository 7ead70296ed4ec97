//! Control files, such as `dovecot-uidlist`: read as a whole, replaced in one step.

use std::io::{self, Read as _, Write as _};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::disk::storage::{self, FileKind, FileVersion, Mode, OpenFor, StoredFile};

/// Something else has the name of a control file: a link, a directory, a pipe, a socket, a device. A pipe would be an empty file, and a
/// device one without end.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0} is no regular file, and is left alone")]
struct NoFile(String);

/// A control file has more octets than that of any mailbox: whoever made it must not take the memory of all.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{name} has more than {largest} octets, and is not read")]
pub(crate) struct TooLong {
    name: &'static str,
    largest: u64,
}

/// Opens a control file; `None` where there is none.
pub(crate) fn open(
    directory: BorrowedFd<'_>,
    name: &str,
    open_for: OpenFor,
) -> io::Result<Option<StoredFile>> {
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, NoFile(name.to_owned()));
    match storage::open_file(directory, name, open_for) {
        Ok(file) if file.status()?.kind == FileKind::Regular => Ok(Some(file)),
        Ok(_) => Err(no_file()),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => Ok(None),
            Some(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => Err(no_file()),
            _ => Err(error),
        },
    }
}

/// The first `limit` octets of a control file; `None` where there is none.
pub(crate) fn read(directory: BorrowedFd<'_>, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(directory, name, OpenFor::Reading)? else {
        return Ok(None);
    };
    let mut octets = Vec::new();
    file.take(limit).read_to_end(&mut octets)?;
    Ok(Some(octets))
}

/// Appends a control file's octets from where it stands to `octets`.
///
/// # Errors
/// As the system says; [`TooLong`] where all of the file is more than `largest` octets.
pub(crate) fn read_on(
    file: &mut StoredFile,
    name: &'static str,
    largest: u64,
    octets: &mut Vec<u8>,
) -> io::Result<()> {
    let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, TooLong { name, largest });
    if file.status()?.size > largest {
        return Err(too_long());
    }
    let before = octets.len() as u64;
    file.take(largest + 1).read_to_end(octets)?;
    // It may have grown meanwhile.
    match octets.len() as u64 - before > largest {
        true => Err(too_long()),
        false => Ok(()),
    }
}

/// A new content for a control file.
pub(crate) struct Replacement<'a> {
    /// The file's name.
    pub(crate) name: &'a str,
    /// The name it has while it is written; the caller holds a lock that makes this name its own.
    pub(crate) temporary: &'a str,
    pub(crate) octets: &'a [u8],
    pub(crate) mode: Mode,
    /// The modification time to set, seconds since the epoch; now where there is none.
    pub(crate) modified: Option<i64>,
}

impl Replacement<'_> {
    /// Replaces the file in one step: writes beside it, syncs, renames, syncs the directory. Gives the new file's version.
    ///
    /// The temporary file lies in the same directory, because a rename does not cross file systems.
    pub(crate) fn put(&self, directory: BorrowedFd<'_>) -> io::Result<FileVersion> {
        let file = self.put_anyhow(directory)?;
        storage::sync_directory(directory)?;
        Ok(file.status()?.version())
    }

    /// The same for a file whose former state does no harm if a power failure brings it back: the directory is not synced.
    pub(crate) fn put_anyhow(&self, directory: BorrowedFd<'_>) -> io::Result<StoredFile> {
        // A crash may have left one; what has this name, a symbolic link too, is not ours to write to.
        let _ = storage::unlink(directory, self.temporary);
        let mut file = storage::create_file(directory, self.temporary, self.mode)?;
        let written = self.write_and_rename(&mut file, directory);
        if let Err(error) = written {
            let _ = storage::unlink(directory, self.temporary);
            return Err(error);
        }
        Ok(file)
    }

    fn write_and_rename(&self, file: &mut StoredFile, directory: BorrowedFd<'_>) -> io::Result<()> {
        file.write_all(self.octets)?;
        if let Some(seconds) = self.modified {
            file.set_times(seconds)?;
        }
        file.sync_all()?;
        storage::rename(directory, self.temporary, directory, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::{CWD, Call, faults};
    use std::fs::File;
    use std::os::fd::AsFd as _;

    /// What reading a file brings where ten octets are the most.
    fn read_ten(path: &str) -> (io::Result<()>, usize) {
        let mut file = storage::open_file(CWD, path, OpenFor::Reading).unwrap();
        let mut octets = Vec::new();
        (read_on(&mut file, "f", 10, &mut octets), octets.len())
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read_and_one_that_grows_not_to_its_end() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("f");
        let shown = path.to_str().unwrap();
        std::fs::write(&path, "0123456789").unwrap();
        let (read, count) = read_ten(shown);
        read.unwrap();
        assert_eq!(count, 10);
        File::create(&path).unwrap().set_len(11).unwrap();
        let (read, _) = faults::with(Call::Read, io::ErrorKind::Other, || read_ten(shown));
        assert_eq!(
            read.unwrap_err().kind(),
            io::ErrorKind::FileTooLarge,
            "not a read that failed"
        );
        // Its size is said to be nothing.
        let (read, count) = read_ten("/proc/self/status");
        assert_eq!(
            (read.unwrap_err().kind(), count),
            (io::ErrorKind::FileTooLarge, 11)
        );
    }

    #[test]
    fn a_control_file_is_replaced_and_no_link_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let directory = File::open(home.path()).unwrap();
        std::fs::write(home.path().join("victim"), "keep").unwrap();
        std::os::unix::fs::symlink("victim", home.path().join("f.tmp")).unwrap();
        let replacement = Replacement {
            name: "f",
            temporary: "f.tmp",
            octets: b"one",
            mode: Mode::RUSR | Mode::WUSR,
            modified: Some(77),
        };
        replacement.put(directory.as_fd()).unwrap();
        assert_eq!(std::fs::read(home.path().join("f")).unwrap(), b"one");
        assert_eq!(std::fs::read(home.path().join("victim")).unwrap(), b"keep");
        assert!(!home.path().join("f.tmp").exists());
    }
}
