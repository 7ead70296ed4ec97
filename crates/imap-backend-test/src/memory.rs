//! The reference backend: mailboxes in memory.
//!
//! Everything a mailbox is lives inside its hub, so that each change and its publication are one critical section
//! by construction. Nothing outlives the process.

mod mailbox;
mod mailboxes;
mod messages;
mod session;

pub use mailbox::MemoryMailbox;
pub use session::MemorySession;

use imap_backend::{Abilities, Ability, Backend, Credentials, LoginError, Peer};
use mailboxes::Mailboxes;
use parking_lot::Mutex;
use std::sync::Arc;

/// A backend that keeps its mail in memory: one user, whose mailboxes all connections share.
///
/// It does everything that the traits can say: mod-sequences, summaries, subscriptions, special uses, annotations, quotas.
///
/// UIDVALIDITY counts from 1 in each process, so that a test sees the same numbers at every run. A client that remembers
/// them takes the mail of the next process for that of the last one.
///
/// ```
/// use imap_backend_test::MemoryBackend;
/// let backend = MemoryBackend::new("demo", "demo");
/// let clone = backend.clone(); // the same mailboxes
/// ```
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    name: String,
    password: String,
    mailboxes: Arc<Mutex<Mailboxes>>,
}

impl MemoryBackend {
    /// A user with an empty INBOX.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Self {
        Self {
            name: name.into(),
            password: password.into(),
            mailboxes: Arc::new(Mutex::new(Mailboxes::new())),
        }
    }
}

impl MemoryBackend {
    /// Limits the user's messages and their octets from now on, or not at all.
    pub fn limit(&self, messages: Option<u64>, octets: Option<u64>) {
        self.mailboxes.lock().limit(messages, octets);
    }
}

impl Backend for MemoryBackend {
    type Session = MemorySession;

    fn abilities(&self) -> Abilities {
        Abilities::default()
            .with(Ability::ModSequences)
            .with(Ability::SpecialUse)
            .with(Ability::CreateSpecialUse)
            .with(Ability::ObjectId)
            .with(Ability::Metadata)
            .with(Ability::Quota)
            .with(Ability::MultiAppend)
            .with(Ability::Catenate)
    }

    async fn login(&self, _: &Peer, credentials: Credentials) -> Result<MemorySession, LoginError> {
        if credentials.user() == self.name && credentials.password() == Some(&self.password) {
            Ok(MemorySession::new(self.abilities(), Arc::clone(&self.mailboxes)))
        } else {
            Err(LoginError::Refused)
        }
    }
}
