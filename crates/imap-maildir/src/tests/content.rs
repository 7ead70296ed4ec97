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
        fn size(&self) -> u64 {
            10
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
    let result = session
        .append(&name("INBOX"), AppendOptions::default(), Half(0))
        .await;
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
    ] {
        deliver(&fixture.root(), file, text);
    }
    let mut client = fixture.select("INBOX").await;
    let uids: Vec<_> = (1..=4).filter_map(Uid::new).collect();
    let sizes = client.mailbox().fetch(&uids, Need::SIZE).await.unwrap();
    assert!(
        sizes
            .iter()
            .all(|record| record.as_ref().unwrap().size == Some(6))
    );
}

#[tokio::test]
async fn the_internal_date_is_the_files_time_and_travels_with_copies() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "new/1.a", "x");
    let file = storage::open_file(CWD, fixture.root().join("new/1.a"), OpenFor::Reading).unwrap();
    file.set_times(1_000_000_000).unwrap();
    let mut client = fixture.select("INBOX").await;
    fixture.session().await.create(&name("copies")).await.unwrap();
    client.mailbox().copy(&set(&[1]), &name("copies")).await.unwrap();
    let mut copies = fixture.select("copies").await;
    for client in [&mut client, &mut copies] {
        let records = client
            .mailbox()
            .fetch(&[Uid::MIN], Need::INTERNAL_DATE)
            .await
            .unwrap();
        assert_eq!(
            records[0].as_ref().unwrap().internal_date.unwrap().timestamp(),
            1_000_000_000
        );
    }
}

#[tokio::test]
async fn a_header_is_read_without_the_rest_of_a_large_message() {
    let fixture = Fixture::new();
    let text = format!("a: {}\n\n{}", "h".repeat(40_000), "body\n".repeat(100_000));
    deliver(&fixture.root(), "new/1.a", &text);
    let mut client = fixture.select("INBOX").await;
    let records = client.mailbox().fetch(&[Uid::MIN], Need::HEADER).await.unwrap();
    let octets = records[0].as_ref().unwrap().octets.clone().unwrap();
    assert!(octets.windows(4).any(|four| four == b"\r\n\r\n"));
    assert!(octets.len() < 200_000, "{}", octets.len());
}

#[tokio::test]
async fn an_answer_stops_at_its_budget_and_never_before_its_first_message() {
    let fixture = Fixture::new();
    for number in 1..=3 {
        deliver(&fixture.root(), &format!("new/{number}.a"), &"x".repeat(3 << 19));
    }
    let mut client = fixture.select("INBOX").await;
    let uids: Vec<_> = (1..=3).filter_map(Uid::new).collect();
    assert_eq!(
        client.mailbox().fetch(&uids, Need::OCTETS).await.unwrap().len(),
        1
    );
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
    assert!(
        again
            .opened
            .keywords
            .iter()
            .any(|keyword| keyword.as_str() == "Work")
    );
}

#[tokio::test]
async fn the_27th_keyword_is_refused_and_said_before() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    assert_eq!(client.opened.new_keywords, imap_backend::NewKeywords::Allowed);
    let all: Vec<_> = (0..26).map(|number| format!("k{number}")).collect();
    client.store(&[1], FlagAction::Add, &all.join(" ")).await.unwrap();
    let error = client.store(&[1], FlagAction::Add, "more").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let again = fixture.select("INBOX").await;
    assert_eq!(again.opened.new_keywords, imap_backend::NewKeywords::Refused);
}

#[tokio::test]
async fn keywords_keep_their_meaning_in_another_mailbox_with_other_letters() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    session.create(&name("other")).await.unwrap();
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
