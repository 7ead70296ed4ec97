//! STATUS: the figures of a mailbox that is not selected (RFC 9051, section 6.3.11).

use imap_seq::{ModSeq, Uid, UidValidity};
use imap_updates::{Access, Flag};

use crate::error::Error;
use crate::name::MailboxName;
use crate::object_id::ObjectId;
use crate::record::{Need, Record};
use crate::select::Select;
use crate::session::Session;
use crate::walk::Walk;

/// Which figures [`Session::status`] is asked for. UIDVALIDITY is always answered.
///
/// Answering more is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusQuery(u16);

impl StatusQuery {
    /// MESSAGES.
    pub const MESSAGES: Self = Self(1);
    /// UIDNEXT.
    pub const UID_NEXT: Self = Self(1 << 1);
    /// UNSEEN.
    pub const UNSEEN: Self = Self(1 << 2);
    /// RECENT (RFC 3501, section 6.3.10).
    pub const RECENT: Self = Self(1 << 3);
    /// HIGHESTMODSEQ (RFC 7162, section 3.1.7).
    pub const HIGHEST_MODSEQ: Self = Self(1 << 4);
    /// SIZE (RFC 8438).
    pub const SIZE: Self = Self(1 << 5);
    /// DELETED (RFC 9051, section 6.3.11).
    pub const DELETED: Self = Self(1 << 6);
    /// DELETED-STORAGE (RFC 9208, section 4.1.4).
    pub const DELETED_STORAGE: Self = Self(1 << 7);
    /// MAILBOXID (RFC 8474, section 4.3).
    pub const MAILBOX_ID: Self = Self(1 << 8);
    /// The figures that every backend has at hand: not HIGHESTMODSEQ and MAILBOXID, and not those for which the server asks
    /// for each message where a backend does not answer them.
    pub const ALL: Self = Self(1 | 1 << 1 | 1 << 2 | 1 << 3);

    /// UIDVALIDITY only.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

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
}

/// The figures of a mailbox.
///
/// They never run ahead of what a session of the mailbox can be told: a client that sees a larger UIDNEXT or
/// HIGHESTMODSEQ than its session will reach misses what lies between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    uid_validity: UidValidity,
    messages: u32,
    uid_next: Option<Uid>,
    recent: u32,
    unseen: u32,
    highest_modseq: Option<ModSeq>,
    size: Option<u64>,
    deleted: Option<u32>,
    deleted_storage: Option<u64>,
    mailbox_id: Option<ObjectId>,
}

impl Status {
    /// A mailbox without messages; the figures are added as asked.
    #[must_use]
    pub const fn new(uid_validity: UidValidity) -> Self {
        Self {
            uid_validity,
            messages: 0,
            uid_next: None,
            recent: 0,
            unseen: 0,
            highest_modseq: None,
            size: None,
            deleted: None,
            deleted_storage: None,
            mailbox_id: None,
        }
    }

    /// With so many messages.
    #[must_use]
    pub const fn with_messages(mut self, messages: u32) -> Self {
        self.messages = messages;
        self
    }

    /// With the UID that the next message gets at the earliest; none when UIDs are used up.
    #[must_use]
    pub const fn with_uid_next(mut self, uid_next: Option<Uid>) -> Self {
        self.uid_next = uid_next;
        self
    }

    /// With so many messages that have `\Recent`; asking does not take the flag away.
    #[must_use]
    pub const fn with_recent(mut self, recent: u32) -> Self {
        self.recent = recent;
        self
    }

    /// With so many messages without `\Seen`.
    #[must_use]
    pub const fn with_unseen(mut self, unseen: u32) -> Self {
        self.unseen = unseen;
        self
    }

    /// With the highest mod-sequence.
    #[must_use]
    pub const fn with_highest_modseq(mut self, modseq: ModSeq) -> Self {
        self.highest_modseq = Some(modseq);
        self
    }

    /// With so many octets in all messages: the sum of [`Record::size`](crate::Record::size).
    #[must_use]
    pub const fn with_size(mut self, octets: u64) -> Self {
        self.size = Some(octets);
        self
    }

    /// With so many messages that have `\Deleted`.
    #[must_use]
    pub const fn with_deleted(mut self, deleted: u32) -> Self {
        self.deleted = Some(deleted);
        self
    }

    /// With so many octets in messages that have `\Deleted`.
    #[must_use]
    pub const fn with_deleted_storage(mut self, octets: u64) -> Self {
        self.deleted_storage = Some(octets);
        self
    }

    /// With the mailbox's id.
    #[must_use]
    pub fn with_mailbox_id(mut self, id: ObjectId) -> Self {
        self.mailbox_id = Some(id);
        self
    }

    /// UIDVALIDITY.
    #[must_use]
    pub const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// MESSAGES.
    #[must_use]
    pub const fn messages(&self) -> u32 {
        self.messages
    }

    /// UIDNEXT; none when UIDs are used up.
    #[must_use]
    pub const fn uid_next(&self) -> Option<Uid> {
        self.uid_next
    }

    /// RECENT.
    #[must_use]
    pub const fn recent(&self) -> u32 {
        self.recent
    }

    /// UNSEEN.
    #[must_use]
    pub const fn unseen(&self) -> u32 {
        self.unseen
    }

    /// HIGHESTMODSEQ; none where mod-sequences are not kept.
    #[must_use]
    pub const fn highest_modseq(&self) -> Option<ModSeq> {
        self.highest_modseq
    }

    /// SIZE; none where the backend did not count.
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// DELETED; none where the backend did not count.
    #[must_use]
    pub const fn deleted(&self) -> Option<u32> {
        self.deleted
    }

    /// DELETED-STORAGE; none where the backend did not count.
    #[must_use]
    pub const fn deleted_storage(&self) -> Option<u64> {
        self.deleted_storage
    }

    /// MAILBOXID; there where the backend has [`Ability::ObjectId`](crate::Ability::ObjectId).
    #[must_use]
    pub const fn mailbox_id(&self) -> Option<&ObjectId> {
        self.mailbox_id.as_ref()
    }

    /// Whether the figures are here for which each message has to be looked at, as far as they are asked for.
    #[must_use]
    pub const fn has_counted(&self, query: StatusQuery) -> bool {
        (self.size.is_some() || !query.includes(StatusQuery::SIZE))
            && (self.deleted.is_some() || !query.includes(StatusQuery::DELETED))
            && (self.deleted_storage.is_some() || !query.includes(StatusQuery::DELETED_STORAGE))
    }
}

/// The default of [`Session::status`]: opens the mailbox read-only and looks at each message for what the opened mailbox
/// does not tell by itself.
///
/// # Errors
/// As [`Session::select`] and [`Mailbox::fetch`](crate::Mailbox::fetch).
pub async fn by_opening<S: Session + ?Sized>(
    session: &mut S,
    name: &MailboxName,
    query: StatusQuery,
) -> Result<Status, Error> {
    let opened = session.select(name, &Select::new(Access::ReadOnly)).await?;
    let mut status = Status::new(opened.uid_validity()).with_uid_next(opened.uid_next());
    if let Some(modseq) = opened.highest_modseq() {
        status = status.with_highest_modseq(modseq);
    }
    if let Some(id) = opened.mailbox_id() {
        status = status.with_mailbox_id(id.clone());
    }
    let (mut mailbox, updates) = opened.into_parts();
    let view = updates.view().clone();
    let mut counted = Counted::default();
    if let Some(need) = need(query) {
        let mut walk = Walk::new(view.uids(), need);
        while let Some(records) = walk.next(&mut mailbox).await? {
            records.into_records().for_each(|record| counted.add(&record));
        }
    }
    status = status
        .with_messages(view.exists())
        .with_recent(updates.recent())
        .with_unseen(counted.unseen);
    if query.includes(StatusQuery::DELETED) {
        status = status.with_deleted(counted.deleted);
    }
    if query.includes(StatusQuery::DELETED_STORAGE) {
        status = status.with_deleted_storage(counted.deleted_octets);
    }
    Ok(match query.includes(StatusQuery::SIZE) {
        true => status.with_size(counted.octets),
        false => status,
    })
}

/// What has to be known of each message, if anything.
fn need(query: StatusQuery) -> Option<Need> {
    let sizes = query.includes(StatusQuery::SIZE) || query.includes(StatusQuery::DELETED_STORAGE);
    let flags = query.includes(StatusQuery::UNSEEN) || query.includes(StatusQuery::DELETED);
    match (sizes, flags) {
        (true, _) => Some(Need::SIZE),
        (false, true) => Some(Need::FLAGS),
        (false, false) => None,
    }
}

/// Sums over the messages of a mailbox.
#[derive(Default)]
struct Counted {
    unseen: u32,
    octets: u64,
    deleted: u32,
    deleted_octets: u64,
}

impl Counted {
    fn add(&mut self, record: &Record) {
        let size = record.size().unwrap_or(0);
        self.octets = self.octets.saturating_add(size);
        if record.flags().contains(&Flag::Deleted) {
            self.deleted = self.deleted.saturating_add(1);
            self.deleted_octets = self.deleted_octets.saturating_add(size);
        }
        if !record.flags().contains(&Flag::Seen) {
            self.unseen = self.unseen.saturating_add(1);
        }
    }
}
