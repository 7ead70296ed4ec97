//! What is done to mailboxes by somebody who is no client: by the test.

use crate::MemoryBackend;
use crate::mailboxes;
use crate::messages::{self, Message};
use bytes::Bytes;
use imap_backend::{Append, Create, Error, ErrorKind, FlagChange, MailboxName};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{Flags, Origin};

/// A message as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// Its UID.
    pub uid: Uid,
    /// Its flags, without `\Recent`.
    pub flags: Flags,
    /// All of its octets.
    pub octets: Bytes,
}

/// Changes from outside. Each is whole when the call returns; sessions hear of it when their client may.
impl MemoryBackend {
    /// Adds a message at the end of a mailbox.
    ///
    /// # Errors
    /// [`ErrorKind::TryCreate`] where the mailbox does not exist; what [`append`](imap_backend::Session::append) refuses.
    pub fn deliver(&self, name: &MailboxName, octets: &[u8], how: &Append) -> Result<Uid, Error> {
        let (hub, message, moment) = {
            let mut mailboxes = self.mailboxes.lock();
            mailboxes.check_room(1, octets.len() as u64)?;
            let hub = mailboxes.hub(name, ErrorKind::TryCreate)?;
            let message = Message::new(octets, how, &mut mailboxes.ids)?;
            (hub, message, mailboxes.moment())
        };
        messages::add(&mut hub.lock(), message, moment)
    }

    /// The next message gets this UID: a gap before it, as a server leaves that counts over all mailboxes.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`]; [`ErrorKind::Cannot`] for a UID that was passed already.
    pub fn skip_to(&self, name: &MailboxName, uid: Uid) -> Result<(), Error> {
        let hub = self.mailboxes.lock().hub(name, ErrorKind::NonExistent)?;
        let mut mailbox = hub.lock();
        match mailbox.next {
            Some(next) if uid >= next => mailbox.next = Some(uid),
            _ => return Err(ErrorKind::Cannot.into()),
        }
        Ok(())
    }

    /// Removes messages for good, whatever flags they have; gives those that were there.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`].
    pub fn remove(&self, name: &MailboxName, uids: &UidSet) -> Result<UidSet, Error> {
        let hub = self.mailboxes.lock().hub(name, ErrorKind::NonExistent)?;
        Ok(messages::expunge_any(&mut hub.lock(), uids))
    }

    /// Changes flags.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`].
    pub fn change_flags(&self, name: &MailboxName, uids: &UidSet, change: &FlagChange) -> Result<(), Error> {
        let hub = self.mailboxes.lock().hub(name, ErrorKind::NonExistent)?;
        messages::store(&mut hub.lock(), uids, change, Origin::EXTERNAL);
        Ok(())
    }

    /// Makes a mailbox.
    ///
    /// # Errors
    /// As [`create`](imap_backend::Session::create).
    pub fn create(&self, name: &MailboxName, how: &Create) -> Result<(), Error> {
        self.mailboxes.lock().create(name, how).map(drop)
    }

    /// Deletes a mailbox; sessions that have it selected end.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`].
    pub fn delete(&self, name: &MailboxName) -> Result<(), Error> {
        self.mailboxes.lock().delete(name)
    }

    /// Renames a mailbox and its inferiors; sessions that have one of them selected go on.
    ///
    /// # Errors
    /// As [`rename`](imap_backend::Session::rename).
    pub fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        mailboxes::rename(&self.mailboxes, from, to)
    }

    /// Puts a mailbox on the list of those that are subscribed.
    pub fn subscribe(&self, name: &MailboxName) {
        self.mailboxes.lock().subscribe(name);
    }

    /// Gives a mailbox a new UIDVALIDITY, and its messages new UIDs from 1; sessions that have it selected end.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`].
    pub fn renumber(&self, name: &MailboxName) -> Result<UidValidity, Error> {
        self.mailboxes.lock().renumber(name)
    }

    /// What is in a mailbox, by UID.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`].
    pub fn messages(&self, name: &MailboxName) -> Result<Vec<Stored>, Error> {
        let hub = self.mailboxes.lock().hub(name, ErrorKind::NonExistent)?;
        let mailbox = hub.lock();
        let stored = mailbox.by_uid.iter().map(|(&uid, message)| Stored {
            uid,
            flags: message.flags().clone(),
            octets: message.octets().clone(),
        });
        Ok(stored.collect())
    }

    /// How many sessions have a mailbox selected.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`].
    pub fn selected_by(&self, name: &MailboxName) -> Result<usize, Error> {
        let hub = self.mailboxes.lock().hub(name, ErrorKind::NonExistent)?;
        Ok(hub.sessions())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_backend::FlagAction;
    use imap_updates::{Access, Flag};

    fn inbox() -> MailboxName {
        MailboxName::inbox()
    }

    fn set(uids: impl IntoIterator<Item = u32>) -> UidSet {
        uids.into_iter().map(|uid| Uid::new(uid).unwrap()).collect()
    }

    fn with_messages(messages: u32) -> MemoryBackend {
        let backend = MemoryBackend::new("joe", "secret");
        for number in 1..=messages {
            let octets = format!("Subject: {number}\r\n\r\n");
            backend
                .deliver(&inbox(), octets.as_bytes(), &Append::default())
                .unwrap();
        }
        backend
    }

    fn uids(backend: &MemoryBackend) -> UidSet {
        let messages = backend.messages(&inbox()).unwrap();
        messages.into_iter().map(|message| message.uid).collect()
    }

    #[test]
    fn what_is_done_from_outside_is_in_the_mailbox() {
        let backend = with_messages(3);
        let flagged = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Flagged]));
        backend.change_flags(&inbox(), &set([3, 9]), &flagged).unwrap();
        assert_eq!(backend.remove(&inbox(), &set([1, 7])).unwrap(), set([1]));
        let messages = backend.messages(&inbox()).unwrap();
        assert_eq!(uids(&backend), set([2, 3]));
        assert!(messages[0].flags.is_empty() && messages[1].flags.contains(&Flag::Flagged));
        assert_eq!(messages[1].octets, "Subject: 3\r\n\r\n");
    }

    #[test]
    fn uids_are_skipped_forwards_alone() {
        let backend = with_messages(1);
        let uid = Uid::new(1_377_008_892).unwrap();
        backend.skip_to(&inbox(), uid).unwrap();
        assert_eq!(backend.deliver(&inbox(), b"x", &Append::default()).unwrap(), uid);
        let back = backend.skip_to(&inbox(), uid).unwrap_err();
        assert_eq!(back.kind(), ErrorKind::Cannot);
    }

    #[test]
    fn a_renumbered_mailbox_has_the_same_messages_a_uidvalidity_that_is_new_and_no_session() {
        let backend = with_messages(3);
        backend.remove(&inbox(), &set([1])).unwrap();
        let hub = backend
            .mailboxes
            .lock()
            .hub(&inbox(), ErrorKind::NonExistent)
            .unwrap();
        let before = hub.lock().validity;
        let _session = hub.subscribe(Access::ReadOnly);
        assert_eq!(backend.selected_by(&inbox()).unwrap(), 1);
        let now = backend.renumber(&inbox()).unwrap();
        assert!(now > before);
        assert_eq!(uids(&backend), set([1, 2]));
        assert_eq!(backend.selected_by(&inbox()).unwrap(), 0);
        assert_eq!(hub.closed(), Some(imap_updates::Closed::UidValidityChanged));
    }
}
