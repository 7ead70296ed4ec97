//! `SqlSession`: a logged-in user.

use std::sync::Arc;

use imap_backend::{
    Abilities, Acl, AclChange, Append, Appended, AppendedAll, Create, Created, Error, ErrorKind, Grantable,
    Identifier, ListEntry, ListQuery, MailboxName, MessageSource, Messages, Metadata, MetadataChange, Opened,
    Principal, Quota, Rights, Select, Session, SpecialUse, Status, StatusQuery, UrlKey,
};
use imap_seq::{Uid, UidSet};

use crate::appends::{Appends, Arrived, insert, store_in};
use crate::backend::abilities;
use crate::columns::mailbox_id;
use crate::engine::Statements;
use crate::list::list;
use crate::node::Node;
use crate::selected::SqlMailbox;
use crate::status::status;
use crate::store::Store;
use crate::tables::accounts::AccountId;
use crate::tables::log;
use crate::tables::mailboxes::{self, MailboxKey};
use crate::tables::messages;
use crate::tables::{acl, metadata, names, quotas, special_uses, subscriptions, url_keys};
use crate::transfer::{Originals, transfer};
use crate::upload::{Upload, Uploads};

/// One logged-in connection of a user.
#[derive(Debug)]
pub struct SqlSession {
    node: Node,
    appends: Arc<Appends>,
    account: AccountId,
    user: Arc<str>,
}

impl SqlSession {
    pub(crate) fn new(store: &Store, account: AccountId, user: Arc<str>) -> Self {
        Self {
            node: store.node.clone(),
            appends: Arc::clone(&store.appends),
            account,
            user,
        }
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
        let arrived = Arrived {
            append: append.clone(),
            upload,
            // Of a message that is put together of parts nobody knew how long it would be.
            unchecked: octets.is_none().then_some(account),
        };
        let appends = Arc::clone(&self.appends);
        self.node
            .blocking(move |node| {
                let uid = appends.store(node, key, arrived)?;
                Ok(Appended::new(key.uid_validity, uid))
            })
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
        let appends = Arc::clone(&self.appends);
        self.node
            .blocking(move |node| match uploads.into_single() {
                // The server cannot know before that no other follows.
                Ok((append, upload)) => {
                    let arrived = Arrived {
                        append,
                        upload,
                        unchecked: Some(account),
                    };
                    let uid = appends.store(node, key, arrived)?;
                    Ok(Appended::new(key.uid_validity, uid).into())
                }
                Err(uploads) => store_all(node, (account, key), uploads),
            })
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
        let (append, from, account) = (append.clone(), selected.key(), self.account);
        let announced = message.size().unwrap_or(0);
        // Before an octet of it was sent.
        self.node
            .query(move |statements| {
                quotas::check_replacement(statements, account, (from.id, replaced), announced)
            })
            .await?;
        let upload = Upload::receive(&self.node, &mut message).await?;
        self.node
            .blocking(move |node| replace(node, (from, replaced), (account, key), &append, upload))
            .await
    }

    fn another(&self) -> Option<Self> {
        Some(Self {
            node: self.node.clone(),
            appends: Arc::clone(&self.appends),
            account: self.account,
            user: Arc::clone(&self.user),
        })
    }

    async fn status(&mut self, name: &MailboxName, query: StatusQuery) -> Result<Status, Error> {
        let (account, name) = (self.account, name.clone());
        self.node
            .blocking(move |node| status(node, (account, &name), query))
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
                let Some(name) = &mailbox else {
                    return url_keys::remove_all(statements, account);
                };
                let key = names::find(statements, account, name)?.ok_or(ErrorKind::NonExistent)?;
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

/// Stores messages whose octets are here, in one transaction.
fn store_all(
    node: &Node,
    (account, key): (AccountId, MailboxKey),
    uploads: Uploads,
) -> Result<AppendedAll, Error> {
    let uids = node.commit(|change| {
        let statements = change.statements;
        let number = uploads.len();
        let allocated = mailboxes::allocate(statements, key, number)?.ok_or(ErrorKind::TryCreate)?;
        let mut uids = UidSet::new();
        for ((append, upload), uid) in uploads.iter().zip(allocated.first..) {
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
    upload: Upload,
) -> Result<Appended, Error> {
    let uids = UidSet::from_iter([replaced]);
    let uid = node.commit(|change| {
        let statements = change.statements;
        mailboxes::lock(statements, &[from.id, key.id])?;
        let mut is_there = false;
        messages::flags(statements, from.id, &uids, |_| is_there = true)?;
        if !is_there {
            return Err(ErrorKind::ExpungeIssued.into());
        }
        quotas::check_replacement(statements, account, (from.id, replaced), upload.size())?;
        let uid = store_in(change, key, append, &upload)?;
        messages::remove(statements, from.id, &uids)?;
        log::prune(statements, from.id)?;
        change.changes(from);
        Ok(uid)
    })?;
    upload.committed();
    Ok(Appended::new(key.uid_validity, uid))
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
