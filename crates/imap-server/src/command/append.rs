//! APPEND (RFC 9051, section 6.3.12): decided on before the message is sent, stored while it arrives.

use imap_backend::{Ability, Append, Appended, Backend, MailboxName, Session};
use imap_codec::imap_types::core::LiteralMode;
use imap_updates::kind;

use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::connection::{AppendHead, Arriving, Fault, Gone, Incoming};
use crate::convert;

impl<B: Backend> Client<B> {
    /// Carries out an APPEND whose literal has been announced.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn append(&mut self, head: AppendHead) -> Result<(), Gone> {
        let answer = self.store_message(&head).await;
        // Only now is the command received whole, and in progress (RFC 9051, section 7.5.1).
        let command = self.begin(kind::Append);
        self.complete_releasing(&head.tag, command, answer).await
    }

    async fn store_message(&mut self, head: &AppendHead) -> Answer {
        if let Err(refusal) = self.acceptable(head) {
            return self.decline(head, refusal).await;
        }
        let (name, append) = match self.target(head) {
            Ok(target) => target,
            Err(refusal) => return self.decline(head, refusal).await,
        };
        let session = self.state.session()?;
        let arriving = Arriving::new(&mut self.channel, head.literal);
        let stored = tokio::select! {
            biased;
            stored = session.append(&name, &append, arriving.source()) => stored,
            gone = arriving.absence() => return Err(gone.into()),
        };
        match (arriving.finish().await, stored) {
            (Err(Fault::Gone(gone)), _) => Err(gone.into()),
            (_, Ok(appended)) => {
                let completed = Completion::ok("APPEND completed");
                Ok(match self.abilities().has(Ability::UidPlus) {
                    true => completed.with_code(append_uid(&appended)),
                    false => completed,
                })
            }
            (Err(Fault::Malformed(why)), Err(_)) => Ok(Completion::bad(format!("APPEND: {why}"))),
            (Ok(()), Err(error)) => Err(error.into()),
        }
    }

    fn acceptable(&mut self, head: &AppendHead) -> Result<(), Completion> {
        self.state.session()?;
        if head.literal.octets > self.channel.limits.append {
            let most = self.channel.limits.append;
            return Err(Completion::no(
                "TOOBIG",
                format!("the largest message accepted has {most} octets"),
            ));
        }
        Ok(())
    }

    /// Refuses without having the message sent; a client that does not wait sends it all the same, and if that is
    /// more than could be accepted, the connection ends with the answer.
    async fn decline(&mut self, head: &AppendHead, refusal: Completion) -> Answer {
        if head.literal.mode == LiteralMode::NonSync && head.literal.octets > self.channel.limits.append {
            refusal.write(&mut self.channel, &head.tag);
            return Err(Gone::CutOff("a refused literal is on its way").into());
        }
        match Incoming::new(&mut self.channel, head.literal).finish().await {
            Err(Fault::Gone(gone)) => Err(gone.into()),
            _ => Err(Stop::Answer(refusal)),
        }
    }

    fn target(&mut self, head: &AppendHead) -> Result<(MailboxName, Append), Completion> {
        let name = convert::mailbox_name(&head.mailbox, self.naming()?)?;
        let append = Append::new(convert::flags(&head.flags)?);
        Ok(match head.date.as_ref() {
            Some(date) => (name, append.with_internal_date(*date.as_ref())),
            None => (name, append),
        })
    }
}

/// `APPENDUID 38505 3955` (RFC 4315, section 3).
fn append_uid(appended: &Appended) -> String {
    format!("APPENDUID {} {}", appended.uid_validity(), appended.uid())
}
