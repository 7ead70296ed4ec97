//! The way in: credentials become a session.

use crate::ability::Abilities;
use crate::claim::Claim;
use crate::error::{Error, LoginError};
use crate::login::{Credentials, Peer};
use crate::logins::Logins;
use crate::scram::ScramKeys;
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

    /// Which kinds of proof [`login`](Self::login) and its sisters take: the server offers no others. The default is passwords.
    fn logins(&self) -> Logins {
        Logins::default()
    }

    /// The keys of a user for SCRAM-SHA-256; `None` for a user whom there is not, or who has none. Asked where
    /// [`logins`](Self::logins) has [`Scram`](crate::LoginKind::Scram). The server then checks the client's proof itself, and
    /// calls [`login`](Self::login) with [`Proof::Verified`](crate::Proof::Verified). Of a user without keys it asks what it
    /// would ask of another, so that nobody learns who there is; both should take equally long here.
    ///
    /// # Errors
    /// The keys cannot be read at the moment.
    fn scram_keys(&self, user: &str) -> impl Future<Output = Result<Option<ScramKeys>, Error>> + Send {
        let _ = user;
        async { Ok(None) }
    }

    /// Whose a bearer token or a certificate is, by the name that [`login`](Self::login) is then called with, and with
    /// [`Proof::Verified`](crate::Proof::Verified). Asked where [`logins`](Self::logins) has the kind.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for a token that is not valid, a certificate of nobody, or one that may not act for the user
    /// it asks for; [`LoginError::Failed`] where that could not be found out.
    fn identify(
        &self,
        peer: &Peer,
        claim: &Claim,
    ) -> impl Future<Output = Result<String, LoginError>> + Send {
        let _ = (peer, claim);
        async { Err(LoginError::Refused) }
    }

    /// A session of the user whose message an authorized URL names (RFC 4467, section 7), without a password: the server
    /// reads through it what the URL names, once the URL's token is right by the key of [`Session::url_key`]. `None` for a
    /// user whom there is not; none is made. Offered with [`Ability::UrlAuth`](crate::Ability::UrlAuth).
    ///
    /// # Errors
    /// The store cannot be read.
    fn url_owner(&self, user: &str) -> impl Future<Output = Result<Option<Self::Session>, Error>> + Send {
        let _ = user;
        async { Ok(None) }
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
