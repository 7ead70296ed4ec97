//! Messages of a mailbox.

use std::collections::HashSet;

use chrono::{DateTime, FixedOffset};
use imap_backend::{Append, Error, FlagChange, MessageSource};
use imap_message::Summary;
use imap_seq::{Bound, SequenceSet, SetItem, Uid, UidSet};
use imap_updates::{Flags, Origin};

use super::{Admin, AdminError, Place};
use crate::appends;
use crate::engine::Statements;
use crate::selected;
use crate::tables::mailboxes::MailboxKey;
use crate::tables::messages::{self, WithSummary};
use crate::tables::{imports, log};
use crate::upload::Upload;

/// A message, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: Flags,
    /// INTERNALDATE.
    pub received: DateTime<FixedOffset>,
    /// Its octets.
    pub size: u64,
    /// Its subject, for people; `None` where it has none, or where nobody knows it without reading the message.
    pub subject: Option<String>,
}

/// What is said of a message that is to be stored.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Flags and date.
    pub append: Append,
    /// The name that an import has for it: nothing is stored if the mailbox has taken a message of that name before.
    pub item: Option<String>,
}

/// What became of a message that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It is in the mailbox, under this UID.
    Stored(Uid),
    /// An import has taken it before.
    TakenBefore,
}

impl Admin {
    /// The messages of a mailbox that a set of UIDs means: `*` is the last one.
    ///
    /// # Errors
    /// [`AdminError::NoMailbox`], or what the database says.
    pub async fn uids(&self, place: &Place, set: &SequenceSet<Uid>) -> Result<UidSet, AdminError> {
        let key = self.mailbox(place).await?;
        let set = set.clone();
        let find = self.node.query(move |statements| resolve(statements, key, &set));
        Ok(find.await?)
    }

    /// These messages, those of them that are there.
    ///
    /// # Errors
    /// [`AdminError::NoMailbox`], or what the database says.
    pub async fn messages(&self, place: &Place, uids: &UidSet) -> Result<Vec<Message>, AdminError> {
        let key = self.mailbox(place).await?;
        let uids = uids.clone();
        let read = self.node.query(move |statements| {
            let mut found = Vec::new();
            for range in uids.ranges() {
                messages::between(statements, key.id, range, WithSummary::Yes, |row| {
                    let summary = row.summary.and_then(|octets| Summary::from_bytes(&octets).ok());
                    found.push(Message {
                        uid: row.flags.uid,
                        flags: row.flags.flags,
                        received: row.received,
                        size: row.size,
                        subject: summary.and_then(|summary| summary.envelope().subject_text()),
                    });
                })?;
            }
            Ok(found)
        });
        Ok(read.await?)
    }

    /// What imports have taken into a mailbox.
    ///
    /// # Errors
    /// [`AdminError::NoMailbox`], or what the database says.
    pub async fn taken(&self, place: &Place) -> Result<HashSet<String>, AdminError> {
        let key = self.mailbox(place).await?;
        let read = self
            .node
            .query(move |statements| imports::all(statements, key.id));
        Ok(read.await?)
    }

    /// Stores a message, as APPEND does. Its size does not matter. That an import has taken it is written in the transaction
    /// that stores it.
    ///
    /// # Errors
    /// [`AdminError::NoMailbox`], [`AdminError::Nul`], what `message` says, or what the database says.
    pub async fn deliver(
        &self,
        place: &Place,
        delivery: &Delivery,
        mut message: impl MessageSource,
    ) -> Result<Delivered, AdminError> {
        let key = self.mailbox(place).await?;
        let of = |error| AdminError::of(error, place);
        let upload = Upload::receive(&self.node, &mut message).await.map_err(of)?;
        let Delivery { append, item } = delivery.clone();
        let store = self.node.blocking(move |node| {
            let delivered = node.commit(|change| {
                if let Some(item) = &item
                    && !imports::take(change.statements, key.id, item)?
                {
                    return Ok(Delivered::TakenBefore);
                }
                appends::store_in(change, key, &append, &upload).map(Delivered::Stored)
            })?;
            if delivered != Delivered::TakenBefore {
                upload.committed();
            }
            Ok(delivered)
        });
        store.await.map_err(of)
    }

    /// Removes messages, whether or not they have `\Deleted`; gives those that were there.
    ///
    /// # Errors
    /// [`AdminError::NoMailbox`], or what the database says.
    pub async fn remove(&self, place: &Place, set: &SequenceSet<Uid>) -> Result<UidSet, AdminError> {
        let key = self.mailbox(place).await?;
        let set = set.clone();
        let remove = self.node.change(move |change| {
            let uids = resolve(change.statements, key, &set)?;
            messages::remove(change.statements, key.id, &uids)?;
            log::prune(change.statements, key.id)?;
            change.changes(key);
            Ok(uids)
        });
        Ok(remove.await?)
    }

    /// Changes flags, each message's as all `changes` say one after the other; gives the messages whose flags are others now.
    ///
    /// # Errors
    /// [`AdminError::NoMailbox`], or what the database says.
    pub async fn change_flags(
        &self,
        place: &Place,
        set: &SequenceSet<Uid>,
        changes: &[FlagChange],
    ) -> Result<UidSet, AdminError> {
        let key = self.mailbox(place).await?;
        let (set, changes) = (set.clone(), changes.to_vec());
        let change = self.node.change(move |change| {
            let uids = resolve(change.statements, key, &set)?;
            selected::change_flags(change, (key, Origin::EXTERNAL), &uids, |row| {
                let all = changes.iter();
                all.fold(row.flags.clone(), |flags, what| what.apply(&flags))
            })
        });
        Ok(change.await?)
    }
}

/// The messages that a set means (RFC 9051, section 9: `seq-range`): in a mailbox without messages, none.
fn resolve(statements: Statements<'_>, key: MailboxKey, set: &SequenceSet<Uid>) -> Result<UidSet, Error> {
    let all = messages::uids(statements, key.id)?;
    let Some(last) = all.last() else {
        return Ok(UidSet::new());
    };
    let uid = |bound: Bound<Uid>| match bound {
        Bound::Number(uid) => uid,
        Bound::Last => last,
    };
    let mut meant = UidSet::new();
    for item in set.items() {
        let (one, other) = match *item {
            SetItem::Single(bound) => (uid(bound), uid(bound)),
            SetItem::Range(one, other) => (uid(one), uid(other)),
        };
        meant.insert_range(one.min(other), one.max(other));
    }
    Ok(meant.intersection(&all))
}
