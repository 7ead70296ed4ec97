//! The selected mailbox of a connection: what its client has yet to be told, and the one place that tells it.

use imap_backend::{Mailbox, MailboxName, Need, PollReason, Walk};
use imap_seq::UidSet;
use imap_updates::{Access, Ended, Release, Untagged, UpdateBuffer};

use crate::completion::Completion;
use crate::connection::{Channel, Gone};
use crate::mailbox_flags::MailboxFlags;
use crate::wire;

/// A selected mailbox: the backend's half and what its client has yet to be told.
#[derive(Debug)]
pub(crate) struct Selected<M> {
    pub(crate) name: MailboxName,
    pub(crate) mailbox: M,
    pub(crate) updates: UpdateBuffer,
    /// What was granted, which may be less than what was asked for.
    pub(crate) access: Access,
    pub(crate) flags: MailboxFlags,
}

impl<M: Mailbox> Selected<M> {
    /// NO for commands that change a mailbox that EXAMINE opened (RFC 9051, section 6.3.3).
    pub(crate) fn writable(&self) -> Result<(), Completion> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Completion::no("READ-ONLY", "the mailbox is open read-only")),
        }
    }

    /// All messages that this client was told of, as EXPUNGE and CLOSE mean them.
    pub(crate) fn announced(&self) -> UidSet {
        let view = self.updates.view();
        let (Some(first), Some(last)) = (view.uids().next(), view.last()) else {
            return UidSet::new();
        };
        let span = u64::from(last.get() - first.get());
        // A run is one entry, but only where it is mostly messages: UIDs can lie four thousand million apart.
        if span / 8 <= u64::from(view.exists()) {
            let mut announced = UidSet::new();
            announced.insert_range(first, last);
            return announced;
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
            if let Err(error) = self.restate_flags().await {
                tracing::warn!(%error, mailbox = %self.name, "reading all flags again failed");
                return Ok(ended);
            }
            return self.drain(channel, release).await;
        }
        Ok(ended)
    }

    async fn drain(&mut self, channel: &mut Channel, release: Release<'_>) -> Result<Option<Ended>, Gone> {
        let drained = self.updates.drain(release);
        for untagged in drained.iter() {
            write(channel.io.out(), untagged, &mut self.flags, &self.mailbox);
            // The drain is lost if the connection ends here: then so is the session.
            channel.io.flush_if_full().await?;
        }
        if let Some(name) = drained.renamed().and_then(MailboxName::new) {
            self.name = name;
        }
        let ended = drained.ended();
        self.updates.written(drained);
        Ok(ended)
    }

    /// This session slept so long that the history of flags no longer reaches back: every flag is told again. All or
    /// none, so that a failure is tried again at the next command.
    async fn restate_flags(&mut self) -> Result<(), imap_backend::Error> {
        let view = self.updates.view().clone();
        let modseq = self.updates.highest_modseq();
        let mut told = Vec::new();
        let mut walk = Walk::new(view.uids(), Need::FLAGS);
        while let Some(fetched) = walk.next(&mut self.mailbox).await? {
            let flags = |record: imap_backend::Record| (record.uid(), record.flags().clone(), modseq);
            told.extend(fetched.into_records().map(flags));
        }
        self.updates.restate_flags(told);
        Ok(())
    }
}

/// Writes one untagged response: the only place where EXISTS, EXPUNGE and unilateral FETCH get onto the wire.
fn write(
    out: &mut Vec<u8>,
    untagged: Untagged<'_>,
    flags_of_mailbox: &mut MailboxFlags,
    mailbox: &impl Mailbox,
) {
    match untagged {
        Untagged::MailboxFlags(keywords) => flags_of_mailbox.replace(out, keywords, mailbox),
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
