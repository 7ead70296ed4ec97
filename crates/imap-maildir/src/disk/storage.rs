//! The calls that reach the file system. Nothing else in this crate touches the mail store.
//!
//! The list is short on purpose: a test that records calls, lets one fail or drops what was not synced has this one file to
//! change. Names are relative to a directory that is held open, or paths with [`CWD`] in its place. No call follows a
//! symbolic link in the last part of a name.

pub(crate) mod change;
#[cfg(test)]
pub(crate) mod recording;
mod refused;

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, FlockOperation, OFlags, RenameFlags, Stat, Timespec};
pub(crate) use rustix::fs::{CWD, Mode};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::format::index::{FileNote, VersionNote};
#[cfg(not(test))]
use change::changing;
use change::{Change, Place, Scope};
#[cfg(test)]
use recording::changing;
use refused::naming;

const OPEN_DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Of a directory to go through, which need not be readable.
#[cfg(target_os = "linux")]
const SEARCHING: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const SEARCHING: OFlags = OFlags::RDONLY;

const GO_THROUGH: OFlags = SEARCHING
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A directory with more below it is not removed. A mailbox has one level; who makes more must not take all of a process's
/// descriptors.
const DEEPEST: usize = 32;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    Directory,
    Link,
    /// A FIFO, a socket or a device.
    Other,
    /// The file system does not tell in a listing.
    Unknown,
}

impl From<FileType> for FileKind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::Regular,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Link,
            FileType::Unknown => Self::Unknown,
            _ => Self::Other,
        }
    }
}

/// Device and inode: two names with one identity are one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

/// Enough to tell that a file or directory changed; never to order two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion {
    pub(crate) identity: FileIdentity,
    /// Octets; of a directory too, where it means nothing.
    pub(crate) size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<FileIdentity> for FileNote {
    fn from(identity: FileIdentity) -> Self {
        (identity.device, identity.inode)
    }
}

impl From<FileNote> for FileIdentity {
    fn from((device, inode): FileNote) -> Self {
        Self { device, inode }
    }
}

impl From<FileVersion> for VersionNote {
    fn from(version: FileVersion) -> Self {
        Self {
            file: version.identity.into(),
            size: version.size,
            modified: version.modified,
            changed: version.changed,
        }
    }
}

impl From<VersionNote> for FileVersion {
    fn from(note: VersionNote) -> Self {
        Self {
            identity: note.file.into(),
            size: note.size,
            modified: note.modified,
            changed: note.changed,
        }
    }
}

impl FileVersion {
    /// The later of modification and change time, in whole seconds since the epoch.
    pub(crate) fn seconds(&self) -> i64 {
        self.modified.0.max(self.changed.0)
    }

    /// How long before `now`, since the epoch, it changed; none when that is before the epoch, or `now` is before it.
    pub(crate) fn age(&self, now: Duration) -> Option<Duration> {
        let (seconds, nanoseconds) = self.modified.max(self.changed);
        let changed = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
        now.checked_sub(changed)
    }
}

/// The state of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileStatus {
    pub(crate) identity: FileIdentity,
    pub(crate) kind: FileKind,
    /// Octets.
    pub(crate) size: u64,
    /// Seconds since the epoch.
    pub(crate) modified: i64,
    /// Seconds since the epoch.
    pub(crate) changed: i64,
    /// How many names the file has.
    pub(crate) links: u64,
    /// Access bits.
    pub(crate) mode: Mode,
    /// The system user whose file it is.
    pub(crate) owner: u32,
    version: FileVersion,
}

/// What tells that the content of a file is the same as before: a rename or a new mode does not change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentStamp {
    identity: FileIdentity,
    size: u64,
    modified: (i64, i64),
}

impl ContentStamp {
    /// What an index keeps of it.
    pub(crate) fn note(&self) -> (FileNote, u64, (i64, i64)) {
        (self.identity.into(), self.size, self.modified)
    }

    pub(crate) fn of_note((file, size, modified): (FileNote, u64, (i64, i64))) -> Self {
        Self {
            identity: file.into(),
            size,
            modified,
        }
    }
}

impl FileStatus {
    pub(crate) fn content_stamp(&self) -> ContentStamp {
        ContentStamp {
            identity: self.identity,
            size: self.size,
            modified: self.version.modified,
        }
    }

    pub(crate) fn version(&self) -> FileVersion {
        self.version
    }

    /// The later of modification and change time, seconds since the epoch.
    pub(crate) fn latest(&self) -> i64 {
        self.modified.max(self.changed)
    }
}

impl From<Stat> for FileStatus {
    fn from(stat: Stat) -> Self {
        let identity = FileIdentity {
            device: stat.st_dev,
            inode: stat.st_ino,
        };
        let nanoseconds = |value| i64::try_from(value).unwrap_or(0);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Self {
            identity,
            kind: FileType::from_raw_mode(stat.st_mode).into(),
            size,
            modified: stat.st_mtime,
            changed: stat.st_ctime,
            #[allow(clippy::useless_conversion)]
            links: stat.st_nlink.into(),
            mode: Mode::from_raw_mode(stat.st_mode),
            owner: stat.st_uid,
            version: FileVersion {
                identity,
                size,
                modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
                changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
            },
        }
    }
}

/// What an existing file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenFor {
    Reading,
    /// Every write goes to the end.
    Appending,
    /// As for appending, and what is there can be read.
    ReadingAndAppending,
}

/// An open file of the store.
#[derive(Debug)]
pub(crate) struct StoredFile(File);

impl StoredFile {
    pub(crate) fn status(&self) -> io::Result<FileStatus> {
        faults::check(Call::Status)?;
        Ok(rustix::fs::fstat(&self.0)?.into())
    }

    /// Makes content and length durable.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn sync_data(&self) -> io::Result<()> {
        faults::check(Call::Sync)?;
        let (file, scope, site) = (self.0.as_fd(), Scope::Content, Location::caller());
        changing(|| self.0.sync_data(), |()| Change::Synced { file, scope, site })
    }

    /// Makes content, length and times durable.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        faults::check(Call::Sync)?;
        let (file, scope, site) = (self.0.as_fd(), Scope::ContentAndTimes, Location::caller());
        changing(|| self.0.sync_all(), |()| Change::Synced { file, scope, site })
    }

    pub(crate) fn truncate(&self, size: u64) -> io::Result<()> {
        faults::check(Call::Truncate)?;
        let file = self.0.as_fd();
        changing(|| self.0.set_len(size), |()| Change::Truncated { file, size })
    }

    /// Waits for nobody: whether this open file has the lock of its content now (`flock`), which the system takes away when
    /// the file is closed or the process ends. A file system without such locks is taken for one that nobody else uses.
    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        self.try_flock(FlockOperation::NonBlockingLockExclusive)
    }

    /// The same for a lock that others who take it like this have at the same time.
    pub(crate) fn try_lock_with_others(&self) -> io::Result<bool> {
        self.try_flock(FlockOperation::NonBlockingLockShared)
    }

    fn try_flock(&self, operation: FlockOperation) -> io::Result<bool> {
        match rustix::fs::flock(&self.0, operation) {
            Err(Errno::WOULDBLOCK) => Ok(false),
            Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the lock back.
    pub(crate) fn unlock(&self) {
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }

    /// Reads from `offset` on, wherever [`read`](Read::read) is. At least one octet, unless the file ends there.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        faults::check(Call::Read)?;
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset)
    }

    /// Where the next read starts.
    pub(crate) fn read_from(&mut self, offset: u64) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(offset)).map(drop)
    }

    /// Sets access and modification time, seconds since the epoch.
    pub(crate) fn set_times(&self, seconds: i64) -> io::Result<()> {
        faults::check(Call::SetTimes)?;
        let time = Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        let times = rustix::fs::Timestamps {
            last_access: time,
            last_modification: time,
        };
        let file = self.0.as_fd();
        let set = || Ok(rustix::fs::futimens(file, &times)?);
        changing(set, |()| Change::Dated { file, seconds })
    }
}

impl Read for StoredFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        faults::check(Call::Read)?;
        self.0.read(buffer)
    }
}

impl Write for StoredFile {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        faults::check(Call::Write)?;
        let mut file = &self.0;
        changing(
            || file.write(octets),
            |&written| Change::Written {
                file: self.0.as_fd(),
                octets: &octets[..written],
            },
        )
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Opens a directory; `ELOOP` or `ENOTDIR` for a symbolic link.
pub(crate) fn open_directory(directory: impl AsFd, name: impl Arg + Copy) -> io::Result<OwnedFd> {
    faults::check(Call::Open)?;
    let opened = rustix::fs::openat(&directory, name, OPEN_DIRECTORY, Mode::empty());
    opened.map_err(|error| naming(&Place::new(&directory, &name), error))
}

/// Opens a directory on the way to another one; `ELOOP` or `ENOTDIR` for a symbolic link.
pub(crate) fn go_through(directory: impl AsFd, name: impl Arg + Copy) -> io::Result<OwnedFd> {
    faults::check(Call::Open)?;
    let opened = rustix::fs::openat(&directory, name, GO_THROUGH, Mode::empty());
    opened.map_err(|error| naming(&Place::new(&directory, &name), error))
}

/// Opens an existing file. Never blocks, not even on a FIFO.
pub(crate) fn open_file(
    directory: impl AsFd,
    name: impl Arg + Copy,
    open_for: OpenFor,
) -> io::Result<StoredFile> {
    faults::check(Call::Open)?;
    let access = match open_for {
        OpenFor::Reading => OFlags::RDONLY,
        OpenFor::Appending => OFlags::WRONLY | OFlags::APPEND,
        OpenFor::ReadingAndAppending => OFlags::RDWR | OFlags::APPEND,
    };
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(&directory, name, flags, Mode::empty());
    let file = opened.map_err(|error| naming(&Place::new(&directory, &name), error))?;
    Ok(StoredFile(file.into()))
}

/// Makes a file; `AlreadyExists` where the name is taken.
pub(crate) fn create_file(directory: impl AsFd, name: impl Arg + Copy, mode: Mode) -> io::Result<StoredFile> {
    faults::check(Call::Create)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let create = || {
        let created = rustix::fs::openat(&directory, name, flags, mode);
        created.map_err(|error| naming(&Place::new(&directory, &name), error))
    };
    let file = changing(create, |_| Change::Made(Place::new(&directory, &name)))?;
    Ok(StoredFile(file.into()))
}

/// Makes a directory; `AlreadyExists` where the name is taken.
pub(crate) fn make_directory(directory: impl AsFd, name: impl Arg + Copy, mode: Mode) -> io::Result<()> {
    faults::check(Call::MakeDirectory)?;
    let make = || {
        let made = rustix::fs::mkdirat(&directory, name, mode);
        made.map_err(|error| naming(&Place::new(&directory, &name), error))
    };
    changing(make, |()| Change::Made(Place::new(&directory, &name)))
}

/// The path without symbolic links.
pub(crate) fn canonical_path(path: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(path)
}

/// Renames, replacing what has the new name.
pub(crate) fn rename(
    from: impl AsFd,
    old_name: impl Arg + Copy,
    to: impl AsFd,
    new_name: impl Arg + Copy,
) -> io::Result<()> {
    faults::check(Call::Rename)?;
    let rename = || Ok(rustix::fs::renameat(&from, old_name, &to, new_name)?);
    changing(rename, |()| Change::Renamed {
        from: Place::new(&from, &old_name),
        to: Place::new(&to, &new_name),
    })
}

/// Renames a file to the name it has: no change, but one that waits for those under way. `NotFound` when there is none.
pub(crate) fn rename_to_itself(directory: impl AsFd, name: impl Arg + Copy) -> io::Result<()> {
    faults::check(Call::Rename)?;
    Ok(rustix::fs::renameat(&directory, name, &directory, name)?)
}

/// Renames within a directory without replacing what is there: `AlreadyExists` then.
pub(crate) fn rename_to_free_name(
    directory: impl AsFd,
    from: impl Arg + Copy,
    to: impl Arg + Copy,
) -> io::Result<()> {
    faults::check(Call::Rename)?;
    let directory = directory.as_fd();
    let rename_or_fail = || {
        let renamed = rustix::fs::renameat_with(directory, from, directory, to, RenameFlags::NOREPLACE);
        Ok(renamed?)
    };
    let renamed = changing(rename_or_fail, |()| Change::Renamed {
        from: Place::new(&directory, &from),
        to: Place::new(&directory, &to),
    });
    match renamed.map_err(|error| (Errno::from_io_error(&error), error)) {
        // A file system that cannot do that. Directories cannot be linked; for them the caller's own lock has to do.
        Err((Some(Errno::INVAL | Errno::NOSYS), _)) if status(directory, to).is_ok() => {
            Err(io::ErrorKind::AlreadyExists.into())
        }
        Err((Some(Errno::INVAL | Errno::NOSYS), _)) => rename(directory, from, directory, to),
        Err((_, error)) => Err(error),
        Ok(()) => Ok(()),
    }
}

/// Gives a file a second name; `AlreadyExists` where that is taken.
pub(crate) fn link(
    from: impl AsFd,
    name: impl Arg + Copy,
    to: impl AsFd,
    new_name: impl Arg + Copy,
) -> io::Result<()> {
    faults::check(Call::Link)?;
    let link = || Ok(rustix::fs::linkat(&from, name, &to, new_name, AtFlags::empty())?);
    changing(link, |()| Change::Linked {
        from: Place::new(&from, &name),
        to: Place::new(&to, &new_name),
    })
}

/// Removes a name.
pub(crate) fn unlink(directory: impl AsFd, name: impl Arg + Copy) -> io::Result<()> {
    faults::check(Call::Unlink)?;
    let unlink = || Ok(rustix::fs::unlinkat(&directory, name, AtFlags::empty())?);
    changing(unlink, |()| Change::Removed(Place::new(&directory, &name)))
}

/// How often a directory is emptied into which others write meanwhile.
const EMPTIED_AT_MOST: usize = 5;

/// Removes a directory with everything in it. Of a symbolic link, what it leads to stays.
pub(crate) fn remove_tree(directory: impl AsFd, name: impl Arg + Copy) -> io::Result<()> {
    let remove = || Ok(remove_directory(directory.as_fd(), name, DEEPEST)?);
    changing(remove, |()| Change::RemovedTree(Place::new(&directory, &name)))
}

fn remove_directory(parent: BorrowedFd<'_>, name: impl Arg + Copy, deepest: usize) -> rustix::io::Result<()> {
    let deepest = deepest.checked_sub(1).ok_or(Errno::NAMETOOLONG)?;
    let directory = rustix::fs::openat(parent, name, OPEN_DIRECTORY, Mode::empty())?;
    for _ in 0..EMPTIED_AT_MOST {
        empty_directory(directory.as_fd(), deepest)?;
        match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            // Something was written into it meanwhile, as an index by another process that has the mailbox open.
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            removed => return removed,
        }
    }
    Err(Errno::NOTEMPTY)
}

fn empty_directory(directory: BorrowedFd<'_>, deepest: usize) -> rustix::io::Result<()> {
    let mut directories = Vec::new();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
            // Linux says the first of a directory, POSIX the second.
            Err(Errno::ISDIR | Errno::PERM) => directories.push(name.to_owned()),
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    for name in directories {
        remove_directory(directory, &*name, deepest)?;
    }
    Ok(())
}

/// Calls `each` with every entry but `.` and `..`, in no order. What changes meanwhile may be missed or given twice.
pub(crate) fn list(
    directory: impl AsFd,
    mut each: impl FnMut(&CStr, FileKind) -> io::Result<()>,
) -> io::Result<()> {
    faults::check(Call::List)?;
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            each(name, entry.file_type().into())?;
        }
    }
    Ok(())
}

/// The state of what has this name.
pub(crate) fn status(directory: impl AsFd, name: impl Arg) -> io::Result<FileStatus> {
    Ok(rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.into())
}

/// The state of an open directory.
pub(crate) fn status_of(directory: impl AsFd) -> io::Result<FileStatus> {
    faults::check(Call::Status)?;
    Ok(rustix::fs::fstat(directory)?.into())
}

/// Whether this user may read a file.
pub(crate) fn is_readable(directory: impl AsFd, name: impl Arg) -> bool {
    let access = rustix::fs::Access::READ_OK;
    rustix::fs::accessat(directory, name, access, AtFlags::EACCESS).is_ok()
}

/// Whether this user may make and remove names in a directory.
pub(crate) fn is_changeable(directory: impl AsFd, name: impl Arg) -> bool {
    use rustix::fs::Access;
    let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::accessat(directory, name, access, AtFlags::EACCESS).is_ok()
}

/// Makes the names in a directory durable. Some file systems cannot sync a directory and say so with `EINVAL`.
#[cfg_attr(test, track_caller)]
pub(crate) fn sync_directory(directory: impl AsFd) -> io::Result<()> {
    faults::check(Call::Sync)?;
    let (file, scope, site) = (directory.as_fd(), Scope::Names, Location::caller());
    let sync = || match rustix::fs::fsync(file) {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    };
    changing(sync, |()| Change::Synced { file, scope, site })
}

/// The calls that a test can let fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Create,
    Read,
    Write,
    Truncate,
    Sync,
    SetTimes,
    MakeDirectory,
    Rename,
    Link,
    Unlink,
    List,
    Status,
}

/// Errors that a test puts in the way of calls; nothing in real life.
pub(crate) mod faults {
    use super::{Call, io};

    #[cfg(not(test))]
    #[inline]
    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn check(_call: Call) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    thread_local! {
        static FAILING: std::cell::Cell<Option<(usize, Call, io::ErrorKind)>> = const { std::cell::Cell::new(None) };
        static NEXT: std::cell::Cell<Option<(Call, io::ErrorKind)>> = const { std::cell::Cell::new(None) };
    }

    #[cfg(test)]
    pub(super) fn check(call: Call) -> io::Result<()> {
        if let Some((failing, kind)) = NEXT.get()
            && failing == call
        {
            NEXT.set(None);
            return Err(kind.into());
        }
        match FAILING.get() {
            Some((0, failing, kind)) if failing == call => Err(kind.into()),
            Some((passing, failing, kind)) if failing == call => {
                FAILING.set(Some((passing - 1, failing, kind)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The next call of this kind that this thread makes fails, and no other.
    #[cfg(test)]
    pub(crate) fn fail_next(call: Call, kind: io::ErrorKind) {
        NEXT.set(Some((call, kind)));
    }

    /// Runs `work` while every call of this kind, made by this thread, fails.
    #[cfg(test)]
    pub(crate) fn with<T>(call: Call, kind: io::ErrorKind, work: impl FnOnce() -> T) -> T {
        with_after(0, call, kind, work)
    }

    /// As [`with`], after the first `passing` calls of this kind went well.
    #[cfg(test)]
    pub(crate) fn with_after<T>(
        passing: usize,
        call: Call,
        kind: io::ErrorKind,
        work: impl FnOnce() -> T,
    ) -> T {
        FAILING.set(Some((passing, call, kind)));
        let result = work();
        FAILING.set(None);
        result
    }
}
