//! FETCH and UID FETCH (RFC 9051, section 6.4.5).
//!
//! A message that was expunged elsewhere and still has its number: rows for the others, then NO `[EXPUNGEISSUED]`
//! (RFC 2180, section 4.1.2). UID FETCH passes over it, as over any UID that does not exist. A message that cannot be
//! read has no row, and the command ends in NO.

mod binary;
mod message;
mod narrowed;
mod piece;
mod plan;
mod preview;
mod row;
mod url_answer;

use std::collections::HashMap;
use std::sync::Arc;

use imap_backend::{Backend, ErrorKind, FlagAction, FlagChange, Mailbox, Need, Record, Rights, Walk};
use imap_codec::imap_types::command::FetchModifier;
use imap_codec::imap_types::fetch::MacroOrMessageDataItemNames;
use imap_codec::imap_types::sequence::SequenceSet;
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Access, Flag, Flags, Recency, Resolved, UpdateBuffer};
use tokio::time::Instant;

use super::message_limit::{MessageLimit, Uids, descending};
use super::{Numbers, permitted, resolve};
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::enabled::Feature;
use crate::log_limit::LogLimits;
use crate::selected::{ModSequences, Selected};
use crate::syntax::extension::Extras;
use message::Reading;
use narrowed::Narrowed;
pub(super) use piece::{Piece, section};
pub(super) use plan::Partial;
use plan::{Item, Plan, Seen};
use row::Row;

/// What follows the set of a FETCH.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FetchWanted<'w> {
    pub(crate) items: &'w MacroOrMessageDataItemNames<'w>,
    pub(crate) modifiers: &'w [FetchModifier],
    pub(crate) extras: &'w Extras,
    pub(crate) limit: MessageLimit,
}

impl<B: Backend> Client<B> {
    pub(crate) async fn fetch(
        &mut self,
        set: &SequenceSet,
        wanted: FetchWanted<'_>,
        numbers: Numbers,
    ) -> Answer {
        permitted(numbers, self.enabled)?;
        let abilities = self.abilities();
        let mut needed = wanted.extras.items.iter().filter_map(|item| item.needs());
        if needed.any(|ability| !abilities.has(ability)) {
            return Err(Completion::bad("FETCH: an item is not offered").into());
        }
        let mut plan = Plan::new(&wanted, numbers, self.enabled)?;
        let narrowed = Narrowed::new(&wanted, numbers, self.enabled)?;
        if narrowed.window_exceeds(wanted.limit) {
            return Err(wanted.limit.refusal(None).into());
        }
        if plan.items.contains(&Item::ModSeq) || narrowed.changed_since.is_some() {
            if self.state.selected()?.mod_sequences == ModSequences::NotKept {
                return Err(Completion::bad("this mailbox keeps no mod-sequences").into());
            }
            self.use_mod_sequences();
        }
        if narrowed.changed_since.is_some() {
            plan.add_modseq();
        }
        if !plan.reads_messages() {
            return self
                .fetch_rows(set, (&plan, &narrowed), wanted.limit, numbers)
                .await;
        }
        let (server, user) = (Arc::clone(&self.server), Arc::clone(&self.user));
        let rows = self.fetch_rows(set, (&plan, &narrowed), wanted.limit, numbers);
        server.turns.take_for(&user, rows).await
    }

    async fn fetch_rows(
        &mut self,
        set: &SequenceSet,
        (plan, narrowed): (&Plan, &Narrowed),
        limit: MessageLimit,
        numbers: Numbers,
    ) -> Answer {
        let (enabled, log) = (self.enabled, &self.server.log);
        let selected = self.state.selected()?;
        let tells_modseqs = enabled.has(Feature::CondStore) && selected.mod_sequences == ModSequences::Kept;
        let Selected {
            mailbox,
            updates,
            access,
            rights,
            flags,
            told,
            contexts,
            ..
        } = selected;
        let resolved = resolve(updates, set, numbers)?;
        let view = resolved.view();
        let marks =
            plan.seen == Seen::Set && *access == Access::ReadWrite && rights.includes(Rights::KEEP_SEEN);
        let concerned = narrowed
            .messages(&resolved, set, mailbox, &mut self.channel)
            .await?;
        let (mut walk, limited) = walk(&resolved, concerned.as_ref(), limit, plan.need);
        let mut missing = Missing::default();
        while let Some(fetched) = self.channel.while_present(walk.next(mailbox)).await?? {
            // All at once those whose octets are here; the others one by one, when they could be read.
            let mut marked = match marks {
                true => {
                    let held = fetched.iter().flatten().filter(|record| is_held(record));
                    mark_seen(mailbox, held, tells_modseqs, log).await
                }
                false => Marked::default(),
            };
            contexts.touch(&marked.uids);
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
                    missing.note(&record, error, log)?;
                    continue;
                }
                if marks && !is_held(&record) {
                    marked = mark_seen(mailbox, [&record], tells_modseqs, log).await;
                    contexts.touch(&marked.uids);
                }
                let of = enabled.row_of(seq, record.uid());
                let recent = enabled.recency(recency(updates, record.uid()));
                let row = Row::new(&record, of, recent, &marked);
                flags.introduce(self.channel.io.out(), row.flags(), mailbox);
                told.note(row.modseq().filter(|_| tells_modseqs));
                row.write(plan, message, &mut self.channel).await?;
                tokio::task::consume_budget().await;
            }
        }
        Ok(missing.completion(numbers).with_limit(limited))
    }
}

/// The walk over the messages of a FETCH, or over those of them that are processed; then with the code that says so.
fn walk<'w>(
    resolved: &'w Resolved<'_>,
    concerned: Option<&'w UidSet>,
    limit: MessageLimit,
    need: Need,
) -> (Walk<Uids<'w>>, Option<String>) {
    let uids = || -> Uids<'w> {
        match concerned {
            None => Box::new(resolved.uids()),
            Some(uids) => Box::new(uids.iter()),
        }
    };
    match limit.highest(uids()) {
        None => (Walk::new(uids(), need), None),
        Some(highest) => {
            let code = limit.code(highest.first());
            (descending(&highest, need), Some(code))
        }
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
    fn note(&mut self, record: &Record, error: imap_backend::Error, log: &LogLimits) -> Result<(), Stop> {
        match error.kind() {
            ErrorKind::ExpungeIssued => self.expunged = true,
            kind if kind.concerns_one_message()
                || matches!(kind, ErrorKind::Limit | ErrorKind::UnknownEncoding) =>
            {
                if kind == ErrorKind::NoPermission {
                    tracing::debug!(uid = %record.uid(), %error, "refused by the backend");
                } else if let Some(left_out) = log.message_failed.admit(Instant::now()) {
                    tracing::warn!(uid = %record.uid(), %error, left_out, "a message cannot be read");
                }
                // Damage is what a client should hear of most.
                if self.unreadable != Some(ErrorKind::Corruption) {
                    self.unreadable = Some(kind);
                }
            }
            _ => return Err(error.into()),
        }
        Ok(())
    }

    fn completion(self, numbers: Numbers) -> Completion {
        match self.unreadable {
            Some(ErrorKind::UnknownEncoding) => {
                Completion::no("UNKNOWN-CTE", "the encoding of a part is not known")
            }
            Some(ErrorKind::Limit) => Completion::no("LIMIT", "the header of a message is too long"),
            Some(ErrorKind::NoPermission) => Completion::no("NOPERM", "some of the messages may not be read"),
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

/// The messages that a FETCH has marked as seen.
#[derive(Debug, Default)]
struct Marked {
    uids: UidSet,
    /// Their mod-sequences afterwards, where the client is told them.
    modseqs: HashMap<Uid, ModSeq>,
}

impl Marked {
    fn contains(&self, uid: Uid) -> bool {
        !self.uids.is_empty() && self.uids.contains(uid)
    }
}

/// Sets `\Seen` where it is missing, and says where. Failing at it is no reason to withhold the mail.
async fn mark_seen<'r, M: Mailbox>(
    mailbox: &mut M,
    records: impl IntoIterator<Item = &'r Record>,
    tells_modseqs: bool,
    log: &LogLimits,
) -> Marked {
    let unseen: UidSet = records
        .into_iter()
        .filter(|record| !record.flags().contains(&Flag::Seen))
        .map(Record::uid)
        .collect();
    if unseen.is_empty() {
        return Marked::default();
    }
    let change = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Seen]));
    if let Err(error) = mailbox.store(&unseen, &change).await {
        if let Some(left_out) = log.message_failed.admit(Instant::now()) {
            tracing::warn!(%error, left_out, "marking messages as seen failed");
        }
        return Marked::default();
    }
    let mut modseqs = HashMap::new();
    if tells_modseqs {
        let mut walk = Walk::new(unseen.iter(), Need::MODSEQ);
        while let Ok(Some(fetched)) = walk.next(mailbox).await {
            let pairs = fetched
                .into_records()
                .filter_map(|record| Some((record.uid(), record.modseq()?)));
            modseqs.extend(pairs);
        }
    }
    Marked {
        uids: unseen,
        modseqs,
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
