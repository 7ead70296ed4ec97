//! `SqlBackend`: from credentials to an account.

use imap_backend::{
    Abilities, Ability, Authenticator, Backend, Credentials, Error, ErrorKind, LoginError, Peer,
};

use crate::session::SqlSession;
use crate::store::Store;
use crate::tables::accounts;

/// A mail store in a database, with an account for each user.
#[derive(Debug)]
pub struct SqlBackend<A> {
    store: Store,
    authenticator: A,
}

pub(crate) fn abilities() -> Abilities {
    Abilities::default().with(Ability::ModSequences)
}

impl<A: Authenticator> SqlBackend<A> {
    /// A backend that serves the accounts of a database to users that `authenticator` knows.
    #[must_use]
    pub const fn new(store: Store, authenticator: A) -> Self {
        Self { store, authenticator }
    }

    /// A session of a user without asking for a password: for local tools and tests. Makes an account that is missing.
    ///
    /// To be called within a tokio runtime, as [`login`](Backend::login) is.
    ///
    /// # Errors
    /// [`ErrorKind::NoPermission`] for an empty name or one with control characters; others when the database cannot be used.
    pub async fn session(&self, user: &str) -> Result<SqlSession, Error> {
        if !can_be_a_user(user) {
            return Err(ErrorKind::NoPermission.into());
        }
        let (node, user) = (self.store.node.clone(), user.to_owned());
        let account = node.blocking(move |node| {
            // Nearly every time it is there, and nobody has to wait for who writes.
            match node.read(|statements| accounts::find_complete(statements, &user))? {
                Some(account) => Ok(account),
                None => node.commit(|change| accounts::make(change.statements, &user)),
            }
        });
        let account = account.await?;
        Ok(SqlSession::new(node, account))
    }
}

impl<A: Authenticator> Backend for SqlBackend<A> {
    type Session = SqlSession;

    fn abilities(&self) -> Abilities {
        abilities()
    }

    async fn login(&self, _peer: &Peer, credentials: Credentials) -> Result<SqlSession, LoginError> {
        self.authenticator.check_credentials(&credentials).await?;
        match can_be_a_user(credentials.user()) {
            true => Ok(self.session(credentials.user()).await?),
            false => Err(LoginError::Refused),
        }
    }
}

/// Whether an account can have this name: it is shown in logs and lists.
fn can_be_a_user(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}
