//! A SEARCH that reads messages is long work without a pause: it must not hold up the other clients of its thread.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imap_backend::{Error, ErrorKind, Found, Query};
use imap_server::Server;
use tokio::sync::Notify;

use crate::common::selected;
use crate::common::stub::{Stub, StubStore};

/// A mailbox whose search goes on, without ever giving way, until somebody lets it end.
#[derive(Clone)]
struct Endless {
    begun: Arc<Notify>,
    end: Arc<Mutex<Receiver<()>>>,
}

impl Stub for Endless {
    async fn search(mailbox: &mut StubStore<Self>, _: &Query) -> Result<Found, Error> {
        let endless = &mailbox.stub;
        endless.begun.notify_one();
        let end = endless.end.lock().map_err(|_| ErrorKind::ServerBug)?;
        match end.recv_timeout(Duration::from_secs(20)) {
            Err(RecvTimeoutError::Timeout) => Err(ErrorKind::ServerBug.into()),
            _ => Ok(Found::default()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_other_clients_of_the_only_thread_are_served_during_a_search_in_text() {
    let (done, end) = channel();
    let end = Arc::new(Mutex::new(end));
    let begun = Arc::new(Notify::new());
    let endless = Endless {
        begun: Arc::clone(&begun),
        end,
    };
    let server = Server::builder(StubStore::new(endless, [])).build();
    let (mut searching, mut other) = (selected(&server).await, selected(&server).await);
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
