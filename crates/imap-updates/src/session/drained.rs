//! What one drain took out of a session's buffer.

use std::sync::Arc;

use imap_seq::{Announcement, ModSeq, SeqNum, Uid, UidSet};

use super::ended::Ended;
use crate::{Flags, Keyword, Recency};

/// Untagged data to be written, in the order of [`iter`](Self::iter); owned, so that no lock is held meanwhile.
///
/// The session's view has moved already. Hand it back to [`UpdateBuffer::written`](crate::UpdateBuffer::written)
/// once it is in the connection's output: a session whose drain was dropped ends, because nobody could say any more
/// which numbers its client has.
#[derive(Debug, Default)]
#[must_use = "the session's view has moved: write it, then confirm with `UpdateBuffer::written`"]
pub struct Drained {
    pub(crate) keywords: Option<Arc<[Keyword]>>,
    pub(crate) fetches: Vec<FetchFlags>,
    pub(crate) announcement: Option<Announcement>,
    pub(crate) vanished: Option<UidSet>,
    pub(crate) recent: Option<u32>,
    pub(crate) renamed: Option<Arc<str>>,
    pub(crate) highest_modseq: Option<ModSeq>,
    pub(crate) ended: Option<Ended>,
}

/// A flag change, numbered.
#[derive(Clone, Debug)]
pub(crate) struct FetchFlags {
    pub(crate) seq: SeqNum,
    pub(crate) uid: Uid,
    pub(crate) flags: Flags,
    pub(crate) modseq: ModSeq,
    pub(crate) recent: Recency,
}

/// One untagged response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untagged<'d> {
    /// The mailbox defines these keywords now: write FLAGS and OK with PERMANENTFLAGS.
    MailboxFlags(&'d [Keyword]),
    /// A message's flags. Write UID where RFC 9051, QRESYNC or NOTIFY wants it, MODSEQ under CONDSTORE, `UIDFETCH` in
    /// place of `FETCH` under UIDONLY, and `\Recent` with the flags under RFC 3501.
    Fetch {
        /// Its number at this place of the output.
        seq: SeqNum,
        /// Its UID.
        uid: Uid,
        /// All its flags, without `\Recent`.
        flags: &'d Flags,
        /// Whether it is `\Recent` for this session.
        recent: Recency,
        /// Its mod-sequence.
        modseq: ModSeq,
    },
    /// `* n EXPUNGE`. They come in descending order, each with the number to write.
    Expunge(SeqNum),
    /// `* VANISHED uids`, once, in place of all EXPUNGE.
    Vanished(&'d UidSet),
    /// `* n EXISTS`.
    Exists(u32),
    /// `* n RECENT`; leave it out under RFC 9051.
    Recent(u32),
}

impl Drained {
    /// The responses in canonical order: mailbox FLAGS, FETCH, EXPUNGE (descending) or one VANISHED, EXISTS, RECENT.
    /// FETCH is numbered as before the EXPUNGEs, as its place says.
    pub fn iter(&self) -> impl Iterator<Item = Untagged<'_>> {
        let keywords = self.keywords.as_deref().map(Untagged::MailboxFlags);
        let fetches = self.fetches.iter().map(|fetch| Untagged::Fetch {
            seq: fetch.seq,
            uid: fetch.uid,
            flags: &fetch.flags,
            recent: fetch.recent,
            modseq: fetch.modseq,
        });
        let announcement = self.announcement.as_ref();
        let numbers = announcement.filter(|_| self.vanished.is_none());
        let expunges = numbers
            .into_iter()
            .flat_map(|a| a.expunged().descending().map(Untagged::Expunge));
        let vanished = self.vanished.as_ref().map(Untagged::Vanished);
        let exists = announcement.and_then(Announcement::exists).map(Untagged::Exists);
        let recent = self.recent.map(Untagged::Recent);
        keywords
            .into_iter()
            .chain(fetches)
            .chain(expunges)
            .chain(vanished)
            .chain(exists)
            .chain(recent)
    }

    /// Whether there is nothing to write. A closed mailbox writes nothing by itself.
    pub fn is_empty(&self) -> bool {
        let quiet = self.announcement.as_ref().is_none_or(Announcement::is_empty);
        quiet && self.keywords.is_none() && self.fetches.is_empty() && self.recent.is_none()
    }

    /// The expunged messages that this drain announces.
    pub fn expunged(&self) -> UidSet {
        self.announcement
            .as_ref()
            .map(|a| a.expunged().uids())
            .unwrap_or_default()
    }

    /// The bounds of the UIDs that this drain announces as arrived, for what follows an EXISTS under NOTIFY.
    pub fn arrived(&self) -> Option<(Uid, Uid)> {
        self.announcement.as_ref().and_then(Announcement::arrived)
    }

    /// The HIGHESTMODSEQ that the client may remember after this drain: below every EXPUNGE that is still held
    /// (RFC 7162 section 3.2). `None` if nothing was looked up because nothing changed.
    pub const fn highest_modseq(&self) -> Option<ModSeq> {
        self.highest_modseq
    }

    /// The mailbox's new name, told once. There is no response for it outside NOTIFY.
    pub fn renamed(&self) -> Option<&str> {
        self.renamed.as_deref()
    }

    /// The mailbox or the session has ended: write what is here, then BYE.
    pub const fn ended(&self) -> Option<Ended> {
        self.ended
    }
}
