//! Rows about new messages that nobody has asked for with FETCH (RFC 5465): NOTIFY asks for them of all (section 5.2), UPDATE of
//! those that a kept search finds (section 7).

use imap_backend::Backend;
use imap_codec::imap_types::sequence::SequenceSet;

use super::{FetchWanted, MessageLimit, Numbers};
use crate::client::Client;
use crate::completion::Stop;
use crate::connection::Gone;
use crate::contexts::Rows;
use crate::on_the_heap::on_the_heap;
use crate::state::State;
use crate::syntax::extension::NewMessageItems;
use crate::wire;

impl<B: Backend> Client<B> {
    /// What NOTIFY asks for of each new message.
    pub(crate) fn new_message_items(&self) -> Option<&NewMessageItems> {
        self.watching.as_ref()?.new_message_items()
    }

    /// Rows about the messages that the client has just been told of: where NOTIFY asks for them, and with them those that kept
    /// searches ask for.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn tell_arrived(&mut self) -> Result<(), Gone> {
        let State::Selected(_, selected) = &mut self.state else {
            return Ok(());
        };
        let arrived = std::mem::take(&mut selected.arrived);
        let Some(items) = self.new_message_items().cloned() else {
            return Ok(());
        };
        let State::Selected(_, selected) = &mut self.state else {
            return Ok(());
        };
        selected.contexts.add_rows((arrived, items));
        self.tell_rows().await
    }

    /// The rows that are due: each message has one, with all that is asked of it.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn tell_rows(&mut self) -> Result<(), Gone> {
        let State::Selected(_, selected) = &mut self.state else {
            return Ok(());
        };
        for (uids, items) in combined(selected.contexts.take_rows()) {
            let mut set = Vec::new();
            wire::uid_set(&mut set, &uids);
            let Ok(set) = SequenceSet::try_from(&*String::from_utf8_lossy(&set)) else {
                continue;
            };
            let wanted = FetchWanted {
                items: &items.items,
                modifiers: &[],
                extras: &items.extras,
                // A client that is told of new messages is told of all of them.
                limit: MessageLimit::NONE,
            };
            match on_the_heap(|| self.fetch(&set, wanted, Numbers::Uids)).await {
                Err(Stop::Gone(gone)) => return Err(gone),
                Err(Stop::Answer(refused)) => {
                    tracing::debug!(?refused, "rows about new messages could not be told");
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// The same, no message twice; in the order of messages as far as they are in runs.
fn combined(all: Vec<Rows>) -> Vec<Rows> {
    let mut combined: Vec<Rows> = Vec::new();
    for (mut uids, items) in all {
        for at in 0..combined.len() {
            let (others, before) = &combined[at];
            let both = others.intersection(&uids);
            if both.is_empty() {
                continue;
            }
            let left = (others.difference(&both), before.clone());
            let with = before.with(&items);
            uids = uids.difference(&both);
            combined[at] = (both, with);
            combined.push(left);
        }
        combined.push((uids, items));
    }
    combined.retain(|(uids, _)| !uids.is_empty());
    combined.sort_by_key(|(uids, _)| uids.first());
    combined
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_seq::Uid;
    use proptest::prelude::*;

    use crate::syntax::search::{Kind, parse};

    fn items(text: &str) -> NewMessageItems {
        let command = format!("RETURN (UPDATE ({text})) ALL");
        parse(command.as_bytes(), 0, Kind::Search)
            .unwrap()
            .new_rows
            .unwrap()
    }

    proptest! {
        /// RFC 5465, section 5.2: the attributes are combined into a single FETCH response.
        #[test]
        fn rfc5465_5_2_each_message_has_one_row_with_all_that_is_asked_of_it(
            asked in prop::collection::vec(prop::collection::vec(1..20_u32, 0..8), 0..5),
        ) {
            let names = ["UID", "FLAGS", "RFC822.SIZE", "ENVELOPE", "PREVIEW"];
            let rows: Vec<Rows> = asked
                .iter()
                .zip(names)
                .map(|(uids, name)| (uids.iter().copied().filter_map(Uid::new).collect(), items(name)))
                .collect();
            let combined = combined(rows);
            for number in 1..20 {
                let uid = Uid::new(number).unwrap();
                let told: Vec<_> = combined.iter().filter(|(uids, _)| uids.contains(uid)).collect();
                let wanted: Vec<_> = asked.iter().zip(names).filter(|(uids, _)| uids.contains(&number)).collect();
                prop_assert_eq!(told.len(), usize::from(!wanted.is_empty()));
                for (_, items) in told {
                    let of_this = |name: &str| items.with(&self::items(name)) == items.with(items);
                    for name in names {
                        let is_wanted = wanted.iter().any(|(_, wanted)| *wanted == name);
                        prop_assert_eq!(of_this(name), is_wanted, "{}", name);
                    }
                }
            }
        }
    }
}
