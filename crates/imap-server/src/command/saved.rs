//! `$` in the set of a command, and CANCELUPDATE (RFC 5182, section 2.1; RFC 5267, section 4.3.5).

use imap_backend::Backend;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

use super::permitted;
use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::numbers::Numbers;

impl<B: Backend> Client<B> {
    /// Puts the saved messages in the place of a command's set, numbered as the command does. Messages that are gone are no
    /// longer among them. Says whether there are any.
    ///
    /// # Errors
    /// BAD without a selected mailbox.
    pub(crate) fn put_saved(&mut self, body: &mut CommandBody<'static>) -> Result<bool, Completion> {
        let (set, numbers) = match body {
            CommandBody::Fetch {
                sequence_set, uid, ..
            }
            | CommandBody::Store {
                sequence_set, uid, ..
            }
            | CommandBody::Copy {
                sequence_set, uid, ..
            }
            | CommandBody::Move {
                sequence_set, uid, ..
            } => (sequence_set, Numbers::of(*uid)),
            CommandBody::ExpungeUid { sequence_set } => (sequence_set, Numbers::Uids),
            _ => return Err(Completion::bad("$ is no set of this command")),
        };
        permitted(numbers, self.enabled)?;
        let selected = self.state.selected()?;
        let view = selected.updates.view();
        let saved = view.resolve_saved(&selected.saved);
        let there = view.uids_in(&saved).filter(|&uid| !view.is_expunged(uid));
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for number in there.filter_map(|uid| super::number_of(uid, view, numbers)) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => runs.push((number, number)),
            }
        }
        let bound = |number: u32| number.try_into().map(SeqOrUid::Value).ok();
        let items = runs
            .into_iter()
            .filter_map(|(first, last)| Some(Sequence::Range(bound(first)?, bound(last)?)));
        match SequenceSet::try_from(items.collect::<Vec<_>>()) {
            Ok(saved) => *set = saved,
            Err(_) => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) async fn cancel_update(&mut self, tags: &[String]) -> Answer {
        match self.state.selected()?.contexts.cancel(tags) {
            true => Ok(Completion::ok("CANCELUPDATE completed")),
            false => Err(Completion::bad("no search of this tag is updated").into()),
        }
    }
}
