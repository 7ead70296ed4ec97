//! `OpenMailbox`: one mailbox that some session of this process has open, shared by all of them.
//!
//! | what | guarded by | changed by |
//! | --- | --- | --- |
//! | [`Index`], what is known | the hub's lock, never held across I/O | whoever holds the writer, save for caches of sizes and dates |
//! | the disk, [`Writer`] | an asynchronous lock, held across I/O | one operation at a time |
//! | `dovecot-uidlist` | its dotlock, among processes | whoever gives out UIDs |
//!
//! An operation takes the writer, changes the disk, then publishes in one critical section of the hub. It runs on a blocking
//! thread to its end even when the client's connection is lost meanwhile, so nothing is left half done.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use imap_backend::Error;
use imap_seq::UidValidity;
use imap_updates::{Closed, MailboxHub, Snapshot};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::disk::directory::{Directory, DirectoryVersions, Existence};
use crate::disk::dotlock::{Dotlock, LOCK_PATIENCE};
use crate::disk::events::WatchedDirectories;
use crate::disk::keywords_file::KeywordsFile;
use crate::disk::name_generator::NameGenerator;
use crate::disk::storage;
use crate::disk::uidlist_file::{FILE_NAME, UidListFile};
use crate::format::letter_map::LetterMap;
use crate::mailbox::cache::{Cache, MailboxCache};
use crate::mailbox::error::{Gone, from_io, panicked};
use crate::mailbox::index::Index;

/// A directory that changed this recently may change again without a new time stamp: it is listed once more after this long.
pub(crate) const GRAIN: Duration = Duration::from_millis(1500);

/// How long an attempt to lock the UID list may hold up the other operations on the mailbox.
const ATTEMPT: Duration = Duration::from_millis(20);
/// How long they have their way between two attempts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(30);

/// A mailbox that is open.
pub(crate) struct OpenMailbox {
    pub(crate) hub: MailboxHub<Index>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) names: Arc<NameGenerator>,
    pub(crate) cache: MailboxCache,
    pub(crate) uid_validity: UidValidity,
    /// Where it is now; a RENAME changes it.
    path: Mutex<PathBuf>,
    writer: Arc<AsyncMutex<Writer>>,
    /// Sessions that may move messages from `new/` to `cur/`.
    read_write: AtomicUsize,
    /// What sends events; forgotten with the mailbox.
    pub(crate) watched: Mutex<Option<WatchedDirectories>>,
}

/// What an operation on the disk needs and only one has at a time.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) list: UidListFile,
    pub(crate) keywords: KeywordsFile,
    /// The directories as they were when they were last listed; none before that.
    pub(crate) listed: Option<DirectoryVersions>,
    /// When to list them again even if they look the same.
    pub(crate) again_at: Option<Instant>,
    /// Records up to this UID were looked for: those without a file have none.
    pub(crate) settled_up_to: u32,
    /// Messages that no session has moved to `cur/` yet.
    pub(crate) left_in_new: usize,
}

impl OpenMailbox {
    /// A mailbox of whose messages nothing is known yet. Blocks.
    ///
    /// # Errors
    /// `NotFound` where there is no such directory.
    pub(crate) fn new(
        path: &Path,
        names: Arc<NameGenerator>,
        cache: Arc<Cache>,
        next_uid_validity: impl FnOnce() -> io::Result<u32>,
    ) -> io::Result<Self> {
        let directory = Arc::new(Directory::open(path)?);
        let identity = storage::status_of(directory.root())?.identity;
        let list = UidListFile::open(&directory, next_uid_validity)?;
        let mut keywords = KeywordsFile::default();
        keywords.refresh(&directory)?;
        let uid_validity = UidValidity::new(list.uid_validity()).ok_or(io::ErrorKind::InvalidData)?;
        let letters = LetterMap::new(keywords.names());
        let defined = letters.keywords();
        let index = Index::new(letters);
        let snapshot = Snapshot::empty().with_keywords(defined);
        let hub = MailboxHub::new(index, snapshot).map_err(io::Error::other)?;
        let writer = Writer {
            list,
            keywords,
            listed: None,
            again_at: None,
            settled_up_to: 0,
            left_in_new: 0,
        };
        Ok(Self {
            hub,
            directory,
            names,
            cache: MailboxCache::new(cache, identity),
            uid_validity,
            path: Mutex::new(path.to_owned()),
            writer: Arc::new(AsyncMutex::new(writer)),
            read_write: AtomicUsize::new(0),
            watched: Mutex::default(),
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.lock().clone()
    }

    pub(crate) fn moved_to(&self, path: PathBuf) {
        *self.path.lock() = path;
    }

    pub(crate) fn opened_read_write(&self) {
        self.read_write.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn left_read_write(&self) {
        self.read_write.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether some session has the right to move messages out of `new/`.
    pub(crate) fn moves_new(&self) -> MovesNew {
        if self.read_write.load(Ordering::Relaxed) > 0 {
            MovesNew::Yes
        } else {
            MovesNew::No
        }
    }

    /// Runs `work` on a blocking thread, alone among the operations on this mailbox's disk.
    ///
    /// # Cancel safety
    /// Once `work` has begun it runs to its end, whether or not somebody waits for the result.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &mut Writer) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut writer = self.lock_writer().await;
        let mailbox = Arc::clone(self);
        let work = move || work(&mailbox, &mut writer);
        tokio::task::spawn_blocking(work).await.map_err(panicked)?
    }

    /// As [`write`](Self::write), with the UID list locked too.
    ///
    /// While another program holds that lock, the attempts to get it let the mailbox's other operations through: they
    /// must not stand still because one of them needs a UID.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`](imap_backend::ErrorKind::InUse) when somebody else holds the lock for more than two minutes.
    pub(crate) async fn write_with_list<T, W>(self: &Arc<Self>, mut work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(&Self, &mut Writer, Dotlock) -> Result<T, Error> + Send + 'static,
    {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            let attempt = move |mailbox: &Self, writer: &mut Writer| match Dotlock::acquire(
                mailbox.directory.root(),
                FILE_NAME,
                ATTEMPT,
            ) {
                Ok(lock) => work(mailbox, writer, lock).map(Attempt::Done),
                Err(error) if error.kind() == io::ErrorKind::TimedOut && Instant::now() < deadline => {
                    Ok(Attempt::Locked(work))
                }
                Err(error) => Err(from_io(error)),
            };
            match self.write(attempt).await? {
                Attempt::Done(result) => return Ok(result),
                Attempt::Locked(again) => work = again,
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
    }

    /// The writer of a mailbox that nobody else has yet.
    pub(super) fn writer_of_new(&self) -> io::Result<OwnedMutexGuard<Writer>> {
        let writer = Arc::clone(&self.writer).try_lock_owned();
        writer.map_err(io::Error::other)
    }

    pub(crate) async fn lock_writer(&self) -> OwnedMutexGuard<Writer> {
        Arc::clone(&self.writer).lock_owned().await
    }

    /// As if the latest change were so old that its time stamp proved something.
    #[cfg(test)]
    pub(crate) async fn forget_grain(&self) {
        let mut writer = self.lock_writer().await;
        let versions = self.directory.versions().ok();
        writer.listed = versions;
        writer.again_at = None;
    }

    /// As if a second had gone by since the latest change.
    #[cfg(test)]
    pub(crate) async fn let_grain_pass(&self) {
        let mut writer = self.lock_writer().await;
        writer.again_at = writer.again_at.map(|_| Instant::now());
    }

    /// Makes sure that the directory is still there; closes the mailbox for its sessions when it is not.
    pub(crate) fn check_alive(&self) -> io::Result<()> {
        if self.hub.closed().is_some() {
            return Err(Gone.into());
        }
        if self.directory.existence()? == Existence::Removed {
            self.hub.lock().close(Closed::Deleted);
            return Err(Gone.into());
        }
        Ok(())
    }

    /// Runs a change of our own to `new/` or `cur/`, so that it does not look like somebody else's afterwards.
    ///
    /// Another program's change in the same moment is hidden by that; [`Writer::again_at`] finds it a little later.
    pub(crate) fn own_change<T>(&self, writer: &mut Writer, change: impl FnOnce(&mut Writer) -> T) -> T {
        let before = self.directory.versions().ok();
        let result = change(writer);
        if writer.listed.is_some() && writer.listed == before {
            writer.listed = self.directory.versions().ok();
            writer.again_at = Some(Instant::now() + GRAIN);
        }
        result
    }
}

/// What came of an attempt to work with the UID list.
enum Attempt<T, W> {
    Done(T),
    /// Somebody else holds the lock: the work has not begun.
    Locked(W),
}

/// Whether messages are to be moved from `new/` to `cur/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MovesNew {
    Yes,
    No,
}

impl std::fmt::Debug for OpenMailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenMailbox")
            .field("path", &self.path())
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}
