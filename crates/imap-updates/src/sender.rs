//! `send_update` with guards: for a backend that keeps no hub and hands updates in one by one.

use std::fmt;

use imap_seq::{NotAscending, Uid, UidSet};

use crate::{
    Access, Closed, Echo, Flags, Ingest, Keyword, MailboxHub, Origin, Recency, Snapshot, UpdateBuffer,
};

/// Something that happened to the mailbox that one session has selected.
#[derive(Clone, Debug)]
pub enum Update {
    /// A message arrived. Its UID is above all before.
    Arrived {
        /// The message.
        uid: Uid,
        /// Whether this session is the first to be told of it.
        recency: Recency,
    },
    /// Messages were expunged.
    Expunged(UidSet),
    /// A message's flags are now these.
    Flags {
        /// The message.
        uid: Uid,
        /// All its flags.
        flags: Flags,
    },
    /// The mailbox defines these keywords as well.
    Keywords(Vec<Keyword>),
    /// The mailbox has this many messages now: checked against what was sent, for backends that think in sizes.
    Exists(u32),
    /// The mailbox is gone.
    Closed(Closed),
}

/// The rule that an update breaks. The client was told nothing of it; the backend is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedUpdate {
    /// No message of the mailbox has this UID.
    UnknownUid(Uid),
    /// The message arrived before.
    DuplicateUid(Uid),
    /// UIDs ascend in the order of arrival (RFC 9051 section 2.3.1.1), and a higher one was announced.
    UidTooLate(Uid),
    /// The UID belonged to an expunged message; UIDs are never used again (RFC 9051 section 2.3.1.1).
    UidReused(Uid),
    /// EXISTS never shrinks (RFC 3501 section 5.2): send the UIDs that were expunged.
    ExistsShrinks {
        /// Messages that the session was sent.
        from: u32,
        /// The size handed in.
        to: u32,
    },
    /// EXISTS grows by messages with UIDs: send those.
    ExistsWithoutUids {
        /// Messages that the session was sent.
        from: u32,
        /// The size handed in.
        to: u32,
    },
    /// An expunge of no message, a range without members.
    Empty,
    /// The mailbox or its session has ended.
    AfterClose,
}

impl fmt::Display for RefusedUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUid(uid) => write!(f, "no message has UID {uid}"),
            Self::DuplicateUid(uid) => write!(f, "the message with UID {uid} arrived before"),
            Self::UidTooLate(uid) => write!(f, "UID {uid} is below one that was announced; UIDs ascend"),
            Self::UidReused(uid) => {
                write!(f, "UID {uid} belonged to an expunged message; UIDs are used once")
            }
            Self::ExistsShrinks { from, to } => write!(f, "EXISTS never shrinks: {from} to {to}"),
            Self::ExistsWithoutUids { from, to } => {
                write!(
                    f,
                    "EXISTS from {from} to {to} without the UIDs of the messages that arrived"
                )
            }
            Self::Empty => f.write_str("an expunge of no message"),
            Self::AfterClose => f.write_str("the mailbox was closed"),
        }
    }
}

impl std::error::Error for RefusedUpdate {}

/// Hands updates in to one session, at any time and from any thread; each is checked, buffered, and told when the
/// RFCs allow it. Never written at once, never blocks on the client.
#[derive(Clone, Debug)]
pub struct UpdateSender {
    hub: MailboxHub<()>,
}

impl UpdateSender {
    /// A session of its own, on the mailbox that `snapshot` lists.
    ///
    /// # Errors
    ///
    /// [`NotAscending`] when the snapshot's UIDs do not ascend.
    pub fn open(snapshot: Snapshot, access: Access) -> Result<(Self, UpdateBuffer), NotAscending> {
        let hub = MailboxHub::new((), snapshot)?;
        let buffer = hub.subscribe(access);
        Ok((Self { hub }, buffer))
    }

    /// Checks and buffers one update.
    ///
    /// # Errors
    ///
    /// [`RefusedUpdate`] names the rule that the update breaks; then nothing of it was taken, and the client sees
    /// nothing.
    pub fn send(&self, update: Update) -> Result<(), RefusedUpdate> {
        if self.hub.closed().is_some() || self.hub.sessions() == 0 {
            return Err(RefusedUpdate::AfterClose);
        }
        let mut guard = self.hub.lock();
        match update {
            Update::Arrived { uid, recency } => refusal(guard.arrive(uid, recency), uid),
            Update::Flags { uid, flags } => {
                refusal(guard.flags_changed(uid, flags, Origin::EXTERNAL, Echo::Tell), uid)
            }
            Update::Expunged(uids) if uids.is_empty() => Err(RefusedUpdate::Empty),
            Update::Expunged(uids) => match uids.iter().find(|&uid| !guard.contains(uid)) {
                Some(unknown) => Err(RefusedUpdate::UnknownUid(unknown)),
                None => {
                    guard.expunge(&uids);
                    Ok(())
                }
            },
            Update::Keywords(keywords) => {
                guard.keywords_changed(keywords);
                Ok(())
            }
            Update::Exists(to) => same_size(guard.len(), to),
            Update::Closed(why) => {
                guard.close(why);
                Ok(())
            }
        }
    }
}

fn same_size(from: u32, to: u32) -> Result<(), RefusedUpdate> {
    match to.cmp(&from) {
        std::cmp::Ordering::Less => Err(RefusedUpdate::ExistsShrinks { from, to }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(RefusedUpdate::ExistsWithoutUids { from, to }),
    }
}

fn refusal(done: Ingest, uid: Uid) -> Result<(), RefusedUpdate> {
    match done {
        Ingest::Applied => Ok(()),
        Ingest::Duplicate => Err(RefusedUpdate::DuplicateUid(uid)),
        Ingest::Unknown => Err(RefusedUpdate::UnknownUid(uid)),
        Ingest::Late => Err(RefusedUpdate::UidTooLate(uid)),
        Ingest::Reused => Err(RefusedUpdate::UidReused(uid)),
        Ingest::Closed => Err(RefusedUpdate::AfterClose),
    }
}
