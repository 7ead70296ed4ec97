//! Checking passwords: what a backend that only keeps mail leaves to its server.

use crate::claim::Claim;
use crate::error::{Error, ErrorKind, LoginError};
use crate::login::{Credentials, Proof};
use crate::logins::Logins;
use crate::scram::ScramKeys;

/// Why something could not be found out.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Checks passwords.
///
/// A backend that keeps mail and no users takes one, and asks it in [`Backend::login`](crate::Backend::login).
pub trait Authenticator: Send + Sync + 'static {
    /// Whether that is the user's password. An unknown user should take as long as a wrong password.
    ///
    /// # Errors
    /// The check could not be made; the error is logged and the client told to try later.
    fn verify(
        &self,
        user: &str,
        password: &str,
    ) -> impl Future<Output = Result<PasswordCheck, Failure>> + Send;

    /// See [`Backend::logins`](crate::Backend::logins).
    fn logins(&self) -> Logins {
        Logins::default()
    }

    /// See [`Backend::scram_keys`](crate::Backend::scram_keys).
    ///
    /// # Errors
    /// The keys cannot be read.
    fn scram_keys(&self, user: &str) -> impl Future<Output = Result<Option<ScramKeys>, Failure>> + Send {
        let _ = user;
        async { Ok(None) }
    }

    /// Whose a bearer token or a certificate is; `None` where it is nobody's, or may not act for the user it asks for.
    ///
    /// # Errors
    /// That could not be found out.
    fn identify(&self, claim: &Claim) -> impl Future<Output = Result<Option<String>, Failure>> + Send {
        let _ = claim;
        async { Ok(None) }
    }

    /// [`identify`](Self::identify) as [`Backend::identify`](crate::Backend::identify) answers it.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for nobody; [`LoginError::Failed`] where it could not be found out.
    fn check_claim(&self, claim: &Claim) -> impl Future<Output = Result<String, LoginError>> + Send {
        async {
            match self.identify(claim).await {
                Ok(user) => user.ok_or(LoginError::Refused),
                Err(failure) => Err(unavailable(failure).into()),
            }
        }
    }

    /// [`scram_keys`](Self::scram_keys) as [`Backend::scram_keys`](crate::Backend::scram_keys) answers it.
    ///
    /// # Errors
    /// The keys cannot be read.
    fn find_scram_keys(&self, user: &str) -> impl Future<Output = Result<Option<ScramKeys>, Error>> + Send {
        async { self.scram_keys(user).await.map_err(unavailable) }
    }

    /// [`verify`](Self::verify) as a login answers it.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for a wrong password; [`LoginError::Failed`] where the check could not be made.
    fn check_credentials(
        &self,
        credentials: &Credentials,
    ) -> impl Future<Output = Result<(), LoginError>> + Send {
        async {
            let password = match credentials.proof() {
                Proof::Password(password) => password,
                Proof::Verified => return Ok(()),
            };
            match self.verify(credentials.user(), password).await {
                Ok(PasswordCheck::Accepted) => Ok(()),
                Ok(PasswordCheck::Refused) => Err(LoginError::Refused),
                Err(failure) => Err(unavailable(failure).into()),
            }
        }
    }
}

/// A failure that says so already is the error itself.
fn unavailable(failure: Failure) -> Error {
    match failure.downcast::<Error>() {
        Ok(error) if error.kind() == ErrorKind::Unavailable => *error,
        Ok(error) => Error::new(ErrorKind::Unavailable).with_source(*error),
        Err(failure) => Error::new(ErrorKind::Unavailable).with_source(failure),
    }
}

/// Lets nobody in: for backends whose sessions are opened without a login, by tools.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Authenticator for Nobody {
    async fn verify(&self, _: &str, _: &str) -> Result<PasswordCheck, Failure> {
        Ok(PasswordCheck::Refused)
    }
}

/// What an [`Authenticator`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is the user's.
    Accepted,
    /// It is not, or there is no such user.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind, unavailable};

    #[test]
    fn a_store_that_cannot_be_asked_is_named_once() {
        let error = unavailable(Error::new(ErrorKind::Unavailable).with_source("refused").into());
        assert_eq!(
            error.to_string(),
            "a part of the mail store is unavailable: refused"
        );
        assert_eq!(unavailable("refused".into()).to_string(), error.to_string());
    }
}
