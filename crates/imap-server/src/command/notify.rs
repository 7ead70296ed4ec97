//! NOTIFY (RFC 5465), and what it makes of a connection that waits for its client.

use std::future::pending;

use imap_backend::{Ability, Backend};
use imap_seq::UidSet;
use imap_updates::{CommandInProgress, Release, SelectedEvents, kind};
use tokio::time::{Instant, sleep_until};

use super::LookFor;
use crate::client::{Client, mailbox_ended};
use crate::completion::{Answer, Completion, Stop};
use crate::connection::{Gone, after};
use crate::notify::{Look, Watching};
use crate::on_the_heap::on_the_heap;
use crate::selected::Hears;
use crate::state::State;
use crate::syntax::extension::{Group, Notify};

/// The events that this server can tell (RFC 5465, section 5).
const OFFERED: &str = "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)";

/// The same where the backend keeps annotations.
const OFFERED_WITH_METADATA: &str = "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange \
                                     MailboxMetadataChange ServerMetadataChange)";

impl<B: Backend> Client<B> {
    /// A successful NOTIFY SET tells what is new in the selected mailbox, as NOOP does.
    pub(crate) async fn notify(
        &mut self,
        notify: Notify,
        command: Option<&CommandInProgress<kind::Notify>>,
    ) -> Answer {
        let naming = self.naming()?;
        let (tells_status, groups) = match notify {
            Notify::None => {
                self.watching = Some(Box::new(Watching::nothing()));
                self.adopt_watching();
                return Ok(Completion::ok("NOTIFY completed"));
            }
            Notify::Set { tells_status, groups } => (tells_status, groups),
        };
        let about_selected = |group: &&Group| group.filter.is_about_the_selected_mailbox();
        if groups.iter().filter(about_selected).count() > 1 {
            return Err(Completion::bad("NOTIFY: SELECTED twice").into());
        }
        self.offers_events(&groups)?;
        if let State::Selected(_, selected) = &mut self.state {
            // What the client was told of before it asked for rows is not new (RFC 5465, section 5.2).
            selected.arrived = UidSet::new();
        }
        self.tell_accumulated(command).await?;
        self.watching = Some(Box::new(Watching::new(groups, naming)));
        self.adopt_watching();
        let look = match tells_status {
            true => Look::TellStatus,
            false => Look::Silent,
        };
        self.look_at_others(look).await?;
        Ok(Completion::ok("NOTIFY completed"))
    }

    /// NO with the events that there are, where one is asked for that is not among them.
    fn offers_events(&self, groups: &[Group]) -> Result<(), Completion> {
        let has_metadata = self.abilities().has(Ability::Metadata);
        let offered = |Group { events, .. }: &Group| {
            !events.unknown
                && (has_metadata || !events.mailbox_metadata_change && !events.server_metadata_change)
        };
        match groups.iter().all(offered) {
            true => Ok(()),
            false => {
                let code = if has_metadata {
                    OFFERED_WITH_METADATA
                } else {
                    OFFERED
                };
                Err(Completion::no(code, "an event that is not offered"))
            }
        }
    }

    /// All that the client has not been told of its selected mailbox, whatever NOTIFY said before (RFC 5465, section 3.1).
    async fn tell_accumulated(
        &mut self,
        command: Option<&CommandInProgress<kind::Notify>>,
    ) -> Result<(), Stop> {
        let followers = self.followers();
        if let (State::Selected(_, selected), Some(command)) = (&mut self.state, command) {
            selected.hear(SelectedEvents::DuringCommands, Hears::Flags);
            let release = command.permit(followers);
            if let Some(why) = self.report(release).await? {
                return Err(mailbox_ended(why).into());
            }
        }
        Ok(())
    }

    /// What NOTIFY said counts for the selected mailbox, whichever it is.
    pub(crate) fn adopt_watching(&mut self) {
        let (events, flags) = match &self.watching {
            None => (SelectedEvents::DuringCommands, Hears::Flags),
            Some(watching) if watching.tells_flags() => (watching.selected_events(), Hears::Flags),
            Some(watching) => (watching.selected_events(), Hears::NoFlags),
        };
        if let State::Selected(_, selected) = &mut self.state {
            selected.hear(events, flags);
        }
    }

    /// Tells what has changed in mailboxes that are not selected.
    ///
    /// # Errors
    /// The connection is over. A store that cannot be read is the log's business, and looked at again.
    pub(crate) async fn look_at_others(&mut self, look: Look) -> Result<(), Gone> {
        let Some(mut watching) = self.watching.take() else {
            return Ok(());
        };
        if watching.watches_others()
            && let Ok(naming) = self.naming()
        {
            let mut told = Vec::new();
            let form = (naming, self.enabled);
            let (session, selected) = match &mut self.state {
                State::Selected(session, selected) => (session, Some(&selected.name)),
                State::Authenticated(session) => (session, None),
                State::NotAuthenticated => return Ok(()),
            };
            let renames = (&self.server.renames, &self.user);
            let looking = watching.look(session, selected, renames, form, look, &mut told);
            let looking = self.server.turns.take_for(&self.user, looking);
            match self.channel.while_present(looking).await? {
                Ok(()) => self.channel.io.out().extend_from_slice(&told),
                Err(error) => tracing::warn!(%error, "looking at mailboxes for NOTIFY failed"),
            }
        }
        self.watching = Some(watching);
        Ok(())
    }

    /// Waits for the client's next command; meanwhile what NOTIFY asked for is told.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn wait_with_news(&mut self) -> Result<(), Gone> {
        self.channel.restart_time();
        let mut look_at = self.next_look();
        let mut tell_at = Instant::now();
        while self.channel.io.input().is_empty() && self.is_waiting_with_news() {
            let is_behind = self.searches_are_behind();
            let (channel, state) = (&mut self.channel, &mut self.state);
            let changed = async {
                match state {
                    _ if is_behind => {}
                    State::Selected(_, selected) => {
                        sleep_until(tell_at).await;
                        selected.updates.changed().await;
                    }
                    _ => pending().await,
                }
            };
            tokio::select! {
                filled = channel.fill() => return filled,
                () = changed => {
                    if tell_at <= Instant::now() {
                        self.report_selected().await?;
                        tell_at = after(self.server.limits.idle_batch);
                    }
                    if self.searches_are_behind() {
                        on_the_heap(|| self.update_searches(LookFor::AsLongAsTheClientIsSilent)).await?;
                    }
                    on_the_heap(|| self.tell_arrived()).await?;
                }
                () = sleep_until(look_at) => {
                    self.poll_selected().await;
                    on_the_heap(|| self.look_at_others(Look::TellChanges)).await?;
                    look_at = self.next_look();
                }
            }
        }
        Ok(())
    }

    /// Whether there may be something to tell between commands.
    pub(crate) fn is_waiting_with_news(&self) -> bool {
        let watching = self.watching.as_ref();
        watching.is_some_and(|watching| watching.is_waiting())
    }

    /// When mailboxes that are not selected are looked at again.
    pub(crate) fn next_look(&self) -> Instant {
        after(self.server.limits.idle_poll.max(super::idle::LEAST_POLL))
    }

    async fn poll_selected(&mut self) {
        if let State::Selected(_, selected) = &mut self.state {
            selected
                .poll(imap_backend::PollReason::Idling, &self.server.log)
                .await;
        }
    }

    async fn report_selected(&mut self) -> Result<(), Gone> {
        match self.report(Release::after_notify_selected()).await? {
            Some(why) => Err(mailbox_ended(why)),
            None => Ok(()),
        }
    }
}
