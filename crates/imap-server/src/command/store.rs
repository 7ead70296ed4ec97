//! STORE and UID STORE (RFC 9051, section 6.4.6).
//!
//! Messages that were expunged elsewhere and still have their number (RFC 2180, section 4.2): the others are changed
//! and reported, then NO `[EXPUNGEISSUED]`; with `.SILENT` OK, unless there was nothing left to change.

use imap_backend::{Backend, Error, ErrorKind, FlagAction, FlagChange, Mailbox, Need, Walk};
use imap_codec::imap_types::command::StoreModifier;
use imap_codec::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_codec::imap_types::sequence::SequenceSet;
use imap_seq::{ModSeq, UidSet, View};

use super::fetch::recency;
use super::message_limit::{MessageLimit, Uids, descending};
use super::{Numbers, permitted, resolve};
use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::convert;
use crate::enabled::Feature;
use crate::selected::{ModSequences, Selected};
use crate::wire;

/// What follows the set of a STORE.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreWanted<'w> {
    pub(crate) kind: StoreType,
    pub(crate) response: StoreResponse,
    pub(crate) flags: &'w [Flag<'w>],
    pub(crate) modifiers: &'w [StoreModifier],
}

impl StoreWanted<'_> {
    /// UNCHANGEDSINCE; 0 as `Some(None)`.
    ///
    /// # Errors
    /// BAD where it stands twice or is too large.
    fn unchanged_since(&self) -> Result<Option<Option<ModSeq>>, Completion> {
        match self.modifiers {
            [] => Ok(None),
            [StoreModifier::UnchangedSince(0)] => Ok(Some(None)),
            [StoreModifier::UnchangedSince(since)] => match ModSeq::new(*since) {
                Some(since) => Ok(Some(Some(since))),
                None => Err(Completion::bad("STORE: UNCHANGEDSINCE is too large")),
            },
            _ => Err(Completion::bad("STORE: UNCHANGEDSINCE twice")),
        }
    }
}

impl<B: Backend> Client<B> {
    pub(crate) async fn store(
        &mut self,
        set: &SequenceSet,
        wanted: StoreWanted<'_>,
        numbers: Numbers,
    ) -> Answer {
        permitted(numbers, self.enabled)?;
        let mut change = FlagChange::new(action(wanted.kind), convert::flags(wanted.flags)?);
        let unchanged_since = wanted.unchanged_since()?;
        let selected = self.state.selected()?;
        selected.writable()?;
        let named = !change.flags().is_empty();
        change = change.with_rights(selected.rights);
        // Where some may be changed, those are (RFC 4314, section 4).
        if named && change.flags().is_empty() {
            return Err(Error::from(ErrorKind::NoPermission).into());
        }
        if unchanged_since.is_some() {
            if selected.mod_sequences == ModSequences::NotKept {
                return Err(Completion::bad("this mailbox keeps no mod-sequences").into());
            }
            self.use_mod_sequences();
        }
        if let Some(Some(since)) = unchanged_since {
            change = change.with_unchanged_since(since);
        }
        let (enabled, limit) = (self.enabled, MessageLimit::of(&self.server.limits));
        let selected = self.state.selected()?;
        let tells_modseqs = enabled.has(Feature::CondStore) && selected.mod_sequences == ModSequences::Kept;
        let Selected {
            mailbox,
            updates,
            flags: flags_of_mailbox,
            told: told_modseqs,
            contexts,
            ..
        } = selected;
        let resolved = resolve(updates, set, numbers)?;
        let mut live = resolved.live();
        let limited = limit.cut(&mut live);
        let mut all_there = resolved.expunged().is_empty();
        let modified = match (live.is_empty(), unchanged_since) {
            (true, _) => UidSet::new(),
            // Of 0: fails for every message, whose flags exist whether set or not (RFC 7162, section 3.1.3).
            (false, Some(None)) => live.clone(),
            (false, _) => {
                let stored = self
                    .channel
                    .while_present(mailbox.store(&live, &change))
                    .await??;
                contexts.touch(&live);
                stored.modified().clone()
            }
        };
        let answers = wanted.response == StoreResponse::Answer;
        if answers || tells_modseqs {
            let need = if tells_modseqs { Need::MODSEQ } else { Need::FLAGS };
            let mut walk = match &limited {
                None => Walk::new(Box::new(live.iter()) as Uids<'_>, need),
                Some(_) => descending(&live, need),
            };
            while let Some(fetched) = self.channel.while_present(walk.next(mailbox)).await?? {
                for entry in fetched {
                    let Some(record) = entry else {
                        all_there = false;
                        continue;
                    };
                    let uid = record.uid();
                    let Some(seq) = resolved.view().seq_of(uid) else {
                        continue;
                    };
                    let out = self.channel.io.out();
                    // Why a message was left as it is, is for its client to see (RFC 7162, section 3.1.3, example 10).
                    let tells_flags = answers || modified.contains(uid);
                    if tells_flags {
                        flags_of_mailbox.introduce(out, record.flags(), mailbox);
                    }
                    let told = tells_flags.then(|| (record.flags(), recency(updates, uid)));
                    let mut row =
                        enabled.flags_row((seq, uid), told, record.modseq().filter(|_| tells_modseqs));
                    if numbers == Numbers::Seqs && !tells_modseqs {
                        row.uid = None;
                    }
                    told_modseqs.note(row.modseq);
                    row.write(out);
                    self.channel.io.flush_if_full().await?;
                }
            }
        }
        let forgiven = wanted.response == StoreResponse::Silent && !live.is_empty();
        let completion = if all_there || forgiven || numbers == Numbers::Uids {
            Completion::ok("STORE completed")
        } else {
            Completion::expunge_issued()
        };
        let completion = completion.with_limit(limited);
        Ok(match modified_code(&modified, numbers, resolved.view()) {
            Some(code) => completion.with_code(code),
            None => completion,
        })
    }
}

/// `MODIFIED 7,9`: the messages that were left as they are, as the command numbers them (RFC 7162, section 3.1.3).
fn modified_code(modified: &UidSet, numbers: Numbers, view: &View) -> Option<String> {
    if modified.is_empty() {
        return None;
    }
    let mut code = b"MODIFIED ".to_vec();
    match numbers {
        Numbers::Uids => wire::uid_set(&mut code, modified),
        Numbers::Seqs => wire::seq_set(&mut code, modified.iter().filter_map(|uid| view.seq_of(uid))),
    }
    String::from_utf8(code).ok()
}

fn action(kind: StoreType) -> FlagAction {
    match kind {
        StoreType::Replace => FlagAction::Replace,
        StoreType::Add => FlagAction::Add,
        StoreType::Remove => FlagAction::Remove,
    }
}
