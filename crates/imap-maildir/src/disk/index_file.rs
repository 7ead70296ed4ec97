//! `imap-index`: the index beside the mail, an SQLite database of pages, names and summaries. Losing it costs time only.
//!
//! Why SQLite is in docs/benchmarks.md. It is written by one process at a time, which keeps the file locked; another process
//! goes on without an index. Commits are not synced, checkpoints are: after a power failure the file is what it was some commits
//! ago, and its head tells that.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Params, params};

use crate::disk::directory::Directory;
use crate::disk::storage::{self, CWD, FileIdentity, Mode};
use crate::format::index::VERSION;

/// Its name.
pub(crate) const FILE_NAME: &str = "imap-index";
/// "imix": whose SQLite file it is.
const APPLICATION: u32 = 0x696d_6978;
/// SQLite's own cache, in KiB: pages are kept in memory by their reader.
const CACHE: i32 = 512;
/// So many of SQLite's pages, 16 MiB, are in the log before they go into the file: that is when the disk is waited for.
const LOGGED: u32 = 4096;

const SCHEMA: &str = "
    CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), octets BLOB NOT NULL);
    CREATE TABLE page (number INTEGER PRIMARY KEY, octets BLOB NOT NULL);
    CREATE TABLE name (hash INTEGER NOT NULL, uid INTEGER NOT NULL, PRIMARY KEY (hash, uid)) WITHOUT ROWID;
    CREATE TABLE summary (uid INTEGER PRIMARY KEY, octets BLOB NOT NULL);
";

/// How long a mailbox that is being opened waits for the same one that is being closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which mailboxes of a process have their index open. One that is opened again waits until it is closed: that takes as long as
/// writing does, and without an index the mailbox would be listed.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    taken: Mutex<HashSet<FileIdentity>>,
    freed: Condvar,
}

/// The right to open the index of one directory.
#[derive(Debug)]
struct Claim {
    claims: Arc<Claims>,
    directory: FileIdentity,
}

impl Claims {
    /// Blocks while somebody in this process has it.
    fn take(self: &Arc<Self>, directory: FileIdentity) -> io::Result<Claim> {
        let mut taken = self.taken.lock();
        let until = Instant::now() + PATIENCE;
        while taken.contains(&directory) {
            if self.freed.wait_until(&mut taken, until).timed_out() {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
        }
        taken.insert(directory);
        let claims = Arc::clone(self);
        Ok(Claim { claims, directory })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.taken.lock().remove(&self.directory);
        self.claims.freed.notify_all();
    }
}

/// The index of one mailbox, which no other process has.
#[derive(Debug)]
pub(crate) struct IndexFile {
    /// None once it was discarded.
    connection: Mutex<Option<Connection>>,
    path: PathBuf,
    /// The path may become another mailbox's.
    identity: FileIdentity,
    /// Checksum and length of the head that the file has.
    head: Mutex<Option<(u32, usize)>>,
    /// Whether something was written since it was opened.
    is_written: AtomicBool,
    /// Given up after the connection.
    claim: Mutex<Option<Claim>>,
}

/// What changes at once.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) head: Vec<u8>,
    pub(crate) pages: Vec<(u32, Vec<u8>)>,
    pub(crate) gone_pages: Vec<u32>,
    /// Hashes of base names and UIDs, ascending.
    pub(crate) names: Vec<(u64, u32)>,
    pub(crate) gone_names: Vec<(u64, u32)>,
}

impl Batch {
    /// Whether the head is all that it has.
    fn changes_nothing_else(&self) -> bool {
        let pages = self.pages.is_empty() && self.gone_pages.is_empty();
        pages && self.names.is_empty() && self.gone_names.is_empty()
    }
}

fn mark_of(head: &[u8]) -> (u32, usize) {
    (crc32fast::hash(head), head.len())
}

impl IndexFile {
    /// The index of the mailbox whose directory lies at `path`, made where there is none; one that is damaged or of another version is made anew.
    ///
    /// # Errors
    /// `ResourceBusy` where another process has it; else as the system says.
    pub(crate) fn open(directory: &Directory, path: &Path, claims: &Arc<Claims>) -> io::Result<Self> {
        let claim = claims.take(storage::status_of(directory.root())?.identity)?;
        let path = path.join(FILE_NAME);
        let mode = directory.file_mode();
        let opened = match Self::open_at(&path, mode) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::info!(path = %path.display(), %error, "the index is made anew");
                remove(&path)?;
                Self::open_at(&path, mode)
            }
            opened => opened,
        };
        let opened = opened?;
        *opened.claim.lock() = Some(claim);
        Ok(opened)
    }

    /// An index that knows nothing, whatever there was.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn make(directory: &Directory, path: &Path, claims: &Arc<Claims>) -> io::Result<Self> {
        let index = Self::open(directory, path, claims)?;
        if index.clear().is_ok() {
            return Ok(index);
        }
        index.discard();
        Self::open(directory, path, claims)
    }

    fn open_at(path: &Path, mode: Mode) -> io::Result<Self> {
        // It tells what the mail tells: whoever may not read that may not read this. SQLite gives its log the same access bits.
        match storage::create_file(CWD, path, mode) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // SQLITE_OPEN_NOFOLLOW: whoever may write into a mailbox must not make this process write elsewhere.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags).map_err(from_sqlite)?;
        prepare(&connection).map_err(from_sqlite)?;
        Ok(Self {
            identity: storage::status(CWD, path)?.identity,
            connection: Mutex::new(Some(connection)),
            path: path.to_owned(),
            head: Mutex::default(),
            is_written: AtomicBool::new(false),
            claim: Mutex::default(),
        })
    }

    /// The head; none in an index that is not complete.
    pub(crate) fn head(&self) -> io::Result<Option<Vec<u8>>> {
        let head: Option<Vec<u8>> = self.with(|tables| {
            let head = tables.query_row("SELECT octets FROM head", [], |row| row.get(0));
            head.optional()
        })?;
        *self.head.lock() = head.as_deref().map(mark_of);
        Ok(head)
    }

    pub(crate) fn page(&self, number: u32) -> io::Result<Vec<u8>> {
        self.with(|tables| {
            let mut statement = tables.prepare_cached("SELECT octets FROM page WHERE number = ?")?;
            statement.query_row([number], |row| row.get(0))
        })
    }

    /// UIDs of names with this hash.
    pub(crate) fn uids_of(&self, hash: u64) -> io::Result<Vec<u32>> {
        self.with(|tables| {
            let mut statement = tables.prepare_cached("SELECT uid FROM name WHERE hash = ?")?;
            let uids = statement.query_map([signed(hash)], |row| row.get(0))?;
            uids.collect()
        })
    }

    /// Removes the file: nothing can be had from it any more.
    pub(crate) fn discard(&self) {
        let connection = self.connection.lock().take();
        if let Some(connection) = connection {
            // Where the mailbox has another name by now.
            let _ = connection.execute_batch("DELETE FROM head");
        }
        if storage::status(CWD, &self.path).is_ok_and(|status| status.identity == self.identity) {
            let _ = remove(&self.path);
        }
        *self.claim.lock() = None;
    }

    /// Nothing that it says counts from now on.
    fn clear(&self) -> io::Result<()> {
        self.change(|tables| {
            for table in ["head", "page", "name", "summary"] {
                tables.execute(&format!("DELETE FROM {table}"), [])?;
            }
            Ok(())
        })
    }

    /// The index is not complete from now on, until another batch is written.
    pub(crate) fn remove_head(&self) -> io::Result<()> {
        *self.head.lock() = None;
        self.change(|tables| tables.execute("DELETE FROM head", []).map(drop))
    }

    /// Writes pages of an index that has no head.
    pub(crate) fn write_pages(&self, pages: &[(u32, Vec<u8>)]) -> io::Result<()> {
        self.change(|tables| put_pages(tables, pages))
    }

    /// Writes all of a batch or nothing; nothing where the file knows it already.
    pub(crate) fn write(&self, batch: &Batch) -> io::Result<()> {
        let mark = mark_of(&batch.head);
        if batch.changes_nothing_else() && *self.head.lock() == Some(mark) {
            return Ok(());
        }
        self.write_all(batch)?;
        *self.head.lock() = Some(mark);
        Ok(())
    }

    /// Writes names of an index that has no head.
    pub(crate) fn write_names(&self, names: &[(u64, u32)], gone_names: &[(u64, u32)]) -> io::Result<()> {
        self.change(|tables| put_names(tables, names, gone_names))
    }

    fn write_all(&self, batch: &Batch) -> io::Result<()> {
        self.change(|tables| {
            put_pages(tables, &batch.pages)?;
            let gone_pages: Vec<[i64; 1]> = batch
                .gone_pages
                .iter()
                .map(|number| [i64::from(*number)])
                .collect();
            each(tables, "DELETE FROM page WHERE number = ?", &gone_pages)?;
            put_names(tables, &batch.names, &batch.gone_names)?;
            tables
                .execute("INSERT OR REPLACE INTO head VALUES (1, ?)", [&batch.head])
                .map(drop)
        })
    }

    /// Gives back memory that SQLite keeps for what comes next.
    pub(crate) fn rest(&self) {
        let _ = self.with(|tables| tables.execute_batch("PRAGMA shrink_memory"));
    }

    /// What was kept of these messages: UIDs and octets, in their order.
    pub(crate) fn summaries(&self, uids: &[u32]) -> io::Result<Vec<(u32, Vec<u8>)>> {
        self.with(|tables| {
            let mut statement = tables.prepare_cached("SELECT octets FROM summary WHERE uid = ?")?;
            let mut found = Vec::new();
            for &uid in uids {
                let octets = statement.query_row([uid], |row| row.get(0)).optional()?;
                found.extend(octets.map(|octets| (uid, octets)));
            }
            Ok(found)
        })
    }

    /// Keeps what was found out about messages.
    pub(crate) fn keep_summaries(&self, summaries: &[(u32, Vec<u8>)]) -> io::Result<()> {
        self.change(|tables| {
            let mut statement = tables.prepare_cached("INSERT OR REPLACE INTO summary VALUES (?, ?)")?;
            for (uid, octets) in summaries {
                statement.execute(params![uid, octets])?;
            }
            Ok(())
        })
    }

    fn change(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> io::Result<()> {
        self.is_written.store(true, Ordering::Relaxed);
        self.with(|connection| {
            let transaction = connection.transaction()?;
            work(&transaction)?;
            transaction.commit()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> io::Result<T> {
        let mut connection = self.connection.lock();
        let connection = connection.as_mut().ok_or(io::ErrorKind::NotFound)?;
        work(connection).map_err(from_sqlite)
    }
}

impl Drop for IndexFile {
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

/// Adds names, and takes away others with all that is known of their messages.
fn put_names(tables: &Connection, names: &[(u64, u32)], gone_names: &[(u64, u32)]) -> rusqlite::Result<()> {
    let pairs = |names: &[(u64, u32)]| -> Vec<[i64; 2]> {
        let pairs = names.iter();
        pairs
            .map(|(hash, uid)| [signed(*hash), i64::from(*uid)])
            .collect()
    };
    let gone_names = pairs(gone_names);
    let gone_uids: Vec<[i64; 1]> = gone_names.iter().map(|[_, uid]| [*uid]).collect();
    each(tables, "INSERT OR IGNORE INTO name VALUES (?, ?)", &pairs(names))?;
    each(tables, "DELETE FROM name WHERE hash = ? AND uid = ?", &gone_names)?;
    each(tables, "DELETE FROM summary WHERE uid = ?", &gone_uids)
}

fn put_pages(connection: &Connection, pages: &[(u32, Vec<u8>)]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO page VALUES (?, ?)")?;
    for (number, octets) in pages {
        statement.execute(params![number, octets])?;
    }
    Ok(())
}

/// Runs a statement with each of these values.
fn each<P: Copy + Params>(connection: &Connection, sql: &str, values: &[P]) -> rusqlite::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(sql)?;
    for each in values {
        statement.execute(*each)?;
    }
    Ok(())
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(20))?;
    // Before the first look at the file: with the lock for one process no memory is shared, and no file for it made.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    // Damage is an error, and found early.
    connection.pragma_update(None, "cell_size_check", true)?;
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: u32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let is_new = version == 0 && application == 0;
    if !is_new && (version, application) != (VERSION, APPLICATION) {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOGGED)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    if is_new {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT"
        ))?;
    }
    // Takes the lock of the file, and keeps it.
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT")
}

/// Removes an index, for it to be made anew.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let beside = |suffix: &str| {
        let mut path = path.as_os_str().to_owned();
        path.push(suffix);
        PathBuf::from(path)
    };
    for path in [
        beside("-wal"),
        beside("-shm"),
        beside("-journal"),
        path.to_owned(),
    ] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Hashes as SQLite has them: with a sign.
const fn signed(hash: u64) -> i64 {
    hash.cast_signed()
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
