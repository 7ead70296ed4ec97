//! `imap-index`: the index beside the mail, an SQLite database of pages, names and summaries. Losing it costs time only.
//!
//! Why SQLite is in docs/benchmarks.md. After a power failure the file is what it was some commits ago, and its head tells that.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, Params, params};

use crate::disk::directory::Directory;
use crate::disk::sqlite_file::{Claims, Kind, SqliteFile};
use crate::format::index::VERSION;

/// Its name.
pub(crate) const FILE_NAME: &str = "imap-index";

const SCHEMA: &str = "
    CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), octets BLOB NOT NULL);
    CREATE TABLE page (number INTEGER PRIMARY KEY, octets BLOB NOT NULL);
    CREATE TABLE name (hash INTEGER NOT NULL, uid INTEGER NOT NULL, PRIMARY KEY (hash, uid)) WITHOUT ROWID;
    CREATE TABLE summary (uid INTEGER PRIMARY KEY, octets BLOB NOT NULL);
";

const KIND: Kind = Kind {
    name: FILE_NAME,
    // "imix".
    application: 0x696d_6978,
    version: VERSION,
    schema: SCHEMA,
};

/// The index of one mailbox, which no other process has.
#[derive(Debug)]
pub(crate) struct IndexFile {
    file: SqliteFile,
    /// Checksum and length of the head that the file has.
    head: Mutex<Option<(u32, usize)>>,
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
        Ok(Self {
            file: SqliteFile::open(&KIND, directory, path, claims)?,
            head: Mutex::default(),
        })
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
        index.discard(directory);
        Self::open(directory, path, claims)
    }

    /// The head; none in an index that is not complete.
    pub(crate) fn head(&self) -> io::Result<Option<Vec<u8>>> {
        let head: Option<Vec<u8>> = self.file.with(|tables| {
            let head = tables.query_row("SELECT octets FROM head", [], |row| row.get(0));
            head.optional()
        })?;
        *self.head.lock() = head.as_deref().map(mark_of);
        Ok(head)
    }

    pub(crate) fn page(&self, number: u32) -> io::Result<Vec<u8>> {
        self.file.with(|tables| {
            let mut statement = tables.prepare_cached("SELECT octets FROM page WHERE number = ?")?;
            statement.query_row([number], |row| row.get(0))
        })
    }

    /// UIDs of names with this hash.
    pub(crate) fn uids_of(&self, hash: u64) -> io::Result<Vec<u32>> {
        self.file.with(|tables| {
            let mut statement = tables.prepare_cached("SELECT uid FROM name WHERE hash = ?")?;
            let uids = statement.query_map([signed(hash)], |row| row.get(0))?;
            uids.collect()
        })
    }

    /// Removes the file: nothing can be had from it any more.
    pub(crate) fn discard(&self, directory: &Directory) {
        self.file.discard(directory);
    }

    /// Nothing that it says counts from now on.
    fn clear(&self) -> io::Result<()> {
        self.file.change(|tables| {
            for table in ["head", "page", "name", "summary"] {
                tables.execute(&format!("DELETE FROM {table}"), [])?;
            }
            Ok(())
        })
    }

    /// The index is not complete from now on, until another batch is written.
    pub(crate) fn remove_head(&self) -> io::Result<()> {
        *self.head.lock() = None;
        self.file
            .change(|tables| tables.execute("DELETE FROM head", []).map(drop))
    }

    /// Writes pages of an index that has no head.
    pub(crate) fn write_pages(&self, pages: &[(u32, Vec<u8>)]) -> io::Result<()> {
        self.file.change(|tables| put_pages(tables, pages))
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
        self.file.change(|tables| put_names(tables, names, gone_names))
    }

    fn write_all(&self, batch: &Batch) -> io::Result<()> {
        self.file.change(|tables| {
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
        self.file.rest();
    }

    /// What was kept of these messages: UIDs and octets, in their order.
    pub(crate) fn summaries(&self, uids: &[u32]) -> io::Result<Vec<(u32, Vec<u8>)>> {
        self.file.with(|tables| {
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
        self.file.change(|tables| {
            let mut statement = tables.prepare_cached("INSERT OR REPLACE INTO summary VALUES (?, ?)")?;
            for (uid, octets) in summaries {
                statement.execute(params![uid, octets])?;
            }
            Ok(())
        })
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

/// Hashes as SQLite has them: with a sign.
const fn signed(hash: u64) -> i64 {
    hash.cast_signed()
}
