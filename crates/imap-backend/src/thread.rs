//! THREAD (RFC 5256 and draft-ietf-morg-inthread): how, what comes out, and an evaluation for every store that can
//! [`fetch`](crate::Mailbox::fetch).

mod builder;
mod evaluate;
mod forest;
mod graph;
mod links;
#[cfg(test)]
mod tests;

pub use evaluate::evaluate;
pub(crate) use evaluate::threaded;

use imap_seq::Uid;

/// How messages are threaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ORDEREDSUBJECT: messages of one base subject are a thread.
    OrderedSubject,
    /// REFERENCES: answers below what they answer; threads of one subject are joined.
    References,
    /// REFS: as REFERENCES, but threads of one subject are not joined, and the thread with the newest message comes last.
    Refs,
}

/// Threads in their order: trees of messages.
///
/// A tree may be a hundred thousand messages deep, so it is a list here, and nothing that is done with it recurses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Threads {
    entries: Vec<Entry>,
}

/// One message of a thread, followed by its children, each with all that is below it: 8 octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    uid: Option<Uid>,
    children: u32,
}

impl Entry {
    /// A message with so many children.
    #[must_use]
    pub const fn new(uid: Uid, children: u32) -> Self {
        Self {
            uid: Some(uid),
            children,
        }
    }

    /// The place of a message that is not there, at the top of a thread with at least two children.
    #[must_use]
    pub const fn missing(children: u32) -> Self {
        Self { uid: None, children }
    }

    /// The message; `None` if it is not there.
    #[must_use]
    pub const fn uid(&self) -> Option<Uid> {
        self.uid
    }

    /// How many messages are directly below it.
    #[must_use]
    pub const fn children(&self) -> u32 {
        self.children
    }
}

impl Threads {
    /// Threads that are given as their messages, each before its children.
    #[must_use]
    pub const fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// The messages, each before its children.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Without the messages that are not wanted. The children of one that goes take its place; at the top of a thread,
    /// only a child that is alone does. O(n).
    pub fn retain(&mut self, mut wanted: impl FnMut(Uid) -> bool) {
        if self.entries.iter().all(|entry| entry.uid.is_none_or(&mut wanted)) {
            return;
        }
        let mut kept = Vec::with_capacity(self.entries.len());
        // Of each tree that is complete, seen from the end: how many of its messages now stand side by side.
        let mut tops: Vec<u32> = Vec::new();
        let mut missing: Vec<usize> = Vec::new();
        for entry in self.entries.iter().rev() {
            let below = tops.len() - (entry.children as usize).min(tops.len());
            let children: u32 = tops.drain(below..).sum();
            if let Some(uid) = entry.uid.filter(|&uid| wanted(uid)) {
                kept.push(Entry::new(uid, children));
                tops.push(1);
            } else {
                missing.push(kept.len());
                kept.push(Entry::missing(children));
                tops.push(children);
            }
        }
        kept.reverse();
        self.entries = without_inner_gaps(kept);
    }
}

/// Leaves missing messages at the top of a thread, if they have two children at least.
fn without_inner_gaps(entries: Vec<Entry>) -> Vec<Entry> {
    let mut due: u64 = 0;
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        let is_top = due == 0;
        match entry.uid {
            Some(_) => {
                due = due.saturating_sub(1) + u64::from(entry.children);
                kept.push(entry);
            }
            None if is_top && entry.children > 1 => {
                due = u64::from(entry.children);
                kept.push(entry);
            }
            None => {}
        }
    }
    kept
}
