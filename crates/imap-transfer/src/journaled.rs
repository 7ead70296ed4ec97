//! The target of an import into any backend, which knows by a journal what was taken.

use std::path::Path;

use imap_backend::{Error, Mailbox, MailboxName, Need, Record, Select, Session};
use imap_seq::Uid;
use imap_updates::Access;

use crate::Failure;
use crate::digest::{Digest, of_message};
use crate::journal::Journal;
use crate::message::{Item, Message, Octets, Unreadable};
use crate::stored::{Reading, StoredMessage};
use crate::target::{self, Delivered, Target};

/// A user's mail in a store that cannot note in the same moment that it stores a message where that came from.
///
/// After an import that broke off, a message may be there that is not in the journal. It is found by its date and its octets
/// among those that have come since the last one that was noted.
#[derive(Debug)]
pub struct Journaled<S: Session> {
    session: S,
    user: String,
    journal: Journal,
    mailbox: MailboxName,
    /// The mailbox, which stays open while messages come into it.
    open: Option<S::Mailbox>,
    unnoted: Vec<Unnoted>,
}

/// A message that may have been stored by an import that did not come to note it.
#[derive(Debug)]
struct Unnoted {
    uid: Uid,
    date: Option<i64>,
    digest: Option<Digest>,
}

impl<S: Session> Journaled<S> {
    /// The mail that this session of `user` sees, and the journal at this path.
    ///
    /// # Errors
    /// Another import has the journal, or it cannot be used.
    pub fn open(session: S, user: &str, journal: &Path) -> Result<Self, Failure> {
        let opened = Journal::open(journal);
        Ok(Self {
            session,
            user: user.to_owned(),
            journal: opened.map_err(|error| format!("{}: {error}", journal.display()))?,
            mailbox: MailboxName::inbox(),
            open: None,
            unnoted: Vec::new(),
        })
    }

    /// The UID of the same message, if it is there and was not noted.
    async fn find(&mut self, item: &Item, message: &mut impl Message) -> Result<Option<Uid>, Unreadable> {
        let date = item.date.map(|date| date.timestamp());
        let mut digest = None;
        for place in 0..self.unnoted.len() {
            if date.is_some() && self.unnoted[place].date != date {
                continue;
            }
            let wanted = match digest {
                Some(wanted) => wanted,
                None => *digest.insert(of_message(message).await?),
            };
            if self.digest(place).await? == Some(wanted) {
                return Ok(Some(self.unnoted.swap_remove(place).uid));
            }
        }
        Ok(None)
    }

    /// What a message has that was not noted; `None` where it cannot be read.
    async fn digest(&mut self, place: usize) -> Result<Option<Digest>, Error> {
        let Unnoted { uid, digest, .. } = self.unnoted[place];
        let Some(mailbox) = self.open.as_mut().filter(|_| digest.is_none()) else {
            return Ok(digest);
        };
        let fetched = mailbox.fetch(&[uid], Need::BODY).await?;
        let Some(record) = fetched.into_records().next() else {
            return Ok(None);
        };
        let digest = of_message(&mut StoredMessage::new(&record)?).await.ok();
        self.unnoted[place].digest = digest;
        Ok(digest)
    }
}

impl<S: Session> Target for Journaled<S> {
    type Session = S;

    fn session(&mut self) -> &mut S {
        &mut self.session
    }

    fn user(&self) -> &str {
        &self.user
    }

    async fn open(&mut self, mailbox: &MailboxName) -> Result<(), Failure> {
        self.mailbox = mailbox.clone();
        self.unnoted.clear();
        let opened = self
            .session
            .select(mailbox, &Select::new(Access::ReadOnly))
            .await?;
        let uid_next = opened.uid_next().map_or(u32::MAX, Uid::get);
        let first = self
            .journal
            .begin(mailbox, opened.uid_validity().get(), uid_next)?;
        self.open = Some(opened.into_parts().0);
        let Some(first) = first else {
            return Ok(());
        };
        let mut reading = Reading::open(&mut self.session, mailbox).await?;
        let uids = reading
            .uids
            .iter()
            .copied()
            .filter(|uid| uid.get() >= first)
            .collect();
        let look = async |record: Record| {
            self.unnoted.push(Unnoted {
                uid: record.uid(),
                date: record.internal_date().map(|date| date.timestamp()),
                digest: None,
            });
            Ok(())
        };
        reading.each(uids, Need::INTERNAL_DATE, look).await
    }

    fn has(&mut self, item: &Item) -> bool {
        self.journal.has(&self.mailbox, &item.name)
    }

    async fn deliver(&mut self, item: &Item, message: &mut impl Message) -> Result<Delivered, Failure> {
        match self.find(item, message).await {
            Ok(Some(uid)) => {
                self.journal.note(&self.mailbox, uid.get(), &item.name)?;
                return Ok(Delivered::TakenBefore);
            }
            Ok(None) => {}
            Err(why) => return why.refusal(),
        }
        let append = message.append();
        let mut octets = Octets::of(message);
        let stored = target::append(&mut self.session, &self.mailbox, &append, &mut octets).await;
        if let Some(why) = octets.failed() {
            return why.refusal();
        }
        match stored? {
            Ok(appended) => {
                let uid = appended.uid().get();
                self.journal.note(&self.mailbox, uid, &item.name)?;
                Ok(Delivered::Stored)
            }
            Err(why) => Ok(Delivered::Refused(why)),
        }
    }

    async fn close(&mut self) -> Result<(), Failure> {
        self.open = None;
        Ok(self.journal.end()?)
    }
}
