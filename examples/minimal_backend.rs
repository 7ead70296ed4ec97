//! The smallest complete backend: two mailboxes in memory, served on a port.
//!
//! `cargo run -p imap-backendutil-examples --example minimal_backend [ADDRESS:PORT]`, user and password `demo`.
//! It prints the following line and serves until it is interrupted:
//! ```text
//! listening on 127.0.0.1:1143
//! ```
//! It passes the conformance kit (`tests/minimal_backend.rs`); what it does not have, CREATE, is skipped there.

use chrono::Utc;
use imap_backend::*;
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{Echo, Flag, HubGuard, Ingest, MailboxHub, Origin, Recency, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a mailbox is. It lives inside its hub, whose lock guards it together with the history that sessions read.
struct Messages {
    by_uid: BTreeMap<Uid, Record>,
    uid_next: Option<Uid>,
}

/// The backend, and a session of it: one user, whose mailboxes all connections share.
#[derive(Clone)]
pub(crate) struct Account {
    hubs: Arc<BTreeMap<MailboxName, MailboxHub<Messages>>>,
    uid_validity: UidValidity,
}

impl Account {
    pub(crate) fn new() -> Self {
        let names = [MailboxName::inbox(), MailboxName::new("Archive").expect("a name")];
        let empty = || Messages { by_uid: BTreeMap::new(), uid_next: Some(Uid::MIN) };
        let hub = || MailboxHub::new(empty(), Snapshot::empty()).expect("no UIDs are in order");
        // UIDs start again with the process, so UIDVALIDITY has to be another one.
        let started = u32::try_from(Utc::now().timestamp()).ok().and_then(UidValidity::new);
        let hubs = Arc::new(names.map(|name| (name, hub())).into());
        Self { hubs, uid_validity: started.expect("a clock of this century") }
    }
    fn hub(&self, name: &MailboxName, missing: ErrorKind) -> Result<MailboxHub<Messages>, Error> {
        self.hubs.get(name).cloned().ok_or(missing.into())
    }
}

/// Stores a message and tells every session, under one lock. UIDs ascend and are never used twice.
fn add(mailbox: &mut HubGuard<'_, Messages>, message: Record) -> Result<Uid, Error> {
    let uid = mailbox.uid_next.ok_or(ErrorKind::Limit)?;
    mailbox.uid_next = uid.next();
    mailbox.keywords_changed(message.flags().keywords().to_vec());
    mailbox.by_uid.insert(uid, message.with_uid(uid));
    let told = mailbox.arrive(uid, Recency::Recent) == Ingest::Applied;
    told.then_some(uid).ok_or(ErrorKind::ServerBug.into())
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
        Ok(self.hubs.keys().cloned().map(ListEntry::mailbox).collect())
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<Selected>, Error> {
        let hub = self.hub(name, ErrorKind::NonExistent)?;
        let (updates, uid_next) = hub.subscribe_with(how.access(), |messages, _| messages.uid_next);
        let mailbox = Selected { account: self.clone(), hub, origin: updates.origin() };
        Ok(Opened::new(mailbox, updates, self.uid_validity).with_uid_next(uid_next))
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        append: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let hub = self.hub(name, ErrorKind::TryCreate)?;
        let octets = message.read_all().await?;
        if octets.contains(&0) {
            return Err(ErrorKind::UnknownEncoding.into());
        }
        let octets = imap_message::to_crlf(&octets).into_owned();
        // `add` gives it a UID.
        let message = Record::new(Uid::MIN, append.flags().clone())
            .with_internal_date(append.internal_date().unwrap_or_else(|| Utc::now().into()))
            .with_size(octets.len() as u64)
            .with_body(octets);
        Ok(Appended::new(self.uid_validity, add(&mut hub.lock(), message)?))
    }
}

/// A selected mailbox of one session.
pub(crate) struct Selected {
    account: Account,
    hub: MailboxHub<Messages>,
    origin: Origin,
}

impl Mailbox for Selected {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Fetched, Error> {
        let mailbox = self.hub.lock();
        Ok(uids.iter().map(|uid| mailbox.by_uid.get(uid).cloned()).collect())
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        let mut mailbox = self.hub.lock();
        for uid in uids.iter() {
            let Some(message) = mailbox.by_uid.get_mut(&uid) else { continue };
            let flags = change.apply(message.flags());
            *message.flags_mut() = flags.clone();
            let _ = mailbox.flags_changed(uid, flags, self.origin, Echo::Silent);
        }
        Ok(Stored::default())
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        let target = self.account.hub(target, ErrorKind::TryCreate)?;
        let originals = self.fetch(&uids.iter().collect::<Vec<_>>(), Need::BODY).await?;
        let originals = originals.into_iter().collect::<Option<Vec<_>>>().ok_or(ErrorKind::ExpungeIssued)?;
        let mut target = target.lock(); // one lock at a time: the other one is released
        let pairs = originals.into_iter().map(|message| Ok((message.uid(), add(&mut target, message)?)));
        Ok(Copied::new(self.account.uid_validity, pairs.collect::<Result<Vec<_>, Error>>()?))
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        let mut mailbox = self.hub.lock();
        let deleted = |uid: &Uid| mailbox.by_uid.get(uid).is_some_and(|m| m.flags().contains(&Flag::Deleted));
        let gone: UidSet = uids.iter().filter(deleted).collect();
        mailbox.by_uid.retain(|uid, _| !gone.contains(*uid));
        mailbox.expunge(&gone);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:1143".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    imap_server::Server::builder(Account::new()).build().serve(listener, imap_server::Shutdown::new()).await
}
