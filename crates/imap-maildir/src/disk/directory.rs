//! One mailbox's directory, held open: every file is reached through its handle and never through a symbolic link.
//!
//! A handle stays with its directory when that is renamed, so that sessions go on after a RENAME, and finds nothing more
//! when it is removed.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use rustix::io::Errno;

use crate::disk::events::{OwnChanges, OwnKind};
use crate::disk::hold::{Hold, Sharing};
use crate::disk::inotify::{self, Told};
use crate::disk::interference::{Moment, Moments};
use crate::disk::storage::{
    self, CWD, FileIdentity, FileKind, FileStatus, FileVersion, Mode, OpenFor, StoredFile,
};
use crate::format::file_name::is_message_name;

/// A file in `tmp/` that is older than this, seconds, was left by a delivery that crashed (the Maildir convention).
pub(crate) const OLD_TEMPORARY_SECONDS: i64 = 36 * 3600;

/// The subdirectory in which a message file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subdirectory {
    /// `new/`: delivered, not yet seen by a session that may write.
    New,
    /// `cur/`.
    Cur,
}

impl Subdirectory {
    /// In the order in which they are listed: see [`crate::disk::scan`].
    pub(crate) const BOTH: [Self; 2] = [Self::New, Self::Cur];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Cur => "cur",
        }
    }
}

/// A message file's name and the subdirectory it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileAt<'a> {
    pub(crate) subdirectory: Subdirectory,
    pub(crate) name: &'a [u8],
}

impl<'a> FileAt<'a> {
    pub(crate) fn new(subdirectory: Subdirectory, name: &'a [u8]) -> Self {
        Self { subdirectory, name }
    }
}

/// The state of `new/` and `cur/` at one moment: equal states hold the same names, if none changed in the last instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryVersions {
    pub(crate) new: FileVersion,
    pub(crate) cur: FileVersion,
}

#[derive(Debug)]
struct Subdirectories {
    new: OwnedFd,
    cur: OwnedFd,
    tmp: OwnedFd,
    /// Of `new`, `cur` and `tmp`.
    identities: [FileIdentity; 3],
}

/// Where a mailbox lies, in mail that is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location<'a> {
    /// The account's root.
    pub(crate) root: BorrowedFd<'a>,
    /// The mailbox's directory in it.
    pub(crate) name: &'a OsStr,
    /// The same for logs, and for programs that know paths only.
    pub(crate) path: &'a Path,
    pub(crate) hold: &'a Arc<Hold>,
}

/// An open mailbox directory.
#[derive(Debug)]
pub(crate) struct Directory {
    root: OwnedFd,
    /// None for what a tool looks at. Work that goes on when the account's last session has ended needs it.
    hold: Option<Arc<Hold>>,
    /// Opened anew when another program replaced one of them.
    subdirectories: RwLock<Arc<Subdirectories>>,
    /// Access bits for new files, from the directory's own.
    file_mode: Mode,
    missing: Missing,
    moments: Moments,
    /// Where our own changes are announced, if somebody watches the directory.
    own_changes: RwLock<Option<OwnChanges>>,
    /// For the log; a RENAME leaves it as it was.
    opened_at: PathBuf,
    logged_impossible_name: AtomicBool,
}

/// What happens to a missing `new`, `cur` or `tmp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Make,
    Refuse,
}

impl Directory {
    /// Opens a mailbox and makes `new`, `cur` and `tmp` where one is missing.
    ///
    /// `NotFound` where there is no such directory; `ELOOP` or `ENOTDIR` for a symbolic link.
    pub(crate) fn open_in(root: impl AsFd, name: &OsStr, path: &Path) -> io::Result<Self> {
        let directory = storage::open_directory(root, name)?;
        Self::of(directory, path, Missing::Make, None)
    }

    /// The same, of the directory at a path.
    #[cfg(test)]
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::open_in(CWD, path.as_os_str(), path)
    }

    /// The same, for as long as the mail is held.
    pub(crate) fn open_held(at: Location<'_>) -> io::Result<Self> {
        let directory = storage::open_directory(at.root, at.name)?;
        Self::of(directory, at.path, Missing::Make, Some(Arc::clone(at.hold)))
    }

    /// Opens a mailbox to read it; makes nothing. `NotFound` also where `new`, `cur` or `tmp` is missing.
    pub(crate) fn open_untouched(path: &Path) -> io::Result<Self> {
        Self::of(storage::open_directory(CWD, path)?, path, Missing::Refuse, None)
    }

    fn of(root: OwnedFd, path: &Path, missing: Missing, hold: Option<Arc<Hold>>) -> io::Result<Self> {
        let mode = storage::status_of(&root)?.mode;
        let file_mode = (mode & Mode::from_raw_mode(0o666)) | Mode::RUSR | Mode::WUSR;
        let subdirectories = RwLock::new(Arc::new(open_subdirectories(root.as_fd(), missing)?));
        Ok(Self {
            root,
            hold,
            subdirectories,
            file_mode,
            missing,
            moments: Moments::default(),
            own_changes: RwLock::default(),
            opened_at: path.to_owned(),
            logged_impossible_name: AtomicBool::new(false),
        })
    }

    /// The mailbox directory itself, where the control files are.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Whether other programs change the mail too.
    pub(crate) fn sharing(&self) -> Sharing {
        self.hold.as_deref().map_or(Sharing::Shared, Hold::sharing)
    }

    /// Where tests interfere.
    pub(crate) fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The access bits of files made here.
    pub(crate) fn file_mode(&self) -> Mode {
        self.file_mode
    }

    /// Whether the directory was removed while it is open.
    pub(crate) fn existence(&self) -> io::Result<Existence> {
        Ok(if storage::status_of(&self.root)?.links == 0 {
            Existence::Removed
        } else {
            Existence::Present
        })
    }

    /// Whether this directory is the one at `path` now: another program may have renamed it. Nothing is opened there: what a
    /// symbolic link on the way leads to is another directory.
    pub(crate) fn existence_at(&self, path: &Path) -> Existence {
        let there = storage::status(CWD, path);
        let here = storage::status_of(&self.root);
        match (there, here) {
            (Ok(there), Ok(here)) if there.identity == here.identity => Existence::Present,
            // Whoever may not look does not know, and what is held open goes on.
            (Err(error), Ok(_)) if error.kind() == io::ErrorKind::PermissionDenied => Existence::Present,
            _ => Existence::Removed,
        }
    }

    /// The state of `new/` and `cur/`; opens them again if they were replaced, and makes what is missing.
    ///
    /// Not at once: who removes a mailbox removes its subdirectories first, and could not go on if they came back meanwhile.
    /// `ESTALE` until the mailbox's own directory has been as it is for a second.
    pub(crate) fn versions(&self) -> io::Result<DirectoryVersions> {
        let mut open = self.open_now();
        for _ in 0..3 {
            // By name: what is held open may have been moved to another place, and another directory be here now.
            let [new, cur, tmp] = Subdirectories::NAMES.map(|name| self.status_by_name(name));
            if let (Some(new), Some(cur), Some(tmp)) = (new?, cur?, tmp?)
                && [new.identity, cur.identity, tmp.identity] == open.identities
            {
                return Ok(DirectoryVersions {
                    new: new.version(),
                    cur: cur.version(),
                });
            }
            let opened = open_subdirectories(self.root(), self.missing_now()?);
            open = Arc::new(opened.map_err(|error| self.perhaps_stale(error))?);
            *self.subdirectories.write() = Arc::clone(&open);
        }
        Err(Errno::STALE.into())
    }

    fn status_by_name(&self, name: &str) -> io::Result<Option<FileStatus>> {
        match storage::status(self.root(), name) {
            Ok(status) => Ok(Some(status)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is missing may come back, or the mailbox be gone in a moment. Of one that is gone already, nothing comes back.
    fn perhaps_stale(&self, error: io::Error) -> io::Error {
        let is_there = || matches!(self.existence(), Ok(Existence::Present));
        match error.kind() {
            io::ErrorKind::NotFound if is_there() => Errno::STALE.into(),
            _ => error,
        }
    }

    /// What happens to a subdirectory that is missing now, though it was there.
    fn missing_now(&self) -> io::Result<Missing> {
        let age = crate::disk::clock::seconds() - storage::status_of(&self.root)?.modified;
        Ok(if age > 1 { self.missing } else { Missing::Refuse })
    }

    /// Calls `each` with every name that can be a message's.
    ///
    /// One call may miss a file that is renamed meanwhile, or give it twice: see [`crate::disk::scan`].
    pub(crate) fn list(&self, subdirectory: Subdirectory, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let open = self.open_now();
        let directory = open.handle(subdirectory);
        storage::list(directory, |name, kind| {
            if name.to_bytes().starts_with(b".") {
                return Ok(());
            }
            let kind = match kind {
                // Renamed since it was read: a message until the next scan says otherwise.
                FileKind::Unknown => {
                    storage::status(directory, name).map_or(FileKind::Regular, |status| status.kind)
                }
                kind => kind,
            };
            match kind {
                FileKind::Regular if is_message_name(name.to_bytes()) => each(name.to_bytes()),
                FileKind::Regular => self.log_impossible_name(name.to_bytes()),
                _ => {}
            }
            Ok(())
        })
    }

    /// Once for each opened mailbox, however often it is listed.
    fn log_impossible_name(&self, name: &[u8]) {
        if !self.logged_impossible_name.swap(true, Ordering::Relaxed) {
            let (mailbox, file) = (&self.opened_at, name.escape_ascii());
            tracing::warn!(?mailbox, %file, "a file is not shown: no message can have its name");
        }
    }

    /// Opens a message for reading: a regular file, not through a symbolic link, and never blocking on a FIFO.
    ///
    /// `NotFound` when it is not under this name; `InvalidInput` when it is no regular file.
    pub(crate) fn open_message(&self, at: FileAt<'_>) -> io::Result<(StoredFile, FileStatus)> {
        let open = self.open_now();
        let file = storage::open_file(open.handle(at.subdirectory), at.name, OpenFor::Reading)?;
        let status = file.status()?;
        if status.kind != FileKind::Regular {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a message is not a regular file",
            ));
        }
        Ok((file, status))
    }

    /// The state of a message file; `NotFound` when it is not under this name.
    pub(crate) fn status(&self, at: FileAt<'_>) -> io::Result<FileStatus> {
        storage::status(self.open_now().handle(at.subdirectory), at.name)
    }

    /// Renames a message within the mailbox; `NotFound` when it is not under this name.
    pub(crate) fn rename(&self, from: FileAt<'_>, to: FileAt<'_>) -> io::Result<()> {
        self.move_in(self, from, to)
    }

    /// Moves a message from another mailbox on the same file system into this one.
    ///
    /// `NotFound` when it is not under this name; `EXDEV` across file systems.
    pub(crate) fn move_in(&self, source: &Self, from: FileAt<'_>, to: FileAt<'_>) -> io::Result<()> {
        let (there, here) = (source.open_now(), self.open_now());
        let (there, here) = (there.handle(from.subdirectory), here.handle(to.subdirectory));
        source.own_change(from, OwnKind::MovedAway, || {
            self.own_change(to, OwnKind::MovedHere, || {
                storage::rename(there, from.name, here, to.name)
            })
        })
    }

    /// Waits until nobody is in the midst of renaming or removing a file of this name: when this returns, the events of that
    /// are in the system's queue.
    ///
    /// It renames the file to the name it has, which changes nothing. Like every change of a name it needs the lock that the
    /// system holds from the change to its events. `NotFound` when there is no such file.
    pub(crate) fn wait_for_changes_of(&self, at: FileAt<'_>) -> io::Result<()> {
        self.moments.at(Moment::WaitingForChanges);
        storage::rename_to_itself(self.open_now().handle(at.subdirectory), at.name)
    }

    /// Whether events tell of every change here.
    pub(crate) fn told(&self) -> Told {
        inotify::told_of(&self.root)
    }

    /// Our own changes are announced there from now on.
    pub(crate) fn announce_changes(&self, own_changes: Option<OwnChanges>) {
        *self.own_changes.write() = own_changes;
    }

    /// A series of our own changes is over.
    pub(crate) fn changes_are_over(&self) {
        if let Some(own) = &*self.own_changes.read() {
            own.are_over();
        }
    }

    fn own_change<T>(
        &self,
        at: FileAt<'_>,
        kind: OwnKind,
        change: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let own = self.own_changes.read().clone();
        match own {
            Some(own) => own.make(at, kind, change),
            None => change(),
        }
    }

    /// Removes a message; `NotFound` when it is not under this name.
    pub(crate) fn unlink(&self, at: FileAt<'_>) -> io::Result<()> {
        let open = self.open_now();
        self.own_change(at, OwnKind::Removed, || {
            storage::unlink(open.handle(at.subdirectory), at.name)
        })
    }

    /// Makes a file in `tmp/`; `AlreadyExists` when the name is taken.
    pub(crate) fn create_temporary(&self, name: &[u8]) -> io::Result<StoredFile> {
        storage::create_file(&self.open_now().tmp, name, self.file_mode)
    }

    /// Links an existing message, perhaps of another mailbox, into `tmp/` under a new name.
    ///
    /// `EXDEV`, `EMLINK`, `EPERM` and `EACCES` mean that a copy of the octets may still work.
    pub(crate) fn link_temporary(&self, source: &Self, at: FileAt<'_>, temporary: &[u8]) -> io::Result<()> {
        let from = source.open_now();
        storage::link(
            from.handle(at.subdirectory),
            at.name,
            &self.open_now().tmp,
            temporary,
        )
    }

    /// Moves a finished file from `tmp/` to where others see it.
    pub(crate) fn publish(&self, temporary: &[u8], at: FileAt<'_>) -> io::Result<()> {
        let open = self.open_now();
        self.own_change(at, OwnKind::MovedHere, || {
            storage::rename(&open.tmp, temporary, open.handle(at.subdirectory), at.name)
        })
    }

    /// Removes a file from `tmp/`, if it is there.
    pub(crate) fn discard_temporary(&self, name: &[u8]) {
        let _ = storage::unlink(&self.open_now().tmp, name);
    }

    /// Removes what crashed deliveries left in `tmp/` more than 36 hours before `now`, seconds since the epoch.
    pub(crate) fn clean_temporaries(&self, now: i64) -> io::Result<()> {
        let open = self.open_now();
        storage::list(&open.tmp, |name, _| {
            if let Ok(status) = storage::status(&open.tmp, name)
                && status.kind == FileKind::Regular
                && now - status.latest() > OLD_TEMPORARY_SECONDS
            {
                let _ = storage::unlink(&open.tmp, name);
            }
            Ok(())
        })
    }

    /// Makes the names in a subdirectory durable.
    ///
    /// When the system reports a failed write, what was renamed may be lost by a power failure.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn sync(&self, subdirectory: Subdirectory) -> io::Result<()> {
        storage::sync_directory(self.open_now().handle(subdirectory))
    }

    /// Calls `each` with everything in a subdirectory, messages or not, and its state.
    pub(crate) fn entries(
        &self,
        subdirectory: Subdirectory,
        each: impl FnMut(&[u8], &FileStatus),
    ) -> io::Result<()> {
        entries(self.open_now().handle(subdirectory), each)
    }

    /// Calls `each` with everything in `tmp/` and its state.
    pub(crate) fn temporaries(&self, each: impl FnMut(&[u8], &FileStatus)) -> io::Result<()> {
        entries(self.open_now().tmp.as_fd(), each)
    }

    /// Whether this user may read a message file.
    pub(crate) fn is_readable(&self, at: FileAt<'_>) -> bool {
        storage::is_readable(self.open_now().handle(at.subdirectory), at.name)
    }

    fn open_now(&self) -> Arc<Subdirectories> {
        Arc::clone(&self.subdirectories.read())
    }
}

/// Whether a directory that is held open still has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// It has.
    Present,
    /// It was removed.
    Removed,
}

impl Subdirectories {
    const NAMES: [&'static str; 3] = ["new", "cur", "tmp"];

    fn handle(&self, subdirectory: Subdirectory) -> BorrowedFd<'_> {
        match subdirectory {
            Subdirectory::New => self.new.as_fd(),
            Subdirectory::Cur => self.cur.as_fd(),
        }
    }
}

fn open_subdirectories(root: BorrowedFd<'_>, missing: Missing) -> io::Result<Subdirectories> {
    let mode = storage::status_of(root)?.mode & Mode::from_raw_mode(0o2777);
    let mut made_one = false;
    let mut open = |name: &str| -> io::Result<OwnedFd> {
        match storage::open_directory(root, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && missing == Missing::Make => {
                made_one = true;
                match storage::make_directory(root, name, mode | Mode::RWXU) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                    _ => storage::open_directory(root, name),
                }
            }
            opened => opened,
        }
    };
    let (new, cur, tmp) = (open("new")?, open("cur")?, open("tmp")?);
    let identity = |directory: &OwnedFd| Ok::<_, io::Error>(storage::status_of(directory)?.identity);
    let subdirectories = Subdirectories {
        identities: [identity(&new)?, identity(&cur)?, identity(&tmp)?],
        new,
        cur,
        tmp,
    };
    if made_one {
        // Without this, a power failure could take the subdirectory with the messages that were made durable in it.
        storage::sync_directory(root)?;
    }
    Ok(subdirectories)
}

fn entries(directory: BorrowedFd<'_>, mut each: impl FnMut(&[u8], &FileStatus)) -> io::Result<()> {
    storage::list(directory, |name, _| {
        if let Ok(status) = storage::status(directory, name) {
            each(name.to_bytes(), &status);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(directory: &Directory, subdirectory: Subdirectory) -> Vec<String> {
        let mut names = Vec::new();
        directory
            .list(subdirectory, |name| {
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
        let fifo = rustix::fs::FileType::Fifo;
        let handle = storage::open_directory(CWD, &cur).unwrap();
        rustix::fs::mknodat(&handle, "4.fifo", fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(names(&directory, Subdirectory::Cur), ["3.mail:2,S"]);
        assert!(
            directory
                .open_message(FileAt::new(Subdirectory::Cur, b"1.link:2,"))
                .is_err()
        );
        assert!(
            directory
                .open_message(FileAt::new(Subdirectory::Cur, b"4.fifo"))
                .is_err(),
            "and it returns at once"
        );
        assert!(
            directory
                .open_message(FileAt::new(Subdirectory::Cur, b"2.directory"))
                .is_err()
        );
        assert!(
            directory
                .open_message(FileAt::new(Subdirectory::Cur, b"3.mail:2,S"))
                .is_ok()
        );
    }

    #[test]
    fn a_symbolic_link_in_subdirectory_of_cur_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        symlink(other.path(), home.path().join("cur")).unwrap();
        assert!(Directory::open(home.path()).is_err());
    }

    #[test]
    fn a_subdirectory_that_was_removed_and_made_again_is_opened_again() {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        let before = directory.versions().unwrap();
        std::fs::remove_dir(home.path().join("cur")).unwrap();
        std::fs::create_dir(home.path().join("cur")).unwrap();
        std::fs::write(home.path().join("cur/1.x:2,"), "x").unwrap();
        assert_ne!(directory.versions().unwrap(), before);
        assert_eq!(names(&directory, Subdirectory::Cur), ["1.x:2,"]);
    }

    #[test]
    fn a_subdirectory_that_was_moved_away_and_replaced_is_opened_again() {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        std::fs::write(home.path().join("cur/1.old:2,"), "x").unwrap();
        let before = directory.versions().unwrap();
        std::fs::rename(home.path().join("cur"), home.path().join("cur.old")).unwrap();
        std::fs::create_dir(home.path().join("cur")).unwrap();
        std::fs::write(home.path().join("cur/2.new:2,"), "x").unwrap();
        assert_ne!(directory.versions().unwrap(), before);
        assert_eq!(names(&directory, Subdirectory::Cur), ["2.new:2,"]);
    }

    #[test]
    fn each_of_the_three_is_looked_for_by_its_name() {
        for name in Subdirectories::NAMES {
            let home = tempfile::tempdir().unwrap();
            let directory = Directory::open(home.path()).unwrap();
            std::fs::rename(home.path().join(name), home.path().join("old")).unwrap();
            std::fs::create_dir(home.path().join(name)).unwrap();
            directory.versions().unwrap();
            // Both ways of a delivery.
            drop(directory.create_temporary(b"1.x").unwrap());
            for subdirectory in Subdirectory::BOTH {
                std::fs::write(home.path().join("tmp/2.x"), "x").unwrap();
                let at = FileAt::new(subdirectory, b"2.x");
                directory.publish(b"2.x", at).unwrap();
                assert!(
                    home.path().join(subdirectory.name()).join("2.x").exists(),
                    "{name}"
                );
            }
            assert!(home.path().join("tmp/1.x").exists(), "{name}");
        }
    }

    #[test]
    fn who_removes_a_mailbox_is_not_hindered_by_subdirectories_that_come_back() {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        std::fs::remove_dir(home.path().join("cur")).unwrap();
        assert!(directory.versions().is_err());
        assert!(!home.path().join("cur").exists());
        let before = std::time::SystemTime::now() - std::time::Duration::from_secs(10);
        let root = std::fs::File::open(home.path()).unwrap();
        root.set_modified(before).unwrap();
        assert!(directory.versions().is_ok());
        assert!(home.path().join("cur").exists());
    }

    #[test]
    fn a_removed_mailbox_is_noticed_and_a_renamed_one_goes_on() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".a");
        std::fs::create_dir(&path).unwrap();
        let directory = Directory::open(&path).unwrap();
        std::fs::rename(&path, home.path().join(".b")).unwrap();
        std::fs::write(home.path().join(".b/new/1.x"), "x").unwrap();
        assert_eq!(names(&directory, Subdirectory::New), ["1.x"]);
        assert_eq!(directory.existence().unwrap(), Existence::Present);
        std::fs::remove_dir_all(home.path().join(".b")).unwrap();
        assert_eq!(directory.existence().unwrap(), Existence::Removed);
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
}
