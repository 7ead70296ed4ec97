//! Checking passwords: what a backend that only keeps mail leaves to its server.

use crate::error::{Error, ErrorKind, LoginError};
use crate::login::Credentials;

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
    ) -> impl Future<Output = Result<PasswordCheck, Box<dyn std::error::Error + Send + Sync>>> + Send;

    /// [`verify`](Self::verify) as a login answers it.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for a wrong password and for credentials without one; [`LoginError::Failed`] where the check
    /// could not be made.
    fn check_credentials(
        &self,
        credentials: &Credentials,
    ) -> impl Future<Output = Result<(), LoginError>> + Send {
        async {
            let Some(password) = credentials.password() else {
                return Err(LoginError::Refused);
            };
            match self.verify(credentials.user(), password).await {
                Ok(PasswordCheck::Accepted) => Ok(()),
                Ok(PasswordCheck::Refused) => Err(LoginError::Refused),
                Err(error) => Err(Error::new(ErrorKind::Unavailable).with_source(error).into()),
            }
        }
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
