//! APPEND of many messages, and of messages of many parts: bounded, all or none.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use imap_server::Limits;

use crate::common::{World, run};

/// Says so many messages of four octets in one APPEND, without waiting.
fn messages(number: usize) -> String {
    " {4+}\r\nx: y".repeat(number)
}

#[test]
fn a_message_of_thousands_of_parts_is_put_together() {
    run(async {
        let world = World::new();
        world.deliver(1).await;
        let mut client = world.selected().await;
        let parts = [r#"URL ";UID=1/;PARTIAL=0.1""#; 2500].join(" ");
        let lines = client.ok(&format!("APPEND INBOX CATENATE ({parts})")).await;
        assert!(lines.last().unwrap().starts_with("OK [APPENDUID "), "{lines:#?}");
        let size = client.ok("FETCH 2 RFC822.SIZE").await;
        assert_eq!(size[0], "* 2 FETCH (RFC822.SIZE 2500)");
    });
}

#[test]
fn more_parts_than_there_may_be_end_in_an_answer() {
    run(async {
        let mut limits = Limits::default();
        limits.append_parts = 3;
        let world = World::with(limits);
        world.deliver(1).await;
        let mut client = world.selected().await;
        let part = r#"URL ";UID=1""#;
        client
            .ok(&format!("APPEND INBOX CATENATE ({part} {part} {part})"))
            .await;
        let four = client
            .command(&format!("APPEND INBOX CATENATE ({part} {part} {part} {part})"))
            .await;
        assert_eq!(four, ["BAD APPEND: too many parts"]);
        client.ok("NOOP").await;
    });
}

/// RFC 3502, section 6.3.11: "no partial appending is permitted".
#[test]
fn more_messages_or_octets_than_there_may_be_store_none() {
    run(async {
        let mut limits = Limits::default();
        (limits.append_messages, limits.append_octets) = (3, 13);
        let world = World::with(limits);
        let mut client = world.user().await;
        client.ok(&format!("APPEND INBOX{}", messages(3))).await;
        let four = client.command(&format!("APPEND INBOX{}", messages(4))).await;
        assert!(four[0].starts_with("NO [LIMIT] "), "{four:?}");
        let long = " {4+}\r\nx: y {10+}\r\nx: 7890123";
        let long = client.command(&format!("APPEND INBOX{long}")).await;
        assert!(long[0].starts_with("NO [LIMIT] "), "{long:?}");
        let status = client.ok("STATUS INBOX (MESSAGES UIDNEXT)").await;
        assert_eq!(status[0], "* STATUS INBOX (MESSAGES 3 UIDNEXT 4)");
    });
}

#[test]
fn a_client_that_goes_away_between_its_messages_leaves_none() {
    run(async {
        let world = World::new();
        for cut in ["", " {4+}\r\nx:", " (\\Seen"] {
            let mut client = world.user().await;
            client.send(format!("a APPEND INBOX{}{cut}", messages(2))).await;
            client.ended().await;
        }
        let mut client = world.user().await;
        let status = client.ok("STATUS INBOX (MESSAGES UIDNEXT)").await;
        assert_eq!(status[0], "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)");
    });
}

/// Text between the messages is bounded too.
#[test]
fn text_without_messages_ends_in_an_answer() {
    run(async {
        let world = World::new();
        world.deliver(1).await;
        let mut client = world.user().await;
        let url = format!("URL \"/INBOX/;UID=1/;SECTION={}\"", "9.".repeat(15_000) + "9");
        let tag = client.next_tag();
        client
            .send(format!("{tag} APPEND INBOX CATENATE (TEXT {{4+}}\r\nx: y"))
            .await;
        for _ in 0..6 {
            client.send(format!(" {url} TEXT {{4}}\r\n")).await;
        }
        let answer = client.until_tagged(&tag).await;
        assert!(answer[0].starts_with("NO [BADURL "), "{answer:?}");
    });
}
