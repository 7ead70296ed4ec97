//! The pretended store: commits in the order of UIDs and versions, and can be listed as of any moment there was.

use std::collections::BTreeMap;

use imap_poller::Listing;
use imap_seq::{ModSeq, Uid};
use imap_updates::{Flag, Flags};

/// A mailbox at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    pub(crate) messages: BTreeMap<u32, Message>,
    pub(crate) gone: BTreeMap<u32, u64>,
    pub(crate) uid_next: u32,
    pub(crate) version: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    /// Flags never come back: each change sets a keyword that was never used.
    pub(crate) flags: u64,
    pub(crate) version: u64,
}

/// The store, with its past.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) now: Mailbox,
    pub(crate) past: Vec<Mailbox>,
}

impl Store {
    pub(crate) fn new() -> Self {
        let now = Mailbox {
            messages: BTreeMap::new(),
            gone: BTreeMap::new(),
            uid_next: 1,
            version: 1,
        };
        Self {
            past: vec![now.clone()],
            now,
        }
    }

    fn commit(&mut self, change: impl FnOnce(&mut Mailbox, u64)) -> u64 {
        self.now.version += 1;
        let version = self.now.version;
        change(&mut self.now, version);
        self.past.push(self.now.clone());
        version
    }

    /// Returns the UID and the flags.
    pub(crate) fn append(&mut self) -> (u32, u64) {
        let uid = self.now.uid_next;
        let flags = self.commit(|now, version| {
            now.uid_next += 1;
            now.messages.insert(
                uid,
                Message {
                    flags: version,
                    version,
                },
            );
        });
        (uid, flags)
    }

    pub(crate) fn expunge(&mut self, uid: u32) {
        self.commit(|now, version| {
            now.messages.remove(&uid);
            now.gone.insert(uid, version);
        });
    }

    pub(crate) fn set_flags(&mut self, uid: u32) -> u64 {
        self.commit(|now, version| {
            now.messages.insert(
                uid,
                Message {
                    flags: version,
                    version,
                },
            );
        })
    }
}

impl Mailbox {
    pub(crate) fn list(&self) -> Listing {
        let messages = self.messages.iter();
        messages
            .map(|(number, message)| (uid(*number), as_flags(message.flags)))
            .collect()
    }

    pub(crate) fn list_versioned(&self) -> Listing {
        let messages = self.messages.iter();
        let rows = messages.map(|(number, message)| {
            (
                uid(*number),
                as_flags(message.flags),
                ModSeq::new(message.version).unwrap(),
            )
        });
        rows.collect::<Listing>()
            .as_of(ModSeq::new(self.version).unwrap())
            .with_uid_next(Uid::new(self.uid_next))
    }

    pub(crate) fn uids(&self) -> Vec<u32> {
        self.messages.keys().copied().collect()
    }
}

pub(crate) fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

pub(crate) fn as_flags(number: u64) -> Flags {
    Flags::from_iter([format!("f{number}").parse::<Flag>().unwrap()])
}

pub(crate) fn from_flags(flags: &Flags) -> u64 {
    flags.to_string().trim_matches(['(', 'f', ')']).parse().unwrap()
}
