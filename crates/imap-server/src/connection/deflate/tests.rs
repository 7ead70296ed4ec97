//! The layer alone, with clients of another implementation.

use std::time::Duration;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

use super::*;

/// By then, what is to come has come; time stands still in these tests.
const LIMIT: Duration = Duration::from_secs(60);

fn pair() -> (DuplexStream, Deflated) {
    pair_of(&Pools::default())
}

fn pair_of(pools: &Pools) -> (DuplexStream, Deflated) {
    let (client, stream) = duplex(1 << 20);
    (client, Deflated::new(Box::new(stream), &[], pools.clone()))
}

/// Waits for the client in vain for so long, as a stream does whose client is quiet.
async fn rest(stream: &mut Deflated, time: Duration) {
    timeout(time, stream.read_u8()).await.unwrap_err();
}

/// Sends these octets to the client.
async fn send(stream: &mut Deflated, octets: &[u8]) {
    stream.write_all(octets).await.unwrap();
    stream.flush().await.unwrap();
}

/// So many octets as the client reads them.
async fn receive(client: &mut DuplexStream, reader: &mut Decompress, octets: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut room = vec![0; 64 << 10];
    while all.len() < octets {
        let count = timeout(LIMIT, client.read(&mut room)).await.unwrap().unwrap();
        assert!(count > 0);
        all.extend(inflated(reader, &room[..count]));
    }
    all
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

/// Compresses these octets as one piece of a client's stream.
fn compressed(client: &mut Compress, octets: &[u8], flush: FlushCompress) -> Vec<u8> {
    let before = client.total_in();
    let mut all = Vec::new();
    loop {
        all.reserve(4096);
        let done = usize::try_from(client.total_in() - before).unwrap();
        let status = client.compress_vec(&octets[done..], &mut all, flush).unwrap();
        let is_taken = client.total_in() - before == octets.len() as u64;
        if is_taken && (all.len() < all.capacity() || status == Status::StreamEnd) {
            return all;
        }
    }
}

/// What a client reads of what it has received.
fn inflated(client: &mut Decompress, octets: &[u8]) -> Vec<u8> {
    let before = client.total_in();
    let mut all = Vec::new();
    loop {
        all.reserve(4096);
        let done = usize::try_from(client.total_in() - before).unwrap();
        let status = client
            .decompress_vec(&octets[done..], &mut all, FlushDecompress::Sync)
            .unwrap();
        if status == Status::StreamEnd || all.len() < all.capacity() {
            return all;
        }
    }
}

fn new_client() -> (Compress, Decompress) {
    (
        Compress::new(flate2::Compression::new(6), false),
        Decompress::new(false),
    )
}

/// Text that compresses, and refers back as far as it can.
fn text(octets: usize) -> Vec<u8> {
    let words = [
        "* 17 FETCH (UID 23 FLAGS (\\Seen))\r\n",
        "body of a message ",
        "0123456789",
    ];
    let mut number = 7_usize;
    let mut all = Vec::new();
    while all.len() < octets {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        all.extend_from_slice(words[(number >> 33) % 3].as_bytes());
        all.push(number.to_le_bytes()[5]);
    }
    all.truncate(octets);
    all
}

async fn read_all(stream: &mut Deflated, octets: usize) -> Vec<u8> {
    let mut all = vec![0; octets];
    timeout(LIMIT, stream.read_exact(&mut all))
        .await
        .unwrap()
        .unwrap();
    all
}

#[tokio::test(start_paused = true)]
async fn what_is_flushed_can_be_read_also_when_the_compressor_is_a_new_one() {
    let pools = Pools::default();
    let (mut client, mut stream) = pair_of(&pools);
    let (_, mut reader) = new_client();
    for round in 0..4 {
        let sent = text(50_000 * round + 5);
        send(&mut stream, &sent).await;
        let got = receive(&mut client, &mut reader, sent.len()).await;
        assert!(got == sent, "round {round}");
        // Every other time the compressor is the one of before.
        if round % 2 == 0 {
            rest(&mut stream, 2 * QUIET).await;
            let mut others: Vec<_> = (0..compressors::MOST).map(|_| pair_of(&pools)).collect();
            for (_, other) in &mut others {
                send(other, b"* 1 EXISTS\r\n").await;
                rest(other, Duration::from_millis(1)).await;
            }
        }
    }
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    let status = reader.decompress_vec(&rest, &mut Vec::with_capacity(64), FlushDecompress::Sync);
    assert_eq!(status.unwrap(), Status::StreamEnd);
}

#[tokio::test(start_paused = true)]
async fn a_flush_with_nothing_to_flush_sends_nothing() {
    let (mut client, mut stream) = pair();
    stream.flush().await.unwrap();
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    assert!(client.read(&mut [0; 100]).await.unwrap() > 0);
    stream.flush().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(
        timeout(Duration::from_secs(1), client.read_u8()).await.is_err(),
        "it sent something"
    );
}

#[tokio::test(start_paused = true)]
async fn streams_that_rest_share_their_compressors() {
    let pools = Pools::default();
    let mut all: Vec<_> = (0..100).map(|_| (pair_of(&pools), new_client().1)).collect();
    for _ in 0..3 {
        for ((client, stream), reader) in &mut all {
            send(stream, b"* 1 EXISTS\r\n").await;
            assert_eq!(receive(client, reader, 12).await, b"* 1 EXISTS\r\n");
            rest(stream, Duration::from_millis(1)).await;
            assert!(pools.compressors.number() <= compressors::MOST);
        }
    }
    assert_eq!(pools.compressors.number(), compressors::MOST);
}

/// They have what they need, and it is not kept.
#[tokio::test(start_paused = true)]
async fn streams_that_send_all_at_once_need_more_compressors_and_give_them_back() {
    let pools = Pools::default();
    let mut all: Vec<_> = (0..100).map(|_| (pair_of(&pools), new_client().1)).collect();
    for ((_, stream), _) in &mut all {
        stream.write_all(b"* 1 EXISTS\r\n").await.unwrap();
    }
    assert_eq!(pools.compressors.number(), 100);
    for ((client, stream), reader) in &mut all {
        stream.flush().await.unwrap();
        assert_eq!(receive(client, reader, 12).await, b"* 1 EXISTS\r\n");
        rest(stream, Duration::from_millis(1)).await;
    }
    assert!(pools.compressors.number() <= compressors::MOST);
    drop(all);
    // Those that nobody goes on with are used before there are more.
    for _ in 0..3 {
        let (_client, mut stream) = pair_of(&pools);
        send(&mut stream, b"* 1 EXISTS\r\n").await;
        rest(&mut stream, Duration::from_millis(1)).await;
    }
    assert!(pools.compressors.number() <= compressors::MOST);
}

/// A client that has said something and is quiet then, for long, in the middle of an answer.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_under_way_keeps_its_compressor() {
    let pools = Pools::default();
    let (mut client, mut stream) = pair_of(&pools);
    let (mut writer, mut reader) = new_client();
    let said = text(20_000);
    client
        .write_all(&compressed(&mut writer, &said, FlushCompress::Sync))
        .await
        .unwrap();
    assert!(read_all(&mut stream, said.len()).await == said);
    stream.write_all(&said).await.unwrap();
    rest(&mut stream, 2 * QUIET).await;
    assert_eq!(pools.compressors.number(), 1);
    stream.flush().await.unwrap();
    assert!(receive(&mut client, &mut reader, said.len()).await == said);
}

/// What a client has not sent is nothing, and not what another client has sent.
#[tokio::test(start_paused = true)]
async fn a_client_that_refers_back_too_far_sees_nothing_of_others() {
    let pools = Pools::default();
    let (mut other, mut others) = pair_of(&pools);
    let (mut writer, _) = new_client();
    let secret = text(40_000);
    other
        .write_all(&compressed(&mut writer, &secret, FlushCompress::Sync))
        .await
        .unwrap();
    assert!(read_all(&mut others, secret.len()).await == secret);
    rest(&mut others, Duration::from_millis(1)).await;
    // A block of fixed codes (RFC 1951, section 3.2.6): an x, and 258 octets from 24,582 before.
    let (mut client, mut stream) = pair_of(&pools);
    let block = [0xaa, 0x18, 0xbd, 0x05, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff];
    client.write_all(&block).await.unwrap();
    drop(client);
    let mut seen = Vec::new();
    let _ = stream.read_to_end(&mut seen).await;
    assert_eq!(seen.len(), 259, "{}", seen.escape_ascii());
    assert!(
        seen[1..].iter().all(|octet| *octet == 0),
        "{}",
        seen.escape_ascii()
    );
}

/// A mail program that asks again soon is answered in as few octets as if nobody else was there.
#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_with_its_own_compressor() {
    let pools = Pools::default();
    let (mut client, mut stream) = pair_of(&pools);
    let mut others: Vec<_> = (1..compressors::MOST).map(|_| pair_of(&pools)).collect();
    let answer = text(1000);
    let mut lengths = Vec::new();
    for _ in 0..2 {
        for (_, other) in &mut others {
            send(other, &answer).await;
            rest(other, Duration::from_millis(1)).await;
        }
        send(&mut stream, &answer).await;
        rest(&mut stream, Duration::from_millis(1)).await;
        lengths.push(client.read(&mut [0; 2000]).await.unwrap());
    }
    assert!(lengths[1] < lengths[0] / 4, "{lengths:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_may_refer_back_32_kib_across_a_pause() {
    let (mut client, mut stream) = pair();
    let (mut writer, _) = new_client();
    for octets in [10, 3_000, 40_000, 100_000, 32 << 10, 1] {
        let sent = text(octets);
        let on_the_wire = compressed(&mut writer, &sent, FlushCompress::Sync);
        client.write_all(&on_the_wire).await.unwrap();
        assert!(read_all(&mut stream, octets).await == sent, "{octets}");
        // It pauses, and what can be given back is.
        rest(&mut stream, Duration::from_secs(1)).await;
        assert!(stream.inflater.holds() <= 32 << 10, "{octets}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_clients_stream_is_the_end_of_what_it_sends() {
    let (mut client, mut stream) = pair();
    let (mut writer, _) = new_client();
    let on_the_wire = compressed(&mut writer, b"a LOGOUT\r\n", FlushCompress::Finish);
    client.write_all(&on_the_wire).await.unwrap();
    client.write_all(b"b NOOP\r\n").await.unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"a LOGOUT\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_bomb_is_inflated_no_further_than_there_is_room() {
    let (mut client, mut stream) = pair();
    let (mut writer, _) = new_client();
    let bomb = compressed(&mut writer, &vec![b'x'; 64 << 20], FlushCompress::Sync);
    assert!(bomb.len() < 80_000);
    client.write_all(&bomb).await.unwrap();
    let mut got = 0;
    while got < 64 << 20 {
        let mut room = [0; 1000];
        got += stream.read(&mut room).await.unwrap();
        let held = stream.inflater.holds();
        assert!(held < 64 << 10, "{held}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_pieces_a_stream_comes_in_it_says_the_same(
        pieces in prop::collection::vec((0_usize..60_000, 0_u8..4), 1..8),
        cuts in prop::collection::vec(1_usize..5_000, 1..20),
        room in 1_usize..40_000,
    ) {
        let (mut writer, _) = new_client();
        let (mut wire, mut sent) = (Vec::new(), Vec::new());
        for (octets, flush) in pieces {
            let piece = text(octets);
            let flush = match flush {
                0 => FlushCompress::None,
                1 => FlushCompress::Partial,
                2 => FlushCompress::Sync,
                _ => FlushCompress::Full,
            };
            wire.extend(compressed(&mut writer, &piece, flush));
            sent.extend(piece);
        }
        wire.extend(compressed(&mut writer, &[], FlushCompress::Sync));
        runtime().block_on(async {
            let (mut client, mut stream) = pair();
            let writing = tokio::spawn(async move {
                let mut rest = wire.as_slice();
                for cut in cuts.iter().cycle() {
                    let (piece, after) = rest.split_at(rest.len().min(*cut));
                    client.write_all(piece).await.unwrap();
                    // The reader comes to rest in between.
                    sleep(Duration::from_millis(1)).await;
                    rest = after;
                    if rest.is_empty() {
                        break;
                    }
                }
                client
            });
            let mut got = Vec::new();
            let mut octets = vec![0; room];
            while got.len() < sent.len() {
                let count = stream.read(&mut octets).await.unwrap();
                assert!(count > 0);
                got.extend_from_slice(&octets[..count]);
            }
            assert!(got == sent);
            drop(writing.await.unwrap());
            assert_eq!(stream.read(&mut octets).await.unwrap(), 0);
        });
    }

    /// Whoever has had a compressor before: the octets are those of a new one, so that nothing of another client shows.
    #[test]
    fn a_compressor_of_another_stream_shows_nothing_of_it(
        before in prop::collection::vec(any::<u8>(), 0..3_000),
        size in 0_usize..70_000,
        said in prop::collection::vec(any::<u8>(), 1..2_000),
    ) {
        runtime().block_on(async {
            let mut wires = Vec::new();
            for others in [0, compressors::MOST] {
                let pools = Pools::default();
                let mut streams: Vec<_> = (0..others).map(|_| pair_of(&pools)).collect();
                for (_, stream) in &mut streams {
                    send(stream, &text(size)).await;
                    send(stream, &before).await;
                    rest(stream, Duration::from_millis(1)).await;
                }
                assert_eq!(pools.compressors.number(), others);
                let (mut client, mut stream) = pair_of(&pools);
                send(&mut stream, &said).await;
                send(&mut stream, &text(1000)).await;
                assert_eq!(pools.compressors.number(), others.max(1));
                drop(stream);
                let mut wire = Vec::new();
                client.read_to_end(&mut wire).await.unwrap();
                wires.push(wire);
            }
            assert!(wires[0] == wires[1]);
        });
    }

    /// Many streams at once, that rest now and then for a while or for long: each client reads what it was sent, and what it sends
    /// is read.
    #[test]
    fn streams_that_share_compressors_say_what_they_are_to_say(
        steps in prop::collection::vec((0_usize..24, 0_usize..9_000, 0_u8..8), 1..120),
    ) {
        runtime().block_on(async {
            let pools = Pools::default();
            let mut all: Vec<_> = (0..24).map(|_| (pair_of(&pools), new_client())).collect();
            for (which, size, how) in steps {
                let ((client, stream), (writer, reader)) = &mut all[which];
                let octets = text(size);
                stream.write_all(&octets).await.unwrap();
                if how % 2 == 0 {
                    // In the middle of an answer nobody may have the compressor.
                    rest(stream, Duration::from_millis(1)).await;
                }
                stream.flush().await.unwrap();
                assert!(receive(client, reader, size).await == octets);
                let wire = compressed(writer, &octets, FlushCompress::Sync);
                client.write_all(&wire).await.unwrap();
                assert!(read_all(stream, size).await == octets);
                match how {
                    0..4 => rest(stream, Duration::from_millis(1)).await,
                    4 => rest(stream, 2 * QUIET).await,
                    _ => {}
                }
            }
        });
    }

    #[test]
    fn what_is_damaged_is_an_error_or_other_octets_and_never_a_panic(
        damage in prop::collection::vec((0_usize..3_000, 0_u8..8), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..200),
        cut in 0_usize..4_000,
    ) {
        let (mut writer, _) = new_client();
        let mut wire = compressed(&mut writer, &text(8_000), FlushCompress::Sync);
        for (at, bit) in damage {
            let at = at % wire.len();
            wire[at] ^= 1 << bit;
        }
        wire.truncate(cut);
        wire.extend(noise);
        runtime().block_on(async {
            let (mut client, mut stream) = pair();
            client.write_all(&wire).await.unwrap();
            drop(client);
            let mut octets = [0; 1000];
            loop {
                match stream.read(&mut octets).await {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        assert!(error.get_ref().is_some_and(|inner| inner.is::<Damaged>()));
                        break;
                    }
                }
            }
        });
    }
}
