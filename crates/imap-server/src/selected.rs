//! The selected mailbox of a connection: what its client has yet to be told, and the one place that tells it.

use imap_backend::{Error, Mailbox, MailboxName, PollReason, Rights};
use imap_seq::{ModSeq, Uid, UidSet, UidValidity};
use imap_updates::{Access, Ended, ExpungeForm, Release, SelectedEvents, Untagged, UpdateBuffer};
use tokio::time::Instant;

use crate::completion::Completion;
use crate::connection::{Channel, Gone};
use crate::contexts::Contexts;
use crate::enabled::{Enabled, Feature};
use crate::log_limit::LogLimits;
use crate::mailbox_flags::MailboxFlags;
use crate::rights::Deed;
use crate::wire;

/// A selected mailbox: the backend's half and what its client has yet to be told.
#[derive(Debug)]
pub(crate) struct Selected<M> {
    pub(crate) name: MailboxName,
    pub(crate) uid_validity: UidValidity,
    pub(crate) mailbox: M,
    pub(crate) updates: UpdateBuffer,
    /// What was granted, which may be less than what was asked for.
    pub(crate) access: Access,
    /// What this user might do here when he selected it.
    pub(crate) rights: Rights,
    pub(crate) flags: MailboxFlags,
    pub(crate) mod_sequences: ModSequences,
    pub(crate) told: ToldModSeqs,
    /// New messages that the client was told of since somebody looked here, without those that it has put here itself.
    pub(crate) arrived: UidSet,
    /// Those, as long as it was not told of them.
    pub(crate) own: UidSet,
    /// What `$` means (RFC 5182).
    pub(crate) saved: UidSet,
    pub(crate) contexts: Contexts,
    pub(crate) flags_of_others: FlagsOfOthers,
}

/// Flags that others change, as far as NOTIFY did not ask for them (RFC 5465, section 5.1).
#[derive(Debug, Default)]
pub(crate) struct FlagsOfOthers {
    /// The messages whose flags were not told; none where all are told.
    kept_back: Option<UidSet>,
    /// Those whose flags are told with the next report, because they may be now.
    pub(crate) due: UidSet,
}

/// The mod-sequences that rows have told, and whether the client may take the highest of them for the mailbox's (RFC 7162,
/// section 6).
#[derive(Debug, Default)]
pub(crate) struct ToldModSeqs {
    /// The highest since the last tagged line.
    highest: Option<ModSeq>,
    /// The lower one that the client was told to remember, because something below the highest was still to come.
    held_back: Option<ModSeq>,
}

impl ToldModSeqs {
    /// A row with this mod-sequence was written.
    pub(crate) fn note(&mut self, modseq: Option<ModSeq>) {
        self.highest = self.highest.max(modseq);
    }

    /// A command ends, after which the client may remember `safe`. Says whether it has to be told so: it would take the
    /// highest mod-sequence that it has seen, and after a lost connection never hear of what lies below it.
    fn settle(&mut self, safe: ModSeq) -> bool {
        let ahead = self.highest.take().is_some_and(|highest| highest > safe);
        let was_held_back = self.held_back.is_some_and(|told| safe > told);
        if ahead || was_held_back {
            self.held_back = ahead.then_some(safe);
        }
        ahead || was_held_back
    }
}

/// Whether a client hears of flags that others change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hears {
    Flags,
    NoFlags,
}

/// Whether a mailbox has mod-sequences that last (RFC 7162, section 3.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModSequences {
    /// SELECT has answered HIGHESTMODSEQ.
    Kept,
    /// SELECT has answered NOMODSEQ, or nothing, because the backend offers none.
    NotKept,
}

impl<M: Mailbox> Selected<M> {
    /// NO for commands that change a mailbox that EXAMINE opened (RFC 9051, section 6.3.3).
    pub(crate) fn writable(&self) -> Result<(), Completion> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Completion::no("READ-ONLY", "the mailbox is open read-only")),
        }
    }

    /// Whether this user may do that here.
    ///
    /// # Errors
    /// NO: a right is missing.
    pub(crate) fn permit(&self, deed: Deed) -> Result<(), Completion> {
        let checked = deed.check(self.rights);
        checked.map_err(|kind| Completion::from(Error::from(kind)))
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

    /// What NOTIFY says of this mailbox. Flags that may be told from now on are told with the next report.
    pub(crate) fn hear(&mut self, events: SelectedEvents, flags: Hears) {
        self.updates.notify(events);
        let FlagsOfOthers { kept_back, due } = &mut self.flags_of_others;
        match flags {
            Hears::Flags => *due = due.union(&kept_back.take().unwrap_or_default()),
            Hears::NoFlags => drop(kept_back.get_or_insert_default()),
        }
    }

    /// This client has put these messages into a mailbox: if it is this one, no row of them is told as new (RFC 5465, section
    /// 5.2).
    pub(crate) fn note_own(&mut self, mailbox: &MailboxName, uids: &UidSet) {
        if self.name == *mailbox {
            self.own = self.own.union(uids);
        }
    }

    /// The messages between these are new to the client.
    fn note_arrived(&mut self, (first, last): (Uid, Uid)) {
        let between = |first, last| {
            let mut between = UidSet::new();
            between.insert_range(first, last);
            between
        };
        let others = between(first, last).difference(&self.own);
        self.arrived = self.arrived.union(&others);
        self.own = self.own.difference(&between(Uid::MIN, last));
    }

    /// Lets the backend look for changes that did not come through the hub. Its failure is the log's business.
    pub(crate) async fn poll(&mut self, reason: PollReason, log: &LogLimits) {
        if let Err(error) = self.mailbox.poll(reason).await
            && let Some(left_out) = log.look_failed.admit(Instant::now())
        {
            tracing::warn!(%error, mailbox = %self.name, left_out, "looking for changes failed");
        }
    }

    /// Whether flags have to be read again for this client.
    pub(crate) fn owes_flags(&self) -> bool {
        self.updates.lost_flags() || !self.flags_of_others.due.is_empty()
    }

    /// Tells the client what it has not been told, as far as `release` allows.
    ///
    /// # Errors
    /// The connection is over. A mailbox that has ended is an answer, not an error.
    pub(crate) async fn drain(
        &mut self,
        channel: &mut Channel,
        release: Release<'_>,
        enabled: Enabled,
    ) -> Result<Option<Ended>, Gone> {
        let before = (!self.contexts.is_empty()).then(|| self.updates.view().clone());
        let drained = self.updates.drain(release);
        if let Some(before) = &before {
            let after = self.updates.view();
            self.contexts
                .before(channel.io.out(), &drained, (before, after), &self.own);
        }
        for untagged in drained.iter() {
            self.write(channel.io.out(), untagged, enabled);
            // The drain is lost if the connection ends here: then so is the session.
            channel.io.flush_if_full().await?;
        }
        if let Some(name) = drained.renamed().and_then(MailboxName::new) {
            self.name = name;
        }
        if let Some(arrived) = drained.arrived() {
            self.note_arrived(arrived);
        }
        let ended = drained.ended();
        self.updates.written(drained);
        Ok(ended)
    }

    /// A mod-sequence as the client is told it: not at all where the mailbox keeps none.
    pub(crate) fn told_modseq(&self, modseq: ModSeq) -> Option<ModSeq> {
        match self.mod_sequences {
            ModSequences::Kept => Some(modseq),
            ModSequences::NotKept => None,
        }
    }

    /// A command ends: the HIGHESTMODSEQ that its client has to be told, whatever the command was.
    pub(crate) fn highest_modseq_due(&mut self) -> Option<ModSeq> {
        let safe = self.updates.highest_modseq();
        self.told.settle(safe).then_some(safe)
    }

    /// The form in which expunges are reported takes effect, for all that is not told yet.
    pub(crate) fn adopt(&mut self, enabled: Enabled) {
        let form = match (self.mod_sequences, enabled.has(Feature::UidOnly)) {
            // VANISHED takes the place of EXPUNGE but where SELECT has answered NOMODSEQ (RFC 7162, section 3.2.10).
            (ModSequences::NotKept, false) => ExpungeForm::Expunge,
            _ => enabled.expunge_form(),
        };
        self.updates.report_expunges_as(form);
    }

    /// Writes one untagged response: the only place where EXISTS, EXPUNGE and unilateral FETCH get onto the wire.
    fn write(&mut self, out: &mut Vec<u8>, untagged: Untagged<'_>, enabled: Enabled) {
        match untagged {
            Untagged::MailboxFlags(keywords) => self.flags.replace(out, keywords, &self.mailbox),
            Untagged::Fetch {
                seq,
                uid,
                flags,
                recent,
                modseq,
            } => {
                if let Some(kept_back) = &mut self.flags_of_others.kept_back {
                    kept_back.insert(uid);
                    return;
                }
                let row = enabled.flags_row((seq, uid), Some((flags, recent)), self.told_modseq(modseq));
                self.told.note(row.modseq);
                row.write(out);
            }
            Untagged::Expunge(seq) => wire::expunge(out, seq),
            Untagged::Vanished(uids) => wire::vanished(out, uids),
            Untagged::Exists(exists) => wire::exists(out, exists),
            Untagged::Recent(_) if enabled.has(Feature::Rev2) => {}
            Untagged::Recent(recent) => wire::recent(out, recent),
            // A kind of update that this server does not know yet asks for nothing that a client must be told.
            _ => {}
        }
    }
}
