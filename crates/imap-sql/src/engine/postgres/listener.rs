//! The connection that listens for hints. A hint says that there is something to read; what, the log says. So a hint that is
//! lost, doubled or late costs nothing but time.

use std::future::poll_fn;
use std::time::Duration;

use tokio_postgres::{AsyncMessage, Config, NoTls};

use crate::engine::{Hint, Hints};

/// How long to wait before connecting again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Listens for ever, connecting again when the connection is lost.
pub(super) async fn listen(config: Config, hints: Hints) {
    let (mut pause, longest) = PAUSE;
    loop {
        match listen_once(&config, &hints).await {
            Ok(()) => pause = PAUSE.0,
            Err(error) => tracing::debug!(%error, "the database sends no hints now"),
        }
        hints(Hint::Deaf);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// Until the connection ends.
async fn listen_once(config: &Config, hints: &Hints) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(NoTls).await?;
    let (sender, mut messages) = tokio::sync::mpsc::unbounded_channel();
    let carrier = tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message
                && sender.send(notification).is_err()
            {
                break;
            }
        }
    });
    client.batch_execute("LISTEN imap_mail").await?;
    hints(Hint::Listening);
    while let Some(notification) = messages.recv().await {
        let mailbox = notification.payload().parse();
        hints(mailbox.map_or(Hint::Anywhere, Hint::Mailbox));
    }
    carrier.abort();
    Ok(())
}
