//! COMPRESS (RFC 4978): what follows is read through it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use flate2::{Compress, Compression, FlushCompress};
use imap_conform::{Follower, Rule};

/// One direction, by another implementation of DEFLATE than the follower's.
struct Deflater(Compress);

impl Deflater {
    fn new() -> Self {
        Self(Compress::new(Compression::default(), false))
    }

    fn deflate(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut deflated = Vec::with_capacity(octets.len() + 1024);
        self.0
            .compress_vec(octets, &mut deflated, FlushCompress::Sync)
            .unwrap();
        deflated
    }
}

/// A follower after COMPRESS was agreed to, with the first compressed octets in the same piece as the OK.
fn compressed(client: &mut Deflater, server: &mut Deflater) -> Follower {
    let mut follower = Follower::new("1");
    follower.server(b"* PREAUTH ready\r\n");
    follower.client(b"a SELECT INBOX\r\n");
    follower.server(b"* FLAGS ()\r\n* 2 EXISTS\r\n* 0 RECENT\r\na OK done\r\n");
    follower.client(b"b COMPRESS DEFLATE\r\n");
    let first = server.deflate(b"* 3 EXISTS\r\n");
    follower.server(&[&b"b OK begin\r\n"[..], &first].concat());
    follower.client(&client.deflate(b"c NOOP\r\n"));
    follower
}

#[test]
fn what_is_compressed_is_followed() {
    let (mut client, mut server) = (Deflater::new(), Deflater::new());
    let mut follower = compressed(&mut client, &mut server);
    let large = format!("c OK done {}\r\n", "x".repeat(200_000));
    follower.server(&server.deflate(large.as_bytes()));
    assert!(!follower.has_found(), "{:?}", follower.take_findings());
    for octet in server.deflate(b"* 2 EXISTS\r\n") {
        follower.server(&[octet]);
    }
    assert_eq!(follower.take_findings()[0].rule(), Rule::ExistsShrinks);
}

#[test]
fn what_is_not_deflate_is_not_followed_any_more() {
    let (mut client, mut server) = (Deflater::new(), Deflater::new());
    let mut follower = compressed(&mut client, &mut server);
    follower.server(&[0xff; 100]);
    assert_eq!(follower.lost(), Some("what the server sends is not DEFLATE"));
}
