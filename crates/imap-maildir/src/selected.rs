//! `MaildirMailbox`: a mailbox that one session has selected.

use std::path::Path;
use std::sync::Arc;

use imap_backend::{
    Algorithm, Copied, Error, ErrorKind, Fetched, FlagChange, Found, Mailbox, MailboxName, Need, NewKeywords,
    Opened, PollReason, Query, Rights, SearchKey, SortKey, Stored, Threads, search,
};
use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::{Access, Origin};

use crate::account::Account;
use crate::let_go::LetGo;
use crate::mailbox::error::{panicked, try_create};
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::record::record;
use crate::mailbox::weight::Leaving;

/// A selected mailbox.
#[derive(Debug)]
pub struct MaildirMailbox {
    account: LetGo<Account>,
    open: LetGo<OpenMailbox>,
    access: Access,
    origin: Origin,
}

impl MaildirMailbox {
    /// Counts the session among those that have the mailbox open.
    pub(crate) fn enter(account: Arc<Account>, open: LetGo<OpenMailbox>, access: Access) -> Self {
        if access == Access::ReadWrite {
            open.opened_read_write();
        }
        Self {
            account: LetGo::new(account),
            open,
            access,
            origin: Origin::EXTERNAL,
        }
    }

    /// Looks at the disk once more and subscribes.
    pub(crate) async fn opened(mut self) -> Result<Opened<Self>, Error> {
        let looked = self.open.look().await;
        self.account.reported(self.open.path().display(), looked)?;
        let (updates, (uid_next, keywords, new_keywords, first_unseen)) =
            self.open.hub.subscribe_with(self.access, |index, _| {
                let letters = &index.letters;
                (
                    index.uid_next,
                    letters.keywords(),
                    index.new_keywords(),
                    index.first_unseen(),
                )
            });
        self.origin = updates.origin();
        let (uid_validity, guid) = (self.open.uid_validity, self.open.guid);
        let highest_modseq = updates.highest_modseq();
        Ok(Opened::new(self, updates, uid_validity)
            .with_highest_modseq(highest_modseq)
            .with_uid_next(uid_next)
            .with_keywords(keywords)
            .with_new_keywords(new_keywords)
            .with_first_unseen(first_unseen)
            .with_mailbox_id(guid.id()))
    }

    #[cfg(test)]
    pub(crate) fn open(&self) -> Arc<OpenMailbox> {
        Arc::clone(&self.open)
    }

    fn may_write(&self) -> Result<(), Error> {
        if self.access == Access::ReadWrite {
            Ok(())
        } else {
            Err(ErrorKind::NoPermission.into())
        }
    }

    /// What messages count that are to be replaced; nothing where they do not count.
    pub(crate) async fn look_up_leaving(&self, uids: &UidSet) -> Result<Leaving, Error> {
        let originals = self.open.originals(uids)?;
        let (account, open) = (Arc::clone(&self.account), Arc::clone(&self.open));
        let weigh = move || match account.counts(&open.path()) {
            true => open.leaving(&originals),
            false => Leaving::default(),
        };
        tokio::task::spawn_blocking(weigh).await.map_err(panicked)
    }

    async fn target(&self, name: &MailboxName) -> Result<LetGo<OpenMailbox>, Error> {
        self.account.mailbox(name, ErrorKind::TryCreate).await
    }
}

impl Drop for MaildirMailbox {
    fn drop(&mut self) {
        if self.access == Access::ReadWrite {
            self.open.left_read_write();
        }
    }
}

impl Mailbox for MaildirMailbox {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Fetched, Error> {
        let readings = self.open.read(uids, need).await?;
        let record = |reading: Option<_>| reading.map(|reading| record(reading, need));
        Ok(readings.into_iter().map(record).collect())
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        self.may_write()?;
        let modified = self.open.store(uids, change, self.origin).await;
        let modified = self.account.reported(self.open.path().display(), modified)?;
        Ok(Stored::default().with_modified(modified))
    }

    async fn copy(&mut self, uids: &UidSet, name: &MailboxName) -> Result<Copied, Error> {
        self.copy_with_rights(uids, name, Rights::ALL).await
    }

    async fn copy_with_rights(
        &mut self,
        uids: &UidSet,
        name: &MailboxName,
        rights: Rights,
    ) -> Result<Copied, Error> {
        let target = self.target(name).await?;
        let copied = self
            .account
            .copy_messages(&self.open, &target, uids, rights)
            .await;
        let to = self.account.reported(name, copied).map_err(try_create)?;
        Ok(Copied::new(target.uid_validity, uids.iter().zip(to)))
    }

    async fn move_to(&mut self, uids: &UidSet, name: &MailboxName) -> Result<Copied, Error> {
        self.may_write()?;
        let target = self.target(name).await?;
        let moved = self.account.move_messages(&self.open, &target, uids).await;
        let moved = self.account.reported(name, moved).map_err(try_create)?;
        let pairs = moved.into_iter().map(|moved| (moved.from, moved.to));
        Ok(Copied::new(target.uid_validity, pairs))
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        self.may_write()?;
        let account = Arc::clone(&self.account);
        let give_back = move |path: &Path, removed| account.give_back(path, removed);
        let expunged = self.open.expunge(uids, Box::new(give_back)).await;
        self.account.reported(self.open.path().display(), expunged)
    }

    async fn search(&mut self, query: &Query) -> Result<Found, Error> {
        let judgement = self.open.judge(query.view(), query.key()).await?;
        if judgement.undecided.is_empty() {
            return Ok(Found::new(judgement.matching));
        }
        let undecided = self.open.may_match(query.key(), judgement.undecided).await?;
        if undecided.is_empty() {
            return Ok(Found::new(judgement.matching));
        }
        // The rest is read. Messages that the index has decided are not looked at again.
        let rest = SearchKey::And(vec![SearchKey::Uids(undecided), query.key().clone()]);
        let read = search::evaluate(self, &Query::new(rest, query.view().clone())).await?;
        Ok(Found::new(judgement.matching.union(read.uids())))
    }

    async fn vanished_since(&mut self, since: ModSeq) -> Result<Option<UidSet>, Error> {
        Ok(self.open.hub.lock().expunged_since(since))
    }

    async fn changed_since(&mut self, since: ModSeq, within: &View) -> Result<UidSet, Error> {
        let (open, within) = (Arc::clone(&self.open), within.clone());
        let find = move || open.changed_since(since, &within);
        tokio::task::spawn_blocking(find).await.map_err(panicked)
    }

    async fn sort(&mut self, query: &Query, by: &[SortKey]) -> Result<Vec<Uid>, Error> {
        let open = Arc::clone(&self.open);
        open.known.sort(self, query, by).await
    }

    async fn thread(&mut self, query: &Query, algorithm: Algorithm) -> Result<Threads, Error> {
        let open = Arc::clone(&self.open);
        open.known.thread(self, query, algorithm).await
    }

    fn new_keywords(&self) -> Option<NewKeywords> {
        Some(self.open.hub.lock().new_keywords())
    }

    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        let looked = match reason {
            PollReason::Asked => self.open.look().await,
            // The watcher does that job, once for all sessions.
            PollReason::Idling if self.open.is_watched() => Ok(()),
            PollReason::Idling => self.open.look().await,
            // What somebody else could see already, the next command of every session shows.
            _ => self.open.look_in_passing().await,
        };
        match looked {
            // The mailbox has ended, which its sessions are told by the hub.
            Err(_) if self.open.hub.closed().is_some() => Ok(()),
            // Once a minute, and not once more by the server for each command.
            looked => match self.account.reported(self.open.path().display(), looked) {
                Err(error) if error.kind() == ErrorKind::NoPermission => Ok(()),
                reported => reported,
            },
        }
    }
}
