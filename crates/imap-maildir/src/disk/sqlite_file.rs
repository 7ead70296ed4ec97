//! SQLite databases beside the mail, whose loss costs time only.
//!
//! Each is written by one process at a time, which keeps the file locked; another process goes on without it. Commits are not
//! synced, checkpoints are: after a power failure the file is what it was some commits ago.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::disk::directory::Directory;
use crate::disk::storage::{self, CWD, FileIdentity, OpenFor};

/// SQLite's own cache, in KiB: what is read often is kept in memory by its reader.
const CACHE: i32 = 512;
/// So many of SQLite's pages, 16 MiB, are in the log before they go into the file: that is when the disk is waited for.
const LOGGED: u32 = 4096;

/// How long a mailbox that is being opened waits for the same one that is being closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a file is for.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Whose SQLite file it is.
    pub(crate) application: u32,
    /// Of the format. A file of another version is dropped.
    pub(crate) version: u32,
    pub(crate) schema: &'static str,
}

/// Which mailboxes of a process have their file of one kind open. One that is opened again waits until it is closed: that takes
/// as long as writing does, and without an index the mailbox would be listed.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    taken: Mutex<HashSet<FileIdentity>>,
    freed: Condvar,
}

/// The right to open the file of one directory.
#[derive(Debug)]
struct Claim {
    claims: Arc<Claims>,
    directory: FileIdentity,
}

impl Claims {
    /// Blocks while somebody in this process has it.
    fn take(self: &Arc<Self>, directory: FileIdentity) -> io::Result<Claim> {
        self.when_free(directory)?.insert(directory);
        let claims = Arc::clone(self);
        Ok(Claim { claims, directory })
    }

    /// Waits until nobody in this process has it: what was written is in the file then, and its log is empty. Blocks.
    ///
    /// # Errors
    /// `ResourceBusy` where somebody keeps it.
    pub(crate) fn wait(&self, directory: FileIdentity) -> io::Result<()> {
        self.when_free(directory).map(drop)
    }

    fn when_free(&self, directory: FileIdentity) -> io::Result<MutexGuard<'_, HashSet<FileIdentity>>> {
        let mut taken = self.taken.lock();
        let until = Instant::now() + PATIENCE;
        while taken.contains(&directory) {
            if self.freed.wait_until(&mut taken, until).timed_out() {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
        }
        Ok(taken)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.taken.lock().remove(&self.directory);
        self.claims.freed.notify_all();
    }
}

/// A file that no other process has.
#[derive(Debug)]
pub(crate) struct SqliteFile {
    /// None once it was discarded.
    connection: Mutex<Option<Connection>>,
    name: &'static str,
    /// The name may become another file's.
    identity: FileIdentity,
    /// Whether something was written since it was opened.
    is_written: AtomicBool,
    /// Given up after the connection.
    claim: Mutex<Option<Claim>>,
}

impl SqliteFile {
    /// The file of the mailbox whose directory lies at `path`, made where there is none; one that is damaged or of another version
    /// is made anew.
    ///
    /// # Errors
    /// `ResourceBusy` where another process has it; else as the system says.
    pub(crate) fn open(
        kind: &Kind,
        directory: &Directory,
        path: &Path,
        claims: &Arc<Claims>,
    ) -> io::Result<Self> {
        let claim = claims.take(storage::status_of(directory.root())?.identity)?;
        let path = path.join(kind.name);
        let opened = match Self::open_at(kind, directory, &path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::warn!(path = %path.display(), %error, "an index is dropped, and made anew");
                remove(directory, kind.name)?;
                Self::open_at(kind, directory, &path)
            }
            opened => opened,
        };
        let opened = opened.map_err(|error| refused(directory, kind.name).unwrap_or(error))?;
        *opened.claim.lock() = Some(claim);
        Ok(opened)
    }

    fn open_at(kind: &Kind, directory: &Directory, path: &Path) -> io::Result<Self> {
        // It tells what the mail tells: whoever may not read that may not read this. SQLite gives its log the same access bits.
        match storage::create_file(directory.root(), kind.name, directory.file_mode()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let identity = storage::status(directory.root(), kind.name)?.identity;
        check_path(path, identity)?;
        // SQLITE_OPEN_NOFOLLOW: whoever may write into a mailbox must not make this process write elsewhere.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags).map_err(from_sqlite)?;
        check_path(path, identity)?;
        prepare(kind, &connection).map_err(from_sqlite)?;
        Ok(Self {
            identity,
            connection: Mutex::new(Some(connection)),
            name: kind.name,
            is_written: AtomicBool::new(false),
            claim: Mutex::default(),
        })
    }

    /// Removes the file of this directory: nothing can be had from it any more.
    pub(crate) fn discard(&self, directory: &Directory) {
        let connection = self.connection.lock().take();
        if let Some(connection) = connection {
            // Where the file has another name by now.
            let _ = connection.execute_batch("DELETE FROM head");
        }
        let there = storage::status(directory.root(), self.name);
        if there.is_ok_and(|there| there.identity == self.identity) {
            let _ = remove(directory, self.name);
        }
        *self.claim.lock() = None;
    }

    /// Gives back memory that SQLite keeps for what comes next.
    pub(crate) fn rest(&self) {
        let _ = self.with(|tables| tables.execute_batch("PRAGMA shrink_memory"));
    }

    /// Changes all of it or nothing.
    pub(crate) fn change(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> io::Result<()> {
        self.is_written.store(true, Ordering::Relaxed);
        self.with(|connection| {
            let transaction = connection.transaction()?;
            work(&transaction)?;
            transaction.commit()
        })
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> io::Result<T> {
        let mut connection = self.connection.lock();
        let connection = connection.as_mut().ok_or(io::ErrorKind::NotFound)?;
        work(connection).map_err(from_sqlite)
    }
}

impl Drop for SqliteFile {
    /// What other names the directory has got meanwhile is not known here: so the log's file stays, empty.
    fn drop(&mut self) {
        // Whoever only read waits for no disk.
        if !*self.is_written.get_mut() {
            return;
        }
        if let Err(error) = self.with(|tables| tables.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")) {
            tracing::debug!(%error, "the index's log stays as it is");
        }
    }
}

fn prepare(kind: &Kind, connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(20))?;
    // Before the first look at the file: with the lock for one process no memory is shared, and no file for it made.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    // Damage is an error, and found early.
    connection.pragma_update(None, "cell_size_check", true)?;
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: u32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let is_new = version == 0 && application == 0;
    if !is_new && (version, application) != (kind.version, kind.application) {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOGGED)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    if is_new {
        let Kind {
            application,
            version,
            schema,
            ..
        } = kind;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {schema} PRAGMA application_id = {application}; PRAGMA user_version = {version}; COMMIT"
        ))?;
    }
    // Takes the lock of the file, and keeps it.
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT")
}

/// Which part of a file may not be used, where that is what is wrong: SQLite does not say it. To be asked when no connection has the
/// file: with any handle that a process closes, it loses its locks.
fn refused(directory: &Directory, name: &str) -> Option<io::Error> {
    let parts = ["", "-wal"].map(|suffix| format!("{name}{suffix}"));
    let open =
        |part: &String| storage::open_file(directory.root(), &**part, OpenFor::ReadingAndAppending).err();
    let mut errors = parts.iter().filter_map(open);
    errors.find(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// SQLite knows paths only: makes sure that this one leads to the file of the mailbox that is held open, and not, by a symbolic link
/// in the place of a directory, to another user's. SQLite itself looks at each part of the path for a link once more.
fn check_path(path: &Path, identity: FileIdentity) -> io::Result<()> {
    match storage::status(CWD, path) {
        Ok(there) if there.identity == identity => Ok(()),
        Ok(_) => Err(io::ErrorKind::NotFound.into()),
        Err(error) => Err(error),
    }
}

/// Removes a file, for it to be made anew.
fn remove(directory: &Directory, name: &str) -> io::Result<()> {
    for suffix in ["-wal", "-shm", "-journal", ""] {
        match storage::unlink(directory.root(), &*format!("{name}{suffix}")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn from_sqlite(error: rusqlite::Error) -> io::Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => io::ErrorKind::ResourceBusy,
        Some(ErrorCode::DiskFull) => io::ErrorKind::StorageFull,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => io::ErrorKind::PermissionDenied,
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => io::ErrorKind::InvalidData,
        None => io::ErrorKind::InvalidData,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        name: "f",
        application: 1,
        version: 1,
        schema: "CREATE TABLE t (x);",
    };

    /// As where a symbolic link to another user's mail has taken the place of a directory on the way.
    #[test]
    fn a_path_that_leads_elsewhere_by_now_opens_no_file_there() {
        let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let [ours, theirs] = [&home, &elsewhere].map(|home| Directory::open(home.path()).unwrap());
        let claims = Arc::default();
        drop(SqliteFile::open(&KIND, &theirs, elsewhere.path(), &claims).unwrap());
        let opened = SqliteFile::open(&KIND, &ours, elsewhere.path(), &claims);
        assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::NotFound);
        // What is open already removes nothing there either.
        let opened = SqliteFile::open(&KIND, &ours, home.path(), &claims).unwrap();
        opened.discard(&theirs);
        assert!(elsewhere.path().join("f").exists());
    }
}
