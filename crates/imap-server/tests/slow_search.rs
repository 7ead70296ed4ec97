//! A SEARCH that reads messages is long work without a pause: it must not hold up the other clients of its thread.

mod common;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{connect, local};
use imap_backend::{
    Append, Appended, Backend, Copied, Credentials, Error, ErrorKind, Fetched, FlagChange, Found, ListEntry,
    ListQuery, LoginError, Mailbox, MailboxName, MessageSource, Need, NewKeywords, Opened, Peer, Query,
    Select, Session, Stored,
};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_server::{Server, Shutdown};
use imap_updates::{MailboxHub, Snapshot};
use tokio::sync::Notify;

/// A store whose search goes on, without ever giving way, until somebody lets it end.
#[derive(Clone)]
struct Endless {
    begun: Arc<Notify>,
    end: Arc<Mutex<Receiver<()>>>,
    hub: MailboxHub<()>,
}

impl Backend for Endless {
    type Session = Self;

    async fn login(&self, _: &Peer, _: Credentials) -> Result<Self, LoginError> {
        Ok(self.clone())
    }
}

impl Session for Endless {
    type Mailbox = Self;

    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        Ok(vec![ListEntry::mailbox(MailboxName::inbox())])
    }

    async fn select(&mut self, _: &MailboxName, how: &Select) -> Result<Opened<Self>, Error> {
        let updates = self.hub.subscribe(how.access());
        Ok(Opened::new(self.clone(), updates, UidValidity::MIN)
            .with_uid_next(Some(Uid::MIN))
            .with_new_keywords(NewKeywords::Refused))
    }

    async fn append(
        &mut self,
        _: &MailboxName,
        _: &Append,
        _: impl MessageSource,
    ) -> Result<Appended, Error> {
        Err(ErrorKind::Unsupported.into())
    }
}

impl Mailbox for Endless {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Fetched, Error> {
        Ok(uids.iter().map(|_| None).collect())
    }

    async fn store(&mut self, _: &UidSet, _: &FlagChange) -> Result<Stored, Error> {
        Ok(Stored::default())
    }

    async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Result<Copied, Error> {
        Err(ErrorKind::TryCreate.into())
    }

    async fn expunge(&mut self, _: &UidSet) -> Result<(), Error> {
        Ok(())
    }

    async fn search(&mut self, _: &Query) -> Result<Found, Error> {
        self.begun.notify_one();
        let end = self.end.lock().map_err(|_| ErrorKind::ServerBug)?;
        match end.recv_timeout(Duration::from_secs(20)) {
            Err(RecvTimeoutError::Timeout) => Err(ErrorKind::ServerBug.into()),
            _ => Ok(Found::default()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_other_clients_of_the_only_thread_are_served_during_a_search_in_text() {
    let (done, end) = channel();
    let hub = MailboxHub::new((), Snapshot::empty());
    let Ok(hub) = hub else {
        unreachable!("no UIDs are in order")
    };
    let end = Arc::new(Mutex::new(end));
    let begun = Arc::new(Notify::new());
    let store = Endless {
        begun: Arc::clone(&begun),
        end,
        hub,
    };
    let server = Server::builder(store).build();
    let shutdown = Shutdown::new();
    let mut searching = connect(&server, local(), &shutdown);
    let mut other = connect(&server, local(), &shutdown);
    for client in [&mut searching, &mut other] {
        client.line().await;
        client.ok("LOGIN joe x").await;
        client.ok("SELECT INBOX").await;
    }
    searching.send("a SEARCH TEXT x\r\n").await;
    begun.notified().await;
    for _ in 0..3 {
        other.ok("NOOP").await;
    }
    // Had the search held the thread, it would have given up by now, and nobody would listen.
    assert!(done.send(()).is_ok());
    assert_eq!(searching.line().await, "* SEARCH");
    assert_eq!(searching.line().await, "a OK SEARCH completed");
}
