//! Hints of changes in a file: SQLite sends none, so somebody has to look.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::engine::{Hint, Hints};

/// How often to look. It costs a read of some octets.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks, on a thread of its own, until this is dropped: then its connection is closed.
#[derive(Debug)]
pub(super) struct Watcher {
    /// Dropped, it ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(super) fn begin(connection: Connection, hints: Hints) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("imap-sql-watch".to_owned());
        let thread = thread.spawn(move || {
            let mut before = version(&connection);
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let now = version(&connection);
                if now != before {
                    hints(Hint::Anywhere);
                }
                before = now;
            }
        })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        // It is about to end: it waits for nothing else.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A number that is another one after each commit of somebody else, and this connection commits nothing.
fn version(connection: &Connection) -> Option<i64> {
    connection
        .pragma_query_value(None, "data_version", |row| row.get(0))
        .ok()
}
