//! What a test can do with a server.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use common::Client;
use imap_test_server::{Fault, Message, TestServer};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const MAIL: &str = "Subject: hello\n\nText\n";

#[test]
fn a_blocking_client_needs_no_runtime_and_the_server_ends_with_its_value() {
    let server = TestServer::builder().mailbox("INBOX", [MAIL]).start();
    let address = server.address();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert!(
        lines
            .next()
            .unwrap()
            .unwrap()
            .starts_with("* OK [CAPABILITY IMAP4rev1")
    );
    stream
        .write_all(b"a LOGIN joe secret\r\nb SELECT INBOX\r\n")
        .unwrap();
    server.told("* 1 EXISTS").wait();
    drop(server);
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.iter().any(|line| line == "* 1 EXISTS"), "{rest:?}");
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn a_client_in_idle_is_told_what_happens_behind_its_back() {
    let server = TestServer::builder().mailbox("INBOX", [MAIL, MAIL]).start();
    let mut client = Client::selected(&server).await;
    assert!(client.command("IDLE").await[0].starts_with("+ "));
    server.said(" IDLE").await;
    let joe = server.account("joe");
    assert_eq!(joe.deliver("INBOX", MAIL), 3);
    server.told("* 3 EXISTS").await;
    joe.add_flags("INBOX", [1], "\\Seen work");
    server.told("* 1 FETCH (UID 1 FLAGS (\\Seen work").await;
    joe.remove("INBOX", [1]);
    assert_eq!(server.told("EXPUNGE").await, "* 1 EXPUNGE");
    joe.rename("INBOX", "Old");
    assert_eq!((joe.messages("INBOX").len(), joe.messages("Old").len()), (0, 2));
}

#[tokio::test]
async fn a_new_uidvalidity_ends_the_session_that_knows_the_old_one() {
    let server = TestServer::builder()
        .mailbox("INBOX", [Message::new(MAIL).uid(7)])
        .start();
    let mut client = Client::selected(&server).await;
    let validity = server.account("joe").reset_uid_validity("INBOX");
    client.command("NOOP").await;
    let lines = client.lines_to("nothing").await;
    assert_eq!(
        lines,
        ["* BYE the selected mailbox has a new UIDVALIDITY", "<end>"]
    );
    let mut client = Client::user(&server).await;
    let lines = client.ok("SELECT INBOX").await;
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with(&format!("* OK [UIDVALIDITY {validity}]"))),
        "{lines:?}"
    );
    assert_eq!(client.ok("FETCH 1 UID").await[0], "* 1 FETCH (UID 1)");
}

#[tokio::test]
async fn seeds_have_the_flags_the_uids_and_the_dates_that_they_were_given() {
    let message = Message::new(MAIL)
        .uid(4711)
        .flags("\\Seen work")
        .date("2024-02-03T04:05:06+01:00");
    let server = TestServer::builder().mailbox("INBOX", [message]).start();
    let mut client = Client::selected(&server).await;
    let lines = client.ok("FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)").await;
    assert_eq!(
        lines[0],
        "* 1 FETCH (UID 4711 FLAGS (\\Seen work \\Recent) INTERNALDATE \"03-Feb-2024 04:05:06 +0100\" RFC822.SIZE 24)"
    );
}

#[tokio::test]
async fn accounts_have_mail_and_passwords_of_their_own() {
    let server = TestServer::builder()
        .mailbox("Shared", [MAIL])
        .account("ann", "apple")
        .account("bob", "banana")
        .mailbox("INBOX", [MAIL])
        .start();
    for (name, password, messages) in [("ann", "apple", 0), ("bob", "banana", 1)] {
        let mut client = Client::of(&server).await;
        assert!(client.command(&format!("LOGIN {name} wrong")).await[0].starts_with("t NO"));
        client.ok(&format!("LOGIN {name} {password}")).await;
        let lines = client.ok("STATUS INBOX (MESSAGES)").await;
        assert_eq!(lines[0], format!("* STATUS INBOX (MESSAGES {messages})"));
        assert_eq!(
            client.ok("STATUS Shared (MESSAGES)").await[0],
            "* STATUS Shared (MESSAGES 1)"
        );
    }
}

#[tokio::test]
async fn a_bearer_token_is_the_password() {
    let server = TestServer::start();
    let mut client = Client::of(&server).await;
    // user=joe ^A auth=Bearer secret ^A ^A
    client
        .ok("AUTHENTICATE XOAUTH2 dXNlcj1qb2UBYXV0aD1CZWFyZXIgc2VjcmV0AQE=")
        .await;
}

#[tokio::test]
async fn a_capability_that_is_switched_off_is_not_listed_and_does_not_work() {
    let server = TestServer::builder()
        .without("IDLE")
        .without("CONDSTORE")
        .without("AUTH=")
        .with("X-NEW")
        .start();
    let mut client = Client::of(&server).await;
    let listed = client.ok("CAPABILITY").await[0].clone();
    for off in [" IDLE", " CONDSTORE", " QRESYNC", " AUTH="] {
        assert!(!listed.contains(off), "{listed}");
    }
    assert!(listed.ends_with(" X-NEW"), "{listed}");
    assert!(client.command("AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=").await[0].starts_with("t BAD"));
    client.ok("LOGIN joe secret").await;
    assert!(client.command("IDLE").await[0].starts_with("t BAD"));
    let lines = client.ok("SELECT INBOX").await;
    assert!(
        !lines.iter().any(|line| line.contains("HIGHESTMODSEQ")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_refused_append_is_not_stored_and_its_literal_is_no_command() {
    let server = TestServer::start();
    server.fault(Fault::on("APPEND").times(2).answer("NO [OVERQUOTA] full"));
    let mut client = Client::selected(&server).await;
    client
        .send("a APPEND INBOX {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n")
        .await;
    assert_eq!(client.lines_to("a").await, ["a NO [OVERQUOTA] full"]);
    assert!(client.lines_to("c").await[0].starts_with("c OK"));
    client.send("d APPEND INBOX {8}\r\n").await;
    assert_eq!(client.lines_to("d").await, ["d NO [OVERQUOTA] full"]);
    client.send("e APPEND INBOX {8}\r\n").await;
    assert!(client.lines_to("e").await[0].starts_with("+ "));
    client.send("b NOOP\r\n\r\n").await;
    assert!(client.lines_to("e").await.last().unwrap().starts_with("e OK"));
    assert_eq!(server.account("joe").messages("INBOX")[0].text(), "b NOOP\r\n");
}

#[tokio::test]
async fn a_connection_is_cut_in_the_middle_of_a_literal() {
    let server = TestServer::builder().mailbox("INBOX", [MAIL]).start();
    server.fault(Fault::on("UID FETCH").cut_literal(9));
    let mut client = Client::selected(&server).await;
    let lines = client.command("UID FETCH 1 BODY.PEEK[]").await;
    assert_eq!(lines[1..], ["Subject: ", "<end>"]);
    // Once.
    let mut client = Client::selected(&server).await;
    client.ok("UID FETCH 1 BODY.PEEK[]").await;
}

#[tokio::test]
async fn numbers_are_wrong_and_updates_are_lost_where_a_test_wants_it() {
    let server = TestServer::builder().mailbox("INBOX", [MAIL, MAIL]).start();
    let mut client = Client::selected(&server).await;
    let joe = server.account("joe");
    server.fault(Fault::on("NOOP").lose("EXISTS"));
    joe.deliver("INBOX", MAIL);
    assert!(!client.ok("NOOP").await.iter().any(|line| line.contains("EXISTS")));
    server.fault(Fault::on("NOOP").misnumber("EXPUNGE", 1));
    joe.remove("INBOX", [1]);
    assert_eq!(client.ok("NOOP").await[0], "* 2 EXPUNGE");
}

#[tokio::test]
async fn a_server_says_bye_closes_is_silent_or_late_as_it_is_told() {
    let server = TestServer::start();
    server.fault("NOOP bye see you".parse().unwrap());
    let mut client = Client::user(&server).await;
    assert_eq!(client.command("NOOP").await, ["* BYE see you", "<end>"]);
    server.fault(Fault::on("NOOP").disconnect());
    let mut client = Client::user(&server).await;
    assert_eq!(client.command("NOOP").await, ["<end>"]);
    server.fault(Fault::on("GREETING").answer("OK hello"));
    server.fault(Fault::on("NOOP").delay(Duration::from_millis(1)));
    let mut client = Client::user(&server).await;
    client.ok("NOOP").await;
    server.fault(Fault::on("NOOP").silence());
    client.send("a NOOP\r\nb NOOP\r\n").await;
    server.said("b NOOP").await;
    let mut other = Client::user(&server).await;
    other.ok("NOOP").await;
    assert!(!server.transcript().contains(": a OK"), "{}", server.transcript());
}

#[tokio::test]
async fn connections_are_cut_in_the_middle_of_idle_and_clients_come_back() {
    let server = TestServer::builder().mailbox("INBOX", [MAIL]).start();
    let mut client = Client::selected(&server).await;
    assert!(client.command("IDLE").await[0].starts_with("+ "));
    server.disconnect_all();
    assert_eq!(client.lines_to("t").await, ["<end>"]);
    let mut client = Client::selected(&server).await;
    assert!(client.command("IDLE").await[0].starts_with("+ "));
    server.bye_all("the server stops");
    assert_eq!(client.lines_to("t").await, ["* BYE the server stops", "<end>"]);
    // Nor is one left that is served no more, or that was not greeted yet.
    server.fault(Fault::on("NOOP").silence());
    let mut client = Client::selected(&server).await;
    client.send("t NOOP\r\n").await;
    server.said("t NOOP").await;
    let mut stream = server.connect();
    server.disconnect_all();
    assert_eq!(client.lines_to("t").await, ["<end>"]);
    let mut rest = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
    tokio::time::timeout(common::PATIENCE, end)
        .await
        .unwrap()
        .unwrap();
}

/// RFC 2177: DONE ends IDLE, and what is pipelined behind it is a command like any other.
#[tokio::test]
async fn a_fault_happens_to_a_command_that_is_said_with_done() {
    let server = TestServer::start();
    let mut client = Client::selected(&server).await;
    server.fault(Fault::on("CREATE").answer("NO [OVERQUOTA] full"));
    assert!(client.command("IDLE").await[0].starts_with("+ "));
    client.send("DONE\r\nu CREATE more\r\n").await;
    let lines = client.lines_to("u").await;
    assert!(
        lines[0].starts_with("t OK") && lines[1] == "u NO [OVERQUOTA] full",
        "{lines:?}"
    );
}

#[tokio::test]
async fn messages_and_large_pipelines_pass_whole() {
    let large = format!("Subject: large\r\n\r\n{}", "0123456789abcdef\r\n".repeat(60_000));
    let server = TestServer::builder().mailbox("INBOX", [large.as_str()]).start();
    let mut client = Client::selected(&server).await;
    let append = format!("b APPEND INBOX {{{}+}}\r\n{large}\r\n", large.len());
    let client = tokio::spawn(async move {
        client.send(&format!("a FETCH 1 BODY.PEEK[]\r\n{append}")).await;
        client
    });
    let mut client = client.await.unwrap();
    let lines = client.lines_to("b").await;
    assert!(lines.last().unwrap().starts_with("b OK"), "{:?}", lines.last());
    assert_eq!(
        server.account("joe").messages("INBOX")[1].octets,
        large.as_bytes()
    );
}

#[tokio::test]
async fn answers_come_in_pieces_as_small_as_a_test_wants() {
    let server = TestServer::builder()
        .mailbox("INBOX", [MAIL])
        .in_pieces_of(1)
        .start();
    let mut client = Client::selected(&server).await;
    assert_eq!(client.ok("FETCH 1 BODY.PEEK[TEXT]").await[1], "Text");
}

#[tokio::test]
async fn what_is_compressed_passes() {
    let server = TestServer::builder().with("COMPRESS=DEFLATE").start();
    let mut client = Client::user(&server).await;
    client.ok("COMPRESS DEFLATE").await;
    // An empty block that is the last one: the stream ends, and so does the connection.
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = client.into_inner();
    stream.write_all(b"\x03\x00").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
}

#[test]
fn a_wait_that_fails_shows_what_was_said() {
    let server = TestServer::builder().patience(Duration::from_millis(1)).start();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    let failed = catch_unwind(AssertUnwindSafe(|| server.told("nothing of the kind").wait()));
    let text = *failed.unwrap_err().downcast::<String>().unwrap();
    assert!(
        text.contains("nobody said") && text.contains("S1: * OK"),
        "{text}"
    );
}
