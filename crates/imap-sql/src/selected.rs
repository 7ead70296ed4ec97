//! `SqlMailbox`: a mailbox that one session has selected.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_backend::sort::{Keys, Known, Lookup};
use imap_backend::{
    Algorithm, Copied, Error, ErrorKind, Fetched, FlagChange, Found, Mailbox, MailboxName, Need, Opened,
    PollReason, Query, Rights, SearchKey, SortKey, Stored, Threads, search,
};
use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::{Access, Flags, LogHub, Origin};

use crate::columns::{FlagColumns, mailbox_id};
use crate::engine::Statements;
use crate::fetch::fetch;
use crate::node::{Change, Node};
use crate::search::divide;
use crate::sort::{self, Sorting};
use crate::tables::accounts::AccountId;
use crate::tables::mailboxes::{self, MailboxKey};
use crate::tables::messages::FlagRow;
use crate::tables::{log, messages, names, quotas};
use crate::transfer::{Originals, transfer};
use crate::writers::Writing;

/// A selected mailbox of one session.
#[derive(Debug)]
pub struct SqlMailbox {
    node: Node,
    account: AccountId,
    key: MailboxKey,
    hub: LogHub,
    /// What was sorted and threaded last, by any session of this process.
    known: Arc<Known>,
    access: Access,
    /// So that what arrives is claimed for the sessions of this process.
    _writing: Option<Writing>,
    origin: Origin,
    /// Messages whose flags this session has changed, or may have, and could not tell its client: the database was lost.
    untold: UidSet,
}

impl SqlMailbox {
    /// SELECT and EXAMINE. What is reported is of one moment, which the hub knows; the database may be further by now. Blocks.
    pub(crate) fn open(
        node: &Node,
        (account, key): (AccountId, MailboxKey),
        access: Access,
    ) -> Result<Opened<Self>, Error> {
        let entered = node.enter(key, access)?;
        let hub = node.open(key, entered.version)?;
        let selection = hub.select_with_recent(access, &entered.recent);
        // It may have come after the moment that is reported.
        let first_unseen = entered
            .first_unseen
            .filter(|uid| selection.uid_next.is_none_or(|next| *uid < next));
        let mailbox = Self {
            node: node.clone(),
            account,
            key,
            hub,
            known: node.orders().of(key),
            access,
            _writing: entered.writing,
            origin: selection.updates.origin(),
            untold: UidSet::new(),
        };
        Ok(Opened::new(mailbox, selection.updates, key.uid_validity)
            .with_uid_next(selection.uid_next)
            .with_first_unseen(first_unseen)
            .with_highest_modseq(selection.highest_modseq)
            .with_mailbox_id(mailbox_id(key)))
    }

    pub(crate) const fn key(&self) -> MailboxKey {
        self.key
    }

    pub(crate) fn may_write(&self) -> Result<(), Error> {
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
        rights: Rights,
    ) -> Result<Copied, Error> {
        let (account, key, uids, target) = (self.account, self.key, uids.clone(), target.clone());
        self.node
            .change(move |change| {
                let target = names::find(change.statements, account, &target)?.ok_or(ErrorKind::TryCreate)?;
                if originals == Originals::Stay {
                    let octets = messages::octets(change.statements, (key.id, &uids))?;
                    quotas::check_room(change.statements, account, (uids.len(), octets))?;
                }
                let pairs = transfer(change, key, &uids, (target, originals), rights)?;
                Ok(Copied::new(target.uid_validity, pairs))
            })
            .await
    }

    /// SORT by what is in summaries.
    async fn sort_by_keys(&mut self, query: &Query, by: &[SortKey]) -> Result<Vec<Uid>, Error> {
        let known = Arc::clone(&self.known);
        let mut unread = match known.look(self, query, by).await? {
            Lookup::Sorted(uids) => return Ok(uids),
            Lookup::Unsorted(found) => found,
        };
        let mut keys = Keys::new(by);
        if keys.need().includes(Need::HEADER_SUMMARY) {
            let found = std::mem::take(&mut unread);
            let mut uids = found.iter();
            loop {
                let some: Vec<Uid> = uids.by_ref().take(sort::TOGETHER).collect();
                if some.is_empty() {
                    break;
                }
                let (node, key) = (self.node.clone(), self.key);
                let add = move |statements: Statements<'_>| {
                    let left = sort::add_keys(statements, (node.summaries(), key), &some, &mut keys)?;
                    Ok((keys, left))
                };
                let left;
                (keys, left) = self.node.query(add).await?;
                unread = unread.union(&left);
            }
        }
        keys.read(self, &unread).await?;
        Ok(known.sorted(by, keys).await)
    }

    /// Has the log say of flags that were not told what it says of others' changes: a session is not told of its own.
    async fn restate(&mut self) -> Result<(), Error> {
        let (key, origin, uids) = (self.key, self.origin, self.untold.clone());
        self.node
            .change(move |change| {
                let statements = change.statements;
                mailboxes::lock(statements, &[key.id])?;
                let made = messages::made_by(statements, (key.id, &uids), origin)?;
                if !made.is_empty() {
                    let modseq = mailboxes::next_modseq(statements, key.id)?;
                    messages::disown(statements, (key.id, &made), modseq)?;
                    change.changes(key);
                }
                Ok(())
            })
            .await?;
        self.untold = UidSet::new();
        Ok(())
    }

    /// Reads what others did.
    async fn look(&self) -> Result<(), Error> {
        let (key, hub) = (self.key, self.hub.clone());
        self.node.blocking(move |node| node.catch_up(key, &hub)).await
    }
}

impl Mailbox for SqlMailbox {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Fetched, Error> {
        let (node, key, asked) = (self.node.clone(), self.key, uids.to_vec());
        let fetched = self
            .node
            .query(move |statements| fetch(statements, (&node, key), &asked, need))
            .await;
        if fetched.is_err() && self.may_write().is_ok() {
            // It may have been the answer to a STORE.
            self.untold.extend(uids.iter().copied());
        }
        fetched
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        self.may_write()?;
        let (key, origin, meant, what) = (self.key, self.origin, uids.clone(), change.clone());
        let stored = self
            .node
            .change(move |change| store(change, (key, origin), &meant, &what))
            .await;
        if stored.is_err() {
            // It is done all the same where the database was lost during the commit.
            self.untold = self.untold.union(uids);
        }
        stored
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        self.copy_with_rights(uids, target, Rights::ALL).await
    }

    async fn copy_with_rights(
        &mut self,
        uids: &UidSet,
        target: &MailboxName,
        rights: Rights,
    ) -> Result<Copied, Error> {
        self.transfer(uids, target, Originals::Stay, rights).await
    }

    async fn move_to(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        self.move_with_rights(uids, target, Rights::ALL).await
    }

    async fn move_with_rights(
        &mut self,
        uids: &UidSet,
        target: &MailboxName,
        rights: Rights,
    ) -> Result<Copied, Error> {
        self.may_write()?;
        self.transfer(uids, target, Originals::Go, rights).await
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        self.may_write()?;
        let (key, uids) = (self.key, uids.clone());
        self.node
            .change(move |change| {
                let statements = change.statements;
                mailboxes::lock(statements, &[key.id])?;
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
        let divided = divide(
            query.key(),
            self.node.dialect(),
            self.node.behind().texts_are_kept(),
        );
        let id = self.key.id;
        let candidates = match divided.condition {
            Some(condition) => {
                let found = self.node.query(move |statements| condition.find(statements, id));
                found.await?
            }
            // Which messages there are the hub knows.
            None if divided.rest.is_empty() => {
                let now = self.hub.select(Access::ReadOnly).updates;
                now.view().uids().collect()
            }
            None => return search::evaluate(self, query).await,
        };
        let within = divided.within.iter();
        let candidates = within.fold(candidates, |left, uids| left.intersection(uids));
        if divided.rest.is_empty() {
            return Ok(Found::new(candidates));
        }
        let rest = std::iter::once(SearchKey::Uids(candidates)).chain(divided.rest);
        let rest = Query::new(SearchKey::And(rest.collect()), query.view().clone());
        search::evaluate(self, &rest).await
    }

    async fn sort(&mut self, query: &Query, by: &[SortKey]) -> Result<Vec<Uid>, Error> {
        let divided = divide(
            query.key(),
            self.node.dialect(),
            self.node.behind().texts_are_kept(),
        );
        let Some(sorting) = Sorting::new(divided, by) else {
            return self.sort_by_keys(query, by).await;
        };
        let (id, view) = (self.key.id, query.view().clone());
        self.node
            .query(move |statements| sorting.find(statements, id, &view))
            .await
    }

    async fn thread(&mut self, query: &Query, algorithm: Algorithm) -> Result<Threads, Error> {
        let known = Arc::clone(&self.known);
        known.thread(self, query, algorithm).await
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
        if !self.untold.is_empty() {
            self.restate().await?;
        }
        match reason {
            // The database says by itself when there is something to read.
            PollReason::Asked | PollReason::Idling if self.node.is_told_of(self.key) => Ok(()),
            PollReason::Asked | PollReason::Idling => self.look().await,
            // What this process did is told at once, what others did at the next NOOP.
            _ => Ok(()),
        }
    }
}

/// STORE. What was changed since the client's UNCHANGEDSINCE stays as it is, and is named in the answer.
pub(crate) fn store(
    change: &mut Change<'_>,
    (key, origin): (MailboxKey, Origin),
    uids: &UidSet,
    what: &FlagChange,
) -> Result<Stored, Error> {
    let mut modified = UidSet::new();
    change_flags(change, (key, origin), uids, |row| {
        match what.concerns(row.modseq) {
            true => what.apply(&row.flags),
            false => {
                modified.insert(row.uid);
                row.flags.clone()
            }
        }
    })?;
    Ok(Stored::default().with_modified(modified))
}

/// Changes flags, with one mod-sequence for all whose flags are others then; gives these. Of a million messages it holds in memory
/// which get which flags, and no message.
pub(crate) fn change_flags(
    change: &mut Change<'_>,
    (key, origin): (MailboxKey, Origin),
    uids: &UidSet,
    mut flags_of: impl FnMut(&FlagRow) -> Flags,
) -> Result<UidSet, Error> {
    let statements = change.statements;
    mailboxes::lock(statements, &[key.id])?;
    // Most changes make few different sets of flags of the many that there were.
    let mut changed: BTreeMap<FlagColumns, UidSet> = BTreeMap::new();
    messages::flags(statements, key.id, uids, |row| {
        let flags = flags_of(&row);
        if flags != row.flags {
            changed
                .entry(FlagColumns::of(&flags))
                .or_default()
                .insert(row.uid);
        }
    })?;
    if !changed.is_empty() {
        let modseq = mailboxes::next_modseq(statements, key.id)?;
        for (flags, uids) in &changed {
            // The log says whose flags these are: this session is not told of its own.
            messages::set_flags(statements, (key.id, uids), flags, (modseq, origin))?;
        }
        change.changes(key);
    }
    let all = changed.into_values();
    Ok(all.fold(UidSet::new(), |all, some| all.union(&some)))
}
