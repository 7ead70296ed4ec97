//! SAVEDATE: when a message came into the mailbox that it is in (RFC 8514), as the UID list keeps it.

use super::*;
use chrono::{DateTime, Utc};

const GUID: &str = "0123456789abcdef0123456789abcdef";

fn list(fixture: &Fixture, lines: &str) {
    std::fs::create_dir_all(fixture.root()).unwrap();
    let text = format!("3 V17 N9 G{GUID}\n{lines}");
    std::fs::write(fixture.root().join("dovecot-uidlist"), text).unwrap();
}

async fn saved(client: &mut Client, uid: u32) -> Option<DateTime<Utc>> {
    client.record(uid, Need::SAVE_DATE).await.unwrap().save_date()
}

fn moment(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

#[tokio::test]
async fn a_save_date_outlives_the_process_new_flags_and_a_list_that_is_written_anew() {
    let fixture = Fixture::new();
    list(&fixture, "3 T1000000000 :a\n4 S2 :b\n5 T1100000000 S2 :c\n");
    for file in ["cur/a:2,", "cur/b:2,S", "new/c"] {
        deliver(&fixture.root(), file, "x");
    }
    let mut client = fixture.select("INBOX").await;
    client.store(&[3, 5], FlagAction::Add, "\\Seen").await.unwrap();
    for uid in 9..43 {
        let text = format!("message {uid}");
        assert_eq!(
            append(&mut fixture.session().await, "INBOX", &text, "\\Deleted")
                .await
                .unwrap(),
            uid
        );
    }
    client.noop().await;
    client.expunge().await;
    // A look at what another program did is the occasion.
    deliver(&fixture.root(), "new/d", "x");
    client.noop().await;
    drop(client);
    let text = std::fs::read_to_string(fixture.root().join("dovecot-uidlist")).unwrap();
    assert!(!text.contains("\n9 "), "the list is to be written anew: {text}");
    let fixture = fixture.restarted();
    let mut client = fixture.select("INBOX").await;
    assert_eq!(client.uids(), [3, 4, 5, 43]);
    let dates = [saved(&mut client, 3).await, saved(&mut client, 5).await];
    assert_eq!(dates, [moment(1_000_000_000), moment(1_100_000_000)]);
    // Another program gave this UID and did not say when: neither does the file.
    assert_eq!(saved(&mut client, 4).await, None);
}

#[tokio::test]
async fn what_is_found_without_a_uid_is_saved_when_it_is_found() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "new/a", "x");
    std::fs::File::open(fixture.root().join("new/a"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    let mut client = fixture.select("INBOX").await;
    let found = saved(&mut client, 1).await;
    assert!(found > moment(1_700_000_000), "{found:?}");
    drop(client);
    let mut again = fixture.restarted().select("INBOX").await;
    assert_eq!(saved(&mut again, 1).await, found);
}

/// Section 3: "the save date attribute is not copied from the source message".
#[tokio::test]
async fn a_message_that_is_copied_or_moved_is_saved_anew() {
    let fixture = Fixture::new();
    list(&fixture, "3 T1000000000 :a\n4 T1000000000 :b\n");
    for file in ["cur/a:2,", "cur/b:2,"] {
        deliver(&fixture.root(), file, "x");
    }
    create(&mut fixture.session().await, "x").await.unwrap();
    let mut client = fixture.select("INBOX").await;
    client.mailbox().copy(&set(&[3]), &name("x")).await.unwrap();
    client.mailbox().move_to(&set(&[4]), &name("x")).await.unwrap();
    assert_eq!(saved(&mut client, 3).await, moment(1_000_000_000));
    let mut there = fixture.select("x").await;
    for uid in [1, 2] {
        let date = saved(&mut there, uid).await;
        assert!(date > moment(1_700_000_000), "{date:?}");
    }
}
