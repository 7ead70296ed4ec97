//! The user's table of names.

use super::ids::Ids;
use super::messages::{self, Messages};
use chrono::{DateTime, Utc};
use imap_backend::{
    Acl, Create, Error, ErrorKind, ListEntry, ListQuery, MailboxName, Metadata, ObjectId, Quota, Selection,
    SpecialUse, Subscription, UrlKey, Usage,
};
use imap_seq::UidValidity;
use imap_updates::{Closed, MailboxHub, Snapshot};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// Held only to look a mailbox up or to change the table, and outside a hub's lock: a deleted mailbox's hub is closed under it,
/// and messages are counted for a quota. Nobody takes it who holds a hub's lock.
#[derive(Debug, Default)]
pub(super) struct Mailboxes {
    by_name: BTreeMap<MailboxName, Named>,
    subscribed: BTreeSet<MailboxName>,
    /// The last UIDVALIDITY given: never one twice, whatever is deleted and created again.
    last_validity: u32,
    pub(super) ids: Ids,
    /// When messages are saved, if not now.
    moment: Option<DateTime<Utc>>,
    /// Annotations of the server.
    metadata: Metadata,
    most_messages: Option<u64>,
    most_octets: Option<u64>,
    /// The character between the parts of a name.
    pub(super) delimiter: char,
}

/// A mailbox, and what belongs to it whatever its name.
#[derive(Debug)]
struct Named {
    hub: MailboxHub<Messages>,
    id: ObjectId,
    special_use: SpecialUse,
    metadata: Metadata,
    acl: Acl,
    url_key: Option<UrlKey>,
}

impl Mailboxes {
    /// An empty INBOX.
    pub(super) fn new() -> Self {
        let mut mailboxes = Self {
            delimiter: '/',
            ..Self::default()
        };
        mailboxes.add(MailboxName::inbox(), SpecialUse::none());
        mailboxes
    }

    /// The mailbox of this name, or this error.
    pub(super) fn hub(
        &self,
        name: &MailboxName,
        otherwise: ErrorKind,
    ) -> Result<MailboxHub<Messages>, Error> {
        self.named(name, otherwise).map(|named| named.hub.clone())
    }

    /// The id of the mailbox of this name, or this error.
    pub(super) fn id(&self, name: &MailboxName, otherwise: ErrorKind) -> Result<ObjectId, Error> {
        self.named(name, otherwise).map(|named| named.id.clone())
    }

    /// When a message is saved that is stored now.
    pub(super) fn moment(&self) -> DateTime<Utc> {
        self.moment.unwrap_or_else(Utc::now)
    }

    pub(super) fn save_at(&mut self, moment: DateTime<Utc>) {
        self.moment = Some(moment);
    }

    /// The annotations of a mailbox, or of the server.
    pub(super) fn metadata(&mut self, name: Option<&MailboxName>) -> Result<&mut Metadata, Error> {
        match name {
            Some(name) => match self.by_name.get_mut(name) {
                Some(named) => Ok(&mut named.metadata),
                None => Err(ErrorKind::NonExistent.into()),
            },
            None => Ok(&mut self.metadata),
        }
    }

    /// The ACL of a mailbox, as it is kept.
    pub(super) fn acl(&mut self, name: &MailboxName) -> Result<&mut Acl, Error> {
        match self.by_name.get_mut(name) {
            Some(named) => Ok(&mut named.acl),
            None => Err(ErrorKind::NonExistent.into()),
        }
    }

    /// The key of a mailbox for URLs; where there is none, `fresh` becomes it.
    pub(super) fn url_key(
        &mut self,
        name: &MailboxName,
        fresh: Option<&UrlKey>,
    ) -> Result<Option<UrlKey>, Error> {
        let named = self.by_name.get_mut(name).ok_or(ErrorKind::NonExistent)?;
        if named.url_key.is_none() {
            named.url_key = fresh.cloned();
        }
        Ok(named.url_key.clone())
    }

    /// Removes the key of a mailbox, or all keys.
    pub(super) fn forget_url_keys(&mut self, name: Option<&MailboxName>) -> Result<(), Error> {
        match name {
            Some(name) => self.by_name.get_mut(name).ok_or(ErrorKind::NonExistent)?.url_key = None,
            None => self.by_name.values_mut().for_each(|named| named.url_key = None),
        }
        Ok(())
    }

    pub(super) fn limit(&mut self, messages: Option<u64>, octets: Option<u64>) {
        (self.most_messages, self.most_octets) = (messages, octets);
    }

    /// The user's limits, if there are any, and what is used of them.
    pub(super) fn quota(&self) -> Option<Quota> {
        if self.most_messages.is_none() && self.most_octets.is_none() {
            return None;
        }
        let (mut messages, mut octets) = (0, 0);
        for named in self.by_name.values() {
            let mailbox = named.hub.lock();
            messages += mailbox.by_uid.len() as u64;
            octets += mailbox.sums().octets;
        }
        let mut quota = Quota::new("");
        if let Some(most) = self.most_messages {
            quota = quota.with_messages(Usage::new(messages, most));
        }
        Some(match self.most_octets {
            Some(most) => quota.with_storage(Usage::new(octets, most)),
            None => quota,
        })
    }

    /// Refuses so many messages of so many octets together where they exceed a limit.
    pub(super) fn check_room(&self, messages: u64, octets: u64) -> Result<(), Error> {
        match self.quota() {
            Some(quota) if !quota.has_room_for(messages, octets) => Err(ErrorKind::OverQuota.into()),
            _ => Ok(()),
        }
    }

    /// Refuses a message of so many octets in the place of one of `replaced` octets where it exceeds a limit.
    pub(super) fn check_room_in_place_of(&self, replaced: u64, octets: u64) -> Result<(), Error> {
        match self.quota() {
            Some(quota) if !quota.has_room_in_place_of(replaced, octets) => Err(ErrorKind::OverQuota.into()),
            _ => Ok(()),
        }
    }

    fn named(&self, name: &MailboxName, otherwise: ErrorKind) -> Result<&Named, Error> {
        self.by_name.get(name).ok_or_else(|| otherwise.into())
    }

    pub(super) fn list(&self, query: &ListQuery) -> Vec<ListEntry> {
        let missing = self
            .subscribed
            .iter()
            .filter(|name| !self.by_name.contains_key(*name));
        let missing = missing.cloned().map(ListEntry::non_existent);
        let subscribed = |name: &MailboxName| match self.subscribed.contains(name) {
            true => Subscription::Subscribed,
            false => Subscription::NotSubscribed,
        };
        let mailboxes = self.by_name.iter().map(|(name, named)| {
            ListEntry::mailbox(name.clone())
                .with_subscription(subscribed(name))
                .with_special_use(named.special_use)
        });
        match query.selection() {
            Selection::Subscribed => mailboxes.chain(missing).collect(),
            _ => mailboxes.collect(),
        }
    }

    /// Makes a mailbox. Each special use is one mailbox's: the new one takes it over.
    pub(super) fn create(&mut self, name: &MailboxName, how: &Create) -> Result<ObjectId, Error> {
        if self.by_name.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if !SpecialUse::OF_PLACES.includes(how.special_use()) {
            return Err(ErrorKind::UseNotSupported.into());
        }
        for other in self.by_name.values_mut() {
            other.special_use = other.special_use.without(how.special_use());
        }
        Ok(self.add(name.clone(), how.special_use()))
    }

    pub(super) fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        let named = self.by_name.remove(name).ok_or(ErrorKind::NonExistent)?;
        named.hub.lock().close(Closed::Deleted);
        Ok(())
    }

    /// Renames a mailbox and its inferiors. Their hubs stay as they are, and sessions go on.
    pub(super) fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let inferiors = self
            .by_name
            .keys()
            .filter(|name| *name == from || name.is_inferior_of(from, self.delimiter));
        let renamed = inferiors.map(|name| {
            let new = format!("{to}{}", &name.as_str()[from.as_str().len()..]);
            Ok((name.clone(), MailboxName::new(&new).ok_or(ErrorKind::Cannot)?))
        });
        let renamed: Vec<_> = renamed.collect::<Result<_, Error>>()?;
        for (old, new) in renamed {
            if let Some(named) = self.by_name.remove(&old) {
                named.hub.lock().renamed(new.as_str());
                self.by_name.insert(new, named);
            }
        }
        Ok(())
    }

    pub(super) fn subscribe(&mut self, name: &MailboxName) {
        self.subscribed.insert(name.clone());
    }

    pub(super) fn unsubscribe(&mut self, name: &MailboxName) {
        self.subscribed.remove(name);
    }

    /// Gives a mailbox a new UIDVALIDITY and its messages new UIDs, from 1. Sessions that have it selected are told that they
    /// end.
    pub(super) fn renumber(&mut self, name: &MailboxName) -> Result<UidValidity, Error> {
        let validity = self.next_validity();
        let (hub, moment) = (new_hub(validity), self.moment());
        let named = self.by_name.get_mut(name).ok_or(ErrorKind::NonExistent)?;
        let messages: Vec<_> = {
            let mut old = named.hub.lock();
            old.close(Closed::UidValidityChanged);
            old.by_uid.values().cloned().collect()
        };
        messages::add_all(&mut hub.lock(), messages, moment)?;
        named.hub = hub;
        Ok(validity)
    }

    /// A UIDVALIDITY that no mailbox has had.
    fn next_validity(&mut self) -> UidValidity {
        self.last_validity += 1;
        UidValidity::new(self.last_validity).unwrap_or(UidValidity::MIN)
    }

    /// Makes a mailbox with the ACL of its nearest superior.
    fn add(&mut self, name: MailboxName, special_use: SpecialUse) -> ObjectId {
        let mut superiors =
            std::iter::successors(name.parent(self.delimiter), |name| name.parent(self.delimiter));
        let superior = superiors.find_map(|superior| self.by_name.get(&superior));
        let acl = superior.map(|superior| superior.acl.clone());
        let validity = self.next_validity();
        let hub = new_hub(validity);
        let id = ObjectId::of_mailbox(self.last_validity.into());
        let named = Named {
            hub,
            id: id.clone(),
            special_use,
            metadata: Metadata::default(),
            acl: acl.unwrap_or_default(),
            url_key: None,
        };
        self.by_name.insert(name, named);
        id
    }
}

/// Renames a mailbox; of INBOX, its messages go to a new one (RFC 9051, section 6.3.6).
pub(super) fn rename(
    mailboxes: &Mutex<Mailboxes>,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<(), Error> {
    let mut mailboxes = mailboxes.lock();
    let source = mailboxes.hub(from, ErrorKind::NonExistent)?;
    if mailboxes.hub(to, ErrorKind::NonExistent).is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    if !from.is_inbox() {
        return mailboxes.rename(from, to);
    }
    mailboxes.create(to, &Create::default())?;
    let (target, moment) = (mailboxes.hub(to, ErrorKind::ServerBug)?, mailboxes.moment());
    drop(mailboxes);
    messages::move_all(&source, &target, moment)
}

fn new_hub(validity: UidValidity) -> MailboxHub<Messages> {
    MailboxHub::new(Messages::new(validity), Snapshot::empty()).expect("no UIDs are ascending UIDs")
}
