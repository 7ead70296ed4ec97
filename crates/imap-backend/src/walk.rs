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
        }
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
        let fetched = mailbox.fetch(&self.batch, self.need).await?;
        if fetched.len() != self.batch.len() {
            let (asked, answered) = (self.batch.len(), fetched.len());
            return Err(Error::new(ErrorKind::ServerBug).with_source(format!(
                "fetch was asked for {asked} messages and answered {answered} entries"
            )));
        }
        self.adapt(&fetched);
        Ok(Some(fetched))
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
