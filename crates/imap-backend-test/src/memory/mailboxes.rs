//! The user's table of names.

use super::messages::Messages;
use imap_backend::{Error, ErrorKind, ListEntry, ListQuery, MailboxName, Selection, Subscription};
use imap_seq::UidValidity;
use imap_updates::{Closed, MailboxHub, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Held only to look a mailbox up or to change the table, never together with a hub's lock, save that a deleted
/// mailbox's hub is closed under it.
#[derive(Debug, Default)]
pub(super) struct Mailboxes {
    by_name: BTreeMap<MailboxName, MailboxHub<Messages>>,
    subscribed: BTreeSet<MailboxName>,
    /// The last UIDVALIDITY given: never one twice, whatever is deleted and created again.
    last_validity: u32,
}

impl Mailboxes {
    /// An empty INBOX.
    pub(super) fn new() -> Self {
        let mut mailboxes = Self::default();
        mailboxes.add(MailboxName::inbox());
        mailboxes
    }

    /// The mailbox of this name, or this error.
    pub(super) fn hub(
        &self,
        name: &MailboxName,
        otherwise: ErrorKind,
    ) -> Result<MailboxHub<Messages>, Error> {
        self.by_name.get(name).cloned().ok_or_else(|| otherwise.into())
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
        let mailboxes = self.by_name.keys();
        let mailboxes =
            mailboxes.map(|name| ListEntry::mailbox(name.clone()).with_subscription(subscribed(name)));
        match query.selection() {
            Selection::Subscribed => mailboxes.chain(missing).collect(),
            _ => mailboxes.collect(),
        }
    }

    pub(super) fn create(&mut self, name: &MailboxName) -> Result<(), Error> {
        if self.by_name.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.add(name.clone());
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        let hub = self.by_name.remove(name).ok_or(ErrorKind::NonExistent)?;
        hub.lock().close(Closed::Deleted);
        Ok(())
    }

    /// Renames a mailbox and its inferiors. Their hubs stay as they are, and sessions go on.
    pub(super) fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let inferiors = self
            .by_name
            .keys()
            .filter(|name| *name == from || name.is_inferior_of(from, '/'));
        let renamed = inferiors.map(|name| {
            let new = format!("{to}{}", &name.as_str()[from.as_str().len()..]);
            Ok((name.clone(), MailboxName::new(&new).ok_or(ErrorKind::Cannot)?))
        });
        let renamed: Vec<_> = renamed.collect::<Result<_, Error>>()?;
        for (old, new) in renamed {
            if let Some(hub) = self.by_name.remove(&old) {
                hub.lock().renamed(new.as_str());
                self.by_name.insert(new, hub);
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

    fn add(&mut self, name: MailboxName) {
        self.last_validity += 1;
        let validity = UidValidity::new(self.last_validity).unwrap_or(UidValidity::MIN);
        let hub = MailboxHub::new(Messages::new(validity), Snapshot::empty());
        self.by_name
            .insert(name, hub.expect("no UIDs are ascending UIDs"));
    }
}
