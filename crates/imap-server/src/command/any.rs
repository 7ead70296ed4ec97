//! Commands that are valid in any state (RFC 9051, section 6.1), ENABLE and NAMESPACE.

use imap_backend::{Backend, PollReason, Session};
use imap_codec::imap_types::extensions::enable::CapabilityEnable;
use imap_updates::{CommandInProgress, kind};

use crate::capabilities;
use crate::client::{Client, Next, mailbox_ended};
use crate::completion::{Answer, Completion, Stop};
use crate::connection::Gone;
use crate::enabled::Feature;
use crate::notify::Look;
use crate::on_the_heap::on_the_heap;
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
        on_the_heap(|| self.look_at_others(Look::TellChanges)).await?;
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
            selected.poll(PollReason::Asked, &self.server.log).await;
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

    /// ENABLE (RFC 5161, section 3.1). Names that are not known, or need what the backend does not offer, are passed over.
    pub(crate) async fn enable(
        &mut self,
        tag: &str,
        capabilities: &[CapabilityEnable<'_>],
    ) -> Result<(), Gone> {
        let command = self.begin(kind::Enable);
        let answer = self.enabled(capabilities, command.as_ref()).await;
        self.complete_releasing(tag, command, answer).await
    }

    async fn enabled(
        &mut self,
        capabilities: &[CapabilityEnable<'_>],
        command: Option<&CommandInProgress<kind::Enable>>,
    ) -> Answer {
        self.state.session()?;
        let abilities = self.abilities();
        let mut names: Vec<&str> = Vec::new();
        for capability in capabilities {
            let known = capabilities::feature(&capability.to_string(), &abilities);
            let Some((name, feature)) = known.filter(|(name, _)| !names.contains(name)) else {
                continue;
            };
            self.switch_on(feature, command).await?;
            names.push(name);
        }
        wire::enabled(self.channel.io.out(), &names);
        Ok(Completion::ok("ENABLE completed"))
    }

    /// What was still to be told is told in the form of before; from there on the feature counts.
    async fn switch_on(
        &mut self,
        feature: Feature,
        command: Option<&CommandInProgress<kind::Enable>>,
    ) -> Result<(), Stop> {
        if self.enabled.has(feature) {
            return Ok(());
        }
        let followers = self.followers();
        if let Some(command) = command {
            let release = command.permit(followers);
            if let Some(why) = self.report(release).await? {
                return Err(mailbox_ended(why).into());
            }
        }
        let had_mod_sequences = self.enabled.has(Feature::CondStore);
        self.enabled.switch_on(feature);
        if let State::Selected(_, selected) = &mut self.state {
            selected.adopt(self.enabled);
        }
        if !had_mod_sequences && self.enabled.has(Feature::CondStore) {
            self.tell_highest_modseq();
        }
        Ok(())
    }

    /// A command that a client without interest in mod-sequences would not send (RFC 7162, section 3.1: CONDSTORE enabling
    /// command): from now on it is told them.
    pub(crate) fn use_mod_sequences(&mut self) {
        if !self.enabled.has(Feature::CondStore) {
            self.enabled.switch_on(Feature::CondStore);
            self.tell_highest_modseq();
        }
    }

    /// What SELECT would have told a client that wants mod-sequences (RFC 7162, section 3.1).
    fn tell_highest_modseq(&mut self) {
        if let State::Selected(_, selected) = &self.state
            && let Some(modseq) = selected.told_modseq(selected.updates.highest_modseq())
        {
            let code = format!("HIGHESTMODSEQ {modseq}");
            wire::untagged_ok(self.channel.io.out(), &code, "mod-sequences are told");
        }
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
