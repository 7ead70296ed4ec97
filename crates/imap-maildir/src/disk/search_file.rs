//! `imap-search`: the index of texts beside the mail, an SQLite database of segments. Losing it costs time only.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, params};

use crate::disk::directory::Directory;
use crate::disk::sqlite_file::{Claims, Kind, SqliteFile};
use crate::format::index::seal;
use crate::format::segment::{Encoded, SearchHead, VERSION, seal_block, unseal_block};

const KIND: Kind = Kind {
    name: "imap-search",
    // "imse".
    application: 0x696d_7365,
    version: VERSION,
    schema: "
        CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), octets BLOB NOT NULL);
        CREATE TABLE segment (number INTEGER PRIMARY KEY, octets BLOB NOT NULL);
        CREATE TABLE block (id INTEGER PRIMARY KEY, octets BLOB NOT NULL);
    ",
};

/// The number of a block is that of its segment, and so many bits for its place there.
const PLACE_BITS: u32 = 20;

/// The index of the texts of one mailbox, which no other process has.
#[derive(Debug)]
pub(crate) struct SearchFile(SqliteFile);

fn block_id(segment: u32, place: usize) -> i64 {
    (i64::from(segment) << PLACE_BITS) + i64::try_from(place).unwrap_or(0)
}

impl SearchFile {
    /// As [`SqliteFile::open`].
    ///
    /// # Errors
    /// `ResourceBusy` where another process has it; else as the system says.
    pub(crate) fn open(directory: &Directory, path: &Path, claims: &Arc<Claims>) -> io::Result<Self> {
        SqliteFile::open(&KIND, directory, path, claims).map(Self)
    }

    /// What the file is about; none in one that is new.
    pub(crate) fn head(&self) -> io::Result<Option<Vec<u8>>> {
        self.0.with(|tables| {
            let head = tables.query_row("SELECT octets FROM head", [], |row| row.get(0));
            head.optional()
        })
    }

    /// A new file is about this from now on.
    pub(crate) fn begin(&self, head: &SearchHead) -> io::Result<()> {
        self.0.change(|tables| {
            tables
                .execute("INSERT INTO head VALUES (1, ?)", [seal(head)])
                .map(drop)
        })
    }

    /// What segments are about, by their numbers.
    pub(crate) fn segments(&self) -> io::Result<Vec<(u32, Vec<u8>)>> {
        self.0.with(|tables| {
            let mut statement = tables.prepare("SELECT number, octets FROM segment ORDER BY number")?;
            let segments = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            segments.collect()
        })
    }

    pub(crate) fn segment(&self, number: u32) -> io::Result<Vec<u8>> {
        self.0.with(|tables| {
            let mut statement = tables.prepare_cached("SELECT octets FROM segment WHERE number = ?")?;
            statement.query_row([number], |row| row.get(0))
        })
    }

    /// Looks into a block.
    ///
    /// # Errors
    /// `InvalidData` where it is not there, or not what was written, or `work` makes nothing of it.
    pub(crate) fn with_block(
        &self,
        segment: u32,
        place: usize,
        work: impl FnOnce(&[u8]) -> Option<()>,
    ) -> io::Result<()> {
        let id = block_id(segment, place);
        let worked = self.0.with(|tables| {
            let mut statement = tables.prepare_cached("SELECT octets FROM block WHERE id = ?")?;
            statement.query_row([id], |row| {
                Ok(unseal_block(id, row.get_ref(0)?.as_blob()?).and_then(work))
            })
        })?;
        worked.ok_or(io::ErrorKind::InvalidData.into())
    }

    /// Writes a segment in the place of others.
    pub(crate) fn replace(&self, gone: &[u32], new: Option<&Encoded>) -> io::Result<()> {
        self.0.change(|tables| {
            for &number in gone {
                tables.execute("DELETE FROM segment WHERE number = ?", [number])?;
                tables.execute(
                    "DELETE FROM block WHERE id >= ? AND id < ?",
                    [block_id(number, 0), block_id(number, 1 << PLACE_BITS)],
                )?;
            }
            let Some(Encoded { note, blocks }) = new else {
                return Ok(());
            };
            // Blocks may be left of a segment of that number whose row was lost.
            let mut statement = tables.prepare_cached("INSERT OR REPLACE INTO block VALUES (?, ?)")?;
            for (place, block) in blocks.iter().enumerate() {
                let id = block_id(note.number, place);
                statement.execute(params![id, seal_block(id, block)])?;
            }
            let segment = params![note.number, seal(note)];
            tables
                .execute("INSERT OR REPLACE INTO segment VALUES (?, ?)", segment)
                .map(drop)
        })
    }

    /// Removes the file: nothing can be had from it any more.
    pub(crate) fn discard(&self, directory: &Directory) {
        self.0.discard(directory);
    }

    /// Gives back memory that SQLite keeps for what comes next.
    pub(crate) fn rest(&self) {
        self.0.rest();
    }
}
