//! A selected mailbox.

use super::mailboxes::Mailboxes;
use super::messages::{self, Message, Messages};
use imap_backend::{
    Copied, Error, ErrorKind, Fetched, FlagChange, Mailbox, MailboxName, Need, Rights, Stored,
};
use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::{MailboxHub, Origin};
use parking_lot::Mutex;
use std::sync::Arc;

/// A selected mailbox of a [`MemoryBackend`](super::MemoryBackend).
#[derive(Debug)]
pub struct MemoryMailbox {
    mailboxes: Arc<Mutex<Mailboxes>>,
    hub: MailboxHub<Messages>,
    origin: Origin,
}

impl MemoryMailbox {
    pub(super) fn new(mailboxes: Arc<Mutex<Mailboxes>>, hub: MailboxHub<Messages>, origin: Origin) -> Self {
        Self {
            mailboxes,
            hub,
            origin,
        }
    }

    /// The octets of a message.
    ///
    /// # Errors
    /// [`ErrorKind::ExpungeIssued`] where it is gone.
    pub(super) fn size_of(&self, uid: Uid) -> Result<u64, Error> {
        let mailbox = self.hub.lock();
        let message = mailbox.by_uid.get(&uid).ok_or(ErrorKind::ExpungeIssued)?;
        Ok(message.size())
    }

    /// Removes a message, whatever its flags.
    pub(super) fn remove(&self, uid: Uid) {
        messages::expunge_any(&mut self.hub.lock(), &UidSet::from_iter([uid]));
    }

    fn target(&self, name: &MailboxName) -> Result<MailboxHub<Messages>, Error> {
        self.mailboxes.lock().hub(name, ErrorKind::TryCreate)
    }

    /// Adds the messages that had these UIDs to another mailbox.
    fn give(
        &self,
        target: &MailboxHub<Messages>,
        from: &UidSet,
        messages: Vec<Message>,
    ) -> Result<Copied, Error> {
        let moment = self.mailboxes.lock().moment();
        let mut target = target.lock();
        let to = messages::add_all(&mut target, messages, moment)?;
        Ok(Copied::new(target.validity, from.iter().zip(to)))
    }
}

impl Mailbox for MemoryMailbox {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Fetched, Error> {
        let mailbox = self.hub.lock();
        let record = |uid: &Uid| mailbox.by_uid.get(uid).map(|message| message.record(*uid));
        Ok(uids.iter().map(record).collect())
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        let modified = messages::store(&mut self.hub.lock(), uids, change, self.origin);
        Ok(Stored::default().with_modified(modified))
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        self.copy_with_rights(uids, target, Rights::ALL).await
    }

    async fn copy_with_rights(
        &mut self,
        uids: &UidSet,
        target: &MailboxName,
        rights: Rights,
    ) -> Result<Copied, Error> {
        let target = self.target(target)?;
        let mut copies = self.hub.lock().clones(uids)?; // one lock at a time
        for copy in &mut copies {
            copy.keep_flags(rights);
        }
        let octets = copies.iter().map(Message::size).sum();
        self.mailboxes.lock().check_room(copies.len() as u64, octets)?;
        self.give(&target, uids, copies)
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        messages::expunge_deleted(&mut self.hub.lock(), uids);
        Ok(())
    }

    /// Takes the messages out here before they enter there: two sessions that move the same message cannot double it.
    async fn move_to(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        let target = self.target(target)?;
        let taken = messages::take_out(&mut self.hub.lock(), uids)?;
        self.give(&target, uids, taken)
    }

    async fn vanished_since(&mut self, since: ModSeq) -> Result<Option<UidSet>, Error> {
        Ok(self.hub.lock().expunged_since(since))
    }

    async fn changed_since(&mut self, since: ModSeq, within: &View) -> Result<UidSet, Error> {
        let mailbox = self.hub.lock();
        let known = |uid: &Uid| within.seq_of(*uid).is_some();
        Ok(mailbox.changed_since(since).filter(known).collect())
    }
}
