//! What a case works with: a fresh backend, logged-in users, and what they do.

use crate::mail::Mail;
use crate::outside::{AnyOutside, Outside};
use crate::read::Message;
use crate::selected::Selected;
use crate::verdict::{Answer, Stop, Verdict};
use imap_backend::{
    Abilities, Ability, Appended, Backend, Create, Credentials, ErrorKind, ListEntry, ListQuery, ListedAs,
    LoginError, Mailbox, MailboxName, Need, Peer, Select, Selection, Session, Status, StatusQuery,
    Subscription, Transport,
};
use imap_seq::UidValidity;
use imap_updates::Access;
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// A backend to test, and a user of it who has no mail.
///
/// With no more than that, the kit sees what the backend's own sessions do. What else there is to a store is given to it
/// piece by piece: other programs, a second process, a restart. What is not given is skipped, and the report says so.
pub struct Subject<B> {
    backend: B,
    user: String,
    password: String,
    outside: Option<Box<dyn AnyOutside>>,
    second: Option<B>,
    reopen: Option<Box<dyn Reopen<B>>>,
    keep: Vec<Box<dyn Any>>,
    limit: Option<Box<dyn Fn(u64, u64)>>,
    time_limit: Duration,
}

impl<B> Subject<B> {
    /// A backend with a user that can log in, whose INBOX is empty and who has no mailbox whose name begins with
    /// `kit`.
    pub fn new(backend: B, user: &str, password: &str) -> Self {
        Self {
            backend,
            user: user.into(),
            password: password.into(),
            outside: None,
            second: None,
            reopen: None,
            keep: Vec::new(),
            limit: None,
            time_limit: Duration::from_secs(300),
        }
    }

    /// With another time limit for each case and each random run than five minutes. Whoever is under way for longer has failed:
    /// a call waits, and nothing wakes it.
    ///
    /// A backend that blocks its thread cannot be ended: then standard error names the case.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// With a way to set the user's quota from now on: so many messages, and so many octets, a multiple of 1,024. Without it
    /// the cases of quotas are skipped.
    #[must_use]
    pub fn with_limits(mut self, limit: impl Fn(u64, u64) + 'static) -> Self {
        self.limit = Some(Box::new(limit));
        self
    }

    /// Keeps something as long as the case runs: a temporary directory, a database.
    #[must_use]
    pub fn keeping(mut self, thing: impl Any) -> Self {
        self.keep.push(Box::new(thing));
        self
    }

    /// With another program that changes the store: for the cases of the area `outside`.
    #[must_use]
    pub fn with_outside(mut self, outside: impl Outside + 'static) -> Self {
        self.outside = Some(Box::new(outside));
        self
    }

    /// With a second value of the backend on the same store, that shares nothing else with the first: a second process. For
    /// the cases of the area `second_process`.
    ///
    /// What one does, the other has to notice at NOOP, without [`Outside::settle`] (which is called nevertheless).
    #[must_use]
    pub fn with_second(mut self, backend: B) -> Self {
        self.second = Some(backend);
        self
    }

    /// With a way to open the store again after the backend was dropped: a restart. For the cases of the area `restart`.
    #[must_use]
    pub fn with_reopen(mut self, reopen: impl AsyncFn() -> B + 'static) -> Self
    where
        B: 'static,
    {
        self.reopen = Some(Box::new(reopen));
        self
    }
}

/// Opens the store of a backend once more.
trait Reopen<B> {
    fn reopen<'a>(&'a self) -> Pin<Box<dyn Future<Output = B> + 'a>>;
}

impl<B, F: AsyncFn() -> B> Reopen<B> for F {
    fn reopen<'a>(&'a self) -> Pin<Box<dyn Future<Output = B> + 'a>> {
        Box::pin(self())
    }
}

impl<B: fmt::Debug> fmt::Debug for Subject<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("backend", &self.backend)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Where a case plays.
pub struct Stage<B> {
    /// The backend under test; none while it is opened again.
    backend: RefCell<Option<Rc<B>>>,
    second: Option<B>,
    outside: Option<Box<dyn AnyOutside>>,
    reopen: Option<Box<dyn Reopen<B>>>,
    limit: Option<Box<dyn Fn(u64, u64)>>,
    time_limit: Duration,
    user: String,
    password: String,
    /// Last, so that it goes when the backends have gone.
    _keep: Vec<Box<dyn Any>>,
}

impl<B> fmt::Debug for Stage<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl<B: Backend> Stage<B> {
    /// A stage for this backend; cases leave their traces, so one for each case.
    pub fn new(subject: Subject<B>) -> Self {
        Self {
            backend: RefCell::new(Some(Rc::new(subject.backend))),
            second: subject.second,
            outside: subject.outside,
            reopen: subject.reopen,
            limit: subject.limit,
            time_limit: subject.time_limit,
            user: subject.user,
            password: subject.password,
            _keep: subject.keep,
        }
    }

    /// Another connection of the user.
    ///
    /// # Errors
    /// The login was refused.
    pub async fn login(&self) -> Result<User<B::Session>, Stop> {
        let backend = self.backend()?;
        self.user_of(&backend).await
    }

    /// A connection of the user to the second process.
    pub(crate) async fn login_to_the_second(&self) -> Result<User<B::Session>, Stop> {
        let second = self.second.as_ref();
        self.user_of(second.ok_or_else(|| Stop::skipped("second process on its store"))?)
            .await
    }

    async fn user_of(&self, backend: &B) -> Result<User<B::Session>, Stop> {
        let session = log_in(backend, &self.user, &self.password).await;
        let session =
            session.map_err(|error| Stop::failed("the subject's user to log in", error.to_string()))?;
        Ok(User { session })
    }

    pub(crate) async fn login_as(
        &self,
        user: &str,
        password: &str,
    ) -> Result<Result<B::Session, LoginError>, Stop> {
        let backend = self.backend()?;
        Ok(log_in(&*backend, user, password).await)
    }

    fn backend(&self) -> Result<Rc<B>, Stop> {
        let backend = self.backend.borrow().clone();
        backend.ok_or_else(|| Stop::failed("a backend", "it was not opened again"))
    }

    /// Drops the backend and opens its store again. No session may be left.
    pub(crate) async fn restart(&self) -> Verdict {
        let reopen = self.reopens()?;
        drop(self.backend.take());
        let backend = reopen.reopen().await;
        self.backend.replace(Some(Rc::new(backend)));
        Ok(())
    }

    /// Skips the case where the store cannot be opened again.
    pub(crate) fn needs_restart(&self) -> Verdict {
        self.reopens().map(drop)
    }

    fn reopens(&self) -> Result<&dyn Reopen<B>, Stop> {
        let reopen = self.reopen.as_deref();
        reopen.ok_or_else(|| Stop::skipped("store that is opened again"))
    }

    /// The other programs.
    pub(crate) fn outside(&self) -> Result<&dyn AnyOutside, Stop> {
        let outside = self.outside.as_deref();
        outside.ok_or_else(|| Stop::skipped("other program on its store"))
    }

    /// Waits until what others did can have been noticed.
    pub(crate) async fn settle(&self) {
        if let Some(outside) = &self.outside {
            outside.settle().await;
        }
    }

    /// What the backend says that it can do, before anybody has logged in.
    pub(crate) fn abilities(&self) -> Result<Abilities, Stop> {
        Ok(self.backend()?.abilities())
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// Sets the user's quota; skips the case where the subject has no way to.
    pub(crate) fn limit(&self, messages: u64, octets: u64) -> Result<(), Stop> {
        let limit = self.limit.as_ref();
        let limit = limit.ok_or_else(|| Stop::skipped("quotas that the kit can set"))?;
        limit(messages, octets);
        Ok(())
    }

    /// A session of this user, as for a URL of his.
    pub(crate) async fn url_owner(&self, user: &str) -> Result<Option<B::Session>, Stop> {
        let backend = self.backend()?;
        let owner = backend.url_owner(user).await;
        owner.must(&format!("look for the owner {user:?} of a URL"))
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

async fn log_in<B: Backend>(backend: &B, user: &str, password: &str) -> Result<B::Session, LoginError> {
    let peer = Peer::new(None, Transport::Plain);
    let credentials = Credentials::new(user.to_owned(), password.to_owned());
    backend.login(&peer, credentials).await
}

/// A name for the kit's own mailboxes.
pub(crate) fn name(text: &str) -> Result<MailboxName, Stop> {
    MailboxName::new(text).ok_or_else(|| Stop::failed("a possible mailbox name", text))
}

/// A logged-in connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct User<S> {
    /// The session of the backend.
    pub session: S,
}

impl<S: Session> User<S> {
    /// SELECT or EXAMINE; learns the UIDs and flags of all messages, as a client does.
    ///
    /// # Errors
    /// The mailbox does not open, or contradicts itself.
    pub async fn select(
        &mut self,
        mailbox: &MailboxName,
        access: Access,
    ) -> Result<Selected<S::Mailbox>, Stop> {
        let opened = self
            .session
            .select(mailbox, &Select::new(access))
            .await
            .must(&format!("select of {mailbox}"))?;
        Selected::open(opened).await
    }

    /// APPEND.
    ///
    /// # Errors
    /// The message was not taken.
    pub async fn append(&mut self, mailbox: &MailboxName, mail: Mail) -> Result<Appended, Stop> {
        self.session
            .append(mailbox, &mail.append(), mail.source())
            .await
            .must(&format!("append to {mailbox}"))
    }

    /// STATUS, of every figure that the backend has.
    ///
    /// # Errors
    /// The mailbox cannot be read.
    pub async fn status(&mut self, mailbox: &MailboxName) -> Result<Status, Stop> {
        let query = match self.session.abilities().has(Ability::ModSequences) {
            true => StatusQuery::ALL.and(StatusQuery::HIGHEST_MODSEQ),
            false => StatusQuery::ALL,
        };
        self.session
            .status(mailbox, query)
            .await
            .must(&format!("status of {mailbox}"))
    }

    /// LIST of every mailbox.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&mut self) -> Result<Vec<ListEntry>, Stop> {
        self.session.list(&ListQuery::default()).await.must("list")
    }

    /// The names that are subscribed, whether or not there are such mailboxes.
    pub(crate) async fn subscriptions(&mut self) -> Result<Vec<ListEntry>, Stop> {
        let query = ListQuery::new(Selection::Subscribed);
        let mut entries = self.session.list(&query).await.must("list of subscriptions")?;
        entries.retain(|entry| entry.subscription() == Subscription::Subscribed);
        Ok(entries)
    }

    /// Skips the case where the backend says that it does not have this.
    pub(crate) fn needs(&self, ability: Ability, text: &str) -> Result<(), Stop> {
        match self.session.abilities().has(ability) {
            true => Ok(()),
            false => Err(Stop::skipped(text)),
        }
    }

    pub(crate) async fn has(&mut self, mailbox: &MailboxName) -> Result<bool, Stop> {
        Ok(self.list().await?.iter().any(|entry| entry.name() == mailbox))
    }

    /// Everything in a mailbox as a new session sees it, and its UIDVALIDITY; takes no `\Recent` away.
    pub(crate) async fn look(&mut self, mailbox: &MailboxName) -> Result<(Vec<Message>, UidValidity), Stop> {
        let mut selected = self.select(mailbox, Access::ReadOnly).await?;
        let uids = selected.model.uids();
        let need = Need::BODY.and(Need::SIZE).and(Need::INTERNAL_DATE);
        let mut messages = Vec::with_capacity(uids.len());
        for record in selected.fetch(&uids, need).await?.iter().flatten() {
            messages.push(Message::read(record).await?);
        }
        let validity = selected.figures.uid_validity;
        selected.mailbox.close().await.must("close")?;
        Ok((messages, validity))
    }

    /// A mailbox of its own for the case; skips the case where there can be none.
    pub(crate) async fn create(&mut self, text: &str) -> Result<MailboxName, Stop> {
        let mailbox = name(text)?;
        self.session
            .create(&mailbox, &Create::default())
            .await
            .optional("CREATE")?;
        Ok(mailbox)
    }

    /// A mailbox that is not INBOX, made or found; skips the case where there is none.
    pub(crate) async fn second_mailbox(&mut self) -> Result<MailboxName, Stop> {
        let mailbox = name("kit second")?;
        match self.session.create(&mailbox, &Create::default()).await {
            Ok(_) => Ok(mailbox),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let selectable =
                    |entry: &ListEntry| entry.listed_as() == ListedAs::Mailbox && !entry.name().is_inbox();
                let found = self.list().await?.into_iter().find(selectable);
                let found = found.ok_or_else(|| Stop::skipped("a second mailbox"))?;
                Ok(found.name().clone())
            }
            Err(error) => Err(error).must("create of a second mailbox"),
        }
    }
}
