//! The layer alone, with clients of another implementation.

use std::time::Duration;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

use super::*;

fn pair() -> (DuplexStream, Deflated) {
    let (client, stream) = duplex(1 << 20);
    (client, Deflated::new(Box::new(stream), &[]))
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
    stream.read_exact(&mut all).await.unwrap();
    all
}

#[tokio::test(start_paused = true)]
async fn what_is_flushed_can_be_read_also_when_the_compressor_is_a_new_one() {
    let (mut client, mut stream) = pair();
    let (_, mut reader) = new_client();
    for round in 0..4 {
        let sent = text(50_000 * round + 5);
        stream.write_all(&sent).await.unwrap();
        stream.flush().await.unwrap();
        let mut got = Vec::new();
        while got.len() < sent.len() {
            let mut octets = vec![0; 1 << 20];
            let count = client.read(&mut octets).await.unwrap();
            got.extend(inflated(&mut reader, &octets[..count]));
        }
        assert!(got == sent, "round {round}");
        // Every other time the compressor is the one of before.
        if round % 2 == 0 {
            timeout(2 * deflater::QUIET, stream.read_u8()).await.unwrap_err();
            assert!(!stream.deflater.holds_a_compressor());
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
async fn a_client_may_refer_back_32_kib_across_a_pause() {
    let (mut client, mut stream) = pair();
    let (mut writer, _) = new_client();
    for octets in [10, 3_000, 40_000, 100_000, 32 << 10, 1] {
        let sent = text(octets);
        let on_the_wire = compressed(&mut writer, &sent, FlushCompress::Sync);
        client.write_all(&on_the_wire).await.unwrap();
        assert!(read_all(&mut stream, octets).await == sent, "{octets}");
        // It pauses, and what can be given back is.
        timeout(Duration::from_secs(1), stream.read_u8())
            .await
            .unwrap_err();
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
