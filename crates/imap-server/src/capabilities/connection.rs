//! The capabilities that depend on the connection, its state, or on what the operator chose.

use std::borrow::Cow;

use imap_backend::{Backend, Transport};

use crate::client::Client;
use crate::state::State;

impl<B: Backend> Client<B> {
    /// What is listed behind the capabilities that everybody sees.
    pub(super) fn connection_capabilities(&self) -> Vec<Cow<'static, str>> {
        let mut all = Vec::new();
        if self.may_compress() {
            all.push("COMPRESS=DEFLATE".into());
        }
        if let State::NotAuthenticated = self.state {
            if self.peer.transport == Transport::Plain && self.server.tls.is_some() {
                all.push("STARTTLS".into());
            }
            all.push(match self.may_send_password() {
                true => "AUTH=PLAIN".into(),
                false => "LOGINDISABLED".into(),
            });
        }
        all
    }
}
