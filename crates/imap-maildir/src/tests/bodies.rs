//! Message files as bodies that are read a piece at a time.

use super::*;
use imap_backend::{Body, ErrorKind};
use imap_message::{Summary, to_crlf};

/// A message with LF line ends, of about so many octets, whose lines differ in length.
fn text(octets: usize) -> String {
    let mut text = "Subject: large\n\n".to_owned();
    for number in 0.. {
        if text.len() >= octets {
            return text;
        }
        text.push_str(&format!("{number}{}\n", "x".repeat(number % 97)));
    }
    unreachable!("the loop ends")
}

async fn body(client: &mut Client, uid: u32, need: Need) -> Body {
    client.record(uid, need).await.unwrap().body().unwrap().clone()
}

#[tokio::test]
async fn every_piece_of_a_large_file_with_lf_line_ends_is_that_of_its_crlf_form() {
    let fixture = Fixture::new();
    let text = text(300_000);
    let wire = to_crlf(text.as_bytes()).into_owned();
    deliver(&fixture.root(), "cur/1.a:2,", &text);
    let mut client = fixture.select("INBOX").await;
    let pieces = [
        (0, 10),
        (250_000, 1_000),
        (65_530, 20),
        (131_000, 70_000),
        (wire.len() - 1, 5),
        (wire.len(), 5),
        (wire.len() + 9, 5),
        (1, 400_000),
    ];
    // In this order and the other, each with a handle of its own that knows nothing yet, and with one for all.
    for order in [pieces.to_vec(), pieces.iter().rev().copied().collect()] {
        let one = body(&mut client, 1, Need::BODY).await;
        for (offset, at_most) in order {
            let expected = &wire[offset.min(wire.len())..(offset + at_most).min(wire.len())];
            let own = body(&mut client, 1, Need::BODY).await;
            for body in [&own, &one] {
                let piece = body.read_at(offset as u64, at_most).await.unwrap();
                assert!(piece == expected, "{at_most} from {offset}");
            }
        }
        assert_eq!(one.size().await.unwrap(), wire.len() as u64);
    }
}

#[tokio::test]
async fn a_small_message_is_handed_over_and_a_large_one_is_not() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", &text(1000));
    deliver(&fixture.root(), "cur/2.a:2,", &text(100_000));
    let mut client = fixture.select("INBOX").await;
    assert!(body(&mut client, 1, Need::BODY).await.held().is_some());
    assert!(body(&mut client, 2, Need::BODY).await.held().is_none());
}

#[tokio::test]
async fn an_answer_hands_over_no_more_than_it_may_hold() {
    let fixture = Fixture::new();
    for number in 1..=40 {
        deliver(&fixture.root(), &format!("cur/{number:02}.a:2,"), &text(50_000));
    }
    let mut client = fixture.select("INBOX").await;
    let uids: Vec<_> = (1..=40).filter_map(Uid::new).collect();
    let fetched = client.mailbox().fetch(&uids, Need::BODY).await.unwrap();
    let held = |record: &imap_backend::Record| record.body()?.held().map(Bytes::len);
    let held: usize = fetched.iter().flatten().filter_map(held).sum();
    assert!((400_000..=Need::HELD_OCTETS + 4096).contains(&held), "{held}");
    assert_eq!(fetched.len(), 40);
}

#[tokio::test]
async fn the_size_of_a_body_is_the_truth_whatever_the_name_claims() {
    let fixture = Fixture::new();
    for (file, octets) in [
        ("cur/1.a,S=100001,W=200000:2,", 100_000),
        ("cur/2.b,W=5:2,", 100_000),
        ("cur/3.c,W=7:2,", 50),
    ] {
        deliver(&fixture.root(), file, &text(octets));
    }
    let mut client = fixture.select("INBOX").await;
    for uid in 1..=3 {
        let body = body(&mut client, uid, Need::BODY).await;
        let size = body.size().await.unwrap();
        let read = body.read_first(1 << 20).await.unwrap();
        assert_eq!(read.len() as u64, size, "UID {uid}");
        assert_eq!(
            client.record(uid, Need::SIZE).await.unwrap().size(),
            Some(size),
            "UID {uid}"
        );
    }
}

#[tokio::test]
async fn a_file_that_becomes_shorter_or_longer_while_it_is_read_ends_where_it_may() {
    let fixture = Fixture::new();
    let text = text(200_000);
    deliver(&fixture.root(), "cur/1.a:2,", &text);
    let path = fixture.root().join("cur/1.a:2,");
    let mut client = fixture.select("INBOX").await;
    let wire = to_crlf(text.as_bytes()).into_owned();
    let longer = body(&mut client, 1, Need::BODY).await;
    longer.read_at(0, 1).await.unwrap();
    std::fs::write(&path, format!("{text}more and more")).unwrap();
    assert_eq!(longer.size().await.unwrap(), wire.len() as u64);
    assert_eq!(
        longer.read_at(wire.len() as u64 - 5, 100).await.unwrap(),
        wire[wire.len() - 5..]
    );
    let shorter = body(&mut client, 1, Need::BODY).await;
    shorter.read_at(0, 1).await.unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(150_000)
        .unwrap();
    let left = to_crlf(&text.as_bytes()[..150_000]).len() as u64;
    assert_eq!(shorter.size().await.unwrap(), left);
    assert_eq!(shorter.read_at(left, 100).await.unwrap(), "");
}

#[tokio::test]
async fn a_body_follows_its_file_to_another_name_and_ends_with_it() {
    let fixture = Fixture::new();
    let root = fixture.root();
    deliver(&root, "cur/1.a:2,", &text(100_000));
    let mut client = fixture.select("INBOX").await;
    let renamed = body(&mut client, 1, Need::BODY).await;
    std::fs::rename(root.join("cur/1.a:2,"), root.join("cur/1.a:2,S")).unwrap();
    assert_eq!(renamed.read_at(0, 7).await.unwrap(), "Subject");
    let gone = body(&mut client, 1, Need::BODY).await;
    std::fs::remove_file(root.join("cur/1.a:2,S")).unwrap();
    assert_eq!(
        gone.read_at(0, 7).await.unwrap_err().kind(),
        ErrorKind::ExpungeIssued
    );
    assert_eq!(
        renamed.read_at(9, 5).await.unwrap(),
        "large",
        "an open file stays"
    );
}

#[tokio::test]
async fn a_summary_is_the_one_of_the_whole_message_and_is_kept() {
    let fixture = Fixture::new();
    for (number, octets) in [(1, 1000), (2, 200_000)] {
        deliver(&fixture.root(), &format!("cur/{number}.a:2,"), &text(octets));
    }
    let mut client = fixture.select("INBOX").await;
    for (uid, octets) in [(1, 1000), (2, 200_000)] {
        let expected = Summary::of(&to_crlf(text(octets).as_bytes()));
        let header = client.record(uid, Need::HEADER_SUMMARY).await.unwrap();
        assert_eq!(header.summary().unwrap().envelope(), expected.envelope());
        let whole = client.record(uid, Need::SUMMARY).await.unwrap();
        assert_eq!(**whole.summary().unwrap(), expected);
        let again = client.record(uid, Need::SUMMARY).await.unwrap();
        assert!(
            Arc::ptr_eq(whole.summary().unwrap(), again.summary().unwrap()),
            "UID {uid}"
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_hides_no_other_and_says_so_when_it_is_read() {
    let fixture = Fixture::new();
    let root = fixture.root();
    for number in 1..=3 {
        deliver(&root, &format!("cur/{number}.a:2,"), "a\n\nb\n");
    }
    let mut client = fixture.select("INBOX").await;
    std::fs::remove_file(root.join("cur/2.a:2,")).unwrap();
    std::os::unix::fs::symlink("1.a:2,", root.join("cur/2.a:2,")).unwrap();
    let uids: Vec<_> = (1..=3).filter_map(Uid::new).collect();
    for need in [
        Need::SIZE,
        Need::INTERNAL_DATE.and(Need::SIZE),
        Need::SUMMARY,
        Need::BODY,
    ] {
        let fetched = client.mailbox().fetch(&uids, need).await.unwrap();
        let records: Vec<_> = fetched.into_iter().map(Option::unwrap).collect();
        assert_eq!(
            records[2].size().is_some(),
            need.includes(Need::SIZE),
            "the others are answered"
        );
        assert_eq!((records[1].size(), records[1].summary().is_some()), (None, false));
        let error = records[1].body().unwrap().size().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corruption, "{need:?}");
    }
}

#[tokio::test]
async fn what_was_found_out_about_a_file_is_not_believed_of_another_content_under_its_name() {
    let fixture = Fixture::new();
    let path = fixture.root().join("cur/1.a:2,");
    let lines = |count: usize| format!("Subject: s\n\n{}", "x\n".repeat(count));
    let need = Need::SUMMARY.and(Need::BODY);
    deliver(&fixture.root(), "cur/1.a:2,", &lines(100));
    let mut client = fixture.select("INBOX").await;
    client.record(1, need).await.unwrap();
    // Shorter and longer; large ones, of the same size with other line ends, read before and read again.
    let same = |filler: &str| format!("Subject: s\n\n{}", filler.repeat(50_000));
    for text in [lines(10), lines(200), same("xy\n"), same("\n\n\n"), same("xyz")] {
        // Another time of modification than before, whatever the clock's grain.
        std::fs::write(&path, &text).unwrap();
        let time = std::time::UNIX_EPOCH
            + std::time::Duration::from_secs(text.len() as u64 + text.lines().count() as u64);
        std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
        let record = client.record(1, need).await.unwrap();
        let wire = to_crlf(text.as_bytes());
        let body = record.body().unwrap();
        assert_eq!(body.size().await.unwrap(), wire.len() as u64);
        assert!(body.read_first(1 << 20).await.unwrap() == *wire);
        assert_eq!(**record.summary().unwrap(), Summary::of(&wire));
    }
}
