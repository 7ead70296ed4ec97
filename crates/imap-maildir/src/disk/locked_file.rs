//! A control file that is changed under a dotlock of its own: read as a whole, replaced in one step.

use std::io;
use std::os::fd::BorrowedFd;

use crate::disk::control_file::{self, Replacement};
use crate::disk::dotlock::Dotlock;
use crate::disk::hold::Sharing;
use crate::disk::storage::Mode;

/// The names of such a file, and its bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockedFile {
    pub(crate) name: &'static str,
    /// The name it has while it is written.
    pub(crate) temporary: &'static str,
    /// What is read of it, octets. A file of as many or more is not changed, because what was not read would be lost.
    pub(crate) largest: u64,
}

/// A file is too large to be changed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the file {name} has {largest} octets or more and is not changed, because what was not read would be lost"
)]
pub(crate) struct TooLarge {
    name: &'static str,
    largest: u64,
}

impl LockedFile {
    /// What is read of it; `None` where there is none.
    pub(crate) fn read(&self, directory: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
        control_file::read(directory, self.name, self.largest)
    }

    /// Has `change` turn the former content into the new one, durably; it gives `None` where nothing changes. On an error the
    /// file is as it was; [`Held`](crate::disk::dotlock::Held) is one, and [`TooLarge`].
    pub(crate) fn change(
        &self,
        directory: BorrowedFd<'_>,
        sharing: Sharing,
        change: impl FnOnce(Option<Vec<u8>>) -> io::Result<Option<Vec<u8>>>,
    ) -> io::Result<()> {
        self.change_and_then(directory, sharing, change, || Ok(()))
    }

    /// The same; when the new content is durable, and before somebody else has the lock, does something else.
    pub(crate) fn change_and_then(
        &self,
        directory: BorrowedFd<'_>,
        sharing: Sharing,
        change: impl FnOnce(Option<Vec<u8>>) -> io::Result<Option<Vec<u8>>>,
        then: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let lock = Dotlock::take(directory, self.name, sharing)?;
        let before = self.read(directory)?;
        self.check_read_whole(before.as_deref())?;
        let Some(octets) = change(before)? else {
            return Ok(());
        };
        lock.check()?;
        Replacement {
            name: self.name,
            temporary: self.temporary,
            octets: &octets,
            mode: Mode::RUSR | Mode::WUSR,
            modified: None,
        }
        .put(directory)?;
        then()
    }

    /// Whether all of a file is in what was read with this bound.
    pub(crate) fn check_read_whole(&self, octets: Option<&[u8]>) -> io::Result<()> {
        if octets.is_some_and(|octets| octets.len() as u64 >= self.largest) {
            let Self { name, largest, .. } = *self;
            return Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                TooLarge { name, largest },
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd as _;

    const FILE: LockedFile = LockedFile {
        name: "f",
        temporary: "f.tmp",
        largest: 8,
    };

    #[test]
    fn a_change_of_nothing_writes_nothing_and_an_error_changes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let directory = File::open(home.path()).unwrap();
        FILE.change(directory.as_fd(), Sharing::Shared, |before| {
            assert_eq!(before, None);
            Ok(None)
        })
        .unwrap();
        assert!(!home.path().join("f").exists());
        FILE.change(directory.as_fd(), Sharing::Shared, |_| Ok(Some(b"one".to_vec())))
            .unwrap();
        FILE.change(directory.as_fd(), Sharing::Shared, |before| {
            assert_eq!(before.unwrap(), b"one");
            Err(io::ErrorKind::Other.into())
        })
        .unwrap_err();
        assert_eq!(std::fs::read(home.path().join("f")).unwrap(), b"one");
        assert!(!home.path().join("f.lock").exists());
    }

    #[test]
    fn a_file_of_which_not_all_was_read_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let directory = File::open(home.path()).unwrap();
        for too_large in ["12345678", "123456789"] {
            std::fs::write(home.path().join("f"), too_large).unwrap();
            let error = FILE
                .change(directory.as_fd(), Sharing::Shared, |_| Ok(Some(b"one".to_vec())))
                .unwrap_err();
            assert!(error.get_ref().unwrap().is::<TooLarge>());
            assert_eq!(std::fs::read_to_string(home.path().join("f")).unwrap(), too_large);
        }
        assert!(!home.path().join("f.lock").exists());
    }
}
