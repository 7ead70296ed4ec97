//! Messages of more than 4 GiB (RFC 9051, appendix E, change 1).

use bytes::Bytes;
use imap_backend::{Body, Error, Fetched, ReadBody, Record};
use imap_seq::Uid;
use imap_updates::Flags;

use crate::common::stub::{Stub, StubStore};

const SIZE: u64 = 5 << 30;

/// A message that is nowhere whole.
struct Pretended;

impl ReadBody for Pretended {
    async fn size(&self) -> Result<u64, Error> {
        Ok(SIZE)
    }

    async fn read_at(&self, at: u64, at_most: usize) -> Result<Bytes, Error> {
        let left = usize::try_from(SIZE - at).unwrap_or(usize::MAX);
        Ok(vec![b'x'; at_most.min(left)].into())
    }
}

/// Every message is that large.
#[derive(Clone)]
struct Large;

impl Stub for Large {
    fn fetch(&self, uids: &[Uid]) -> Result<Fetched, Error> {
        let record = |&uid| {
            let record = Record::new(uid, Flags::empty()).with_size(SIZE);
            Some(record.with_body(Body::new(Pretended)))
        };
        Ok(uids.iter().map(record).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn rfc9051_e_change_1_sizes_have_more_than_32_bits() {
    let mut client = StubStore::new(Large, 1..=2).client().await;
    client.ok("ENABLE IMAP4rev2").await;
    client.ok("SELECT INBOX").await;
    let row = &client.ok("FETCH 1 RFC822.SIZE").await[0];
    assert_eq!(row, "* 1 FETCH (RFC822.SIZE 5368709120)");
    let figures = &client.ok("STATUS INBOX (SIZE)").await[0];
    assert_eq!(figures, "* STATUS INBOX (SIZE 10737418240)");
    let found = &client.ok("SEARCH LARGER 5368709119 SMALLER 5368709121").await[0];
    assert!(found.ends_with(" ALL 1:2"), "{found}");
    let found = &client.ok("SEARCH RETURN (COUNT) LARGER 5368709120").await[0];
    assert!(found.ends_with(" COUNT 0"), "{found}");
    client.send("a FETCH 2 BODY.PEEK[]\r\n").await;
    assert_eq!(client.line().await, "* 2 FETCH (BODY[] {5368709120}");
    assert_eq!(client.octets(100_000).await, vec![b'x'; 100_000]);
}

/// `partial = "<" number64 "." nz-number64 ">"`: else nobody could read the end of such a message in pieces.
#[tokio::test(start_paused = true)]
async fn rfc9051_9_a_piece_may_begin_and_end_behind_4_gib() {
    let mut client = StubStore::new(Large, 1..=1).client().await;
    client.ok("SELECT INBOX").await;
    for (section, piece, wanted) in [
        ("BODY[]", "<4294967296.3>", "BODY[]<4294967296> {3}"),
        (
            "BODY[]",
            "<5368709118.9223372036854775807>",
            "BODY[]<5368709118> {2}",
        ),
        (
            "BODY[]",
            "<9223372036854775807.1>",
            "BODY[]<9223372036854775807> {0}",
        ),
    ] {
        client
            .send(&format!(
                "a FETCH 1 {}{piece}\r\n",
                section.replace('[', ".PEEK[")
            ))
            .await;
        assert_eq!(client.line().await, format!("* 1 FETCH ({wanted}"));
        client.until_tagged("a").await;
    }
    client.send("a FETCH 1 (BODY.PEEK[]<5.4294967296> UID)\r\n").await;
    assert_eq!(client.line().await, "* 1 FETCH (BODY[]<5> {4294967296}");
    assert_eq!(client.octets(100_000).await, vec![b'x'; 100_000]);
}
