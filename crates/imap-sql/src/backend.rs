//! `SqlBackend`: from credentials to an account.

use std::sync::Arc;

use imap_backend::{
    Abilities, Ability, Authenticator, Backend, Claim, Credentials, Error, ErrorKind, LoginError, Logins,
    Peer, ScramKeys,
};

use crate::session::SqlSession;
use crate::store::Store;
use crate::tables::accounts;

/// A mail store in a database, with an account for each user.
#[derive(Debug)]
pub struct SqlBackend<A> {
    store: Store,
    authenticator: A,
    missing: Missing,
}

/// What becomes of a user who may log in and has no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// The account is made.
    Make,
    /// The login is refused.
    Refuse,
}

pub(crate) fn abilities() -> Abilities {
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

impl<A: Authenticator> SqlBackend<A> {
    /// A backend that serves the accounts of a database to users that `authenticator` knows.
    #[must_use]
    pub const fn new(store: Store, authenticator: A) -> Self {
        Self {
            store,
            authenticator,
            missing: Missing::Make,
        }
    }

    /// Refuses users without an account, instead of making one: for an authenticator that asks the database. An account that
    /// is dropped while its user logs in is not made again.
    #[must_use]
    pub const fn without_new_accounts(mut self) -> Self {
        self.missing = Missing::Refuse;
        self
    }

    /// A session of a user without asking for a password: for local tools and tests. Makes an account that is missing.
    ///
    /// To be called within a tokio runtime, as [`login`](Backend::login) is.
    ///
    /// # Errors
    /// [`ErrorKind::NoPermission`] for an empty name or one with control characters; others when the database cannot be used.
    pub async fn session(&self, user: &str) -> Result<SqlSession, Error> {
        let session = self.open(user, Missing::Make).await?;
        session.ok_or_else(|| ErrorKind::NoPermission.into())
    }

    /// A session; none for a name that no account can have, or where an account is missing and not to be made.
    async fn open(&self, user: &str, missing: Missing) -> Result<Option<SqlSession>, Error> {
        if !can_be_a_user(user) {
            return Ok(None);
        }
        let (node, user): (_, Arc<str>) = (self.store.node.clone(), user.into());
        let name = Arc::clone(&user);
        let account = node.blocking(move |node| {
            // Nearly every time it is there, and nobody has to wait for who writes.
            match node.read(|statements| accounts::find_complete(statements, &name))? {
                Some(account) => Ok(Some(account)),
                None => node.commit(|change| match missing {
                    Missing::Make => accounts::make(change.statements, &name).map(Some),
                    Missing::Refuse => accounts::complete(change.statements, &name),
                }),
            }
        });
        let account = account.await?;
        Ok(account.map(|account| SqlSession::new(&self.store, account, user)))
    }
}

impl<A: Authenticator> Backend for SqlBackend<A> {
    type Session = SqlSession;

    fn abilities(&self) -> Abilities {
        abilities()
    }

    fn logins(&self) -> Logins {
        self.authenticator.logins()
    }

    async fn scram_keys(&self, user: &str) -> Result<Option<ScramKeys>, Error> {
        self.authenticator.find_scram_keys(user).await
    }

    async fn identify(&self, _peer: &Peer, claim: &Claim) -> Result<String, LoginError> {
        self.authenticator.check_claim(claim).await
    }

    /// Of a user who has an account: none is made.
    async fn url_owner(&self, user: &str) -> Result<Option<SqlSession>, Error> {
        self.open(user, Missing::Refuse).await
    }

    async fn login(&self, _peer: &Peer, credentials: Credentials) -> Result<SqlSession, LoginError> {
        self.authenticator.check_credentials(&credentials).await?;
        let session = self.open(credentials.user(), self.missing).await?;
        session.ok_or(LoginError::Refused)
    }
}

/// Whether an account can have this name: it is shown in logs and lists.
pub(crate) fn can_be_a_user(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}
