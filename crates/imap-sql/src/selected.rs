//! `SqlMailbox`: a mailbox that one session has selected.

use imap_backend::{
    Copied, Error, ErrorKind, Fetched, FlagChange, Found, Mailbox, MailboxName, Need, Opened, PollReason,
    Query, SearchKey, Stored, search,
};
use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::{Access, LogHub, Origin};

use crate::fetch::fetch;
use crate::node::{Change, Node};
use crate::search::divide;
use crate::tables::accounts::AccountId;
use crate::tables::mailboxes::{self, MailboxKey};
use crate::tables::{log, messages, names};
use crate::transfer::{Originals, transfer};

/// A selected mailbox of one session.
#[derive(Debug)]
pub struct SqlMailbox {
    node: Node,
    account: AccountId,
    key: MailboxKey,
    hub: LogHub,
    access: Access,
    origin: Origin,
}

impl SqlMailbox {
    /// SELECT and EXAMINE. What is reported is of one moment, which the hub knows; the database may be further by now. Blocks.
    pub(crate) fn open(
        node: &Node,
        (account, key): (AccountId, MailboxKey),
        access: Access,
    ) -> Result<Opened<Self>, Error> {
        let hub = node.open(key)?;
        let selection = hub.select(access);
        claim_recent(node, key, access, selection.uid_next)?;
        let first_unseen = node.read(|statements| match mailboxes::current(statements, key)? {
            Some(row) if row.unseen > 0 => messages::first_unseen(statements, key.id),
            _ => Ok(None),
        })?;
        // It may have come after the moment that is reported.
        let first_unseen = first_unseen.filter(|uid| selection.uid_next.is_none_or(|next| *uid < next));
        let mailbox = Self {
            node: node.clone(),
            account,
            key,
            hub,
            access,
            origin: selection.updates.origin(),
        };
        Ok(Opened::new(mailbox, selection.updates, key.uid_validity)
            .with_uid_next(selection.uid_next)
            .with_first_unseen(first_unseen)
            .with_highest_modseq(selection.highest_modseq))
    }

    fn may_write(&self) -> Result<(), Error> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(ErrorKind::NoPermission.into()),
        }
    }

    async fn transfer(
        &self,
        uids: &UidSet,
        target: &MailboxName,
        originals: Originals,
    ) -> Result<Copied, Error> {
        let (account, key, uids, target) = (self.account, self.key, uids.clone(), target.clone());
        self.node
            .change(move |change| {
                let target = names::find(change.statements, account, &target)?.ok_or(ErrorKind::TryCreate)?;
                let pairs = transfer(change, key, &uids, (target, originals))?;
                Ok(Copied::new(target.uid_validity, pairs))
            })
            .await
    }

    /// Reads what others did, and writes down that a session was told of it.
    async fn look(&self) -> Result<(), Error> {
        let (key, hub, access) = (self.key, self.hub.clone(), self.access);
        self.node
            .blocking(move |node| {
                node.catch_up(key, &hub)?;
                claim_recent(node, key, access, hub.status().uid_next)
            })
            .await
    }
}

impl Mailbox for SqlMailbox {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Fetched, Error> {
        let (node, id, uids) = (self.node.clone(), self.key.id, uids.to_vec());
        self.node
            .query(move |statements| fetch(statements, (&node, id), &uids, need))
            .await
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        self.may_write()?;
        let (key, origin, uids, what) = (self.key, self.origin, uids.clone(), change.clone());
        self.node
            .change(move |change| store(change, (key, origin), &uids, &what))
            .await
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        self.transfer(uids, target, Originals::Stay).await
    }

    async fn move_to(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        self.may_write()?;
        self.transfer(uids, target, Originals::Go).await
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        self.may_write()?;
        let (key, uids) = (self.key, uids.clone());
        self.node
            .change(move |change| {
                let statements = change.statements;
                // Most mailboxes that are closed have nothing to expunge; the count says so without a look at them.
                if mailboxes::current(statements, key)?.is_some_and(|row| row.deleted > 0) {
                    messages::remove_deleted(statements, key.id, &uids)?;
                    log::prune(statements, key.id)?;
                    change.changes(key);
                }
                Ok(())
            })
            .await
    }

    async fn search(&mut self, query: &Query) -> Result<Found, Error> {
        let divided = divide(query.key());
        let Some(condition) = divided.condition else {
            return search::evaluate(self, query).await;
        };
        let id = self.key.id;
        let candidates = self
            .node
            .query(move |statements| condition.find(statements, id))
            .await?;
        let within = divided.within.iter();
        let candidates = within.fold(candidates, |left, uids| left.intersection(uids));
        if divided.rest.is_empty() {
            return Ok(Found::new(candidates));
        }
        let rest = std::iter::once(SearchKey::Uids(candidates)).chain(divided.rest);
        let rest = Query::new(SearchKey::And(rest.collect()), query.view().clone());
        search::evaluate(self, &rest).await
    }

    async fn changed_since(&mut self, since: ModSeq, _: &View) -> Result<UidSet, Error> {
        let id = self.key.id;
        let sql = "SELECT uid FROM messages WHERE mailbox = ?1 AND modseq > ?2";
        self.node
            .query(move |statements| messages::set(statements, sql, &[id.into(), since.into()]))
            .await
    }

    async fn vanished_since(&mut self, since: ModSeq) -> Result<Option<UidSet>, Error> {
        let key = self.key;
        self.node
            .query(move |statements| log::expunged_since(statements, key, since))
            .await
    }

    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        match reason {
            PollReason::Asked | PollReason::Idling => self.look().await,
            // What this process did is told at once, what others did at the next NOOP.
            _ => Ok(()),
        }
    }

    async fn close(self) -> Result<(), Error> {
        let (key, access, told) = (self.key, self.access, self.hub.status().uid_next);
        self.node
            .blocking(move |node| claim_recent(node, key, access, told))
            .await
    }
}

/// STORE: one mod-sequence for all that it changes.
fn store(
    change: &mut Change<'_>,
    (key, origin): (MailboxKey, Origin),
    uids: &UidSet,
    what: &FlagChange,
) -> Result<Stored, Error> {
    let statements = change.statements;
    let mut modified = UidSet::new();
    let mut modseq = None;
    for row in messages::flags(statements, key.id, uids)? {
        if !what.concerns(row.modseq) {
            modified.insert(row.uid);
            continue;
        }
        let flags = what.apply(&row.flags);
        if flags == row.flags {
            continue;
        }
        let modseq = match modseq {
            Some(modseq) => modseq,
            None => *modseq.insert(mailboxes::next_modseq(statements, key.id)?),
        };
        // The log says whose flags these are: this session is not told of its own.
        messages::set_flags(statements, (key.id, row.uid), &flags, (modseq, origin))?;
    }
    if modseq.is_some() {
        change.changes(key);
    }
    Ok(Stored::default().with_modified(modified))
}

/// Writes down that a session was told of all messages below `uid_next`, so that they are `\Recent` for no other. Looks
/// first: most of the time there is nothing to write. Blocks.
fn claim_recent(node: &Node, key: MailboxKey, access: Access, uid_next: Option<Uid>) -> Result<(), Error> {
    let (Access::ReadWrite, Some(uid_next)) = (access, uid_next) else {
        return Ok(());
    };
    let row = node.read(|statements| mailboxes::current(statements, key))?;
    match row {
        Some(row) if row.recent_from < i64::from(uid_next) => {
            node.commit(|change| mailboxes::claim_recent(change.statements, key.id, uid_next))
        }
        _ => Ok(()),
    }
}
