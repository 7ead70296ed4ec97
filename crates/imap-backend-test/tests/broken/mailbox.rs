//! Mailboxes with a fault.

use crate::body::{Place, Position, Short};
use crate::fault::Fault;
use crate::world::{During, Shadow, World};
use bytes::Bytes;
use imap_backend::search::Wanted;
use imap_backend::{
    Algorithm, Body, Copied, Create, Error, ErrorKind, Fetched, FlagAction, FlagChange, Found, Mailbox,
    MailboxName, Need, ObjectId, PollReason, Query, Record, Rights, SearchKey, Select, Session, SortKey,
    StatusQuery, Stored, Threads,
};
use imap_backend_test::{MemoryMailbox, MemorySession};
use imap_message::Summary;
use imap_seq::{ModSeq, Uid, UidSet, UidValidity, View};
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
    /// For `OpensOneMailbox`.
    pub(crate) _open: Arc<()>,
}

fn change<const N: usize>(action: FlagAction, flags: [Flag; N]) -> FlagChange {
    FlagChange::new(action, Flags::from_iter(flags))
}

fn with_validity(copied: &Copied, validity: UidValidity) -> Copied {
    Copied::new(validity, copied.from().iter().zip(copied.to().iter()))
}

/// The octets, which the reference backend always has at hand.
fn held(record: &Record) -> Bytes {
    record.body().unwrap().held().unwrap().clone()
}

/// Flags and attributes of a record alone.
fn without_body(record: &Record) -> Record {
    Record::new(record.uid(), record.flags().clone())
        .with_internal_date(record.internal_date().unwrap())
        .with_size(record.size().unwrap())
        .with_modseq(record.modseq().unwrap())
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

    /// Publishes what other programs did, before it could pass for what this session does.
    fn see_others(&self) {
        if !self.fault(Fault::OutsideUnseen) {
            let mut shadow = self.shadow.lock();
            shadow.publish(self.world.fault, Origin::EXTERNAL, During::Other);
        }
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
        let opened = self
            .session
            .select(&self.name, &Select::new(Access::ReadOnly))
            .await;
        opened
            .map(|opened| opened.updates().view().uids().collect())
            .unwrap_or_default()
    }

    /// Takes messages out of another mailbox.
    async fn remove(&mut self, target: &MailboxName, uids: &UidSet) -> Result<(), Error> {
        let how = Select::new(Access::ReadWrite);
        let (mut mailbox, _updates) = self.session.select(target, &how).await?.into_parts();
        mailbox
            .store(uids, &change(FlagAction::Add, [Flag::Deleted]))
            .await?;
        mailbox.expunge(uids).await
    }

    /// A record that is wrong.
    fn misread(&self, record: Record, need: Need) -> Record {
        match self.world.fault() {
            Fault::KeepsRawOctets => {
                let raw = self.world.raw.lock().get(&record.uid()).cloned();
                raw.map_or(record.clone(), |raw| record.with_body(raw))
            }
            Fault::ForgetsHeader if !need.includes(Need::BODY) => without_body(&record),
            Fault::CutsLongMessages => {
                let octets = held(&record);
                let cut = octets.slice(..octets.len().min(100_000));
                record.with_body(cut)
            }
            Fault::ShortReads => {
                let octets = held(&record);
                record.with_body(Body::new(Short(octets)))
            }
            Fault::ClonesShareAPosition => {
                let octets = held(&record);
                record.with_body(Body::new(Position::new(octets)))
            }
            Fault::SummaryOfAnother => {
                let other = Summary::of(b"Subject: another\r\n\r\n");
                record.with_summary(Arc::new(other))
            }
            Fault::SaveDateIsInternalDate => {
                let received = record.internal_date().unwrap().to_utc();
                record.with_save_date(received)
            }
            Fault::ModSeqsNeverChange => record.with_modseq(ModSeq::MIN),
            Fault::FlagsOfOneSession => {
                let mut record = record;
                if let Some(own) = self.own_flags.get(&record.uid()) {
                    *record.flags_mut() = own.clone();
                }
                record
            }
            _ => record,
        }
    }

    /// The search of a store with an index of its own, which is wrong.
    fn misunderstood(&self, key: &SearchKey) -> SearchKey {
        match (self.world.fault, key) {
            (Fault::SearchIgnoresNot, SearchKey::Not(key)) => (**key).clone(),
            (Fault::SearchIgnoresDates, SearchKey::On(date)) => SearchKey::Since(*date),
            (Fault::SearchTakesAnyId, SearchKey::EmailId(_)) => SearchKey::All,
            (Fault::SearchSavedIsReceived, SearchKey::SavedOn(day)) => SearchKey::On(*day),
            (Fault::SearchesHeaderAsBody, SearchKey::Body(text)) => SearchKey::Text(text.clone()),
            _ => key.clone(),
        }
    }
}

impl Mailbox for BrokenMailbox {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Fetched, Error> {
        if self.fault(Fault::ReadingSetsSeen) && need.includes(Need::BODY) {
            let seen = change(FlagAction::Add, [Flag::Seen]);
            self.inner().store(&uids.iter().copied().collect(), &seen).await?;
        }
        let records = self.inner().fetch(uids, need).await?.into_iter();
        let mut records: Vec<_> = records
            .map(|record| record.map(|record| self.misread(record, need)))
            .collect();
        match self.world.fault() {
            Fault::SortsAnswers => records.sort_by_key(|record| record.as_ref().map(Record::uid)),
            Fault::LeavesOutGone => records.retain(Option::is_some),
            Fault::EmailIdsAreOne => {
                for record in records.iter_mut().flatten() {
                    *record = record.clone().with_email_id(ObjectId::of_email(1));
                }
            }
            Fault::AnswersAHundred => records.truncate(100),
            Fault::ReadsByNumber => {
                let all: Vec<_> = self.all().await.iter().collect();
                for record in records.iter_mut().flatten() {
                    let Some(place) = all.iter().position(|uid| *uid == record.uid()) else {
                        continue;
                    };
                    let (world, name) = (Arc::clone(&self.world), self.name.clone());
                    *record = record.clone().with_body(Body::new(Place { world, name, place }));
                }
            }
            _ => {}
        }
        Ok(records.into_iter().collect())
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        let mut change = change.clone();
        match self.world.fault() {
            Fault::ReplaceAdds if change.action() == FlagAction::Replace => {
                change = FlagChange::new(FlagAction::Add, change.flags().clone());
            }
            Fault::IgnoresUnchangedSince => change = FlagChange::new(change.action(), change.flags().clone()),
            Fault::StoreChangesAllFlags => {
                change = FlagChange::new(change.action(), change.flags().clone());
            }
            Fault::DropsKeywords => {
                let flags = change.flags().iter().filter(|f| !matches!(f, Flag::Keyword(_)));
                change = FlagChange::new(change.action(), flags.collect());
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
                return Ok(Stored::default());
            }
            _ => {}
        }
        self.see_others();
        let stored = self.inner().store(uids, &change).await?;
        self.publish(During::Other);
        if self.fault(Fault::ForgetsModified) {
            return Ok(Stored::default());
        }
        Ok(stored)
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        if self.fault(Fault::CopyCreates) {
            let _ = self.session.create(target, &Create::default()).await;
        }
        let _ = self.world.shadow(target).await;
        let mut uids = uids.clone();
        match self.world.fault() {
            Fault::CopySkipsGone => uids = uids.difference(&self.gone(&uids).await),
            Fault::NoCopyToItself if *target == self.name => return Err(ErrorKind::Cannot.into()),
            _ => {}
        }
        let copied = self.inner().copy(&uids, target).await;
        if self.fault(Fault::CopiesWhatFits) && copied.is_err() {
            let first = uids.first().into_iter().collect();
            let _ = self.inner().copy(&first, target).await;
        }
        let mut copied = copied?;
        match self.world.fault() {
            Fault::CopyReversed => {
                self.remove(target, copied.to()).await?;
                let mut pairs = Vec::new();
                let mut descending: Vec<_> = uids.iter().collect();
                descending.reverse();
                for uid in descending {
                    let one = self.inner().copy(&UidSet::from_iter([uid]), target).await?;
                    pairs.push((uid, one.to().first().unwrap()));
                }
                copied = Copied::new(copied.uid_validity(), pairs);
            }
            Fault::CopyLosesFlags => {
                let how = Select::new(Access::ReadWrite);
                let (mut mailbox, _updates) = self.session.select(target, &how).await?.into_parts();
                mailbox
                    .store(copied.to(), &change(FlagAction::Replace, []))
                    .await?;
            }
            Fault::CopySaysOtherValidity => copied = with_validity(&copied, UidValidity::MAX),
            Fault::ValidityNeverChanges => copied = with_validity(&copied, UidValidity::MIN),
            _ => {}
        }
        self.world.publish(target, Origin::EXTERNAL, During::Copy).await;
        Ok(copied)
    }

    async fn copy_with_rights(
        &mut self,
        uids: &UidSet,
        target: &MailboxName,
        rights: Rights,
    ) -> Result<Copied, Error> {
        if rights.may_change_all_flags() || self.fault(Fault::CopyKeepsAllFlags) {
            return self.copy(uids, target).await;
        }
        let copied = self.inner().copy_with_rights(uids, target, rights).await?;
        self.world.publish(target, Origin::EXTERNAL, During::Copy).await;
        Ok(copied)
    }

    async fn move_to(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        let mut uids = uids.clone();
        match self.world.fault() {
            Fault::MoveOnlyCopies => return self.copy(&uids, target).await,
            Fault::MoveSkipsGone => uids = uids.difference(&self.gone(&uids).await),
            Fault::MoveExpungesFirst if self.session.status(target, StatusQuery::none()).await.is_err() => {
                let deleted = change(FlagAction::Add, [Flag::Deleted]);
                self.inner().store(&uids, &deleted).await?;
                self.inner().expunge(&uids).await?;
            }
            _ => {}
        }
        let _ = self.world.shadow(target).await;
        let mut moved = self.inner().move_to(&uids, target).await?;
        if self.fault(Fault::ValidityNeverChanges) {
            moved = with_validity(&moved, UidValidity::MIN);
        }
        self.publish(During::Move);
        self.world.publish(target, Origin::EXTERNAL, During::Copy).await;
        Ok(moved)
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        let mut uids = uids.clone();
        match self.world.fault() {
            Fault::ExpungesUndeleted => {
                let deleted = change(FlagAction::Add, [Flag::Deleted]);
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

    async fn search(&mut self, query: &Query) -> Result<Found, Error> {
        assert!(!self.fault(Fault::SearchPanics), "the search panics");
        if self.fault(Fault::SearchNeverAnswers) {
            std::future::pending::<()>().await;
        }
        let key = self.misunderstood(query.key());
        let found = self
            .inner()
            .search(&Query::new(key, query.view().clone()))
            .await?;
        if self.fault(Fault::SearchFindsGone) {
            let gone = self.gone(&query.view().uids().collect()).await;
            return Ok(Found::new(found.uids().union(&gone)));
        }
        if self.fault(Fault::SearchMinIsMax) && query.wanted() == Wanted::Min {
            return Ok(Found::new(found.uids().last().into_iter().collect()));
        }
        Ok(found)
    }

    async fn sort(&mut self, query: &Query, by: &[SortKey]) -> Result<Vec<Uid>, Error> {
        let forward: Vec<_> = by.iter().map(|key| SortKey::new(key.by())).collect();
        let all = Query::new(SearchKey::All, query.view().clone());
        match self.world.fault() {
            Fault::SortForgetsReverse => self.inner().sort(query, &forward).await,
            Fault::SortFindsAll => self.inner().sort(&all, by).await,
            _ => self.inner().sort(query, by).await,
        }
    }

    async fn thread(&mut self, query: &Query, algorithm: Algorithm) -> Result<Threads, Error> {
        let algorithm = match self.fault(Fault::ThreadsBySubjectAlone) {
            true => Algorithm::OrderedSubject,
            false => algorithm,
        };
        self.inner().thread(query, algorithm).await
    }

    async fn vanished_since(&mut self, since: ModSeq) -> Result<Option<UidSet>, Error> {
        match self.world.fault() {
            Fault::VanishedForgets => Ok(Some(UidSet::new())),
            Fault::VanishedNamesAll => {
                let mut all = UidSet::new();
                all.insert_range(Uid::MIN, self.all().await.last().unwrap());
                Ok(Some(all))
            }
            _ => self.inner().vanished_since(since).await,
        }
    }

    async fn changed_since(&mut self, since: ModSeq, within: &View) -> Result<UidSet, Error> {
        match self.world.fault() {
            Fault::ChangedSinceIsAll => Ok(within.uids().collect()),
            Fault::ChangedSinceForgets => {
                let changed = self.inner().changed_since(since, within).await?;
                Ok(changed.iter().skip(1).collect())
            }
            _ => self.inner().changed_since(since, within).await,
        }
    }

    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        if reason != PollReason::Passing {
            self.see_others();
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
