//! `MaildirSession`: a logged-in user.

use std::sync::Arc;

use imap_backend::{
    Abilities, Ability, Append, Appended, AppendedAll, Create, Created, Error, ErrorKind, ListEntry,
    ListQuery, MailboxName, MessageSource, Messages, Metadata, MetadataChange, Opened, Select, Selection,
    Session, Status, StatusQuery,
};

use imap_seq::Uid;

use crate::account::Account;
use crate::disk::delivery::Delivery;
use crate::format::mailbox_names::DELIMITER;
use crate::format::subscriptions::Subscription;
use crate::mailbox::add::Addition;
use crate::mailbox::error::{from_io, panicked, try_create};
use crate::mailbox::open::OpenMailbox;
use crate::selected::MaildirMailbox;

/// How much of an APPEND is collected before it is written: one trip to a blocking thread for this many octets.
const WRITE_AT: usize = 256 << 10;

/// One logged-in connection of a user.
#[derive(Debug)]
pub struct MaildirSession {
    account: Arc<Account>,
}

impl MaildirSession {
    pub(crate) fn new(account: Arc<Account>) -> Self {
        Self { account }
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
        match query.selection() {
            Selection::Subscribed => self.account.list_subscribed().await,
            _ => self.account.list().await,
        }
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
        let appended = append_to(&mailbox, append, &mut message).await;
        self.account.reported(name, appended)
    }

    /// All are written into `tmp/`; then they get their names and UIDs together, as the messages of a COPY do.
    async fn append_all(
        &mut self,
        name: &MailboxName,
        mut messages: impl Messages,
    ) -> Result<AppendedAll, Error> {
        let mailbox = self.account.mailbox(name, ErrorKind::TryCreate).await?;
        let appended = append_all_to(&mailbox, &mut messages).await;
        self.account.reported(name, appended)
    }

    fn another(&self) -> Option<Self> {
        Some(Self::new(Arc::clone(&self.account)))
    }

    async fn status(&mut self, name: &MailboxName, _: StatusQuery) -> Result<Status, Error> {
        Ok(self.account.figures(name).await?.status())
    }

    async fn create(&mut self, name: &MailboxName, how: &Create) -> Result<Created, Error> {
        self.account.create(name, how).await?;
        Ok(Created::default())
    }

    async fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.account.delete(name).await
    }

    async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        self.account.rename(from, to).await
    }

    async fn metadata(&mut self, mailbox: Option<&MailboxName>) -> Result<Metadata, Error> {
        self.account.metadata(mailbox).await
    }

    async fn set_metadata(
        &mut self,
        mailbox: Option<&MailboxName>,
        changes: &[MetadataChange],
    ) -> Result<(), Error> {
        self.account.set_metadata(mailbox, changes).await
    }

    async fn subscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.account.subscribe(name, Subscription::Add).await
    }

    async fn unsubscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.account.subscribe(name, Subscription::Remove).await
    }
}

/// What a Maildir can do beside what every backend can.
pub(crate) fn abilities() -> Abilities {
    Abilities::default()
        .with(Ability::ModSequences)
        .with(Ability::SpecialUse)
        .with(Ability::CreateSpecialUse)
        .with(Ability::Metadata)
        .with(Ability::MultiAppend)
        .with(Ability::Catenate)
}

/// Stores a message; on an error nothing of it stays.
async fn append_to(
    mailbox: &Arc<OpenMailbox>,
    append: &Append,
    message: &mut impl MessageSource,
) -> Result<Appended, Error> {
    let addition = prepare(mailbox, append, message).await?;
    let uids = add(mailbox, vec![addition]).await?;
    let uid = uids.first().copied().ok_or(ErrorKind::ServerBug)?;
    Ok(Appended::new(mailbox.uid_validity, uid))
}

/// Stores messages; on an error nothing of any stays.
async fn append_all_to(
    mailbox: &Arc<OpenMailbox>,
    messages: &mut impl Messages,
) -> Result<AppendedAll, Error> {
    let mut additions = Vec::new();
    while let Some(append) = messages.next().await? {
        additions.push(prepare(mailbox, &append, messages).await?);
    }
    let uids = add(mailbox, additions).await?;
    Ok(AppendedAll::new(mailbox.uid_validity, uids))
}

/// Takes a message in, to where it needs no more than its name.
async fn prepare(
    mailbox: &Arc<OpenMailbox>,
    append: &Append,
    message: &mut impl MessageSource,
) -> Result<Addition, Error> {
    let delivery = receive(mailbox, message).await?;
    let modified = append.internal_date().map(|date| date.timestamp());
    let finish = move || delivery.finish(modified).map_err(from_io);
    let prepared = tokio::task::spawn_blocking(finish).await.map_err(panicked)??;
    Ok(Addition {
        prepared,
        flags: append.flags().clone(),
    })
}

async fn add(mailbox: &Arc<OpenMailbox>, additions: Vec<Addition>) -> Result<Vec<Uid>, Error> {
    mailbox
        .write_with_list(move |mailbox, writer, lock| mailbox.add(writer, lock, additions))
        .await
        .map_err(try_create)
}

/// Writes a message into `tmp/` as it arrives.
async fn receive(mailbox: &Arc<OpenMailbox>, message: &mut impl MessageSource) -> Result<Delivery, Error> {
    let (directory, names) = (Arc::clone(&mailbox.directory), Arc::clone(&mailbox.names));
    let begin = move || Delivery::begin(directory, &names).map_err(from_io);
    let mut delivery = tokio::task::spawn_blocking(begin).await.map_err(panicked)??;
    let mut collected = Vec::new();
    let mut more = true;
    while more {
        match message.chunk().await? {
            Some(chunk) => collected.extend_from_slice(&chunk),
            None => more = false,
        }
        if collected.len() >= WRITE_AT || !more {
            let octets = std::mem::take(&mut collected);
            let write = move || delivery.write(&octets).map(|()| delivery).map_err(from_io);
            delivery = tokio::task::spawn_blocking(write).await.map_err(panicked)??;
        }
    }
    Ok(delivery)
}
