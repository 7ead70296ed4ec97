//! What an index asks of its store, and nothing else.

use std::error::Error;
use std::path::Path;

/// What a store may fail with. Nothing here tells one kind from another: an index is dropped whatever it was.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// The three tables of the index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
    /// 1,024 messages in a blob, under kind and number of the page.
    Pages,
    /// The UID under the hash of a file's name.
    Names,
    /// A message's summary under its UID.
    Summaries,
}

/// One row to write.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) table: Table,
    pub(crate) key: u64,
    pub(crate) value: Vec<u8>,
}

/// A commit that must outlive a power failure, or one that need not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    Durable,
    Loose,
}

/// A store in one file, or in a few beside each other, in a folder.
pub(crate) trait Store: Sized {
    /// Opens the store in `folder`, or makes it.
    fn open(folder: &Path, durability: Durability) -> Result<Self, Fault>;
    /// Writes the rows in one commit.
    fn commit(&mut self, rows: &mut dyn Iterator<Item = Row>) -> Result<(), Fault>;
    /// Reads each key in one transaction. A key that is not there is a fault.
    fn read(&self, table: Table, keys: &[u64], each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Fault>;
    /// The store's own test of its files.
    fn check(&mut self) -> Result<bool, Fault>;
}

/// The octets of a UID in the table of names.
pub(crate) fn uid(value: &[u8]) -> Result<u32, Fault> {
    Ok(u32::from_le_bytes(value.try_into()?))
}

/// A key was asked for that nobody wrote.
pub(crate) fn absent(table: Table, key: u64) -> Fault {
    format!("{table:?} has no {key}").into()
}
