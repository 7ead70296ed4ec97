//! Keywords where 26 letters are all there are.

use super::*;
use imap_backend::ErrorKind;

fn keywords(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("k{number:02} ")).collect()
}

/// A mailbox of two messages; the first has 26 keywords.
async fn with_all_letters(fixture: &Fixture) -> Client {
    for number in 1..=2 {
        deliver(&fixture.root(), &format!("cur/{number}.a:2,"), "x");
    }
    let mut client = fixture.select("INBOX").await;
    client
        .store(&[1], FlagAction::Add, &keywords(0..26))
        .await
        .unwrap();
    client
}

#[tokio::test]
async fn c8_a_letter_that_no_message_has_is_given_to_a_new_keyword() {
    let fixture = Fixture::new();
    let mut client = with_all_letters(&fixture).await;
    let refused = client.store(&[2], FlagAction::Add, "new").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limit);
    client.store(&[1], FlagAction::Remove, "k03 k07").await.unwrap();
    client.store(&[2], FlagAction::Add, "new").await.unwrap();
    assert_eq!(client.flags(2).await, "(new)");
    let kept = (0..26).filter(|number| ![3, 7].contains(number));
    let kept: String = kept.map(|number| format!("k{number:02} ")).collect();
    assert_eq!(client.flags(1).await, flags(&kept).to_string());
    // Another process reads the same.
    let mut other = Fixture::on(Arc::clone(&fixture.home)).select("INBOX").await;
    assert_eq!(other.flags(2).await, "(new)");
    assert_eq!(other.flags(1).await, flags(&kept).to_string());
}

#[tokio::test]
async fn c8_a_letter_of_a_file_that_is_not_known_yet_stays_what_it_is() {
    let fixture = Fixture::new();
    let mut client = with_all_letters(&fixture).await;
    client.store(&[1], FlagAction::Remove, "k03 k07").await.unwrap();
    deliver(&fixture.root(), "cur/3.a:2,d", "x");
    client.store(&[2], FlagAction::Add, "new").await.unwrap();
    client.noop().await;
    assert_eq!(client.flags(3).await, "(k03)");
    assert_eq!(client.flags(2).await, "(new)");
}

#[tokio::test]
async fn c8_append_copy_and_move_keep_the_message_and_do_without_the_keyword() {
    let fixture = Fixture::new();
    drop(with_all_letters(&fixture).await);
    let mut session = fixture.session().await;
    let appended = append(&mut session, "INBOX", "x", "\\Seen new").await.unwrap();
    create(&mut session, "other").await.unwrap();
    append(&mut session, "other", "x", "\\Seen new").await.unwrap();
    append(&mut session, "other", "x", "\\Seen new").await.unwrap();
    let mut other = fixture.select("other").await;
    other.mailbox().copy(&set(&[1]), &name("INBOX")).await.unwrap();
    other.mailbox().move_to(&set(&[2]), &name("INBOX")).await.unwrap();
    let mut client = fixture.select("INBOX").await;
    assert_eq!(client.uids(), [1, 2, 3, 4, 5]);
    assert_eq!(appended, 3);
    for uid in [3, 4, 5] {
        assert_eq!(client.flags(uid).await, "(\\Seen)", "{uid}");
    }
}
