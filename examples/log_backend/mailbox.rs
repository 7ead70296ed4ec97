//! `Mailbox`: the messages. Each method is a transaction or a query, on a thread that may block.

use super::columns::{date_of, flags_of};
use super::database::MessageRow;
use super::node::Node;
use bytes::Bytes;
use imap_backend::*;
use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::{Flag, LogHub, Origin};

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
        let (node, id, uids) = (self.node.clone(), self.id, uids.to_vec());
        self.node
            .query(move |tables| {
                let rows = &tables.mailbox(id)?.messages;
                let found = uids.iter().map(|&uid| rows.get(&uid.into()));
                found.map(|row| row.map(|row| record(&node, id, row, need)).transpose()).collect()
            })
            .await
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        let (id, origin) = (self.id, self.origin);
        let (uids, change) = (uids.clone(), change.clone());
        self.node
            .change(move |transaction| {
                let mut modified = UidSet::new();
                for uid in uids.iter() {
                    let Some(row) = transaction.mailbox(id)?.messages.get(&uid.into()) else { continue };
                    if !change.concerns(row.version.try_into()?) {
                        modified.insert(uid);
                        continue;
                    }
                    let before = flags_of(&row.flags)?;
                    let after = change.apply(&before);
                    if after != before {
                        // The log says whose flags these are: this session is not told of its own.
                        transaction.set_flags(id, uid.into(), after.to_string(), origin.to_i64())?;
                    }
                }
                Ok(Stored::default().with_modified(modified))
            })
            .await
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
            .change(move |transaction| {
                for uid in uids.iter().map(i64::from) {
                    let Some(row) = transaction.mailbox(id)?.messages.get(&uid) else { continue };
                    if flags_of(&row.flags)?.contains(&Flag::Deleted) {
                        transaction.remove(id, uid)?;
                    }
                }
                Ok(())
            })
            .await
    }

    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        if reason == PollReason::Passing {
            return Ok(()); // what others did comes with a hint, or at the next NOOP
        }
        let (id, hub) = (self.id, self.hub.clone());
        self.node.blocking(move |node| node.catch_up(id, &hub)).await
    }

    async fn changed_since(&mut self, since: ModSeq, _: &View) -> Result<UidSet, Error> {
        let (id, since) = (self.id, i64::from(since));
        self.node
            .query(move |tables| {
                let changed = tables.mailbox(id)?.messages.values().filter(|row| row.version > since);
                changed.map(|row| Ok(row.uid.try_into()?)).collect()
            })
            .await
    }

    async fn vanished_since(&mut self, since: ModSeq) -> Result<Option<UidSet>, Error> {
        let (id, since) = (self.id, i64::from(since));
        self.node
            .query(move |tables| {
                let mailbox = tables.mailbox(id)?;
                let gone = || mailbox.expunged_since(since).map(|(_, uid)| Ok(uid.try_into()?)).collect();
                (since >= mailbox.log_begins).then(gone).transpose()
            })
            .await
    }
}

impl Selected {
    /// COPY and MOVE: one transaction over both mailboxes.
    async fn transfer(
        &self,
        uids: &UidSet,
        target: &MailboxName,
        originals: Originals,
    ) -> Result<Copied, Error> {
        let (id, uids, target) = (self.id, uids.clone(), target.clone());
        self.node
            .change(move |transaction| {
                let target = transaction.find(target.as_str()).ok_or(ErrorKind::TryCreate)?;
                let mut pairs = vec![];
                for uid in uids.iter() {
                    let row = transaction.mailbox(id)?.messages.get(&uid.into()).cloned();
                    let copy = transaction.insert(target, row.ok_or(ErrorKind::ExpungeIssued)?)?;
                    if originals == Originals::Go {
                        transaction.remove(id, uid.into())?;
                    }
                    pairs.push((uid, copy.try_into()?));
                }
                Ok(Copied::new(target.try_into()?, pairs))
            })
            .await
    }
}

fn record(node: &Node, id: i64, row: &MessageRow, need: Need) -> Result<Record, Error> {
    let size = row.octets.len() as u64;
    let record = Record::new(row.uid.try_into()?, flags_of(&row.flags)?)
        .with_internal_date(date_of(row).ok_or(ErrorKind::Corruption)?)
        .with_size(size)
        .with_modseq(row.version.try_into()?);
    Ok(match need.includes_octets() {
        true => record.with_body(Body::new(Octets { node: node.clone(), id, uid: row.uid, size })),
        false => record,
    })
}

/// The octets of a message, read from the database a piece at a time.
struct Octets {
    node: Node,
    id: i64,
    uid: i64,
    size: u64,
}

impl ReadBody for Octets {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.size)
    }
    /// SELECT substring(octets FROM :offset + 1 FOR :at_most) FROM messages WHERE ..
    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        let (id, uid) = (self.id, self.uid);
        self.node
            .query(move |tables| {
                let octets = &tables.mailbox(id)?.messages.get(&uid).ok_or(ErrorKind::ExpungeIssued)?.octets;
                let from = usize::try_from(offset).map_or(octets.len(), |from| from.min(octets.len()));
                Ok(octets.slice(from..octets.len().min(from.saturating_add(at_most))))
            })
            .await
    }
}
