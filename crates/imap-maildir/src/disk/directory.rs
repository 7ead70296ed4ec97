//! One mailbox's directory, held open: every file is reached through its handle and never through a symbolic link.
//!
//! A handle stays with its directory when that is renamed, so that sessions go on after a RENAME, and finds nothing more
//! when it is removed.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, Timespec};
use rustix::io::Errno;

use crate::disk::step::Steps;

/// The subdirectory in which a message file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `new/`: delivered, not yet seen by a session that may write.
    New,
    /// `cur/`.
    Cur,
}

/// When a directory changed last: enough to tell two states apart, never to order them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            modified: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            changed: (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
        }
    }

    /// The later of modification and change time, in whole seconds since the epoch.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.modified.0.max(self.changed.0)
    }
}

/// The state of `new/` and `cur/` at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// `new/`.
    pub new: Stamp,
    /// `cur/`.
    pub cur: Stamp,
}

#[derive(Debug)]
struct Subdirectories {
    new: OwnedFd,
    cur: OwnedFd,
    tmp: OwnedFd,
}

/// An open mailbox directory.
#[derive(Debug)]
pub struct Directory {
    root: OwnedFd,
    /// Opened anew when another program replaced one of them.
    subdirectories: RwLock<Arc<Subdirectories>>,
    /// Access bits for new files, from the directory's own.
    file_mode: Mode,
    missing: Missing,
    steps: Steps,
}

/// What happens to a missing `new`, `cur` or `tmp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Make,
    Refuse,
}

pub(crate) const OPEN_DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Directory {
    /// Opens a mailbox and makes `new`, `cur` and `tmp` where one is missing.
    ///
    /// # Errors
    /// `NotFound` where there is no such directory; others as the system says, `ELOOP` or `ENOTDIR` for a symbolic link.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, Missing::Make)
    }

    /// Opens a mailbox to read it; makes nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open); `NotFound` also where `new`, `cur` or `tmp` is missing.
    pub fn open_untouched(path: &Path) -> io::Result<Self> {
        Self::open_with(path, Missing::Refuse)
    }

    fn open_with(path: &Path, missing: Missing) -> io::Result<Self> {
        let root = rustix::fs::open(path, OPEN_DIRECTORY, Mode::empty())?;
        let mode = Mode::from_raw_mode(rustix::fs::fstat(&root)?.st_mode);
        let file_mode = (mode & Mode::from_raw_mode(0o666)) | Mode::RUSR | Mode::WUSR;
        let subdirectories = RwLock::new(Arc::new(open_subdirectories(root.as_fd(), missing)?));
        Ok(Self {
            root,
            subdirectories,
            file_mode,
            missing,
            steps: Steps::default(),
        })
    }

    /// The mailbox directory itself, where the control files are.
    #[must_use]
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    pub(crate) fn steps(&self) -> &Steps {
        &self.steps
    }

    /// The access bits of files made here.
    #[must_use]
    pub fn file_mode(&self) -> Mode {
        self.file_mode
    }

    /// Whether the directory was removed from under us.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub fn is_removed(&self) -> io::Result<Existence> {
        let gone = rustix::fs::fstat(&self.root)?.st_nlink == 0;
        Ok(if gone {
            Existence::Removed
        } else {
            Existence::Present
        })
    }

    /// Whether this directory is the one at `path` now: another program may have renamed it.
    pub fn is_at(&self, path: &Path) -> Existence {
        let same = rustix::fs::lstat(path)
            .and_then(|there| Ok((there, rustix::fs::fstat(&self.root)?)))
            .is_ok_and(|(there, here)| (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino));
        if same {
            Existence::Present
        } else {
            Existence::Removed
        }
    }

    /// The state of `new/` and `cur/`; opens them again if they were replaced.
    ///
    /// # Errors
    /// When they cannot be read or made.
    pub fn stamps(&self) -> io::Result<Stamps> {
        let mut open = self.open_now();
        for _ in 0..3 {
            let (new, cur) = (rustix::fs::fstat(&open.new)?, rustix::fs::fstat(&open.cur)?);
            let tmp = rustix::fs::fstat(&open.tmp)?;
            if new.st_nlink > 0 && cur.st_nlink > 0 && tmp.st_nlink > 0 {
                return Ok(Stamps {
                    new: Stamp::of(&new),
                    cur: Stamp::of(&cur),
                });
            }
            open = Arc::new(open_subdirectories(self.root(), self.missing)?);
            *self.subdirectories.write() = Arc::clone(&open);
        }
        Err(Errno::STALE.into())
    }

    /// Calls `each` with the name of every entry of `place` that can be a message.
    ///
    /// One call may miss an entry that is renamed meanwhile, or give it twice: see [`crate::disk::scan`].
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self, place: Place, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let open = self.open_now();
        let directory = open.place(place);
        for entry in rustix::fs::Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if !crate::format::filename::is_message_name(name.to_bytes()) {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    // Renamed since it was read: a message until the next scan says otherwise.
                    Err(_) => FileType::RegularFile,
                },
                kind => kind,
            };
            if kind == FileType::RegularFile {
                each(name.to_bytes());
            }
        }
        Ok(())
    }

    /// Opens a message for reading: a regular file, not through a symbolic link, and never blocking on a FIFO.
    ///
    /// # Errors
    /// `NotFound` when it is not under this name; `InvalidInput` when it is no regular file.
    pub fn open_message(&self, place: Place, name: &[u8]) -> io::Result<(File, Stat)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.open_now().place(place), name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a message is not a regular file",
            ));
        }
        Ok((File::from(file), stat))
    }

    /// The state of a message file, its symbolic link not followed.
    ///
    /// # Errors
    /// `NotFound` when it is not under this name.
    pub fn stat(&self, place: Place, name: &[u8]) -> io::Result<Stat> {
        Ok(rustix::fs::statat(
            self.open_now().place(place),
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Renames a message within the mailbox.
    ///
    /// # Errors
    /// `NotFound` when it is not under this name.
    pub fn rename(&self, from: (Place, &[u8]), to: (Place, &[u8])) -> io::Result<()> {
        let open = self.open_now();
        Ok(rustix::fs::renameat(
            open.place(from.0),
            from.1,
            open.place(to.0),
            to.1,
        )?)
    }

    /// Moves a message from another mailbox on the same file system into this one.
    ///
    /// # Errors
    /// `NotFound` when it is not under this name; `EXDEV` across file systems.
    pub fn take_from(&self, source: &Self, from: (Place, &[u8]), to: (Place, &[u8])) -> io::Result<()> {
        let (there, here) = (source.open_now(), self.open_now());
        Ok(rustix::fs::renameat(
            there.place(from.0),
            from.1,
            here.place(to.0),
            to.1,
        )?)
    }

    /// Removes a message.
    ///
    /// # Errors
    /// `NotFound` when it is not under this name.
    pub fn unlink(&self, place: Place, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            self.open_now().place(place),
            name,
            AtFlags::empty(),
        )?)
    }

    /// Makes a file in `tmp/`.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken.
    pub fn create_temporary(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.open_now().tmp, name, flags, self.file_mode)?.into())
    }

    /// Links an existing message, perhaps of another mailbox, into `tmp/` under a new name.
    ///
    /// # Errors
    /// As `linkat` gives them: `EXDEV`, `EMLINK`, `EPERM`, `EACCES` mean that a copy of the octets may still work.
    pub fn link_temporary(
        &self,
        source: &Self,
        place: Place,
        name: &[u8],
        temporary: &[u8],
    ) -> io::Result<()> {
        let from = source.open_now();
        let flags = AtFlags::empty();
        Ok(rustix::fs::linkat(
            from.place(place),
            name,
            &self.open_now().tmp,
            temporary,
            flags,
        )?)
    }

    /// Moves a finished file from `tmp/` to its place.
    ///
    /// # Errors
    /// As `renameat` gives them.
    pub fn publish(&self, temporary: &[u8], place: Place, name: &[u8]) -> io::Result<()> {
        let open = self.open_now();
        Ok(rustix::fs::renameat(
            &open.tmp,
            temporary,
            open.place(place),
            name,
        )?)
    }

    /// Removes a file from `tmp/`, if it is there.
    pub fn discard_temporary(&self, name: &[u8]) {
        let _ = rustix::fs::unlinkat(&self.open_now().tmp, name, AtFlags::empty());
    }

    /// Removes what crashed deliveries left in `tmp/` more than 36 hours ago (the Maildir convention).
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn clean_temporaries(&self, now: i64) -> io::Result<()> {
        let open = self.open_now();
        for entry in rustix::fs::Dir::read_from(&open.tmp)? {
            let entry = entry?;
            let Ok(stat) = rustix::fs::statat(&open.tmp, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            if regular && now - stat.st_mtime.max(stat.st_ctime) > 36 * 3600 {
                let _ = rustix::fs::unlinkat(&open.tmp, entry.file_name(), AtFlags::empty());
            }
        }
        Ok(())
    }

    /// Makes the names in a subdirectory durable.
    ///
    /// # Errors
    /// When the system reports a failed write: what was renamed may be lost by a power failure.
    pub fn sync(&self, place: Place) -> io::Result<()> {
        sync_directory(self.open_now().place(place))
    }

    /// Calls `each` with every entry of `place` or, for `None`, of `tmp`, and what it is.
    pub(crate) fn entries(&self, place: Option<Place>, mut each: impl FnMut(&[u8], &Stat)) -> io::Result<()> {
        let open = self.open_now();
        let directory = place.map_or_else(|| open.tmp.as_fd(), |place| open.place(place));
        for entry in rustix::fs::Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if let Ok(stat) = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                each(name.to_bytes(), &stat);
            }
        }
        Ok(())
    }

    /// Whether this user may read a message file.
    pub(crate) fn is_readable(&self, place: Place, name: &[u8]) -> bool {
        let open = self.open_now();
        let access = rustix::fs::Access::READ_OK;
        rustix::fs::accessat(open.place(place), name, access, AtFlags::EACCESS).is_ok()
    }

    fn open_now(&self) -> Arc<Subdirectories> {
        Arc::clone(&self.subdirectories.read())
    }
}

/// Whether a directory that is held open still has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It has.
    Present,
    /// It was removed.
    Removed,
}

impl Subdirectories {
    fn place(&self, place: Place) -> BorrowedFd<'_> {
        match place {
            Place::New => self.new.as_fd(),
            Place::Cur => self.cur.as_fd(),
        }
    }
}

fn open_subdirectories(root: BorrowedFd<'_>, missing: Missing) -> io::Result<Subdirectories> {
    let mode = Mode::from_raw_mode(rustix::fs::fstat(root)?.st_mode) & Mode::from_raw_mode(0o2777);
    let open = |name: &str| -> io::Result<OwnedFd> {
        match rustix::fs::openat(root, name, OPEN_DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT) if missing == Missing::Make => {
                match rustix::fs::mkdirat(root, name, mode | Mode::RWXU) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                Ok(rustix::fs::openat(root, name, OPEN_DIRECTORY, Mode::empty())?)
            }
            result => Ok(result?),
        }
    };
    Ok(Subdirectories {
        new: open("new")?,
        cur: open("cur")?,
        tmp: open("tmp")?,
    })
}

/// Makes the names in a directory durable. Some file systems cannot sync a directory and say so with `EINVAL`.
pub(crate) fn sync_directory(directory: BorrowedFd<'_>) -> io::Result<()> {
    match rustix::fs::fsync(directory) {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Replaces a control file in one step: write beside it, sync, rename, sync the directory.
///
/// The temporary file lies in the same directory, because a rename does not cross file systems. The caller holds the lock
/// that makes `temporary` its own. Gives the file, so that the caller can note its state.
pub(crate) fn replace(
    directory: BorrowedFd<'_>,
    temporary: &str,
    name: &str,
    octets: &[u8],
    mode: Mode,
    modified: Option<i64>,
) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let _ = rustix::fs::unlinkat(directory, temporary, AtFlags::empty());
    let mut file = File::from(rustix::fs::openat(directory, temporary, flags, mode)?);
    let written = (|| {
        file.write_all(octets)?;
        if let Some(seconds) = modified {
            set_modified(&file, seconds)?;
        }
        file.sync_all()?;
        Ok(rustix::fs::renameat(directory, temporary, directory, name)?)
    })();
    if let Err(error) = written {
        let _ = rustix::fs::unlinkat(directory, temporary, AtFlags::empty());
        return Err(error);
    }
    sync_directory(directory)?;
    Ok(file)
}

/// Sets a file's modification time, in seconds since the epoch: the INTERNALDATE of a message.
pub(crate) fn set_modified(file: impl AsFd, seconds: i64) -> io::Result<()> {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let times = rustix::fs::Timestamps {
        last_access: time,
        last_modification: time,
    };
    Ok(rustix::fs::futimens(file, &times)?)
}

/// Opens a control file for reading, not through a symbolic link; `None` where there is none.
pub(crate) fn open_control(directory: BorrowedFd<'_>, name: &str, flags: OFlags) -> io::Result<Option<File>> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(file) => Ok(Some(file.into())),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(directory: &Directory, place: Place) -> Vec<String> {
        let mut names = Vec::new();
        directory
            .list(place, |name| {
                names.push(String::from_utf8_lossy(name).into_owned())
            })
            .unwrap();
        names.sort();
        names
    }

    #[test]
    fn missing_subdirectories_are_made_and_a_missing_mailbox_is_not() {
        let home = tempfile::tempdir().unwrap();
        Directory::open(home.path()).unwrap();
        assert!(
            ["new", "cur", "tmp"]
                .iter()
                .all(|name| home.path().join(name).is_dir())
        );
        let missing = Directory::open(&home.path().join("absent")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn links_fifos_directories_and_hidden_files_are_no_messages() {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        let cur = home.path().join("cur");
        std::fs::write(home.path().join("secret"), "x").unwrap();
        symlink(home.path().join("secret"), cur.join("1.link:2,")).unwrap();
        std::fs::create_dir(cur.join("2.directory")).unwrap();
        std::fs::write(cur.join(".hidden"), "x").unwrap();
        std::fs::write(cur.join("3.mail:2,S"), "x").unwrap();
        let fifo = FileType::Fifo;
        let handle = rustix::fs::open(&cur, OPEN_DIRECTORY, Mode::empty()).unwrap();
        rustix::fs::mknodat(&handle, "4.fifo", fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(names(&directory, Place::Cur), ["3.mail:2,S"]);
        assert!(directory.open_message(Place::Cur, b"1.link:2,").is_err());
        assert!(
            directory.open_message(Place::Cur, b"4.fifo").is_err(),
            "and it returns at once"
        );
        assert!(directory.open_message(Place::Cur, b"2.directory").is_err());
        assert!(directory.open_message(Place::Cur, b"3.mail:2,S").is_ok());
    }

    #[test]
    fn a_symbolic_link_in_place_of_cur_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        symlink(other.path(), home.path().join("cur")).unwrap();
        assert!(Directory::open(home.path()).is_err());
    }

    #[test]
    fn a_replaced_subdirectory_is_opened_again() {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        let before = directory.stamps().unwrap();
        std::fs::remove_dir(home.path().join("cur")).unwrap();
        std::fs::create_dir(home.path().join("cur")).unwrap();
        std::fs::write(home.path().join("cur/1.x:2,"), "x").unwrap();
        assert_ne!(directory.stamps().unwrap(), before);
        assert_eq!(names(&directory, Place::Cur), ["1.x:2,"]);
    }

    #[test]
    fn a_removed_mailbox_is_noticed_and_a_renamed_one_goes_on() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".a");
        std::fs::create_dir(&path).unwrap();
        let directory = Directory::open(&path).unwrap();
        std::fs::rename(&path, home.path().join(".b")).unwrap();
        std::fs::write(home.path().join(".b/new/1.x"), "x").unwrap();
        assert_eq!(names(&directory, Place::New), ["1.x"]);
        assert_eq!(directory.is_removed().unwrap(), Existence::Present);
        std::fs::remove_dir_all(home.path().join(".b")).unwrap();
        assert_eq!(directory.is_removed().unwrap(), Existence::Removed);
    }

    #[test]
    fn only_old_temporary_files_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        std::fs::write(home.path().join("tmp/1.x"), "x").unwrap();
        let now = i64::try_from(
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs(),
        )
        .unwrap();
        directory.clean_temporaries(now + 35 * 3600).unwrap();
        assert!(home.path().join("tmp/1.x").exists());
        directory.clean_temporaries(now + 37 * 3600).unwrap();
        assert!(!home.path().join("tmp/1.x").exists());
    }

    #[test]
    fn a_control_file_is_replaced_and_no_link_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        std::fs::write(home.path().join("victim"), "keep").unwrap();
        symlink("victim", home.path().join("f.tmp")).unwrap();
        replace(
            directory.root(),
            "f.tmp",
            "f",
            b"one",
            directory.file_mode(),
            Some(77),
        )
        .unwrap();
        assert_eq!(std::fs::read(home.path().join("f")).unwrap(), b"one");
        assert_eq!(std::fs::read(home.path().join("victim")).unwrap(), b"keep");
        assert!(!home.path().join("f.tmp").exists());
    }
}
