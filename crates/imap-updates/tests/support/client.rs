//! A strict client: applies untagged responses to its own list, and breaks at the first that a client could not.
//!
//! It shares no code with the crate: a vector of UIDs in the order of their numbers.

use std::collections::{BTreeMap, BTreeSet};

use imap_updates::{Drained, Recency, Untagged};

/// What a client believes.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// UIDs by number: the first has number 1.
    pub list: Vec<u32>,
    /// Flags as written, by UID.
    pub flags: BTreeMap<u32, String>,
    pub recent: u32,
    /// UIDs that were once announced, and once taken away.
    pub announced: BTreeSet<u32>,
    pub expunged: BTreeSet<u32>,
    pub keywords: BTreeSet<String>,
}

/// What the oracle of the test knows about the mailbox, to fill in what EXISTS does not say.
pub struct Truth<'t> {
    /// UIDs in the mailbox now, ascending, with their flags.
    pub messages: &'t BTreeMap<u32, String>,
    /// Whether this drain may release EXPUNGE.
    pub may_expunge: bool,
}

impl Client {
    pub fn selected(messages: &BTreeMap<u32, String>, recent: u32) -> Self {
        Self {
            list: messages.keys().copied().collect(),
            flags: messages.clone(),
            recent,
            announced: messages.keys().copied().collect(),
            ..Self::default()
        }
    }

    /// Applies one drain, in the order in which it would be written.
    pub fn apply(&mut self, drained: &Drained, truth: &Truth<'_>) {
        let mut stage = 0;
        let mut last_expunge = u32::MAX;
        for line in drained.iter() {
            let place = match line {
                Untagged::MailboxFlags(_) => 1,
                Untagged::Fetch { .. } => 2,
                Untagged::Expunge(_) | Untagged::Vanished(_) => 3,
                Untagged::Exists(_) => 4,
                Untagged::Recent(_) => 5,
                other => panic!("unknown response {other:?}"),
            };
            assert!(
                place > stage || place == stage && matches!(place, 2 | 3),
                "{line:?} is out of order"
            );
            stage = place;
            match line {
                Untagged::Expunge(number) => {
                    assert!(number.get() < last_expunge, "EXPUNGE does not descend");
                    last_expunge = number.get();
                }
                Untagged::Vanished(_) => assert_eq!(last_expunge, u32::MAX, "EXPUNGE and VANISHED mixed"),
                _ => {}
            }
            self.apply_line(&line, truth);
        }
    }

    fn apply_line(&mut self, line: &Untagged<'_>, truth: &Truth<'_>) {
        match line {
            Untagged::MailboxFlags(keywords) => {
                self.keywords = keywords
                    .iter()
                    .map(|keyword| keyword.to_string().to_lowercase())
                    .collect();
            }
            Untagged::Fetch {
                seq,
                uid,
                flags,
                recent,
                ..
            } => {
                let at = seq.get() as usize;
                assert!(
                    at <= self.list.len(),
                    "FETCH {at} above EXISTS {}",
                    self.list.len()
                );
                assert_eq!(
                    self.list[at - 1],
                    uid.get(),
                    "FETCH {at} is about another message"
                );
                assert!(
                    truth.messages.contains_key(&uid.get()),
                    "FETCH of expunged UID {uid}"
                );
                for keyword in flags.keywords() {
                    let known = self.keywords.contains(&keyword.to_string().to_lowercase());
                    assert!(known, "keyword {keyword} before the mailbox's FLAGS");
                }
                assert!(*recent == Recency::NotRecent || self.recent > 0);
                self.flags.insert(uid.get(), flags.to_string());
            }
            Untagged::Expunge(number) => {
                assert!(truth.may_expunge, "EXPUNGE without a permit");
                let at = number.get() as usize;
                assert!(
                    at <= self.list.len(),
                    "EXPUNGE {at} above EXISTS {}",
                    self.list.len()
                );
                let gone = self.list.remove(at - 1);
                self.take_away(gone, truth);
            }
            Untagged::Vanished(uids) => {
                assert!(truth.may_expunge, "VANISHED without a permit");
                for gone in uids.iter().map(imap_seq::Uid::get) {
                    let at = self.list.iter().position(|&uid| uid == gone);
                    self.list
                        .remove(at.expect("VANISHED of a message that was never announced"));
                    self.take_away(gone, truth);
                }
            }
            Untagged::Exists(exists) => self.grow(*exists as usize, truth),
            Untagged::Recent(recent) => {
                assert!(
                    *recent as usize <= self.list.len(),
                    "RECENT {recent} above EXISTS"
                );
                self.recent = *recent;
            }
            other => panic!("unknown response {other:?}"),
        }
    }

    fn take_away(&mut self, gone: u32, truth: &Truth<'_>) {
        assert!(
            !truth.messages.contains_key(&gone),
            "EXPUNGE of UID {gone}, which is in the mailbox"
        );
        assert!(self.expunged.insert(gone), "UID {gone} expunged twice");
        self.flags.remove(&gone);
    }

    /// The client fetches what is new: UIDs above all that it knows.
    fn grow(&mut self, exists: usize, truth: &Truth<'_>) {
        assert!(
            exists > self.list.len(),
            "EXISTS {exists} after {}",
            self.list.len()
        );
        let last = self.announced.last().copied().unwrap_or(0);
        let new: Vec<u32> = truth.messages.range(last + 1..).map(|(&uid, _)| uid).collect();
        assert_eq!(
            exists,
            self.list.len() + new.len(),
            "EXISTS is not the announced view and what is new"
        );
        for uid in new {
            assert!(self.announced.insert(uid), "UID {uid} announced twice");
            self.list.push(uid);
            self.flags.insert(uid, truth.messages[&uid].clone());
        }
    }
}
