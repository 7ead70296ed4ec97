//! What the client has done itself: it is not told of that (RFC 5465, section 5).
//!
//! What another session did at the same time is told all the same: only the difference to what the client has made is. A message
//! that the client puts into another mailbox is told with the figures of that mailbox, which may tell of another one too.

use super::*;

impl Watching {
    /// CREATE.
    pub(crate) fn note_created(&mut self, name: &MailboxName) {
        let made = Told {
            listed_as: ListedAs::Mailbox,
            subscription: Subscription::NotSubscribed,
            is_readable: true,
            figures: None,
            annotations: None,
        };
        let subscription = self.told.get(name).map(|before| before.subscription);
        let subscription = subscription.unwrap_or(made.subscription);
        self.told.insert(name.clone(), Told { subscription, ..made });
        self.own.insert(name.clone());
    }

    /// DELETE. What is below it stays, and so may a level of the hierarchy.
    pub(crate) fn note_deleted(&mut self, name: &MailboxName) {
        self.told.remove(name);
        self.own.insert(name.clone());
    }

    /// RENAME, which takes what is below along, but not the subscription, which is the name's; INBOX stays.
    pub(crate) fn note_renamed(&mut self, from: &MailboxName, to: &MailboxName, delimiter: char) {
        if from.is_inbox() {
            return self.note_created(to);
        }
        let moved = |name: &MailboxName| name == from || name.is_inferior_of(from, delimiter);
        let names: Vec<_> = self.told.keys().filter(|name| moved(name)).cloned().collect();
        for name in names {
            let rest = &name.as_str()[from.as_str().len()..];
            let Some(mut told) = self.told.remove(&name) else {
                continue;
            };
            told.subscription = Subscription::NotSubscribed;
            if let Some(name) = MailboxName::new(&format!("{to}{rest}")) {
                self.told.insert(name, told);
            }
        }
        self.own.extend([from.clone(), to.clone()]);
    }

    /// SUBSCRIBE and UNSUBSCRIBE.
    pub(crate) fn note_subscription(&mut self, name: &MailboxName, subscription: Subscription) {
        if let Some(told) = self.told.get_mut(name) {
            told.subscription = subscription;
        }
    }

    /// SETMETADATA of a mailbox, or of the server.
    pub(crate) fn note_annotations(&mut self, mailbox: Option<&MailboxName>, changes: &[MetadataChange]) {
        let told = match mailbox {
            Some(name) => self.told.get_mut(name).and_then(|told| told.annotations.as_mut()),
            None => self.server.as_mut(),
        };
        if let Some(told) = told {
            told.apply(changes);
        }
    }

    /// Whether a level of the hierarchy, which is no mailbox, has come or gone with a mailbox of the client's doing.
    pub(super) fn is_own_level(&self, name: &MailboxName, told: &Told, delimiter: char) -> bool {
        let is_reason = |own: &MailboxName| own == name || own.is_inferior_of(name, delimiter);
        told.listed_as != ListedAs::Mailbox && self.own.iter().any(is_reason)
    }
}
