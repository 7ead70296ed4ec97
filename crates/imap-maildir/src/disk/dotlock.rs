//! Dovecot's dotlock: the file `NAME.lock` beside a control file, held while that file is changed.
//!
//! Dovecot writes `pid:host` into the lock and overrides at once a lock whose host is its own and whose process is dead. Two
//! containers with one host name would break each other's locks that way, so our host string names this boot and this
//! process namespace too: to Dovecot it is a foreign host, whose locks go stale after 120 seconds without a change.
//!
//! Where nobody else changes the mail ([`Sharing::Exclusive`]) no file is made: the lock keeps away this process's other threads.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, Write as _};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::io::Errno;

use crate::disk::clock::seconds as seconds_now;
use crate::disk::control_file;
use crate::disk::hold::Sharing;
use crate::disk::storage::{self, FileIdentity, Mode, StoredFile};

/// A lock not touched for this long, seconds, belongs to a program that died (Dovecot's value).
const STALE_SECONDS: i64 = 120;
/// A holder touches its lock this often, so that others do not take it for stale (Dovecot's value). Tests let no time go by.
const TOUCH_EVERY: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_secs(10)
};
/// A stale lock is broken, one that goes away meanwhile is taken; more than that is somebody else's turn.
const TRIES: usize = 3;

/// Locks held by this process, by device and inode: a lock with our own process number that is not here is a leftover.
static HELD: LazyLock<Mutex<HashSet<FileIdentity>>> = LazyLock::new(Mutex::default);

/// Locks without a file, by their directory and the name they would have.
static HELD_INSIDE: LazyLock<Mutex<HashSet<(FileIdentity, String)>>> = LazyLock::new(Mutex::default);

/// A held lock; dropping it gives it back.
#[derive(Debug)]
pub(crate) enum Dotlock {
    /// That other programs see.
    File(LockFile),
    /// That this process alone knows of.
    Inside { _held: InsideLock },
}

#[derive(Debug)]
pub(crate) struct LockFile {
    directory: OwnedFd,
    name: String,
    file: StoredFile,
    identity: FileIdentity,
    touched: Cell<Instant>,
}

#[derive(Debug)]
pub(crate) struct InsideLock {
    place: (FileIdentity, String),
}

/// Somebody else holds a lock.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{lock} is held by {holder:?}")]
pub(crate) struct Held {
    /// The lock's file name.
    pub(crate) lock: String,
    /// What the lock says of its holder; empty where it does not say.
    pub(crate) holder: String,
    /// The lock's file; none when it went away meanwhile.
    pub(crate) identity: Option<FileIdentity>,
}

impl Held {
    fn of(directory: BorrowedFd<'_>, lock: String) -> Self {
        let identity = storage::status(directory, &*lock)
            .ok()
            .map(|status| status.identity);
        let holder = read_owner(directory, &lock).trim_end().to_owned();
        Self {
            lock,
            holder,
            identity,
        }
    }
}

impl From<Held> for io::Error {
    fn from(held: Held) -> Self {
        Self::new(io::ErrorKind::WouldBlock, held)
    }
}

impl Dotlock {
    /// Takes the lock of `file_name` in `directory`, or fails at once. A few system calls.
    ///
    /// # Errors
    /// [`Held`] when somebody else holds it; others as the system says.
    pub(crate) fn take(directory: BorrowedFd<'_>, file_name: &str, sharing: Sharing) -> io::Result<Self> {
        let name = format!("{file_name}.lock");
        match sharing {
            Sharing::Shared => LockFile::take(directory, name, file_name).map(Self::File),
            Sharing::Exclusive => InsideLock::take(directory, name).map(|_held| Self::Inside { _held }),
        }
    }

    /// Touches the lock if that is due. Work of unknown length calls it for each message: a lock that is not touched for
    /// 120 seconds is taken away by others, and two programs would change one list.
    ///
    /// # Errors
    /// When somebody took the lock away: what it protects must not be changed any more.
    pub(crate) fn keep(&self) -> io::Result<()> {
        match self {
            Self::File(lock) => lock.keep(),
            Self::Inside { .. } => Ok(()),
        }
    }

    /// Makes sure that the lock is still ours.
    ///
    /// # Errors
    /// When somebody took it away.
    pub(crate) fn check(&self) -> io::Result<()> {
        match self {
            Self::File(lock) => lock.check(),
            Self::Inside { .. } => Ok(()),
        }
    }
}

impl InsideLock {
    fn take(directory: BorrowedFd<'_>, name: String) -> io::Result<Self> {
        let place = (storage::status_of(directory)?.identity, name);
        if HELD_INSIDE.lock().insert(place.clone()) {
            return Ok(Self { place });
        }
        let held = Held {
            lock: place.1,
            holder: "this server".to_owned(),
            identity: None,
        };
        Err(held.into())
    }
}

impl Drop for InsideLock {
    fn drop(&mut self) {
        HELD_INSIDE.lock().remove(&self.place);
    }
}

impl LockFile {
    fn take(directory: BorrowedFd<'_>, name: String, file_name: &str) -> io::Result<Self> {
        for _ in 0..TRIES {
            match Self::create(directory, &name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created,
            }
            match find_stale(directory, &name, file_name, seconds_now())? {
                Some(stale) => break_lock(directory, &name, stale)?,
                None if storage::status(directory, &*name).is_ok() => break,
                None => {}
            }
        }
        Err(Held::of(directory, name).into())
    }

    /// Makes the lock with its content in one step: written under another name and then linked. A lock that a killed
    /// process left behind always tells who held it, so that nobody waits for its age.
    fn create(directory: BorrowedFd<'_>, name: &str) -> io::Result<Self> {
        if storage::status(directory, name).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let prepared = format!("{name}.{}", crate::disk::random::guid()?);
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        let mut file = storage::create_file(directory, &*prepared, mode)?;
        // A full disk: an empty lock still locks, and goes stale by time.
        let _ = file.write_all(owner().as_bytes());
        let identity = file.status()?.identity;
        // Before it can be seen: with our own number in it and not among the held ones it would look like a leftover.
        HELD.lock().insert(identity);
        let linked = storage::link(directory, &*prepared, directory, name);
        let _ = storage::unlink(directory, &*prepared);
        let lock = linked.and_then(|()| {
            Ok(Self {
                directory: directory.try_clone_to_owned()?,
                name: name.to_owned(),
                file,
                identity,
                touched: Cell::new(Instant::now()),
            })
        });
        if lock.is_err() {
            HELD.lock().remove(&identity);
        }
        lock
    }

    fn keep(&self) -> io::Result<()> {
        if self.touched.get().elapsed() < TOUCH_EVERY {
            return Ok(());
        }
        self.check()?;
        self.touched.set(Instant::now());
        self.file.set_times(seconds_now())
    }

    fn check(&self) -> io::Result<()> {
        match storage::status(&self.directory, &*self.name) {
            Ok(status) if status.identity == self.identity => Ok(()),
            _ => Err(io::Error::other(format!(
                "{} was taken away by another program",
                self.name
            ))),
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if self.check().is_ok() {
            let _ = storage::unlink(&self.directory, &*self.name);
        }
        HELD.lock().remove(&self.identity);
    }
}

/// The lock's file if nobody holds it any more; `None` while it is held or after it went away.
fn find_stale(
    directory: BorrowedFd<'_>,
    name: &str,
    protected: &str,
    now: i64,
) -> io::Result<Option<FileIdentity>> {
    let lock = match storage::status(directory, name) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if HELD.lock().contains(&lock.identity) {
        return Ok(None);
    }
    if owner_is_dead(&read_owner(directory, name)) {
        return Ok(Some(lock.identity));
    }
    // The protected file counts too: its writer is alive as long as it grows.
    let protected = storage::status(directory, protected).map_or(0, |file| file.latest());
    let latest = lock.latest().max(protected);
    Ok((now - latest >= STALE_SECONDS).then_some(lock.identity))
}

/// Removes a stale lock, unless it was replaced since it was looked at.
///
/// Two waiters may both find it stale. The second must not remove the lock that the first has just made: so it is moved aside,
/// looked at, and put back when it turns out to be another one.
fn break_lock(directory: BorrowedFd<'_>, name: &str, stale: FileIdentity) -> io::Result<()> {
    let aside = format!("{name}.{}", crate::disk::random::guid()?);
    match storage::rename(directory, name, directory, &*aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed?,
    }
    if storage::status(directory, &*aside)?.identity == stale {
        return storage::unlink(directory, &*aside);
    }
    match storage::rename_to_free_name(directory, &*aside, name) {
        // A third program has made a lock meanwhile. The one that was moved is lost; its holder finds that out before it
        // changes the list ([`Dotlock::check`]).
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => storage::unlink(directory, &*aside),
        // Not put back: whoever took this lock still relies on it, so the caller must not have it.
        put_back => put_back,
    }
}

fn read_owner(directory: BorrowedFd<'_>, name: &str) -> String {
    let octets = control_file::read(directory, name, 512).ok().flatten();
    String::from_utf8(octets.unwrap_or_default()).unwrap_or_default()
}

/// Whether a lock's content names a process of this very namespace that is not alive any more.
fn owner_is_dead(text: &str) -> bool {
    let Some((process, host)) = text.trim_end().split_once(':') else {
        return false;
    };
    if host != *HOST || HOST.is_empty() {
        return false;
    }
    let Some(process) = process.parse().ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    // Our own number, and not among the locks we hold: left by a process that had the number before us.
    process == rustix::process::getpid()
        || matches!(rustix::process::test_kill_process(process), Err(Errno::SRCH))
}

fn owner() -> String {
    format!("{}:{}", std::process::id(), *HOST)
}

/// Names the host, this boot and this process namespace; a random name where the system does not tell.
static HOST: LazyLock<String> = LazyLock::new(|| {
    let node = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .replace([':', '\n'], "_");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let namespace = std::fs::read_link("/proc/self/ns/pid");
    match (boot, namespace) {
        (Ok(boot), Ok(namespace)) => {
            let namespace: String = namespace
                .to_string_lossy()
                .chars()
                .filter(char::is_ascii_digit)
                .collect();
            format!("{node}/{}/{namespace}", boot.trim())
        }
        _ => format!("{node}/{}", crate::disk::random::guid().unwrap_or_default()),
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::{Call, OpenFor, faults};
    use std::fs::File;
    use std::os::fd::AsFd as _;

    struct Fixture {
        home: tempfile::TempDir,
        directory: File,
    }

    fn set_times(path: &std::path::Path, seconds: i64) {
        let file = storage::open_file(storage::CWD, path, OpenFor::Reading).unwrap();
        file.set_times(seconds).unwrap();
    }

    impl Fixture {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let directory = File::open(home.path()).unwrap();
            Self { home, directory }
        }

        fn acquire(&self) -> io::Result<Dotlock> {
            Dotlock::take(self.directory.as_fd(), "list", Sharing::Shared)
        }

        fn foreign_lock(&self, content: &str, age: i64) {
            let path = self.home.path().join("list.lock");
            std::fs::write(&path, content).unwrap();
            set_times(&path, seconds_now() - age);
        }
    }

    #[test]
    fn a_lock_never_exists_without_its_content() {
        let fixture = Fixture::new();
        let lock = fixture.acquire().unwrap();
        let content = std::fs::read_to_string(fixture.home.path().join("list.lock")).unwrap();
        assert_eq!(content, owner());
        // Nothing but the lock: no second name stays behind.
        assert_eq!(std::fs::read_dir(fixture.home.path()).unwrap().count(), 1);
        drop(lock);
    }

    #[test]
    fn a_second_taker_has_the_lock_once_the_first_gives_it_back() {
        let fixture = Fixture::new();
        let first = fixture.acquire().unwrap();
        assert_eq!(fixture.acquire().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(first);
        drop(fixture.acquire().unwrap());
        assert_eq!(std::fs::read_dir(fixture.home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_of_mail_that_nobody_shares_makes_no_file_and_keeps_other_threads_away() {
        let fixture = Fixture::new();
        // A leftover of Dovecot's stops nobody.
        fixture.foreign_lock("", 0);
        let take = |name| Dotlock::take(fixture.directory.as_fd(), name, Sharing::Exclusive);
        let first = take("list").unwrap();
        assert_eq!(take("list").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(take("other").unwrap());
        drop(first);
        drop(take("list").unwrap());
        assert_eq!(std::fs::read_dir(fixture.home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_of_a_dead_process_of_this_namespace_is_broken_at_once() {
        let fixture = Fixture::new();
        // Larger than any process number that Linux gives out.
        fixture.foreign_lock(&format!("2000000000:{}", *HOST), 0);
        fixture.acquire().unwrap();
    }

    #[test]
    fn a_lock_that_an_earlier_process_with_our_number_left_is_broken_at_once() {
        let fixture = Fixture::new();
        fixture.foreign_lock(&owner(), 0);
        fixture.acquire().unwrap();
    }

    #[test]
    fn a_lock_of_another_host_or_without_content_is_respected() {
        for content in ["", "2000000000:elsewhere", "1:", "rubbish"] {
            let fixture = Fixture::new();
            fixture.foreign_lock(content, 0);
            assert_eq!(
                fixture.acquire().unwrap_err().kind(),
                io::ErrorKind::WouldBlock,
                "{content}"
            );
        }
    }

    #[test]
    fn a_lock_goes_stale_after_two_minutes_without_a_change_of_it_or_its_file() {
        let fixture = Fixture::new();
        fixture.foreign_lock("", 0);
        let stale = |seconds: i64| {
            let directory = fixture.directory.as_fd();
            find_stale(directory, "list.lock", "list", seconds_now() + seconds)
                .unwrap()
                .is_some()
        };
        assert!(!stale(118));
        assert!(stale(121));
        std::fs::write(fixture.home.path().join("list"), "x").unwrap();
        set_times(&fixture.home.path().join("list"), seconds_now() + 60);
        assert!(!stale(121), "the writer is at work");
    }

    #[test]
    fn a_lock_taken_away_is_noticed_and_the_new_owner_keeps_it() {
        let fixture = Fixture::new();
        let lost = fixture.acquire().unwrap();
        std::fs::remove_file(fixture.home.path().join("list.lock")).unwrap();
        fixture.foreign_lock("1:elsewhere", 0);
        assert!(lost.check().is_err());
        drop(lost);
        assert!(fixture.home.path().join("list.lock").exists());
    }

    #[test]
    fn breaking_does_not_remove_a_lock_made_meanwhile() {
        let fixture = Fixture::new();
        fixture.foreign_lock("", 0);
        let directory = fixture.directory.as_fd();
        let seen = storage::status(directory, "list.lock").unwrap().identity;
        // Another inode under the same name, while the old one still exists.
        std::fs::rename(
            fixture.home.path().join("list.lock"),
            fixture.home.path().join("old"),
        )
        .unwrap();
        fixture.foreign_lock("new", 0);
        break_lock(directory, "list.lock", seen).unwrap();
        assert_eq!(
            std::fs::read(fixture.home.path().join("list.lock")).unwrap(),
            b"new"
        );
    }

    #[test]
    fn a_lock_that_cannot_be_put_back_is_not_taken() {
        let fixture = Fixture::new();
        fixture.foreign_lock("", 0);
        let directory = fixture.directory.as_fd();
        let seen = storage::status(directory, "list.lock").unwrap().identity;
        let lock = fixture.home.path().join("list.lock");
        std::fs::rename(&lock, fixture.home.path().join("old")).unwrap();
        fixture.foreign_lock("new", 0);
        // The move aside works; the rename back, in the same directory, does not.
        let broken = faults::with_after(1, Call::Rename, io::ErrorKind::PermissionDenied, || {
            break_lock(directory, "list.lock", seen)
        });
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_lock_that_is_kept_stays_fresh() {
        let fixture = Fixture::new();
        let lock = fixture.acquire().unwrap();
        let path = fixture.home.path().join("list.lock");
        set_times(&path, seconds_now() - 100);
        lock.keep().unwrap();
        let status = storage::status(storage::CWD, &path).unwrap();
        assert!(status.modified > seconds_now() - 50);
    }
}
