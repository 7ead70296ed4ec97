//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051, sections 6.3.2, 6.3.3, 6.4.1, 6.4.2).

use imap_backend::{Backend, ErrorKind, Mailbox, MailboxName, Opened, Select, Session};
use imap_codec::imap_types::mailbox;
use imap_updates::Access;

use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::connection::Gone;
use crate::convert;
use crate::mailbox_flags::MailboxFlags;
use crate::selected::Selected;
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
        let delimiter = self.state.session()?.delimiter();
        // Whatever happens next, the old mailbox is no longer selected, also where the new one cannot be (RFC 9051,
        // section 6.3.2); nothing of it is told after CLOSED.
        if self.leave().await {
            wire::untagged_ok(self.channel.io.out(), "CLOSED", "the previous mailbox is closed");
        }
        let name = convert::mailbox_name(mailbox, delimiter)?;
        let how = Select::new(access);
        let opening = self.state.session()?.select(&name, &how);
        let opened = self.channel.while_present(opening).await??;
        let granted = opened.access();
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

/// Writes what SELECT says of a mailbox (RFC 3501, section 6.3.1).
fn greet<M>(out: &mut Vec<u8>, opened: Opened<M>, name: MailboxName) -> Selected<M> {
    let access = opened.access();
    let flags = MailboxFlags::new(opened.keywords().to_vec(), access, opened.new_keywords());
    flags.write(out);
    wire::exists(out, opened.updates().exists());
    wire::recent(out, opened.updates().recent());
    let first_unseen = opened.first_unseen();
    if let Some(seq) = first_unseen.and_then(|uid| opened.updates().view().seq_of(uid)) {
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
    let (mailbox, updates) = opened.into_parts();
    Selected {
        name,
        mailbox,
        updates,
        access,
        flags,
    }
}
