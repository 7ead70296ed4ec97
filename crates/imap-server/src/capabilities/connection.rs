//! The capabilities that depend on the connection, its state, or on what the operator chose.

use std::borrow::Cow;

use imap_backend::{Backend, LoginKind, Transport};

use crate::client::Client;
use crate::state::State;

impl<B: Backend> Client<B> {
    /// What is listed behind the capabilities that everybody sees.
    pub(super) fn connection_capabilities(&self) -> Vec<Cow<'static, str>> {
        let mut all = Vec::new();
        all.push(format!("APPENDLIMIT={}", self.server.limits.append).into());
        match (self.server.limits.message_limit, self.server.limits.save_limit) {
            (Some(limit), _) => all.push(format!("MESSAGELIMIT={limit}").into()),
            (None, Some(limit)) => all.push(format!("SAVELIMIT={limit}").into()),
            (None, None) => {}
        }
        if self.may_compress() {
            all.push("COMPRESS=DEFLATE".into());
        }
        if self.may_unauthenticate() {
            all.push("UNAUTHENTICATE".into());
        }
        if self.server.options.jmap.is_some() && !matches!(self.state, State::NotAuthenticated) {
            all.push("JMAPACCESS".into());
        }
        if let State::NotAuthenticated = self.state {
            if self.peer.transport == Transport::Plain && self.server.tls.is_some() {
                all.push("STARTTLS".into());
            }
            if !self.may_send_password() || !self.server.backend.logins().take(LoginKind::Password) {
                all.push("LOGINDISABLED".into());
            }
            all.extend(self.mechanisms().map(|name| format!("AUTH={name}").into()));
        }
        all
    }
}
