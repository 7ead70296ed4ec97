//! `OpenMailbox`: one mailbox that some session of this process has open, shared by all of them.
//!
//! | what | guarded by | changed by |
//! | --- | --- | --- |
//! | [`Index`], what is known | the hub's lock, held across no I/O but reads of `imap-index` | whoever holds the writer, save for caches of sizes and dates |
//! | the disk, [`Writer`] | an asynchronous lock, held across I/O | one operation at a time |
//! | `dovecot-uidlist` | its dotlock, among processes | whoever gives out UIDs |
//!
//! An operation takes the writer, changes the disk, then publishes in one critical section of the hub. It runs on a blocking
//! thread to its end even when the client's connection is lost meanwhile, so nothing is left half done.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use imap_backend::sort::Known;
use imap_backend::{Error, ErrorKind};
use imap_seq::UidValidity;
use imap_updates::{Closed, MailboxHub, Snapshot};
use parking_lot::Mutex;
use rustix::io::Errno;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::disk::directory::{Directory, Existence, Location};
use crate::disk::dotlock::{Dotlock, Held};
use crate::disk::events::WatchedDirectories;
use crate::disk::index_file::IndexFile;
use crate::disk::keywords_file::KeywordsFile;
use crate::disk::name_generator::NameGenerator;
use crate::disk::storage::{self, FileIdentity};
use crate::disk::uidlist_file::{FILE_NAME, UidListFile};
use crate::format::letter_map::LetterMap;
use crate::format::object_ids::MailboxGuid;
use crate::log_limit::LogLimit;
use crate::mailbox::add::Arrivals;
use crate::mailbox::cache::{Cache, MailboxCache};
use crate::mailbox::changes::Change;
use crate::mailbox::error::{Gone, from_io, panicked};
use crate::mailbox::glance::Traces;
use crate::mailbox::index::Index;
use crate::mailbox::keep::Indexing;
use crate::mailbox::listed::Listed;
use crate::mailbox::lock_out::LockOut;
use crate::mailbox::numbers::Numbers;
use crate::mailbox::observe::Heard;
use crate::mailbox::patience::{Patience, held};
use crate::mailbox::texts::TextsSlot;
use crate::mailbox::together::Queue;

/// A mailbox that is open.
pub(crate) struct OpenMailbox {
    pub(crate) hub: MailboxHub<Index>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) names: Arc<NameGenerator>,
    pub(crate) cache: MailboxCache,
    /// What was sorted and threaded last.
    pub(crate) known: Known,
    pub(crate) uid_validity: UidValidity,
    pub(crate) guid: MailboxGuid,
    pub(super) indexing: Indexing,
    /// What has what is not in memory; none where all is.
    pub(super) index_file: Mutex<Option<Arc<IndexFile>>>,
    /// Which messages may have a string, where that is known.
    pub(super) texts: TextsSlot,
    /// Where it is now; a RENAME changes it.
    path: Mutex<PathBuf>,
    writer: Arc<AsyncMutex<Writer>>,
    /// A sync of `new/` and `cur/` has failed, and none has succeeded since: what was removed may come back.
    pub(super) is_unsynced: AtomicBool,
    /// Messages of sessions that wait for the writer.
    pub(crate) arrivals: Queue<Arrivals>,
    /// What sessions want to be changed, while they wait for the writer.
    pub(crate) changes: Queue<Change>,
    /// What the last holder of the writer left behind; none while the next look has something to do in any case.
    pub(super) traces: Mutex<Option<Traces>>,
    /// Sessions that may move messages from `new/` to `cur/`.
    read_write: AtomicUsize,
    /// A lock of another program that was waited for in vain.
    overdue: Mutex<Option<FileIdentity>>,
    /// What sends events; forgotten with the mailbox.
    pub(crate) watched: Mutex<Option<WatchedDirectories>>,
    /// What the operator was told of this mailbox.
    told: LogLimit<Trouble>,
}

/// Something that goes on until somebody mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    MessageUnreadable,
    NoUid,
    ListNotCompacted,
    NoIndex,
    IndexNotWritten,
    NoTexts,
    NumbersNotWritten,
    KeywordsUnreadable,
    NotPublished,
}

/// What an operation on the disk needs and only one has at a time.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) list: UidListFile,
    pub(crate) keywords: KeywordsFile,
    pub(crate) numbers: Numbers,
    pub(crate) new: Listed,
    pub(crate) cur: Listed,
    pub(crate) heard: Heard,
    /// Records up to this UID were looked for: those without a file have none.
    pub(crate) settled_up_to: u32,
    /// Messages that no session has moved to `cur/` yet.
    pub(crate) left_in_new: usize,
    /// Files whose base name another file has, which no session has separated yet.
    pub(crate) doubles: usize,
    /// Base names that two files had when the directories were listed last: where one goes, the other may still be there.
    pub(crate) doubled: HashSet<Box<[u8]>>,
    /// Messages without a UID wait for a lock of another program.
    pub(crate) lock_out: Option<LockOut>,
}

impl OpenMailbox {
    /// A mailbox of whose messages nothing is known yet. Blocks.
    ///
    /// # Errors
    /// `NotFound` where there is no such directory.
    pub(crate) fn new(
        at: Location<'_>,
        names: Arc<NameGenerator>,
        cache: Arc<Cache>,
        boot: Arc<str>,
        indexing: Indexing,
        next_uid_validity: impl FnOnce() -> io::Result<u32>,
    ) -> io::Result<Self> {
        let directory = Arc::new(Directory::open_held(at)?);
        let list = UidListFile::open(&directory, next_uid_validity)?;
        let mut keywords = KeywordsFile::default();
        keywords.refresh(&directory)?;
        let (numbers, vanished) = Numbers::open(&directory, list.uid_validity(), keywords.names(), boot)?;
        let letters = LetterMap::new(keywords.names());
        let snapshot = Snapshot::empty()
            .with_keywords(letters.keywords())
            .with_highest_modseq(numbers.last());
        let index = Index::new(letters, vanished);
        let hub = MailboxHub::new(index, snapshot).map_err(io::Error::other)?;
        let writer = Writer {
            list,
            keywords,
            numbers,
            new: Listed::default(),
            cur: Listed::default(),
            heard: Heard::default(),
            settled_up_to: 0,
            left_in_new: 0,
            doubles: 0,
            doubled: HashSet::new(),
            lock_out: None,
        };
        Self::of(at.path, directory, names, cache, indexing, hub, writer)
    }

    /// A mailbox of which this is known.
    pub(super) fn of(
        path: &Path,
        directory: Arc<Directory>,
        names: Arc<NameGenerator>,
        cache: Arc<Cache>,
        indexing: Indexing,
        hub: MailboxHub<Index>,
        writer: Writer,
    ) -> io::Result<Self> {
        let identity = storage::status_of(directory.root())?.identity;
        let guid = writer.list.guid(&directory)?;
        let uid_validity = UidValidity::new(writer.list.uid_validity()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self {
            hub,
            directory,
            names,
            cache: MailboxCache::new(cache, identity),
            known: Known::default(),
            uid_validity,
            guid,
            indexing,
            index_file: Mutex::default(),
            texts: TextsSlot::default(),
            path: Mutex::new(path.to_owned()),
            writer: Arc::new(AsyncMutex::new(writer)),
            is_unsynced: AtomicBool::new(false),
            arrivals: Queue::default(),
            changes: Queue::default(),
            traces: Mutex::default(),
            read_write: AtomicUsize::new(0),
            overdue: Mutex::default(),
            watched: Mutex::default(),
            told: LogLimit::default(),
        })
    }

    /// Whether the operator is to be told of a trouble now.
    pub(crate) fn is_to_be_logged(&self, trouble: Trouble) -> bool {
        self.told.admits(trouble, Instant::now())
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
        let writer = self.lock_writer().await;
        self.write_as(writer, work).await
    }

    /// As [`write`](Self::write), for a caller that has the writer already.
    pub(crate) async fn write_as<T: Send + 'static>(
        self: &Arc<Self>,
        mut writer: OwnedMutexGuard<Writer>,
        work: impl FnOnce(&Self, &mut Writer) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mailbox = Arc::clone(self);
        let work = move || {
            let result = work(&mailbox, &mut writer);
            mailbox.leave_traces(&writer);
            mailbox.cache.filler().look_at(&mailbox);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(panicked)?
    }

    /// As [`write`](Self::write), with the UID list locked too.
    ///
    /// While another program holds that lock, the mailbox's other operations go on: they must not stand still because one
    /// of them needs a UID.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`](imap_backend::ErrorKind::InUse) when somebody else holds the lock for more than two minutes.
    pub(crate) async fn write_with_list<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &mut Writer, Dotlock) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let work = |mailbox: &Self, writers: &mut Writers, lock| work(mailbox, &mut writers.here, lock);
        self.when_locked(None, work).await
    }

    /// The same, with the writer of the mailbox that messages come from. Nobody looks at that one while they are on their
    /// way, because they may come back.
    pub(crate) async fn write_with_list_and_source<T: Send + 'static>(
        self: &Arc<Self>,
        source: &Arc<Self>,
        work: impl FnOnce(&Self, &mut Writers, Dotlock) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.when_locked(Some(source), work).await
    }

    async fn when_locked<T: Send + 'static>(
        self: &Arc<Self>,
        source: Option<&Arc<Self>>,
        work: impl FnOnce(&Self, &mut Writers, Dotlock) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut patience = Patience::long(Instant::now());
        let mut work = move |mailbox: &Self, writers: &mut Writers, lock: Option<Dotlock>| {
            work(mailbox, writers, lock.ok_or(ErrorKind::InUse)?)
        };
        loop {
            match self.attempt(source, Without::Fail, work).await? {
                Attempt::Done(result) => return Ok(result),
                Attempt::Locked(again, held) if patience.wait(&self.path(), &held).await => work = again,
                Attempt::Locked(_, held) => return Err(from_io(held.into())),
            }
        }
    }

    /// As [`write_with_list`](Self::write_with_list), for what can be done without the lock: that is waited for a little,
    /// and only once while the same lock stays.
    pub(crate) async fn write_with_list_if_free<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &mut Writer, Option<Dotlock>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut patience = Patience::short(Instant::now());
        let (mut without, mut work) = (
            Without::Wait,
            move |mailbox: &Self, writers: &mut Writers, lock| work(mailbox, &mut writers.here, lock),
        );
        loop {
            match self.attempt(None, without, work).await? {
                Attempt::Done(result) => return Ok(result),
                Attempt::Locked(again, held) => {
                    let is_overdue = held.identity.is_some() && *self.overdue.lock() == held.identity;
                    if is_overdue || !patience.wait(&self.path(), &held).await {
                        *self.overdue.lock() = held.identity;
                        without = Without::GoOn;
                    }
                    work = again;
                }
            }
        }
    }

    /// Takes the writers, tries to lock the UID list, and runs `work`, all on a blocking thread that waits for nothing.
    async fn attempt<T, W>(
        self: &Arc<Self>,
        source: Option<&Arc<Self>>,
        without: Without,
        work: W,
    ) -> Result<Attempt<T, W>, Error>
    where
        T: Send + 'static,
        W: FnOnce(&Self, &mut Writers, Option<Dotlock>) -> Result<T, Error> + Send + 'static,
    {
        let (mailbox, source) = (Arc::clone(self), source.cloned());
        let mut writers = Writers::lock(self, source.as_ref()).await;
        let attempt = move || {
            let lock = match Dotlock::take(mailbox.directory.root(), FILE_NAME, mailbox.directory.sharing()) {
                Ok(lock) => {
                    *mailbox.overdue.lock() = None;
                    Some(lock)
                }
                Err(error) => match (held(&error), without) {
                    (Some(held), Without::Fail | Without::Wait) => {
                        return Ok(Attempt::Locked(work, held.clone()));
                    }
                    (_, Without::Fail) => return Err(from_io(error)),
                    (_, Without::Wait | Without::GoOn) => {
                        tracing::debug!(%error, "changing messages beside another program");
                        None
                    }
                },
            };
            let result = work(&mailbox, &mut writers, lock);
            mailbox.leave_traces(&writers.here);
            mailbox.cache.filler().look_at(&mailbox);
            if let (Some(source), Some(writer)) = (&source, &writers.source) {
                source.leave_traces(writer);
                source.cache.filler().look_at(source);
            }
            result.map(Attempt::Done)
        };
        tokio::task::spawn_blocking(attempt).await.map_err(panicked)?
    }

    /// Whether the system tells of changes by other programs.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched
            .lock()
            .as_ref()
            .is_some_and(WatchedDirectories::works)
    }

    /// The writer of a mailbox that nobody else has yet.
    pub(super) fn writer_of_new(&self) -> io::Result<OwnedMutexGuard<Writer>> {
        let writer = Arc::clone(&self.writer).try_lock_owned();
        writer.map_err(io::Error::other)
    }

    /// The writer, unless somebody has it.
    pub(crate) fn writer_if_free(&self) -> Option<OwnedMutexGuard<Writer>> {
        Arc::clone(&self.writer).try_lock_owned().ok()
    }

    pub(crate) async fn lock_writer(&self) -> OwnedMutexGuard<Writer> {
        Arc::clone(&self.writer).lock_owned().await
    }

    /// As if the latest change were so old that its time stamp proved something.
    #[cfg(test)]
    pub(crate) async fn forget_grain(&self) {
        let mut writer = self.lock_writer().await;
        let versions = self.directory.versions().unwrap();
        (writer.new.version, writer.new.again_at) = (Some(versions.new), None);
        (writer.cur.version, writer.cur.again_at) = (Some(versions.cur), None);
        self.leave_traces(&writer);
    }

    /// As if the pause before the next attempt to lock the UID list were over.
    #[cfg(test)]
    pub(crate) async fn retry_lock_now(&self) {
        let mut writer = self.lock_writer().await;
        writer.lock_out.as_mut().expect("locked out").retry_at = Instant::now();
        self.leave_traces(&writer);
    }

    /// As if `cur/` had been listed just now, within the time stamp of the latest change.
    #[cfg(test)]
    pub(crate) async fn pretend_cur_was_listed_now(&self) {
        let mut writer = self.lock_writer().await;
        let version = self.directory.versions().unwrap().cur;
        let again_at = Some(Instant::now() + std::time::Duration::from_secs(3600));
        (writer.cur.version, writer.cur.again_at) = (Some(version), again_at);
        self.leave_traces(&writer);
    }

    /// As if a second had gone by since the latest change.
    #[cfg(test)]
    pub(crate) async fn let_grain_pass(&self) {
        let mut writer = self.lock_writer().await;
        writer.new.let_grain_pass();
        writer.cur.let_grain_pass();
        self.leave_traces(&writer);
    }

    /// Makes sure that the directory is still there; closes the mailbox for its sessions when it is not.
    pub(crate) fn check_alive(&self) -> io::Result<()> {
        if self.hub.closed().is_some() {
            return Err(Gone.into());
        }
        if self.directory.existence()? == Existence::Removed {
            return Err(self.deleted());
        }
        Ok(())
    }

    /// Its sessions end.
    fn deleted(&self) -> io::Error {
        self.hub.lock().close(Closed::Deleted);
        Gone.into()
    }

    /// A mailbox without subdirectories has been deleted if it has no name any more either. What is left of it may stay for an hour: who
    /// deleted it could not remove all, because something was written into it meanwhile.
    pub(crate) fn perhaps_removed(&self, error: io::Error) -> io::Error {
        let is_stale = Errno::from_io_error(&error) == Some(Errno::STALE);
        if is_stale && self.directory.existence_at(&self.path()) == Existence::Removed {
            return self.deleted();
        }
        error
    }

    /// Runs a change of our own to `new/` or `cur/`, so that it does not look like somebody else's afterwards.
    pub(crate) fn own_change<T>(&self, writer: &mut Writer, change: impl FnOnce(&mut Writer) -> T) -> T {
        let before = self.directory.versions();
        let result = change(writer);
        self.directory.changes_are_over();
        if let (Ok(before), Ok(after)) = (before, self.directory.versions()) {
            let now = Instant::now();
            writer.new.note_own_change(before.new, after.new, now);
            writer.cur.note_own_change(before.cur, after.cur, now);
        }
        result
    }
}

/// The writers of two mailboxes between which messages move.
pub(crate) struct Writers {
    pub(crate) here: OwnedMutexGuard<Writer>,
    /// None where that is the same mailbox.
    pub(crate) source: Option<OwnedMutexGuard<Writer>>,
}

impl Writers {
    /// In an order that all share: two MOVEs in opposite directions must not wait for each other.
    async fn lock(here: &Arc<OpenMailbox>, source: Option<&Arc<OpenMailbox>>) -> Self {
        let source = source.filter(|source| !Arc::ptr_eq(source, here));
        match source {
            Some(source) if Arc::as_ptr(source) < Arc::as_ptr(here) => {
                let source = source.lock_writer().await;
                let here = here.lock_writer().await;
                let source = Some(source);
                Self { here, source }
            }
            _ => {
                let here = here.lock_writer().await;
                let source = match source {
                    Some(source) => Some(source.lock_writer().await),
                    None => None,
                };
                Self { here, source }
            }
        }
    }
}

/// What to do without the UID list's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    /// Nothing; wait while somebody else holds it.
    Fail,
    /// Wait while somebody else holds it; go on where it cannot be made.
    Wait,
    /// The work all the same.
    GoOn,
}

/// What came of an attempt to work with the UID list.
enum Attempt<T, W> {
    Done(T),
    /// Somebody else holds the lock: the work has not begun.
    Locked(W, Held),
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
