//! The database: three tables, transactions, and a notification. It knows nothing of IMAP servers. An SQL database does the
//! same; the comments say with which statements.
//!
//! ```sql
//! CREATE TABLE mailboxes (id BIGINT PRIMARY KEY, name TEXT UNIQUE, version BIGINT, uid_next BIGINT,
//!                         recent_from BIGINT, log_begins BIGINT);
//! CREATE TABLE messages (mailbox BIGINT, uid BIGINT, version BIGINT, maker BIGINT, flags TEXT, seconds BIGINT,
//!                        zone_minutes INTEGER, octets BYTEA, PRIMARY KEY (mailbox, uid));
//! CREATE INDEX ON messages (mailbox, version);
//! CREATE TABLE tombstones (mailbox BIGINT, version BIGINT, uid BIGINT, PRIMARY KEY (mailbox, version, uid));
//! ```

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::broadcast;

/// The most rows of one read of the log, but for those of one version, which come together.
const LIMIT: usize = 1_000;

#[derive(Clone, Default)]
pub(crate) struct MessageRow {
    pub(crate) uid: i64,
    /// That of the transaction which changed the row last.
    pub(crate) version: i64,
    /// Which session that was; 0 for everybody else.
    pub(crate) maker: i64,
    pub(crate) flags: String,
    pub(crate) seconds: i64,
    pub(crate) zone_minutes: i32,
    pub(crate) octets: Bytes,
}

#[derive(Clone, Default)]
pub(crate) struct MailboxRow {
    name: String,
    /// Every transaction that changes the mailbox raises it.
    pub(crate) version: i64,
    pub(crate) uid_next: i64,
    /// From this UID on, messages are `\Recent`: nobody has selected the mailbox since they came.
    pub(crate) recent_from: i64,
    /// Tombstones up to this version were cleared.
    pub(crate) log_begins: i64,
    pub(crate) messages: BTreeMap<i64, MessageRow>,
    /// Version and UID.
    tombstones: BTreeSet<(i64, i64)>,
}

/// A row of the log: a message that is there, or, without flags, one that was expunged.
pub(crate) struct LogRow {
    pub(crate) version: i64,
    pub(crate) uid: i64,
    pub(crate) maker: i64,
    pub(crate) flags: Option<String>,
}

#[derive(Debug)]
pub(crate) enum DatabaseError {
    NoSuchMailbox,
    NameIsTaken,
}

#[derive(Clone, Default)]
pub(crate) struct Tables {
    mailboxes: BTreeMap<i64, MailboxRow>,
    last_id: i64,
}

impl Tables {
    /// SELECT id FROM mailboxes WHERE name = :name
    pub(crate) fn find(&self, name: &str) -> Option<i64> {
        self.mailboxes.iter().find(|(_, mailbox)| mailbox.name == name).map(|(&id, _)| id)
    }
    /// SELECT name FROM mailboxes
    pub(crate) fn names(&self) -> Vec<String> {
        self.mailboxes.values().map(|mailbox| mailbox.name.clone()).collect()
    }
    /// SELECT .. FROM mailboxes WHERE id = :id
    pub(crate) fn mailbox(&self, id: i64) -> Result<&MailboxRow, DatabaseError> {
        self.mailboxes.get(&id).ok_or(DatabaseError::NoSuchMailbox)
    }
}

impl MailboxRow {
    /// SELECT uid, version, maker, flags FROM messages
    pub(crate) fn listing(&self) -> impl Iterator<Item = LogRow> {
        self.messages.values().map(|message| {
            let &MessageRow { uid, version, maker, .. } = message;
            LogRow { version, uid, maker, flags: Some(message.flags.clone()) }
        })
    }
    /// SELECT version, uid, maker, flags FROM messages WHERE version > :after
    /// UNION ALL SELECT version, uid, 0, NULL FROM tombstones WHERE version > :after
    /// ORDER BY version FETCH FIRST 1000 ROWS WITH TIES
    pub(crate) fn log(&self, after: i64) -> Vec<LogRow> {
        let present = self.listing().filter(|row| row.version > after);
        let gone =
            self.expunged_since(after).map(|(version, uid)| LogRow { version, uid, maker: 0, flags: None });
        let mut rows: Vec<_> = present.chain(gone).collect();
        rows.sort_by_key(|row| row.version);
        let last = rows.get(LIMIT - 1).map_or(self.version, |row| row.version);
        rows.retain(|row| row.version <= last);
        rows
    }
    /// SELECT version, uid FROM tombstones WHERE version > :since
    pub(crate) fn expunged_since(&self, since: i64) -> impl Iterator<Item = (i64, i64)> {
        self.tombstones.range((since + 1, 0)..).copied()
    }
    /// SELECT count(*) FROM messages WHERE flags NOT LIKE '%\Seen%'
    pub(crate) fn unseen(&self) -> usize {
        self.messages.values().filter(|message| !message.flags.contains("\\Seen")).count()
    }
}

/// A connection. Clones are to the same database.
#[derive(Clone)]
pub(crate) struct Database {
    tables: Arc<Mutex<Tables>>,
    hints: broadcast::Sender<i64>,
}

impl Database {
    /// With an INBOX.
    pub(crate) fn new() -> Self {
        let inbox = MailboxRow { name: "INBOX".into(), version: 1, uid_next: 1, ..MailboxRow::default() };
        let tables = Tables { mailboxes: [(1, inbox)].into(), last_id: 1 };
        Self { tables: Arc::new(Mutex::new(tables)), hints: broadcast::Sender::new(16) }
    }
    /// LISTEN: in which mailbox something changed, and no more. Who is slow misses hints.
    pub(crate) fn listen(&self) -> broadcast::Receiver<i64> {
        self.hints.subscribe()
    }
    /// Queries in one consistent view of what was committed.
    pub(crate) fn read<T>(&self, queries: impl FnOnce(&Tables) -> T) -> T {
        queries(&self.tables.lock())
    }
    /// BEGIN
    pub(crate) fn begin(&self) -> Transaction<'_> {
        let committed = self.tables.lock();
        Transaction { tables: committed.clone(), committed, changed: BTreeSet::new(), hints: &self.hints }
    }
}

/// Dropped, it is rolled back.
pub(crate) struct Transaction<'d> {
    committed: MutexGuard<'d, Tables>,
    tables: Tables,
    changed: BTreeSet<i64>,
    hints: &'d broadcast::Sender<i64>,
}

impl Deref for Transaction<'_> {
    type Target = Tables;
    fn deref(&self) -> &Tables {
        &self.tables
    }
}

impl Transaction<'_> {
    /// UPDATE mailboxes SET version = version + 1 WHERE id = :id RETURNING version
    ///
    /// Once in a transaction, before anything is written: it takes the lock of the row, so that the versions and the UIDs
    /// of a mailbox become visible in their order.
    fn change(&mut self, id: i64) -> Result<&mut MailboxRow, DatabaseError> {
        let mailbox = self.tables.mailboxes.get_mut(&id).ok_or(DatabaseError::NoSuchMailbox)?;
        mailbox.version += i64::from(self.changed.insert(id));
        Ok(mailbox)
    }
    /// UPDATE mailboxes SET uid_next = uid_next + 1 ..; INSERT INTO messages ..; gives the UID.
    pub(crate) fn insert(&mut self, id: i64, message: MessageRow) -> Result<i64, DatabaseError> {
        let mailbox = self.change(id)?;
        let (uid, version) = (mailbox.uid_next, mailbox.version);
        mailbox.uid_next += 1;
        mailbox.messages.insert(uid, MessageRow { uid, version, maker: 0, ..message });
        Ok(uid)
    }
    /// UPDATE messages SET flags = :flags, maker = :maker, version = :version WHERE uid = :uid
    pub(crate) fn set_flags(
        &mut self,
        id: i64,
        uid: i64,
        flags: String,
        maker: i64,
    ) -> Result<(), DatabaseError> {
        let mailbox = self.change(id)?;
        if let Some(row) = mailbox.messages.get_mut(&uid) {
            (row.flags, row.maker, row.version) = (flags, maker, mailbox.version);
        }
        Ok(())
    }
    /// DELETE FROM messages WHERE uid = :uid; INSERT INTO tombstones ..
    pub(crate) fn remove(&mut self, id: i64, uid: i64) -> Result<(), DatabaseError> {
        let mailbox = self.change(id)?;
        if mailbox.messages.remove(&uid).is_some() {
            mailbox.tombstones.insert((mailbox.version, uid));
        }
        Ok(())
    }
    /// DELETE FROM tombstones ..; UPDATE mailboxes SET log_begins = version ..
    pub(crate) fn clear_tombstones(&mut self, id: i64) -> Result<(), DatabaseError> {
        let mailbox = self.change(id)?;
        mailbox.tombstones.clear();
        mailbox.log_begins = mailbox.version;
        Ok(())
    }
    /// UPDATE mailboxes SET recent_from = greatest(recent_from, :uid): no change that a client sees, so no version.
    pub(crate) fn claim_recent(&mut self, id: i64, below: i64) -> Result<(), DatabaseError> {
        let mailbox = self.tables.mailboxes.get_mut(&id).ok_or(DatabaseError::NoSuchMailbox)?;
        mailbox.recent_from = mailbox.recent_from.max(below);
        Ok(())
    }
    /// INSERT INTO mailboxes ..: the key comes from a sequence, so no later mailbox has it, nor a lower one.
    pub(crate) fn create(&mut self, name: &str) -> Result<(), DatabaseError> {
        if self.find(name).is_some() {
            return Err(DatabaseError::NameIsTaken);
        }
        self.tables.last_id += 1;
        let mailbox = MailboxRow { name: name.into(), version: 1, uid_next: 1, ..MailboxRow::default() };
        self.tables.mailboxes.insert(self.tables.last_id, mailbox);
        Ok(())
    }
    /// DELETE FROM mailboxes WHERE id = :id
    pub(crate) fn delete(&mut self, id: i64) -> Result<(), DatabaseError> {
        self.changed.insert(id);
        self.tables.mailboxes.remove(&id).map(drop).ok_or(DatabaseError::NoSuchMailbox)
    }
    /// COMMIT, then NOTIFY. Answers which mailboxes changed.
    pub(crate) fn commit(mut self) -> BTreeSet<i64> {
        *self.committed = self.tables;
        drop(self.committed);
        for &id in &self.changed {
            let _nobody_listens = self.hints.send(id);
        }
        self.changed
    }
}
