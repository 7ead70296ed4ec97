//! `Mailbox`: the messages. Each command is one transaction, on a thread that may block.

use super::node::{Node, OrUnavailable as _, find, flags_of, take};
use bytes::Bytes;
use chrono::{DateTime, FixedOffset, TimeZone as _, Utc};
use imap_backend::*;
use imap_message::Summary;
use imap_seq::{Uid, UidSet};
use imap_updates::{LogHub, Origin};
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::sync::Arc;

/// A message that is about to be stored.
pub(crate) struct Message {
    flags: String,
    received: DateTime<FixedOffset>,
    summary: Vec<u8>,
    octets: Vec<u8>,
}

impl Message {
    pub(crate) fn new(how: &Append, octets: Vec<u8>) -> Self {
        let received = how.internal_date().unwrap_or_else(|| Utc::now().into());
        Self { flags: how.flags().to_string(), received, summary: Summary::of(&octets).to_bytes(), octets }
    }

    /// Stores it, in the transaction in which its UID is allocated.
    pub(crate) fn insert(&self, db: &Connection, id: i64) -> Result<i64, Error> {
        exists(db, id)?.then_some(()).ok_or(ErrorKind::TryCreate)?; // deleted while the message arrived
        let (modseq, uid) = take(db, id, 1)?;
        let (seconds, zone) = (self.received.timestamp(), self.received.offset().local_minus_utc() / 60);
        let sql = "INSERT INTO messages (mailbox, uid, modseq, flags, seconds, zone, summary, octets)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values = (id, uid, modseq, &self.flags, seconds, zone, &self.summary, &self.octets);
        db.execute(sql, values).or_unavailable()?;
        Ok(uid)
    }
}

fn exists(db: &Connection, id: i64) -> Result<bool, Error> {
    db.query_row("SELECT EXISTS (SELECT 1 FROM mailboxes WHERE id = ?1)", [id], |row| row.get(0))
        .or_unavailable()
}

/// A selected mailbox of one session.
pub(crate) struct Selected {
    pub(crate) node: Node,
    pub(crate) id: i64,
    pub(crate) hub: LogHub,
    pub(crate) origin: Origin,
}

#[derive(Clone, Copy, PartialEq)]
enum Originals {
    Stay,
    Go,
}

impl Mailbox for Selected {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Fetched, Error> {
        let (id, uids) = (self.id, uids.to_vec());
        self.node
            .blocking(move |node| {
                node.read(|db| uids.iter().map(|&uid| record(node, db, (id, uid), need)).collect())
            })
            .await
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        let (id, origin, uids, change) = (self.id, self.origin, uids.clone(), change.clone());
        self.node.blocking(move |node| node.change(&[id], |db| store(db, (id, origin), &uids, &change))).await
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        self.transfer(uids, target, Originals::Stay).await
    }
    async fn move_to(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        self.transfer(uids, target, Originals::Go).await
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        let (id, uids) = (self.id, uids.clone());
        self.node
            .blocking(move |node| {
                node.change(&[id], |db| {
                    let sql = r"SELECT uid FROM messages WHERE mailbox = ?1 AND flags LIKE '%\Deleted%'";
                    let mut statement = db.prepare(sql).or_unavailable()?;
                    let deleted = statement.query_map([id], |row| row.get(0)).or_unavailable()?;
                    for uid in deleted.collect::<Result<Vec<i64>, _>>().or_unavailable()? {
                        if uids.contains(uid.try_into()?) {
                            remove(db, id, uid)?;
                        }
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        if reason == PollReason::Passing {
            return Ok(()); // what others did comes with the next NOOP
        }
        let (id, hub) = (self.id, self.hub.clone());
        self.node.blocking(move |node| node.catch_up(id, &hub)).await
    }
}

impl Selected {
    /// COPY and MOVE: one transaction over both mailboxes, all or none.
    async fn transfer(
        &self,
        uids: &UidSet,
        target: &MailboxName,
        originals: Originals,
    ) -> Result<Copied, Error> {
        let (id, uids, target) = (self.id, uids.clone(), target.clone());
        self.node
            .blocking(move |node| {
                let to = node.read(|db| find(db, &target, ErrorKind::TryCreate))?;
                let pairs = node.change(&[to, id], |db| transfer(db, (id, &uids), to, originals))?;
                Ok(Copied::new(to.try_into()?, pairs))
            })
            .await
    }
}

/// What was changed since the client's `UNCHANGEDSINCE` stays as it is, and is named in the answer.
fn store(
    db: &Connection,
    (id, origin): (i64, Origin),
    uids: &UidSet,
    change: &FlagChange,
) -> Result<Stored, Error> {
    let (mut modified, mut modseq) = (UidSet::new(), None);
    for uid in uids.iter() {
        let sql = "SELECT modseq, flags FROM messages WHERE mailbox = ?1 AND uid = ?2";
        let columns = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
        let row = db.query_row(sql, (id, i64::from(uid)), columns).optional().or_unavailable()?;
        let Some((version, flags)) = row else { continue };
        let before = flags_of(&flags)?;
        let after = change.apply(&before);
        if !change.concerns(version.try_into()?) {
            modified.insert(uid);
        } else if after != before {
            // One mod-sequence for all. The row says whose flags these are: this session is not told of its own.
            let modseq = match modseq {
                Some(modseq) => modseq,
                None => *modseq.insert(take(db, id, 0)?.0),
            };
            let sql =
                "UPDATE messages SET flags = ?3, modseq = ?4, maker = ?5 WHERE mailbox = ?1 AND uid = ?2";
            let values = (id, i64::from(uid), after.to_string(), modseq, origin.to_i64());
            db.execute(sql, values).or_unavailable()?;
        }
    }
    Ok(Stored::default().with_modified(modified))
}

fn transfer(
    db: &Connection,
    (from, uids): (i64, &UidSet),
    to: i64,
    originals: Originals,
) -> Result<Vec<(Uid, Uid)>, Error> {
    let (modseq, first) = take(db, to, uids.len())?;
    let mut pairs = vec![];
    for (uid, copy) in uids.iter().zip(first..) {
        let sql = "INSERT INTO messages (mailbox, uid, modseq, flags, seconds, zone, summary, octets)
                   SELECT ?3, ?4, ?5, flags, seconds, zone, summary, octets
                   FROM messages WHERE mailbox = ?1 AND uid = ?2";
        match db.execute(sql, (from, i64::from(uid), to, copy, modseq)).or_unavailable()? {
            0 => return Err(ErrorKind::ExpungeIssued.into()),
            _ => pairs.push((uid, copy.try_into()?)),
        }
        if originals == Originals::Go {
            remove(db, from, uid.into())?;
        }
    }
    Ok(pairs)
}

/// A trigger writes the log.
fn remove(db: &Connection, id: i64, uid: i64) -> Result<(), Error> {
    let removed = db.execute("DELETE FROM messages WHERE mailbox = ?1 AND uid = ?2", (id, uid));
    removed.or_unavailable().map(drop)
}

fn record(node: &Node, db: &Connection, (id, uid): (i64, Uid), need: Need) -> Result<Option<Record>, Error> {
    let sql = "SELECT flags, modseq, seconds, zone, length(octets), summary FROM messages
               WHERE mailbox = ?1 AND uid = ?2";
    let mut statement = db.prepare_cached(sql).or_unavailable()?;
    let mut rows = statement.query((id, i64::from(uid))).or_unavailable()?;
    let Some(row) = rows.next().or_unavailable()? else { return Ok(None) };
    let size = row.get::<_, i64>(4).or_unavailable()?.cast_unsigned();
    let record = Record::new(uid, flags_of(&row.get::<_, String>(0).or_unavailable()?)?)
        .with_modseq(row.get::<_, i64>(1).or_unavailable()?.try_into()?)
        .with_internal_date(received(row).or_unavailable()?.ok_or(ErrorKind::Corruption)?)
        .with_size(size);
    let summary = row.get::<_, Option<Vec<u8>>>(5).or_unavailable()?;
    // The summary of a message that an administrator stored, or of another version, is made of the body.
    Ok(Some(match summary.and_then(|summary| Summary::from_bytes(&summary).ok()) {
        Some(summary) if !need.includes_octets() => record.with_summary(Arc::new(summary)),
        summary => {
            let record = record.with_body(Body::new(Octets { node: node.clone(), id, uid, size }));
            summary.into_iter().fold(record, |record, summary| record.with_summary(Arc::new(summary)))
        }
    }))
}

/// INTERNALDATE: the moment, in the zone that it was given in.
fn received(row: &Row<'_>) -> rusqlite::Result<Option<DateTime<FixedOffset>>> {
    let (seconds, zone) = (row.get(2)?, row.get::<_, i32>(3)?);
    Ok(FixedOffset::east_opt(zone.saturating_mul(60))
        .and_then(|zone| zone.timestamp_opt(seconds, 0).single()))
}

/// The octets of a message, read from the database a piece at a time: no other message ever has its mailbox and UID.
struct Octets {
    node: Node,
    id: i64,
    uid: Uid,
    size: u64,
}

impl ReadBody for Octets {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.size)
    }
    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        let from = i64::try_from(offset).map_or(i64::MAX, |offset| offset.saturating_add(1));
        let values = (self.id, i64::from(self.uid), from, i64::try_from(at_most).unwrap_or(i64::MAX));
        let sql = "SELECT substr(octets, ?3, ?4) FROM messages WHERE mailbox = ?1 AND uid = ?2";
        let piece = move |db: &Connection| {
            let octets =
                db.query_row(sql, values, |row| row.get::<_, Vec<u8>>(0)).optional().or_unavailable()?;
            Ok(octets.ok_or(ErrorKind::ExpungeIssued)?.into())
        };
        self.node.blocking(move |node| node.read(piece)).await
    }
}
