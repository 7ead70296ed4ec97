//! What one session waits for keeps the user's other sessions from nothing.

use super::*;
use crate::disk::interference::Moment;
use std::sync::mpsc;
use std::time::Duration;

/// Nothing here takes long. What takes longer waits for what it is not to wait for.
const LIMIT: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, doing: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LIMIT, doing).await;
    done.unwrap_or_else(|_| panic!("{what} waits"))
}

/// Closing writes the index; a thread that serves connections must not wait for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_is_closed_for_another_one_is_closed_on_a_thread_of_its_own() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let names: Vec<String> = (0..=16).map(|number| format!("m{number}")).collect();
    for mailbox in &names {
        create(&mut session, mailbox).await.unwrap();
    }
    let client = fixture.select("m0").await;
    let (closing, closed) = mpsc::channel();
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::Closing {
            let _ = closing.send(std::thread::current().id());
        }
    });
    let open = Arc::downgrade(&client.open());
    drop(client);
    soon("the session's end", async {
        while open.strong_count() > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    for mailbox in &names[1..] {
        status(&mut session, mailbox).await;
    }
    let by = closed.recv_timeout(LIMIT).unwrap();
    assert_ne!(by, std::thread::current().id());
}
