//! What is new in the selected mailbox, and flags that are told again.

use imap_backend::{Backend, Error, Need, Record, Walk};
use imap_seq::Uid;
use imap_updates::{Ended, Release};

use crate::client::Client;
use crate::connection::{Gone, Watch};
use crate::on_the_heap::on_the_heap;
use crate::state::State;

/// Why flags are no longer told again.
enum Failed {
    Gone(Gone),
    Store(Error),
}

impl From<Gone> for Failed {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl<B: Backend> Client<B> {
    /// Tells the client what it has not been told of its selected mailbox, as far as `release` allows.
    ///
    /// # Errors
    /// The connection is over. A mailbox that has ended is an answer, not an error.
    pub(crate) async fn report(&mut self, release: Release<'_>) -> Result<Option<Ended>, Gone> {
        let State::Selected(_, selected) = &mut self.state else {
            return Ok(None);
        };
        let ended = selected.drain(&mut self.channel, release, self.enabled).await?;
        if ended.is_none() && selected.owes_flags() {
            return on_the_heap(|| self.restate_flags(release)).await;
        }
        Ok(ended)
    }

    /// This session slept so long that the history of flags no longer reaches back: every flag is told again. Or NOTIFY asked
    /// for flags that were kept back. Where the store fails, the next report begins again.
    async fn restate_flags(&mut self, release: Release<'_>) -> Result<Option<Ended>, Gone> {
        let State::Selected(_, selected) = &mut self.state else {
            return Ok(None);
        };
        let due = std::mem::take(&mut selected.flags_of_others.due);
        let all = selected.updates.lost_flags();
        let view = selected.updates.view().clone();
        if all {
            selected.updates.begin_to_restate();
        }
        let concerned = view.uids().filter(|&uid| all || due.contains(uid));
        match self.tell_flags_again(concerned, release).await {
            Ok(ended) => Ok(ended),
            Err(Failed::Gone(gone)) => Err(gone),
            Err(Failed::Store(error)) => {
                if let State::Selected(_, selected) = &mut self.state {
                    tracing::warn!(%error, mailbox = %selected.name, "reading all flags again failed");
                    selected.flags_of_others.due = due;
                }
                Ok(None)
            }
        }
    }

    /// In parts, of which two are held at a time: the last one has to be known before it is told.
    async fn tell_flags_again(
        &mut self,
        concerned: impl Iterator<Item = Uid>,
        release: Release<'_>,
    ) -> Result<Option<Ended>, Failed> {
        let State::Selected(_, selected) = &mut self.state else {
            return Ok(None);
        };
        let (turns, user, channel) = (&self.server.turns, &self.user, &mut self.channel);
        // What changes meanwhile has a higher one, and wins.
        let modseq = selected.updates.highest_modseq();
        let mut walk = Walk::new(concerned, Need::FLAGS);
        let mut watch = Watch::new();
        let mut part = None;
        let mut ended = None;
        loop {
            let fetching = turns.take_for(user, walk.next(&mut selected.mailbox));
            let next = channel.while_watched(&mut watch, fetching).await??;
            if next.is_none() {
                selected.updates.end_to_restate();
            }
            if let Some(part) = std::mem::replace(&mut part, next) {
                let rows = part.into_records();
                let rows = rows.map(|record: Record| (record.uid(), record.flags().clone(), modseq));
                selected.updates.restate_some_flags(rows);
                ended = selected.drain(channel, release, self.enabled).await?;
            }
            if part.is_none() || ended.is_some() {
                return Ok(ended);
            }
        }
    }
}
