//! A mail store in memory: for tests, and as an example of what a backend has to do.
//!
//! Everything a mailbox is lives inside its hub, so that each change and its publication are one critical section
//! by construction. Nothing outlives the process.
//!
//! What no client does, a test does by the methods of [`MemoryBackend`]: it delivers, removes and renames behind the back of
//! all sessions, which are told of it as of any other change.

mod ids;
mod mailbox;
mod mailboxes;
mod messages;
mod outside;
mod session;

pub use mailbox::MemoryMailbox;
pub use outside::Stored;
pub use session::MemorySession;

use chrono::{DateTime, Utc};
use imap_backend::{
    Abilities, Ability, Backend, Credentials, Error, ErrorKind, Identifier, LoginError, MailboxName, Peer,
    Rights,
};
use mailboxes::Mailboxes;
use parking_lot::Mutex;
use std::sync::Arc;

/// A backend that keeps its mail in memory: one user, whose mailboxes all connections share.
///
/// It does everything that the traits can say: mod-sequences, summaries, subscriptions, special uses, annotations, quotas,
/// identifiers, save dates, access control lists.
///
/// UIDVALIDITY counts from 1 in each process, so that a test sees the same numbers at every run. A client that remembers
/// them takes the mail of the next process for that of the last one.
///
/// ```
/// use imap_memory::MemoryBackend;
/// let backend = MemoryBackend::new("demo", "demo");
/// let clone = backend.clone(); // the same mailboxes
/// ```
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    name: String,
    password: String,
    abilities: Abilities,
    mailboxes: Arc<Mutex<Mailboxes>>,
}

impl MemoryBackend {
    /// A user with an empty INBOX.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Self {
        Self {
            name: name.into(),
            password: password.into(),
            abilities: everything(),
            mailboxes: Arc::new(Mutex::new(Mailboxes::new())),
        }
    }
}

impl MemoryBackend {
    /// Without this ability: what every session does not say that it can do, and what the server does not offer then.
    #[must_use]
    pub fn without(mut self, ability: Ability) -> Self {
        self.abilities = self.abilities.without(ability);
        self
    }

    /// With this character between the parts of mailbox names, in place of `/`. To be said before there are such names.
    #[must_use]
    pub fn with_delimiter(self, delimiter: char) -> Self {
        self.mailboxes.lock().delimiter = delimiter;
        self
    }

    /// A session of the user, whom somebody else has let in.
    #[must_use]
    pub fn open(&self) -> MemorySession {
        MemorySession::new(self.abilities.clone(), &self.name, Arc::clone(&self.mailboxes))
    }

    /// Limits the user's messages and their octets from now on, or not at all.
    pub fn limit(&self, messages: Option<u64>, octets: Option<u64>) {
        self.mailboxes.lock().limit(messages, octets);
    }

    /// Grants the user these rights in a mailbox and no others from now on, also those without which he cannot change it back.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn restrict(&self, mailbox: &MailboxName, rights: Rights) -> Result<(), Error> {
        let user = Identifier::of_user(&self.name).ok_or(ErrorKind::Cannot)?;
        let mut mailboxes = self.mailboxes.lock();
        *mailboxes.acl(mailbox)? = std::iter::once((user, rights)).collect();
        Ok(())
    }

    /// Messages that come into a mailbox from now on are saved at this moment (RFC 8514), not when they come: for tests.
    pub fn save_at(&self, moment: DateTime<Utc>) {
        self.mailboxes.lock().save_at(moment);
    }
}

impl Backend for MemoryBackend {
    type Session = MemorySession;

    fn abilities(&self) -> Abilities {
        self.abilities.clone()
    }

    async fn url_owner(&self, user: &str) -> Result<Option<MemorySession>, Error> {
        Ok((user == self.name).then(|| self.open()))
    }

    async fn login(&self, _: &Peer, credentials: Credentials) -> Result<MemorySession, LoginError> {
        if credentials.user() == self.name && credentials.password() == Some(&self.password) {
            Ok(self.open())
        } else {
            Err(LoginError::Refused)
        }
    }
}

/// What the store can do, which is everything.
fn everything() -> Abilities {
    Abilities::default()
        .with(Ability::ModSequences)
        .with(Ability::SpecialUse)
        .with(Ability::CreateSpecialUse)
        .with(Ability::ObjectId)
        .with(Ability::Metadata)
        .with(Ability::Quota)
        .with(Ability::MultiAppend)
        .with(Ability::Catenate)
        .with(Ability::Acl)
        .with(Ability::UrlAuth)
        .with(Ability::SaveDate)
}
