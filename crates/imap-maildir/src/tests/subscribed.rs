//! The file of subscriptions, as this and other programs leave it.

use super::*;
use imap_backend::ErrorKind;

const SUBSCRIBED: Selection = Selection::Subscribed;

async fn lsub(session: &mut MaildirSession) -> Vec<String> {
    let entries = session.list(&ListQuery::new(SUBSCRIBED)).await.unwrap();
    entries.iter().map(|entry| entry.name().to_string()).collect()
}

fn write(fixture: &Fixture, text: &str) {
    std::fs::write(fixture.root().join("subscriptions"), text).unwrap();
}

fn file(fixture: &Fixture) -> String {
    std::fs::read_to_string(fixture.root().join("subscriptions")).unwrap()
}

#[tokio::test]
async fn c7_a_name_that_stands_twice_is_unsubscribed_once_and_for_all() {
    for text in [
        "t\nkept\nt\n",
        "t\r\nkept\r\nt\n",
        "t.\nkept\nt\n",
        "V\t2\n\nt\nkept\nt\n",
        "V\t2\n\nt\t\nkept\nt\n",
        "V\t2\r\n\r\nt\r\nkept\r\nt\r\n",
    ] {
        let fixture = Fixture::new();
        let mut session = fixture.session().await;
        write(&fixture, text);
        assert_eq!(lsub(&mut session).await.len(), 2, "{text:?}");
        session.unsubscribe(&name("t")).await.unwrap();
        assert_eq!(lsub(&mut session).await, ["kept"], "{text:?}");
    }
}

#[tokio::test]
async fn c2_a_subscription_below_inbox_is_one_in_any_case() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    write(&fixture, "inbox\nInbox.a\nINBOX.a\ninboxes\n");
    assert_eq!(lsub(&mut session).await, ["INBOX", "INBOX.a", "inboxes"]);
    session.subscribe(&name("INBOX.a")).await.unwrap();
    session.unsubscribe(&name("INBOX.a")).await.unwrap();
    session.unsubscribe(&name("INBOX")).await.unwrap();
    assert_eq!(lsub(&mut session).await, ["inboxes"]);
}

#[tokio::test]
async fn c15_names_that_no_mailbox_can_have_are_neither_shown_nor_taken() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    write(&fixture, "..\nun.\n.\na..b\na/b\n~x\n\u{e9}\nkept\n");
    assert_eq!(lsub(&mut session).await, ["un", "kept"]);
    let before = file(&fixture);
    for impossible in ["..", "a..b", "a/b", "~x"] {
        let refused = session.subscribe(&name(impossible)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NonExistent, "{impossible}");
    }
    assert_eq!(file(&fixture), before);
}

#[tokio::test]
async fn t21_a_user_can_have_ten_thousand_subscriptions_and_no_more() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let many: String = (0..10_000).map(|number| format!("m{number}\n")).collect();
    write(&fixture, &many);
    let refused = session.subscribe(&name("more")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limit);
    session.subscribe(&name("m7")).await.unwrap();
    assert_eq!(file(&fixture), many);
    session.unsubscribe(&name("m7")).await.unwrap();
    session.subscribe(&name("more")).await.unwrap();
    assert_eq!(lsub(&mut session).await.len(), 10_000);
}

#[tokio::test]
async fn t21_a_file_that_is_too_long_to_be_read_whole_is_not_cut() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let long = format!("first\n{}last\n", "x\n".repeat(2 << 20));
    write(&fixture, &long);
    for refused in [
        session.subscribe(&name("more")).await,
        session.unsubscribe(&name("first")).await,
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Limit);
    }
    assert_eq!(file(&fixture), long);
    assert_eq!(lsub(&mut session).await, ["first", "x"]);
}
