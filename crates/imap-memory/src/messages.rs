//! What one mailbox holds, and every change to it: in the storage and in the history, in one critical section.

use super::ids::Ids;
use bytes::Bytes;
use chrono::{DateTime, FixedOffset, Utc};
use imap_backend::{Append, Error, ErrorKind, FlagChange, ObjectId, Record, Rights};
use imap_message::Summary;
use imap_seq::{ModSeq, Uid, UidSet, UidValidity};
use imap_updates::{Echo, Flag, Flags, HubGuard, Ingest, MailboxHub, Origin, Recency};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The storage inside a mailbox's hub.
#[derive(Debug)]
pub(super) struct Messages {
    pub(super) validity: UidValidity,
    pub(super) by_uid: BTreeMap<Uid, Message>,
    /// None when UIDs are used up.
    pub(super) next: Option<Uid>,
    /// HIGHESTMODSEQ.
    pub(super) highest: ModSeq,
    vanished: Vanished,
}

/// A message, with everything that is ever asked about it.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The same for all copies.
    id: ObjectId,
    thread: ObjectId,
    octets: Bytes,
    summary: Arc<Summary>,
    flags: Flags,
    date: DateTime<FixedOffset>,
    /// When it came into its mailbox.
    saved: DateTime<Utc>,
    /// Of the last change.
    modseq: ModSeq,
}

/// Sums over the messages of a mailbox.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) octets: u64,
    pub(super) deleted: u32,
    pub(super) deleted_octets: u64,
}

/// What was expunged, for clients that come back.
#[derive(Debug)]
struct Vanished {
    /// Ascending.
    expunges: VecDeque<(ModSeq, UidSet)>,
    /// Expunges up to here may have been forgotten.
    forgotten: ModSeq,
}

/// So many expunges are remembered: a bound, since nothing else ends them.
const EXPUNGES: usize = 1000;

impl Message {
    /// A message as it arrived by APPEND.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownEncoding`] where it has a NUL.
    pub(super) fn new(octets: &[u8], append: &Append, ids: &mut Ids) -> Result<Self, Error> {
        if octets.contains(&0) {
            return Err(ErrorKind::UnknownEncoding.into());
        }
        let octets = Bytes::from(imap_message::to_crlf(octets).into_owned());
        let summary = Summary::of(&octets);
        Ok(Self {
            id: ids.next_email(),
            thread: ids.thread_of(&summary),
            summary: Arc::new(summary),
            octets,
            flags: append.flags().clone(),
            date: append
                .internal_date()
                .unwrap_or_else(|| Utc::now().fixed_offset()),
            saved: DateTime::UNIX_EPOCH,
            modseq: ModSeq::MIN,
        })
    }

    pub(super) fn size(&self) -> u64 {
        self.octets.len() as u64
    }

    pub(super) fn flags(&self) -> &Flags {
        &self.flags
    }

    pub(super) fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// Loses the flags that these rights are not enough to set.
    pub(super) fn keep_flags(&mut self, rights: Rights) {
        self.flags = rights.changeable(&self.flags);
    }

    pub(super) fn record(&self, uid: Uid) -> Record {
        Record::new(uid, self.flags.clone())
            .with_internal_date(self.date)
            .with_size(self.octets.len() as u64)
            .with_modseq(self.modseq)
            .with_summary(Arc::clone(&self.summary))
            .with_body(self.octets.clone())
            .with_email_id(self.id.clone())
            .with_thread_id(self.thread.clone())
            .with_save_date(self.saved)
    }
}

impl Messages {
    pub(super) fn new(validity: UidValidity) -> Self {
        Self {
            validity,
            by_uid: BTreeMap::new(),
            next: Some(Uid::MIN),
            highest: ModSeq::MIN,
            vanished: Vanished {
                expunges: VecDeque::new(),
                forgotten: ModSeq::MIN,
            },
        }
    }

    /// The messages without `\Seen`, ascending.
    pub(super) fn unseen(&self) -> impl Iterator<Item = Uid> {
        let unseen = |message: &Message| !message.flags.contains(&Flag::Seen);
        self.by_uid
            .iter()
            .filter(move |(_, message)| unseen(message))
            .map(|(&uid, _)| uid)
    }

    pub(super) fn sums(&self) -> Sums {
        self.by_uid.values().fold(Sums::default(), |mut sums, message| {
            let octets = message.octets.len() as u64;
            sums.octets += octets;
            if message.flags.contains(&Flag::Deleted) {
                sums.deleted += 1;
                sums.deleted_octets += octets;
            }
            sums
        })
    }

    /// The messages whose last change came after `since`.
    pub(super) fn changed_since(&self, since: ModSeq) -> impl Iterator<Item = Uid> {
        let changed = self
            .by_uid
            .iter()
            .filter(move |(_, message)| message.modseq > since);
        changed.map(|(&uid, _)| uid)
    }

    /// What was expunged after `since`; none where that is not remembered.
    pub(super) fn expunged_since(&self, since: ModSeq) -> Option<UidSet> {
        let Vanished { expunges, forgotten } = &self.vanished;
        if since < *forgotten {
            return None;
        }
        let from = expunges.partition_point(|(modseq, _)| *modseq <= since);
        let none = UidSet::new();
        Some(
            expunges
                .range(from..)
                .fold(none, |all, (_, uids)| all.union(uids)),
        )
    }

    /// All of these messages.
    ///
    /// # Errors
    /// [`ErrorKind::ExpungeIssued`] where one is gone.
    pub(super) fn clones(&self, uids: &UidSet) -> Result<Vec<Message>, Error> {
        let message = |uid| self.by_uid.get(&uid).cloned();
        let messages = uids
            .iter()
            .map(|uid| message(uid).ok_or_else(|| ErrorKind::ExpungeIssued.into()));
        messages.collect()
    }
}

/// Stores a message, which is saved at this moment.
///
/// # Errors
/// UIDs are used up, or the mailbox was deleted since its name was looked up: nobody will ever see the message then.
pub(super) fn add(
    mailbox: &mut HubGuard<'_, Messages>,
    mut message: Message,
    moment: DateTime<Utc>,
) -> Result<Uid, Error> {
    let uid = mailbox.next.ok_or(ErrorKind::Limit)?;
    mailbox.next = uid.next();
    mailbox.keywords_changed(message.flags.keywords().to_vec());
    message.modseq = change(mailbox);
    message.saved = moment;
    mailbox.by_uid.insert(uid, message);
    match mailbox.arrive(uid, Recency::Recent) {
        Ingest::Applied => Ok(uid),
        Ingest::Closed => Err(ErrorKind::TryCreate.into()),
        _ => Err(ErrorKind::ServerBug.into()),
    }
}

/// Stores copies, each at the end; gives their UIDs.
///
/// # Errors
/// As [`add`].
pub(super) fn add_all(
    mailbox: &mut HubGuard<'_, Messages>,
    messages: impl IntoIterator<Item = Message>,
    moment: DateTime<Utc>,
) -> Result<Vec<Uid>, Error> {
    messages
        .into_iter()
        .map(|message| add(mailbox, message, moment))
        .collect()
}

/// Changes flags; gives the messages that had changed since the client last looked (UNCHANGEDSINCE).
pub(super) fn store(
    mailbox: &mut HubGuard<'_, Messages>,
    uids: &UidSet,
    what: &FlagChange,
    who: Origin,
) -> UidSet {
    let mut modified = UidSet::new();
    for uid in uids.iter() {
        let Some(message) = mailbox.by_uid.get(&uid) else {
            continue;
        };
        if !what.concerns(message.modseq) {
            modified.insert(uid);
            continue;
        }
        let flags = what.apply(&message.flags);
        if flags == message.flags {
            continue;
        }
        let modseq = change(mailbox);
        if let Some(message) = mailbox.by_uid.get_mut(&uid) {
            (message.flags, message.modseq) = (flags.clone(), modseq);
        }
        // Refused only for a mailbox that was deleted meanwhile, whose sessions are told just that.
        let _ = mailbox.flags_changed(uid, flags, who, Echo::Silent);
    }
    modified
}

/// Removes those messages among `uids` that have `\Deleted`.
pub(super) fn expunge_deleted(mailbox: &mut HubGuard<'_, Messages>, uids: &UidSet) {
    let deleted = |uid: &Uid| {
        let message = mailbox.by_uid.get(uid);
        message.is_some_and(|message| message.flags.contains(&Flag::Deleted))
    };
    // By the mailbox's messages: a set may span all UIDs there can be.
    let there = mailbox.by_uid.keys().copied();
    let gone: UidSet = there.filter(|uid| uids.contains(*uid)).filter(deleted).collect();
    remove(mailbox, &gone);
}

/// Removes those messages among `uids` that are there, whatever their flags; gives their UIDs.
pub(super) fn expunge_any(mailbox: &mut HubGuard<'_, Messages>, uids: &UidSet) -> UidSet {
    let there = mailbox.by_uid.keys().copied();
    let gone: UidSet = there.filter(|uid| uids.contains(*uid)).collect();
    remove(mailbox, &gone);
    gone
}

/// Takes these messages out of the mailbox.
///
/// # Errors
/// [`ErrorKind::ExpungeIssued`] where one is gone; the others stay then.
pub(super) fn take_out(mailbox: &mut HubGuard<'_, Messages>, uids: &UidSet) -> Result<Vec<Message>, Error> {
    let messages = mailbox.clones(uids)?;
    remove(mailbox, uids);
    Ok(messages)
}

/// RENAME of INBOX: its messages go to a new mailbox (RFC 9051, section 6.3.6). One lock at a time, so that two
/// sessions that move in opposite directions cannot wait for each other.
///
/// # Errors
/// As [`add`].
pub(super) fn move_all(
    source: &MailboxHub<Messages>,
    target: &MailboxHub<Messages>,
    moment: DateTime<Utc>,
) -> Result<(), Error> {
    let moved = {
        let mut source = source.lock();
        let uids = source.by_uid.keys().copied().collect();
        take_out(&mut source, &uids)?
    };
    add_all(&mut target.lock(), moved, moment).map(drop)
}

fn remove(mailbox: &mut HubGuard<'_, Messages>, uids: &UidSet) {
    if uids.is_empty() {
        return;
    }
    let modseq = change(mailbox);
    mailbox.by_uid.retain(|uid, _| !uids.contains(*uid));
    mailbox.vanished.expunges.push_back((modseq, uids.clone()));
    if mailbox.vanished.expunges.len() > EXPUNGES
        && let Some((forgotten, _)) = mailbox.vanished.expunges.pop_front()
    {
        mailbox.vanished.forgotten = forgotten;
    }
    mailbox.expunge(uids);
}

/// The mod-sequence of the change that is being made, which is now the highest.
fn change(mailbox: &mut HubGuard<'_, Messages>) -> ModSeq {
    let modseq = mailbox.modseq();
    mailbox.highest = modseq;
    modseq
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_updates::Snapshot;

    #[test]
    fn what_was_expunged_too_long_ago_is_not_remembered() {
        let hub = MailboxHub::new(Messages::new(UidValidity::MIN), Snapshot::empty()).unwrap();
        let mut gone = Vec::new();
        for _ in 0..=EXPUNGES {
            let append = Append::new(Flags::empty());
            let message = Message::new(b"x", &append, &mut Ids::default()).unwrap();
            let uid = add(&mut hub.lock(), message, DateTime::UNIX_EPOCH).unwrap();
            let before = hub.lock().highest;
            take_out(&mut hub.lock(), &UidSet::from_iter([uid])).unwrap();
            gone.push((before, uid));
        }
        let mailbox = hub.lock();
        assert_eq!(mailbox.expunged_since(gone[0].0), None, "one too many");
        let rest: UidSet = gone[1..].iter().map(|(_, uid)| *uid).collect();
        assert_eq!(mailbox.expunged_since(gone[1].0), Some(rest));
        assert_eq!(mailbox.expunged_since(mailbox.highest), Some(UidSet::new()));
    }
}
