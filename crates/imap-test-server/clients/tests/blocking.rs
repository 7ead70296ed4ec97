//! The `imap` crate: a blocking client, and no runtime in the test.

use imap_test_server::{Fault, TestServer};
use std::net::TcpStream;

#[test]
fn a_delivery_wakes_a_client_that_idles() {
    let server = TestServer::builder()
        .mailbox("INBOX", ["Subject: one\n\nHello\n"])
        .start();
    let mut client = imap::Client::new(TcpStream::connect(server.address()).unwrap());
    client.read_greeting().unwrap();
    let mut session = client.login("joe", "secret").map_err(|(error, _)| error).unwrap();
    assert_eq!(session.select("INBOX").unwrap().exists, 1);

    let joe = server.account("joe");
    let waiting = std::thread::spawn(move || {
        session.idle().unwrap().wait().unwrap(); // until something happens
        session
    });
    server.said(" IDLE").wait();
    joe.deliver("INBOX", "Subject: two\n\nHello again\n");

    let mut session = waiting.join().unwrap();
    let messages = session.uid_fetch("2", "BODY[]").unwrap();
    assert_eq!(
        messages[0].body(),
        Some(&b"Subject: two\r\n\r\nHello again\r\n"[..])
    );
    assert_eq!(joe.messages("INBOX")[1].flags, ["\\Seen"]);
}

#[test]
fn a_connection_that_is_cut_inside_a_message_is_an_error() {
    let server = TestServer::builder()
        .mailbox("INBOX", ["Subject: one\n\nHello\n"])
        .start();
    server.fault(Fault::on("UID FETCH").cut_literal(10));
    let mut client = imap::Client::new(TcpStream::connect(server.address()).unwrap());
    client.read_greeting().unwrap();
    let mut session = client.login("joe", "secret").map_err(|(error, _)| error).unwrap();
    session.select("INBOX").unwrap();
    assert!(session.uid_fetch("1", "BODY[]").is_err());
}
