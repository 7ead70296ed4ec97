//! Mailboxes as a whole: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS (RFC 9051, section 6.3).

use imap_backend::{Backend, Create, MailboxName, PollReason, Session, StatusQuery};
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::status::StatusDataItemName;
use imap_updates::{CommandInProgress, kind};

use crate::client::{Client, mailbox_ended};
use crate::completion::{Answer, Completion};
use crate::convert::{self, Naming};
use crate::state::State;
use crate::wire;

impl<B: Backend> Client<B> {
    pub(crate) async fn create(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let naming = self.naming()?;
        let name = creatable(&convert::new_mailbox_name(mailbox, naming)?, naming.delimiter)?;
        self.state.session()?.create(&name, &Create::default()).await?;
        Ok(Completion::ok("CREATE completed"))
    }

    pub(crate) async fn delete(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let name = convert::mailbox_name(mailbox, self.naming()?)?;
        if name.is_inbox() {
            return Err(Completion::no("CANNOT", "INBOX cannot be deleted").into());
        }
        self.state.session()?.delete(&name).await?;
        // A client that deletes what it has selected knows; only the others are thrown out.
        if matches!(&self.state, State::Selected(_, selected) if selected.name == name) {
            self.leave().await;
            wire::untagged_ok(
                self.channel.io.out(),
                "CLOSED",
                "the selected mailbox was deleted",
            );
        }
        Ok(Completion::ok("DELETE completed"))
    }

    pub(crate) async fn rename(&mut self, from: &Mailbox<'_>, to: &Mailbox<'_>) -> Answer {
        let naming = self.naming()?;
        let from = convert::mailbox_name(from, naming)?;
        let to = creatable(&convert::new_mailbox_name(to, naming)?, naming.delimiter)?;
        self.state.session()?.rename(&from, &to).await?;
        Ok(Completion::ok("RENAME completed"))
    }

    pub(crate) async fn subscribe(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let name = subscribable(mailbox, self.naming()?)?;
        self.state.session()?.subscribe(&name).await?;
        Ok(Completion::ok("SUBSCRIBE completed"))
    }

    pub(crate) async fn unsubscribe(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let name = subscribable(mailbox, self.naming()?)?;
        self.state.session()?.unsubscribe(&name).await?;
        Ok(Completion::ok("UNSUBSCRIBE completed"))
    }

    /// STATUS. The client is first told what is new in its selected mailbox, so that the figures do not contradict
    /// what it believes.
    pub(crate) async fn status(
        &mut self,
        mailbox: &Mailbox<'_>,
        items: &[StatusDataItemName],
        command: Option<&CommandInProgress<kind::Status>>,
    ) -> Answer {
        let name = convert::mailbox_name(mailbox, self.naming()?)?;
        let wanted = items.iter().map(figure).collect::<Result<Vec<_>, _>>()?;
        if wanted.is_empty() {
            return Err(Completion::bad("STATUS needs at least one item").into());
        }
        let followers = self.followers();
        if let (State::Selected(_, selected), Some(command)) = (&mut self.state, command) {
            // Asking about other mailboxes one after the other must not cost a proper look at this one each time.
            let reason = if selected.name == name {
                PollReason::Asked
            } else {
                PollReason::Passing
            };
            selected.poll(reason).await;
            let release = command.permit(followers);
            if let Some(why) = selected.report(&mut self.channel, release, self.enabled).await? {
                return Err(mailbox_ended(why).into());
            }
        }
        let counting = self.state.session()?.status(&name, query(&wanted));
        let status = self.channel.while_present(counting).await??;
        let rows: Vec<_> = wanted
            .iter()
            .map(|figure| match *figure {
                Figure::Messages => ("MESSAGES", status.messages()),
                Figure::Recent => ("RECENT", status.recent()),
                Figure::Unseen => ("UNSEEN", status.unseen()),
                Figure::UidValidity => ("UIDVALIDITY", status.uid_validity().get()),
                // Used-up UIDs have no next one; the largest is the only number that promises nothing.
                Figure::UidNext => ("UIDNEXT", status.uid_next().map_or(u32::MAX, imap_seq::Uid::get)),
            })
            .collect();
        wire::mailbox_status(self.channel.io.out(), &name, self.enabled.name_form(), &rows);
        Ok(Completion::ok("STATUS completed"))
    }
}

#[derive(Debug, Clone, Copy)]
enum Figure {
    Messages,
    Recent,
    Unseen,
    UidNext,
    UidValidity,
}

fn figure(item: &StatusDataItemName) -> Result<Figure, Completion> {
    Ok(match item {
        StatusDataItemName::Messages => Figure::Messages,
        StatusDataItemName::Recent => Figure::Recent,
        StatusDataItemName::Unseen => Figure::Unseen,
        StatusDataItemName::UidNext => Figure::UidNext,
        StatusDataItemName::UidValidity => Figure::UidValidity,
        other => return Err(Completion::bad(format!("STATUS item {other:?} is not supported"))),
    })
}

fn query(figures: &[Figure]) -> StatusQuery {
    figures.iter().fold(StatusQuery::none(), |query, figure| {
        query.and(match figure {
            Figure::Messages => StatusQuery::MESSAGES,
            Figure::Recent => StatusQuery::RECENT,
            Figure::Unseen => StatusQuery::UNSEEN,
            Figure::UidNext => StatusQuery::UID_NEXT,
            Figure::UidValidity => StatusQuery::none(),
        })
    })
}

/// A name for a new mailbox.
fn creatable(name: &MailboxName, delimiter: char) -> Result<MailboxName, Completion> {
    match in_levels(name, delimiter) {
        Some(name) if name.is_inbox() => Err(Completion::no("ALREADYEXISTS", "INBOX exists already")),
        Some(name) => Ok(name),
        None => Err(Completion::no("CANNOT", convert::IMPOSSIBLE_NAME)),
    }
}

/// A name to subscribe: one that CREATE would take, so that it is the name that LIST shows.
fn subscribable(mailbox: &Mailbox<'_>, naming: Naming) -> Result<MailboxName, Completion> {
    in_levels(&convert::mailbox_name(mailbox, naming)?, naming.delimiter)
        .ok_or_else(|| Completion::no("NONEXISTENT", convert::IMPOSSIBLE_NAME))
}

/// The name without the delimiter that may end it (RFC 9051, section 6.3.4); `None` where a level of it is empty.
fn in_levels(name: &MailboxName, delimiter: char) -> Option<MailboxName> {
    let text = name.as_str();
    let text = text.strip_suffix(delimiter).unwrap_or(text);
    let has_levels = text.split(delimiter).all(|level| !level.is_empty());
    MailboxName::new(text).filter(|_| has_levels)
}
