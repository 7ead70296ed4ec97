//! The states of a connection (RFC 9051, section 3).

use imap_backend::{Mailbox, MailboxName, NewKeywords, PollReason, Session};
use imap_seq::UidSet;
use imap_updates::{Access, Ended, Flags, Keyword, Release, Untagged, UpdateBuffer};

use crate::completion::Completion;
use crate::connection::{Channel, Gone};
use crate::wire;

/// Where a connection stands. Each state owns what exists only in it.
#[derive(Debug)]
pub(crate) enum State<S: Session> {
    /// Nobody is logged in.
    NotAuthenticated,
    /// A user is logged in.
    Authenticated(S),
    /// A mailbox is selected.
    Selected(S, Box<Selected<S::Mailbox>>),
}

impl<S: Session> State<S> {
    /// The session.
    ///
    /// # Errors
    /// BAD: the command needs a login.
    pub(crate) fn session(&mut self) -> Result<&mut S, Completion> {
        match self {
            Self::NotAuthenticated => Err(Completion::bad("log in first")),
            Self::Authenticated(session) | Self::Selected(session, _) => Ok(session),
        }
    }

    /// The selected mailbox.
    ///
    /// # Errors
    /// BAD: the command needs one.
    pub(crate) fn selected(&mut self) -> Result<&mut Selected<S::Mailbox>, Completion> {
        match self {
            Self::NotAuthenticated => Err(Completion::bad("log in first")),
            Self::Authenticated(_) => Err(Completion::bad("select a mailbox first")),
            Self::Selected(_, selected) => Ok(selected),
        }
    }

    /// Takes the selected mailbox, if there is one: the connection is in the authenticated state afterwards.
    pub(crate) fn take_selected(&mut self) -> Option<Selected<S::Mailbox>> {
        match std::mem::replace(self, Self::NotAuthenticated) {
            Self::Selected(session, selected) => {
                *self = Self::Authenticated(session);
                Some(*selected)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// Enters the selected state; from the authenticated state only.
    pub(crate) fn select(&mut self, selected: Selected<S::Mailbox>) {
        *self = match std::mem::replace(self, Self::NotAuthenticated) {
            Self::Authenticated(session) | Self::Selected(session, _) => {
                Self::Selected(session, Box::new(selected))
            }
            Self::NotAuthenticated => Self::NotAuthenticated,
        };
    }
}

/// A selected mailbox: the backend's half and what its client has yet to be told.
#[derive(Debug)]
pub(crate) struct Selected<M> {
    pub(crate) name: MailboxName,
    pub(crate) mailbox: M,
    pub(crate) updates: UpdateBuffer,
    pub(crate) access: Access,
    pub(crate) new_keywords: NewKeywords,
    /// The keywords that FLAGS has named to this client, sorted.
    pub(crate) introduced: Vec<Keyword>,
}

impl<M: Mailbox> Selected<M> {
    /// BAD and NO for commands that change a mailbox that EXAMINE opened (RFC 9051, section 6.3.3).
    pub(crate) fn writable(&self) -> Result<(), Completion> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Completion::no("READ-ONLY", "the mailbox is open read-only")),
        }
    }

    /// All messages that this client was told of, as EXPUNGE and CLOSE mean them.
    pub(crate) fn reach(&self) -> UidSet {
        let view = self.updates.view();
        let (Some(first), Some(last)) = (view.uids().next(), view.last()) else {
            return UidSet::new();
        };
        let span = u64::from(last.get() - first.get());
        // A run is one entry, but only where it is mostly messages: UIDs can lie four thousand million apart.
        if span / 8 <= u64::from(view.exists()) {
            let mut reach = UidSet::new();
            reach.insert_range(first, last);
            return reach;
        }
        view.uids().collect()
    }

    /// Lets the backend look for changes that did not come through the hub. Its failure is the log's business.
    pub(crate) async fn poll(&mut self, reason: PollReason) {
        if let Err(error) = self.mailbox.poll(reason).await {
            tracing::warn!(%error, mailbox = %self.name, "looking for changes failed");
        }
    }

    /// Tells the client what it has not been told, as far as `release` allows.
    ///
    /// # Errors
    /// The connection is over. A mailbox that has ended is an answer, not an error.
    pub(crate) async fn report(
        &mut self,
        channel: &mut Channel,
        release: Release<'_>,
    ) -> Result<Option<Ended>, Gone> {
        let ended = self.drain(channel, release).await?;
        if self.updates.lost_flags() {
            self.restate_flags().await;
            return self.drain(channel, release).await;
        }
        Ok(ended)
    }

    async fn drain(&mut self, channel: &mut Channel, release: Release<'_>) -> Result<Option<Ended>, Gone> {
        let drained = self.updates.drain(release);
        for untagged in drained.iter() {
            if let Untagged::MailboxFlags(keywords) = untagged {
                if self.introduced == keywords {
                    continue;
                }
                self.introduced = keywords.to_vec();
            }
            write(channel.io.out(), untagged, self.access, self.new_keywords);
            // The drain is lost if the connection ends here: then so is the session.
            channel.io.flush_if_full().await?;
        }
        let ended = drained.ended();
        self.updates.written(drained);
        Ok(ended)
    }

    /// This session slept so long that the history of flags no longer reaches back: every flag is told again.
    async fn restate_flags(&mut self) {
        let view = self.updates.view().clone();
        let modseq = self.updates.highest_modseq();
        let uids: Vec<_> = view.uids().collect();
        let mut told = Vec::with_capacity(uids.len());
        let mut at = 0;
        while at < uids.len() {
            let end = uids.len().min(at + crate::command::BATCH);
            match self
                .mailbox
                .fetch(&uids[at..end], imap_backend::Need::FLAGS)
                .await
            {
                Ok(records) => {
                    at += records.len().max(1);
                    told.extend(
                        records
                            .into_iter()
                            .flatten()
                            .map(|record| (record.uid, record.flags, modseq)),
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, mailbox = %self.name, "reading all flags again failed");
                    break;
                }
            }
        }
        self.updates.restate_flags(told);
    }
}

/// Before a FETCH row with flags: a keyword that the client has not heard of is introduced first (RFC 9051, section
/// 7.3.5), also where this session's own STORE has made it.
pub(crate) fn introduce(
    out: &mut Vec<u8>,
    flags: &Flags,
    introduced: &mut Vec<Keyword>,
    access: Access,
    new_keywords: NewKeywords,
) {
    let before = introduced.len();
    for keyword in flags.keywords() {
        if let Err(place) = introduced.binary_search(keyword) {
            introduced.insert(place, keyword.clone());
        }
    }
    if introduced.len() > before {
        write_flags(out, introduced, access, new_keywords);
    }
}

/// Writes one untagged response: the only place where EXISTS, EXPUNGE and unilateral FETCH get onto the wire.
fn write(out: &mut Vec<u8>, untagged: Untagged<'_>, access: Access, new_keywords: NewKeywords) {
    match untagged {
        Untagged::MailboxFlags(keywords) => write_flags(out, keywords, access, new_keywords),
        Untagged::Fetch {
            seq,
            uid,
            flags,
            recent,
            ..
        } => {
            wire::fetch_flags_row(out, seq, Some(uid), flags, recent);
        }
        Untagged::Expunge(seq) => wire::expunge(out, seq),
        Untagged::Vanished(uids) => wire::vanished(out, uids),
        Untagged::Exists(exists) => wire::exists(out, exists),
        Untagged::Recent(recent) => wire::recent(out, recent),
        // A kind of update that this server does not know yet asks for nothing that a client must be told.
        _ => {}
    }
}

/// FLAGS and PERMANENTFLAGS (RFC 9051, sections 7.3.5 and 7.1).
pub(crate) fn write_flags(
    out: &mut Vec<u8>,
    keywords: &[Keyword],
    access: Access,
    new_keywords: NewKeywords,
) {
    wire::mailbox_flags(out, keywords.iter());
    match (access, new_keywords) {
        (Access::ReadOnly, _) => wire::untagged_ok(out, "PERMANENTFLAGS ()", "no flag can be changed"),
        (Access::ReadWrite, NewKeywords::Allowed) => wire::permanent_flags(out, keywords.iter(), "\\*"),
        (Access::ReadWrite, NewKeywords::Refused) => wire::permanent_flags(out, keywords.iter(), ""),
    }
}
