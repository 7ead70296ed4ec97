//! A logged-in connection.

use super::mailbox::MemoryMailbox;
use super::mailboxes::{self, Mailboxes};
use super::messages;
use super::messages::Message;
use imap_backend::{
    Abilities, Acl, AclChange, Append, Appended, AppendedAll, Create, Created, Error, ErrorKind, Grantable,
    Identifier, ListEntry, ListQuery, MailboxName, MessageSource, Messages, Metadata, MetadataChange,
    ObjectId, Opened, Principal, Quota, Rights, Select, Session, Status, StatusQuery, UrlKey,
};
use imap_seq::Uid;
use imap_updates::MailboxHub;
use parking_lot::Mutex;
use std::sync::Arc;

/// A logged-in connection to a [`MemoryBackend`](super::MemoryBackend).
#[derive(Debug)]
pub struct MemorySession {
    abilities: Abilities,
    user: Arc<str>,
    mailboxes: Arc<Mutex<Mailboxes>>,
}

impl MemorySession {
    pub(super) fn new(abilities: Abilities, user: &str, mailboxes: Arc<Mutex<Mailboxes>>) -> Self {
        Self {
            abilities,
            user: user.into(),
            mailboxes,
        }
    }

    /// The last of so many new messages, if there is room for them.
    fn message(
        &self,
        octets: &[u8],
        append: &Append,
        (messages, octets_of_all): (u64, usize),
    ) -> Result<Message, Error> {
        let mut mailboxes = self.mailboxes.lock();
        mailboxes.check_room(messages, octets_of_all as u64)?;
        Message::new(octets, append, &mut mailboxes.ids)
    }

    /// The mailbox of this name, and its id.
    fn find(&self, name: &MailboxName) -> Result<(MailboxHub<messages::Messages>, ObjectId), Error> {
        let mailboxes = self.mailboxes.lock();
        let hub = mailboxes.hub(name, ErrorKind::NonExistent)?;
        Ok((hub, mailboxes.id(name, ErrorKind::NonExistent)?))
    }
}

impl Session for MemorySession {
    type Mailbox = MemoryMailbox;

    fn abilities(&self) -> Abilities {
        self.abilities.clone()
    }

    fn delimiter(&self) -> char {
        self.mailboxes.lock().delimiter
    }

    async fn list(&mut self, query: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        Ok(self.mailboxes.lock().list(query))
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<MemoryMailbox>, Error> {
        let (hub, id) = self.find(name)?;
        let (updates, figures) = hub.subscribe_with(how.access(), |messages, _| {
            let unseen = messages.unseen().next();
            (messages.validity, messages.next, unseen, messages.highest)
        });
        let (uid_validity, uid_next, first_unseen, highest_modseq) = figures;
        let mailbox = MemoryMailbox::new(Arc::clone(&self.mailboxes), hub, updates.origin());
        Ok(Opened::new(mailbox, updates, uid_validity)
            .with_uid_next(uid_next)
            .with_first_unseen(first_unseen)
            .with_highest_modseq(highest_modseq)
            .with_mailbox_id(id))
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        append: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let hub = {
            let mailboxes = self.mailboxes.lock();
            mailboxes.check_room(1, message.size().unwrap_or(0))?;
            mailboxes.hub(name, ErrorKind::TryCreate)?
        };
        let octets = message.read_all().await?;
        let message = self.message(&octets, append, (1, octets.len()))?;
        let moment = self.mailboxes.lock().moment();
        let mut mailbox = hub.lock();
        let uid = messages::add(&mut mailbox, message, moment)?;
        Ok(Appended::new(mailbox.validity, uid))
    }

    /// As the default does, but what goes makes room for what comes (RFC 8508, section 3.4).
    async fn replace(
        &mut self,
        selected: &mut MemoryMailbox,
        replaced: Uid,
        name: &MailboxName,
        append: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let leaving = selected.size_of(replaced)?;
        let hub = {
            let mailboxes = self.mailboxes.lock();
            mailboxes.check_room_in_place_of(leaving, message.size().unwrap_or(0))?;
            mailboxes.hub(name, ErrorKind::TryCreate)?
        };
        let octets = message.read_all().await?;
        let leaving = selected.size_of(replaced)?;
        let (message, moment) = {
            let mut mailboxes = self.mailboxes.lock();
            mailboxes.check_room_in_place_of(leaving, octets.len() as u64)?;
            let message = Message::new(&octets, append, &mut mailboxes.ids)?;
            (message, mailboxes.moment())
        };
        let appended = {
            let mut mailbox = hub.lock();
            let uid = messages::add(&mut mailbox, message, moment)?;
            Appended::new(mailbox.validity, uid)
        };
        // Where another session has expunged it meanwhile, all is as it would be had that come afterwards.
        selected.remove(replaced);
        Ok(appended)
    }

    async fn append_all(
        &mut self,
        name: &MailboxName,
        mut messages: impl Messages,
    ) -> Result<AppendedAll, Error> {
        let hub = self.mailboxes.lock().hub(name, ErrorKind::TryCreate)?;
        let (mut arrived, mut octets) = (Vec::new(), 0);
        while let Some(append) = messages.next().await? {
            let announced = octets as u64 + messages.size().unwrap_or(0);
            self.mailboxes
                .lock()
                .check_room(arrived.len() as u64 + 1, announced)?;
            let message = messages.read_all().await?;
            octets += message.len();
            let number = arrived.len() as u64 + 1;
            arrived.push(self.message(&message, &append, (number, octets))?);
        }
        let moment = self.mailboxes.lock().moment();
        let mut mailbox = hub.lock();
        let uids = messages::add_all(&mut mailbox, arrived, moment)?;
        Ok(AppendedAll::new(mailbox.validity, uids))
    }

    fn another(&self) -> Option<Self> {
        let mailboxes = Arc::clone(&self.mailboxes);
        Some(Self::new(self.abilities.clone(), &self.user, mailboxes))
    }

    async fn status(&mut self, name: &MailboxName, _: StatusQuery) -> Result<Status, Error> {
        let (hub, id) = self.find(name)?;
        let mailbox = hub.lock();
        let sums = mailbox.sums();
        Ok(Status::new(mailbox.validity)
            .with_messages(mailbox.len())
            .with_recent(u32::try_from(mailbox.recent().len()).unwrap_or(u32::MAX))
            .with_unseen(u32::try_from(mailbox.unseen().count()).unwrap_or(u32::MAX))
            .with_uid_next(mailbox.next)
            .with_highest_modseq(mailbox.highest)
            .with_size(sums.octets)
            .with_deleted(sums.deleted)
            .with_deleted_storage(sums.deleted_octets)
            .with_mailbox_id(id))
    }

    async fn create(&mut self, name: &MailboxName, how: &Create) -> Result<Created, Error> {
        let id = self.mailboxes.lock().create(name, how)?;
        Ok(Created::default().with_mailbox_id(id))
    }

    async fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.mailboxes.lock().delete(name)
    }

    async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        mailboxes::rename(&self.mailboxes, from, to)
    }

    async fn metadata(&mut self, mailbox: Option<&MailboxName>) -> Result<Metadata, Error> {
        self.mailboxes.lock().metadata(mailbox).cloned()
    }

    async fn set_metadata(
        &mut self,
        mailbox: Option<&MailboxName>,
        changes: &[MetadataChange],
    ) -> Result<(), Error> {
        self.mailboxes.lock().metadata(mailbox)?.apply(changes)
    }

    async fn url_key(&mut self, name: &MailboxName, fresh: Option<&UrlKey>) -> Result<Option<UrlKey>, Error> {
        self.mailboxes.lock().url_key(name, fresh)
    }

    async fn forget_url_keys(&mut self, mailbox: Option<&MailboxName>) -> Result<(), Error> {
        self.mailboxes.lock().forget_url_keys(mailbox)
    }

    async fn quotas(&mut self, _: Option<&MailboxName>) -> Result<Vec<Quota>, Error> {
        Ok(self.mailboxes.lock().quota().into_iter().collect())
    }

    async fn acl(&mut self, mailbox: &MailboxName) -> Result<Acl, Error> {
        let acl = self.mailboxes.lock().acl(mailbox)?.clone();
        Ok(acl.owned_by(&self.user))
    }

    async fn change_acl(
        &mut self,
        mailbox: &MailboxName,
        identifier: &Identifier,
        change: AclChange,
    ) -> Result<(), Error> {
        let grantable = Grantable::in_mailbox_of(&self.user, identifier);
        let mut mailboxes = self.mailboxes.lock();
        let kept = mailboxes.acl(mailbox)?;
        let mut acl = kept.clone().owned_by(&self.user);
        acl.change(identifier, change, &grantable)?;
        *kept = acl;
        Ok(())
    }

    async fn grantable(&mut self, _: &MailboxName, identifier: &Identifier) -> Result<Grantable, Error> {
        Ok(Grantable::in_mailbox_of(&self.user, identifier))
    }

    async fn my_rights(&mut self, mailbox: &MailboxName) -> Result<Rights, Error> {
        Ok(self.acl(mailbox).await?.rights_of(&Principal::owner(&self.user)))
    }

    async fn subscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.mailboxes.lock().subscribe(name);
        Ok(())
    }

    async fn unsubscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.mailboxes.lock().unsubscribe(name);
        Ok(())
    }
}
