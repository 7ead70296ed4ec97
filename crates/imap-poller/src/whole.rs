//! All messages of a mailbox, in order: what the last listing said.

use imap_seq::{ModSeq, Uid};

use crate::listing::Listed;

/// A listing that was taken. Ascending, each UID once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whole {
    messages: Vec<Listed>,
    pub(crate) version: Option<ModSeq>,
    /// 2^32 if the store has no UID left; `None` if it did not say.
    pub(crate) uid_next: Option<u64>,
}

impl Whole {
    /// Of messages in any order; of one that stands there twice, the later one counts. O(messages) if they are in order.
    pub(crate) fn new(messages: Vec<Listed>, version: Option<ModSeq>, uid_next: Option<u64>) -> Self {
        Self {
            messages: in_order(messages),
            version,
            uid_next,
        }
    }

    pub(crate) fn messages(&self) -> &[Listed] {
        &self.messages
    }

    /// The message with this UID. O(log messages).
    pub(crate) fn get(&self, uid: Uid) -> Option<&Listed> {
        self.place(uid).map(|at| &self.messages[at])
    }

    pub(crate) fn place(&self, uid: Uid) -> Option<usize> {
        let found = self.messages.binary_search_by_key(&uid, |message| message.uid);
        found.ok()
    }

    /// The UID, as a number, below which it has all messages that there are.
    pub(crate) fn covered(&self) -> u64 {
        covered(self.messages.last().map(|last| last.uid), self.uid_next)
    }

    /// Takes messages that are new or changed, and of the others those that `stays` names by their place. O(differences
    /// log messages), and O(messages) if some go.
    pub(crate) fn update(
        &mut self,
        differing: impl Iterator<Item = Listed>,
        stays: Option<impl Fn(usize) -> bool>,
    ) {
        let mut arrived = Vec::new();
        for message in differing {
            match self.place(message.uid) {
                Some(at) => self.messages[at] = message,
                None => arrived.push(message),
            }
        }
        if let Some(stays) = stays {
            let mut places = 0..;
            self.messages.retain(|_| places.next().is_some_and(&stays));
        }
        self.messages.extend(arrived);
        self.messages = in_order(std::mem::take(&mut self.messages));
    }
}

/// The UID, as a number, below which a listing with this highest UID and this UIDNEXT has all messages that there are.
pub(crate) fn covered(highest: Option<Uid>, uid_next: Option<u64>) -> u64 {
    let above_last = highest.map_or(1, |uid| u64::from(uid.get()) + 1);
    above_last.max(uid_next.unwrap_or(0))
}

fn in_order(mut messages: Vec<Listed>) -> Vec<Listed> {
    if !messages.is_sorted_by(|one, other| one.uid < other.uid) {
        messages.reverse();
        messages.sort_by_key(|message| message.uid);
        messages.dedup_by_key(|message| message.uid);
    }
    messages
}
