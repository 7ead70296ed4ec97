//! Messages to append, whole or broken off.

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use imap_backend::{Append, Error, ErrorKind, MessageSource, Messages};
use imap_updates::{Flag, Flags};
use std::future::poll_fn;
use std::task::Poll;

/// A message and what APPEND says about it.
#[derive(Debug, Clone)]
pub struct Mail {
    octets: Bytes,
    flags: Flags,
    internal_date: Option<DateTime<FixedOffset>>,
}

impl Mail {
    /// A small message with this subject and a body that repeats it, without flags or date.
    #[must_use]
    pub fn new(subject: &str) -> Self {
        let text = format!(
            "From: Kit <kit@example.org>\r\nDate: Tue, 5 Nov 2024 10:00:00 +0100\r\n\
             Subject: {subject}\r\n\r\nThe body of {subject}.\r\n"
        );
        Self::raw(text)
    }

    /// A message of these octets.
    #[must_use]
    pub fn raw(octets: impl Into<Bytes>) -> Self {
        Self {
            octets: octets.into(),
            flags: Flags::empty(),
            internal_date: None,
        }
    }

    /// With these flags.
    #[must_use]
    pub fn flagged(mut self, flags: impl IntoIterator<Item = Flag>) -> Self {
        self.flags = Flags::from_iter(flags);
        self
    }

    /// With this internal date, in RFC 3339 form; none where it cannot be read.
    #[must_use]
    pub fn dated(mut self, date: &str) -> Self {
        self.internal_date = DateTime::<FixedOffset>::parse_from_rfc3339(date).ok();
        self
    }

    /// Its octets, as the client sends them.
    #[must_use]
    pub const fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// What APPEND says about it.
    #[must_use]
    pub fn append(&self) -> Append {
        let append = Append::new(self.flags.clone());
        match self.internal_date {
            Some(date) => append.with_internal_date(date),
            None => append,
        }
    }

    pub(crate) fn source(&self) -> Source {
        Source::whole(self.octets.clone())
    }
}

/// A message that arrives in chunks, like a literal from the network.
#[derive(Debug)]
pub(crate) struct Source {
    announced: u64,
    left: Bytes,
    then: Then,
    pace: Pace,
}

#[derive(Debug)]
enum Pace {
    Steady,
    /// Makes whoever asks wait before each chunk, the first time that it asks: the network is slow.
    Halting {
        waited: bool,
    },
}

#[derive(Debug)]
enum Then {
    End,
    /// The client goes away.
    Gone,
    /// The client goes away in the middle of the last message.
    Half,
}

/// Small enough that most test messages come in several.
const CHUNK: usize = 64;

impl Source {
    pub(crate) fn whole(octets: Bytes) -> Self {
        Self {
            announced: octets.len() as u64,
            left: octets,
            then: Then::End,
            pace: Pace::Steady,
        }
    }

    /// The client goes away when half of it has arrived.
    pub(crate) fn broken_off(octets: Bytes) -> Self {
        Self {
            announced: octets.len() as u64,
            left: octets.slice(..octets.len() / 2),
            then: Then::Gone,
            pace: Pace::Steady,
        }
    }

    /// Comes chunk by chunk, with a pause before each.
    pub(crate) fn halting(octets: Bytes) -> Self {
        Self {
            pace: Pace::Halting { waited: false },
            ..Self::whole(octets)
        }
    }

    async fn pause(&mut self) {
        let Pace::Halting { waited } = &mut self.pace else {
            return;
        };
        poll_fn(|context| {
            *waited = !*waited;
            match *waited {
                true => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                false => Poll::Ready(()),
            }
        })
        .await;
    }
}

impl MessageSource for Source {
    fn size(&self) -> Option<u64> {
        Some(self.announced)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.pause().await;
        if !self.left.is_empty() {
            // Large messages in large pieces: a kit that crawls is not run.
            let size = CHUNK.max(self.left.len() / 8).min(self.left.len());
            return Ok(Some(self.left.split_to(size)));
        }
        match self.then {
            Then::End => Ok(None),
            Then::Gone | Then::Half => Err(ErrorKind::ClientGone.into()),
        }
    }
}

/// The messages of one APPEND.
#[derive(Debug)]
pub(crate) struct Series {
    mails: std::vec::IntoIter<Mail>,
    now: Option<Source>,
    then: Then,
}

impl Series {
    pub(crate) fn whole(mails: impl IntoIterator<Item = Mail>) -> Self {
        Self {
            mails: mails.into_iter().collect::<Vec<_>>().into_iter(),
            now: None,
            then: Then::End,
        }
    }

    /// The client goes away when half of the last has arrived.
    pub(crate) fn broken_off(mails: impl IntoIterator<Item = Mail>) -> Self {
        Self {
            then: Then::Half,
            ..Self::whole(mails)
        }
    }

    /// Behind the last of these, what should be a message is none.
    pub(crate) fn going_wrong(mails: impl IntoIterator<Item = Mail>) -> Self {
        Self {
            then: Then::Gone,
            ..Self::whole(mails)
        }
    }
}

impl MessageSource for Series {
    fn size(&self) -> Option<u64> {
        self.now.as_ref()?.size()
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.now {
            Some(now) => now.chunk().await,
            None => Ok(None),
        }
    }
}

impl Messages for Series {
    async fn next(&mut self) -> Result<Option<Append>, Error> {
        let Some(mail) = self.mails.next() else {
            return match self.then {
                Then::End => Ok(None),
                Then::Gone | Then::Half => Err(ErrorKind::ClientGone.into()),
            };
        };
        self.now = Some(match (self.mails.len(), &self.then) {
            (0, Then::Half) => Source::broken_off(mail.octets.clone()),
            _ => mail.source(),
        });
        Ok(Some(mail.append()))
    }
}
