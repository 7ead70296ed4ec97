//! The `async-imap` crate on tokio, over a connection in memory.

use futures::TryStreamExt;
use imap_test_server::TestServer;

#[tokio::test]
async fn a_message_is_fetched_and_a_new_one_is_heard_of() {
    let server = TestServer::builder()
        .mailbox("INBOX", ["Subject: one\n\nHello\n"])
        .start();
    let mut client = async_imap::Client::new(server.connect());
    client.read_response().await.unwrap().expect("a greeting");
    let mut session = client
        .login("joe", "secret")
        .await
        .map_err(|(error, _)| error)
        .unwrap();
    assert_eq!(session.select("INBOX").await.unwrap().exists, 1);

    let messages: Vec<_> = session
        .uid_fetch("1", "BODY[]")
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(messages[0].body(), Some(&b"Subject: one\r\n\r\nHello\r\n"[..]));

    server
        .account("joe")
        .deliver("INBOX", "Subject: two\n\nHello again\n");
    session.noop().await.unwrap();
    server.told("* 2 EXISTS").await;
    assert!(session.uid_search("SUBJECT two").await.unwrap().contains(&2));
    session.logout().await.unwrap();
}
