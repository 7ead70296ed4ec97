//! Mailboxes with a fault.

use crate::fault::Fault;
use crate::world::{During, Shadow, World};
use imap_backend::{
    Copied, Error, ErrorKind, FlagAction, FlagChange, Mailbox, MailboxName, Need, PollReason, Record,
    SearchKey, Session,
};
use imap_backend_test::{MemoryMailbox, MemorySession};
use imap_seq::{Uid, UidSet, UidValidity, View};
use imap_updates::{Access, Flag, Flags, Origin, UpdateBuffer};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[derive(Debug)]
pub(crate) struct BrokenMailbox {
    /// Taken out by `close`.
    pub(crate) inner: Option<MemoryMailbox>,
    pub(crate) shadow: Arc<Mutex<Shadow>>,
    pub(crate) origin: Origin,
    pub(crate) session: MemorySession,
    pub(crate) name: MailboxName,
    pub(crate) world: Arc<World>,
    /// For `FlagsOfOneSession`.
    pub(crate) own_flags: BTreeMap<Uid, Flags>,
    pub(crate) _real: UpdateBuffer,
}

impl Drop for BrokenMailbox {
    fn drop(&mut self) {
        if self.inner.is_some() {
            self.world.locked.store(true, Ordering::Relaxed);
        }
    }
}

impl BrokenMailbox {
    fn fault(&self, fault: Fault) -> bool {
        self.world.fault == fault
    }

    fn inner(&mut self) -> &mut MemoryMailbox {
        self.inner.as_mut().unwrap()
    }

    fn publish(&self, during: During) {
        self.shadow.lock().publish(self.world.fault, self.origin, during);
    }

    async fn gone(&mut self, uids: &UidSet) -> UidSet {
        let asked: Vec<_> = uids.iter().collect();
        let records = self.inner().fetch(&asked, Need::FLAGS).await.unwrap();
        asked
            .iter()
            .zip(records)
            .filter(|(_, record)| record.is_none())
            .map(|(uid, _)| *uid)
            .collect()
    }

    async fn all(&mut self) -> UidSet {
        let opened = self.session.select(&self.name, Access::ReadOnly).await;
        opened
            .map(|opened| opened.updates.view().uids().collect())
            .unwrap_or_default()
    }

    /// The search of a store with an index of its own, which is wrong.
    fn misread(&self, key: &SearchKey) -> SearchKey {
        match (self.world.fault, key) {
            (Fault::SearchIgnoresNot, SearchKey::Not(key)) => (**key).clone(),
            (Fault::SearchIgnoresDates, SearchKey::On(date)) => SearchKey::Since(*date),
            (Fault::SearchesHeaderAsBody, SearchKey::Body(text)) => SearchKey::Text(text.clone()),
            _ => key.clone(),
        }
    }
}

impl Mailbox for BrokenMailbox {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Vec<Option<Record>>, Error> {
        if self.fault(Fault::ReadingSetsSeen) && need.includes(Need::OCTETS) {
            let seen = FlagChange::add(Flags::from_iter([Flag::Seen]));
            self.inner().store(&uids.iter().copied().collect(), &seen).await?;
        }
        let mut records = self.inner().fetch(uids, need).await?;
        for record in records.iter_mut().flatten() {
            match self.world.fault() {
                Fault::KeepsRawOctets => record.octets = self.world.raw.lock().get(&record.uid).cloned(),
                Fault::ForgetsHeader if !need.includes(Need::OCTETS) => record.octets = None,
                Fault::CutsLongMessages => {
                    record.octets = record.octets.take().map(|o| o.slice(..o.len().min(1 << 20)));
                }
                Fault::FlagsOfOneSession => {
                    record.flags = self.own_flags.get(&record.uid).unwrap_or(&record.flags).clone();
                }
                _ => {}
            }
        }
        let octets = |r: &Record| r.octets.as_ref().map_or(0, bytes::Bytes::len);
        match self.world.fault() {
            Fault::SortsAnswers => records.sort_by_key(|record| record.as_ref().map(|r| r.uid)),
            Fault::LeavesOutGone => records.retain(Option::is_some),
            Fault::AnswersNothingWhenLong
                if records.iter().flatten().map(octets).sum::<usize>() > 1 << 20 =>
            {
                records.clear();
            }
            _ => {}
        }
        Ok(records)
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<(), Error> {
        let mut change = change.clone();
        match self.world.fault() {
            Fault::ReplaceAdds if change.action == FlagAction::Replace => change.action = FlagAction::Add,
            Fault::DropsKeywords => {
                change.flags = change
                    .flags
                    .iter()
                    .filter(|f| !matches!(f, Flag::Keyword(_)))
                    .collect();
            }
            Fault::StoreStopsAtGone if !self.gone(uids).await.is_empty() => {
                return Err(ErrorKind::ExpungeIssued.into());
            }
            Fault::LostSessionLocks if self.world.locked.load(Ordering::Relaxed) => {
                return Err(ErrorKind::InUse.into());
            }
            Fault::FlagsOfOneSession => {
                for uid in uids.iter() {
                    let before = self.own_flags.get(&uid).cloned().unwrap_or_default();
                    self.own_flags.insert(uid, change.apply(&before));
                }
                return Ok(());
            }
            _ => {}
        }
        self.inner().store(uids, &change).await?;
        self.publish(During::Other);
        Ok(())
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        if self.fault(Fault::CopyCreates) {
            let _ = self.session.create(target).await;
        }
        let _ = self.world.shadow(target).await;
        let mut uids = uids.clone();
        match self.world.fault() {
            Fault::CopySkipsGone => uids = uids.difference(&self.gone(&uids).await),
            Fault::NoCopyToItself if *target == self.name => return Err(ErrorKind::Cannot.into()),
            _ => {}
        }
        let mut copied = self.inner().copy(&uids, target).await?;
        match self.world.fault() {
            Fault::CopyReversed => {
                let mut opened = self.session.select(target, Access::ReadWrite).await?;
                let deleted = FlagChange::add(Flags::from_iter([Flag::Deleted]));
                opened.mailbox.store(&copied.to, &deleted).await?;
                opened.mailbox.expunge(&copied.to).await?;
                copied.to = UidSet::new();
                let mut descending: Vec<_> = uids.iter().collect();
                descending.reverse();
                for uid in descending {
                    let one = self.inner().copy(&UidSet::from_iter([uid]), target).await?;
                    copied.to = copied.to.union(&one.to);
                }
            }
            Fault::CopyLosesFlags => {
                let mut opened = self.session.select(target, Access::ReadWrite).await?;
                let none = FlagChange {
                    action: FlagAction::Replace,
                    flags: Flags::empty(),
                };
                opened.mailbox.store(&copied.to, &none).await?;
            }
            Fault::CopySaysOtherValidity => copied.uid_validity = UidValidity::MAX,
            Fault::ValidityNeverChanges => copied.uid_validity = UidValidity::MIN,
            _ => {}
        }
        self.world.publish(target, Origin::EXTERNAL, During::Copy).await;
        Ok(copied)
    }

    async fn move_to(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        let mut uids = uids.clone();
        match self.world.fault() {
            Fault::MoveOnlyCopies => return self.copy(&uids, target).await,
            Fault::MoveSkipsGone => uids = uids.difference(&self.gone(&uids).await),
            Fault::MoveExpungesFirst if self.session.status(target).await.is_err() => {
                let deleted = FlagChange::add(Flags::from_iter([Flag::Deleted]));
                self.inner().store(&uids, &deleted).await?;
                self.inner().expunge(&uids).await?;
            }
            _ => {}
        }
        let _ = self.world.shadow(target).await;
        let mut moved = self.inner().move_to(&uids, target).await?;
        if self.fault(Fault::ValidityNeverChanges) {
            moved.uid_validity = UidValidity::MIN;
        }
        self.publish(During::Move);
        self.world.publish(target, Origin::EXTERNAL, During::Copy).await;
        Ok(moved)
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        let mut uids = uids.clone();
        match self.world.fault() {
            Fault::ExpungesUndeleted => {
                let deleted = FlagChange::add(Flags::from_iter([Flag::Deleted]));
                self.inner().store(&uids, &deleted).await?;
            }
            Fault::ExpungesOutsideTheSet => uids = self.all().await,
            Fault::ExpungeStopsAtGone if !self.gone(&uids).await.is_empty() => {
                return Err(ErrorKind::ExpungeIssued.into());
            }
            _ => {}
        }
        self.inner().expunge(&uids).await?;
        self.publish(During::Expunge);
        Ok(())
    }

    async fn search(&mut self, view: &View, key: &SearchKey) -> Result<UidSet, Error> {
        assert!(!self.fault(Fault::SearchPanics), "the search panics");
        let key = self.misread(key);
        if self.fault(Fault::SearchesTheStore) {
            let opened = self.session.select(&self.name, Access::ReadOnly).await?;
            let view = opened.updates.view().clone();
            return self.inner().search(&view, &key).await;
        }
        self.inner().search(view, &key).await
    }

    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        if reason == PollReason::Asked {
            self.publish(During::Other);
        }
        Ok(())
    }

    async fn close(mut self) -> Result<(), Error> {
        if self.fault(Fault::CloseExpunges) {
            let all = self.all().await;
            self.expunge(&all).await?;
        }
        self.inner = None;
        Ok(())
    }
}
