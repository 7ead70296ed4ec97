//! LMDB.

use std::path::Path;

use lmdb::{Cursor, Database, DatabaseFlags, Environment, EnvironmentFlags, Transaction, WriteFlags};

use crate::store::{Durability, Fault, Row, Store, Table, absent};

/// The address space of the map, which bounds the file.
const MAP: usize = 4 << 30;

#[derive(Debug)]
pub(crate) struct Lmdb {
    environment: Environment,
    tables: [Database; 3],
}

impl Lmdb {
    fn table(&self, table: Table) -> Database {
        let [pages, names, summaries] = self.tables;
        match table {
            Table::Pages => pages,
            Table::Names => names,
            Table::Summaries => summaries,
        }
    }
}

impl Store for Lmdb {
    fn open(folder: &Path, durability: Durability) -> Result<Self, Fault> {
        let mut flags = EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::NO_READAHEAD;
        if durability == Durability::Loose {
            flags |= EnvironmentFlags::NO_SYNC;
        }
        let environment = Environment::new()
            .set_max_dbs(3)
            .set_map_size(MAP)
            .set_flags(flags)
            .open(&folder.join("lmdb"))?;
        let made = |name| environment.create_db(Some(name), DatabaseFlags::INTEGER_KEY);
        let tables = [made("pages")?, made("names")?, made("summaries")?];
        Ok(Self { environment, tables })
    }

    fn commit(&mut self, rows: &mut dyn Iterator<Item = Row>) -> Result<(), Fault> {
        let mut transaction = self.environment.begin_rw_txn()?;
        for Row { table, key, value } in rows {
            transaction.put(self.table(table), &key.to_ne_bytes(), &value, WriteFlags::empty())?;
        }
        Ok(transaction.commit()?)
    }

    fn read(&self, table: Table, keys: &[u64], each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Fault> {
        let transaction = self.environment.begin_ro_txn()?;
        for &key in keys {
            match transaction.get(self.table(table), &key.to_ne_bytes()) {
                Ok(value) => each(key, value),
                Err(lmdb::Error::NotFound) => return Err(absent(table, key)),
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }

    /// LMDB has no test of its own: this reads every row.
    fn check(&mut self) -> Result<bool, Fault> {
        let transaction = self.environment.begin_ro_txn()?;
        for table in self.tables {
            for row in transaction.open_ro_cursor(table)?.iter_start() {
                std::hint::black_box(row?.1.iter().fold(0_u8, |sum, octet| sum ^ octet));
            }
        }
        Ok(true)
    }
}
