//! The mailboxes of a backend, as they are read.

use bytes::Bytes;
use imap_backend::walk::Walk;
use imap_backend::{
    Append, Body, Error, ErrorKind, ListQuery, ListedAs, Mailbox, MailboxName, Need, Record, Select,
    Selection, Session, StatusQuery,
};
use imap_seq::{Uid, UidValidity};
use imap_updates::Access;

use crate::message::{Item, Message, Unreadable};
use crate::progress::Unit;
use crate::source::{Intake, Source};
use crate::target::Target;
use crate::{CHUNK, Failure, Folder, acl};

/// The mail of a user of some backend. Nothing in it is changed.
#[derive(Debug)]
pub struct Stored<S> {
    session: S,
    user: String,
}

impl<S: Session> Stored<S> {
    /// What this session sees, which is `user`'s.
    #[must_use]
    pub fn new(session: S, user: &str) -> Self {
        Self {
            session,
            user: user.to_owned(),
        }
    }
}

impl<S: Session> Source for Stored<S> {
    fn delimiter(&self) -> char {
        self.session.delimiter()
    }

    fn unit(&self) -> Unit {
        Unit::Messages
    }

    async fn folders(&mut self) -> Result<Vec<Folder>, Failure> {
        let session = &mut self.session;
        let all = session.list(&ListQuery::new(Selection::Existing)).await?;
        let subscribed = session.list(&ListQuery::new(Selection::Subscribed)).await?;
        let mut folders = Vec::new();
        for entry in all {
            if entry.listed_as() != ListedAs::Mailbox {
                continue;
            }
            let name = entry.name().clone();
            let failed = |error| format!("{}: {error}", entry.name());
            let status = session
                .status(&name, StatusQuery::MESSAGES)
                .await
                .map_err(failed)?;
            folders.push(Folder {
                subscribed: subscribed.iter().any(|entry| *entry.name() == name),
                special_use: entry.special_use(),
                acl: acl::read(session, &name, &self.user).await.map_err(failed)?,
                ..Folder::new(name, status.messages().into())
            });
        }
        Ok(folders)
    }

    async fn read<T: Target>(&mut self, folder: &Folder, into: &mut Intake<'_, T>) -> Result<(), Failure> {
        let mut reading = Reading::open(&mut self.session, &folder.name).await?;
        let (validity, mut uids) = (reading.uid_validity, reading.uids.clone());
        let mut missing = Vec::new();
        let look = async |record: Record| {
            if !into.has(&item(validity, &record)) {
                missing.push(record.uid());
            }
            Ok(())
        };
        reading.each(uids.clone(), IDENTITY, look).await?;
        uids.retain(|uid| missing.binary_search(uid).is_ok());
        let store = async |record: Record| {
            let item = item(validity, &record);
            into.take(&item, &mut StoredMessage::new(&record)?).await
        };
        reading.each(uids, IDENTITY.and(Need::BODY), store).await
    }
}

/// What messages are known by.
const IDENTITY: Need = Need::INTERNAL_DATE.and(Need::SIZE);

/// What a message is known by: its UID, which stays with it wherever a Maildir is copied, and what makes sure that another
/// store's message with that UID is another one.
fn item(uid_validity: UidValidity, record: &Record) -> Item {
    let date = record.internal_date().map_or(0, |date| date.timestamp());
    let size = record.size().unwrap_or(0);
    Item {
        name: format!("maildir {uid_validity} {} {size} {date}", record.uid()),
        shown: format!("the message with UID {}", record.uid()),
        date: record.internal_date(),
        size: record.size(),
        amount: 1,
    }
}

/// A mailbox that is read from its first message to its last.
pub(crate) struct Reading<M> {
    mailbox: M,
    uid_validity: UidValidity,
    /// Its messages, ascending.
    pub(crate) uids: Vec<Uid>,
}

impl<M: Mailbox> Reading<M> {
    /// Opens a mailbox; nothing is changed in it.
    pub(crate) async fn open(
        session: &mut impl Session<Mailbox = M>,
        name: &MailboxName,
    ) -> Result<Self, Error> {
        let opened = session.select(name, &Select::new(Access::ReadOnly)).await?;
        let uid_validity = opened.uid_validity();
        let (mailbox, updates) = opened.into_parts();
        Ok(Self {
            mailbox,
            uid_validity,
            uids: updates.view().uids().collect(),
        })
    }

    /// Looks at these messages with what is needed to store them elsewhere; those that are gone by now are left out.
    pub(crate) async fn each(
        &mut self,
        uids: Vec<Uid>,
        need: Need,
        mut look: impl AsyncFnMut(Record) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut walk = Walk::new(uids.into_iter(), need);
        while let Some(fetched) = walk.next(&mut self.mailbox).await? {
            for record in fetched.into_records() {
                look(record).await?;
            }
        }
        Ok(())
    }
}

/// A message of a store.
pub(crate) struct StoredMessage {
    body: Body,
    append: Append,
    size: Option<u64>,
    at: u64,
}

impl StoredMessage {
    pub(crate) fn new(record: &Record) -> Result<Self, Error> {
        let append = Append::new(record.flags().clone());
        Ok(Self {
            body: record
                .body()
                .ok_or_else(|| Error::new(ErrorKind::ServerBug))?
                .clone(),
            append: match record.internal_date() {
                Some(date) => append.with_internal_date(date),
                None => append,
            },
            size: record.size(),
            at: 0,
        })
    }
}

impl Message for StoredMessage {
    fn append(&self) -> Append {
        self.append.clone()
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    async fn rewind(&mut self) -> Result<(), Unreadable> {
        self.at = 0;
        Ok(())
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Unreadable> {
        let octets = self.body.read_at(self.at, CHUNK).await?;
        self.at += octets.len() as u64;
        if octets.is_empty() && self.size.is_some_and(|size| size != self.at) {
            return Err(Unreadable::This("it is shorter than it was".to_owned()));
        }
        Ok(Some(octets).filter(|octets| !octets.is_empty()))
    }
}
