//! Looking at many messages, some at a time.

use imap_seq::Uid;

use crate::error::{Error, ErrorKind};
use crate::mailbox::Mailbox;
use crate::record::{Fetched, Need};

/// The most UIDs that are asked for in one call of [`Mailbox::fetch`].
pub const MOST_UIDS: usize = 2048;

/// The most where octets, or what is kept of them, come with the answers.
const MOST_WITH_OCTETS: usize = 256;

/// Looks at messages of a mailbox in their order, some at a time: the one place that calls [`Mailbox::fetch`] again and
/// again.
///
/// At most [`MOST_UIDS`] are asked for at once. Where octets come with the answers, fewer are asked for as long as the
/// messages, or what is kept of them, are large, so that what is held stays near [`Need::HELD_OCTETS`].
#[derive(Debug)]
pub struct Walk<I> {
    uids: I,
    need: Need,
    batch: Vec<Uid>,
    at_once: usize,
    order: Order,
}

/// In which order a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    AsGiven,
    Descending,
}

/// Where octets are asked for, a walk begins with so many messages.
const FIRST_WITH_OCTETS: usize = 16;

impl<I: Iterator<Item = Uid>> Walk<I> {
    /// A walk over these messages, each with what is needed of it.
    pub fn new(uids: I, need: Need) -> Self {
        let at_once = match need.includes_octets() {
            true => FIRST_WITH_OCTETS,
            false => MOST_UIDS,
        };
        Self {
            uids,
            need,
            batch: Vec::with_capacity(at_once),
            at_once,
            order: Order::AsGiven,
        }
    }

    /// The messages are given from the highest UID to the lowest, and are answered so. The mailbox is asked for each part of
    /// them in ascending order all the same, in which stores read faster.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.order = Order::Descending;
        self
    }

    /// The next messages, one entry for each of [`asked`](Self::asked); `None` after the last.
    ///
    /// # Errors
    /// Those of [`Mailbox::fetch`], and [`ErrorKind::ServerBug`] where it has not answered one entry for each UID.
    pub async fn next<M: Mailbox + ?Sized>(&mut self, mailbox: &mut M) -> Result<Option<Fetched>, Error> {
        self.batch.clear();
        self.batch.extend(self.uids.by_ref().take(self.at_once));
        if self.batch.is_empty() {
            return Ok(None);
        }
        self.turn_around();
        let mut fetched = mailbox.fetch(&self.batch, self.need).await?;
        if fetched.len() != self.batch.len() {
            let (asked, answered) = (self.batch.len(), fetched.len());
            return Err(Error::new(ErrorKind::ServerBug).with_source(format!(
                "fetch was asked for {asked} messages and answered {answered} entries"
            )));
        }
        self.adapt(&fetched);
        if self.turn_around() {
            fetched = fetched.reversed();
        }
        Ok(Some(fetched))
    }

    /// Turns the UIDs of a descending walk around.
    fn turn_around(&mut self) -> bool {
        let turns = self.order == Order::Descending;
        if turns {
            self.batch.reverse();
        }
        turns
    }

    /// The UIDs of the last answer.
    #[must_use]
    pub fn asked(&self) -> &[Uid] {
        &self.batch
    }

    fn adapt(&mut self, fetched: &Fetched) {
        if !self.need.includes_octets() {
            return;
        }
        let held: usize = fetched
            .iter()
            .flatten()
            .map(|record| {
                let octets = record
                    .body()
                    .and_then(|body| body.held())
                    .map_or(0, bytes::Bytes::len);
                octets + record.summary().map_or(0, |summary| summary.heap_size())
            })
            .sum();
        if held > Need::HELD_OCTETS {
            self.at_once = (self.at_once / 2).max(1);
        } else if held < Need::HELD_OCTETS / 2 {
            self.at_once = (self.at_once * 2).min(MOST_WITH_OCTETS);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use imap_seq::UidSet;
    use imap_updates::Flags;

    use super::*;
    use crate::{Copied, FlagChange, MailboxName, Record, Stored};

    /// Has every second message, and writes down what it is asked for.
    #[derive(Default)]
    struct Store(Vec<Vec<Uid>>);

    impl Mailbox for Store {
        async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Fetched, Error> {
            self.0.push(uids.to_vec());
            let record = |uid: &Uid| {
                uid.get()
                    .is_multiple_of(2)
                    .then(|| Record::new(*uid, Flags::empty()))
            };
            Ok(uids.iter().map(record).collect())
        }

        async fn store(&mut self, _: &UidSet, _: &FlagChange) -> Result<Stored, Error> {
            Err(ErrorKind::Unsupported.into())
        }

        async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Result<Copied, Error> {
            Err(ErrorKind::Unsupported.into())
        }

        async fn expunge(&mut self, _: &UidSet) -> Result<(), Error> {
            Err(ErrorKind::Unsupported.into())
        }
    }

    async fn whole(mut walk: Walk<impl Iterator<Item = Uid>>, store: &mut Store) -> (Vec<Uid>, Vec<Uid>) {
        let (mut asked, mut there) = (Vec::new(), Vec::new());
        while let Some(fetched) = walk.next(store).await.unwrap() {
            asked.extend_from_slice(walk.asked());
            there.extend(fetched.into_records().map(|record| record.uid()));
        }
        (asked, there)
    }

    #[test]
    fn a_descending_walk_answers_descending_and_asks_ascending() {
        let all: Vec<Uid> = (1..=5000).filter_map(Uid::new).collect();
        let mut store = Store::default();
        let descending = all.iter().rev().copied();
        let walk = Walk::new(descending.clone(), Need::FLAGS).descending();
        let polled = pin!(whole(walk, &mut store)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready((asked, there)) = polled else {
            panic!("the store never waits");
        };
        assert_eq!(asked, descending.clone().collect::<Vec<_>>());
        let even = descending.filter(|uid| uid.get().is_multiple_of(2));
        assert_eq!(there, even.collect::<Vec<_>>());
        assert_eq!(store.0.len(), 5000_usize.div_ceil(MOST_UIDS));
        assert!(store.0.iter().all(|asked| asked.is_sorted()));
    }
}
