//! A file of our own, for orientation: slots of fixed size that are written in place, each with a checksum. A commit that was cut
//! short shows as a slot whose checksum is wrong or whose number is not its neighbours', and then all is built anew.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::store::{Durability, Fault, Row, Store, Table, absent};
use crate::workload::{BLOBS, MESSAGES, PAGES};

/// A slot of each table, its length and checksum included, and how many there are.
const WIDE: u64 = 76 << 10;
const BLOB: u64 = 5200;
const SUMMARY: u64 = 312;
/// Names lie in buckets by the first bits of their hash, so that one is found by one read.
const BUCKET: u64 = 4096;
const BUCKETS: u64 = 1 << 13;
const HEAD: usize = 8;

#[derive(Debug)]
pub(crate) struct Plain {
    file: File,
    durability: Durability,
}

/// Where a row lies, and how much room it has.
fn slot(table: Table, key: u64) -> (u64, u64) {
    let buckets = BUCKETS * BUCKET;
    let blobs = buckets + (1 + PAGES) * WIDE;
    match table {
        Table::Names => ((key >> (64 - BUCKETS.ilog2())) * BUCKET, BUCKET),
        Table::Pages if key >= BLOBS => (blobs + (key - BLOBS) * BLOB, BLOB),
        Table::Pages => (buckets + key.min(PAGES) * WIDE, WIDE),
        Table::Summaries => (blobs + (1 + PAGES) * BLOB + key.min(MESSAGES) * SUMMARY, SUMMARY),
    }
}

impl Plain {
    fn slot(&self, (at, room): (u64, u64), buffer: &mut Vec<u8>) -> Result<bool, Fault> {
        buffer.resize(usize::try_from(room)?, 0);
        let read = self.file.read_at(buffer, at)?;
        buffer.truncate(read);
        let Some((head, rest)) = buffer.split_first_chunk::<HEAD>() else {
            return Ok(false);
        };
        let [a, b, c, d, e, f, g, h] = *head;
        let (sum, len) = (
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]) as usize,
        );
        if len == 0 {
            return Ok(false);
        }
        let value = rest
            .get(..len)
            .ok_or("a slot says that it is longer than it is")?;
        if crc32fast::hash(value) != sum {
            return Err("a slot's checksum is wrong".into());
        }
        buffer.truncate(HEAD + len);
        buffer.drain(..HEAD);
        Ok(true)
    }

    fn write(&self, (at, room): (u64, u64), value: &[u8]) -> Result<(), Fault> {
        let len = u32::try_from(value.len())?;
        if u64::from(len) + HEAD as u64 > room {
            return Err("a slot is full".into());
        }
        let mut octets = crc32fast::hash(value).to_le_bytes().to_vec();
        octets.extend(len.to_le_bytes());
        octets.extend(value);
        Ok(self.file.write_all_at(&octets, at)?)
    }

    /// Puts a name into its bucket, which is held in memory until another one is due.
    fn name(&self, key: u64, uid: &[u8], held: &mut Option<(u64, Vec<u8>)>) -> Result<(), Fault> {
        let place = slot(Table::Names, key);
        if held.as_ref().is_none_or(|(at, _)| *at != place.0) {
            self.release(held)?;
            let mut bucket = Vec::new();
            if !self.slot(place, &mut bucket)? {
                bucket.clear();
            }
            *held = Some((place.0, bucket));
        }
        let Some((_, bucket)) = held else { return Ok(()) };
        let row = [&key.to_le_bytes(), uid].concat();
        match bucket
            .chunks_exact_mut(12)
            .find(|row| row.starts_with(&key.to_le_bytes()))
        {
            Some(old) => old.copy_from_slice(&row),
            None => bucket.extend(row),
        }
        Ok(())
    }

    fn release(&self, held: &mut Option<(u64, Vec<u8>)>) -> Result<(), Fault> {
        held.take()
            .map_or(Ok(()), |(at, bucket)| self.write((at, BUCKET), &bucket))
    }
}

impl Store for Plain {
    fn open(folder: &Path, durability: Durability) -> Result<Self, Fault> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("plain"))?;
        Ok(Self { file, durability })
    }

    fn commit(&mut self, rows: &mut dyn Iterator<Item = Row>) -> Result<(), Fault> {
        let mut bucket = None;
        for Row { table, key, value } in rows {
            match table {
                Table::Names => self.name(key, &value, &mut bucket)?,
                Table::Pages | Table::Summaries => self.write(slot(table, key), &value)?,
            }
        }
        self.release(&mut bucket)?;
        if self.durability == Durability::Durable {
            self.file.sync_data()?;
        }
        Ok(())
    }

    fn read(&self, table: Table, keys: &[u64], each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Fault> {
        let mut buffer = Vec::new();
        for &key in keys {
            if !self.slot(slot(table, key), &mut buffer)? {
                return Err(absent(table, key));
            }
            match table {
                Table::Pages | Table::Summaries => each(key, &buffer),
                Table::Names => {
                    let row = buffer
                        .chunks_exact(12)
                        .find(|row| row.starts_with(&key.to_le_bytes()));
                    each(
                        key,
                        row.and_then(|row| row.get(8..))
                            .ok_or_else(|| absent(table, key))?,
                    );
                }
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Result<bool, Fault> {
        let mut buffer = Vec::new();
        let places = (0..BUCKETS).map(|bucket| (bucket * BUCKET, BUCKET));
        let places = places.chain((0..PAGES).map(|page| slot(Table::Pages, page)));
        let places = places.chain((0..PAGES).map(|page| slot(Table::Pages, BLOBS + page)));
        for place in places.chain((1..=MESSAGES).map(|uid| slot(Table::Summaries, uid))) {
            self.slot(place, &mut buffer)?;
        }
        Ok(true)
    }
}
