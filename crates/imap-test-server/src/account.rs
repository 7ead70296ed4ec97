//! The test's hand in an account.

use crate::message::{Message, flags_of};
use imap_backend::{Create, Error, ErrorKind, FlagAction, FlagChange, MailboxName, SpecialUse};
use imap_memory::MemoryBackend;
use imap_seq::{Uid, UidSet};

/// One account, for what happens behind the client's back: another client, a delivery, an administrator.
///
/// Each change is made when the call returns. A client is told of it when it may be; to wait until it was, see
/// [`TestServer::told`](crate::TestServer::told). UIDs are plain numbers here.
///
/// Every method panics for a mailbox that does not exist, and for what is no name and no UID: such a test is wrong.
#[derive(Debug, Clone)]
pub struct Account {
    mail: MemoryBackend,
}

/// A message as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// Its UID.
    pub uid: u32,
    /// Its flags, such as `\Seen`.
    pub flags: Vec<String>,
    /// Header and body.
    pub octets: Vec<u8>,
}

impl Stored {
    /// Header and body as text; what is not UTF-8 shows as replacement characters.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.octets).into_owned()
    }
}

#[allow(clippy::missing_panics_doc, reason = "said once, at the type")]
impl Account {
    pub(crate) fn new(mail: MemoryBackend) -> Self {
        Self { mail }
    }

    /// Puts a message at the end of a mailbox; gives its UID.
    #[track_caller]
    pub fn deliver(&self, mailbox: &str, message: impl Into<Message>) -> u32 {
        let (mailbox, message) = (name(mailbox), message.into());
        if let Some(wanted) = message.uid {
            done(self.mail.skip_to(&mailbox, uid(wanted)));
        }
        done(self.mail.deliver(&mailbox, &message.octets, &message.append())).get()
    }

    /// Removes messages for good.
    #[track_caller]
    pub fn remove(&self, mailbox: &str, uids: impl IntoIterator<Item = u32>) {
        done(self.mail.remove(&name(mailbox), &set(uids)));
    }

    /// Sets these flags of messages, and no others.
    #[track_caller]
    pub fn set_flags(&self, mailbox: &str, uids: impl IntoIterator<Item = u32>, flags: &str) {
        self.change_flags(mailbox, uids, FlagAction::Replace, flags);
    }

    /// Adds flags to messages.
    #[track_caller]
    pub fn add_flags(&self, mailbox: &str, uids: impl IntoIterator<Item = u32>, flags: &str) {
        self.change_flags(mailbox, uids, FlagAction::Add, flags);
    }

    /// Takes flags off messages.
    #[track_caller]
    pub fn remove_flags(&self, mailbox: &str, uids: impl IntoIterator<Item = u32>, flags: &str) {
        self.change_flags(mailbox, uids, FlagAction::Remove, flags);
    }

    #[track_caller]
    fn change_flags(
        &self,
        mailbox: &str,
        uids: impl IntoIterator<Item = u32>,
        action: FlagAction,
        flags: &str,
    ) {
        let change = FlagChange::new(action, flags_of(flags));
        done(self.mail.change_flags(&name(mailbox), &set(uids), &change));
    }

    /// Makes a mailbox.
    #[track_caller]
    pub fn create(&self, mailbox: &str) {
        done(self.mail.create(&name(mailbox), &Create::default()));
    }

    /// Makes a mailbox with special uses, such as `\Sent`.
    #[track_caller]
    pub fn create_for(&self, mailbox: &str, uses: &str) {
        let how = Create::default().with_special_use(SpecialUse::of_text(uses));
        done(self.mail.create(&name(mailbox), &how));
    }

    /// Deletes a mailbox. Clients that have it selected are disconnected.
    #[track_caller]
    pub fn delete(&self, mailbox: &str) {
        done(self.mail.delete(&name(mailbox)));
    }

    /// Renames a mailbox and those below it.
    #[track_caller]
    pub fn rename(&self, from: &str, to: &str) {
        done(self.mail.rename(&name(from), &name(to)));
    }

    /// Puts a mailbox on the list of those that are subscribed.
    #[track_caller]
    pub fn subscribe(&self, mailbox: &str) {
        self.mail.subscribe(&name(mailbox));
    }

    /// Gives a mailbox a new UIDVALIDITY, and its messages new UIDs from 1. Clients that have it selected are disconnected.
    /// Gives the UIDVALIDITY.
    #[track_caller]
    pub fn reset_uid_validity(&self, mailbox: &str) -> u32 {
        done(self.mail.renumber(&name(mailbox))).get()
    }

    /// Limits all messages together, in number and octets.
    pub fn limit(&self, messages: Option<u64>, octets: Option<u64>) {
        self.mail.limit(messages, octets);
    }

    /// What is in a mailbox, by UID.
    #[must_use]
    #[track_caller]
    pub fn messages(&self, mailbox: &str) -> Vec<Stored> {
        let messages = done(self.mail.messages(&name(mailbox)));
        let stored = messages.into_iter().map(|message| Stored {
            uid: message.uid.get(),
            flags: message.flags.iter().map(|flag| flag.to_string()).collect(),
            octets: message.octets.to_vec(),
        });
        stored.collect()
    }

    /// Whether there is a mailbox of that name.
    #[must_use]
    #[track_caller]
    pub fn has(&self, mailbox: &str) -> bool {
        match self.mail.messages(&name(mailbox)) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::NonExistent => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes a mailbox unless it is there.
    #[track_caller]
    pub(crate) fn ensure(&self, mailbox: &str) {
        if !self.has(mailbox) {
            self.create(mailbox);
        }
    }
}

#[track_caller]
fn done<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn name(name: &str) -> MailboxName {
    match MailboxName::new(name) {
        Some(name) => name,
        None => panic!("{name:?} is not a mailbox name"),
    }
}

#[track_caller]
fn uid(uid: u32) -> Uid {
    match Uid::new(uid) {
        Some(uid) => uid,
        None => panic!("0 is not a UID"),
    }
}

#[track_caller]
fn set(uids: impl IntoIterator<Item = u32>) -> UidSet {
    uids.into_iter().map(uid).collect()
}
