//! The not authenticated state: STARTTLS, LOGIN, AUTHENTICATE (RFC 9051, section 6.2).

use imap_backend::{Backend, Credentials, LoginError, Transport};
use imap_codec::AuthenticateDataCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::auth::{AuthMechanism, AuthenticateData};
use imap_codec::imap_types::core::AString;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::config::PlaintextLogin;
use crate::connection::{Gone, Io, Line, Phase};
use crate::state::State;

/// The longest line of a SASL exchange, in octets: RFC 9051, section 6.2.2 lets servers choose, tickets are long.
const SASL_LINE: usize = 12 << 10;

impl<B: Backend> Client<B> {
    /// Whether a password may be sent on this connection as it is.
    pub(crate) fn may_send_password(&self) -> bool {
        let local = self
            .peer
            .address
            .is_none_or(|address| address.ip().to_canonical().is_loopback());
        match (self.peer.transport, self.server.plaintext_login) {
            (Transport::Tls, _) | (_, PlaintextLogin::FromAnywhere) => true,
            (Transport::Plain, PlaintextLogin::FromLoopback) => local,
            (Transport::Plain, PlaintextLogin::Never) => false,
        }
    }

    /// STARTTLS. What was received before the handshake was not protected, so that nothing of it may live on: a
    /// client that has already sent more is cut off.
    pub(crate) async fn start_tls(&mut self, tag: &str) -> Result<(), Gone> {
        let tls = match (&self.server.tls, self.peer.transport, &self.state) {
            (Some(tls), Transport::Plain, State::NotAuthenticated) => tls.clone(),
            (_, Transport::Tls, _) => return self.complete_silently(tag, Err(bad("TLS is in use already"))),
            (None, ..) => return self.complete_silently(tag, Err(bad("STARTTLS is not offered"))),
            _ => return self.complete_silently(tag, Err(bad("STARTTLS after login"))),
        };
        if !self.channel.io.input().is_empty() {
            return Err(Gone::CutOff("octets after STARTTLS"));
        }
        self.complete_silently(tag, Ok(Completion::ok("begin TLS negotiation now")))?;
        self.channel.io.flush().await?;
        let stream = self.channel.io.take_stream();
        let secured = match timeout(self.server.limits.tls_handshake, tls.accept(stream)).await {
            Ok(secured) => secured?,
            Err(_) => return Err(Gone::Lost(std::io::ErrorKind::TimedOut.into())),
        };
        self.channel
            .replace_io(Io::new(Box::new(secured), self.server.limits.write_stall));
        self.peer.transport = Transport::Tls;
        tracing::debug!("TLS established");
        Ok(())
    }

    pub(crate) async fn login(
        &mut self,
        tag: &str,
        username: &AString<'_>,
        password: &AString<'_>,
    ) -> Result<(), Gone> {
        let answer = match self.may_log_in() {
            Ok(()) => self.check_login(username.as_ref(), password.as_ref()).await,
            Err(refusal) => Err(refusal.into()),
        };
        self.complete_login(tag, answer)
    }

    pub(crate) async fn authenticate(
        &mut self,
        tag: &str,
        mechanism: &AuthMechanism<'_>,
        initial_response: Option<&[u8]>,
    ) -> Result<(), Gone> {
        let answer = self.sasl(mechanism, initial_response).await;
        self.complete_login(tag, answer)
    }

    fn complete_login(&mut self, tag: &str, answer: Answer) -> Result<(), Gone> {
        self.complete_silently(tag, answer)?;
        // Without a failed login there is nothing to count, whatever the limit.
        if self.failed_logins >= self.server.limits.failed_logins.max(1) {
            return Err(Gone::CutOff("too many failed logins"));
        }
        Ok(())
    }

    fn may_log_in(&self) -> Result<(), Completion> {
        if !matches!(self.state, State::NotAuthenticated) {
            return Err(Completion::bad("logged in already"));
        }
        if !self.may_send_password() {
            return Err(Completion::no("PRIVACYREQUIRED", "start TLS before logging in"));
        }
        Ok(())
    }

    async fn sasl(&mut self, mechanism: &AuthMechanism<'_>, initial_response: Option<&[u8]>) -> Answer {
        self.may_log_in()?;
        if *mechanism != AuthMechanism::Plain {
            return Err(Completion::no("CANNOT", "only the mechanism PLAIN is offered").into());
        }
        let message = match initial_response {
            Some(response) => response.to_vec(),
            None => self.sasl_response().await?,
        };
        let mut parts = message.split(|&octet| octet == 0);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(acting), Some(user), Some(password), None) if acting.is_empty() || acting == user => {
                self.check_login(user, password).await
            }
            (Some(_), Some(_), Some(_), None) => {
                Err(Completion::no("AUTHORIZATIONFAILED", "nobody may act for somebody else").into())
            }
            _ => Err(bad("not a PLAIN message (RFC 4616): it takes two NUL octets")),
        }
    }

    /// Asks for the client's part of the exchange. An empty challenge is `+ ` (RFC 9051, section 6.2.2).
    async fn sasl_response(&mut self) -> Result<Vec<u8>, Stop> {
        self.channel.io.out().extend_from_slice(b"+ \r\n");
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

    async fn check_login(&mut self, user: &[u8], password: &[u8]) -> Answer {
        let (Ok(user), Ok(password)) = (std::str::from_utf8(user), std::str::from_utf8(password)) else {
            return Err(bad("user name and password must be UTF-8"));
        };
        let credentials = Credentials::new(user.to_owned(), password.to_owned());
        let checked = async {
            // A semaphore that is never closed; without its permit the login would still be right, only dearer.
            let _turn = self.server.logins.acquire().await;
            self.server.backend.login(&self.peer, credentials).await
        };
        let checked = timeout_at(self.channel.deadline(), checked)
            .await
            .map_err(|_| Gone::Silent)?;
        match checked {
            Ok(session) => {
                tracing::info!(user, "logged in");
                self.channel.phase = Phase::User;
                self.failed_logins = 0;
                self.state = State::Authenticated(session);
                self.user = user.into();
                let capabilities = self.capabilities();
                Ok(Completion::ok("logged in").with_code(format!("CAPABILITY {capabilities}")))
            }
            Err(LoginError::Failed(error)) => {
                if let Some(left_out) = self.server.log.login_failed.admit(Instant::now()) {
                    tracing::error!(%error, left_out, "login could not be checked");
                }
                Err(Completion::no("UNAVAILABLE", "logins cannot be checked at the moment").into())
            }
            Err(error) => {
                self.failed_logins += 1;
                // Without the name: people type their password where the name is asked for.
                if let Some(left_out) = self.server.log.login_refused.admit(Instant::now()) {
                    tracing::warn!(attempt = self.failed_logins, %error, left_out, "login refused");
                }
                let delay = self.server.limits.failed_login_delay;
                let pause = sleep(delay.saturating_mul(self.failed_logins));
                let paused = timeout_at(self.channel.deadline(), pause).await;
                paused.map_err(|_| Gone::Silent)?;
                Err(Completion::no("AUTHENTICATIONFAILED", "wrong user name or password").into())
            }
        }
    }
}

fn bad(why: &'static str) -> Stop {
    Completion::bad(why).into()
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
