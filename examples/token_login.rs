//! Users who log in with a token instead of a password (OAUTHBEARER, RFC 7628): it is signed by somebody who knows them, and
//! the mail server only checks the signature.
//!
//! `cargo run -p imap-backendutil-examples --example token_login [ADDRESS:PORT] [MAILDIR]`
//!
//! The key and a token of the user `demo` for an hour are printed; with a real provider the key is the one of its tokens (an
//! HMAC key here; ES256 is `Es256` with its public key). `demo-tokens/%u` becomes each user's Maildir. It prints and serves:
//! ```text
//! token of demo: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...
//! listening on 127.0.0.1:1143
//! ```
//! Try it: `(printf 'a AUTHENTICATE OAUTHBEARER %s\r\n' "$(printf 'n,,\1auth=Bearer %s\1\1' TOKEN | base64 -w0)"; cat) | nc ...`.

use chrono::{Duration, Utc};
use imap_backend::{Authenticator, Claim, LoginKind, Logins, PasswordCheck};
use imap_maildir::{MailRoot, MaildirBackend};
use imap_server::{OAuth, Server, Shutdown};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header, TimeOptions, UntrustedToken};
use serde::{Deserialize, Serialize};
use std::error::Error;

/// What the provider says of a user, and for whom it says it.
#[derive(Serialize, Deserialize)]
struct Identity {
    sub: String,
    aud: String,
}

/// A token for another service must not open a mailbox.
const AUDIENCE: &str = "imap";

struct Tokens {
    key: Hs256Key,
}

impl Tokens {
    /// Whose a token is; `None` for one that is not signed with the key, has expired, or is meant for somebody else.
    fn user(&self, token: &str) -> Option<String> {
        let token = UntrustedToken::new(token).ok()?;
        // The algorithm is ours to choose and not the token's.
        let token = Hs256.validator::<Identity>(&self.key).validate(&token).ok()?;
        let claims = token.claims();
        claims.validate_expiration(&TimeOptions::default()).ok()?;
        (claims.custom.aud == AUDIENCE).then(|| claims.custom.sub.clone())
    }

    /// What the provider does.
    fn issue(&self, user: &str) -> Result<String, Box<dyn Error>> {
        let identity = Identity { sub: user.to_owned(), aud: AUDIENCE.to_owned() };
        let claims =
            Claims::new(identity).set_duration_and_issuance(&TimeOptions::default(), Duration::hours(1));
        Ok(Hs256.token(&Header::empty(), &claims, &self.key)?)
    }
}

impl Authenticator for Tokens {
    fn logins(&self) -> Logins {
        Logins::default().with(LoginKind::Bearer).without(LoginKind::Password)
    }

    async fn identify(&self, claim: &Claim) -> Result<Option<String>, Box<dyn Error + Send + Sync>> {
        let Claim::Bearer { token, .. } = claim else {
            return Ok(None);
        };
        // Nobody may act for somebody else.
        let user = self.user(token);
        Ok(user.filter(|user| claim.user().is_none_or(|wanted| wanted == user)))
    }

    async fn verify(&self, _: &str, _: &str) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(PasswordCheck::Refused)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:1143".into());
    let maildirs = std::env::args().nth(2).unwrap_or("demo-tokens".into());
    // In earnest from the settings. Of today, so that each day's tokens end.
    let tokens =
        Tokens { key: Hs256Key::new(format!("only for trying it out, {}", Utc::now().date_naive())) };
    println!("token of demo: {}", tokens.issue("demo")?);
    let backend = MaildirBackend::new(MailRoot::new(format!("{maildirs}/%u")), tokens)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let oauth = OAuth::default().scope(AUDIENCE);
    let server = Server::builder(backend).oauth(oauth).build();
    Ok(server.serve(listener, Shutdown::new()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: &str) -> Tokens {
        Tokens { key: Hs256Key::new(key) }
    }

    #[test]
    fn a_token_is_its_users_and_nobody_elses() {
        let ours = tokens("ours");
        let token = ours.issue("ada").unwrap();
        assert_eq!(ours.user(&token).as_deref(), Some("ada"));
        assert_eq!(tokens("theirs").user(&token), None);
        let (head, rest) = token.split_once('.').unwrap();
        let (claims, _) = rest.split_once('.').unwrap();
        for forged in [format!("{head}.{claims}."), format!("{head}.{claims}"), "x.y.z".to_owned()] {
            assert_eq!(ours.user(&forged), None, "{forged}");
        }
        // `{"alg":"none"}`.
        assert_eq!(ours.user(&format!("eyJhbGciOiJub25lIn0.{claims}.")), None);
    }
}
