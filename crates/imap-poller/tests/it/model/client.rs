//! A strict client: it numbers by what it is told, and believes nothing else.

use std::collections::BTreeMap;

use imap_poller::MailboxPoller;
use imap_updates::{Access, Drained, Followers, Release, Untagged, UpdateBuffer, kind};

use super::store::{Mailbox, from_flags};

pub(crate) struct Client {
    pub(crate) session: UpdateBuffer,
    /// UIDs in the order of their numbers.
    pub(crate) numbered: Vec<u32>,
    /// What it knows of flags: fetched when the message arrived, then as told.
    pub(crate) flags: BTreeMap<u32, u64>,
    /// A command of its own that committed and was not reported yet: it is told nothing before that is over.
    pub(crate) busy: bool,
}

impl Client {
    pub(crate) fn select(poller: &MailboxPoller, store: &Mailbox) -> Self {
        let selection = poller.select(Access::ReadWrite);
        let mut client = Self {
            session: selection.updates,
            numbered: Vec::new(),
            flags: BTreeMap::new(),
            busy: false,
        };
        client.fetch_new(store);
        let uid_next = selection.uid_next.map_or(u32::MAX, |uid| uid.get());
        client.knows_all_below(uid_next, store);
        client
    }

    pub(crate) fn noop(&mut self, store: &Mailbox) -> usize {
        let command = self.session.begin(kind::Noop);
        let drained = self.session.drain(command.permit(Followers::None));
        self.hear(drained, store)
    }

    pub(crate) fn fetch(&mut self, store: &Mailbox) -> usize {
        let _command = self.session.begin(kind::Fetch);
        let drained = self.session.drain(Release::hold());
        assert!(drained.expunged().is_empty());
        self.hear(drained, store)
    }

    /// Returns how many responses there were.
    fn hear(&mut self, drained: Drained, store: &Mailbox) -> usize {
        let mut exists = None;
        let mut responses = 0;
        for response in drained.iter() {
            responses += 1;
            match response {
                Untagged::Fetch { seq, uid, flags, .. } => {
                    assert_eq!(self.numbered[seq.get() as usize - 1], uid.get());
                    self.flags.insert(uid.get(), from_flags(flags));
                }
                Untagged::Expunge(seq) => {
                    let uid = self.numbered.remove(seq.get() as usize - 1);
                    assert!(
                        !store.messages.contains_key(&uid),
                        "EXPUNGE of UID {uid}, which is there"
                    );
                }
                Untagged::Exists(number) => exists = Some(number as usize),
                _ => {}
            }
        }
        self.session.written(drained);
        if let Some(exists) = exists {
            assert!(exists > self.numbered.len(), "EXISTS may only grow");
            self.fetch_new(store);
            assert_eq!(self.numbered.len(), exists);
        }
        responses
    }

    /// FETCH of what has no UID here yet. It must be above all that has one.
    fn fetch_new(&mut self, store: &Mailbox) {
        let _command = self.session.begin(kind::Fetch);
        let view: Vec<u32> = self.session.view().uids().map(|uid| uid.get()).collect();
        assert_eq!(self.numbered, view[..self.numbered.len()]);
        assert!(view.is_sorted_by(|one, other| one < other));
        for uid in &view[self.numbered.len()..] {
            let flags = store.messages.get(uid).map_or(0, |message| message.flags);
            self.flags.insert(*uid, flags);
        }
        self.numbered = view;
    }

    /// UIDNEXT did not run ahead.
    pub(crate) fn knows_all_below(&self, uid_next: u32, store: &Mailbox) {
        for uid in store.messages.keys().filter(|&&uid| uid < uid_next) {
            assert!(
                self.numbered.contains(uid),
                "UIDNEXT {uid_next}, and UID {uid} was not told"
            );
        }
    }

    /// HIGHESTMODSEQ did not run ahead: whoever resynchronises from it misses nothing.
    pub(crate) fn highest_modseq_is_honest(&self, store: &Mailbox) {
        let highest = self.session.highest_modseq().get();
        for (uid, message) in store
            .messages
            .iter()
            .filter(|(_, message)| message.version <= highest)
        {
            assert!(
                self.numbered.contains(uid),
                "HIGHESTMODSEQ {highest}, and UID {uid} was not told"
            );
            let known = self.flags[uid];
            assert!(
                known >= message.flags,
                "HIGHESTMODSEQ {highest}: flags of UID {uid} {known}, {message:?}"
            );
        }
        for (uid, _) in store.gone.iter().filter(|(_, version)| **version <= highest) {
            assert!(
                !self.numbered.contains(uid),
                "HIGHESTMODSEQ {highest}, and the EXPUNGE of UID {uid} was not told"
            );
        }
    }
}
