//! A store of which a test says what it does.

use imap_backend::{
    Abilities, Append, Appended, Backend, Copied, Credentials, Error, ErrorKind, Fetched, FlagChange, Found,
    ListEntry, ListQuery, LoginError, Mailbox, MailboxName, MessageSource, Need, NewKeywords, Opened, Peer,
    PollReason, Query, Select, Session, Stored, UrlKey, search,
};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_server::{Server, Shutdown};
use imap_updates::{Access, MailboxHub, Snapshot};

use super::{Client, connect, local};

/// What a test says of its store. The defaults: there is INBOX alone, its messages are gone when they are fetched, and no command
/// changes anything.
pub(crate) trait Stub: Clone + Send + Sync + 'static {
    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    fn names(&self) -> Vec<MailboxName> {
        vec![MailboxName::inbox()]
    }

    /// What is the mailbox for who opens it.
    fn open(&self, _: &MailboxName, _: Access) -> Result<Self, Error> {
        Ok(self.clone())
    }

    fn url_key(&self) -> UrlKey {
        UrlKey::new([0; UrlKey::OCTETS])
    }

    fn fetch(&self, uids: &[Uid]) -> Result<Fetched, Error> {
        Ok(uids.iter().map(|_| None).collect())
    }

    fn store(&self, _: &UidSet) {}

    fn rename(&self, _: &MailboxName, _: &MailboxName) -> Result<(), Error> {
        Err(ErrorKind::Unsupported.into())
    }

    fn search(
        mailbox: &mut StubStore<Self>,
        query: &Query,
    ) -> impl Future<Output = Result<Found, Error>> + Send {
        search::evaluate(mailbox, query)
    }

    fn new_keywords(&self) -> Option<NewKeywords> {
        None
    }

    fn poll(&self) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }
}

/// Backend, session and mailbox at once: lets everybody in, and has the messages of the hub in every mailbox.
#[derive(Clone)]
pub(crate) struct StubStore<S> {
    pub(crate) hub: MailboxHub<()>,
    pub(crate) stub: S,
}

impl<S: Stub> StubStore<S> {
    pub(crate) fn new(stub: S, uids: impl IntoIterator<Item = u32>) -> Self {
        let messages: Snapshot = uids.into_iter().filter_map(Uid::new).collect();
        let hub = MailboxHub::new((), messages).unwrap();
        Self { hub, stub }
    }

    /// A client of a server of its own.
    pub(crate) async fn client(&self) -> Client {
        let server = Server::builder(self.clone()).build();
        let mut client = connect(&server, local(), &Shutdown::new());
        client.line().await;
        client.ok("LOGIN joe secret").await;
        client
    }

    /// One with INBOX selected.
    pub(crate) async fn selected(&self) -> Client {
        let mut client = self.client().await;
        client.ok("SELECT INBOX").await;
        client
    }
}

impl<S: Stub> Backend for StubStore<S> {
    type Session = Self;

    fn abilities(&self) -> Abilities {
        self.stub.abilities()
    }

    async fn url_owner(&self, _: &str) -> Result<Option<Self>, Error> {
        Ok(Some(self.clone()))
    }

    async fn login(&self, _: &Peer, _: Credentials) -> Result<Self, LoginError> {
        Ok(self.clone())
    }
}

impl<S: Stub> Session for StubStore<S> {
    type Mailbox = Self;

    fn abilities(&self) -> Abilities {
        self.stub.abilities()
    }

    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        Ok(self.stub.names().into_iter().map(ListEntry::mailbox).collect())
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<Self>, Error> {
        let mailbox = Self {
            hub: self.hub.clone(),
            stub: self.stub.open(name, how.access())?,
        };
        let updates = self.hub.subscribe(how.access());
        Ok(Opened::new(mailbox, updates, UidValidity::MIN))
    }

    async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        self.stub.rename(from, to)
    }

    async fn append(
        &mut self,
        _: &MailboxName,
        _: &Append,
        _: impl MessageSource,
    ) -> Result<Appended, Error> {
        Err(ErrorKind::TryCreate.into())
    }

    async fn url_key(&mut self, _: &MailboxName, _: Option<&UrlKey>) -> Result<Option<UrlKey>, Error> {
        Ok(Some(self.stub.url_key()))
    }
}

impl<S: Stub> Mailbox for StubStore<S> {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Fetched, Error> {
        self.stub.fetch(uids)
    }

    async fn store(&mut self, uids: &UidSet, _: &FlagChange) -> Result<Stored, Error> {
        self.stub.store(uids);
        Ok(Stored::default())
    }

    async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Result<Copied, Error> {
        Err(ErrorKind::TryCreate.into())
    }

    async fn expunge(&mut self, _: &UidSet) -> Result<(), Error> {
        Ok(())
    }

    async fn search(&mut self, query: &Query) -> Result<Found, Error> {
        S::search(self, query).await
    }

    fn new_keywords(&self) -> Option<NewKeywords> {
        self.stub.new_keywords()
    }

    async fn poll(&mut self, _: PollReason) -> Result<(), Error> {
        self.stub.poll().await
    }
}
