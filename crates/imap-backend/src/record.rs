//! One message, as far as somebody asked for it.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use imap_message::Summary;
use imap_seq::{ModSeq, Uid};
use imap_updates::Flags;

use crate::body::Body;
use crate::object_id::ObjectId;

/// What [`Mailbox::fetch`](crate::Mailbox::fetch) is asked for. UID and flags are always answered: every store has them
/// at hand.
///
/// A need is a hint of what will be looked at. Answering more is allowed; a store that has everything in memory may
/// ignore it.
///
/// ```
/// use imap_backend::Need;
/// let need = Need::SIZE.and(Need::INTERNAL_DATE);
/// assert!(need.includes(Need::SIZE) && !need.includes(Need::BODY));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need(u16);

impl Need {
    /// UID and flags only.
    pub const FLAGS: Self = Self(0);
    /// [`Record::internal_date`].
    pub const INTERNAL_DATE: Self = Self(1);
    /// [`Record::size`].
    pub const SIZE: Self = Self(1 << 1);
    /// [`Record::modseq`], where the backend has [`Ability::ModSequences`](crate::Ability::ModSequences).
    pub const MODSEQ: Self = Self(1 << 2);
    /// A [`Record::summary`] that knows the header at least. A store that keeps none answers [`Record::body`], from
    /// which the header will be read.
    pub const HEADER_SUMMARY: Self = Self(1 << 3);
    /// A complete [`Record::summary`], body structure included. A store that keeps none answers [`Record::body`], all
    /// of which will be read.
    pub const SUMMARY: Self = Self(Self::HEADER_SUMMARY.0 | 1 << 4);
    /// [`Record::body`], of which the header will be read.
    pub const HEADER: Self = Self(1 << 5);
    /// [`Record::body`], of which anything may be read.
    pub const BODY: Self = Self(Self::HEADER.0 | 1 << 6);
    /// [`Record::email_id`] and [`Record::thread_id`], where the backend has
    /// [`Ability::ObjectId`](crate::Ability::ObjectId).
    pub const OBJECT_IDS: Self = Self(1 << 7);
    /// [`Record::save_date`], where the backend has [`Ability::SaveDate`](crate::Ability::SaveDate).
    pub const SAVE_DATE: Self = Self(1 << 8);

    /// How many octets of bodies one answer should hand over as [`Body::held`], in all: 512 KiB. A body that does not
    /// fit is answered as a handle that reads. Bounds the memory of a connection that fetches everything.
    pub const HELD_OCTETS: usize = 512 << 10;

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `other` is asked for.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the answer needs a [`Record::body`] from a store that keeps no summaries.
    #[must_use]
    pub const fn includes_octets(self) -> bool {
        self.includes(Self::HEADER) || self.includes(Self::HEADER_SUMMARY)
    }
}

/// One message, as far as it was asked for.
#[derive(Debug, Clone)]
pub struct Record {
    uid: Uid,
    flags: Flags,
    internal_date: Option<DateTime<FixedOffset>>,
    size: Option<u64>,
    modseq: Option<ModSeq>,
    summary: Option<Arc<Summary>>,
    body: Option<Body>,
    email_id: Option<ObjectId>,
    thread_id: Option<ObjectId>,
    save_date: Option<DateTime<Utc>>,
}

impl Record {
    /// A record of UID and flags, without `\Recent`; the rest is added as asked.
    #[must_use]
    pub const fn new(uid: Uid, flags: Flags) -> Self {
        Self {
            uid,
            flags,
            internal_date: None,
            size: None,
            modseq: None,
            summary: None,
            body: None,
            email_id: None,
            thread_id: None,
            save_date: None,
        }
    }

    /// With INTERNALDATE (RFC 9051, section 2.3.3).
    #[must_use]
    pub fn with_internal_date(mut self, date: DateTime<FixedOffset>) -> Self {
        self.internal_date = Some(date);
        self
    }

    /// With RFC822.SIZE: octets with CRLF line ends, the same number as [`Body::size`].
    #[must_use]
    pub fn with_size(mut self, octets: u64) -> Self {
        self.size = Some(octets);
        self
    }

    /// With the mod-sequence of the message's last change (RFC 7162, section 3.1).
    #[must_use]
    pub fn with_modseq(mut self, modseq: ModSeq) -> Self {
        self.modseq = Some(modseq);
        self
    }

    /// With what the store keeps ready of the message's header and structure.
    #[must_use]
    pub fn with_summary(mut self, summary: Arc<Summary>) -> Self {
        self.summary = Some(summary);
        self
    }

    /// With the message itself.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// With EMAILID: the same for every message of the same octets that came out of this one by COPY or MOVE (RFC 8474,
    /// section 5.1).
    #[must_use]
    pub fn with_email_id(mut self, id: ObjectId) -> Self {
        self.email_id = Some(id);
        self
    }

    /// With THREADID, where the store knows threads (RFC 8474, section 5.2).
    #[must_use]
    pub fn with_thread_id(mut self, id: ObjectId) -> Self {
        self.thread_id = Some(id);
        self
    }

    /// With SAVEDATE: when the message came into the mailbox that it is in, whichever way. It never changes as long as the
    /// message is there, and a copy has its own (RFC 8514, section 3).
    #[must_use]
    pub fn with_save_date(mut self, date: DateTime<Utc>) -> Self {
        self.save_date = Some(date);
        self
    }

    /// The same message under another UID, as a copy in another mailbox.
    #[must_use]
    pub fn with_uid(mut self, uid: Uid) -> Self {
        self.uid = uid;
        self
    }

    /// The message's UID.
    #[must_use]
    pub const fn uid(&self) -> Uid {
        self.uid
    }

    /// Its flags, without `\Recent`.
    #[must_use]
    pub const fn flags(&self) -> &Flags {
        &self.flags
    }

    /// Its flags, to be changed.
    pub const fn flags_mut(&mut self) -> &mut Flags {
        &mut self.flags
    }

    /// INTERNALDATE; there with [`Need::INTERNAL_DATE`].
    #[must_use]
    pub const fn internal_date(&self) -> Option<DateTime<FixedOffset>> {
        self.internal_date
    }

    /// RFC822.SIZE in octets with CRLF line ends; there with [`Need::SIZE`].
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// The mod-sequence; there with [`Need::MODSEQ`] where the backend has mod-sequences.
    #[must_use]
    pub const fn modseq(&self) -> Option<ModSeq> {
        self.modseq
    }

    /// What the store keeps ready of header and structure; see [`Need::SUMMARY`].
    #[must_use]
    pub const fn summary(&self) -> Option<&Arc<Summary>> {
        self.summary.as_ref()
    }

    /// The message itself; there with [`Need::HEADER`] and [`Need::BODY`].
    #[must_use]
    pub const fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    /// EMAILID; there with [`Need::OBJECT_IDS`] where the backend has object ids.
    #[must_use]
    pub const fn email_id(&self) -> Option<&ObjectId> {
        self.email_id.as_ref()
    }

    /// THREADID; none where the store knows no threads: NIL.
    #[must_use]
    pub const fn thread_id(&self) -> Option<&ObjectId> {
        self.thread_id.as_ref()
    }

    /// SAVEDATE; there with [`Need::SAVE_DATE`] where the backend has save dates. None where this is not known of the message:
    /// NIL.
    #[must_use]
    pub const fn save_date(&self) -> Option<DateTime<Utc>> {
        self.save_date
    }
}

/// The answer of [`Mailbox::fetch`](crate::Mailbox::fetch): an entry for each UID that was asked for, in that order.
///
/// ```
/// use imap_backend::{Fetched, Record};
/// use imap_seq::Uid;
/// use imap_updates::Flags;
/// // Asked for two messages, of which the second is gone.
/// let fetched: Fetched = [Some(Record::new(Uid::MIN, Flags::empty())), None].into_iter().collect();
/// assert_eq!(fetched.len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Fetched {
    entries: Vec<Option<Record>>,
}

impl Fetched {
    /// An answer to which so many entries will be added.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self {
            entries: Vec::with_capacity(entries),
        }
    }

    /// Adds the entry of the next UID that was asked for: `None` where the message is gone.
    pub fn push(&mut self, entry: Option<Record>) {
        self.entries.push(entry);
    }

    /// Entries, those of messages that are gone included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = Option<&Record>> {
        self.entries.iter().map(Option::as_ref)
    }

    /// The same, the last first.
    pub(crate) fn reversed(mut self) -> Self {
        self.entries.reverse();
        self
    }

    /// The messages that are there.
    pub fn into_records(self) -> impl Iterator<Item = Record> {
        self.entries.into_iter().flatten()
    }
}

impl FromIterator<Option<Record>> for Fetched {
    fn from_iter<I: IntoIterator<Item = Option<Record>>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
        }
    }
}

impl IntoIterator for Fetched {
    type Item = Option<Record>;
    type IntoIter = std::vec::IntoIter<Option<Record>>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
