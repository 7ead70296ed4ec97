//! The file `dovecot-uidlist` of one mailbox: what it said last, whether it changed since, and how it grows.
//!
//! Of a list of a million lines not all stays in memory: records whose files were looked for are known to the index.
//!
//! Readers take no lock. Writers hold the dotlock `dovecot-uidlist.lock`, read again what others added, and only then give out
//! UIDs. A UID is on disk, synced, before anybody sees it.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::disk::control_file::{self, Replacement};
use crate::disk::directory::Directory;
use crate::disk::dotlock::Dotlock;
use crate::disk::storage::{self, FileVersion, OpenFor, StoredFile};
use crate::format::index::ListNote;
use crate::format::object_ids::MailboxGuid;
use crate::format::uidlist::{
    Fault, Header, Parsed, SavedAt, UidRecord, first_line, parse, parse_appended, write,
};

/// Its name.
pub(crate) const FILE_NAME: &str = "dovecot-uidlist";
const TEMPORARY_NAME: &str = "dovecot-uidlist.tmp";
/// Courier's list, read when there is no other.
const COURIER_FILE_NAME: &str = "courierimapuiddb";

/// What is read of a list at most, octets: that of five million messages and more.
const LARGEST: u64 = 512 << 20;

/// What is read of a list for its first line: that of ours has some 60 octets.
const LONGEST_FIRST_LINE: u64 = 4096;

/// So much memory is reserved on the word of a file's size: a list of two million lines.
const MOST_RESERVED: usize = 128 << 20;

/// What reading again brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// Records were added; all others are as they were.
    Appended,
    /// The list was written anew: any record may be gone or different.
    Replaced,
    /// The list is another one: UIDs known so far mean nothing any more.
    UidValidity,
    /// The file is gone; what was known still counts and has to be written again.
    Missing,
}

/// Whether the caller holds the lock: only then is an unfinished last line known to be torn rather than on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading<'a> {
    /// Without the lock.
    Unlocked,
    /// With it.
    Locked(&'a Dotlock),
}

/// Which records are in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordsHeld {
    All,
    /// All but those that were settled: the file has them.
    Unsettled,
}

/// What is known of records that are not in memory, for a list whose file is lost.
pub(crate) type KnownRecords<'a> = &'a dyn Fn() -> io::Result<Vec<UidRecord>>;

/// The list in memory.
#[derive(Debug)]
pub(crate) struct UidListFile {
    header: Header,
    /// Ascending: all, or those that were not settled yet.
    records: Vec<UidRecord>,
    held: RecordsHeld,
    /// How many the file has.
    count: usize,
    by_base: ByBase,
    /// The largest UID that was ever used, as far as the file tells.
    highest: u32,
    version: Option<FileVersion>,
    /// Octets read: up to the end of a whole line.
    offset: u64,
    /// Empty when records may simply be appended.
    faults: Vec<Fault>,
}

impl UidListFile {
    /// Reads the list, or makes one: from Courier's, else empty with a new UIDVALIDITY.
    ///
    /// # Errors
    /// As the system says; [`Held`](crate::disk::dotlock::Held) while there is no list and another program has locked it.
    pub(crate) fn open(
        directory: &Directory,
        uid_validity: impl FnOnce() -> io::Result<u32>,
    ) -> io::Result<Self> {
        if let Some(list) = Self::read(directory)? {
            return Ok(list);
        }
        let lock = Dotlock::take(directory.root(), FILE_NAME, directory.sharing())?;
        if let Some(list) = Self::read(directory)? {
            return Ok(list);
        }
        let courier = read_courier(directory)?.and_then(|parsed| Self::of(parsed, None));
        let mut list = match courier {
            Some(list) => list,
            None => Self::empty(Header {
                uid_validity: uid_validity()?,
                next_uid: 1,
                guid: Some(crate::disk::random::guid()?.into()),
                others: Vec::new(),
            }),
        };
        list.rewrite(directory, &lock, &|| Ok(Vec::new()), |_| Keep::Yes)?;
        Ok(list)
    }

    /// The mailbox's identifier; where the list has none, the one that it will get when it is written anew.
    pub(crate) fn guid(&self, directory: &Directory) -> io::Result<MailboxGuid> {
        if let Some(guid) = self.header.guid.as_deref().and_then(MailboxGuid::new) {
            return Ok(guid);
        }
        let (_, inode) = storage::status_of(directory.root())?.identity.into();
        Ok(MailboxGuid::of_directory(inode, self.header.uid_validity))
    }

    /// Has the file say the mailbox's identifier, if there is a list that says none: other programs go by the file.
    ///
    /// # Errors
    /// As the system says; [`Held`](crate::disk::dotlock::Held) while another program has locked it.
    pub(crate) fn write_guid(directory: &Directory, guid: MailboxGuid) -> io::Result<()> {
        let lock = Dotlock::take(directory.root(), FILE_NAME, directory.sharing())?;
        let Some(mut list) = Self::read(directory)?.filter(|list| list.header.guid.is_none()) else {
            return Ok(());
        };
        list.refresh(directory, Reading::Locked(&lock))?;
        list.header.guid = Some(guid.digits().into());
        list.rewrite(directory, &lock, &|| Ok(Vec::new()), |_| Keep::Yes)
    }

    /// The list as it was when [`note`](Self::note) was taken.
    pub(crate) fn of_note(note: &ListNote) -> Self {
        Self {
            header: Header {
                uid_validity: note.uid_validity,
                next_uid: note.next_uid,
                guid: note.guid.as_deref().map(Into::into),
                others: note.others.iter().map(|field| field.as_str().into()).collect(),
            },
            records: Vec::new(),
            held: RecordsHeld::Unsettled,
            count: usize::try_from(note.records).unwrap_or(usize::MAX),
            by_base: ByBase::default(),
            highest: note.highest,
            version: Some(note.version.into()),
            offset: note.offset,
            faults: Vec::new(),
        }
    }

    /// What makes a list of which no record is needed; none where the file has to be written anew.
    pub(crate) fn note(&self) -> Option<ListNote> {
        let version = self.version.filter(|_| self.faults.is_empty())?;
        Some(ListNote {
            uid_validity: self.header.uid_validity,
            next_uid: self.header.next_uid,
            guid: self.header.guid.as_deref().map(Into::into),
            others: self.header.others.iter().map(|field| (**field).into()).collect(),
            highest: self.highest,
            version: version.into(),
            offset: self.offset,
            records: self.count as u64,
        })
    }

    /// Lets go of the records up to this UID: the index knows their messages, or they have none. A list that has to be written
    /// anew keeps them.
    pub(crate) fn settle(&mut self, up_to: u32) {
        if self.version.is_none() || !self.faults.is_empty() {
            return;
        }
        self.held = RecordsHeld::Unsettled;
        let settled = self.records.partition_point(|record| record.uid <= up_to);
        self.records.drain(..settled);
        self.records.shrink_to_fit();
        self.by_base = ByBase::of(&self.records);
    }

    /// Makes sure that all records are in memory.
    fn hold_all(&mut self, directory: &Directory, known: KnownRecords<'_>) -> io::Result<()> {
        if self.held == RecordsHeld::All {
            return Ok(());
        }
        let of_file = match self.version {
            Some(_) => Self::read(directory)?.filter(|list| list.version == self.version),
            None => None,
        };
        let mut all = match of_file {
            Some(list) => list.records,
            None => known()?,
        };
        let last = all.last().map_or(0, |record| record.uid);
        all.extend(self.records.drain(..).filter(|record| record.uid > last));
        self.by_base = ByBase::of(&all);
        self.records = all;
        self.held = RecordsHeld::All;
        Ok(())
    }

    /// Reads the list without making one; `None` when there is none or its header is lost.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn read(directory: &Directory) -> io::Result<Option<Self>> {
        let Some(mut file) = control_file::open(directory.root(), FILE_NAME, OpenFor::Reading)? else {
            return Ok(None);
        };
        let version = file.status()?.version();
        let size = usize::try_from(version.size).unwrap_or(usize::MAX);
        let mut octets = Vec::with_capacity(size.min(MOST_RESERVED));
        read_on(&mut file, &mut octets)?;
        let parsed = parse(&octets);
        drop(octets);
        Ok(Self::of(parsed, Some(version)))
    }

    fn empty(header: Header) -> Self {
        let faults = vec![Fault::Outdated];
        Self {
            header,
            records: Vec::new(),
            held: RecordsHeld::All,
            count: 0,
            by_base: ByBase::default(),
            highest: 0,
            version: None,
            offset: 0,
            faults,
        }
    }

    fn of(parsed: Parsed, version: Option<FileVersion>) -> Option<Self> {
        let header = parsed.header?;
        let mut list = Self {
            header,
            by_base: ByBase::of(&parsed.records),
            count: parsed.records.len(),
            records: parsed.records,
            held: RecordsHeld::All,
            highest: parsed.highest,
            version,
            offset: parsed.complete,
            faults: parsed.faults,
        };
        // Without the lock, an unfinished line may be on its way.
        list.faults.retain(|fault| *fault != Fault::Torn);
        if version.is_none() {
            list.faults.push(Fault::Outdated);
        }
        Some(list)
    }

    /// UIDVALIDITY.
    #[must_use]
    pub(crate) fn uid_validity(&self) -> u32 {
        self.header.uid_validity
    }

    /// The file as it was when it was last read or written; none when it has to be written anew.
    pub(crate) fn version(&self) -> Option<FileVersion> {
        self.version
    }

    /// UIDNEXT: above every UID that was ever given; `u32::MAX` when there is none left.
    #[must_use]
    pub(crate) fn next_uid(&self) -> u32 {
        self.header.next_uid.max(self.highest.saturating_add(1))
    }

    /// The records in memory above a UID, ascending. A record does not mean that the file still exists.
    pub(crate) fn records_above(&self, uid: u32) -> &[UidRecord] {
        &self.records[self.records.partition_point(|record| record.uid <= uid)..]
    }

    /// Whether a message that had its UID by this list has it still: a list that was not read anew since has changed none.
    pub(crate) fn still_has(&self, uid: u32, base: &[u8]) -> bool {
        match self.held {
            RecordsHeld::All => self.uid_of(base) == Some(uid),
            RecordsHeld::Unsettled => self.uid_of(base).is_none_or(|now| now == uid),
        }
    }

    /// The UID of a base name, by the records in memory.
    #[must_use]
    pub(crate) fn uid_of(&self, base: &[u8]) -> Option<u32> {
        self.by_base.get(&self.records, base)
    }

    /// Reads again what changed on disk.
    ///
    /// # Errors
    /// As the system says; what was known stays.
    pub(crate) fn refresh(&mut self, directory: &Directory, reading: Reading<'_>) -> io::Result<Change> {
        if let Reading::Locked(lock) = reading {
            lock.keep()?;
        }
        let Some(mut file) = control_file::open(directory.root(), FILE_NAME, OpenFor::Reading)? else {
            self.version = None;
            return Ok(Change::Missing);
        };
        let version = file.status()?.version();
        let torn = matches!(reading, Reading::Locked(_)) && version.size > self.offset;
        if self.version == Some(version) && !torn {
            return Ok(Change::None);
        }
        let grown = self
            .version
            .is_some_and(|old| old.identity == version.identity && (old.size < version.size || torn));
        if grown && self.faults.is_empty() && self.offset > 0 {
            return self.read_tail(file, version, reading);
        }
        let mut octets = Vec::new();
        read_on(&mut file, &mut octets)?;
        self.reload(parse(&octets), version, reading)
    }

    fn read_tail(
        &mut self,
        mut file: StoredFile,
        version: FileVersion,
        reading: Reading<'_>,
    ) -> io::Result<Change> {
        // One octet more: if the last line's end is not where it was, this is not an append.
        file.read_from(self.offset - 1)?;
        let mut octets = Vec::new();
        read_on(&mut file, &mut octets)?;
        if octets.first() != Some(&b'\n') {
            file.read_from(0)?;
            octets.clear();
            read_on(&mut file, &mut octets)?;
            return self.reload(parse(&octets), version, reading);
        }
        let parsed = parse_appended(&octets[1..], self.highest);
        self.version = Some(version);
        self.offset += parsed.complete;
        self.highest = self.highest.max(parsed.highest);
        self.note_faults(parsed.faults, parsed.torn_uid, reading);
        if parsed.records.is_empty() {
            return Ok(Change::None);
        }
        for record in parsed.records {
            self.add(record);
        }
        Ok(Change::Appended)
    }

    fn reload(&mut self, parsed: Parsed, version: FileVersion, reading: Reading<'_>) -> io::Result<Change> {
        let (faults, torn_uid) = (parsed.faults.clone(), parsed.torn_uid);
        let Some(list) = Self::of(parsed, Some(version)) else {
            if matches!(reading, Reading::Unlocked) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the UID list's header cannot be read",
                ));
            }
            // Damaged while we know better: to be written again from memory.
            self.version = None;
            return Ok(Change::Missing);
        };
        let change = if list.uid_validity() == self.uid_validity() {
            Change::Replaced
        } else {
            Change::UidValidity
        };
        let (next_uid, guid) = (self.next_uid(), self.header.guid.take());
        *self = list;
        if change == Change::Replaced {
            // Clients may have been told the one that it had.
            self.header.guid = self.header.guid.take().or(guid);
            // A lowered next UID must not make a UID come back.
            self.header.next_uid = self.header.next_uid.max(next_uid);
        }
        self.faults.clear();
        self.note_faults(faults, torn_uid, reading);
        Ok(change)
    }

    fn note_faults(&mut self, faults: Vec<Fault>, torn_uid: u32, reading: Reading<'_>) {
        let locked = matches!(reading, Reading::Locked(_));
        if locked {
            self.highest = self.highest.max(torn_uid);
        }
        self.faults
            .extend(faults.into_iter().filter(|fault| locked || *fault != Fault::Torn));
    }

    fn add(&mut self, record: UidRecord) {
        self.highest = self.highest.max(record.uid);
        if let Some(earlier) = self.by_base.remove(&self.records, &record.base) {
            self.records.retain(|old| old.uid != earlier);
        }
        self.count += 1;
        self.records.push(record);
        self.by_base.add_last(&self.records);
    }

    /// When the message of a UID came into the mailbox, where the list says so.
    pub(crate) fn saved_at(&self, uid: u32) -> Option<SavedAt> {
        let at = self
            .records
            .binary_search_by_key(&uid, |record| record.uid)
            .ok()?;
        self.records[at].saved
    }

    /// Gives each base name the next UID, in order, and makes that durable. `saved` is now.
    ///
    /// The caller has refreshed the list under this lock. On failure none of the names has a UID, and numbers that another
    /// program may have read are not used again.
    ///
    /// # Errors
    /// As the system says; `StorageFull` with [`UidsExhausted`] inside when no UID is left.
    pub(crate) fn assign(
        &mut self,
        directory: &Directory,
        lock: &Dotlock,
        names: Vec<Arc<[u8]>>,
        saved: Option<SavedAt>,
        known: KnownRecords<'_>,
    ) -> io::Result<Vec<u32>> {
        let first = self.next_uid();
        // The largest number is no UID: a next UID above it could not be said.
        let count = u32::try_from(names.len())
            .ok()
            .filter(|&count| count <= u32::MAX - first);
        let Some(count) = count else {
            return Err(io::Error::new(io::ErrorKind::StorageFull, UidsExhausted));
        };
        let uids: Vec<u32> = (first..first + count).collect();
        let records: Vec<UidRecord> = uids
            .iter()
            .zip(names)
            .map(|(&uid, base)| UidRecord {
                uid,
                saved,
                keys: Box::default(),
                base,
            })
            .collect();
        let file = self.open_to_append(directory)?;
        let before = self.highest;
        self.highest = before.max(first + count - 1);
        match file {
            Some(file) => self.append(file, lock, &records)?,
            None => {
                let held = self.hold_all(directory, known);
                if let Err(error) = held.and_then(|()| self.rewrite_with(directory, lock, &records)) {
                    // Nobody saw these numbers: a full disk must not use up UIDs, try by try.
                    self.highest = before;
                    return Err(error);
                }
            }
        }
        records.into_iter().for_each(|record| self.add(record));
        Ok(uids)
    }

    /// The file that lines can be added to; none where it has to be written anew.
    fn open_to_append(&mut self, directory: &Directory) -> io::Result<Option<StoredFile>> {
        if !self.faults.is_empty() || self.version.is_none() {
            return Ok(None);
        }
        let Some(file) = control_file::open(directory.root(), FILE_NAME, OpenFor::Appending)? else {
            self.version = None;
            return Ok(None);
        };
        let there = file.status()?.version();
        if self.version != Some(there) || there.size != self.offset {
            return Err(io::Error::other("the UID list changed although it is locked"));
        }
        Ok(Some(file))
    }

    fn append(&mut self, mut file: StoredFile, lock: &Dotlock, records: &[UidRecord]) -> io::Result<()> {
        let mut lines = Vec::new();
        records.iter().for_each(|record| record.write(&mut lines));
        // Whoever took it away may have given these numbers.
        lock.check()?;
        if let Err(error) = file.write_all(&lines).and_then(|()| file.sync_data()) {
            // Leave no torn line behind for a program that would append to it.
            let _ = file.truncate(self.offset);
            self.faults.push(Fault::Torn);
            return Err(error);
        }
        self.offset += lines.len() as u64;
        self.version = Some(file.status()?.version());
        Ok(())
    }

    fn rewrite_with(&mut self, directory: &Directory, lock: &Dotlock, added: &[UidRecord]) -> io::Result<()> {
        lock.check()?;
        let mut header = Header {
            next_uid: self.next_uid(),
            ..self.header.clone()
        };
        if header.guid.is_none() {
            header.guid = Some(self.guid(directory)?.digits().into());
        }
        let octets = write(&header, self.records.iter().chain(added));
        let replacement = Replacement {
            name: FILE_NAME,
            temporary: TEMPORARY_NAME,
            octets: &octets,
            mode: directory.file_mode(),
            modified: None,
        };
        let version = replacement.put(directory.root())?;
        self.header = header;
        self.version = Some(version);
        self.offset = octets.len() as u64;
        self.count = self.records.len();
        self.faults.clear();
        Ok(())
    }

    /// Whether the list is due for writing anew: broken, outdated, missing, or mostly about files that are gone.
    #[must_use]
    pub(crate) fn wants_rewrite(&self, messages: usize) -> Rewrite {
        // Dovecot's rule: fewer than three quarters of the lines are in use. Small lists are left alone.
        let mostly_gone = self.count > 16 && messages < self.count / 4 * 3;
        if mostly_gone || self.version.is_none() || !self.faults.is_empty() {
            Rewrite::Due
        } else {
            Rewrite::NotDue
        }
    }

    /// Writes the list anew with the records that are to be kept.
    ///
    /// # Errors
    /// As the system says; the old list stays.
    pub(crate) fn rewrite(
        &mut self,
        directory: &Directory,
        lock: &Dotlock,
        known: KnownRecords<'_>,
        keep: impl Fn(&UidRecord) -> Keep,
    ) -> io::Result<()> {
        self.hold_all(directory, known)?;
        self.header.next_uid = self.next_uid();
        self.records.retain(|record| keep(record) == Keep::Yes);
        self.by_base = ByBase::of(&self.records);
        self.rewrite_with(directory, lock, &[])
    }

    /// Forgets a base name in memory, because its file vanished: if it comes back, it gets a new UID.
    pub(crate) fn forget(&mut self, base: &[u8]) {
        self.by_base.remove(&self.records, base);
    }
}

/// The mailbox's identifier, as the list in this directory says it. None where there is no list, or it says none yet.
pub(crate) fn written_guid(directory: BorrowedFd<'_>) -> io::Result<Option<MailboxGuid>> {
    let octets = control_file::read(directory, FILE_NAME, LONGEST_FIRST_LINE)?;
    let header = octets.and_then(|octets| first_line(&octets));
    Ok(header.and_then(|header| MailboxGuid::new(&header.guid?)))
}

/// Whether a record stays in a list that is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It stays.
    Yes,
    /// Its file is gone.
    No,
}

/// Whether a list should be written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rewrite {
    /// It should.
    Due,
    /// It need not.
    NotDue,
}

/// All UIDs up to 2^32-2 are used; the mailbox takes no more messages.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the mailbox has no UID left to give")]
pub(crate) struct UidsExhausted;

/// The UIDs of records by base name: some ten octets a record.
#[derive(Debug, Default)]
struct ByBase {
    uids: HashTable<u32>,
    /// Of its own in each process, so that nobody can make many names meet.
    hasher: RandomState,
}

impl ByBase {
    /// Of two records with one base name, the later one counts.
    fn of(records: &[UidRecord]) -> Self {
        let mut all = Self {
            uids: HashTable::with_capacity(records.len()),
            hasher: RandomState::new(),
        };
        for end in 1..=records.len() {
            all.add_last(&records[..end]);
        }
        all
    }

    fn get(&self, records: &[UidRecord], base: &[u8]) -> Option<u32> {
        let is_it = |&uid: &u32| base_of(records, uid) == base;
        self.uids.find(self.hasher.hash_one(base), is_it).copied()
    }

    /// Adds the last of these records.
    fn add_last(&mut self, records: &[UidRecord]) {
        let Some(record) = records.last() else { return };
        let hash = self.hasher.hash_one(&*record.base);
        self.remove_hashed(records, hash, &record.base);
        let hash_of = |&uid: &u32| self.hasher.hash_one(base_of(records, uid));
        self.uids.insert_unique(hash, record.uid, hash_of);
    }

    /// Gives the UID that it had.
    fn remove(&mut self, records: &[UidRecord], base: &[u8]) -> Option<u32> {
        self.remove_hashed(records, self.hasher.hash_one(base), base)
    }

    fn remove_hashed(&mut self, records: &[UidRecord], hash: u64, base: &[u8]) -> Option<u32> {
        let is_it = |&uid: &u32| base_of(records, uid) == base;
        let taken = self.uids.find_entry(hash, is_it).ok()?;
        Some(taken.remove().0)
    }
}

/// The base name of the record with this UID; empty where there is none, as no message's is.
fn base_of(records: &[UidRecord], uid: u32) -> &[u8] {
    let at = records.binary_search_by_key(&uid, |record| record.uid);
    at.map_or(&[], |at| &records[at].base)
}

fn read_courier(directory: &Directory) -> io::Result<Option<Parsed>> {
    let Some(mut file) = control_file::open(directory.root(), COURIER_FILE_NAME, OpenFor::Reading)? else {
        return Ok(None);
    };
    let mut octets = Vec::new();
    control_file::read_on(&mut file, COURIER_FILE_NAME, LARGEST, &mut octets)?;
    Ok(Some(parse(&octets)))
}

fn read_on(file: &mut StoredFile, octets: &mut Vec<u8>) -> io::Result<()> {
    control_file::read_on(file, FILE_NAME, LARGEST, octets)
}

#[cfg(test)]
mod tests;
