//! Clients that mean no good, or send what nobody meant: each ends in BAD, BYE or silence, never in a panic, a hang
//! or memory that grows.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use imap_backend_test::MemoryBackend;
use imap_server::{Limits, PlaintextLogin, Server, Shutdown};
use tokio::time::Instant;

use crate::common::{Client, World, connect, local, remote};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

async fn bye(client: &mut Client) -> String {
    let rest = client.rest().await;
    let last = rest.last().cloned().unwrap_or_default();
    assert!(last.starts_with("* BYE "), "{rest:#?}");
    last
}

#[tokio::test(start_paused = true)]
async fn an_over_long_line_is_bad_and_the_next_command_is_read() {
    let mut client = World::new().user().await;
    client
        .send(format!("a NOOP {}\r\nb NOOP\r\n", "x".repeat(100_000)))
        .await;
    assert_eq!(client.line().await, "a BAD command line longer than 65536 octets");
    assert_eq!(client.line().await, "b OK NOOP completed");
}

#[tokio::test(start_paused = true)]
async fn an_over_long_line_with_a_literal_behind_it_is_the_last_one() {
    let mut client = World::new().user().await;
    client
        .send(format!(
            "a SEARCH SUBJECT {} {{3+}}\r\nabc\r\n",
            "x".repeat(100_000)
        ))
        .await;
    assert_eq!(
        client.rest().await,
        [
            "a BAD command line longer than 65536 octets",
            "* BYE cut off: a refused literal is on its way"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn before_login_a_line_may_have_40_kib() {
    let mut client = World::new().connect().await;
    client
        .send(format!("a LOGIN joe {}\r\nb NOOP\r\n", "x".repeat(40 << 10)))
        .await;
    assert_eq!(client.line().await, "a BAD command line longer than 40960 octets");
    assert_eq!(client.line().await, "b OK NOOP completed");
}

#[tokio::test(start_paused = true)]
async fn a_line_without_end_is_cut_off() {
    let mut client = World::new().connect().await;
    for _ in 0..64 {
        client.send(vec![b'x'; 40 << 10]).await;
    }
    assert_eq!(bye(&mut client).await, "* BYE cut off: line without end");
}

#[tokio::test(start_paused = true)]
async fn before_login_no_large_literal_is_asked_for() {
    let mut client = World::new().connect().await;
    client.send("a LOGIN {8193}\r\n").await;
    assert_eq!(
        client.line().await,
        "a NO [TOOBIG] literal of 8193 octets where 8192 are allowed"
    );
    client.send("b LOGIN {8193+}\r\n").await;
    assert_eq!(
        client.line().await,
        "b NO [TOOBIG] literal of 8193 octets where 8192 are allowed"
    );
    assert_eq!(
        bye(&mut client).await,
        "* BYE cut off: a refused literal is on its way"
    );
}

#[tokio::test(start_paused = true)]
async fn an_append_before_login_reads_nothing() {
    let mut client = World::new().connect().await;
    client.send("a APPEND INBOX {10}\r\n").await;
    assert_eq!(client.line().await, "a BAD APPEND before login");
}

#[tokio::test(start_paused = true)]
async fn the_65th_literal_of_a_command_is_refused() {
    let mut client = World::new().user().await;
    client.send("a SEARCH").await;
    for _ in 0..64 {
        client.send(" SUBJECT {1}\r\n").await;
        assert_eq!(client.line().await, "+ OK");
        client.send("x").await;
    }
    client.send(" SUBJECT {1}\r\n").await;
    assert_eq!(client.line().await, "a NO [TOOBIG] more than 64 literals");
}

#[tokio::test(start_paused = true)]
async fn literals_together_may_not_pass_the_bound_of_a_command() {
    let mut client = World::new().user().await;
    client.send("a SEARCH").await;
    for _ in 0..2 {
        client.send(" SUBJECT {60000}\r\n").await;
        assert_eq!(client.line().await, "+ OK");
        client.send(vec![b'x'; 60_000]).await;
    }
    client.send(" SUBJECT {60000}\r\n").await;
    assert_eq!(
        client.line().await,
        "a NO [TOOBIG] command longer than 131072 octets"
    );
}

#[tokio::test(start_paused = true)]
async fn ten_bad_commands_in_a_row_end_the_connection_and_a_good_one_between_forgives() {
    let mut client = World::new().user().await;
    for _ in 0..9 {
        assert!(client.command("FROB").await[0].starts_with("BAD "));
    }
    client.ok("NOOP").await;
    for _ in 0..10 {
        client.send("x FROB\r\n").await;
    }
    let rest = client.rest().await;
    assert_eq!(rest.len(), 11, "{rest:#?}");
    assert_eq!(rest[10], "* BYE cut off: too many malformed commands");
}

#[tokio::test(start_paused = true)]
async fn failed_logins_are_slowed_down_and_the_tenth_ends_the_connection() {
    let mut client = World::new().connect().await;
    let started = Instant::now();
    for attempt in 1..=10_u32 {
        let before = Instant::now();
        client.send("a LOGIN joe guess\r\n").await;
        assert_eq!(
            client.line().await,
            "a NO [AUTHENTICATIONFAILED] wrong user name or password"
        );
        assert!(before.elapsed() >= Duration::from_millis(250) * attempt);
    }
    assert_eq!(bye(&mut client).await, "* BYE cut off: too many failed logins");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_log_in_within_a_minute_is_put_out_however_busy() {
    let mut client = World::new().connect().await;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(55) {
        tokio::time::sleep(Duration::from_secs(5)).await;
        client.ok("NOOP").await;
    }
    assert_eq!(bye(&mut client).await, "* BYE the client took too long");
    assert!(
        started.elapsed() <= Duration::from_secs(61),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_user_is_put_out_after_half_an_hour_also_in_idle() {
    let world = World::new();
    for command in ["", "a IDLE\r\n"] {
        let mut client = world.selected().await;
        let started = Instant::now();
        client.send(command).await;
        if !command.is_empty() {
            assert_eq!(client.line().await, "+ idling");
        }
        // Ever and again a look for whether the line is still there, as the patience of a test is short.
        while started.elapsed() < Duration::from_secs(29 * 60) {
            if !client.is_quiet().await {
                assert_eq!(client.line().await, "* OK still here");
            }
            tokio::time::sleep(Duration::from_secs(50)).await;
        }
        assert_eq!(bye(&mut client).await, "* BYE the client took too long");
        assert!(started.elapsed() <= Duration::from_secs(31 * 60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_left_after_a_minute_and_stops_nobody() {
    let world = World::new();
    let mut writer = world.user().await;
    writer.append("INBOX", &"x".repeat(200_000)).await;
    let mut deaf = world.selected().await;
    for _ in 0..100 {
        deaf.send("a FETCH 1 BODY.PEEK[]\r\n").await;
    }
    writer.ok("STATUS INBOX (MESSAGES)").await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(deaf.is_left(), "it has not closed, and is left all the same");
}

/// 100 kB of commands fit into the pipe only with what the server takes in while nobody reads its answers.
#[tokio::test(start_paused = true)]
async fn a_client_that_writes_much_before_it_reads_gets_every_answer() {
    let world = World::new();
    world.deliver(20).await;
    let mut client = world.selected().await;
    let commands: String = (1000..3600)
        .map(|number| format!("c{number} UID FETCH 1:* (FLAGS UID)\r\n"))
        .collect();
    let started = Instant::now();
    client.send(&commands).await;
    assert!(started.elapsed() < Duration::from_secs(1), "writing had to wait");
    for number in 1000..3600 {
        let lines = client.until_tagged(&format!("c{number}")).await;
        assert_eq!((lines.len(), lines[20].as_str()), (21, "OK FETCH completed"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_that_is_broken_off_leaves_nothing() {
    let world = World::new();
    let mut client = world.user().await;
    client.send("a APPEND INBOX {100}\r\n").await;
    assert_eq!(client.line().await, "+ OK");
    client.send("half").await;
    client.ended().await;
    let lines = world.user().await.ok("STATUS INBOX (MESSAGES)").await;
    assert_eq!(lines[0], "* STATUS INBOX (MESSAGES 0)");
}

#[tokio::test(start_paused = true)]
async fn a_password_does_not_cross_the_network_in_the_clear() {
    let server = |login| {
        Server::builder(MemoryBackend::new("joe", "secret"))
            .plaintext_login(login)
            .build()
    };
    for (login, peer, allowed) in [
        (PlaintextLogin::FromLoopback, remote(), false),
        (PlaintextLogin::FromLoopback, local(), true),
        (PlaintextLogin::FromAnywhere, remote(), true),
        (PlaintextLogin::Never, local(), false),
    ] {
        let mut client = connect(&server(login), peer, &Shutdown::new());
        let greeting = client.line().await;
        assert_eq!(greeting.contains(" LOGINDISABLED"), !allowed, "{greeting}");
        assert_eq!(greeting.contains(" AUTH=PLAIN"), allowed, "{greeting}");
        for command in ["LOGIN joe secret", "AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ="] {
            let lines = client.command(command).await;
            if !allowed {
                assert_eq!(lines, ["NO [PRIVACYREQUIRED] start TLS before logging in"]);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sixty_four_levels_of_nesting_are_bad_except_in_search() {
    let world = World::new();
    world.deliver(1).await;
    let mut client = world.selected().await;
    let nested = |open: &str, close: &str| format!("{}ALL{}", open.repeat(64), close.repeat(64));
    for command in [
        format!("FETCH 1 {}", nested("(", ")")),
        format!("STATUS INBOX {}", nested("(", ")")),
    ] {
        let lines = client.command(&command).await;
        assert!(lines[0].starts_with("BAD "), "{command}: {lines:?}");
    }
    for command in [
        format!("SEARCH {}", nested("(", ")")),
        format!("SEARCH {}", nested("NOT ", "")),
        format!("SEARCH {}", nested("OR ALL ", "")),
        format!("SEARCH {}ALL{}", "UNSEEN OR SEEN (".repeat(32), ")".repeat(32)),
    ] {
        assert_eq!(client.ok(&command).await[0], "* SEARCH 1", "{command}");
    }
}

/// The sender of the only message is the last of so many alternatives, in the shapes that clients write.
#[tokio::test(start_paused = true)]
async fn a_search_takes_a_thousand_keys_and_no_more() {
    let world = World::new();
    world.deliver(1).await;
    let mut client = world.selected().await;
    let shapes: [fn(&str, String) -> String; 3] = [
        |key, rest| format!("OR {key} {rest}"),
        |key, rest| format!("OR ({key}) ({rest})"),
        |key, rest| format!("NOT NOT (OR {key} {rest})"),
    ];
    for shape in shapes {
        let alternatives = |count: u32| {
            let others = (1..count).map(|number| format!("FROM a{number}@x"));
            others.fold("FROM sender1@example.org".to_owned(), |rest, key| {
                shape(&key, rest)
            })
        };
        assert_eq!(
            client.ok(&format!("SEARCH {}", alternatives(1000))).await[0],
            "* SEARCH 1"
        );
        assert_eq!(
            client.ok(&format!("UID SEARCH NOT {}", alternatives(1000))).await[0],
            "* SEARCH"
        );
        assert_eq!(
            client.command(&format!("SEARCH {}", alternatives(1001))).await,
            ["NO [LIMIT] SEARCH takes at most 1000 keys"]
        );
    }
}

/// As deep as a line is long: a reader that recursed would end the process.
#[tokio::test(start_paused = true)]
async fn a_search_that_nests_without_end_is_refused_and_the_next_command_is_read() {
    let mut client = World::new().selected().await;
    for (open, times) in [
        ("(", 65_000),
        ("NOT (SEEN ", 6_500),
        ("OR SEEN (SEEN ", 4_600),
        ("OR ", 21_000),
    ] {
        let lines = client.command(&format!("SEARCH {}", open.repeat(times))).await;
        let refused =
            lines[0].starts_with("NO [LIMIT] SEARCH ") || open == "OR " && lines[0].starts_with("BAD ");
        assert!(refused, "{open}: {lines:?}");
    }
    client.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn a_search_takes_64_keys_that_read_messages_however_they_are_combined() {
    let mut client = World::new().selected().await;
    // A flag more does not count, and neither does a field of which a summary is kept.
    let most = format!(
        "SEARCH SEEN SUBJECT x HEADER message-id y{}",
        " OR BODY x NOT HEADER X-Y y OR SEEN TEXT z".repeat(21) + " BODY x"
    );
    assert_eq!(client.ok(&most).await, ["* SEARCH", "OK SEARCH completed"]);
    for more in [
        " BODY x",
        " (SEEN TEXT x)",
        " NOT BODY x",
        " OR SEEN HEADER List-Id x",
    ] {
        let lines = client.command(&format!("{most}{more}")).await;
        assert!(
            lines[0].starts_with("NO [LIMIT] SEARCH takes at most 64 keys that read messages"),
            "{more}: {lines:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_largest_numbers_cost_nothing() {
    let world = World::new();
    world.deliver(2).await;
    let mut client = world.selected().await;
    let lines = client.ok("UID FETCH 1:4294967295,4294967295:* (FLAGS)").await;
    assert_eq!(lines.len(), 3, "{lines:#?}");
    client.ok("UID STORE 1:4294967294 +FLAGS.SILENT (\\Seen)").await;
    assert_eq!(client.ok("UID SEARCH UID 1:4294967294").await[0], "* SEARCH 1 2");
    client.ok("UID FETCH 1 BODY.PEEK[]<4294967295.4294967295>").await;
    assert!(client.command("UID FETCH 4294967296 FLAGS").await[0].starts_with("BAD "));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_says_bye_to_idle_and_idling_clients() {
    let world = World::new();
    let mut stranger = world.connect().await;
    let mut user = world.selected().await;
    let mut idling = world.selected().await;
    idling.send("a IDLE\r\n").await;
    assert_eq!(idling.line().await, "+ idling");
    world.shutdown.start();
    for client in [&mut stranger, &mut user, &mut idling] {
        assert_eq!(bye(client).await, "* BYE the server stops");
    }
}

#[tokio::test(start_paused = true)]
async fn small_limits_hold_too() {
    let world = World::with(limits(|limits| {
        limits.append = 10;
        limits.bad_commands = 1;
    }));
    let mut client = world.user().await;
    client.send("a APPEND INBOX {11}\r\n").await;
    assert_eq!(
        client.line().await,
        "a NO [TOOBIG] the largest message accepted has 10 octets"
    );
    client.send("b FROB\r\n").await;
    assert_eq!(client.line().await, "b BAD unknown command FROB at octet 3");
    assert_eq!(
        bye(&mut client).await,
        "* BYE cut off: too many malformed commands"
    );
    let mut client = world.user().await;
    client.send("a APPEND INBOX {11+}\r\n").await;
    assert_eq!(
        client.rest().await,
        [
            "a NO [TOOBIG] the largest message accepted has 10 octets",
            "* BYE cut off: a refused literal is on its way"
        ]
    );
}
