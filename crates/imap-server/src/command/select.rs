//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051, sections 6.3.2, 6.3.3, 6.4.1, 6.4.2).

use imap_backend::{
    Abilities, Ability, Backend, ErrorKind, Mailbox, MailboxName, Opened, Rights, Select, Session,
};
use imap_codec::imap_types::command::SelectParameter;
use imap_codec::imap_types::mailbox;
use imap_seq::UidSet;
use imap_updates::Access;

use super::resync::Resync;
use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::connection::Gone;
use crate::contexts::Contexts;
use crate::convert::{self, Naming};
use crate::enabled::{Enabled, Feature};
use crate::mailbox_flags::MailboxFlags;
use crate::rights::{self, Deed};
use crate::selected::{FlagsOfOthers, ModSequences, Selected, ToldModSeqs};
use crate::url_token::MECHANISM;
use crate::wire;

impl<B: Backend> Client<B> {
    pub(crate) async fn select(
        &mut self,
        tag: &str,
        mailbox: &mailbox::Mailbox<'_>,
        parameters: &[SelectParameter],
        access: Access,
    ) -> Result<(), Gone> {
        let answer = self.open(mailbox, parameters, access).await;
        self.complete_silently(tag, answer)
    }

    async fn open(
        &mut self,
        mailbox: &mailbox::Mailbox<'_>,
        parameters: &[SelectParameter],
        access: Access,
    ) -> Answer {
        let naming = self.naming()?;
        let resync = self.parameters(parameters)?;
        // Whatever happens next, the old mailbox is no longer selected, also where the new one cannot be (RFC 9051,
        // section 6.3.2); nothing of it is told after CLOSED.
        if self.leave().await {
            wire::untagged_ok(self.channel.io.out(), "CLOSED", "the previous mailbox is closed");
        }
        let name = convert::mailbox_name(mailbox, naming)?;
        let asking = rights::permit(self.state.session()?, Deed::Read, &name);
        let rights = self.channel.while_present(asking).await??;
        let mut how = Select::new(rights::access(rights, access));
        if let Some(resync) = &resync {
            how = how.with_resync(resync.for_the_backend());
        }
        let opening = self.state.session()?.select(&name, &how);
        let opened = self.channel.while_present(opening).await??;
        let granted = opened.access();
        let offers = self.abilities();
        let resync = resync.filter(|resync| resync.concerns(&opened));
        let mut selected = greet(
            self.channel.io.out(),
            opened,
            (name, naming),
            rights,
            self.enabled,
            &offers,
        );
        if let Some(resync) = resync {
            // Where it fails nothing is selected, and the client starts anew.
            resync
                .tell(&mut selected, &mut self.channel, self.enabled)
                .await?;
        }
        self.state.select(selected);
        self.adopt_watching();
        Ok(match granted {
            Access::ReadWrite => Completion::ok("mailbox selected").with_code("READ-WRITE"),
            Access::ReadOnly => Completion::ok("mailbox selected").with_code("READ-ONLY"),
        })
    }

    /// What the parameters of SELECT ask for.
    ///
    /// # Errors
    /// BAD for parameters that cannot be: before anything else has happened.
    fn parameters(&mut self, parameters: &[SelectParameter]) -> Result<Option<Resync>, Completion> {
        if parameters.is_empty() {
            return Ok(None);
        }
        if !self.abilities().has(Ability::ModSequences) {
            return Err(Completion::bad("SELECT: parameters are not supported"));
        }
        let mut resync = None;
        for parameter in parameters {
            match parameter {
                SelectParameter::CondStore => {}
                SelectParameter::QResync { .. } if !self.enabled.has(Feature::QResync) => {
                    return Err(Completion::bad("SELECT: enable QRESYNC first"));
                }
                SelectParameter::QResync { .. } if resync.is_some() => {
                    return Err(Completion::bad("SELECT: QRESYNC twice"));
                }
                SelectParameter::QResync {
                    uid_validity,
                    mod_sequence_value,
                    known_uids,
                    seq_match_data,
                } => {
                    let known = (known_uids.as_ref(), seq_match_data.as_ref());
                    resync = Some(Resync::new(
                        *uid_validity,
                        *mod_sequence_value,
                        known,
                        self.enabled,
                    )?);
                }
            }
        }
        self.enabled.switch_on(Feature::CondStore);
        Ok(resync)
    }

    /// CLOSE: expunges without a word, and leaves.
    pub(crate) async fn close(&mut self, tag: &str) -> Result<(), Gone> {
        let answer = self.expunge_and_leave().await;
        self.complete_silently(tag, answer)
    }

    async fn expunge_and_leave(&mut self) -> Answer {
        let selected = self.state.selected()?;
        // Without the right to expunge, nothing goes (RFC 4314, section 4).
        if selected.access == Access::ReadWrite && selected.permit(Deed::Expunge).is_ok() {
            let all = selected.announced();
            if !all.is_empty() {
                match self.channel.while_present(selected.mailbox.expunge(&all)).await? {
                    // The mailbox was deleted: nothing is left in it, and leaving it is what the client asks for.
                    Err(error) if error.kind() == ErrorKind::NonExistent => {}
                    expunged => expunged?,
                }
            }
        }
        self.leave().await;
        Ok(Completion::ok("CLOSE completed"))
    }

    /// UNSELECT (RFC 3691): CLOSE without expunging.
    pub(crate) async fn unselect(&mut self, tag: &str) -> Result<(), Gone> {
        let answer = match self.state.selected() {
            Ok(_) => Ok(Completion::ok("UNSELECT completed")),
            Err(refusal) => Err(refusal.into()),
        };
        self.leave().await;
        self.complete_silently(tag, answer)
    }
}

/// Writes what SELECT says of a mailbox (RFC 3501, section 6.3.1; RFC 7162, section 3.1.2).
fn greet<M: Mailbox>(
    out: &mut Vec<u8>,
    opened: Opened<M>,
    (name, naming): (MailboxName, Naming),
    rights: Rights,
    enabled: Enabled,
    offers: &Abilities,
) -> Selected<M> {
    let access = opened.access();
    let keywords = opened.keywords().to_vec();
    let flags = MailboxFlags::new(keywords, access, opened.new_keywords(), rights);
    flags.write(out);
    wire::exists(out, opened.updates().exists());
    let is_rev2 = enabled.has(Feature::Rev2);
    if !is_rev2 {
        wire::recent(out, opened.updates().recent());
    }
    let first_unseen = opened.first_unseen();
    let first_unseen = first_unseen.and_then(|uid| opened.updates().view().seq_of(uid));
    // A number, which means nothing to a client that has none (RFC 9586, section 3.2).
    if let Some(seq) = first_unseen.filter(|_| !is_rev2 && !enabled.has(Feature::UidOnly)) {
        wire::untagged_ok(out, &format!("UNSEEN {seq}"), "first unseen message");
    }
    wire::untagged_ok(
        out,
        &format!("UIDVALIDITY {}", opened.uid_validity()),
        "UIDs are valid",
    );
    if let Some(uid_next) = opened.uid_next() {
        wire::untagged_ok(out, &format!("UIDNEXT {uid_next}"), "predicted next UID");
    }
    let mod_sequences = match (offers.has(Ability::ModSequences), opened.highest_modseq()) {
        (true, Some(modseq)) => {
            wire::untagged_ok(out, &format!("HIGHESTMODSEQ {modseq}"), "highest mod-sequence");
            ModSequences::Kept
        }
        (true, None) => {
            wire::untagged_ok(out, "NOMODSEQ", "this mailbox keeps no mod-sequences");
            ModSequences::NotKept
        }
        (false, _) => ModSequences::NotKept,
    };
    if offers.has(Ability::UrlAuth) {
        wire::untagged_ok(out, &format!("URLMECH {MECHANISM}"), "how URLs are authorized");
    }
    if let Some(id) = opened.mailbox_id() {
        wire::untagged_ok(out, &format!("MAILBOXID ({id})"), "the mailbox's id");
    }
    if is_rev2 {
        // Change 10 of RFC 9051, appendix E: the name as it is listed.
        wire::list(out, "LIST", &[], naming, &name);
    }
    let uid_validity = opened.uid_validity();
    let (mailbox, updates) = opened.into_parts();
    let mut selected = Selected {
        name,
        uid_validity,
        mailbox,
        updates,
        access,
        rights,
        flags,
        mod_sequences,
        told: ToldModSeqs::default(),
        arrived: UidSet::new(),
        own: UidSet::new(),
        saved: UidSet::new(),
        contexts: Contexts::default(),
        flags_of_others: FlagsOfOthers::default(),
    };
    selected.adopt(enabled);
    selected
}
