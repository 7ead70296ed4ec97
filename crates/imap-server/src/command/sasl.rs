//! AUTHENTICATE (RFC 9051, section 6.2.2): what the mechanisms ask the client.

mod scram;

use base64ct::{Base64, Encoding};
use imap_backend::{Backend, Claim, Credentials, LoginError};
use imap_codec::AuthenticateDataCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::auth::{AuthMechanism, AuthenticateData};
use tokio::time::timeout_at;

use super::auth::bad;
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::connection::{Gone, Line};
use crate::on_the_heap::on_the_heap;
use crate::options::LoginMechanism;
use crate::sasl::{Mechanism, bearer};
use crate::state::State;

/// The longest line of a SASL exchange, in octets: RFC 9051, section 6.2.2 lets servers choose, tickets are long.
const SASL_LINE: usize = 12 << 10;

impl<B: Backend> Client<B> {
    /// The mechanisms that a client may use as the connection is, the stronger ones first.
    pub(crate) fn mechanisms(&self) -> impl Iterator<Item = &'static str> {
        Mechanism::ALL
            .into_iter()
            .filter(|&(_, mechanism)| {
                self.knows(mechanism) && (self.may_send_password() || !mechanism.shows_a_secret())
            })
            .map(|(name, _)| name)
    }

    /// Whether a mechanism can be used here once what it shows is protected.
    fn knows(&self, mechanism: Mechanism) -> bool {
        let secured = self.secured.as_deref();
        self.server.backend.logins().take(mechanism.kind())
            && match mechanism {
                Mechanism::Login => self.server.options.login_mechanism == LoginMechanism::Offered,
                Mechanism::ScramSha256Plus => secured.is_some_and(|session| session.exporter.is_some()),
                Mechanism::External => secured.is_some_and(|session| session.certificate.is_some()),
                _ => true,
            }
    }

    pub(crate) async fn authenticate(
        &mut self,
        tag: &str,
        mechanism: &AuthMechanism<'_>,
        initial_response: Option<&[u8]>,
    ) -> Result<(), Gone> {
        let answer = self.sasl(mechanism.as_ref(), initial_response).await;
        self.complete_login(tag, answer)
    }

    async fn sasl(&mut self, name: &str, initial_response: Option<&[u8]>) -> Answer {
        if !matches!(self.state, State::NotAuthenticated) {
            return Err(bad("logged in already"));
        }
        let Some(mechanism) = Mechanism::named(name).filter(|&mechanism| self.knows(mechanism)) else {
            return Err(Completion::no("CANNOT", "the mechanism is not offered").into());
        };
        if mechanism.shows_a_secret() {
            self.needs_privacy()?;
        }
        let message = match (initial_response, mechanism) {
            (Some(response), _) => response.to_vec(),
            (None, Mechanism::Login) => self.ask(b"Username:").await?,
            (None, _) => self.ask(b"").await?,
        };
        match mechanism {
            Mechanism::Plain => self.plain(&message).await,
            Mechanism::Login => {
                let password = self.ask(b"Password:").await?;
                self.check_password(&message, &password).await
            }
            Mechanism::ScramSha256Plus | Mechanism::ScramSha256 => {
                on_the_heap(|| self.scram(mechanism, &message)).await
            }
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => self.bearer(mechanism, &message).await,
            Mechanism::External => self.external(message).await,
        }
    }

    async fn plain(&mut self, message: &[u8]) -> Answer {
        let mut parts = message.split(|&octet| octet == 0);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(acting), Some(user), Some(password), None) if acting.is_empty() || acting == user => {
                self.check_password(user, password).await
            }
            (Some(_), Some(_), Some(_), None) => Err(nobody_acts_for_another()),
            _ => Err(bad("not a PLAIN message (RFC 4616): it takes two NUL octets")),
        }
    }

    async fn bearer(&mut self, mechanism: Mechanism, message: &[u8]) -> Answer {
        let message = std::str::from_utf8(message).unwrap_or_default();
        let (claim, status) = match mechanism {
            Mechanism::XOAuth2 => (bearer::xoauth2(message), "400"),
            _ => (bearer::oauthbearer(message), "invalid_token"),
        };
        let identified = match claim {
            Some(claim) => self.identify(&claim).await?,
            None => Err(LoginError::Refused),
        };
        if let Err(LoginError::Refused) = identified {
            // The client answers this with nothing of interest (RFC 7628, section 3.2.3).
            let refusal = bearer::refusal(status, &self.server.options.oauth);
            self.ask(refusal.as_bytes()).await?;
        }
        self.enter_as(identified).await
    }

    async fn external(&mut self, message: Vec<u8>) -> Answer {
        let Ok(user) = String::from_utf8(message) else {
            return Err(bad("user name must be UTF-8"));
        };
        let certificate = self
            .secured
            .as_deref()
            .and_then(|session| session.certificate.clone());
        let user = (!user.is_empty()).then_some(user);
        let claim = Claim::certificate(user, certificate.unwrap_or_default());
        let identified = self.identify(&claim).await?;
        self.enter_as(identified).await
    }

    /// Asks the backend whose a claim is.
    async fn identify(&mut self, claim: &Claim) -> Result<Result<String, LoginError>, Gone> {
        let identified = async {
            let _turn = self.server.logins.acquire().await;
            self.server.backend.identify(&self.peer, claim).await
        };
        timeout_at(self.channel.deadline(), identified)
            .await
            .map_err(|_| Gone::Silent)
    }

    async fn enter_as(&mut self, identified: Result<String, LoginError>) -> Answer {
        match identified {
            Ok(user) => self.enter(Credentials::verified(user)).await,
            Err(error) => self.not_admitted(&error).await,
        }
    }

    /// Sends a challenge and takes the client's answer. An empty challenge is `+ ` (RFC 9051, section 6.2.2).
    async fn ask(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Stop> {
        let line = format!("+ {}\r\n", Base64::encode_string(challenge));
        self.channel.io.out().extend_from_slice(line.as_bytes());
        let line = match self.channel.read_line(SASL_LINE).await? {
            Line::Whole => padded(self.channel.line()),
            Line::TooLong(_) => return Err(bad("SASL response too long")),
        };
        match AuthenticateDataCodec::default().decode(&line) {
            Ok((_, AuthenticateData::Continue(data))) => Ok(data.declassify().to_vec()),
            Ok((_, AuthenticateData::Cancel)) => Err(bad("AUTHENTICATE cancelled")),
            Err(_) => Err(bad("SASL response is not base64")),
        }
    }
}

fn nobody_acts_for_another() -> Stop {
    Completion::no("AUTHORIZATIONFAILED", "nobody may act for somebody else").into()
}

/// Base64 with its padding, which some clients leave out, and with CRLF.
fn padded(line: &[u8]) -> Vec<u8> {
    let mut text = line.trim_ascii().to_vec();
    if text != b"*" {
        while !text.len().is_multiple_of(4) {
            text.push(b'=');
        }
    }
    text.extend_from_slice(b"\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::padded;

    #[test]
    fn missing_padding_is_added_and_cancelling_is_left_alone() {
        assert_eq!(padded(b"AGpvZQBhYg\r\n"), b"AGpvZQBhYg==\r\n");
        assert_eq!(padded(b"AGpvZQBhYg==\r\n"), b"AGpvZQBhYg==\r\n");
        assert_eq!(padded(b"*\r\n"), b"*\r\n");
    }
}
