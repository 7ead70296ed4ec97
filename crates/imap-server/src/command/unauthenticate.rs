//! UNAUTHENTICATE (RFC 8437).

use imap_backend::Backend;

use crate::client::Client;
use crate::completion::Completion;
use crate::connection::Gone;
use crate::enabled::Enabled;
use crate::state::State;

impl<B: Backend> Client<B> {
    /// Whether UNAUTHENTICATE would be answered OK. Not under compression: it would have to end on the octet (RFC 8437, section
    /// 4.1), and where a client has ended its stream cannot be told from where it has flushed it.
    pub(crate) fn may_unauthenticate(&self) -> bool {
        !matches!(self.state, State::NotAuthenticated) && !self.channel.io.is_compressed()
    }

    /// The connection is what it was before login, but for TLS, and for the logins that have failed.
    pub(crate) async fn unauthenticate(&mut self, tag: &str) -> Result<(), Gone> {
        if !self.may_unauthenticate() {
            let why = match self.state {
                State::NotAuthenticated => "log in first",
                _ => "not while the connection is compressed",
            };
            return self.complete_silently(tag, Err(Completion::bad(why).into()));
        }
        self.log_out().await;
        self.enabled = Enabled::default();
        self.watching = None;
        self.user = "".into();
        self.channel.begin_anew();
        tracing::info!("logged out, to log in again");
        self.complete_silently(tag, Ok(Completion::ok("UNAUTHENTICATE completed")))
    }
}
