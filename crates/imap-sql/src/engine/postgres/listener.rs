//! The connection that listens for hints. A hint says that there is something to read; what, the log says. So a hint that is
//! lost, doubled or late costs nothing but time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_postgres::AsyncMessage;

use super::owed::Owed;
use super::tls::Connector;
use crate::engine::{Hint, Hints};

/// How long to wait before connecting again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What the connection begins with. What it commits is not worth a sync.
const BEGIN: &str = "SET synchronous_commit = off; LISTEN imap_mail";

/// Listens for ever, and sends what is owed, connecting again when the connection is lost.
pub(super) async fn listen(connector: Connector, hints: Hints, owed: Arc<Owed>) {
    let (mut pause, longest) = PAUSE;
    loop {
        match listen_once(&connector, &hints, &owed).await {
            Ok(()) => pause = PAUSE.0,
            Err(error) => tracing::debug!(%error, "the database sends no hints now"),
        }
        hints(Hint::Deaf);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// Until the connection ends.
async fn listen_once(connector: &Connector, hints: &Hints, owed: &Owed) -> Result<(), tokio_postgres::Error> {
    let (client, mut carrier) = connector.connect().await?;
    let (sender, mut messages) = tokio::sync::mpsc::unbounded_channel();
    let carrying = tokio::spawn(async move {
        while let Some(Ok(message)) = carrier.next().await {
            if let AsyncMessage::Notification(notification) = message
                && sender.send(notification).is_err()
            {
                break;
            }
        }
    });
    client.batch_execute(BEGIN).await?;
    let this: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await?
        .try_get(0)?;
    hints(Hint::Listening);
    let hear = async {
        while let Some(notification) = messages.recv().await {
            // What this process did it has read already.
            if notification.process_id() != this {
                hints(read(notification.payload()));
            }
        }
        Ok(())
    };
    let ended = tokio::select! {
        ended = hear => ended,
        ended = owed.send(&client) => ended,
    };
    carrying.abort();
    ended
}

/// A mailbox, and perhaps its mod-sequence. Anybody may notify, and say anything.
fn read(payload: &str) -> Hint {
    let (mailbox, modseq) = match payload.split_once(' ') {
        Some((mailbox, modseq)) => (mailbox.parse(), modseq.parse().map(Some)),
        None => (payload.parse(), Ok(None)),
    };
    match (mailbox, modseq) {
        (Ok(mailbox), Ok(modseq)) => Hint::Mailbox(mailbox, modseq),
        _ => Hint::Anywhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_hint_says_somebody_looks() {
        for (payload, hint) in [
            ("7 12", Hint::Mailbox(7, Some(12))),
            ("7", Hint::Mailbox(7, None)),
            ("", Hint::Anywhere),
            ("7 ", Hint::Anywhere),
            ("7 12 13", Hint::Anywhere),
            ("seven", Hint::Anywhere),
            ("99999999999999999999 1", Hint::Anywhere),
        ] {
            assert_eq!(read(payload), hint, "{payload:?}");
        }
    }
}
