//! COMPRESS=DEFLATE (RFC 4978) on whole connections.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use imap_backend_test::MemoryBackend;
use imap_server::{Compression, Limits, Server, Shutdown};
use proptest::prelude::*;
use tokio::io::{AsyncWriteExt, DuplexStream};

use crate::common::compressed::Compressed;
use crate::common::{Client, World, connect, local, message};

async fn compressed(mut client: Client) -> Compressed<DuplexStream> {
    assert_eq!(client.ok("COMPRESS DEFLATE").await, ["OK DEFLATE active"]);
    Compressed::new(client.into_stream())
}

async fn rest(client: &mut Compressed<DuplexStream>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(line) = client.line_or_end().await {
        lines.push(line);
    }
    lines
}

/// RFC 4978, section 3: its two examples, but for the code of the login.
#[tokio::test(start_paused = true)]
async fn rfc4978_3_what_follows_the_ok_is_compressed_and_nothing_is_compressed_twice() {
    let world = World::new();
    let mut client = compressed(world.user().await).await;
    assert_eq!(client.command("NOOP").await, ["OK NOOP completed"]);
    assert_eq!(
        client.command("compress deflate").await,
        ["NO [COMPRESSIONACTIVE] DEFLATE active via COMPRESS"]
    );
    assert_eq!(client.command("NOOP").await, ["OK NOOP completed"]);
    assert_eq!(
        client.command("LOGOUT").await,
        ["* BYE logging out", "OK LOGOUT completed"]
    );
    assert_eq!(rest(&mut client).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn rfc4978_3_another_mechanism_is_bad_and_changes_nothing() {
    let mut client = World::new().user().await;
    let answer = client.command("COMPRESS ZSTD").await;
    assert!(answer[0].starts_with("BAD "), "{answer:?}");
    client.ok("NOOP").await;
}

/// What a stranger sends may be a password: nothing is compressed before login.
#[tokio::test(start_paused = true)]
async fn it_is_offered_after_login_and_until_it_is_active() {
    let world = World::new();
    let mut client = world.connect().await;
    assert!(!client.ok("CAPABILITY").await[0].contains("COMPRESS"));
    assert_eq!(client.command("COMPRESS DEFLATE").await, ["BAD log in first"]);
    let login = client.ok("LOGIN joe secret").await;
    assert!(login[0].contains(" COMPRESS=DEFLATE"), "{login:?}");
    let mut client = compressed(client).await;
    assert!(!client.command("CAPABILITY").await[0].contains("COMPRESS"));
}

#[tokio::test(start_paused = true)]
async fn an_operator_may_switch_it_off() {
    let server = Server::builder(MemoryBackend::new("joe", "secret"))
        .compression(Compression::Off)
        .build();
    let mut client = connect(&server, local(), &Shutdown::new());
    client.line().await;
    let login = client.ok("LOGIN joe secret").await;
    assert!(!login[0].contains("COMPRESS"), "{login:?}");
    assert_eq!(
        client.command("COMPRESS DEFLATE").await,
        ["BAD COMPRESS: not supported"]
    );
}

/// A client may not send more before it has seen the OK, but what it compresses behind the line is compressed input.
#[tokio::test(start_paused = true)]
async fn octets_behind_the_command_in_one_segment_are_compressed_input() {
    let mut plain = World::new().user().await;
    let mut behind = Compressed::new(tokio::io::duplex(1).0);
    let commands = behind.compressed("b NOOP\r\nc NOOP\r\n");
    plain
        .send([b"a COMPRESS DEFLATE\r\n".as_slice(), &commands].concat())
        .await;
    assert_eq!(plain.line().await, "a OK DEFLATE active");
    let received = plain.unread();
    let mut client = Compressed::with_received(plain.into_stream(), &received);
    assert_eq!(client.line().await, "b OK NOOP completed");
    assert_eq!(client.line().await, "c OK NOOP completed");
}

#[tokio::test(start_paused = true)]
async fn what_was_pending_is_told_before_the_tagged_ok_and_uncompressed() {
    let world = World::new();
    let mut watcher = world.selected().await;
    world.deliver(1).await;
    let lines = watcher.ok("COMPRESS DEFLATE").await;
    assert!(lines.contains(&"* 1 EXISTS".to_owned()), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn idle_tells_each_change_at_once() {
    let world = World::new();
    let mut client = compressed(world.selected().await).await;
    client.send("i IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    for messages in 1..4 {
        world.deliver(1).await;
        assert_eq!(client.line().await, format!("* {messages} EXISTS"));
        assert_eq!(client.line().await, format!("* {messages} RECENT"));
        // Long enough for the compressor to be another one.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    client.send("DONE\r\nz NOOP\r\n").await;
    assert_eq!(client.line().await, "i OK IDLE completed");
    assert_eq!(client.line().await, "z OK NOOP completed");
}

#[tokio::test(start_paused = true)]
async fn messages_go_in_and_come_out_whole_in_fewer_octets() {
    let world = World::new();
    let mut client = compressed(world.selected().await).await;
    let body: String = (1..5000).map(|line| format!("line {line}\r\n")).collect();
    let text = format!("{}{body}", message(1));
    client
        .send(format!("a APPEND INBOX {{{}}}\r\n", text.len()))
        .await;
    assert_eq!(client.line().await, "+ OK");
    client.send(format!("{text}\r\n")).await;
    assert_eq!(client.line().await, "* 1 EXISTS");
    assert_eq!(client.line().await, "* 1 RECENT");
    assert!(client.line().await.starts_with("a OK [APPENDUID "));
    let before = client.on_the_wire;
    let got = client.command("FETCH 1 BODY.PEEK[]").await;
    assert_eq!(got[0], format!("* 1 FETCH (BODY[] {{{}}}", text.len()));
    assert!(text.lines().eq(got[1..got.len() - 2].iter().map(String::as_str)));
    let octets = client.on_the_wire - before;
    assert!(octets * 2 < text.len() as u64, "{octets}");
}

/// Both sides write before they read: the server takes in as much as without compression.
#[tokio::test(start_paused = true)]
async fn a_client_that_writes_before_it_reads_is_not_waited_for_for_ever() {
    let world = World::new();
    world.deliver(1).await;
    let mut client = compressed(world.selected().await).await;
    // More in each direction than the pipe holds, and little of it compressible.
    let mut number = 1_u64;
    let mut noise = String::new();
    while noise.len() < 60_000 {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        noise.push_str(&format!("{number:x}"));
    }
    let text = format!("Subject: noise\r\n\r\n{noise}");
    client
        .send(format!("a APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len()))
        .await;
    while !client.line().await.starts_with("a OK ") {}
    let mut commands = String::new();
    for index in 0..40 {
        commands.push_str(&format!("f{index} FETCH 2 BODY.PEEK[]\r\nn{index} NOOP\r\n"));
    }
    client.send(&commands).await;
    while client.line().await != "n39 OK NOOP completed" {}
}

#[tokio::test(start_paused = true)]
async fn a_bomb_is_an_over_long_line_and_no_more() {
    let mut client = compressed(World::new().user().await).await;
    let bomb = client.compressed(vec![b'x'; 8 << 20]);
    assert!(bomb.len() < 10_000);
    let _ = client.stream.write_all(&bomb).await;
    assert_eq!(rest(&mut client).await, ["* BYE cut off: line without end"]);
}

#[tokio::test(start_paused = true)]
async fn an_over_long_line_is_bad_and_the_next_command_is_read() {
    let mut client = compressed(World::new().user().await).await;
    client
        .send(format!("a NOOP {}\r\nb NOOP\r\n", "x".repeat(100_000)))
        .await;
    assert_eq!(client.line().await, "a BAD command line longer than 65536 octets");
    assert_eq!(client.line().await, "b OK NOOP completed");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_deflate_data_ends_the_connection_with_a_word() {
    let mut client = compressed(World::new().user().await).await;
    client.stream.write_all(b"a NOOP\r\nb NOOP\r\n").await.unwrap();
    assert_eq!(
        rest(&mut client).await,
        ["* BYE cut off: what comes is not DEFLATE data"]
    );
}

#[tokio::test(start_paused = true)]
async fn half_a_block_is_waited_for_as_half_a_line_is() {
    let mut limits = Limits::default();
    limits.idle_time = Duration::from_secs(10);
    let mut client = compressed(World::with(limits).user().await).await;
    let mut octets = client.compressed("a NOOP\r\n");
    octets.truncate(3);
    client.stream.write_all(&octets).await.unwrap();
    assert_eq!(rest(&mut client).await, ["* BYE the client took too long"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever comes behind COMPRESS: the server's part is DEFLATE data to the end, of whole lines.
    #[test]
    fn nothing_behind_compress_is_a_panic_or_half_a_line(
        commands in prop::collection::vec("[a-z]{1,3} (NOOP|CAPABILITY|SELECT INBOX|IDLE|DONE|COMPRESS DEFLATE|FETCH 1 ALL|LOGIN \\{3\\+\\})(\r\n|\n|)", 0..8),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..4),
        noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        crate::common::run(async move {
            let world = World::new();
            let mut client = compressed(world.user().await).await;
            let mut octets = Vec::new();
            for command in commands {
                octets.extend(client.compressed(command));
            }
            for (at, bit) in damage {
                if !octets.is_empty() {
                    let at = at.index(octets.len());
                    octets[at] ^= 1 << bit;
                }
            }
            octets.extend(noise);
            let _ = client.stream.write_all(&octets).await;
            let _ = client.stream.shutdown().await;
            rest(&mut client).await;
        });
    }
}
