//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051, sections 6.3.2, 6.3.3, 6.4.1, 6.4.2).

use imap_backend::{Backend, ErrorKind, Mailbox, Opened, Session};
use imap_codec::imap_types::mailbox;
use imap_updates::{Access, Keyword};

use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::connection::Gone;
use crate::convert;
use crate::state::{Selected, write_flags};
use crate::wire;

impl<B: Backend> Client<B> {
    pub(crate) async fn select(
        &mut self,
        tag: &str,
        mailbox: &mailbox::Mailbox<'_>,
        access: Access,
    ) -> Result<(), Gone> {
        let answer = self.open(mailbox, access).await;
        self.complete_silently(tag, answer)
    }

    async fn open(&mut self, mailbox: &mailbox::Mailbox<'_>, access: Access) -> Answer {
        let name = convert::mailbox_name(mailbox)?;
        self.state.session()?;
        // Whatever happens next, the old mailbox is no longer selected; nothing of it is told after CLOSED.
        if self.leave().await {
            wire::untagged_ok(self.channel.io.out(), "CLOSED", "the previous mailbox is closed");
        }
        let opened = self.state.session()?.select(&name, access).await?;
        let granted = opened.access;
        let selected = greet(self.channel.io.out(), opened, name);
        self.state.select(selected);
        Ok(match granted {
            Access::ReadWrite => Completion::ok("mailbox selected").with_code("READ-WRITE"),
            Access::ReadOnly => Completion::ok("mailbox selected").with_code("READ-ONLY"),
        })
    }

    /// CLOSE: expunges without a word, and leaves.
    pub(crate) async fn close(&mut self, tag: &str) -> Result<(), Gone> {
        let answer = self.expunge_and_leave().await;
        self.complete_silently(tag, answer)
    }

    async fn expunge_and_leave(&mut self) -> Answer {
        let selected = self.state.selected()?;
        if selected.access == Access::ReadWrite {
            let all = selected.reach();
            if !all.is_empty() {
                match selected.mailbox.expunge(&all).await {
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

/// Writes what SELECT says of a mailbox (RFC 3501, section 6.3.1).
fn greet<M>(out: &mut Vec<u8>, opened: Opened<M>, name: imap_backend::MailboxName) -> Selected<M> {
    let Opened {
        mailbox,
        updates,
        access,
        uid_validity,
        uid_next,
        keywords,
        new_keywords,
        first_unseen,
    } = opened;
    let keywords = both(updates.keywords(), &keywords);
    write_flags(out, &keywords, access, new_keywords);
    wire::exists(out, updates.exists());
    wire::recent(out, updates.recent());
    if let Some(seq) = first_unseen.and_then(|uid| updates.view().seq_of(uid)) {
        wire::untagged_ok(out, &format!("UNSEEN {seq}"), "first unseen message");
    }
    wire::untagged_ok(out, &format!("UIDVALIDITY {uid_validity}"), "UIDs are valid");
    if let Some(uid_next) = uid_next {
        wire::untagged_ok(out, &format!("UIDNEXT {uid_next}"), "predicted next UID");
    }
    Selected {
        name,
        mailbox,
        updates,
        access,
        new_keywords,
        introduced: keywords,
    }
}

fn both(told: &[Keyword], stored: &[Keyword]) -> Vec<Keyword> {
    let mut all = told.to_vec();
    all.extend_from_slice(stored);
    all.sort();
    all.dedup();
    all
}
