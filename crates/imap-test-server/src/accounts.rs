//! The accounts of a server: who may log in, and what belongs to whom.

use imap_backend::{
    Abilities, Ability, Backend, Claim, Credentials, LoginError, LoginKind, Logins, Peer, Proof,
};
use imap_memory::{MemoryBackend, MemorySession};
use std::collections::BTreeMap;

/// A user's mail, and the password, which is the bearer token too.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) password: String,
    pub(crate) mail: MemoryBackend,
}

/// All users of a server.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    pub(crate) owners: BTreeMap<String, Owner>,
    pub(crate) missing: Vec<Ability>,
}

impl Accounts {
    fn of(&self, name: &str) -> Result<&Owner, LoginError> {
        self.owners.get(name).ok_or(LoginError::Refused)
    }
}

impl Backend for Accounts {
    type Session = MemorySession;

    fn abilities(&self) -> Abilities {
        let all = MemoryBackend::new("", "").abilities();
        self.missing
            .iter()
            .fold(all, |abilities, missing| abilities.without(*missing))
    }

    fn logins(&self) -> Logins {
        Logins::default().with(LoginKind::Bearer)
    }

    async fn identify(&self, _: &Peer, claim: &Claim) -> Result<String, LoginError> {
        let Claim::Bearer { token, .. } = claim else {
            return Err(LoginError::Refused);
        };
        let is_of = |(name, owner): &(&String, &Owner)| {
            owner.password == *token && claim.user().is_none_or(|user| user == *name)
        };
        let owner = self.owners.iter().find(is_of);
        owner.map(|(name, _)| name.clone()).ok_or(LoginError::Refused)
    }

    async fn login(&self, _: &Peer, credentials: Credentials) -> Result<MemorySession, LoginError> {
        let owner = self.of(credentials.user())?;
        match credentials.proof() {
            Proof::Password(password) if *password == owner.password => Ok(owner.mail.open()),
            Proof::Verified => Ok(owner.mail.open()),
            _ => Err(LoginError::Refused),
        }
    }
}
