//! The reference backend: mailboxes in memory.
//!
//! Everything a mailbox is lives inside its hub, so that each change and its publication are one critical section
//! by construction. Nothing outlives the process.

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, Utc};
use imap_backend::{
    AppendOptions, Appended, Backend, Copied, Credentials, Error, ErrorKind, FlagChange, ListEntry,
    LoginError, Mailbox, MailboxName, MessageSource, Need, NewKeywords, Opened, Peer, Record, Session,
    Status,
};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{
    Access, Closed, Echo, Flag, Flags, HubGuard, Ingest, Keyword, MailboxHub, Origin, Recency, Snapshot,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A backend that keeps its mail in memory: one user, whose mailboxes all connections share.
///
/// ```
/// use imap_backend_test::MemoryBackend;
/// let backend = MemoryBackend::new("demo", "demo");
/// let clone = backend.clone(); // the same mailboxes
/// ```
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    user: Arc<User>,
}

#[derive(Debug)]
struct User {
    name: String,
    password: String,
    mailboxes: Mutex<Mailboxes>,
}

/// The table of names. Held only to look a mailbox up or to change the table, never together with a hub's lock,
/// save that a deleted mailbox's hub is closed under it.
#[derive(Debug, Default)]
struct Mailboxes {
    by_name: BTreeMap<MailboxName, MailboxHub<Messages>>,
    subscribed: BTreeSet<MailboxName>,
    /// The last UIDVALIDITY given: never one twice, whatever is deleted and created again.
    last_validity: u32,
}

/// What one mailbox holds; the storage inside its hub.
#[derive(Debug)]
struct Messages {
    validity: UidValidity,
    by_uid: BTreeMap<Uid, Message>,
    /// None when UIDs are used up.
    next: Option<Uid>,
}

#[derive(Debug, Clone)]
struct Message {
    octets: Bytes,
    flags: Flags,
    date: DateTime<FixedOffset>,
}

impl MemoryBackend {
    /// A user with an empty INBOX.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Self {
        let mut mailboxes = Mailboxes::default();
        mailboxes.add(MailboxName::inbox());
        let user = User {
            name: name.into(),
            password: password.into(),
            mailboxes: Mutex::new(mailboxes),
        };
        Self { user: Arc::new(user) }
    }
}

impl Mailboxes {
    fn add(&mut self, name: MailboxName) {
        self.last_validity += 1;
        let validity = UidValidity::new(self.last_validity).unwrap_or(UidValidity::MIN);
        let messages = Messages {
            validity,
            by_uid: BTreeMap::new(),
            next: Some(Uid::MIN),
        };
        let hub = MailboxHub::new(messages, Snapshot::empty()).expect("no UIDs are ascending UIDs");
        self.by_name.insert(name, hub);
    }

    fn hub(&self, name: &MailboxName, otherwise: ErrorKind) -> Result<MailboxHub<Messages>, Error> {
        self.by_name.get(name).cloned().ok_or_else(|| otherwise.into())
    }
}

/// Stores a message and publishes it, in the hub's critical section.
fn add(mailbox: &mut HubGuard<'_, Messages>, message: Message) -> Result<Uid, Error> {
    let uid = mailbox.next.ok_or(ErrorKind::Limit)?;
    mailbox.next = uid.next();
    mailbox.by_uid.insert(uid, message);
    match mailbox.arrive(uid, Recency::Recent) {
        Ingest::Applied => Ok(uid),
        // Deleted since its name was looked up: nobody will ever see what was just stored.
        Ingest::Closed => Err(ErrorKind::TryCreate.into()),
        _ => Err(ErrorKind::ServerBug.into()),
    }
}

impl Messages {
    fn keywords(&self) -> Vec<Keyword> {
        let all: Flags = self.by_uid.values().flat_map(|m| m.flags.iter()).collect();
        all.iter()
            .filter_map(|flag| {
                if let Flag::Keyword(keyword) = flag {
                    Some(keyword)
                } else {
                    None
                }
            })
            .collect()
    }

    fn unseen(&self) -> impl Iterator<Item = Uid> {
        self.by_uid
            .iter()
            .filter(|(_, message)| !message.flags.contains(&Flag::Seen))
            .map(|(&uid, _)| uid)
    }
}

impl Backend for MemoryBackend {
    type Session = MemorySession;

    async fn login(&self, _: &Peer, credentials: Credentials) -> Result<MemorySession, LoginError> {
        if credentials.user() == self.user.name && credentials.password() == self.user.password {
            Ok(MemorySession {
                user: Arc::clone(&self.user),
            })
        } else {
            Err(LoginError::Refused)
        }
    }
}

/// A logged-in connection to a [`MemoryBackend`].
#[derive(Debug)]
pub struct MemorySession {
    user: Arc<User>,
}

impl Session for MemorySession {
    type Mailbox = MemoryMailbox;

    async fn list(&mut self) -> Result<Vec<ListEntry>, Error> {
        Ok(self
            .user
            .mailboxes
            .lock()
            .by_name
            .keys()
            .cloned()
            .map(ListEntry::mailbox)
            .collect())
    }

    async fn select(&mut self, name: &MailboxName, access: Access) -> Result<Opened<MemoryMailbox>, Error> {
        let hub = self.user.mailboxes.lock().hub(name, ErrorKind::NonExistent)?;
        let (updates, opened) = hub.subscribe_with(access, |messages, _| {
            (
                messages.validity,
                messages.next,
                messages.keywords(),
                messages.unseen().next(),
            )
        });
        let (uid_validity, uid_next, keywords, first_unseen) = opened;
        let mailbox = MemoryMailbox {
            user: Arc::clone(&self.user),
            hub,
            origin: updates.origin(),
        };
        Ok(Opened {
            mailbox,
            updates,
            access,
            uid_validity,
            uid_next,
            keywords,
            new_keywords: NewKeywords::Allowed,
            first_unseen,
        })
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        options: AppendOptions,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let hub = self.user.mailboxes.lock().hub(name, ErrorKind::TryCreate)?;
        let octets = message.read_all().await?;
        if octets.contains(&0) {
            return Err(ErrorKind::UnknownEncoding.into());
        }
        let octets = imap_message::to_crlf(&octets).into_owned().into();
        let date = options.internal_date.unwrap_or_else(|| Utc::now().fixed_offset());
        let mut mailbox = hub.lock();
        let uid = add(
            &mut mailbox,
            Message {
                octets,
                flags: options.flags,
                date,
            },
        )?;
        Ok(Appended {
            uid_validity: mailbox.validity,
            uid,
        })
    }

    async fn status(&mut self, name: &MailboxName) -> Result<Status, Error> {
        let hub = self.user.mailboxes.lock().hub(name, ErrorKind::NonExistent)?;
        let mailbox = hub.lock();
        Ok(Status {
            messages: mailbox.len(),
            recent: u32::try_from(mailbox.recent().len()).unwrap_or(u32::MAX),
            unseen: u32::try_from(mailbox.unseen().count()).unwrap_or(u32::MAX),
            uid_next: mailbox.next,
            uid_validity: mailbox.validity,
        })
    }

    async fn create(&mut self, name: &MailboxName) -> Result<(), Error> {
        let mut mailboxes = self.user.mailboxes.lock();
        if mailboxes.by_name.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        mailboxes.add(name.clone());
        Ok(())
    }

    async fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        let mut mailboxes = self.user.mailboxes.lock();
        let hub = mailboxes.by_name.remove(name).ok_or(ErrorKind::NonExistent)?;
        hub.lock().close(Closed::Deleted);
        Ok(())
    }

    async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let mut mailboxes = self.user.mailboxes.lock();
        if mailboxes.by_name.contains_key(to) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let source = mailboxes.hub(from, ErrorKind::NonExistent)?;
        if from.is_inbox() {
            mailboxes.add(to.clone());
            let target = mailboxes.hub(to, ErrorKind::ServerBug)?;
            drop(mailboxes);
            return move_all(&source, &target);
        }
        let names: Vec<_> = mailboxes
            .by_name
            .keys()
            .filter(|n| *n == from || n.is_inferior_of(from, '/'))
            .cloned()
            .collect();
        for name in names {
            let renamed = format!("{to}{}", &name.as_str()[from.as_str().len()..]);
            let renamed = MailboxName::new(&renamed).ok_or(ErrorKind::Cannot)?;
            if let Some(hub) = mailboxes.by_name.remove(&name) {
                mailboxes.by_name.insert(renamed, hub);
            }
        }
        Ok(())
    }

    async fn subscriptions(&mut self) -> Result<Vec<MailboxName>, Error> {
        Ok(self.user.mailboxes.lock().subscribed.iter().cloned().collect())
    }

    async fn subscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.user.mailboxes.lock().subscribed.insert(name.clone());
        Ok(())
    }

    async fn unsubscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.user.mailboxes.lock().subscribed.remove(name);
        Ok(())
    }
}

/// RENAME of INBOX: its messages go to a new mailbox (RFC 9051, section 6.3.6). One lock at a time, so that two
/// sessions that move in opposite directions cannot wait for each other.
fn move_all(source: &MailboxHub<Messages>, target: &MailboxHub<Messages>) -> Result<(), Error> {
    let moved = {
        let mut source = source.lock();
        let moved = std::mem::take(&mut source.by_uid);
        let uids: UidSet = moved.keys().copied().collect();
        source.expunge(&uids);
        moved
    };
    let mut target = target.lock();
    moved
        .into_values()
        .try_for_each(|message| add(&mut target, message).map(drop))
}

/// A selected mailbox of a [`MemoryBackend`].
#[derive(Debug)]
pub struct MemoryMailbox {
    user: Arc<User>,
    hub: MailboxHub<Messages>,
    origin: Origin,
}

impl MemoryMailbox {
    /// All of these messages, or an error where one is gone.
    fn clones(&self, uids: &UidSet) -> Result<Vec<Message>, Error> {
        let mailbox = self.hub.lock();
        uids.iter()
            .map(|uid| {
                mailbox
                    .by_uid
                    .get(&uid)
                    .cloned()
                    .ok_or_else(|| ErrorKind::ExpungeIssued.into())
            })
            .collect()
    }

    /// As [`clones`](Self::clones), and expunges them in the same critical section.
    fn take_out(&self, uids: &UidSet) -> Result<Vec<Message>, Error> {
        let mut mailbox = self.hub.lock();
        if uids.iter().any(|uid| !mailbox.by_uid.contains_key(&uid)) {
            return Err(ErrorKind::ExpungeIssued.into());
        }
        let taken = uids
            .iter()
            .filter_map(|uid| mailbox.by_uid.remove(&uid))
            .collect();
        mailbox.expunge(uids);
        Ok(taken)
    }
}

impl Mailbox for MemoryMailbox {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Vec<Option<Record>>, Error> {
        let mailbox = self.hub.lock();
        let record = |uid: &Uid| {
            mailbox.by_uid.get(uid).map(|message| Record {
                internal_date: Some(message.date),
                size: Some(message.octets.len() as u64),
                octets: Some(message.octets.clone()),
                ..Record::new(*uid, message.flags.clone())
            })
        };
        Ok(uids.iter().map(record).collect())
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<(), Error> {
        let mut mailbox = self.hub.lock();
        for uid in uids.iter() {
            let Some(message) = mailbox.by_uid.get_mut(&uid) else {
                continue;
            };
            let flags = change.apply(&message.flags);
            if flags != message.flags {
                message.flags = flags.clone();
                // Refused only for a mailbox that was deleted meanwhile, whose sessions are told just that.
                let _ = mailbox.flags_changed(uid, flags, self.origin, Echo::Silent);
            }
        }
        Ok(())
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        let target = self.user.mailboxes.lock().hub(target, ErrorKind::TryCreate)?;
        let copies = self.clones(uids)?; // one lock at a time
        let mut target = target.lock();
        let mut to = UidSet::new();
        for message in copies {
            to.insert(add(&mut target, message)?);
        }
        Ok(Copied {
            uid_validity: target.validity,
            from: uids.clone(),
            to,
        })
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        let mut mailbox = self.hub.lock();
        let deleted = |(uid, message): (&Uid, &Message)| {
            (uids.contains(*uid) && message.flags.contains(&Flag::Deleted)).then_some(*uid)
        };
        let gone: UidSet = mailbox.by_uid.iter().filter_map(deleted).collect();
        mailbox.by_uid.retain(|uid, _| !gone.contains(*uid));
        mailbox.expunge(&gone);
        Ok(())
    }

    /// Takes the messages out here before they enter there: two sessions that move the same message cannot double it.
    async fn move_to(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        let target = self.user.mailboxes.lock().hub(target, ErrorKind::TryCreate)?;
        let taken = self.take_out(uids)?;
        let mut target = target.lock();
        let mut to = UidSet::new();
        for message in taken {
            to.insert(add(&mut target, message)?);
        }
        Ok(Copied {
            uid_validity: target.validity,
            from: uids.clone(),
            to,
        })
    }
}
