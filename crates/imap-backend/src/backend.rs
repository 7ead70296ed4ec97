//! The way in: credentials become a session.

use crate::ability::Abilities;
use crate::error::LoginError;
use crate::login::{Credentials, Peer};
use crate::session::Session;

/// A mail store that speaks IMAP.
///
/// One value serves all connections; [`login`](Self::login) makes the per-connection [`Session`].
pub trait Backend: Send + Sync + 'static {
    /// A logged-in connection.
    type Session: Session;

    /// What the backend can do for some user at least: CAPABILITY lists it before login.
    ///
    /// The default is what the defaults of the traits can do.
    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    /// Checks credentials (LOGIN, AUTHENTICATE; RFC 9051, sections 6.2.2 and 6.2.3).
    ///
    /// The server has already refused passwords over unprotected connections, slows down and ends series of
    /// failures, and bounds how many logins run at once. An unknown user should take as long as a wrong password.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for wrong credentials and for kinds of credentials that this backend does not take,
    /// [`LoginError::Failed`] where they could not be checked.
    fn login(
        &self,
        peer: &Peer,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Self::Session, LoginError>> + Send;
}
