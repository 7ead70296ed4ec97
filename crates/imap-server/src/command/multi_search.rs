//! ESEARCH: several mailboxes searched with one command (RFC 7377).
//!
//! One after the other, each open read-only and no longer than it is searched, so that no more is held than what was found
//! in one of them. The selected mailbox is searched as its client knows it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use imap_backend::search::Wanted;
use imap_backend::{
    Ability, Backend, Error, ErrorKind, ListQuery, ListedAs, Mailbox, MailboxName, Opened, Query, Select,
    Selection, Session as _, mutf7,
};
use imap_seq::{ModSeq, UidSet, UidValidity};
use imap_updates::Access;

use super::search::{self, ExpungesHere, Results, key};
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::connection::{Gone, Watch};
use crate::contexts::Keeping;
use crate::numbers::Numbers;
use crate::places::Places;
use crate::rights::{self, Deed};
use crate::selected::{ModSequences, Selected};
use crate::state::State;
use crate::syntax::filter::Filter;
use crate::syntax::search::{Numbering, Program, Reading, Request};
use crate::wire::{self, Correlator};

/// So many mailboxes that cannot be searched end the command: then it is the store that is in trouble.
const MOST_FAILURES: u32 = 16;

/// What is searched for.
#[derive(Debug)]
struct Asked {
    program: Program,
    /// From when OLDER and YOUNGER count.
    now: DateTime<Utc>,
}

/// What one mailbox has of it.
#[derive(Debug)]
struct Hits {
    uid_validity: UidValidity,
    query: Query,
    results: Results,
    modseq: Option<ModSeq>,
}

impl<B: Backend> Client<B> {
    /// Searches the mailboxes that `sources` name. One that has gone, or that this user may not read, is as one that does
    /// not match (section 2.2); one that cannot be read is told as a warning, and the others are searched all the same.
    pub(super) async fn search_mailboxes(
        &mut self,
        tag: &str,
        program: Program,
        sources: Vec<Filter>,
        expunges: ExpungesHere,
    ) -> Answer {
        self.may_search_mailboxes(tag, &program, &sources)?;
        let mut watch = Watch::new();
        let names = self.mailboxes_of(sources, &mut watch).await?;
        let asked = Asked {
            program,
            now: Utc::now(),
        };
        self.refuse_updates(tag, &asked, &names);
        let mut failures = 0;
        let all = names.len();
        for (searched, name) in names.into_iter().enumerate() {
            watch.done(searched, all);
            let failure: Completion = match self.hits_in(&name, &asked, &mut watch).await? {
                Ok(hits) => {
                    self.tell_hits(tag, &name, &asked, hits)?;
                    self.channel.io.flush_if_full().await?;
                    continue;
                }
                Err(error) if is_as_if_absent(&error) => continue,
                Err(error) => error.into(),
            };
            failures += 1;
            if failures == MOST_FAILURES {
                return Err(failure.into());
            }
            let text = format!(
                "{} was not searched: {}",
                mutf7::encode(name.as_str()),
                failure.text
            );
            wire::status(self.channel.io.out(), "*", "NO", &failure.code, &text);
        }
        Ok(self.searched("ESEARCH", expunges))
    }

    /// What is wrong with the command in this session.
    fn may_search_mailboxes(
        &mut self,
        tag: &str,
        program: &Program,
        sources: &[Filter],
    ) -> Result<(), Completion> {
        if program.numbering == Numbering::UsesSequenceNumbers {
            super::permitted(Numbers::Seqs, self.enabled)?;
        }
        let updates = program.options.is_some_and(|options| options.update);
        if updates || sources.contains(&Filter::Selected) {
            let selected = self.state.selected()?;
            if updates && selected.contexts.has(tag) {
                return Err(Completion::bad("tag reuse"));
            }
        }
        self.state.session()?;
        self.has_what_is_needed(program)?;
        if program.asks_mod_sequences {
            if !self.abilities().has(Ability::ModSequences) {
                return Err(Completion::bad("mod-sequences are not supported"));
            }
            self.use_mod_sequences();
        }
        Ok(())
    }

    /// The mailboxes, each of them once.
    async fn mailboxes_of(
        &mut self,
        sources: Vec<Filter>,
        watch: &mut Watch,
    ) -> Result<BTreeSet<MailboxName>, Stop> {
        let naming = self.naming()?;
        let mut names = BTreeSet::new();
        let mut listed = Vec::new();
        for source in sources {
            match Places::new(source, naming) {
                None => drop(names.insert(self.state.selected()?.name.clone())),
                Some(Places::These(named)) => names.extend(named),
                Some(places) => listed.push(places),
            }
        }
        if !listed.is_empty() {
            let query = ListQuery::new(Selection::Existing);
            let listing = rights::visible(self.state.session()?, &query);
            let entries = self.channel.while_watched(watch, listing).await??;
            let wanted = entries.iter().filter(|entry| {
                let subscription = entry.subscription();
                entry.listed_as() == ListedAs::Mailbox
                    && listed
                        .iter()
                        .any(|places| places.include(entry.name(), subscription, naming.delimiter))
            });
            names.extend(wanted.map(|entry| entry.name().clone()));
        }
        Ok(names)
    }

    /// Updates are for the selected mailbox (section 2.2): there are none where it is not searched.
    fn refuse_updates(&mut self, tag: &str, asked: &Asked, names: &BTreeSet<MailboxName>) {
        let updates = asked.program.options.is_some_and(|options| options.update);
        if let State::Selected(_, selected) = &self.state
            && updates
            && !names.contains(&selected.name)
        {
            let code = format!("NOUPDATE \"{tag}\"");
            wire::status(
                self.channel.io.out(),
                "*",
                "NO",
                &code,
                "not the selected mailbox",
            );
        }
    }

    async fn hits_in(
        &mut self,
        name: &MailboxName,
        asked: &Asked,
        watch: &mut Watch,
    ) -> Result<Result<Hits, Error>, Gone> {
        let state = &mut self.state;
        let looking = async {
            match state {
                State::Selected(_, selected) if selected.name == *name => {
                    asked.look_in_selected(selected).await
                }
                State::Selected(session, _) | State::Authenticated(session) => {
                    rights::permit(session, Deed::Read, name).await?;
                    let opened = session.select(name, &Select::new(Access::ReadOnly)).await?;
                    asked.look_in(opened, name).await
                }
                State::NotAuthenticated => Err(ErrorKind::ServerBug.into()),
            }
        };
        let looking = self.server.turns.take_for(&self.user, looking);
        self.channel.while_watched(watch, looking).await
    }

    /// Writes the response of a mailbox in which something was found, and keeps what lasts beyond the command.
    fn tell_hits(
        &mut self,
        tag: &str,
        name: &MailboxName,
        asked: &Asked,
        hits: Hits,
    ) -> Result<(), Completion> {
        let Hits {
            uid_validity,
            query,
            results,
            modseq,
        } = hits;
        let form = self.enabled.name_form();
        let correlator = Correlator::new(tag).with_mailbox(name, form, uid_validity);
        let Some(options) = asked.program.options else {
            return Ok(());
        };
        if options.wants_answer() && results.count() > 0 {
            let out = self.channel.io.out();
            let numbers = Numbers::Uids;
            search::tell(
                out,
                (&correlator, numbers),
                options,
                &results,
                query.view(),
                modseq,
            );
        }
        match &self.state {
            State::Selected(_, selected) if selected.name == *name => self.keep(
                correlator,
                options,
                Request::Search,
                (&query, asked.keeping()),
                results,
                Numbers::Uids,
            ),
            _ => Ok(()),
        }
    }
}

impl Asked {
    fn keeping(&self) -> Keeping {
        Keeping {
            reading: self.program.reading,
            new_rows: self.program.new_rows.clone(),
        }
    }

    async fn look_in_selected<M: Mailbox>(&self, selected: &mut Selected<M>) -> Result<Hits, Error> {
        let session = key::Session {
            updates: &selected.updates,
            saved: &selected.saved,
            now: self.now,
        };
        let keeps = selected.mod_sequences == ModSequences::Kept;
        self.look(&mut selected.mailbox, session, selected.uid_validity, keeps)
            .await
    }

    /// Searches a mailbox that is not selected, and closes it.
    async fn look_in<M: Mailbox>(&self, opened: Opened<M>, name: &MailboxName) -> Result<Hits, Error> {
        let uid_validity = opened.uid_validity();
        let keeps = opened.highest_modseq().is_some();
        let (mut mailbox, updates) = opened.into_parts();
        let session = key::Session {
            updates: &updates,
            saved: &UidSet::new(),
            now: self.now,
        };
        let hits = self.look(&mut mailbox, session, uid_validity, keeps).await;
        drop(updates);
        if let Err(error) = mailbox.close().await {
            tracing::warn!(%error, mailbox = %name, "closing the mailbox failed");
        }
        hits
    }

    async fn look<M: Mailbox>(
        &self,
        mailbox: &mut M,
        session: key::Session<'_>,
        uid_validity: UidValidity,
        keeps_mod_sequences: bool,
    ) -> Result<Hits, Error> {
        let Program {
            key,
            options,
            reading,
            asks_mod_sequences,
            ..
        } = &self.program;
        let view = session.updates.view().clone();
        let wanted = match asks_mod_sequences {
            true => Wanted::All,
            false => search::wanted(*options),
        };
        let query = Query::new(key::resolved(key.clone(), session), view).with_wanted(wanted);
        // No message matches MODSEQ where none has a mod-sequence.
        let found = match (reading, *asks_mod_sequences && !keeps_mod_sequences) {
            (_, true) => UidSet::new(),
            (Reading::Attributes, _) => mailbox.search(&query).await?.uids().clone(),
            (Reading::Contents, _) => {
                let found = search::off_the_runtime(mailbox.search(&query)).await?;
                found.uids().clone()
            }
        };
        let results = Results::found(&found, query.view());
        let modseq = match asks_mod_sequences {
            true => search::highest_modseq(mailbox, &results.told(*options)).await?,
            false => None,
        };
        Ok(Hits {
            uid_validity,
            query,
            results,
            modseq,
        })
    }
}

/// Whether a mailbox is left out without a word: what this user may not know of is not told from what is not there
/// (section 5).
fn is_as_if_absent(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NonExistent | ErrorKind::NoPermission | ErrorKind::Cannot
    )
}
