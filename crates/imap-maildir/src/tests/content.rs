//! Octets, sizes, dates and flags of messages.

use super::*;
use crate::disk::storage::{self, CWD, OpenFor};
use imap_backend::ErrorKind;

#[tokio::test]
async fn what_is_appended_is_fetched_octet_for_octet() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    for text in [
        "a: b\r\n\r\nbody\r\n",
        "",
        "x",
        "a: b\r\n\r\nbare\rcr\r\r\nend\r\n",
        "s: ü\r\n\r\n\u{1}8-bit \u{ff}\r\n",
    ] {
        let uid = append(&mut session, "INBOX", text, "").await.unwrap();
        let mut client = fixture.select("INBOX").await;
        assert_eq!(client.body(uid).await.unwrap(), text.as_bytes());
    }
    let fixture = fixture.restarted();
    let mut again = fixture.select("INBOX").await;
    assert_eq!(again.body(1).await.unwrap(), "a: b\r\n\r\nbody\r\n");
}

#[tokio::test]
async fn files_are_sent_with_crlf_and_without_nul() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "new/1.a", "s: x\n\na\0b\r\nc\n");
    let mut client = fixture.select("INBOX").await;
    assert_eq!(client.body(1).await.unwrap(), &b"s: x\r\n\r\na\x80b\r\nc\r\n"[..]);
}

#[tokio::test]
async fn a_nul_octet_is_refused_and_nothing_stays() {
    let fixture = Fixture::new();
    let error = append(&mut fixture.session().await, "INBOX", "a\0b", "")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownEncoding);
    fixture.select("INBOX").await;
    assert_eq!(files(&fixture.root()), [""; 0]);
    assert_eq!(std::fs::read_dir(fixture.root().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_leaves_nothing() {
    struct Half(u8);
    impl MessageSource for Half {
        fn size(&self) -> Option<u64> {
            Some(10)
        }
        async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
            self.0 += 1;
            if self.0 == 1 {
                Ok(Some("half".into()))
            } else {
                Err(ErrorKind::ClientGone.into())
            }
        }
    }
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let result = session.append(&name("INBOX"), &Append::default(), Half(0)).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::ClientGone);
    assert_eq!(std::fs::read_dir(fixture.root().join("tmp")).unwrap().count(), 0);
    assert_eq!(files(&fixture.root()), [""; 0]);
}

#[tokio::test]
async fn sizes_that_a_file_name_claims_wrongly_are_not_believed() {
    let fixture = Fixture::new();
    for (file, text) in [
        ("cur/1.a,S=4,W=6:2,", "a\nb\n"),
        ("cur/2.b,S=40,W=5:2,", "a\nb\n"),
        ("cur/3.c,S=4,W=99:2,", "a\nb\n"),
        ("cur/4.d:2,", "a\nb\n"),
        // The wire size is possible for a file of four octets, and still not this file's.
        ("cur/5.e,S=4,W=5:2,", "a\nb\n"),
    ] {
        deliver(&fixture.root(), file, text);
    }
    let mut client = fixture.select("INBOX").await;
    let uids: Vec<_> = (1..=5).filter_map(Uid::new).collect();
    let sizes = client.mailbox().fetch(&uids, Need::SIZE).await.unwrap();
    assert!(sizes.into_records().all(|record| record.size() == Some(6)));
}

#[tokio::test]
async fn the_internal_date_is_the_files_time_and_travels_with_copies() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "new/1.a", "x");
    let file = storage::open_file(CWD, &*fixture.root().join("new/1.a"), OpenFor::Reading).unwrap();
    file.set_times(1_000_000_000).unwrap();
    let mut client = fixture.select("INBOX").await;
    create(&mut fixture.session().await, "copies").await.unwrap();
    client.mailbox().copy(&set(&[1]), &name("copies")).await.unwrap();
    let mut copies = fixture.select("copies").await;
    for client in [&mut client, &mut copies] {
        let record = client.record(1, Need::INTERNAL_DATE).await.unwrap();
        assert_eq!(record.internal_date().unwrap().timestamp(), 1_000_000_000);
    }
}

#[tokio::test]
async fn flags_and_keywords_are_in_the_file_names_and_come_back() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "x", "\\Seen todo").await.unwrap();
    let mut client = fixture.select("INBOX").await;
    client
        .store(&[1], FlagAction::Add, "\\Flagged Work $Forwarded")
        .await
        .unwrap();
    client.store(&[1], FlagAction::Remove, "TODO").await.unwrap();
    assert_eq!(client.flags(1).await, "(\\Flagged \\Seen $Forwarded Work)");
    assert_eq!(infos(&fixture.root()), ["2,FPSb"]);
    assert_eq!(
        std::fs::read_to_string(fixture.root().join("dovecot-keywords")).unwrap(),
        "0 todo\n1 Work\n"
    );
    let mut again = fixture.restarted().select("INBOX").await;
    assert_eq!(again.flags(1).await, "(\\Flagged \\Seen $Forwarded Work)");
    let work = Keyword::new("Work").unwrap();
    assert!(again.keywords.contains(&work));
}

#[tokio::test]
async fn the_27th_keyword_is_refused_and_said_before() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    assert_eq!(client.new_keywords, NewKeywords::Allowed);
    let all: Vec<_> = (0..26).map(|number| format!("k{number}")).collect();
    client.store(&[1], FlagAction::Add, &all.join(" ")).await.unwrap();
    let error = client.store(&[1], FlagAction::Add, "more").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let again = fixture.select("INBOX").await;
    assert_eq!(again.new_keywords, NewKeywords::Refused);
}

#[tokio::test]
async fn keywords_keep_their_meaning_in_another_mailbox_with_other_letters() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "other").await.unwrap();
    append(&mut session, "other", "x", "first").await.unwrap();
    append(&mut session, "INBOX", "y", "second \\Seen").await.unwrap();
    append(&mut session, "INBOX", "z", "second \\Draft")
        .await
        .unwrap();
    let mut client = fixture.select("INBOX").await;
    client.mailbox().copy(&set(&[1]), &name("other")).await.unwrap();
    client
        .mailbox()
        .move_to(&set(&[2]), &name("other"))
        .await
        .unwrap();
    let mut other = fixture.select("other").await;
    assert_eq!(other.flags(2).await, "(\\Seen second)");
    assert_eq!(other.flags(3).await, "(\\Draft second)");
}

/// Several threads read the files; here with two messages each.
#[tokio::test]
async fn many_messages_are_answered_in_their_order_whoever_reads_them() {
    let fixture = Fixture::new();
    let text = |number: usize| format!("Subject: {number}\n\n{}\n", "x".repeat(number));
    for number in 1..=23 {
        deliver(&fixture.root(), &format!("cur/{number:03}.a:2,"), &text(number));
    }
    let mut client = fixture.select("INBOX").await;
    // What other programs did is not known yet.
    let cur = fixture.root().join("cur");
    std::fs::remove_file(cur.join("005.a:2,")).unwrap();
    std::fs::rename(cur.join("009.a:2,"), cur.join("009.a:2,S")).unwrap();
    let uids: Vec<_> = client.uids().into_iter().filter_map(Uid::new).collect();
    let need = Need::SUMMARY.and(Need::SIZE);
    let read = client.mailbox().fetch(&uids, need).await.unwrap();
    assert_eq!(read.len(), 23);
    for (record, number) in read.iter().zip(1..) {
        let Some(record) = record else {
            assert_eq!(number, 5, "it is there");
            continue;
        };
        assert_eq!(record.uid().get(), number, "in order");
        let number = usize::try_from(number).unwrap();
        assert_eq!(
            record.size(),
            Some(text(number).replace('\n', "\r\n").len() as u64)
        );
        let subject = record.summary().unwrap().envelope().subject_text();
        assert_eq!(subject, Some(number.to_string()));
    }
}
