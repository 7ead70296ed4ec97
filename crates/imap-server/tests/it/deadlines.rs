//! How long a client may take, and limits at the ends of their range.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use imap_server::Limits;
use tokio::time::{Instant, sleep};

use crate::common::{Client, World, connect, local, message};

const IDLE_TIME: Duration = Duration::from_secs(10);

const SECOND: Duration = Duration::from_secs(1);

/// A server whose users may take ten seconds.
fn hurried() -> World {
    let mut limits = Limits::default();
    limits.idle_time = IDLE_TIME;
    World::with(limits)
}

/// Sends an octet a second until the server has had enough, which must not take longer than a command may.
async fn trickles_until_cut(client: &mut Client) {
    let began = Instant::now();
    client.send("x").await;
    // A second each time.
    while client.is_quiet().await {
        assert!(began.elapsed() <= IDLE_TIME + SECOND, "it may go on");
        client.send("x").await;
    }
    let rest = client.rest().await;
    assert_eq!(
        rest.last().map(String::as_str),
        Some("* BYE the client took too long")
    );
}

#[tokio::test(start_paused = true)]
async fn t15_octets_of_a_command_do_not_prolong_its_time() {
    let mut client = hurried().user().await;
    trickles_until_cut(&mut client).await;
}

#[tokio::test(start_paused = true)]
async fn t15_octets_of_a_literal_do_not_prolong_the_commands_time() {
    let mut client = hurried().user().await;
    client.send("a SEARCH SUBJECT {60000}\r\n").await;
    assert_eq!(client.line().await, "+ OK");
    trickles_until_cut(&mut client).await;
}

#[tokio::test(start_paused = true)]
async fn t15_octets_of_an_over_long_line_do_not_prolong_its_time() {
    let mut client = hurried().user().await;
    client.send(vec![b'x'; 100_000]).await;
    trickles_until_cut(&mut client).await;
}

#[tokio::test(start_paused = true)]
async fn t15_octets_in_idle_do_not_prolong_it() {
    let mut client = hurried().selected().await;
    client.send("a IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    trickles_until_cut(&mut client).await;
}

#[tokio::test(start_paused = true)]
async fn t15_a_message_that_trickles_in_is_cut() {
    let mut client = hurried().user().await;
    client.send("a APPEND INBOX {1000000}\r\n").await;
    assert_eq!(client.line().await, "+ OK");
    trickles_until_cut(&mut client).await;
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_command_begins_with_its_first_octet() {
    let mut client = hurried().user().await;
    for _ in 0..3 {
        sleep(9 * SECOND).await;
        client.send("a NO").await;
        sleep(9 * SECOND).await;
        client.send("OP\r\n").await;
        assert_eq!(client.line().await, "a OK NOOP completed");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_idle_begins_with_idle() {
    let mut client = hurried().selected().await;
    client.send("a IDLE").await;
    sleep(9 * SECOND).await;
    client.send("\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    sleep(9 * SECOND).await;
    client.send("DONE\r\n").await;
    assert_eq!(client.line().await, "a OK IDLE completed");
}

#[tokio::test(start_paused = true)]
async fn a_message_over_a_slow_line_takes_as_long_as_it_takes() {
    let mut client = hurried().user().await;
    let body = "x".repeat(510) + "\r\n";
    let message = message(1) + &body.repeat(1000);
    client
        .send(format!("a APPEND INBOX {{{}}}\r\n", message.len()))
        .await;
    assert_eq!(client.line().await, "+ OK");
    let began = Instant::now();
    for piece in message.as_bytes().chunks(8 << 10) {
        sleep(SECOND).await;
        client.send(piece).await;
    }
    assert!(began.elapsed() > 5 * IDLE_TIME);
    client.send("\r\n").await;
    assert!(client.line().await.starts_with("a OK [APPENDUID "));
}

/// While a client idles, other things happen than that it sends: what was found out about its line must not be lost.
#[tokio::test(start_paused = true)]
async fn a_line_without_end_is_cut_off_in_idle_too() {
    let mut client = World::new().selected().await;
    client.send("a IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    for _ in 0..20 {
        client.send("x".repeat(100)).await;
        // Longer than until the mailbox is looked at again.
        sleep(20 * SECOND).await;
    }
    let rest = client.rest().await;
    let last = rest.iter().find(|line| *line != "* OK still here");
    assert_eq!(last.map(String::as_str), Some("* BYE cut off: line without end"));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_over_long_line_in_idle_is_no_line() {
    let mut client = World::new().selected().await;
    client.send("a IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    client.send("x".repeat(100)).await;
    sleep(20 * SECOND).await;
    client.send("DONE\r\nb NOOP\r\n").await;
    assert_eq!(client.line().await, "a BAD expected DONE");
    assert_eq!(client.line().await, "b OK NOOP completed");
}

#[tokio::test(start_paused = true)]
async fn a_delay_after_a_failed_login_does_not_outlast_the_time_for_a_login() {
    let mut limits = Limits::default();
    limits.failed_login_delay = Duration::MAX;
    let mut client = World::with(limits).connect().await;
    client.send("a LOGIN joe wrong\r\n").await;
    assert_eq!(client.rest().await, ["* BYE the client took too long"]);
}

type Set = fn(&mut Limits, Extreme);

/// One end of a limit's range.
#[derive(Debug, Clone, Copy)]
enum Extreme {
    Least,
    Most,
}

impl Extreme {
    fn time(self) -> Duration {
        match self {
            Self::Least => Duration::ZERO,
            Self::Most => Duration::MAX,
        }
    }

    fn size(self) -> usize {
        match self {
            Self::Least => 0,
            Self::Most => usize::MAX,
        }
    }

    fn count(self) -> u32 {
        match self {
            Self::Least => 0,
            Self::Most => u32::MAX,
        }
    }
}

/// Every limit.
const SETS: [(&str, Set); 28] = [
    ("line_before_login", |l, to| l.line_before_login = to.size()),
    ("line", |l, to| l.line = to.size()),
    ("literal_before_login", |l, to| {
        l.literal_before_login = to.count()
    }),
    ("literal", |l, to| l.literal = to.count()),
    ("command", |l, to| l.command = to.count()),
    ("literals", |l, to| l.literals = to.count()),
    ("append", |l, to| l.append = to.count()),
    ("append_messages", |l, to| l.append_messages = to.count()),
    ("append_octets", |l, to| l.append_octets = to.count()),
    ("append_parts", |l, to| l.append_parts = to.count()),
    ("message_limit", |l, to| {
        l.message_limit = to.count().try_into().ok()
    }),
    ("save_limit", |l, to| l.save_limit = to.count().try_into().ok()),
    ("bad_commands", |l, to| l.bad_commands = to.count()),
    ("failed_logins", |l, to| l.failed_logins = to.count()),
    ("failed_login_delay", |l, to| l.failed_login_delay = to.time()),
    ("logins_at_once", |l, to| l.logins_at_once = to.size()),
    ("login_time", |l, to| l.login_time = to.time()),
    ("idle_time", |l, to| l.idle_time = to.time()),
    ("write_stall", |l, to| l.write_stall = to.time()),
    ("tls_handshake", |l, to| l.tls_handshake = to.time()),
    ("connections", |l, to| l.connections = to.size()),
    ("connections_per_address", |l, to| {
        l.connections_per_address = to.size()
    }),
    ("idle_keep_alive", |l, to| l.idle_keep_alive = to.time()),
    ("idle_batch", |l, to| l.idle_batch = to.time()),
    ("idle_poll", |l, to| l.idle_poll = to.time()),
    ("stop_time", |l, to| l.stop_time = to.time()),
    ("all times", |l, to| {
        (l.login_time, l.idle_time, l.write_stall) = (to.time(), to.time(), to.time());
        (l.idle_batch, l.idle_poll) = (to.time(), to.time());
        l.idle_keep_alive = to.time();
    }),
    ("none", |_, _| {}),
];

/// Logs in, stores, idles and logs out; gives the lines from the login on.
async fn some_work(limits: Limits) -> Vec<String> {
    let world = World::with(limits);
    let mut client = connect(&world.server, local(), &world.shutdown);
    client.send("a LOGIN joe secret\r\nb SELECT INBOX\r\n").await;
    client.send("c APPEND INBOX {8+}\r\nA: b\r\n\r\n\r\n").await;
    client.send("d IDLE\r\n").await;
    sleep(SECOND).await;
    client.send("DONE\r\ne LOGOUT\r\n").await;
    let lines = client.rest().await;
    client.ended().await;
    lines
}

/// B16: a limit may be switched off with the largest value, and a silly one must not stop the server.
#[tokio::test(start_paused = true)]
async fn every_limit_may_have_its_least_and_its_largest_value() {
    let named = format!("{:?}", Limits::default());
    for (name, set) in SETS {
        assert!(
            name == "all times" || name == "none" || named.contains(&format!("{name}: ")),
            "there is no limit {name}"
        );
        let mut limits = Limits::default();
        set(&mut limits, Extreme::Most);
        let lines = some_work(limits).await;
        assert_eq!(
            lines.last().map(String::as_str),
            Some("e OK LOGOUT completed"),
            "{name}: {lines:#?}"
        );
        let mut limits = Limits::default();
        set(&mut limits, Extreme::Least);
        let lines = some_work(limits).await;
        let last = lines.last().map(String::as_str).unwrap_or_default();
        assert!(
            last == "e OK LOGOUT completed" || last.starts_with("* BYE "),
            "{name}: {lines:#?}"
        );
        assert!(!last.contains("internal error"), "{name}: {lines:#?}");
        if name == "bad_commands" {
            assert_eq!(last, "e OK LOGOUT completed", "nothing was bad");
        }
    }
    assert_eq!(named.matches(": ").count(), SETS.len() - 2, "{named}");
}
