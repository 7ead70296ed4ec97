//! Keeping searches up to date (RFC 5267, section 4.3): work as long as a search, done in turns as a search is, and not for a
//! client that has gone or wants something else.

use imap_backend::Backend;

use super::off_the_runtime;
use crate::client::Client;
use crate::connection::Gone;
use crate::state::State;

/// How long kept searches are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookFor {
    /// One part of what has changed. A command waits for it.
    AsLongAsItTakes,
    /// One part of what has changed, or until the client sends something.
    AsLongAsTheClientIsSilent,
}

impl<B: Backend> Client<B> {
    /// Whether a command that ends has to look at kept searches before.
    pub(crate) fn searches_are_due(&mut self) -> bool {
        match &mut self.state {
            State::Selected(_, selected) => selected.contexts.are_due(),
            _ => false,
        }
    }

    /// Whether kept searches are to be looked at before this connection waits for anything but its client, of which nothing has
    /// come yet.
    pub(crate) fn searches_are_behind(&self) -> bool {
        match &self.state {
            State::Selected(_, selected) => {
                self.channel.io.input().is_empty() && selected.contexts.are_behind()
            }
            _ => false,
        }
    }

    /// Tells what has come into the results of kept searches, and what has left them: of one part of what has changed.
    ///
    /// # Errors
    /// The connection is over. A store that cannot be read is the log's business, and asked again with the next command.
    pub(crate) async fn update_searches(&mut self, how_long: LookFor) -> Result<(), Gone> {
        let State::Selected(_, selected) = &mut self.state else {
            return Ok(());
        };
        let view = selected.updates.view().clone();
        let reads_messages = selected.contexts.read_messages();
        let updating = selected.contexts.update(&mut selected.mailbox, &view);
        let updating = async {
            match reads_messages {
                true => off_the_runtime(updating).await,
                false => updating.await,
            }
        };
        let updating = self.server.turns.take_for(&self.user, updating);
        let updated = match how_long {
            LookFor::AsLongAsItTakes => Some(self.channel.while_present(updating).await?),
            LookFor::AsLongAsTheClientIsSilent => self.channel.while_silent(updating).await?,
        };
        let news = selected.contexts.take_news();
        match updated {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::warn!(%error, mailbox = %selected.name, "updating search results failed");
            }
            None => selected.contexts.wait(),
        }
        // Rows come before it (RFC 5465, section 7), but where NOTIFY asks for rows too: those come after it, and the same
        // message has no second one (section 5.2).
        if self.new_message_items().is_none() {
            self.tell_rows().await?;
        }
        self.channel.io.out().extend_from_slice(&news);
        Ok(())
    }
}
