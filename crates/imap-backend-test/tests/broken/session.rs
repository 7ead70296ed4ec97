//! Sessions with a fault.

use crate::fault::Fault;
use crate::mailbox::BrokenMailbox;
use crate::world::{During, World};
use bytes::Bytes;
use imap_backend::{
    Abilities, Ability, Acl, AclChange, Append, Appended, AppendedAll, Create, Created, Error, ErrorKind,
    FlagAction, FlagChange, Grantable, Identifier, ListEntry, ListQuery, Mailbox, MailboxName, MessageSource,
    Messages, Metadata, MetadataChange, Need, ObjectId, Opened, Quota, Record, Rights, Select, Selection,
    Session, SpecialUse, Status, StatusQuery, Subscription, UrlKey, Usage,
};
use imap_backend_test::MemorySession;
use imap_seq::{ModSeq, Uid, UidSet, UidValidity};
use imap_updates::{Access, Closed, Flag, Flags, Origin, UpdateBuffer};
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

#[derive(Debug)]
pub(crate) struct BrokenSession {
    pub(crate) inner: MemorySession,
    pub(crate) world: Arc<World>,
    /// Held by each mailbox that is open.
    pub(crate) open: Arc<()>,
}

/// A message that has been read already.
struct Ready {
    size: u64,
    octets: Option<Bytes>,
}

impl MessageSource for Ready {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.octets.take().filter(|octets| !octets.is_empty()))
    }
}

impl BrokenSession {
    fn fault(&self, fault: Fault) -> bool {
        self.world.fault == fault
    }

    async fn exists(&mut self, name: &MailboxName) -> bool {
        self.inner.status(name, StatusQuery::none()).await.is_ok()
    }

    fn validity(&self, validity: UidValidity) -> UidValidity {
        if self.fault(Fault::ValidityNeverChanges) {
            UidValidity::MIN
        } else {
            validity
        }
    }

    fn uid_next(&self, uid_next: Option<Uid>) -> Option<Uid> {
        let too_high = |uid: Uid| Uid::new(uid.get() + 10);
        if self.fault(Fault::UidNextTooHigh) {
            uid_next.and_then(too_high)
        } else {
            uid_next
        }
    }

    /// For `UidNextGoesBack`: it is made of the messages that are there.
    fn uid_next_of_view(&self, uid_next: Option<Uid>, updates: &UpdateBuffer) -> Option<Uid> {
        match self.world.fault() {
            Fault::UidNextGoesBack => updates.view().last().map_or(Some(Uid::MIN), Uid::next),
            _ => uid_next,
        }
    }

    /// For `HighestFromMessages`: it is made of the messages that are there.
    async fn highest(&mut self, name: &MailboxName, highest: ModSeq) -> ModSeq {
        if !self.fault(Fault::HighestFromMessages) {
            return highest;
        }
        let opened = self
            .inner
            .select(name, &Select::new(Access::ReadOnly))
            .await
            .unwrap();
        let (mut mailbox, updates) = opened.into_parts();
        let uids: Vec<_> = updates.view().uids().collect();
        let records = mailbox.fetch(&uids, Need::MODSEQ).await.unwrap();
        let modseqs = records.iter().flatten().filter_map(Record::modseq);
        modseqs.max().unwrap_or(ModSeq::MIN)
    }

    fn mailbox_id(&self, id: &ObjectId) -> ObjectId {
        match self.world.fault() {
            Fault::MailboxIdsAreOne => ObjectId::of_mailbox(1),
            _ => id.clone(),
        }
    }

    /// Refuses a message that does not fit. For `RoomStaysTaken`: as if nothing had been expunged.
    async fn check_room(&mut self, size: Option<u64>) -> Result<(), Error> {
        let fits = |quota: &Quota| quota.has_room_for(1, size.unwrap_or(0));
        let quotas = self.inner.quotas(None).await?;
        let has_room = quotas.iter().all(fits);
        let expunged = !self.world.raw.lock().is_empty()
            && quotas.iter().any(|quota| {
                quota
                    .messages()
                    .is_some_and(|usage| usage.used() == 0 && usage.limit() == 1)
            });
        match has_room && !(expunged && self.fault(Fault::RoomStaysTaken)) {
            true => Ok(()),
            false => Err(ErrorKind::OverQuota.into()),
        }
    }

    fn annotated<'n>(&self, mailbox: Option<&'n MailboxName>) -> Option<&'n MailboxName> {
        mailbox.filter(|_| !self.fault(Fault::MetadataOfTheServer))
    }

    /// For `AclOfInbox`: all mailboxes have one ACL.
    async fn listed(&mut self, mailbox: &MailboxName) -> MailboxName {
        match self.fault(Fault::AclOfInbox) && self.exists(mailbox).await {
            true => MailboxName::inbox(),
            false => mailbox.clone(),
        }
    }

    /// The inferiors of a mailbox.
    async fn below(&mut self, name: &MailboxName) -> Vec<MailboxName> {
        let entries = self.inner.list(&ListQuery::default()).await.unwrap();
        entries
            .into_iter()
            .map(|entry| entry.name().clone())
            .filter(|n| n.is_inferior_of(name, '/'))
            .collect()
    }
}

/// Everything that arrives, also of a message that breaks off.
async fn read(message: impl MessageSource) -> (Vec<u8>, Option<Error>) {
    let mut octets = Vec::new();
    let error = read_into(&mut octets, message).await;
    (octets, error)
}

async fn read_into(octets: &mut Vec<u8>, mut message: impl MessageSource) -> Option<Error> {
    loop {
        match message.chunk().await {
            Ok(Some(chunk)) => octets.extend_from_slice(&chunk),
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

/// What an APPEND has read so far: stored, where the command is dropped before its end.
struct StoresWhatArrived {
    session: MemorySession,
    name: MailboxName,
    octets: Vec<u8>,
}

impl Drop for StoresWhatArrived {
    fn drop(&mut self) {
        if self.octets.is_empty() {
            return;
        }
        let octets = Bytes::from(std::mem::take(&mut self.octets));
        let half = Ready {
            size: octets.len() as u64,
            octets: Some(octets),
        };
        let append = Append::default();
        let stored = pin!(self.session.append(&self.name, &append, half));
        // The reference backend never waits.
        let _ = stored.poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl Session for BrokenSession {
    type Mailbox = BrokenMailbox;

    fn abilities(&self) -> Abilities {
        let abilities = self.inner.abilities();
        match self.world.fault() {
            Fault::OffersLessAfterLogin => abilities.without(Ability::Move),
            Fault::OnlyInbox => abilities.without(Ability::CreateSpecialUse),
            _ => abilities,
        }
    }

    async fn list(&mut self, query: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        let mut entries = self.inner.list(query).await?;
        match self.world.fault() {
            Fault::HidesInbox => entries.retain(|entry| !entry.name().is_inbox()),
            Fault::ForgetsUses => {
                for entry in &mut entries {
                    *entry = entry.clone().with_special_use(SpecialUse::none());
                }
            }
            Fault::ListsAllAsSubscribed if query.selection() == Selection::Existing => {
                for entry in &mut entries {
                    *entry = entry.clone().with_subscription(Subscription::Subscribed);
                }
            }
            Fault::RemembersNames => return Ok(self.world.names.lock().get_or_insert(entries).clone()),
            Fault::ListsOtherRights => {
                for entry in &mut entries {
                    *entry = entry.clone().with_my_rights(Rights::LOOKUP);
                }
            }
            Fault::ListsTwice => entries.extend_from_within(..),
            Fault::ListNarrowsByCase if !query.patterns().is_empty() => {
                let start = |pattern: &String| pattern.split(['*', '%']).next().unwrap_or("").to_owned();
                let starts: Vec<_> = query.patterns().iter().map(start).collect();
                entries.retain(|entry| {
                    starts
                        .iter()
                        .any(|start| entry.name().as_str().starts_with(start))
                });
            }
            Fault::ListForgetsInferiors => {
                let exact = |entry: &ListEntry, pattern: &String| entry.name().as_str() == pattern;
                let wildcard = query
                    .patterns()
                    .iter()
                    .any(|pattern| pattern.contains(['*', '%']));
                let keep = |entry: &ListEntry| query.patterns().iter().any(|pattern| exact(entry, pattern));
                entries.retain(|entry| query.patterns().is_empty() || wildcard || keep(entry));
            }
            _ => {}
        }
        Ok(entries)
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<BrokenMailbox>, Error> {
        if self.fault(Fault::SelectCreates) && !self.exists(name).await {
            self.inner.create(name, &Create::default()).await?;
        }
        if self.fault(Fault::RefusesResync) && how.resync().is_some() {
            return Err(ErrorKind::Unsupported.into());
        }
        if self.fault(Fault::OpensOneMailbox) && Arc::strong_count(&self.open) > 1 {
            return Err(ErrorKind::InUse.into());
        }
        let access = if self.fault(Fault::ExamineIsSelect) {
            Access::ReadWrite
        } else {
            how.access()
        };
        let opened = self.inner.select(name, &Select::new(access)).await?;
        let shadow = if self.fault(Fault::HubPerSession) {
            Arc::new(Mutex::new(self.world.new_shadow(name).await?))
        } else {
            self.world.shadow(name).await?
        };
        if !self.fault(Fault::OutsideUnseen) {
            shadow
                .lock()
                .publish(self.world.fault, Origin::EXTERNAL, During::Other);
        }
        let updates = shadow.lock().hub.subscribe(access);
        let uid_validity = match self.world.fault() {
            Fault::ValidityChangesAtSelect => {
                UidValidity::new(self.world.selects.fetch_add(1, Ordering::Relaxed))
            }
            _ => Some(self.validity(opened.uid_validity())),
        };
        let first_unseen = match self.world.fault() {
            Fault::FirstUnseenIsFirst => opened.updates().view().uids().next(),
            _ => opened.first_unseen(),
        };
        let (uid_next, keywords) = (self.uid_next(opened.uid_next()), opened.keywords().to_vec());
        let highest_modseq = self.highest(name, opened.highest_modseq().unwrap()).await;
        let uid_next = self.uid_next_of_view(uid_next, opened.updates());
        let mailbox_id = self.mailbox_id(opened.mailbox_id().unwrap());
        let (inner, real) = opened.into_parts();
        let mailbox = BrokenMailbox {
            inner: Some(inner),
            shadow,
            origin: updates.origin(),
            session: self.world.session().await,
            name: name.clone(),
            world: Arc::clone(&self.world),
            own_flags: Default::default(),
            _real: real,
            _open: Arc::clone(&self.open),
        };
        Ok(Opened::new(mailbox, updates, uid_validity.unwrap())
            .with_uid_next(uid_next)
            .with_keywords(keywords)
            .with_first_unseen(first_unseen)
            .with_highest_modseq(highest_modseq)
            .with_mailbox_id(mailbox_id))
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        append: &Append,
        message: impl MessageSource,
    ) -> Result<Appended, Error> {
        if self.fault(Fault::AppendCreates) && !self.exists(name).await {
            self.inner.create(name, &Create::default()).await?;
        }
        let _ = self.world.shadow(name).await;
        if !self.fault(Fault::ReadsOverQuota) {
            self.check_room(message.size()).await?;
        }
        let (mut octets, error) = match self.world.fault() {
            Fault::StoresWhatArrived => {
                let mut stores = StoresWhatArrived {
                    session: self.world.session().await,
                    name: name.clone(),
                    octets: Vec::new(),
                };
                let read = read_into(&mut stores.octets, message).await;
                (std::mem::take(&mut stores.octets), read)
            }
            _ => read(message).await,
        };
        if let Some(error) = error.filter(|_| !self.fault(Fault::KeepsHalfMessages)) {
            return Err(error);
        }
        let raw = Bytes::from(octets.clone());
        let mut append = append.clone();
        match self.world.fault() {
            Fault::AddsLineEnd => octets.extend_from_slice(b"\r\n"),
            Fault::KeepsRawOctets => octets.iter_mut().filter(|o| **o == 0).for_each(|o| *o = b'x'),
            Fault::AppendLosesFlags => append = Append::default(),
            _ => {}
        }
        let source = Ready {
            size: octets.len() as u64,
            octets: Some(octets.into()),
        };
        let appended = self.inner.append(name, &append, source).await?;
        self.world.raw.lock().insert(appended.uid(), raw);
        self.world.publish(name, Origin::EXTERNAL, During::Other).await;
        let mut uid = appended.uid();
        if self.fault(Fault::AppendSaysCount) {
            let count = self.inner.status(name, StatusQuery::MESSAGES).await?.messages();
            uid = Uid::new(count).unwrap();
        }
        Ok(Appended::new(self.validity(appended.uid_validity()), uid))
    }

    async fn append_all(
        &mut self,
        name: &MailboxName,
        mut messages: impl Messages,
    ) -> Result<AppendedAll, Error> {
        let _ = self.world.shadow(name).await;
        let mut stored = Vec::new();
        let mut arrived = Vec::new();
        let failed = loop {
            let append = match messages.next().await {
                Ok(Some(append)) => append,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            let octets = messages.read_all().await;
            match octets {
                Ok(octets) if !octets.contains(&0) => arrived.push((append, octets)),
                Ok(_) => break Some(ErrorKind::UnknownEncoding.into()),
                Err(error) => break Some(error),
            }
        };
        let keeps = self.fault(Fault::KeepsFirstOfSeveral);
        let failed = match failed {
            Some(error) if !keeps => return Err(error),
            failed => failed,
        };
        let octets = arrived.iter().map(|(_, octets)| octets.len() as u64).sum();
        let fits = |quota: &Quota| quota.has_room_for(arrived.len() as u64, octets);
        if !self.inner.quotas(None).await?.iter().all(fits) {
            return Err(ErrorKind::OverQuota.into());
        }
        if self.fault(Fault::TurnsSeveralAround) {
            arrived.reverse();
        }
        for (append, octets) in arrived {
            let source = Ready {
                size: octets.len() as u64,
                octets: Some(octets),
            };
            stored.push(self.append(name, &append, source).await?);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let validity = match stored.first() {
            Some(first) => first.uid_validity(),
            None => return Err(ErrorKind::ServerBug.into()),
        };
        Ok(AppendedAll::new(validity, stored.iter().map(Appended::uid)))
    }

    async fn replace(
        &mut self,
        selected: &mut BrokenMailbox,
        replaced: Uid,
        name: &MailboxName,
        append: &Append,
        message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let uids: UidSet = [replaced].into_iter().collect();
        let there = selected
            .fetch(&[replaced], Need::SIZE)
            .await?
            .into_records()
            .next();
        if there.is_none() && !self.fault(Fault::ReplacesWhatIsGone) {
            return Err(ErrorKind::ExpungeIssued.into());
        }
        let delete = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Deleted]));
        let quotas = self.inner.quotas(None).await?;
        if !quotas.is_empty() && !self.fault(Fault::ReplaceCountsBoth) {
            let leaving = there.and_then(|record| record.size()).unwrap_or(0);
            let fits = |octets| {
                quotas
                    .iter()
                    .all(|quota| quota.has_room_in_place_of(leaving, octets))
            };
            let announced = message.size().unwrap_or(0);
            let (octets, error) = match fits(announced) {
                true => read(message).await,
                false => return Err(ErrorKind::OverQuota.into()),
            };
            if let Some(error) = error {
                return Err(error);
            }
            if !fits(octets.len() as u64) {
                return Err(ErrorKind::OverQuota.into());
            }
            selected.store(&uids, &delete).await?;
            selected.expunge(&uids).await?;
            let source = Ready {
                size: octets.len() as u64,
                octets: Some(octets.into()),
            };
            // It fits, also where less is allowed by now than was held. The next step of the case sets the limits anew.
            self.world.inner.limit(None, None);
            return self.append(name, append, source).await;
        }
        if self.fault(Fault::ReplacesBeforeItHas) {
            selected.store(&uids, &delete).await?;
            selected.expunge(&uids).await?;
        }
        let appended = self.append(name, append, message).await?;
        if self.fault(Fault::ReplaceKeepsTheOld) {
            return Ok(appended);
        }
        selected.store(&uids, &delete).await?;
        let all = [Uid::MIN, replaced].into_iter().collect();
        let gone = match self.world.fault() {
            Fault::ReplaceExpungesOthers => &all,
            _ => &uids,
        };
        selected.expunge(gone).await?;
        Ok(appended)
    }

    fn another(&self) -> Option<Self> {
        if self.fault(Fault::NoOtherSession) {
            return None;
        }
        Some(Self {
            inner: self.inner.another()?,
            world: Arc::clone(&self.world),
            open: Arc::default(),
        })
    }

    async fn status(&mut self, name: &MailboxName, query: StatusQuery) -> Result<Status, Error> {
        let inner = self.inner.status(name, query).await?;
        let mut status = Status::new(self.validity(inner.uid_validity()))
            .with_messages(inner.messages())
            .with_uid_next(self.uid_next(inner.uid_next()))
            .with_recent(inner.recent())
            .with_unseen(inner.unseen())
            .with_highest_modseq(self.highest(name, inner.highest_modseq().unwrap()).await)
            .with_size(inner.size().unwrap())
            .with_deleted(inner.deleted().unwrap())
            .with_deleted_storage(inner.deleted_storage().unwrap())
            .with_mailbox_id(self.mailbox_id(inner.mailbox_id().unwrap()));
        match self.world.fault() {
            Fault::StatusSizeIsCount => status = status.with_size(inner.messages().into()),
            Fault::StatusIsStale => {
                let mut counted = self.world.counted.lock();
                let first = *counted.entry(name.clone()).or_insert(inner.messages());
                status = status.with_messages(first);
            }
            Fault::StatusCountsSeen => status = status.with_unseen(inner.messages()),
            Fault::StatusRunsOnAll if !query.includes(StatusQuery::ALL) => status = status.with_unseen(0),
            Fault::StatusTakesRecent => drop(self.select(name, &Select::new(Access::ReadWrite)).await?),
            _ => {}
        }
        Ok(status)
    }

    async fn create(&mut self, name: &MailboxName, how: &Create) -> Result<Created, Error> {
        match self.world.fault() {
            Fault::OnlyInbox => return Err(ErrorKind::Unsupported.into()),
            Fault::CreateTwice if self.exists(name).await => return Ok(Created::default()),
            Fault::AsciiNames => {
                let ascii: String = name
                    .as_str()
                    .chars()
                    .map(|c| if c.is_ascii() { c } else { '?' })
                    .collect();
                return self.inner.create(&MailboxName::new(&ascii).unwrap(), how).await;
            }
            _ => {}
        }
        let how = match self.world.fault() {
            Fault::GivesOneUse => {
                let first = how.special_use().attributes().next();
                let first = first.and_then(SpecialUse::of_attribute).unwrap_or_default();
                &Create::default().with_special_use(first)
            }
            _ => how,
        };
        let created = self.inner.create(name, how).await;
        if created.is_err() && self.fault(Fault::RefusesUseAndCreates) && !self.exists(name).await {
            self.inner.create(name, &Create::default()).await?;
        }
        let id = self.mailbox_id(created?.mailbox_id().unwrap());
        if self.fault(Fault::NewMailboxesHaveNoAcl) {
            let acl = self.inner.acl(name).await?;
            for (identifier, _) in acl.iter() {
                self.inner.change_acl(name, identifier, AclChange::Delete).await?;
            }
        }
        let new = self.world.new_shadow(name).await?;
        let old = self.world.shadows.lock().get(name).cloned();
        match old {
            Some(old) if self.fault(Fault::DeleteIsSilent) => old.lock().follow(new),
            _ => drop(
                self.world
                    .shadows
                    .lock()
                    .insert(name.clone(), Arc::new(Mutex::new(new))),
            ),
        }
        Ok(Created::default().with_mailbox_id(id))
    }

    async fn metadata(&mut self, mailbox: Option<&MailboxName>) -> Result<Metadata, Error> {
        let all = self.inner.metadata(self.annotated(mailbox)).await?;
        let kept = all
            .iter()
            .filter(|(_, value)| !self.fault(Fault::MetadataForgetsEmpty) || !value.is_empty());
        Ok(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    async fn set_metadata(
        &mut self,
        mailbox: Option<&MailboxName>,
        changes: &[MetadataChange],
    ) -> Result<(), Error> {
        let mailbox = self.annotated(mailbox);
        if self.fault(Fault::MetadataChangesSome) {
            for change in changes {
                self.inner
                    .set_metadata(mailbox, std::slice::from_ref(change))
                    .await?;
            }
            return Ok(());
        }
        self.inner.set_metadata(mailbox, changes).await
    }

    async fn acl(&mut self, mailbox: &MailboxName) -> Result<Acl, Error> {
        let mailbox = self.listed(mailbox).await;
        self.inner.acl(&mailbox).await
    }

    async fn change_acl(
        &mut self,
        mailbox: &MailboxName,
        identifier: &Identifier,
        change: AclChange,
    ) -> Result<(), Error> {
        let mailbox = self.listed(mailbox).await;
        let change = match change {
            AclChange::Replace(rights) if self.fault(Fault::AclReplaceAdds) => AclChange::Add(rights),
            change => change,
        };
        self.inner.change_acl(&mailbox, identifier, change).await
    }

    async fn grantable(
        &mut self,
        mailbox: &MailboxName,
        identifier: &Identifier,
    ) -> Result<Grantable, Error> {
        match self.fault(Fault::GrantsMoreThanItSays) {
            true => Ok(Grantable::each()),
            false => self.inner.grantable(mailbox, identifier).await,
        }
    }

    async fn my_rights(&mut self, mailbox: &MailboxName) -> Result<Rights, Error> {
        let mailbox = self.listed(mailbox).await;
        let rights = self.inner.my_rights(&mailbox).await?;
        Ok(match self.fault(Fault::RightsAreAll) {
            true => Rights::ALL,
            false => rights,
        })
    }

    async fn url_key(&mut self, name: &MailboxName, fresh: Option<&UrlKey>) -> Result<Option<UrlKey>, Error> {
        match self.world.fault() {
            Fault::UrlKeysAreOne => self.inner.url_key(&MailboxName::inbox(), fresh).await,
            Fault::ReplacesUrlKeys if fresh.is_some() => {
                self.inner.forget_url_keys(Some(name)).await?;
                self.inner.url_key(name, fresh).await
            }
            _ => self.inner.url_key(name, fresh).await,
        }
    }

    async fn forget_url_keys(&mut self, mailbox: Option<&MailboxName>) -> Result<(), Error> {
        let inbox = MailboxName::inbox();
        let one = self.fault(Fault::ForgetsOneUrlKey).then_some(&inbox);
        self.inner.forget_url_keys(mailbox.or(one)).await
    }

    async fn quotas(&mut self, mailbox: Option<&MailboxName>) -> Result<Vec<Quota>, Error> {
        let mut quotas = self.inner.quotas(mailbox).await?;
        if self.fault(Fault::QuotaNeverFalls) {
            for quota in &mut quotas {
                let usage = quota.messages().unwrap();
                let before = self.world.most_held.fetch_max(usage.used(), Ordering::Relaxed);
                *quota = quota
                    .clone()
                    .with_messages(Usage::new(usage.used().max(before), usage.limit()));
            }
        }
        Ok(quotas)
    }

    async fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        match self.world.fault() {
            Fault::DeleteDoesNothing => return Ok(()),
            Fault::DeleteTakesInferiors => {
                for below in self.below(name).await {
                    self.inner.delete(&below).await?;
                }
            }
            _ => {}
        }
        self.inner.delete(name).await?;
        if self.fault(Fault::DeleteUnsubscribes) {
            self.inner.unsubscribe(name).await?;
        }
        self.world.publish(name, Origin::EXTERNAL, During::Other).await;
        if !self.fault(Fault::DeleteIsSilent) {
            self.world.shadows.lock().remove(name);
        }
        Ok(())
    }

    async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        match self.world.fault() {
            Fault::RenameOfInboxCreates if from.is_inbox() => {
                return self.create(to, &Create::default()).await.map(drop);
            }
            Fault::RenameCopies if !from.is_inbox() && self.exists(from).await && !self.exists(to).await => {
                self.create(to, &Create::default()).await?;
                let old = self.inner.select(from, &Select::new(Access::ReadOnly)).await?;
                let (mut old, updates) = old.into_parts();
                old.copy(&updates.view().uids().collect(), to).await?;
                self.world.publish(to, Origin::EXTERNAL, During::Copy).await;
                return self.delete(from).await;
            }
            _ => {}
        }
        let below = self.below(from).await;
        self.inner.rename(from, to).await?;
        if from.is_inbox() {
            self.world.publish(from, Origin::EXTERNAL, During::Other).await;
            self.world.publish(to, Origin::EXTERNAL, During::Other).await;
            return Ok(());
        }
        let shadow = self.world.shadows.lock().remove(from);
        if let Some(shadow) = shadow {
            if self.fault(Fault::RenameEndsSelections) {
                shadow.lock().hub.lock().close(Closed::Deleted);
            }
            self.world.shadows.lock().insert(to.clone(), shadow);
        }
        for old in below {
            let rest = &old.as_str()[from.as_str().len()..];
            let new = MailboxName::new(&format!("{to}{rest}")).unwrap();
            if self.fault(Fault::RenameLeavesInferiors) {
                self.inner.rename(&new, &old).await?;
            } else if let Some(shadow) = { self.world.shadows.lock().remove(&old) } {
                self.world.shadows.lock().insert(new, shadow);
            }
        }
        Ok(())
    }

    async fn subscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        if self.fault(Fault::ForgetsSubscriptions) {
            return Ok(());
        }
        self.inner.subscribe(name).await
    }

    async fn unsubscribe(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.inner.unsubscribe(name).await
    }
}
