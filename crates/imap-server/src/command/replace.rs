//! REPLACE and UID REPLACE (RFC 8508): a message in the place of another.

use std::num::NonZeroU32;

use imap_backend::{Ability, Backend};
use imap_seq::{Number as _, SeqNum, Uid};
use imap_updates::{CommandKind, MayExpunge, kind};

use super::permitted;
use crate::client::Client;
use crate::completion::Completion;
use crate::connection::{AppendHead, Gone};
use crate::numbers::Numbers;
use crate::rights::Deed;
use crate::state::State;
use crate::wire;

impl<B: Backend> Client<B> {
    /// Carries out a REPLACE that was read as far as its message.
    ///
    /// # Errors
    /// The connection is over.
    pub(super) async fn replace(&mut self, head: AppendHead, numbers: Numbers) -> Result<(), Gone> {
        match numbers {
            Numbers::Seqs => self.replace_as(head, kind::Replace).await,
            Numbers::Uids => self.replace_as(head, kind::UidReplace).await,
        }
    }

    async fn replace_as<K: CommandKind + MayExpunge>(
        &mut self,
        head: AppendHead,
        kind: K,
    ) -> Result<(), Gone> {
        let tag = head.tag.clone();
        let stored = self.store_messages(head).await;
        let command = self.begin(kind);
        let stored = match stored {
            Ok(stored) => stored,
            // No expunge is told before all is done (RFC 8508, section 3.4).
            Err(stop) => return self.complete(&tag, command, Err(stop)).await,
        };
        if let State::Selected(_, selected) = &mut self.state {
            selected.updates.removed_by_client();
        }
        // Before the EXPUNGE, so that a client knows of the new message first (RFC 8508, section 4.3).
        if let Some(code) = self.append_uid(&stored) {
            wire::untagged_ok(self.channel.io.out(), &code, "replaced");
        }
        let completed = Completion::ok("REPLACE completed").with_highest_modseq();
        self.complete_releasing(&tag, command, Ok(completed)).await
    }

    /// The message that is to be replaced, in the numbering that this client was told.
    pub(super) fn replaced(&mut self, numbers: Numbers, number: NonZeroU32) -> Result<Uid, Completion> {
        if !self.abilities().has(Ability::Replace) {
            return Err(Completion::bad("REPLACE is not offered"));
        }
        permitted(numbers, self.enabled)?;
        let selected = self.state.selected()?;
        selected.writable()?;
        selected.permit(Deed::TakeAway)?;
        let view = selected.updates.view();
        match numbers {
            Numbers::Seqs => SeqNum::from_plain(number.get())
                .and_then(|seq| view.uid_of(seq))
                .ok_or_else(|| Completion::bad("no message has this number")),
            Numbers::Uids => Uid::from_plain(number.get())
                .filter(|&uid| view.seq_of(uid).is_some())
                .ok_or_else(Completion::expunge_issued),
        }
    }
}
