//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 7677) on a connection.

use base64ct::{Base64, Encoding};
use imap_backend::{Backend, Credentials, LoginError, ScramKeys};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::timeout_at;

use super::super::auth::bad;
use super::nobody_acts_for_another;
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::connection::Gone;
use crate::sasl::Mechanism;
use crate::sasl::scram::{self, Binding, ClientFirst, Mismatch};

/// Octets of the server's part of the nonce, before they become base64.
const NONCE: usize = 18;

impl<B: Backend> Client<B> {
    /// The exchange, from the client's first message on.
    pub(super) async fn scram(&mut self, mechanism: Mechanism, first: &[u8]) -> Answer {
        let first = std::str::from_utf8(first).ok().and_then(ClientFirst::parse);
        let Some(first) = first else {
            return Err(bad("not a SCRAM message (RFC 5802, section 7)"));
        };
        if first.acting.as_ref().is_some_and(|acting| *acting != first.user) {
            return Err(nobody_acts_for_another());
        }
        let bound = self.bound(mechanism, first.binding)?;
        let (keys, user_is) = self.keys(&first.user).await?;
        let challenge = first.challenge(&keys, &nonce()?);
        let last = self.ask(challenge.as_bytes()).await?;
        let last = std::str::from_utf8(&last).unwrap_or_default();
        let bound = bound.as_ref().map(<[u8; 32]>::as_slice);
        match (first.verify(&keys, &challenge, bound, last), user_is) {
            (Ok(proof), UserIs::Known) => {
                // The client learns that the server knows it too, and has nothing more to say (RFC 9051, section 6.2.2).
                self.ask(proof.as_bytes()).await?;
                self.enter(Credentials::verified(first.user)).await
            }
            (Err(Mismatch::Malformed), _) => Err(bad("not a SCRAM message (RFC 5802, section 7)")),
            (Err(Mismatch::Binding | Mismatch::Proof) | Ok(_), _) => {
                self.not_admitted(&LoginError::Refused).await
            }
        }
    }

    /// What the exchange has to be bound to.
    ///
    /// # Errors
    /// The client does not do what the mechanism asks for; or it was told that the server cannot bind, which somebody
    /// between the two must have made it believe (RFC 5802, section 6).
    fn bound(&self, mechanism: Mechanism, binding: Binding<'_>) -> Result<Option<[u8; 32]>, Stop> {
        let exporter = self.secured.as_deref().and_then(|session| session.exporter);
        match (mechanism, binding) {
            (Mechanism::ScramSha256Plus, Binding::Used(scram::TLS_EXPORTER)) => Ok(exporter),
            (Mechanism::ScramSha256Plus, Binding::Used(_)) => {
                Err(Completion::no("CANNOT", "of the channel bindings only tls-exporter is offered").into())
            }
            (Mechanism::ScramSha256, Binding::Unsupported) => Ok(None),
            (Mechanism::ScramSha256, Binding::Unused) if exporter.is_none() => Ok(None),
            (Mechanism::ScramSha256, Binding::Unused) => Err(Completion::no(
                "AUTHENTICATIONFAILED",
                "SCRAM-SHA-256-PLUS is offered, and somebody has hidden it",
            )
            .into()),
            _ => Err(bad("the channel binding does not fit the mechanism")),
        }
    }

    async fn keys(&mut self, user: &str) -> Result<(ScramKeys, UserIs), Stop> {
        let found = timeout_at(self.channel.deadline(), self.server.backend.scram_keys(user)).await;
        match found.map_err(|_| Gone::Silent)? {
            Ok(Some(keys)) => Ok((keys, UserIs::Known)),
            Ok(None) => {
                let secret = &self.server.options.scram_secret;
                Ok((scram::keys_of_nobody(secret, user), UserIs::Unknown))
            }
            Err(error) => Err(self.unavailable(&error)),
        }
    }
}

/// Whether there are keys of a user.
enum UserIs {
    Known,
    Unknown,
}

fn nonce() -> Result<String, Stop> {
    let mut nonce = [0; NONCE];
    let random = SystemRandom::new().fill(&mut nonce);
    random.map_err(|_| Completion::no("UNAVAILABLE", "logins cannot be checked at the moment"))?;
    Ok(Base64::encode_string(&nonce))
}
