//! `MaildirSession`: a logged-in user.

use std::sync::Arc;

use imap_backend::{
    Abilities, Ability, Acl, AclChange, Append, Appended, AppendedAll, Create, Created, Error, ErrorKind,
    FlagAction, FlagChange, Grantable, Identifier, ListEntry, ListQuery, Mailbox as _, MailboxName,
    MessageSource, Messages, Metadata, MetadataChange, Opened, Quota, Rights, Select, Selection, Session,
    Status, StatusQuery, UrlKey,
};
use imap_seq::Uid;
use imap_updates::{Flag, Flags};

use crate::account::Account;
use crate::disk::delivery::Delivery;
use crate::format::acl::rights_of_owner;
use crate::format::mailbox_names::DELIMITER;
use crate::format::maildirsize::Amount;
use crate::format::subscriptions::Subscription;
use crate::let_go::LetGo;
use crate::mailbox::add::Addition;
use crate::mailbox::error::{from_io, panicked, try_create};
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::weight::Leaving;
use crate::selected::MaildirMailbox;

/// How much of an APPEND is collected before it is written: one trip to a blocking thread for this many octets.
const WRITE_AT: usize = 256 << 10;

/// One logged-in connection of a user.
#[derive(Debug)]
pub struct MaildirSession {
    account: LetGo<Account>,
    user: Arc<str>,
}

impl MaildirSession {
    pub(crate) fn new(account: Arc<Account>, user: Arc<str>) -> Self {
        let account = LetGo::new(account);
        Self { account, user }
    }
}

impl MaildirSession {
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }
}

impl Session for MaildirSession {
    type Mailbox = MaildirMailbox;

    fn abilities(&self) -> Abilities {
        abilities()
    }

    fn delimiter(&self) -> char {
        DELIMITER
    }

    async fn list(&mut self, query: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        let listed = match query.selection() {
            Selection::Subscribed => self.account.list_subscribed().await,
            _ => self.account.list(&self.user).await,
        };
        self.account.reported("*", listed)
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<MaildirMailbox>, Error> {
        let mailbox = self.account.mailbox(name, ErrorKind::NonExistent).await?;
        let session = MaildirMailbox::enter(Arc::clone(&self.account), mailbox, how.access());
        session.opened().await
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        append: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let mailbox = self.account.mailbox(name, ErrorKind::TryCreate).await?;
        let appended = self
            .append_to(&mailbox, append, &mut message, Leaving::default())
            .await;
        self.account.reported(name, appended)
    }

    /// As the default does, but what goes makes room for what comes (RFC 8508, section 3.4).
    async fn replace(
        &mut self,
        selected: &mut MaildirMailbox,
        replaced: Uid,
        name: &MailboxName,
        append: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let replaced = [replaced].into_iter().collect();
        let leaving = selected.look_up_leaving(&replaced).await?;
        let mailbox = self.account.mailbox(name, ErrorKind::TryCreate).await?;
        let appended = self.append_to(&mailbox, append, &mut message, leaving).await;
        let appended = self.account.reported(name, appended)?;
        let delete = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Deleted]));
        selected.store(&replaced, &delete).await?;
        selected.expunge(&replaced).await?;
        Ok(appended)
    }

    /// All are written into `tmp/`; then they get their names and UIDs together, as the messages of a COPY do.
    async fn append_all(
        &mut self,
        name: &MailboxName,
        mut messages: impl Messages,
    ) -> Result<AppendedAll, Error> {
        let mailbox = self.account.mailbox(name, ErrorKind::TryCreate).await?;
        let appended = self.append_all_to(&mailbox, &mut messages).await;
        self.account.reported(name, appended)
    }

    fn another(&self) -> Option<Self> {
        Some(Self::new(Arc::clone(&self.account), Arc::clone(&self.user)))
    }

    async fn status(&mut self, name: &MailboxName, _: StatusQuery) -> Result<Status, Error> {
        let figures = self.account.figures(name).await;
        Ok(self.account.reported(name, figures)?.status())
    }

    async fn create(&mut self, name: &MailboxName, how: &Create) -> Result<Created, Error> {
        let guid = self.account.create(name, how).await?;
        Ok(Created::default().with_mailbox_id(guid.id()))
    }

    async fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        let deleted = self.account.delete(name).await;
        self.account.reported(name, deleted)
    }

    async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let renamed = self.account.rename(from, to).await;
        self.account.reported(from, renamed)
    }

    async fn metadata(&mut self, mailbox: Option<&MailboxName>) -> Result<Metadata, Error> {
        let metadata = self.account.metadata(mailbox).await;
        self.account.reported(shown(mailbox), metadata)
    }

    async fn set_metadata(
        &mut self,
        mailbox: Option<&MailboxName>,
        changes: &[MetadataChange],
    ) -> Result<(), Error> {
        let set = self.account.set_metadata(mailbox, changes).await;
        self.account.reported(shown(mailbox), set)
    }

    async fn quotas(&mut self, mailbox: Option<&MailboxName>) -> Result<Vec<Quota>, Error> {
        self.account.quotas(mailbox).await
    }

    async fn acl(&mut self, mailbox: &MailboxName) -> Result<Acl, Error> {
        let acl = self.account.acl(mailbox).await;
        Ok(self.account.reported(mailbox, acl)?.owned_by(&self.user))
    }

    async fn change_acl(
        &mut self,
        mailbox: &MailboxName,
        identifier: &Identifier,
        change: AclChange,
    ) -> Result<(), Error> {
        let changing = self.account.change_acl(mailbox, &self.user, identifier, change);
        self.account.reported(mailbox, changing.await)
    }

    async fn grantable(&mut self, _: &MailboxName, identifier: &Identifier) -> Result<Grantable, Error> {
        Ok(Grantable::in_mailbox_of(&self.user, identifier))
    }

    async fn my_rights(&mut self, mailbox: &MailboxName) -> Result<Rights, Error> {
        let acl = self.account.acl(mailbox).await;
        Ok(rights_of_owner(&self.account.reported(mailbox, acl)?, &self.user))
    }

    async fn url_key(&mut self, name: &MailboxName, fresh: Option<&UrlKey>) -> Result<Option<UrlKey>, Error> {
        let key = self.account.url_key(name, fresh).await;
        self.account.reported(name, key)
    }

    async fn forget_url_keys(&mut self, mailbox: Option<&MailboxName>) -> Result<(), Error> {
        let forgotten = self.account.forget_url_keys(mailbox).await;
        self.account.reported(shown(mailbox), forgotten)
    }

    async fn subscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.account.subscribe(name, Subscription::Add).await
    }

    async fn unsubscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.account.subscribe(name, Subscription::Remove).await
    }
}

/// The name of a mailbox in a log, or what stands for all of them.
fn shown(mailbox: Option<&MailboxName>) -> &str {
    mailbox.map_or("*", MailboxName::as_str)
}

/// What a Maildir can do beside what every backend can.
pub(crate) fn abilities() -> Abilities {
    Abilities::default()
        .with(Ability::ModSequences)
        .with(Ability::SpecialUse)
        .with(Ability::CreateSpecialUse)
        .with(Ability::ObjectId)
        .with(Ability::Metadata)
        .with(Ability::MultiAppend)
        .with(Ability::Catenate)
        .with(Ability::Quota)
        .with(Ability::Acl)
        .with(Ability::UrlAuth)
        .with(Ability::SaveDate)
}

impl MaildirSession {
    /// Stores a message; on an error nothing of it stays. What `leaving` tells goes afterwards.
    async fn append_to(
        &self,
        mailbox: &Arc<OpenMailbox>,
        append: &Append,
        message: &mut impl MessageSource,
        leaving: Leaving,
    ) -> Result<Appended, Error> {
        let more = Amount::new(1, message.size().unwrap_or(0)).and(leaving.on_the_wire.negated());
        let addition = self.prepare(mailbox, append, message, more).await?;
        let uids = self
            .account
            .add_messages(mailbox, vec![addition], leaving.counted)
            .await;
        let uid = uids.map_err(try_create)?.first().copied();
        Ok(Appended::new(
            mailbox.uid_validity,
            uid.ok_or(ErrorKind::ServerBug)?,
        ))
    }

    /// Stores messages; on an error nothing of any stays.
    async fn append_all_to(
        &self,
        mailbox: &Arc<OpenMailbox>,
        messages: &mut impl Messages,
    ) -> Result<AppendedAll, Error> {
        let mut additions = Vec::new();
        while let Some(append) = messages.next().await? {
            let more = Amount::new(1, messages.size().unwrap_or(0)).and(Addition::weight_of(&additions));
            additions.push(self.prepare(mailbox, &append, messages, more).await?);
        }
        let uids = self
            .account
            .add_messages(mailbox, additions, Amount::default())
            .await;
        Ok(AppendedAll::new(mailbox.uid_validity, uids.map_err(try_create)?))
    }

    /// Takes a message in, to where it needs no more than its name. It is refused before its first octet where there is no room
    /// for so much `more`.
    async fn prepare(
        &self,
        mailbox: &Arc<OpenMailbox>,
        append: &Append,
        message: &mut impl MessageSource,
        more: Amount,
    ) -> Result<Addition, Error> {
        let (account, to) = (Arc::clone(&self.account), Arc::clone(mailbox));
        let begin = move || {
            account.check_room(&to.path(), more)?;
            Delivery::begin(Arc::clone(&to.directory), &to.names).map_err(from_io)
        };
        let delivery = tokio::task::spawn_blocking(begin).await.map_err(panicked)??;
        let (delivery, rest) = receive(delivery, message).await?;
        let modified = append.internal_date().map(|date| date.timestamp());
        let finish = move || {
            let mut delivery = delivery;
            delivery.write(&rest)?;
            delivery.finish(modified)
        };
        let prepared = tokio::task::spawn_blocking(finish).await.map_err(panicked)?;
        let prepared = prepared.map_err(from_io)?;
        Ok(Addition {
            prepared,
            flags: append.flags().clone(),
        })
    }
}

/// Writes a message into `tmp/` as it arrives. Gives the octets that are left to be written: of most messages all, so that they
/// are one trip to a blocking thread.
async fn receive(
    mut delivery: Delivery,
    message: &mut impl MessageSource,
) -> Result<(Delivery, Vec<u8>), Error> {
    let mut collected = Vec::new();
    while let Some(chunk) = message.chunk().await? {
        collected.extend_from_slice(&chunk);
        if collected.len() >= WRITE_AT {
            let octets = std::mem::take(&mut collected);
            let write = move || delivery.write(&octets).map(|()| delivery).map_err(from_io);
            delivery = tokio::task::spawn_blocking(write).await.map_err(panicked)??;
        }
    }
    Ok((delivery, collected))
}
