//! STATUS (RFC 9051, section 6.3.11), also of the names that LIST finds (RFC 5819).

use imap_backend::{Ability, Backend, Error, MailboxName, PollReason, Session, Status, StatusQuery, status};
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::status::StatusDataItemName;
use imap_updates::{CommandInProgress, MayExpunge, kind};

use crate::client::{Client, mailbox_ended};
use crate::completion::{Answer, Completion, Stop};
use crate::connection::Gone;
use crate::convert;
use crate::rights::{self, Deed};
use crate::state::State;
use crate::syntax::extension::{self, StatusItem};
use crate::wire::{self, Figure};

impl<B: Backend> Client<B> {
    /// STATUS as the codec reads it.
    pub(crate) async fn status(
        &mut self,
        mailbox: &Mailbox<'_>,
        items: &[StatusDataItemName],
        command: Option<&CommandInProgress<kind::Status>>,
    ) -> Answer {
        let name = convert::mailbox_name(mailbox, self.naming()?)?;
        let items = items.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        self.status_of(&name, &items, command).await
    }

    /// STATUS with items that the codec does not know.
    pub(crate) async fn extended_status(
        &mut self,
        status: &extension::Status,
        command: Option<&CommandInProgress<kind::Status>>,
    ) -> Answer {
        let name = self.naming()?.name(&status.mailbox);
        let name = name.ok_or_else(|| Completion::no("NONEXISTENT", convert::IMPOSSIBLE_NAME))?;
        self.status_of(&name, &status.items, command).await
    }

    async fn status_of(
        &mut self,
        name: &MailboxName,
        items: &[StatusItem],
        command: Option<&CommandInProgress<kind::Status>>,
    ) -> Answer {
        if items.is_empty() {
            return Err(Completion::bad("STATUS needs at least one item").into());
        }
        self.offers_items(items)?;
        // Asking about other mailboxes one after the other must not cost a proper look at this one each time.
        let reason = match &self.state {
            State::Selected(_, selected) if selected.name == *name => PollReason::Asked,
            _ => PollReason::Passing,
        };
        self.tell_before_status(items, reason, command).await?;
        let asking = rights::permit(self.state.session()?, Deed::Read, name);
        self.channel.while_present(asking).await??;
        let status = self.figures(name, items).await?.map_err(Stop::from)?;
        self.write_status(name, items, &status);
        Ok(Completion::ok("STATUS completed"))
    }

    /// Whether every item can be answered.
    ///
    /// # Errors
    /// BAD where the backend has not what an item needs.
    pub(super) fn offers_items(&self, items: &[StatusItem]) -> Result<(), Completion> {
        let abilities = self.abilities();
        let missing = items.iter().find(|item| match item {
            StatusItem::HighestModSeq => !abilities.has(Ability::ModSequences),
            StatusItem::MailboxId => !abilities.has(Ability::ObjectId),
            _ => false,
        });
        match missing {
            Some(item) => Err(Completion::bad(format!(
                "STATUS item {} is not supported",
                item.name()
            ))),
            None => Ok(()),
        }
    }

    /// The client is first told what is new in its selected mailbox, so that the figures do not contradict what it believes.
    pub(super) async fn tell_before_status<K: MayExpunge>(
        &mut self,
        items: &[StatusItem],
        reason: PollReason,
        command: Option<&CommandInProgress<K>>,
    ) -> Result<(), Gone> {
        let followers = self.followers();
        if let (State::Selected(_, selected), Some(command)) = (&mut self.state, command) {
            selected.poll(reason, &self.server.log).await;
            let release = command.permit(followers);
            if let Some(why) = self.report(release).await? {
                return Err(mailbox_ended(why));
            }
        }
        if items.contains(&StatusItem::HighestModSeq) {
            // A CONDSTORE enabling command (RFC 7162, section 3.1).
            self.use_mod_sequences();
        }
        Ok(())
    }

    /// The figures of a mailbox that this user may read. What the backend has not counted is counted message by message, which is done in turns.
    ///
    /// # Errors
    /// The connection is over.
    pub(super) async fn figures(
        &mut self,
        name: &MailboxName,
        items: &[StatusItem],
    ) -> Result<Result<Status, Error>, Stop> {
        let query = query(items);
        let session = self.state.session()?;
        let counting = async {
            let status = session.status(name, query).await?;
            match status.has_counted(query) {
                true => Ok(status),
                false => status::by_opening(session, name, query).await,
            }
        };
        let counting = self.server.turns.take_for(&self.user, counting);
        Ok(self.channel.while_present(counting).await?)
    }

    pub(super) fn write_status(&mut self, name: &MailboxName, items: &[StatusItem], status: &Status) {
        let append_limit = self.channel.limits.append;
        let figures = items
            .iter()
            .map(|item| (item.name(), figure(*item, status, append_limit)));
        wire::mailbox_status(self.channel.io.out(), name, self.enabled.name_form(), figures);
    }
}

fn item(item: &StatusDataItemName) -> Result<StatusItem, Completion> {
    Ok(match item {
        StatusDataItemName::Messages => StatusItem::Messages,
        StatusDataItemName::Recent => StatusItem::Recent,
        StatusDataItemName::Unseen => StatusItem::Unseen,
        StatusDataItemName::UidNext => StatusItem::UidNext,
        StatusDataItemName::UidValidity => StatusItem::UidValidity,
        StatusDataItemName::Size => StatusItem::Size,
        StatusDataItemName::Deleted => StatusItem::Deleted,
        StatusDataItemName::DeletedStorage => StatusItem::DeletedStorage,
        StatusDataItemName::HighestModSeq => StatusItem::HighestModSeq,
        #[allow(unreachable_patterns, reason = "another feature of the codec would add items")]
        other => return Err(Completion::bad(format!("STATUS item {other:?} is not supported"))),
    })
}

fn query(items: &[StatusItem]) -> StatusQuery {
    items.iter().fold(StatusQuery::none(), |query, item| {
        query.and(match item {
            StatusItem::Messages => StatusQuery::MESSAGES,
            StatusItem::Recent => StatusQuery::RECENT,
            StatusItem::Unseen => StatusQuery::UNSEEN,
            StatusItem::UidNext => StatusQuery::UID_NEXT,
            StatusItem::HighestModSeq => StatusQuery::HIGHEST_MODSEQ,
            StatusItem::Size => StatusQuery::SIZE,
            StatusItem::Deleted => StatusQuery::DELETED,
            StatusItem::DeletedStorage => StatusQuery::DELETED_STORAGE,
            StatusItem::MailboxId => StatusQuery::MAILBOX_ID,
            StatusItem::UidValidity | StatusItem::AppendLimit => StatusQuery::none(),
        })
    })
}

fn figure(item: StatusItem, status: &Status, append_limit: u32) -> Figure<'_> {
    Figure::Number(match item {
        StatusItem::Messages => status.messages().into(),
        StatusItem::Recent => status.recent().into(),
        StatusItem::Unseen => status.unseen().into(),
        StatusItem::UidValidity => status.uid_validity().get().into(),
        // Used-up UIDs have no next one; the largest is the only number that promises nothing.
        StatusItem::UidNext => status.uid_next().map_or(u32::MAX, imap_seq::Uid::get).into(),
        // 0: this mailbox keeps none (RFC 7162, section 3.1.7).
        StatusItem::HighestModSeq => status.highest_modseq().map_or(0, imap_seq::ModSeq::get),
        StatusItem::Size => status.size().unwrap_or(0),
        StatusItem::Deleted => status.deleted().unwrap_or(0).into(),
        StatusItem::DeletedStorage => status.deleted_storage().unwrap_or(0),
        StatusItem::AppendLimit => append_limit.into(),
        StatusItem::MailboxId => return status.mailbox_id().map_or(Figure::Nil, Figure::Id),
    })
}
