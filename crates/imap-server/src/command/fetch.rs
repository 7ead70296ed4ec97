//! FETCH and UID FETCH (RFC 9051, section 6.4.5).
//!
//! A message that was expunged elsewhere and still has its number: rows for the others, then NO `[EXPUNGEISSUED]`
//! (RFC 2180, section 4.1.2). UID FETCH passes over it, as over any UID that does not exist. A message that cannot be
//! read has no row, and the command ends in NO.

mod message;
mod plan;
mod row;

use std::sync::Arc;

use imap_backend::{Backend, ErrorKind, FlagAction, FlagChange, Mailbox, Record, Walk};
use imap_codec::imap_types::fetch::MacroOrMessageDataItemNames;
use imap_codec::imap_types::sequence::SequenceSet;
use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Flag, Flags, Recency, UpdateBuffer};

use super::{Numbers, resolve};
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::selected::Selected;
use message::Reading;
use plan::{Plan, Seen};
use row::Row;

impl<B: Backend> Client<B> {
    pub(crate) async fn fetch(
        &mut self,
        set: &SequenceSet,
        items: &MacroOrMessageDataItemNames<'_>,
        numbers: Numbers,
    ) -> Answer {
        let plan = Plan::new(items, numbers)?;
        if !plan.reads_messages() {
            return self.fetch_rows(set, &plan, numbers).await;
        }
        let (server, user) = (Arc::clone(&self.server), Arc::clone(&self.user));
        let rows = self.fetch_rows(set, &plan, numbers);
        server.turns.take_for(&user, rows).await
    }

    async fn fetch_rows(&mut self, set: &SequenceSet, plan: &Plan, numbers: Numbers) -> Answer {
        let Selected {
            mailbox,
            updates,
            access,
            flags,
            ..
        } = self.state.selected()?;
        let resolved = resolve(updates, set, numbers)?;
        let view = resolved.view();
        let mut missing = Missing::default();
        let mut walk = Walk::new(resolved.uids(), plan.need);
        while let Some(fetched) = self.channel.while_present(walk.next(mailbox)).await?? {
            let marks = plan.seen == Seen::Set && *access == Access::ReadWrite;
            // All at once those whose octets are here; the others one by one, when they could be read.
            let mut marked = match marks {
                true => mark_seen(mailbox, fetched.iter().flatten().filter(|record| is_held(record))).await,
                false => UidSet::new(),
            };
            for entry in fetched {
                let Some(record) = entry else {
                    missing.expunged = true;
                    continue;
                };
                let Some(seq) = view.seq_of(record.uid()) else {
                    continue;
                };
                let mut message = Reading::new(&record);
                if (plan.reads_messages() || !message.is_complete(plan))
                    && let Err(error) = self.channel.while_present(message.prepare(plan)).await?
                {
                    missing.note(&record, error)?;
                    continue;
                }
                if marks && !is_held(&record) {
                    marked = marked.union(&mark_seen(mailbox, [&record]).await);
                }
                let row = Row::new(&record, seq, updates, &marked);
                flags.introduce(self.channel.io.out(), row.flags(), mailbox);
                row.write(plan, message, &mut self.channel).await?;
                tokio::task::consume_budget().await;
            }
        }
        Ok(missing.completion(numbers))
    }
}

/// The messages that got no row.
#[derive(Debug, Default)]
struct Missing {
    expunged: bool,
    unreadable: Option<ErrorKind>,
}

impl Missing {
    /// # Errors
    /// The error says something about the store as a whole: the command ends.
    fn note(&mut self, record: &Record, error: imap_backend::Error) -> Result<(), Stop> {
        match error.kind() {
            ErrorKind::ExpungeIssued => self.expunged = true,
            kind if kind.concerns_one_message() || kind == ErrorKind::Limit => {
                tracing::warn!(uid = %record.uid(), %error, "a message cannot be read");
                self.unreadable = Some(kind);
            }
            _ => return Err(error.into()),
        }
        Ok(())
    }

    fn completion(self, numbers: Numbers) -> Completion {
        match self.unreadable {
            Some(ErrorKind::Limit) => Completion::no("LIMIT", "the header of a message is too long"),
            Some(_) => Completion::no("CORRUPTION", "some of the messages cannot be read"),
            None if self.expunged && numbers == Numbers::Seqs => Completion::expunge_issued(),
            None => Completion::ok("FETCH completed"),
        }
    }
}

/// Whether the message cannot fail to be read any more.
fn is_held(record: &Record) -> bool {
    record.body().is_some_and(|body| body.held().is_some())
}

/// Sets `\Seen` where it is missing, and says where. Failing at it is no reason to withhold the mail.
async fn mark_seen<'r, M: Mailbox>(mailbox: &mut M, records: impl IntoIterator<Item = &'r Record>) -> UidSet {
    let unseen: UidSet = records
        .into_iter()
        .filter(|record| !record.flags().contains(&Flag::Seen))
        .map(Record::uid)
        .collect();
    if unseen.is_empty() {
        return unseen;
    }
    let change = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Seen]));
    match mailbox.store(&unseen, &change).await {
        Ok(_) => unseen,
        Err(error) => {
            tracing::warn!(%error, "marking messages as seen failed");
            UidSet::new()
        }
    }
}

/// `\Recent` as this session has it.
pub(super) fn recency(updates: &UpdateBuffer, uid: Uid) -> Recency {
    if updates.recent_uids().contains(uid) {
        Recency::Recent
    } else {
        Recency::NotRecent
    }
}
