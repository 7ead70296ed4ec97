//! The backend: one user, whose mailboxes are those of the store. UIDs and flags are the poller's; sizes, dates and octets
//! are asked of the store when a client wants them.

use super::rest::{Details, Rest, escaped, flags_of, unavailable};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use imap_backend::*;
use imap_poller::{Absence, IdPoller, Journal, Pace, Pages, Reason, Told, UidMap};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{Flag, Flags, Hub, Origin, Recency};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OnceCell;

/// The backend, and a session of it.
#[derive(Clone)]
pub(crate) struct Account {
    rest: Rest,
    journals: Arc<PathBuf>,
    pace: Pace,
    open: Arc<Mutex<HashMap<MailboxName, Arc<OnceCell<Open>>>>>,
}

impl Account {
    /// Keeps its journals, one for each mailbox, in a directory that is there.
    pub(crate) fn new(rest: Rest, journals: PathBuf, pace: Pace) -> Self {
        Self { rest, journals: Arc::new(journals), pace, open: Arc::default() }
    }

    /// A mailbox, which is listed when it is opened first; nobody waits for that who wants another one. One whose journal has failed
    /// is closed, and opened again.
    async fn open(&self, name: &MailboxName, missing: ErrorKind) -> Result<Open, Error> {
        self.open.lock().retain(|_, cell| cell.get().is_none_or(|open| open.ids.closed().is_none()));
        let known = self.open.lock().get(name).cloned();
        let cell = match known {
            Some(cell) => cell,
            None if self.rest.names().await?.iter().any(|there| there == name.as_str()) => {
                self.open.lock().entry(name.clone()).or_default().clone()
            }
            None => return Err(missing.into()),
        };
        cell.get_or_try_init(|| Open::new(self.clone(), name)).await.cloned()
    }
}

impl Backend for Account {
    type Session = Self;
    async fn login(&self, _: &Peer, who: Credentials) -> Result<Self, LoginError> {
        let known = who.user() == "demo" && who.password() == Some("demo");
        known.then(|| self.clone()).ok_or(LoginError::Refused)
    }
}

impl Session for Account {
    type Mailbox = Selected;
    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        let names = self.rest.names().await?.into_iter().filter_map(|name| MailboxName::new(&name));
        Ok(names.map(ListEntry::mailbox).collect())
    }

    /// A mailbox that is open is listed at the pace of IDLE, for STATUS too, which comes here: what was new before comes with the
    /// client's NOOP.
    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<Selected>, Error> {
        let open = self.open(name, ErrorKind::NonExistent).await?;
        open.look(Reason::Idle).await?;
        let (selection, uid_validity) = (open.ids.poller().select(how.access()), open.ids.uid_validity());
        let selected = Selected { account: self.clone(), open, origin: selection.updates.origin() };
        Ok(Opened::new(selected, selection.updates, uid_validity).with_uid_next(selection.uid_next))
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        how: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let open = self.open(name, ErrorKind::TryCreate).await?;
        let octets = message.read_all().await?;
        (!octets.contains(&0)).then_some(()).ok_or(ErrorKind::UnknownEncoding)?;
        let octets = imap_message::to_crlf(&octets).into_owned();
        let date = how.internal_date().unwrap_or_else(|| Utc::now().into());
        let id = self.rest.create(name.as_str(), how.flags(), date, octets).await?;
        Ok(Appended::new(open.ids.uid_validity(), open.appended(id, how.flags().clone()).await?))
    }
}

/// A mailbox that is open, for all sessions: the poller with its UIDs, and how the store is listed.
#[derive(Clone)]
struct Open {
    rest: Rest,
    name: MailboxName,
    ids: IdPoller<Journal>,
    started: Instant,
}

impl Open {
    async fn new(Account { rest, journals, pace, .. }: Account, name: &MailboxName) -> Result<Self, Error> {
        let (started, journal) = (Instant::now(), journals.join(escaped(name.as_str()) + ".uids"));
        let now = u32::try_from(Utc::now().timestamp()).ok().and_then(UidValidity::new);
        let map = blocking(move || UidMap::open(journal, now.unwrap_or(UidValidity::MIN))).await?;
        // A listing may lack a message that is there, but no two in a row lack the same.
        let absence = Absence::InListings(std::num::NonZeroU32::MIN.saturating_add(1));
        let mut pages = list(&rest, name, Pages::first(map, absence)).await?;
        while pages.again(started.elapsed()) {
            pages = list(&rest, name, pages).await?;
        }
        let ids = blocking(move || IdPoller::open(pages, pace, started.elapsed())).await?;
        Ok(Self { rest, name: name.clone(), ids, started })
    }

    async fn look(&self, reason: Reason) -> Result<(), Error> {
        let clock = || self.started.elapsed();
        let look = async || {
            let (pages, now) = (list(&self.rest, &self.name, self.ids.pages()).await?, clock());
            blocking(move || pages.finish(now)).await
        };
        // Too early, by the pace: what there is comes with a later listing.
        self.ids.poller().look(reason, clock, look).await.map(|_told| ())
    }

    /// Tells the sessions of a message that is in the store now, and looks if others have to be told before.
    async fn appended(&self, id: String, flags: Flags) -> Result<Uid, Error> {
        let ids = self.ids.clone();
        let (uid, told) = blocking(move || ids.appended(&id, flags, Recency::Recent)).await?;
        if told != Told::Now {
            self.look(Reason::Asked).await?;
        }
        Ok(uid)
    }
}

/// Lists the store, page by page.
async fn list(rest: &Rest, name: &MailboxName, mut pages: Pages<Journal>) -> Result<Pages<Journal>, Error> {
    let mut next = Some(String::new());
    while let Some(after) = next {
        let page = rest.page(name.as_str(), after).await?;
        next = page.next;
        let rows = move || pages.with_page(page.messages.iter().map(|row| (&*row.id, flags_of(&row.flags))));
        pages = blocking(rows).await?;
    }
    Ok(pages)
}

/// What waits for the journal has a thread that may block.
async fn blocking<T: Send + 'static, E: std::error::Error + Send + Sync + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(unavailable)?.map_err(unavailable)
}

/// A selected mailbox of one session.
pub(crate) struct Selected {
    account: Account,
    open: Open,
    origin: Origin,
}

impl Selected {
    fn record(&self, uid: Uid, details: Option<&HashMap<String, Details>>) -> Option<Record> {
        let record = Record::new(uid, self.open.ids.poller().flags(uid)?);
        let Some(details) = details else { return Some(record) };
        let Details { id, size, date } = details.get(&self.open.ids.id(uid)?)?;
        let content = Content(self.open.rest.clone(), self.open.name.clone(), id.clone(), *size);
        let record = record.with_size(*size).with_body(Body::new(content));
        Some(record.with_internal_date(DateTime::parse_from_rfc3339(date).unwrap_or_default()))
    }
}

impl Mailbox for Selected {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Fetched, Error> {
        let ids: Vec<_> = uids.iter().filter_map(|uid| self.open.ids.id(*uid)).collect();
        let details = self.open.rest.details(self.open.name.as_str(), &ids);
        let details = if need == Need::FLAGS { None } else { Some(details.await?) };
        Ok(uids.iter().map(|uid| self.record(*uid, details.as_ref())).collect())
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        for uid in uids.iter() {
            let Some(id) = self.open.ids.id(uid) else { continue };
            if let Some(flags) = self.open.rest.change(self.open.name.as_str(), &id, change).await? {
                let _told = self.open.ids.poller().stored(uid, flags, self.origin);
            }
        }
        Ok(Stored::default())
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        let there = self.account.open(target, ErrorKind::TryCreate).await?;
        let ids: Option<Vec<_>> = uids.iter().map(|uid| self.open.ids.id(uid)).collect();
        let ids = ids.ok_or(ErrorKind::ExpungeIssued)?;
        let copies = self.open.rest.copy(self.open.name.as_str(), &ids, target.as_str()).await?;
        let mut pairs = vec![];
        for (uid, id) in uids.iter().zip(copies) {
            let flags = self.open.ids.poller().flags(uid).unwrap_or_default();
            pairs.push((uid, there.appended(id, flags).await?));
        }
        Ok(Copied::new(there.ids.uid_validity(), pairs))
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        let (open, mut gone, mut failed) = (self.open.clone(), UidSet::new(), Ok(()));
        for uid in uids.iter() {
            let flags = open.ids.poller().flags(uid).unwrap_or_default();
            let Some(id) = open.ids.id(uid).filter(|_| flags.contains(&Flag::Deleted)) else { continue };
            failed = open.rest.delete(open.name.as_str(), &id).await;
            if failed.is_err() {
                break;
            }
            gone.insert(uid);
        }
        let _told = blocking(move || open.ids.expunged(&gone)).await?; // what went before a failure, too
        failed
    }

    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        match reason {
            PollReason::Asked => self.open.look(Reason::Asked).await,
            PollReason::Idling => self.open.look(Reason::Idle).await,
            _ => Ok(()),
        }
    }
}

/// The octets of a message, asked for a piece at a time.
struct Content(Rest, MailboxName, String, u64);

impl ReadBody for Content {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.3)
    }
    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        self.0.read(self.1.as_str(), &self.2, offset, at_most).await
    }
}
