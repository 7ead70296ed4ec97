//! `SqlBackend`: from credentials to an account.

use imap_backend::{Abilities, Ability, Backend, Credentials, Error, ErrorKind, LoginError, Peer};

use crate::session::SqlSession;
use crate::store::Store;
use crate::tables::accounts;

/// Checks passwords: what this crate leaves to the server.
pub trait Authenticator: Send + Sync + 'static {
    /// Whether that is the user's password. An unknown user should take as long as a wrong password.
    ///
    /// # Errors
    /// The check could not be made; the error is logged and the client told to try later.
    fn verify(
        &self,
        user: &str,
        password: &str,
    ) -> impl Future<Output = Result<PasswordCheck, Box<dyn std::error::Error + Send + Sync>>> + Send;
}

/// What an [`Authenticator`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is the user's.
    Accepted,
    /// It is not, or there is no such user.
    Refused,
}

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
        let Some(password) = credentials.password() else {
            return Err(LoginError::Refused);
        };
        match self.authenticator.verify(credentials.user(), password).await {
            Ok(PasswordCheck::Accepted) => {}
            Ok(PasswordCheck::Refused) => return Err(LoginError::Refused),
            Err(error) => return Err(Error::new(ErrorKind::Unavailable).with_source(error).into()),
        }
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
