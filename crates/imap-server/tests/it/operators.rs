//! What the operator chooses to have said: ID, JMAPACCESS, APPENDLIMIT; IDLE's sign of life; and UNAUTHENTICATE.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use imap_backend_test::MemoryBackend;
use imap_server::{BadIdField, Identification, Limits, Server, ServerBuilder, Shutdown};
use tokio::time::{Instant, timeout};

use crate::common::compressed::Compressed;
use crate::common::{Client, World, connect, local};

async fn greeted(build: impl FnOnce(ServerBuilder<MemoryBackend>) -> ServerBuilder<MemoryBackend>) -> Client {
    let server = build(Server::builder(MemoryBackend::new("joe", "secret"))).build();
    let mut client = connect(&server, local(), &Shutdown::new());
    client.line().await;
    client
}

/// RFC 2971, section 3.1: both examples.
#[tokio::test(start_paused = true)]
async fn rfc2971_3_1_the_server_says_what_its_operator_wants_said_or_nothing() {
    let mut client = greeted(|server| server.identification(Identification::nothing())).await;
    assert_eq!(
        client
            .command("ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" \"Pink Floyd Music Limited\")")
            .await,
        ["* ID NIL", "OK ID completed"]
    );
    let fields = [
        ("name", "Cyrus"),
        ("version", "1.5"),
        ("os", "sunos"),
        ("os-version", "5.5"),
        ("support-url", "mailto:cyrus-bugs+@andrew.cmu.edu"),
    ];
    let said = fields
        .iter()
        .fold(Identification::nothing(), |said, (name, value)| {
            said.with(*name, *value).unwrap()
        });
    let mut client = greeted(|server| server.identification(said)).await;
    assert_eq!(
        client.command("ID NIL").await,
        [
            "* ID (\"name\" \"Cyrus\" \"version\" \"1.5\" \"os\" \"sunos\" \"os-version\" \"5.5\" \
             \"support-url\" \"mailto:cyrus-bugs+@andrew.cmu.edu\")",
            "OK ID completed"
        ]
    );
}

/// RFC 2971, section 3.3: the bounds of both sides.
#[tokio::test(start_paused = true)]
async fn rfc2971_3_3_fields_that_are_too_long_or_too_many_are_bad() {
    let mut client = greeted(|server| server).await;
    let long = "v".repeat(1025);
    let many: Vec<String> = (0..31).map(|field| format!("\"f{field}\" NIL")).collect();
    for fields in [
        format!("(\"name\" \"{long}\")"),
        format!("(\"{}\" NIL)", "n".repeat(31)),
        format!("({})", many.join(" ")),
    ] {
        let answer = client.command(&format!("ID {fields}")).await;
        assert!(answer[0].starts_with("BAD ID: more than"), "{answer:?}");
    }
    let fits = format!("ID (\"{}\" \"{}\")", "n".repeat(30), "v".repeat(1024));
    client.ok(&fits).await;
    let largest = (10..40).map(|field| format!("\"{}{field}\" \"{}\"", "n".repeat(28), "v".repeat(1024)));
    let largest = format!("ID ({})", largest.collect::<Vec<_>>().join(" "));
    client.ok(&largest).await;
    client.ok("LOGIN joe secret").await;
    client.ok(&largest).await;
    let with = |name: &str, value: &str| Identification::default().with(name, value).map(drop);
    assert_eq!(with("NAME", "twice"), Err(BadIdField::Name));
    assert_eq!(with("", "x"), Err(BadIdField::Name));
    assert_eq!(with("os", &long), Err(BadIdField::Value));
    assert_eq!(with("os", "a\r\nb"), Err(BadIdField::Value));
}

/// RFC 7889, section 2.
#[tokio::test(start_paused = true)]
async fn rfc7889_2_the_largest_message_is_listed_and_is_the_largest() {
    let mut limits = Limits::default();
    limits.append = 1000;
    let mut client = World::with(limits).connect().await;
    assert!(client.ok("CAPABILITY").await[0].contains(" APPENDLIMIT=1000"));
    client.ok("LOGIN joe secret").await;
    assert!(client.ok("CAPABILITY").await[0].contains(" APPENDLIMIT=1000"));
    client.send("a APPEND INBOX {1001}\r\n").await;
    assert!(client.line().await.starts_with("a NO [TOOBIG] "));
    client.append("INBOX", &"x".repeat(1000)).await;
}

/// RFC 9698, section 4.
#[tokio::test(start_paused = true)]
async fn rfc9698_4_where_the_mail_can_be_had_by_jmap_is_told_after_login() {
    let url = "https://example.com/.well-known/jmap";
    let mut client = greeted(|server| server.jmap(url)).await;
    assert!(!client.ok("CAPABILITY").await[0].contains("JMAPACCESS"));
    assert_eq!(client.command("GETJMAPACCESS").await, ["BAD log in first"]);
    assert!(client.ok("LOGIN joe secret").await[0].contains(" JMAPACCESS"));
    assert_eq!(
        client.command("getjmapaccess").await,
        [
            "* JMAPACCESS \"https://example.com/.well-known/jmap\"",
            "OK GETJMAPACCESS completed"
        ]
    );
    let mut client = greeted(|server| server).await;
    assert!(!client.ok("LOGIN joe secret").await[0].contains("JMAPACCESS"));
    assert_eq!(
        client.command("GETJMAPACCESS").await,
        ["BAD GETJMAPACCESS: not supported"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_idles_hears_that_the_server_is_still_there() {
    let mut limits = Limits::default();
    limits.idle_keep_alive = Duration::from_secs(60);
    let world = World::with(limits);
    let mut client = world.selected().await;
    client.send("a IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(client.line().await, "* OK still here");
        assert_eq!(began.elapsed().as_secs(), 60);
    }
    // News is a sign of life too.
    assert!(timeout(Duration::from_secs(40), client.line()).await.is_err());
    world.deliver(1).await;
    assert_eq!(client.line().await, "* 1 EXISTS");
    assert_eq!(client.line().await, "* 1 RECENT");
    let began = Instant::now();
    assert_eq!(client.line().await, "* OK still here");
    assert_eq!(began.elapsed().as_secs(), 60);
    // Also where no mailbox is selected.
    client.send("DONE\r\n").await;
    client.line().await;
    client.ok("UNSELECT").await;
    client.send("b IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    assert_eq!(client.line().await, "* OK still here");
}

/// RFC 2177: the commands behind DONE may be in its segment.
#[tokio::test(start_paused = true)]
async fn commands_right_behind_done_are_answered_in_order() {
    let world = World::new();
    world.deliver(2).await;
    let mut client = world.selected().await;
    client.send("a IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    client
        .send("DONE\r\nb NOOP\r\nc FETCH 1 UID\r\nd IDLE\r\nDONE\r\ne NOOP\r\n")
        .await;
    for line in [
        "a OK IDLE completed",
        "b OK NOOP completed",
        "* 1 FETCH (UID 1)",
        "c OK FETCH completed",
        "+ idling",
        "d OK IDLE completed",
        "e OK NOOP completed",
    ] {
        assert_eq!(client.line().await, line);
    }
}

/// RFC 8437, section 3: nothing of the user is left, and the next command may be on its way already.
#[tokio::test(start_paused = true)]
async fn rfc8437_3_unauthenticate_makes_a_stranger_of_a_user_and_login_may_follow_at_once() {
    let world = World::new();
    let mut client = world.connect().await;
    assert!(!client.ok("CAPABILITY").await[0].contains("UNAUTHENTICATE"));
    assert_eq!(client.command("UNAUTHENTICATE").await, ["BAD log in first"]);
    assert!(client.ok("LOGIN joe secret").await[0].contains(" UNAUTHENTICATE"));
    client.ok("ENABLE UTF8=ACCEPT").await;
    client.ok("SELECT INBOX").await;
    client
        .send("a UNAUTHENTICATE\r\nb AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=\r\n")
        .await;
    assert_eq!(client.line().await, "a OK UNAUTHENTICATE completed");
    assert!(client.line().await.starts_with("b OK [CAPABILITY "));
    assert_eq!(
        client.command("FETCH 1 UID").await,
        ["BAD select a mailbox first"]
    );
    // A feature that is on already would not be listed again.
    assert_eq!(
        client.command("ENABLE UTF8=ACCEPT").await[0],
        "* ENABLED UTF8=ACCEPT"
    );
    client.ok("UNAUTHENTICATE").await;
    assert_eq!(client.command("SELECT INBOX").await, ["BAD log in first"]);
    // As of a stranger: a minute, and lines of 40 KiB.
    client.send(format!("c NOOP {}\r\n", "x".repeat(41_000))).await;
    assert_eq!(client.line().await, "c BAD command line longer than 40960 octets");
    let began = Instant::now();
    assert_eq!(client.rest().await, ["* BYE the client took too long"]);
    assert_eq!(began.elapsed().as_secs(), 60);
}

/// RFC 8437, section 4.1: compression would have to end with it.
#[tokio::test(start_paused = true)]
async fn under_compression_unauthenticate_is_not_offered() {
    let mut client = World::new().user().await;
    client.ok("COMPRESS DEFLATE").await;
    let mut client = Compressed::new(client.into_stream());
    assert!(!client.command("CAPABILITY").await[0].contains("UNAUTHENTICATE"));
    assert_eq!(
        client.command("UNAUTHENTICATE").await,
        ["BAD not while the connection is compressed"]
    );
}
