//! A client with a selected mailbox, and the part of a server between it and the backend.

use crate::model::{ClientModel, Effect};
use crate::read::Message;
use crate::verdict::{Answer, Stop, ensure};
use imap_backend::walk::MOST_UIDS;
use imap_backend::{FlagAction, FlagChange, Mailbox, Need, NewKeywords, Opened, PollReason, Record, Stored};
use imap_seq::{Expunges, ModSeq, SeqNum, Uid, UidSet, UidValidity};
use imap_updates::{
    Access, Closed, CommandKind, Drained, Ended, Flags, Followers, Keyword, MayExpunge, Release,
    UpdateBuffer, kind,
};
use std::fmt;

/// A selected mailbox: the backend's side, what is yet to be told, and what the client believes.
///
/// Its methods do what a server does for the command: call, poll, drain as far as the command permits, and give
/// every untagged response to the [`ClientModel`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Selected<M> {
    /// The backend's mailbox.
    pub mailbox: M,
    /// What this session has yet to be told.
    pub updates: UpdateBuffer,
    /// What the client believes.
    pub model: ClientModel,
    /// What the backend said when it opened the mailbox.
    pub figures: Figures,
}

/// What SELECT reports besides the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "what `Opened` says")]
#[non_exhaustive]
pub struct Figures {
    pub access: Access,
    pub uid_validity: UidValidity,
    pub uid_next: Option<Uid>,
    pub keywords: Vec<Keyword>,
    pub new_keywords: NewKeywords,
    pub first_unseen: Option<Uid>,
    pub highest_modseq: Option<ModSeq>,
    /// The RECENT of SELECT.
    pub recent: u32,
}

/// What a client was told at the end of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct News {
    /// Messages that left, in the order in which they were told.
    pub expunged: Vec<Uid>,
    /// Messages that came, ascending.
    pub arrived: Vec<Uid>,
    /// Unilateral FETCH.
    pub flags: Vec<(Uid, Flags)>,
    /// The mailbox ended.
    pub closed: Option<Closed>,
}

impl News {
    /// Nothing about messages was told, and the mailbox goes on.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_silent() {
            return f.write_str("nothing told");
        }
        let Self {
            expunged,
            arrived,
            flags,
            closed,
        } = self;
        write!(
            f,
            "told of expunged {expunged:?}, arrived {arrived:?}, flags {flags:?}, closed {closed:?}"
        )
    }
}

/// A poll may fail where the mailbox has ended and the session is told so; else it has to succeed.
fn went_on(polled: Result<(), imap_backend::Error>, news: News) -> Result<News, Stop> {
    if news.closed.is_none() {
        polled.must("poll")?;
    }
    Ok(news)
}

impl<M: Mailbox> Selected<M> {
    pub(crate) async fn open(opened: Opened<M>) -> Result<Self, Stop> {
        let figures = Figures {
            access: opened.access(),
            uid_validity: opened.uid_validity(),
            uid_next: opened.uid_next(),
            keywords: opened.keywords().to_vec(),
            new_keywords: opened.new_keywords(),
            first_unseen: opened.first_unseen(),
            highest_modseq: opened.highest_modseq(),
            recent: opened.updates().recent(),
        };
        let (mailbox, updates) = opened.into_parts();
        let mut selected = Self {
            model: ClientModel::selected(updates.exists()),
            mailbox,
            updates,
            figures,
        };
        selected.learn().await?;
        Ok(selected)
    }

    /// NOOP: everything that is pending is told.
    ///
    /// # Errors
    /// The client was told what contradicts what it knows.
    pub async fn noop(&mut self) -> Result<News, Stop> {
        let command = self.updates.begin(kind::Noop);
        let polled = self.mailbox.poll(PollReason::Asked).await;
        went_on(polled, self.release(&command).await?)
    }

    /// A FETCH that asks for nothing: EXISTS and flags are told, EXPUNGE waits.
    ///
    /// # Errors
    /// As [`noop`](Self::noop).
    pub async fn hold(&mut self) -> Result<News, Stop> {
        let command = self.updates.begin(kind::Fetch);
        let polled = self.mailbox.poll(PollReason::Passing).await;
        let news = self.tell(Release::hold(), Expunges::Hold).await;
        drop(command);
        went_on(polled, news?)
    }

    /// Messages by UID, some at a time as a server asks for them; one entry for each UID.
    ///
    /// # Errors
    /// The backend does not answer one entry for each UID in its place.
    pub async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Vec<Option<Record>>, Stop> {
        let mut records = Vec::with_capacity(uids.len());
        for asked in uids.chunks(MOST_UIDS) {
            let answer = self.mailbox.fetch(asked, need).await.must("fetch")?;
            ensure!(
                answer.len() == asked.len(),
                format!("fetch of {} messages to answer {0} entries", asked.len()),
                format!("{} entries", answer.len()),
            );
            for (uid, record) in asked.iter().zip(answer.iter()) {
                let other = record.map_or(*uid, Record::uid);
                ensure!(
                    other == *uid,
                    format!("the entry for UID {uid} in its place"),
                    format!("UID {other} there"),
                );
            }
            records.extend(answer);
        }
        Ok(records)
    }

    /// One message that exists.
    ///
    /// # Errors
    /// It does not.
    pub async fn fetch_one(&mut self, uid: Uid, need: Need) -> Result<Record, Stop> {
        let records = self.fetch(&[uid], need).await?;
        let record = records.into_iter().flatten().next();
        record.ok_or_else(|| Stop::failed(format!("UID {uid} to be in the mailbox"), "it is gone"))
    }

    /// A message that exists, read whole.
    ///
    /// # Errors
    /// It does not exist, or cannot be read.
    pub(crate) async fn read(&mut self, uid: Uid) -> Result<Message, Stop> {
        let need = Need::BODY.and(Need::SIZE).and(Need::INTERNAL_DATE);
        Message::read(&self.fetch_one(uid, need).await?).await
    }

    /// STORE; the client learns its own change from the answer, never from the news.
    ///
    /// # Errors
    /// As [`noop`](Self::noop); skips where the backend does not store flags.
    pub async fn store(&mut self, uids: &[Uid], change: &FlagChange) -> Result<News, Stop> {
        let (stored, news) = self.store_if(uids, change).await?;
        let left = stored.modified();
        ensure!(
            left.is_empty() || change.unchanged_since().is_some(),
            "no message to be left alone without UNCHANGEDSINCE",
            format!("{left:?}")
        );
        Ok(news)
    }

    /// STORE with UNCHANGEDSINCE, and which messages it left alone.
    pub(crate) async fn store_if(
        &mut self,
        uids: &[Uid],
        change: &FlagChange,
    ) -> Result<(Stored, News), Stop> {
        let command = self.updates.begin(kind::Store);
        let set = uids.iter().copied().collect();
        let stored = self.mailbox.store(&set, change).await.optional("STORE")?;
        for record in self.fetch(uids, Need::FLAGS).await?.into_iter().flatten() {
            self.model.learn_flags(record.uid(), record.flags().clone());
        }
        let polled = self.mailbox.poll(PollReason::Passing).await;
        let news = self.tell(Release::hold(), Expunges::Hold).await?;
        drop(command);
        Ok((stored, went_on(polled, news)?))
    }

    /// UID EXPUNGE.
    ///
    /// # Errors
    /// As [`noop`](Self::noop); skips where the backend does not expunge.
    pub async fn expunge(&mut self, uids: &[Uid]) -> Result<News, Stop> {
        let command = self.updates.begin(kind::UidExpunge);
        let set: UidSet = uids.iter().copied().collect();
        self.mailbox.expunge(&set).await.optional("EXPUNGE")?;
        self.passing(&command).await
    }

    /// Marks messages `\Deleted` and expunges them.
    ///
    /// # Errors
    /// As [`expunge`](Self::expunge).
    pub async fn remove(&mut self, uids: &[Uid]) -> Result<News, Stop> {
        let deleted = Flags::from_iter([imap_updates::Flag::Deleted]);
        self.store(uids, &FlagChange::new(FlagAction::Add, deleted))
            .await?;
        self.expunge(uids).await
    }

    /// The end of any command that may release.
    pub(crate) async fn passing<K>(
        &mut self,
        command: &imap_updates::CommandInProgress<K>,
    ) -> Result<News, Stop>
    where
        K: CommandKind + MayExpunge,
    {
        let polled = self.mailbox.poll(PollReason::Passing).await;
        went_on(polled, self.release(command).await?)
    }

    async fn release<K>(&mut self, command: &imap_updates::CommandInProgress<K>) -> Result<News, Stop>
    where
        K: CommandKind + MayExpunge,
    {
        self.tell(command.permit(Followers::None), Expunges::Release)
            .await
    }

    async fn tell(&mut self, release: Release<'_>, expunges: Expunges) -> Result<News, Stop> {
        let drained = self.updates.drain(release);
        let news = self.hear(&drained, expunges);
        self.updates.written(drained);
        let mut news = news?;
        if news.closed.is_none() {
            news.arrived = self.learn().await?;
        }
        Ok(news)
    }

    fn hear(&mut self, drained: &Drained, expunges: Expunges) -> Result<News, Stop> {
        let mut news = News {
            closed: drained.ended().and_then(Ended::mailbox),
            ..News::default()
        };
        for response in drained.iter() {
            let effect = self.model.apply(&response, expunges).map_err(|what| {
                Stop::against(
                    what.rule(),
                    "responses that a client can follow",
                    what.to_string(),
                )
            })?;
            match effect {
                Effect::Expunged(uids) => news.expunged.extend(uids.into_iter().flatten()),
                Effect::Flags(uid, flags) => news.flags.push((uid, flags)),
                Effect::Arrived(_) | Effect::Other => {}
            }
        }
        Ok(news)
    }

    /// `FETCH n:* (UID FLAGS)` for what is new.
    async fn learn(&mut self) -> Result<Vec<Uid>, Stop> {
        let unknown = self.model.unknown();
        let mut arrived = Vec::with_capacity(unknown.len());
        for seq in unknown {
            let uid = self.updates.view().uid_of(seq);
            let uid = uid.ok_or_else(|| Stop::failed(format!("message {seq} to have a UID"), "none"))?;
            self.model.learn(seq, uid).map_err(|what| {
                Stop::against(what.rule(), "UIDs that a client can follow", what.to_string())
            })?;
            arrived.push(uid);
        }
        for record in self.fetch(&arrived, Need::FLAGS).await?.into_iter().flatten() {
            self.model.learn_flags(record.uid(), record.flags().clone());
        }
        Ok(arrived)
    }

    /// The number that the server would write for this message.
    pub(crate) fn seq_of(&self, uid: Uid) -> Option<SeqNum> {
        self.updates.view().seq_of(uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_backend::ErrorKind;

    #[test]
    fn a_poll_may_fail_only_if_the_session_is_told_that_the_mailbox_ended() {
        let failed = || Err(ErrorKind::NonExistent.into());
        let ended = News {
            closed: Some(Closed::Deleted),
            ..News::default()
        };
        assert_eq!(went_on(failed(), ended.clone()), Ok(ended));
        assert!(went_on(failed(), News::default()).is_err());
        assert!(went_on(Ok(()), News::default()).is_ok());
    }
}
