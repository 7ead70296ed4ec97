//! STORE and UID STORE (RFC 9051, section 6.4.6).
//!
//! Messages that were expunged elsewhere and still have their number (RFC 2180, section 4.2): the others are changed
//! and reported, then NO `[EXPUNGEISSUED]`; with `.SILENT` OK, unless there was nothing left to change.

use imap_backend::{Backend, FlagAction, FlagChange, Mailbox, Need, Walk};
use imap_codec::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_codec::imap_types::sequence::SequenceSet;

use super::fetch::recency;
use super::{Numbers, resolve};
use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::convert;
use crate::selected::Selected;
use crate::wire;

impl<B: Backend> Client<B> {
    pub(crate) async fn store(
        &mut self,
        set: &SequenceSet,
        (kind, response): (StoreType, StoreResponse),
        flags: &[Flag<'_>],
        numbers: Numbers,
    ) -> Answer {
        let change = FlagChange::new(action(kind), convert::flags(flags)?);
        let selected = self.state.selected()?;
        selected.writable()?;
        let Selected {
            mailbox,
            updates,
            flags: flags_of_mailbox,
            ..
        } = selected;
        let resolved = resolve(updates, set, numbers)?;
        let live = resolved.live();
        let mut all_there = resolved.expunged().is_empty();
        if !live.is_empty() {
            self.channel
                .while_present(mailbox.store(&live, &change))
                .await??;
        }
        if response == StoreResponse::Answer {
            let mut walk = Walk::new(live.iter(), Need::FLAGS);
            while let Some(fetched) = self.channel.while_present(walk.next(mailbox)).await?? {
                for entry in fetched {
                    let Some(record) = entry else {
                        all_there = false;
                        continue;
                    };
                    let Some(seq) = resolved.view().seq_of(record.uid()) else {
                        continue;
                    };
                    let out = self.channel.io.out();
                    flags_of_mailbox.introduce(out, record.flags(), mailbox);
                    let uid = (numbers == Numbers::Uids).then_some(record.uid());
                    let recent = recency(updates, record.uid());
                    wire::fetch_flags_row(out, seq, uid, record.flags(), recent);
                    self.channel.io.flush_if_full().await?;
                }
            }
        }
        let forgiven = response == StoreResponse::Silent && !live.is_empty();
        if all_there || forgiven || numbers == Numbers::Uids {
            Ok(Completion::ok("STORE completed"))
        } else {
            Ok(Completion::expunge_issued())
        }
    }
}

fn action(kind: StoreType) -> FlagAction {
    match kind {
        StoreType::Replace => FlagAction::Replace,
        StoreType::Add => FlagAction::Add,
        StoreType::Remove => FlagAction::Remove,
    }
}
