//! The not authenticated state: STARTTLS and LOGIN (RFC 9051, sections 6.2.1 and 6.2.3), and how every login ends.

use std::sync::Arc;

use imap_backend::{Backend, Credentials, Error, ErrorKind, LoginError, LoginKind, Transport};
use imap_codec::imap_types::core::AString;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::config::PlaintextLogin;
use crate::connection::{Gone, Io, Phase, Secured};
use crate::state::State;

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
        self.secured = Some(Secured::of(secured.get_ref().1));
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
            Ok(()) => self.check_password(username.as_ref(), password.as_ref()).await,
            Err(refusal) => Err(refusal.into()),
        };
        self.complete_login(tag, answer)
    }

    pub(super) fn complete_login(&mut self, tag: &str, answer: Answer) -> Result<(), Gone> {
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
        self.needs_privacy()?;
        if !self.server.backend.logins().take(LoginKind::Password) {
            return Err(Completion::no("CANNOT", "passwords are not taken"));
        }
        Ok(())
    }

    /// # Errors
    /// NO: what the client would send shows a secret, and everybody could read it.
    pub(super) fn needs_privacy(&self) -> Result<(), Completion> {
        match self.may_send_password() {
            true => Ok(()),
            false => Err(Completion::no("PRIVACYREQUIRED", "start TLS before logging in")),
        }
    }

    pub(super) async fn check_password(&mut self, user: &[u8], password: &[u8]) -> Answer {
        let (Ok(user), Ok(password)) = (std::str::from_utf8(user), std::str::from_utf8(password)) else {
            return Err(bad("user name and password must be UTF-8"));
        };
        self.enter(Credentials::new(user.to_owned(), password.to_owned()))
            .await
    }

    /// Logs in, if the backend lets these credentials in.
    pub(super) async fn enter(&mut self, credentials: Credentials) -> Answer {
        let user: Arc<str> = credentials.user().into();
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
                tracing::info!(user = &*user, "logged in");
                self.channel.phase = Phase::User;
                self.failed_logins = 0;
                self.state = State::Authenticated(session);
                self.user = user;
                let capabilities = self.capabilities();
                Ok(Completion::ok("logged in").with_code(format!("CAPABILITY {capabilities}")))
            }
            Err(error) => self.not_admitted(&error).await,
        }
    }

    /// The answer to a login that failed, after the pause that guessing costs.
    pub(super) async fn not_admitted(&mut self, error: &LoginError) -> Answer {
        if let LoginError::Failed(error) = error {
            return Err(self.unavailable(error));
        }
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

    /// The answer to a login that cannot be checked, or whose mail cannot be had; the reason goes to the log.
    pub(super) fn unavailable(&self, error: &Error) -> Stop {
        if let Some(left_out) = self.server.log.login_failed.admit(Instant::now()) {
            tracing::error!(%error, left_out, "login could not be checked");
        }
        match error.kind() {
            ErrorKind::InUse => Completion::no("INUSE", "another server has the mail to itself").into(),
            _ => Completion::no("UNAVAILABLE", "logins cannot be checked at the moment").into(),
        }
    }
}

pub(super) fn bad(why: &'static str) -> Stop {
    Completion::bad(why).into()
}
