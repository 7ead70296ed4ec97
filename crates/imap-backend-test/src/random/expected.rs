//! What has to be in the mailbox: a list that shares nothing with any backend.

use crate::outside::OutsideMessage;
use crate::verdict::{Stop, Verdict, ensure};
use imap_backend::FlagAction;
use imap_seq::Uid;
use imap_updates::{Flag, Flags};
use std::collections::BTreeMap;

const UIDS: &str = "RFC 9051, section 2.3.1.1";

/// The messages of the mailbox, and which UIDs ever named which.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// By subject.
    messages: BTreeMap<String, Message>,
    /// The subjects of all UIDs that a client was ever told.
    told: BTreeMap<Uid, String>,
}

#[derive(Debug, Default)]
struct Message {
    uid: Option<Uid>,
    flags: Flags,
}

impl Expected {
    pub(super) fn arrive(&mut self, subject: &str) {
        self.messages.insert(subject.into(), Message::default());
    }

    pub(super) fn remove(&mut self, uid: Uid) {
        self.messages.retain(|_, message| message.uid != Some(uid));
    }

    pub(super) fn store(&mut self, uid: Uid, action: FlagAction, flag: &Flag) {
        let found = self
            .messages
            .values_mut()
            .find(|message| message.uid == Some(uid));
        let Some(message) = found else { return };
        let kept = message
            .flags
            .iter()
            .filter(|kept| *kept != *flag && action != FlagAction::Replace);
        let added = Some(flag.clone()).filter(|_| action != FlagAction::Remove);
        message.flags = kept.chain(added).collect();
    }

    /// A client learnt that this UID is the message of this subject.
    pub(super) fn learn(&mut self, uid: Uid, subject: &str) -> Verdict {
        let known = self.told.entry(uid).or_insert_with(|| subject.into());
        if known != subject {
            return Err(Stop::against(
                UIDS,
                format!("UID {uid} to be \"{known}\" for ever"),
                format!("\"{subject}\""),
            ));
        }
        if let Some(message) = self.messages.get_mut(subject) {
            let same = message.uid.is_none_or(|known| known == uid);
            ensure!(
                same,
                format!("\"{subject}\" under one UID, {:?}", message.uid),
                uid.to_string()
            );
            message.uid = Some(uid);
        }
        Ok(())
    }

    pub(super) fn knows(&self, uid: Uid) -> bool {
        self.told.contains_key(&uid)
    }

    /// The subject that this UID has, if it was ever told.
    pub(super) fn subject_of(&self, uid: Uid) -> Option<&str> {
        self.told.get(&uid).map(String::as_str)
    }

    /// Those with a UID, in the order of the mailbox: what another program can name.
    pub(super) fn named(&self) -> Vec<OutsideMessage> {
        let mut named: Vec<_> = self.messages.iter().filter_map(named).collect();
        named.sort_by_key(|message| message.uid);
        named
    }

    pub(super) fn is_there(&self, uid: Uid) -> bool {
        self.messages.values().any(|message| message.uid == Some(uid))
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// What is in the mailbox, as somebody found it.
    pub(super) fn ensure_is(&self, who: &str, found: &[(Uid, String, Flags)]) -> Verdict {
        let what = |uid: Uid, subject: &str, flags: &Flags| format!("UID {uid} \"{subject}\" {flags}");
        let mut expected: Vec<_> = self.messages.iter().collect();
        expected.sort_by_key(|(_, message)| message.uid);
        let expected = expected.iter().map(|(subject, message)| match message.uid {
            Some(uid) => what(uid, subject, &message.flags),
            None => format!("\"{subject}\", which nobody was told of"),
        });
        let expected: Vec<_> = expected.collect();
        let found: Vec<_> = found
            .iter()
            .map(|(uid, subject, flags)| what(*uid, subject, flags))
            .collect();
        ensure!(
            expected == found,
            format!("{who} to have [{}]", expected.join(", ")),
            format!("[{}]", found.join(", "))
        );
        Ok(())
    }
}

fn named((subject, message): (&String, &Message)) -> Option<OutsideMessage> {
    let (uid, subject) = (message.uid?, subject.clone());
    Some(OutsideMessage { uid, subject })
}
