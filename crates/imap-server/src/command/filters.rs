//! What the filters that a SEARCH names stand for (RFC 5466).

use imap_backend::{Ability, Backend, Session};

use crate::client::Client;
use crate::completion::{Completion, Condition, Stop};
use crate::connection::Unfiltered;
use crate::syntax::search::{self, Filters, Kind, Program};

impl<B: Backend> Client<B> {
    /// The program of a command that names filters, with what they stand for.
    ///
    /// # Errors
    /// What the command ends with where there are no such filters. An empty result is saved then, if one was to be.
    pub(crate) async fn filtered(&mut self, unfiltered: &Unfiltered) -> Result<Program, Stop> {
        let filtered = self.insert_filters(unfiltered).await;
        if let Err(Stop::Answer(completion)) = &filtered
            && completion.condition == Condition::No
            && search::asks_to_save(&unfiltered.command, unfiltered.arguments, unfiltered.kind)
        {
            self.forget_saved();
        }
        filtered
    }

    async fn insert_filters(&mut self, unfiltered: &Unfiltered) -> Result<Program, Stop> {
        if unfiltered.kind != Kind::ESearch {
            self.state.selected()?;
        }
        if !self.abilities().has(Ability::Metadata) {
            return Err(Completion::bad("a search key is not offered").into());
        }
        let reading = self.state.session()?.metadata(None);
        let metadata = self.channel.while_present(reading).await??;
        let Unfiltered {
            command,
            arguments,
            kind,
            name,
        } = unfiltered;
        search::parse_with(command, *arguments, *kind, Filters::new(&metadata))
            .map_err(|fault| Completion::refusing(name, fault).into())
    }
}
