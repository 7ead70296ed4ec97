//! `SqlSession`: a logged-in user.

use std::sync::Arc;

use imap_backend::{
    Abilities, Acl, AclChange, Append, Appended, AppendedAll, Create, Created, Error, ErrorKind, Grantable,
    Identifier, ListEntry, ListQuery, MailboxName, MessageSource, Messages, Metadata, MetadataChange, Opened,
    Principal, Quota, Rights, Select, Session, SpecialUse, Status, StatusQuery, UrlKey,
};
use imap_seq::{ModSeq, Uid, UidSet};

use crate::backend::abilities;
use crate::columns::{mailbox_id, now};
use crate::engine::Statements;
use crate::list::list;
use crate::node::{Change, Node};
use crate::selected::SqlMailbox;
use crate::tables::accounts::AccountId;
use crate::tables::log;
use crate::tables::mailboxes::{self, MailboxKey};
use crate::tables::messages::{self, NewMessage};
use crate::tables::{acl, metadata, names, quotas, special_uses, subscriptions, url_keys};
use crate::transfer::{Originals, transfer};
use crate::upload::{Upload, Uploads};

/// One logged-in connection of a user.
#[derive(Debug)]
pub struct SqlSession {
    node: Node,
    account: AccountId,
    user: Arc<str>,
}

impl SqlSession {
    pub(crate) const fn new(node: Node, account: AccountId, user: Arc<str>) -> Self {
        Self { node, account, user }
    }

    async fn find(&self, name: &MailboxName, missing: ErrorKind) -> Result<MailboxKey, Error> {
        let (account, name) = (self.account, name.clone());
        self.node
            .blocking(move |node| node.find(account, &name, missing))
            .await
    }
}

impl Session for SqlSession {
    type Mailbox = SqlMailbox;

    fn abilities(&self) -> Abilities {
        abilities()
    }

    fn delimiter(&self) -> char {
        names::DELIMITER
    }

    async fn list(&mut self, query: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        let (account, user, query) = (self.account, Arc::clone(&self.user), query.clone());
        self.node
            .query(move |statements| list(statements, (account, &user), &query))
            .await
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<SqlMailbox>, Error> {
        let (account, name, access) = (self.account, name.clone(), how.access());
        self.node
            .blocking(move |node| {
                let key = node.find(account, &name, ErrorKind::NonExistent)?;
                SqlMailbox::open(node, (account, key), access)
            })
            .await
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        append: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let key = self.find(name, ErrorKind::TryCreate).await?;
        let (account, octets) = (self.account, message.size());
        // Before an octet of it was sent. What arrives beside it may exceed the quota by itself.
        self.node
            .query(move |statements| quotas::check_room(statements, account, (1, octets.unwrap_or(0))))
            .await?;
        let upload = Upload::receive(&self.node, &mut message).await?;
        let append = append.clone();
        // Of a message that is put together of parts nobody knew how long it would be.
        let unchecked = octets.is_none().then_some(account);
        self.node
            .blocking(move |node| store(node, key, unchecked, &append, upload))
            .await
    }

    async fn append_all(
        &mut self,
        name: &MailboxName,
        mut messages: impl Messages,
    ) -> Result<AppendedAll, Error> {
        let key = self.find(name, ErrorKind::TryCreate).await?;
        let account = self.account;
        let uploads = Uploads::receive(&self.node, self.account, &mut messages).await?;
        self.node
            .blocking(move |node| store_all(node, (account, key), uploads))
            .await
    }

    /// One transaction.
    async fn replace(
        &mut self,
        selected: &mut SqlMailbox,
        replaced: Uid,
        name: &MailboxName,
        append: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        selected.may_write()?;
        let key = self.find(name, ErrorKind::TryCreate).await?;
        let upload = Upload::receive(&self.node, &mut message).await?;
        let (append, from, account) = (append.clone(), selected.key(), self.account);
        self.node
            .blocking(move |node| replace(node, (from, replaced), (account, key), &append, upload))
            .await
    }

    fn another(&self) -> Option<Self> {
        let user = Arc::clone(&self.user);
        Some(Self::new(self.node.clone(), self.account, user))
    }

    async fn status(&mut self, name: &MailboxName, query: StatusQuery) -> Result<Status, Error> {
        let (account, name) = (self.account, name.clone());
        self.node
            .blocking(move |node| {
                let key = node.find(account, &name, ErrorKind::NonExistent)?;
                status(node, key, query)
            })
            .await
    }

    async fn create(&mut self, name: &MailboxName, how: &Create) -> Result<Created, Error> {
        let (account, name, uses) = (self.account, name.clone(), how.special_use());
        if !SpecialUse::OF_PLACES.includes(uses) {
            return Err(ErrorKind::UseNotSupported.into());
        }
        let create = self.node.change(move |change| {
            let key = names::create(change.statements, account, &name)?;
            if !uses.is_empty() {
                special_uses::give(change.statements, (account, key.id), uses)?;
            }
            Ok(key)
        });
        let key = create.await?;
        Ok(Created::default().with_mailbox_id(mailbox_id(key)))
    }

    async fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        let (account, name) = (self.account, name.clone());
        self.node
            .change(move |change| {
                // Its log is gone too: who reads it closes the hub.
                let key = names::delete(change.statements, account, &name)?;
                change.changes(key);
                Ok(())
            })
            .await
    }

    async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let (account, from, to) = (self.account, from.clone(), to.clone());
        self.node
            .blocking(move |node| rename(node, account, &from, &to))
            .await
    }

    async fn metadata(&mut self, mailbox: Option<&MailboxName>) -> Result<Metadata, Error> {
        let (account, mailbox) = (self.account, mailbox.cloned());
        self.node
            .query(move |statements| {
                let annotated = annotated(statements, account, mailbox.as_ref())?;
                metadata::all(statements, (account, annotated))
            })
            .await
    }

    async fn set_metadata(
        &mut self,
        mailbox: Option<&MailboxName>,
        changes: &[MetadataChange],
    ) -> Result<(), Error> {
        let (account, mailbox, changes) = (self.account, mailbox.cloned(), changes.to_vec());
        self.node
            .change(move |change| {
                let statements = change.statements;
                let annotated = annotated(statements, account, mailbox.as_ref())?;
                metadata::change(statements, (account, annotated), &changes)
            })
            .await
    }

    async fn acl(&mut self, mailbox: &MailboxName) -> Result<Acl, Error> {
        let (account, mailbox) = (self.account, mailbox.clone());
        let acl = self
            .node
            .query(move |statements| acl::of(statements, account, &mailbox));
        let acl = acl.await?.ok_or(ErrorKind::NonExistent)?;
        Ok(acl.owned_by(&self.user))
    }

    async fn change_acl(
        &mut self,
        mailbox: &MailboxName,
        identifier: &Identifier,
        change: AclChange,
    ) -> Result<(), Error> {
        let (account, user) = (self.account, Arc::clone(&self.user));
        let (mailbox, identifier) = (mailbox.clone(), identifier.clone());
        self.node
            .change(move |transaction| {
                let changed = (&identifier, change);
                acl::change(transaction.statements, (account, &user), &mailbox, changed)
            })
            .await
    }

    async fn grantable(&mut self, _: &MailboxName, identifier: &Identifier) -> Result<Grantable, Error> {
        Ok(Grantable::in_mailbox_of(&self.user, identifier))
    }

    async fn my_rights(&mut self, mailbox: &MailboxName) -> Result<Rights, Error> {
        Ok(self.acl(mailbox).await?.rights_of(&Principal::owner(&self.user)))
    }

    async fn url_key(&mut self, name: &MailboxName, fresh: Option<&UrlKey>) -> Result<Option<UrlKey>, Error> {
        let (account, name) = (self.account, name.clone());
        let Some(fresh) = fresh.cloned() else {
            let find = move |statements: Statements<'_>| {
                let key = names::find(statements, account, &name)?.ok_or(ErrorKind::NonExistent)?;
                url_keys::find(statements, (account, key.id))
            };
            return self.node.query(find).await;
        };
        self.node
            .change(move |change| {
                let statements = change.statements;
                let key = names::find(statements, account, &name)?.ok_or(ErrorKind::NonExistent)?;
                url_keys::keep(statements, (account, key.id), &fresh)
            })
            .await
    }

    async fn forget_url_keys(&mut self, mailbox: Option<&MailboxName>) -> Result<(), Error> {
        let (account, mailbox) = (self.account, mailbox.cloned());
        self.node
            .change(move |change| {
                let statements = change.statements;
                let Some(name) = mailbox else {
                    return url_keys::remove_all(statements, account);
                };
                let key = names::find(statements, account, &name)?.ok_or(ErrorKind::NonExistent)?;
                url_keys::remove(statements, (account, key.id))
            })
            .await
    }

    async fn quotas(&mut self, _: Option<&MailboxName>) -> Result<Vec<Quota>, Error> {
        let account = self.account;
        let quota = self.node.query(move |statements| quotas::of(statements, account));
        Ok(quota.await?.into_iter().collect())
    }

    async fn subscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        let (account, name) = (self.account, name.clone());
        self.node
            .change(move |change| subscriptions::add(change.statements, account, &name))
            .await
    }

    async fn unsubscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        let (account, name) = (self.account, name.clone());
        self.node
            .change(move |change| subscriptions::remove(change.statements, account, &name))
            .await
    }
}

/// The number under which annotations are kept.
fn annotated(
    statements: Statements<'_>,
    account: AccountId,
    mailbox: Option<&MailboxName>,
) -> Result<i64, Error> {
    match mailbox {
        Some(name) => {
            let key = names::find(statements, account, name)?.ok_or(ErrorKind::NonExistent)?;
            Ok(key.id)
        }
        None => Ok(metadata::OF_THE_SERVER),
    }
}

/// Stores a message whose octets are here; into the account `unchecked` where it is not known yet whether they fit.
fn store(
    node: &Node,
    key: MailboxKey,
    unchecked: Option<AccountId>,
    append: &Append,
    mut upload: Upload,
) -> Result<Appended, Error> {
    let uid = node.commit(|change| {
        let uid = store_in(change, key, append, &mut upload)?;
        if let Some(account) = unchecked {
            quotas::check_room(change.statements, account, (0, 0))?;
        }
        Ok(uid)
    })?;
    upload.committed();
    Ok(Appended::new(key.uid_validity, uid))
}

/// Stores messages whose octets are here, in one transaction.
fn store_all(
    node: &Node,
    (account, key): (AccountId, MailboxKey),
    mut uploads: Uploads,
) -> Result<AppendedAll, Error> {
    let uids = node.commit(|change| {
        let statements = change.statements;
        let number = uploads.len();
        let allocated = mailboxes::allocate(statements, key, number)?.ok_or(ErrorKind::TryCreate)?;
        let mut uids = UidSet::new();
        for ((append, upload), uid) in uploads.iter_mut().zip(allocated.first..) {
            insert(change, key, append, upload, (uid, allocated.modseq))?;
            uids.insert(uid.try_into()?);
        }
        // Of a message that is put together of parts nobody knew how long it would be.
        quotas::check_room(statements, account, (0, 0))?;
        change.changes(key);
        Ok(uids)
    })?;
    uploads.committed();
    Ok(AppendedAll::new(key.uid_validity, uids.iter()))
}

/// Stores a message, and removes another one from where it is.
fn replace(
    node: &Node,
    (from, replaced): (MailboxKey, Uid),
    (account, key): (AccountId, MailboxKey),
    append: &Append,
    mut upload: Upload,
) -> Result<Appended, Error> {
    let replaced = UidSet::from_iter([replaced]);
    let uid = node.commit(|change| {
        let statements = change.statements;
        mailboxes::lock(statements, &[from.id, key.id])?;
        if messages::flags(statements, from.id, &replaced)?.is_empty() {
            return Err(ErrorKind::ExpungeIssued.into());
        }
        let uid = store_in(change, key, append, &mut upload)?;
        messages::remove(statements, from.id, &replaced)?;
        log::prune(statements, from.id)?;
        // What counts is the difference (RFC 8508, section 3.4).
        quotas::check_room(statements, account, (0, 0))?;
        change.changes(from);
        Ok(uid)
    })?;
    upload.committed();
    Ok(Appended::new(key.uid_validity, uid))
}

/// Stores a message whose octets are here: UID and mod-sequence are allocated in the same transaction.
pub(crate) fn store_in(
    change: &mut Change<'_>,
    key: MailboxKey,
    append: &Append,
    upload: &mut Upload,
) -> Result<Uid, Error> {
    let statements = change.statements;
    // It may have been deleted while the message arrived.
    let allocated = mailboxes::allocate(statements, key, 1)?.ok_or(ErrorKind::TryCreate)?;
    insert(change, key, append, upload, (allocated.first, allocated.modseq))?;
    change.changes(key);
    Ok(allocated.first.try_into()?)
}

fn insert(
    change: &mut Change<'_>,
    key: MailboxKey,
    append: &Append,
    upload: &mut Upload,
    allocated: (i64, ModSeq),
) -> Result<(), Error> {
    let uploaded = upload.store(change.statements)?;
    let message = NewMessage {
        flags: append.flags().clone(),
        received: append.internal_date(),
        size: uploaded.size,
        blob: uploaded.blob,
    };
    messages::insert(change.statements, key.id, allocated, &message, now())
}

/// The figures of a mailbox. Where sessions have it open they are the hub's, and so never ahead of what those can be told;
/// where nobody has, the mailbox need not be read for them.
fn status(node: &Node, key: MailboxKey, query: StatusQuery) -> Result<Status, Error> {
    let hub = node.opened(key);
    if let Some(hub) = &hub {
        node.catch_up(key, hub)?;
    }
    let sizes = query.includes(StatusQuery::SIZE) || query.includes(StatusQuery::DELETED_STORAGE);
    let (row, recent, sizes) = node.read(|statements| {
        let row = mailboxes::current(statements, key)?.ok_or(ErrorKind::NonExistent)?;
        let recent = messages::count_from(statements, key.id, row.recent_from)?;
        let sizes = match sizes {
            true => Some(messages::sizes(statements, key.id)?),
            false => None,
        };
        Ok((row, recent, sizes))
    })?;
    let mut status = Status::new(key.uid_validity)
        .with_unseen(row.unseen)
        .with_deleted(row.deleted)
        .with_mailbox_id(mailbox_id(key));
    if let Some(sizes) = sizes {
        status = status.with_size(sizes.all).with_deleted_storage(sizes.deleted);
    }
    Ok(match hub.map(|hub| hub.status()) {
        Some(hub) => status
            .with_messages(hub.messages)
            .with_recent(hub.recent.saturating_add(recent))
            .with_uid_next(hub.uid_next)
            .with_highest_modseq(hub.highest_modseq),
        None => status
            .with_messages(row.messages)
            .with_recent(recent)
            .with_uid_next(row.uid_next)
            .with_highest_modseq(row.highest_modseq),
    })
}

/// RENAME. Blocks.
pub(crate) fn rename(
    node: &Node,
    account: AccountId,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<(), Error> {
    if from.is_inbox() {
        return empty_inbox_into(node, account, to);
    }
    let renamed = node.commit(|change| names::rename(change.statements, account, from, to))?;
    for (name, key) in renamed {
        if let Some(hub) = node.opened(key) {
            hub.renamed(name.as_str());
        }
    }
    Ok(())
}

/// RENAME of INBOX: its messages go to a new mailbox, and INBOX stays (RFC 9051, section 6.3.6).
fn empty_inbox_into(node: &Node, account: AccountId, to: &MailboxName) -> Result<(), Error> {
    node.commit(|change| {
        let statements = change.statements;
        let inbox = names::find(statements, account, &MailboxName::inbox())?.ok_or(ErrorKind::NonExistent)?;
        let target = names::create(statements, account, to)?;
        let all = messages::uids(statements, inbox.id)?;
        transfer(change, inbox, &all, (target, Originals::Go), Rights::ALL)?;
        Ok(())
    })
}
