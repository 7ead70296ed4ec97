//! `\Recent`: which messages have it, and what is lost when a mailbox is closed.

use super::*;

#[tokio::test]
async fn c18_a_message_in_new_stays_recent_until_a_session_takes_it() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "new/1.a", "x");
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "x", "").await.unwrap();
    // In `cur/`, because the name tells the flag: recent as long as the mailbox is open.
    append(&mut session, "INBOX", "x", "\\Seen").await.unwrap();
    assert_eq!(status(&mut session, "INBOX").await.recent(), 3);
    drop(session);
    let fixture = fixture.restarted();
    let mut session = fixture.session().await;
    assert_eq!(status(&mut session, "INBOX").await.recent(), 2);
    drop(fixture.select("INBOX").await);
    assert_eq!(status(&mut session, "INBOX").await.recent(), 0);
}
