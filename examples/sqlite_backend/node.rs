//! One process on the database: a hub for each mailbox that its sessions have open, and when the hubs read the log.

use imap_backend::{Error, ErrorKind, MailboxName};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{
    Access, Event, Flags, Hubs, InvalidKeyword, Limits, LogHub, Origin, Page, Recency, Selection,
};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior};
use std::sync::Arc;
use std::time::Duration;

/// A process of several: nothing connects it with the others but the database. Clones are the same process.
#[derive(Clone)]
pub(crate) struct Node(Arc<Shared>);

struct Shared {
    connection: Mutex<Connection>,
    hubs: Hubs<i64, LogHub>,
}

/// For `?` on what the driver answers.
pub(crate) trait OrUnavailable<T> {
    fn or_unavailable(self) -> Result<T, Error>;
}

impl<T> OrUnavailable<T> for rusqlite::Result<T> {
    fn or_unavailable(self) -> Result<T, Error> {
        self.map_err(|error| Error::new(ErrorKind::Unavailable).with_source(error))
    }
}

impl Node {
    pub(crate) fn new(connection: Connection) -> Result<Self, Error> {
        connection.busy_timeout(Duration::from_secs(10)).or_unavailable()?;
        // What is answered is on the disk, and who reads does not wait for who writes.
        connection.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = full").or_unavailable()?;
        if !connection.table_exists(None, "mailboxes").or_unavailable()? {
            connection.execute_batch(include_str!("schema.sql")).or_unavailable()?;
        }
        // So many hubs are kept for mailboxes that nobody has open, because opening one reads the whole mailbox.
        Ok(Self(Arc::new(Shared { connection: Mutex::new(connection), hubs: Hubs::new(256) })))
    }

    /// Runs blocking work on a thread that may block. What has begun there is not cancelled when the connection is lost.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let node = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&node)).await;
        done.map_err(|panic| Error::new(ErrorKind::ServerBug).with_source(panic))?
    }

    /// Queries in one consistent view.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        transaction(&mut self.0.connection.lock(), TransactionBehavior::Deferred, work)
    }

    /// A transaction that changes these mailboxes, after which their sessions are told what the log says of it. It is never
    /// published directly: others may have committed before it, and have to be told first.
    pub(crate) fn change<T>(
        &self,
        mailboxes: &[i64],
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let answer = transaction(&mut self.0.connection.lock(), TransactionBehavior::Immediate, work)?;
        for &id in mailboxes {
            if let Some(hub) = self.0.hubs.get(&id)
                && let Err(error) = self.catch_up(id, &hub)
            {
                eprintln!("the log could not be read: {error}"); // what is committed stands; the next poll tells it
            }
        }
        Ok(answer)
    }

    /// Reads the log: after each commit of ours, and when a client asks for news or idles.
    pub(crate) fn catch_up(&self, id: i64, hub: &LogHub) -> Result<(), Error> {
        let caught_up = hub.catch_up_blocking(|after| {
            let mut connection = self.0.connection.lock();
            if hub.sessions() == 0 {
                let read = |db: &Connection| page(db, id, Some(after), &UidSet::new());
                return transaction(&mut connection, TransactionBehavior::Deferred, read);
            }
            transaction(&mut connection, TransactionBehavior::Immediate, |db| {
                let recent = claim_recent(db, id)?;
                page(db, id, Some(after), &recent)
            })
        })?;
        report(caught_up.hidden());
        Ok(())
    }

    /// SELECT and EXAMINE: hub, session and what is reported, all of one moment.
    pub(crate) fn open(&self, id: i64, access: Access) -> Result<(LogHub, Selection), Error> {
        let hub = self.0.hubs.get_or_open(id, || {
            let whole = self.read(|db| page(db, id, None, &UidSet::new()))?;
            LogHub::open(whole, Limits::default()).map_err(|_| Error::new(ErrorKind::NonExistent)) // it was deleted
        })?;
        // Under this lock nobody else of this process reads the log: whoever does so later finds the session there, and
        // claims what is recent for it.
        let mut connection = self.0.connection.lock();
        let (recent, page) = transaction(&mut connection, TransactionBehavior::Immediate, |db| {
            let recent = match access {
                Access::ReadWrite => claim_recent(db, id)?,
                Access::ReadOnly => unclaimed(db, id)?,
            };
            Ok((recent, page(db, id, Some(hub.cursor()), &UidSet::new())?))
        })?;
        report(hub.apply(page).hidden());
        match hub.closed() {
            Some(_) => Err(ErrorKind::NonExistent.into()),
            None => Ok((hub.clone(), hub.select_with_recent(access, &recent))),
        }
    }
}

fn transaction<T>(
    connection: &mut Connection,
    kind: TransactionBehavior,
    work: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let transaction = connection.transaction_with_behavior(kind).or_unavailable()?;
    let answer = work(&transaction)?; // dropped, it is rolled back
    transaction.commit().or_unavailable()?;
    Ok(answer)
}

/// UIDs that became visible in another order than they were given: a fault of who writes into the database.
fn report(hidden: &UidSet) {
    if !hidden.is_empty() {
        eprintln!("messages cannot be shown, because some with higher UIDs were shown before: {hidden:?}");
    }
}

/// A page of the log: what changed after a version; the whole mailbox if the hub has nothing yet.
fn page(db: &Connection, id: i64, after: Option<ModSeq>, recent: &UidSet) -> Result<Page, Error> {
    let sql = "SELECT modseq, uid_next FROM mailboxes WHERE id = ?1";
    let row = db.query_row(sql, [id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let Some((modseq, uid_next)) = row.optional().or_unavailable()? else { return Ok(Page::deleted()) };
    let upto = modseq.try_into()?;
    let page = after.map_or(Page::whole(upto), |after| Page::changes(after, upto));
    let mut page = page.uid_next(Uid::try_from(uid_next).ok()); // UIDs can be used up
    let sql = "SELECT modseq, uid, maker, flags FROM messages WHERE mailbox = ?1 AND modseq > ?2
               UNION ALL SELECT modseq, uid, 0, NULL FROM expunged WHERE mailbox = ?1 AND modseq > ?2";
    let mut statement = db.prepare_cached(sql).or_unavailable()?;
    let mut rows = statement.query((id, after.map_or(0, i64::from))).or_unavailable()?;
    while let Some(row) = rows.next().or_unavailable()? {
        page.push(event(row, recent)?);
    }
    Ok(page)
}

fn event(row: &Row<'_>, recent: &UidSet) -> Result<Event, Error> {
    let number = |column| row.get::<_, i64>(column).or_unavailable();
    let (version, uid) = (number(0)?.try_into()?, number(1)?.try_into()?);
    let Some(flags) = row.get::<_, Option<String>>(3).or_unavailable()? else {
        return Ok(Event::gone(version, uid));
    };
    let recency = if recent.contains(uid) { Recency::Recent } else { Recency::NotRecent };
    Ok(Event::present(version, uid, flags_of(&flags)?).by(Origin::from_i64(number(2)?)).recency(recency))
}

/// Flags are kept as `to_string` writes them.
pub(crate) fn flags_of(column: &str) -> Result<Flags, Error> {
    column.parse().map_err(|error: InvalidKeyword| Error::new(ErrorKind::Corruption).with_source(error))
}

/// The mod-sequence of what this transaction changes in the mailbox, and the first of so many UIDs: allocated in the
/// transaction that uses them, so that both become visible in their order.
pub(crate) fn take(db: &Connection, id: i64, uids: u64) -> Result<(i64, i64), Error> {
    let sql = "UPDATE mailboxes SET modseq = modseq + 1, uid_next = uid_next + ?2
               WHERE id = ?1 AND uid_next + ?2 <= 4294967296 RETURNING modseq, uid_next - ?2";
    let row = db.query_row(sql, (id, uids.cast_signed()), |row| Ok((row.get(0)?, row.get(1)?)));
    row.optional().or_unavailable()?.ok_or(ErrorKind::Limit.into())
}

/// The messages that no session of any process was told of.
fn unclaimed(db: &Connection, id: i64) -> Result<UidSet, Error> {
    let sql = "SELECT recent_from, uid_next - 1 FROM mailboxes WHERE id = ?1 AND recent_from < uid_next";
    let row = db.query_row(sql, [id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let mut unclaimed = UidSet::new();
    if let Some((first, last)) = row.optional().or_unavailable()? {
        unclaimed.insert_range(first.try_into()?, last.try_into()?);
    }
    Ok(unclaimed)
}

/// They are `\Recent` for a session of this process from now on, and for no other. No change that a client sees, so no
/// mod-sequence.
fn claim_recent(db: &Connection, id: i64) -> Result<UidSet, Error> {
    let unclaimed = unclaimed(db, id)?;
    if !unclaimed.is_empty() {
        db.execute("UPDATE mailboxes SET recent_from = uid_next WHERE id = ?1", [id]).or_unavailable()?;
    }
    Ok(unclaimed)
}

/// A mailbox by its name. Its number is its UIDVALIDITY too.
pub(crate) fn find(db: &Connection, name: &MailboxName, missing: ErrorKind) -> Result<i64, Error> {
    let sql = "SELECT id FROM mailboxes WHERE name = ?1";
    let id = db.query_row(sql, [name.as_str()], |row| row.get(0)).optional().or_unavailable()?;
    id.ok_or(missing.into())
}
