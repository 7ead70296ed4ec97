//! SELECT and EXAMINE: how a mailbox is opened, and what was opened (RFC 9051, section 6.3.2; RFC 7162, section 3.2.5).

use imap_seq::{ModSeq, Uid, UidSet, UidValidity};
use imap_updates::{Access, Keyword, UpdateBuffer};

use crate::object_id::ObjectId;

/// How a mailbox is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    access: Access,
    resync: Option<Resync>,
}

impl Select {
    /// SELECT with [`Access::ReadWrite`], EXAMINE with [`Access::ReadOnly`].
    #[must_use]
    pub const fn new(access: Access) -> Self {
        Self { access, resync: None }
    }

    /// The client knows an earlier state of the mailbox and will ask for what changed since.
    #[must_use]
    pub fn with_resync(mut self, resync: Resync) -> Self {
        self.resync = Some(resync);
        self
    }

    /// The access asked for.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// What the client knows of an earlier state. A store that has to read its history for
    /// [`Mailbox::vanished_since`](crate::Mailbox::vanished_since) can do so while it opens the mailbox; nobody has to.
    #[must_use]
    pub const fn resync(&self) -> Option<&Resync> {
        self.resync.as_ref()
    }
}

/// What a client that selects with QRESYNC says it knows (RFC 7162, section 3.2.5). The sequence-match data is not here:
/// a backend never meets a message sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resync {
    uid_validity: UidValidity,
    modseq: ModSeq,
    known_uids: Option<UidSet>,
}

impl Resync {
    /// The last UIDVALIDITY and mod-sequence that the client remembers.
    #[must_use]
    pub const fn new(uid_validity: UidValidity, modseq: ModSeq) -> Self {
        Self {
            uid_validity,
            modseq,
            known_uids: None,
        }
    }

    /// With the UIDs that the client has.
    #[must_use]
    pub fn with_known_uids(mut self, uids: UidSet) -> Self {
        self.known_uids = Some(uids);
        self
    }

    /// The UIDVALIDITY that the client remembers; all else means nothing where it is not the mailbox's.
    #[must_use]
    pub const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// The mod-sequence that the client remembers.
    #[must_use]
    pub const fn modseq(&self) -> ModSeq {
        self.modseq
    }

    /// The UIDs that the client has, if it said so.
    #[must_use]
    pub const fn known_uids(&self) -> Option<&UidSet> {
        self.known_uids.as_ref()
    }
}

/// Whether a client may define keywords (RFC 9051, section 7.1: `\*` in PERMANENTFLAGS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewKeywords {
    /// `\*` is sent.
    Allowed,
    /// Only the keywords that exist can be set.
    Refused,
}

/// A mailbox that has just been opened.
#[derive(Debug)]
pub struct Opened<M> {
    mailbox: M,
    updates: UpdateBuffer,
    access: Access,
    uid_validity: UidValidity,
    uid_next: Option<Uid>,
    keywords: Vec<Keyword>,
    new_keywords: NewKeywords,
    first_unseen: Option<Uid>,
    highest_modseq: Option<ModSeq>,
    mailbox_id: Option<ObjectId>,
}

impl<M> Opened<M> {
    /// A mailbox with what its session has yet to be told, whose view is the number of messages that SELECT reports.
    ///
    /// The access is that of `updates`; keywords are those that `updates` knows, and clients may define more.
    #[must_use]
    pub fn new(mailbox: M, updates: UpdateBuffer, uid_validity: UidValidity) -> Self {
        Self {
            mailbox,
            access: updates.access(),
            keywords: updates.keywords().to_vec(),
            updates,
            uid_validity,
            uid_next: None,
            new_keywords: NewKeywords::Allowed,
            first_unseen: None,
            highest_modseq: None,
            mailbox_id: None,
        }
    }

    /// With the UID that the next message gets at the earliest; none when UIDs are used up. Read in the moment of the
    /// subscription, so that no message lies between the view and UIDNEXT.
    #[must_use]
    pub fn with_uid_next(mut self, uid_next: Option<Uid>) -> Self {
        self.uid_next = uid_next;
        self
    }

    /// With the keywords in use, for FLAGS and PERMANENTFLAGS, beside those that `updates` knows.
    #[must_use]
    pub fn with_keywords(mut self, keywords: impl IntoIterator<Item = Keyword>) -> Self {
        self.keywords.extend(keywords);
        self.keywords.sort();
        self.keywords.dedup();
        self
    }

    /// Whether clients may define further keywords.
    #[must_use]
    pub fn with_new_keywords(mut self, new_keywords: NewKeywords) -> Self {
        self.new_keywords = new_keywords;
        self
    }

    /// With the first message without `\Seen`, if known: the UNSEEN response code of RFC 3501, section 7.1.
    #[must_use]
    pub fn with_first_unseen(mut self, uid: Option<Uid>) -> Self {
        self.first_unseen = uid;
        self
    }

    /// With HIGHESTMODSEQ (RFC 7162, section 3.1.2.1), where mod-sequences outlive the process. Without it SELECT
    /// answers NOMODSEQ where that is asked.
    #[must_use]
    pub fn with_highest_modseq(mut self, modseq: ModSeq) -> Self {
        self.highest_modseq = Some(modseq);
        self
    }

    /// With the mailbox's id, for the MAILBOXID code (RFC 8474, section 4.2).
    #[must_use]
    pub fn with_mailbox_id(mut self, id: ObjectId) -> Self {
        self.mailbox_id = Some(id);
        self
    }

    /// The mailbox is read-only, whatever was asked for: SELECT answers `[READ-ONLY]`.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.access = Access::ReadOnly;
        self
    }

    /// What was granted.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// UIDVALIDITY.
    #[must_use]
    pub const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// UIDNEXT; none when UIDs are used up.
    #[must_use]
    pub const fn uid_next(&self) -> Option<Uid> {
        self.uid_next
    }

    /// The keywords in use, sorted.
    #[must_use]
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// Whether clients may define further keywords.
    #[must_use]
    pub const fn new_keywords(&self) -> NewKeywords {
        self.new_keywords
    }

    /// The first message without `\Seen`, if known.
    #[must_use]
    pub const fn first_unseen(&self) -> Option<Uid> {
        self.first_unseen
    }

    /// HIGHESTMODSEQ; none where mod-sequences are not kept.
    #[must_use]
    pub const fn highest_modseq(&self) -> Option<ModSeq> {
        self.highest_modseq
    }

    /// MAILBOXID; there where the backend has [`Ability::ObjectId`](crate::Ability::ObjectId).
    #[must_use]
    pub const fn mailbox_id(&self) -> Option<&ObjectId> {
        self.mailbox_id.as_ref()
    }

    /// The session's updates.
    #[must_use]
    pub const fn updates(&self) -> &UpdateBuffer {
        &self.updates
    }

    /// The mailbox and the session's updates.
    #[must_use]
    pub fn into_parts(self) -> (M, UpdateBuffer) {
        (self.mailbox, self.updates)
    }
}
