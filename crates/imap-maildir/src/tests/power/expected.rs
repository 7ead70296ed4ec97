//! What has to be there after a power failure, by what the clients had been told until then.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::{Annotations, Seen, SeenMailbox, SeenMessage};

/// Whether something has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It was answered.
    Certain,
    /// It is being added or removed.
    Possible,
}

/// A message, known by its text.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) presence: Presence,
    /// The UID that was told.
    pub(super) uid: Option<u32>,
    /// Sorted; none while STORE changes them.
    pub(super) flags: Option<Vec<String>>,
    /// INTERNALDATE, seconds since the epoch.
    pub(super) date: Option<i64>,
}

impl Message {
    pub(super) fn possible() -> Self {
        Self {
            presence: Presence::Possible,
            uid: None,
            flags: None,
            date: None,
        }
    }
}

/// A mailbox.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    /// One of these; two while it is renamed.
    pub(super) names: Vec<String>,
    pub(super) presence: Presence,
    pub(super) uid_validity: Option<u32>,
    /// By text.
    pub(super) messages: BTreeMap<String, Message>,
    pub(super) keywords: BTreeSet<String>,
    /// Which text each UID was told for.
    pub(super) told: BTreeMap<u32, String>,
    pub(super) clients: Vec<Client>,
    pub(super) annotations: PossibleAnnotations,
}

/// What an annotation may be, by entry: one of two while it is changed. Of all others it is none.
pub(super) type PossibleAnnotations = BTreeMap<String, Vec<Option<String>>>;

/// A client that was here, and will ask for what changed since.
#[derive(Clone, Debug)]
pub(super) struct Client {
    highest_modseq: u64,
    /// By UID.
    flags: BTreeMap<u32, Vec<String>>,
}

impl Mailbox {
    pub(super) fn new(name: &str, presence: Presence) -> Self {
        Self {
            names: vec![name.to_owned()],
            presence,
            uid_validity: None,
            messages: BTreeMap::new(),
            keywords: BTreeSet::new(),
            told: BTreeMap::new(),
            clients: Vec::new(),
            annotations: PossibleAnnotations::new(),
        }
    }

    /// A client was told of everything, and goes.
    pub(super) fn leave(&mut self, seen: &SeenMailbox) {
        let flags = seen
            .messages
            .iter()
            .map(|message| (message.uid, message.flags.clone()));
        self.clients.push(Client {
            highest_modseq: seen.highest_modseq,
            flags: flags.collect(),
        });
    }

    /// A client was told of a message.
    pub(super) fn tell(&mut self, text: &str, uid: u32) {
        self.told.insert(uid, text.to_owned());
        self.messages
            .entry(text.to_owned())
            .or_insert_with(Message::possible)
            .uid = Some(uid);
    }
}

/// What a client may find in an account.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    pub(super) mailboxes: Vec<Mailbox>,
    /// Texts that are on their way from one mailbox to another: they are in one of them, or in both.
    pub(super) moving: BTreeSet<String>,
    pub(super) subscribed: BTreeMap<String, Presence>,
    /// UIDVALIDITY of mailboxes that were deleted, by name: the next one of that name has a larger one.
    pub(super) retired: BTreeMap<String, u32>,
    /// Annotations of the server.
    pub(super) of_server: PossibleAnnotations,
}

impl Expected {
    pub(super) fn mailbox(&mut self, name: &str) -> &mut Mailbox {
        let is_named = |mailbox: &&mut Mailbox| mailbox.names.iter().any(|known| known == name);
        self.mailboxes.iter_mut().find(is_named).unwrap()
    }

    /// What the clients of a mailbox will ask for changes since.
    pub(super) fn told_modseqs(&self, name: &str) -> Vec<u64> {
        let is_named = |mailbox: &&Mailbox| mailbox.names.iter().any(|known| known == name);
        let clients = self
            .mailboxes
            .iter()
            .filter(is_named)
            .flat_map(|mailbox| &mailbox.clients);
        clients.map(|client| client.highest_modseq).collect()
    }

    /// # Errors
    /// The first thing that is not as a client may expect it.
    pub(super) fn check(&self, seen: &Seen) -> Result<(), String> {
        let names = self.mailboxes.iter().flat_map(|mailbox| &mailbox.names);
        let names: BTreeSet<_> = names.collect();
        if let Some(name) = seen.mailboxes.keys().find(|name| !names.contains(name)) {
            return Err(format!("the mailbox {name} is there"));
        }
        for mailbox in &self.mailboxes {
            let found: Vec<_> = mailbox
                .names
                .iter()
                .filter_map(|name| Some((name, seen.mailboxes.get(name)?)))
                .collect();
            match found[..] {
                [] if mailbox.presence == Presence::Possible => {}
                [(name, found)] => {
                    let retired = self.retired.get(name).copied().unwrap_or(0);
                    let checked = check_mailbox(mailbox, found, retired);
                    checked.map_err(|complaint| format!("{name}: {complaint}"))?;
                }
                _ => return Err(format!("{:?} is there {} times", mailbox.names, found.len())),
            }
        }
        self.check_moving(seen)?;
        check_annotations(&self.of_server, &seen.of_server)?;
        self.check_subscriptions(seen)
    }

    /// The annotations of a mailbox; of the server where it has no name.
    pub(super) fn annotations(&mut self, mailbox: &str) -> &mut PossibleAnnotations {
        match mailbox {
            "" => &mut self.of_server,
            mailbox => &mut self.mailbox(mailbox).annotations,
        }
    }

    fn check_moving(&self, seen: &Seen) -> Result<(), String> {
        let messages = seen.mailboxes.values().flat_map(|mailbox| &mailbox.messages);
        let texts: BTreeSet<_> = messages.map(|message| &message.text).collect();
        match self.moving.iter().find(|text| !texts.contains(text)) {
            Some(text) => Err(format!("lost on the way: {text}")),
            None => Ok(()),
        }
    }

    fn check_subscriptions(&self, seen: &Seen) -> Result<(), String> {
        if let Some(name) = seen
            .subscribed
            .iter()
            .find(|name| !self.subscribed.contains_key(*name))
        {
            return Err(format!("{name} is subscribed"));
        }
        let is_lost = |(name, presence): &(&String, &Presence)| {
            **presence == Presence::Certain && !seen.subscribed.contains(*name)
        };
        match self.subscribed.iter().find(is_lost) {
            Some((name, _)) => Err(format!("{name} is not subscribed")),
            None => Ok(()),
        }
    }
}

fn check_mailbox(mailbox: &Mailbox, seen: &SeenMailbox, retired: u32) -> Result<(), String> {
    let told = mailbox.uid_validity.unwrap_or(seen.uid_validity);
    if seen.uid_validity != told || seen.uid_validity <= retired {
        let wrong = seen.uid_validity;
        return Err(format!(
            "UIDVALIDITY {wrong}, and {told} was told, after {retired}"
        ));
    }
    let highest = mailbox.told.keys().next_back().copied().unwrap_or(0);
    if seen.uid_next <= highest {
        return Err(format!("UIDNEXT {}, and {highest} was told", seen.uid_next));
    }
    if let Some(keyword) = mailbox.keywords.difference(&seen.keywords).next() {
        return Err(format!("no keyword {keyword}"));
    }
    let mut texts = BTreeSet::new();
    for message in &seen.messages {
        if !texts.insert(&message.text) {
            return Err(format!("twice: {}", message.text));
        }
        if mailbox
            .told
            .get(&message.uid)
            .is_some_and(|told| *told != message.text)
        {
            return Err(format!(
                "UID {} was another message's: {}",
                message.uid, message.text
            ));
        }
        let expected = mailbox.messages.get(&message.text);
        let expected = expected.ok_or_else(|| format!("not expected: {:?}", message.text))?;
        check_message(expected, message).map_err(|complaint| format!("{complaint}: {}", message.text))?;
    }
    for client in &mailbox.clients {
        check_client(client, seen)?;
    }
    check_annotations(&mailbox.annotations, &seen.annotations)?;
    let is_lost = |(text, message): &(&String, &Message)| {
        message.presence == Presence::Certain && !texts.contains(text)
    };
    match mailbox.messages.iter().find(is_lost) {
        Some((text, _)) => Err(format!("lost: {text}")),
        None => Ok(()),
    }
}

fn check_annotations(expected: &PossibleAnnotations, seen: &Annotations) -> Result<(), String> {
    for entry in expected.keys().chain(seen.keys()) {
        let (found, none) = (seen.get(entry), vec![None]);
        let possible = expected.get(entry).unwrap_or(&none);
        if !possible.iter().any(|value| value.as_ref() == found) {
            return Err(format!("{entry} is {found:?} and not one of {possible:?}"));
        }
    }
    Ok(())
}

/// A client that asks for what changed and vanished has the mailbox afterwards (RFC 7162).
fn check_client(client: &Client, seen: &SeenMailbox) -> Result<(), String> {
    let since = client.highest_modseq;
    if seen.highest_modseq < since {
        let went_back = seen.highest_modseq;
        return Err(format!("HIGHESTMODSEQ {went_back}, and {since} was told"));
    }
    for message in &seen.messages {
        let (uid, modseq, flags) = (message.uid, message.modseq, &message.flags);
        if modseq > seen.highest_modseq {
            return Err(format!(
                "UID {uid} at {modseq} is above HIGHESTMODSEQ {}",
                seen.highest_modseq
            ));
        }
        let known = client.flags.get(&uid);
        if known != Some(flags) && modseq <= since {
            return Err(format!(
                "a client of {since} is not told of UID {uid} at {modseq}, {flags:?} and not {known:?}"
            ));
        }
    }
    let present: BTreeSet<u32> = seen.messages.iter().map(|message| message.uid).collect();
    let Some(vanished) = &seen.vanished[&since] else {
        return Ok(());
    };
    if let Some(uid) = vanished.intersection(&present).next() {
        return Err(format!("UID {uid} is there and said to have vanished"));
    }
    let is_missed = |uid: &&u32| !present.contains(uid) && !vanished.contains(uid);
    match client.flags.keys().find(is_missed) {
        Some(uid) => Err(format!("a client of {since} is not told that UID {uid} vanished")),
        None => Ok(()),
    }
}

fn check_message(expected: &Message, seen: &SeenMessage) -> Result<(), String> {
    if let Some(uid) = expected.uid.filter(|uid| *uid != seen.uid) {
        return Err(format!("UID {} and not {uid}", seen.uid));
    }
    if let Some(flags) = expected.flags.as_ref().filter(|flags| **flags != seen.flags) {
        return Err(format!("flags {:?} and not {flags:?}", seen.flags));
    }
    match expected.date.filter(|date| *date != seen.date) {
        Some(date) => Err(format!("INTERNALDATE {} and not {date}", seen.date)),
        None => Ok(()),
    }
}
