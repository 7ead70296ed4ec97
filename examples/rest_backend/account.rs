//! `Backend` and `Session`: one user, and a poller for each mailbox that was opened.

use super::mailbox::{Selected, list};
use super::rest::{Rest, send, texts, unavailable};
use chrono::Utc;
use imap_backend::*;
use imap_poller::{Absence, IdPoller, Journal, Pace, Pages, Reason, Told, UidMap};
use imap_seq::{Uid, UidValidity};
use imap_updates::{Flags, Recency};
use parking_lot::Mutex;
use reqwest::Method;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// The backend, and a session of it.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) rest: Rest,
    journals: Arc<PathBuf>,
    mailboxes: Arc<Mutex<HashMap<MailboxName, Arc<OnceCell<IdPoller<Journal>>>>>>,
    started: Instant,
}

impl Account {
    /// Keeps its journals, one for each mailbox, in a directory that is there.
    pub(crate) fn new(rest: Rest, journals: PathBuf) -> Self {
        Self { rest, journals: Arc::new(journals), mailboxes: Arc::default(), started: Instant::now() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn names(&self) -> Result<Vec<MailboxName>, Error> {
        let answer = send(self.rest.request(Method::GET, "/mailboxes")).await?;
        let names: Vec<String> = answer.json().await.map_err(unavailable)?;
        Ok(names.iter().filter_map(|name| MailboxName::new(name)).collect())
    }

    /// The mailbox, which is listed when it is opened first; others do not wait for that.
    pub(crate) async fn mailbox(
        &self,
        name: &MailboxName,
        missing: ErrorKind,
    ) -> Result<IdPoller<Journal>, Error> {
        let cell = self.mailboxes.lock().get(name).cloned();
        let cell = match cell {
            Some(cell) => cell,
            None if self.names().await?.contains(name) => {
                Arc::clone(self.mailboxes.lock().entry(name.clone()).or_default())
            }
            None => return Err(missing.into()),
        };
        cell.get_or_try_init(|| self.open(name)).await.cloned()
    }

    async fn open(&self, name: &MailboxName) -> Result<IdPoller<Journal>, Error> {
        let journal = self.journals.join(format!("{name}.uids"));
        let now = u32::try_from(Utc::now().timestamp()).ok().and_then(UidValidity::new);
        let now = now.ok_or(ErrorKind::ServerBug)?;
        let map = blocking(move || UidMap::open(journal, now)).await?;
        // The store's listings may lack a message that is there, but not twice in a row.
        let twice = NonZeroU32::MIN.saturating_add(1);
        let mut pages = Pages::first(map, Absence::InListings(twice));
        loop {
            pages = list(&self.rest, name, pages).await?;
            if !pages.again(self.now()) {
                break;
            }
        }
        let now = self.now();
        blocking(move || IdPoller::open(pages, Pace::default(), now)).await
    }

    /// Tells the sessions of a message that is in the store now, and looks if others have to be told before.
    pub(crate) async fn appended(
        &self,
        name: &MailboxName,
        mailbox: &IdPoller<Journal>,
        id: String,
        flags: Flags,
    ) -> Result<Uid, Error> {
        let here = mailbox.clone();
        let (uid, told) = blocking(move || here.appended(&id, flags, Recency::Recent)).await?;
        if matches!(told, Told::NotBefore(_)) {
            self.look(name, mailbox, Reason::Asked).await?;
        }
        Ok(uid)
    }

    pub(crate) async fn look(
        &self,
        name: &MailboxName,
        mailbox: &IdPoller<Journal>,
        reason: Reason,
    ) -> Result<(), Error> {
        let look = async || {
            let pages = list(&self.rest, name, mailbox.pages()).await?;
            let now = self.now();
            blocking(move || pages.finish(now)).await
        };
        // Too early, by the pace: what there is comes with a later listing.
        let _told = mailbox.poller().look(reason, || self.now(), look).await?;
        Ok(())
    }
}

/// What waits for the journal has a thread that may block.
pub(crate) async fn blocking<T: Send + 'static, E: std::error::Error + Send + Sync + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(unavailable)?.map_err(unavailable)
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
        Ok(self.names().await?.into_iter().map(ListEntry::mailbox).collect())
    }

    /// Does not list a mailbox that is open: what is new comes with the client's NOOP or IDLE.
    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<Selected>, Error> {
        let mailbox = self.mailbox(name, ErrorKind::NonExistent).await?;
        let selection = mailbox.poller().select(how.access());
        let (uid_validity, origin) = (mailbox.uid_validity(), selection.updates.origin());
        let selected = Selected { account: self.clone(), name: name.clone(), mailbox, origin };
        Ok(Opened::new(selected, selection.updates, uid_validity).with_uid_next(selection.uid_next))
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        how: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let mailbox = self.mailbox(name, ErrorKind::TryCreate).await?;
        let octets = message.read_all().await?;
        if octets.contains(&0) {
            return Err(ErrorKind::UnknownEncoding.into());
        }
        let date = how.internal_date().unwrap_or_else(|| Utc::now().into()).to_rfc3339();
        let new = self.rest.request(Method::POST, &format!("/mailboxes/{name}/messages"));
        let new = new.query(&[("flags", texts(how.flags()).join(" ")), ("date", date)]);
        let answer = send(new.body(imap_message::to_crlf(&octets).into_owned())).await?;
        let id = answer.json().await.map_err(unavailable)?;
        let uid = self.appended(name, &mailbox, id, how.flags().clone()).await?;
        Ok(Appended::new(mailbox.uid_validity(), uid))
    }
}
