//! Commands that are valid in any state (RFC 9051, section 6.1), ENABLE and NAMESPACE.

use imap_backend::{Backend, PollReason, Session};
use imap_updates::kind;

use crate::client::{Client, Next};
use crate::completion::{Answer, Completion};
use crate::connection::Gone;
use crate::state::State;
use crate::wire;

impl<B: Backend> Client<B> {
    pub(crate) async fn capability(&mut self, tag: &str) -> Result<(), Gone> {
        let command = self.begin(kind::Capability);
        let capabilities = self.capabilities();
        wire::capability(self.channel.io.out(), &capabilities);
        self.complete_releasing(tag, command, Ok(Completion::ok("CAPABILITY completed")))
            .await
    }

    pub(crate) async fn noop(&mut self, tag: &str) -> Result<(), Gone> {
        let command = self.begin(kind::Noop);
        self.look_properly().await;
        self.complete_releasing(tag, command, Ok(Completion::ok("NOOP completed")))
            .await
    }

    pub(crate) async fn check(&mut self, tag: &str) -> Result<(), Gone> {
        let command = self.begin(kind::Check);
        let answer = self
            .state
            .selected()
            .map(|_| Completion::ok("CHECK completed"))
            .map_err(Into::into);
        self.look_properly().await;
        self.complete_releasing(tag, command, answer).await
    }

    async fn look_properly(&mut self) {
        if let State::Selected(_, selected) = &mut self.state {
            selected.poll(PollReason::Asked).await;
        }
    }

    /// LOGOUT: BYE, the tagged OK, and the backend's sessions end in good order.
    pub(crate) async fn logout(&mut self, tag: &str) -> Result<Next, Gone> {
        wire::bye(self.channel.io.out(), "logging out");
        self.complete_silently(tag, Ok(Completion::ok("LOGOUT completed")))?;
        self.channel.io.flush().await?;
        self.log_out().await;
        Ok(Next::End)
    }

    /// ID (RFC 2971): who we are; what the client says of itself is not kept.
    pub(crate) async fn id(&mut self, tag: &str) -> Result<(), Gone> {
        let command = self.begin(kind::Id);
        self.channel.io.out().extend_from_slice(
            concat!(
                "* ID (\"name\" \"imap-backendutil\" \"version\" \"",
                env!("CARGO_PKG_VERSION"),
                "\")\r\n"
            )
            .as_bytes(),
        );
        self.complete_releasing(tag, command, Ok(Completion::ok("ID completed")))
            .await
    }

    /// ENABLE (RFC 5161): nothing that this server offers has to be enabled, and unknown names are ignored.
    pub(crate) async fn enable(&mut self, tag: &str) -> Result<(), Gone> {
        let command = self.begin(kind::Enable);
        let answer = self.enabled();
        self.complete_releasing(tag, command, answer).await
    }

    fn enabled(&mut self) -> Answer {
        self.state.session()?;
        self.channel.io.out().extend_from_slice(b"* ENABLED\r\n");
        Ok(Completion::ok("ENABLE completed"))
    }

    pub(crate) async fn namespace(&mut self, tag: &str) -> Result<(), Gone> {
        let command = self.begin(kind::Namespace);
        let answer = self.personal_namespace();
        self.complete_releasing(tag, command, answer).await
    }

    fn personal_namespace(&mut self) -> Answer {
        let delimiter = self.state.session()?.delimiter();
        wire::namespace(self.channel.io.out(), delimiter);
        Ok(Completion::ok("NAMESPACE completed"))
    }
}
