//! COPY, MOVE, EXPUNGE and UID EXPUNGE (RFC 9051, sections 6.4.3, 6.4.7, 6.4.8; RFC 4315).
//!
//! COPY and MOVE of a message that was expunged elsewhere do nothing and answer NO `[EXPUNGEISSUED]` (RFC 2180,
//! section 4.4.1); the UID forms pass over it.

use imap_backend::{Ability, Backend, Copied, Mailbox, MailboxName, Query, Rights, SearchKey};
use imap_codec::imap_types::mailbox;
use imap_codec::imap_types::sequence::SequenceSet;
use imap_seq::UidSet;
use imap_updates::Flag;

use super::message_limit::MessageLimit;
use super::{Numbers, permitted, resolve};
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::convert;
use crate::rights::{self, Deed};
use crate::selected::Selected;
use crate::wire;

impl<B: Backend> Client<B> {
    pub(crate) async fn copy(
        &mut self,
        set: &SequenceSet,
        target: &mailbox::Mailbox<'_>,
        numbers: Numbers,
    ) -> Answer {
        permitted(numbers, self.enabled)?;
        let limit = MessageLimit::of_saving(&self.server.limits);
        let target = convert::mailbox_name(target, self.naming()?)?;
        let rights = self.rights_of_target(&target).await?;
        let selected = self.state.selected()?;
        let Some(uids) = addressed(selected, set, numbers)? else {
            return Ok(Completion::expunge_issued());
        };
        let completed = Completion::ok("COPY completed");
        if uids.is_empty() {
            return Ok(completed);
        }
        if let Some(highest) = limit.highest(uids.iter()) {
            return Err(limit.refusal(highest.first()).into());
        }
        let copying = selected.mailbox.copy_with_rights(&uids, &target, rights);
        let copied = self.channel.while_present(copying).await??;
        selected.note_own(&target, copied.to());
        Ok(match self.copy_uid(&copied) {
            Some(code) => completed.with_code(code),
            None => completed,
        })
    }

    /// MOVE (RFC 6851). COPYUID comes in an untagged OK before the EXPUNGEs, which the drain reports.
    pub(crate) async fn move_to(
        &mut self,
        set: &SequenceSet,
        target: &mailbox::Mailbox<'_>,
        numbers: Numbers,
    ) -> Answer {
        permitted(numbers, self.enabled)?;
        let limit = MessageLimit::of(&self.server.limits);
        let target = convert::mailbox_name(target, self.naming()?)?;
        let selected = self.state.selected()?;
        selected.writable()?;
        selected.permit(Deed::TakeAway)?;
        let rights = self.rights_of_target(&target).await?;
        let selected = self.state.selected()?;
        let Some(mut uids) = addressed(selected, set, numbers)? else {
            return Ok(Completion::expunge_issued());
        };
        let limited = limit.cut(&mut uids);
        if !uids.is_empty() {
            selected.updates.removed_by_client();
            let moving = selected.mailbox.move_with_rights(&uids, &target, rights);
            let moved = self.channel.while_present(moving).await??;
            selected.note_own(&target, moved.to());
            if let Some(code) = self.copy_uid(&moved) {
                wire::untagged_ok(self.channel.io.out(), &code, "moved");
            }
        }
        let completed = Completion::ok("MOVE completed").with_limit(limited);
        Ok(completed.with_highest_modseq())
    }

    /// What this user may do in the mailbox that messages go to: without all rights to flags, they lose some (RFC 4314,
    /// section 4).
    async fn rights_of_target(&mut self, target: &MailboxName) -> Result<Rights, Stop> {
        self.state.selected()?;
        let asking = rights::permit(self.state.session()?, Deed::Insert, target);
        Ok(self.channel.while_present(asking).await??)
    }

    pub(crate) async fn expunge(&mut self) -> Answer {
        let selected = self.state.selected()?;
        selected.writable()?;
        selected.permit(Deed::Expunge)?;
        let all = selected.announced();
        if !all.is_empty() {
            selected.updates.removed_by_client();
            let expunging = selected.mailbox.expunge(&all);
            self.channel.while_present(expunging).await??;
        }
        Ok(Completion::ok("EXPUNGE completed").with_highest_modseq())
    }

    pub(crate) async fn uid_expunge(&mut self, set: &SequenceSet) -> Answer {
        let limit = MessageLimit::of(&self.server.limits);
        let selected = self.state.selected()?;
        selected.writable()?;
        selected.permit(Deed::Expunge)?;
        let mut live = resolve(&selected.updates, set, Numbers::Uids)?.live();
        let mut limited = None;
        if limit.is_exceeded_by(live.len()) {
            // Only those that go are processed.
            let deleted = vec![SearchKey::Uids(live), SearchKey::Flag(Flag::Deleted)];
            let query = Query::new(SearchKey::And(deleted), selected.updates.view().clone());
            let finding = selected.mailbox.search(&query);
            live = self.channel.while_present(finding).await??.uids().clone();
            limited = limit.cut(&mut live);
        }
        if !live.is_empty() {
            selected.updates.removed_by_client();
            let expunging = selected.mailbox.expunge(&live);
            self.channel.while_present(expunging).await??;
        }
        let completed = Completion::ok("EXPUNGE completed").with_limit(limited);
        Ok(completed.with_highest_modseq())
    }

    /// `COPYUID 38505 304,319:320 3956:3958`; nothing where nothing was copied, as no set is empty (RFC 4315, section 3).
    fn copy_uid(&self, copied: &Copied) -> Option<String> {
        if copied.from().is_empty() || !self.abilities().has(Ability::UidPlus) {
            return None;
        }
        let mut code = format!("COPYUID {} ", copied.uid_validity()).into_bytes();
        wire::uid_set(&mut code, copied.from());
        code.push(b' ');
        wire::uid_set(&mut code, copied.to());
        String::from_utf8(code).ok()
    }
}

/// The messages of a set that are there; `None` where one is named by a number and is gone.
fn addressed<M>(
    selected: &Selected<M>,
    set: &SequenceSet,
    numbers: Numbers,
) -> Result<Option<UidSet>, Completion> {
    let resolved = resolve(&selected.updates, set, numbers)?;
    if numbers == Numbers::Seqs && !resolved.expunged().is_empty() {
        return Ok(None);
    }
    Ok(Some(resolved.live()))
}
