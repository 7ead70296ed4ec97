//! UIDBATCHES (draft-ietf-mailmaint-imap-uidbatches): the UIDs of a mailbox, cut into batches of so many messages.

use imap_backend::Backend;
use imap_seq::{SeqNum, Uid, View};

use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::syntax::extension::UidBatches;
use crate::wire;

/// The smallest batch: below it a client asks for more ranges than it saves messages.
const SMALLEST: u32 = 500;

/// The most messages in the batches that a client names: what servers have to grant.
const MOST_MESSAGES: u64 = 100_000;

impl<B: Backend> Client<B> {
    /// The ranges lie side by side from the highest UID down to 1. O(batches): nothing is asked but the view.
    pub(crate) async fn uid_batches(&mut self, tag: &str, batches: &UidBatches) -> Answer {
        let selected = self.state.selected()?;
        let size = batches.size.get();
        if size < SMALLEST {
            let why = format!("a batch has at least {SMALLEST} messages");
            return Err(Completion::no("TOOFEW", why).into());
        }
        if let Some(wanted) = &batches.wanted {
            let messages = u64::from(wanted.end() - wanted.start() + 1) * u64::from(size);
            if messages > MOST_MESSAGES.max(size.into()) {
                let why = format!("at most {MOST_MESSAGES} messages at once");
                return Err(Completion::no("TOOMANY", why).into());
            }
        }
        let view = selected.updates.view();
        wire::uid_batches(self.channel.io.out(), tag, ranges(view, batches));
        Ok(Completion::ok("UIDBATCHES completed"))
    }
}

/// The batches that are wanted, as (highest UID, lowest UID).
fn ranges(view: &View, batches: &UidBatches) -> impl Iterator<Item = (Uid, Uid)> {
    let (exists, size) = (view.exists(), batches.size.get());
    let count = exists.div_ceil(size);
    let wanted = batches.wanted.clone().unwrap_or(1..=count);
    let uid_of = |seq: u32| SeqNum::new(seq).and_then(|seq| view.uid_of(seq));
    (*wanted.start()..=*wanted.end().min(&count)).filter_map(move |batch| {
        // Batches are counted from the last message. Each reaches down to the message above which the next one begins.
        let highest = exists - (batch - 1) * size;
        let lowest = match uid_of(highest.saturating_sub(size)) {
            Some(below) => below.next()?,
            None => Uid::MIN,
        };
        Some((uid_of(highest)?, lowest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_seq::MailboxIndex;
    use std::num::NonZeroU32;

    fn cut(
        uids: impl IntoIterator<Item = u32>,
        size: u32,
        wanted: Option<std::ops::RangeInclusive<u32>>,
    ) -> Vec<(u32, u32)> {
        let index = MailboxIndex::from_ascending(uids.into_iter().filter_map(Uid::new)).unwrap();
        let batches = UidBatches {
            size: NonZeroU32::new(size).unwrap(),
            wanted,
        };
        ranges(&index.view(), &batches)
            .map(|(highest, lowest)| (highest.get(), lowest.get()))
            .collect()
    }

    #[test]
    fn batches_lie_side_by_side_and_reach_down_to_1() {
        let uids = || (1..=7).map(|tenth| tenth * 10);
        assert_eq!(cut(uids(), 3, None), [(70, 41), (40, 11), (10, 1)]);
        assert_eq!(cut(uids(), 7, None), [(70, 1)]);
        assert_eq!(cut(uids(), 1000, None), [(70, 1)]);
        assert_eq!(cut(uids(), 3, Some(2..=2)), [(40, 11)]);
        assert_eq!(cut(uids(), 3, Some(2..=9)), [(40, 11), (10, 1)]);
        assert_eq!(cut(uids(), 3, Some(4..=9)), []);
        assert_eq!(cut([], 3, None), []);
    }
}
