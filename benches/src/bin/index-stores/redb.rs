//! redb.

use std::path::Path;

use redb::{ConcurrencyMode, Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::store::{Durability, Fault, Row, Store, Table, absent, uid};

const PAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pages");
const NAMES: TableDefinition<'_, u64, u32> = TableDefinition::new("names");
const SUMMARIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("summaries");
/// The same for reads and writes together as SQLite's default, times eight. redb's own default is 1 GiB.
const CACHE: usize = 16 << 20;

/// `SHARED` lets other processes in.
#[derive(Debug)]
pub(crate) struct Redb<const SHARED: bool> {
    db: Database,
    durability: redb::Durability,
}

fn each_blob(
    found: &impl ReadableTable<u64, &'static [u8]>,
    (table, keys): (Table, &[u64]),
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<(), Fault> {
    for &key in keys {
        each(key, found.get(key)?.ok_or_else(|| absent(table, key))?.value());
    }
    Ok(())
}

impl<const SHARED: bool> Store for Redb<SHARED> {
    fn open(folder: &Path, durability: Durability) -> Result<Self, Fault> {
        let mode = if SHARED {
            ConcurrencyMode::MultiWriter
        } else {
            ConcurrencyMode::ExclusiveWriter
        };
        let db = Database::builder()
            .set_cache_size(CACHE)
            .set_concurrency_mode(mode)
            .create(folder.join("redb"))?;
        let durability = match durability {
            Durability::Durable => redb::Durability::Immediate,
            Durability::Loose => redb::Durability::None,
        };
        let transaction = db.begin_write()?;
        transaction.open_table(PAGES)?;
        transaction.open_table(NAMES)?;
        transaction.open_table(SUMMARIES)?;
        transaction.commit()?;
        Ok(Self { db, durability })
    }

    fn commit(&mut self, rows: &mut dyn Iterator<Item = Row>) -> Result<(), Fault> {
        let mut transaction = self.db.begin_write()?;
        transaction.set_durability(self.durability)?;
        {
            let mut pages = transaction.open_table(PAGES)?;
            let mut names = transaction.open_table(NAMES)?;
            let mut summaries = transaction.open_table(SUMMARIES)?;
            for Row { table, key, value } in rows {
                match table {
                    Table::Pages => drop(pages.insert(key, value.as_slice())?),
                    Table::Names => drop(names.insert(key, uid(&value)?)?),
                    Table::Summaries => drop(summaries.insert(key, value.as_slice())?),
                }
            }
        }
        Ok(transaction.commit()?)
    }

    fn read(&self, table: Table, keys: &[u64], each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Fault> {
        let transaction = self.db.begin_read()?;
        match table {
            Table::Pages => each_blob(&transaction.open_table(PAGES)?, (table, keys), each),
            Table::Summaries => each_blob(&transaction.open_table(SUMMARIES)?, (table, keys), each),
            Table::Names => {
                let names = transaction.open_table(NAMES)?;
                for &key in keys {
                    let uid = names.get(key)?.ok_or_else(|| absent(table, key))?.value();
                    each(key, &uid.to_le_bytes());
                }
                Ok(())
            }
        }
    }

    fn check(&mut self) -> Result<bool, Fault> {
        Ok(self.db.check_integrity()?)
    }
}
