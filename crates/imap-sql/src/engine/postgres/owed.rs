//! The hints that this process owes the others, of what it has committed.
//!
//! A transaction that notifies keeps a lock of the whole server of PostgreSQL while its commit goes to the disk, so that such commits
//! share no sync. So the hint follows the commit, in a transaction that writes nothing, of the connection that listens. As long as
//! that is not there, the transaction notifies itself, as SQL by hand does. A process that ends in between owes a hint for ever:
//! then the others find what it did at their next look.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_postgres::Client;

/// A hint says how far the mailbox is by now; of one that is gone, only which it was.
const SEND: &str = "\
    SELECT pg_notify('imap_mail', owed.id || coalesce(' ' || mailboxes.highest_modseq, '')) \
    FROM unnest($1::bigint[]) AS owed (id) LEFT JOIN mailboxes ON mailboxes.id = owed.id";

#[derive(Debug, Default)]
pub(super) struct Owed {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// There is a connection that sends.
    are_sent: bool,
    mailboxes: BTreeSet<i64>,
}

impl Owed {
    /// Whether a hint may follow the commit of a transaction that begins now.
    pub(super) fn may_follow(&self) -> bool {
        self.state.lock().are_sent
    }

    /// What these mailboxes have is committed. Waits for nothing. Where the connection was lost meanwhile, the next one sends the hint.
    pub(super) fn add(&self, mailboxes: impl IntoIterator<Item = i64>) {
        self.state.lock().mailboxes.extend(mailboxes);
        self.changed.notify_one();
    }

    /// Sends the hints, those together that come while others are on their way, until the connection ends.
    ///
    /// # Errors
    /// The connection cannot send any.
    pub(super) async fn send(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let statement = client.prepare(SEND).await?;
        let _sending = Sending::begin(self);
        loop {
            let mailboxes = std::mem::take(&mut self.state.lock().mailboxes);
            if mailboxes.is_empty() {
                self.changed.notified().await;
                continue;
            }
            let owed: Vec<i64> = mailboxes.iter().copied().collect();
            if let Err(error) = client.execute(&statement, &[&owed]).await {
                if client.is_closed() {
                    self.add(mailboxes);
                    return Ok(());
                }
                tracing::debug!(%error, "the database takes no hints now");
            }
        }
    }
}

/// The time in which a connection sends hints.
struct Sending<'o>(&'o Owed);

impl<'o> Sending<'o> {
    fn begin(owed: &'o Owed) -> Self {
        owed.state.lock().are_sent = true;
        Self(owed)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.state.lock().are_sent = false;
    }
}
