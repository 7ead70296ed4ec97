//! MAILBOXID and EMAILID (RFC 8474) when other programs, a new process and a lost index are in the way.

use super::*;

async fn mailbox_id(fixture: &Fixture, mailbox: &str) -> String {
    let mut session = fixture.session().await;
    let status = session
        .status(&name(mailbox), StatusQuery::MESSAGES)
        .await
        .unwrap();
    status.mailbox_id().unwrap().to_string()
}

async fn email_id(client: &mut Client, uid: u32) -> String {
    let record = client.record(uid, Need::OBJECT_IDS).await.unwrap();
    record.email_id().unwrap().to_string()
}

/// The first line of a UID list, without its `G`.
fn take_guid_away(list: &Path) {
    let text = std::fs::read_to_string(list).unwrap();
    let at = text.find(" G").unwrap();
    std::fs::write(list, [&text[..at], &text[at + 34..]].concat()).unwrap();
}

#[tokio::test]
async fn rfc8474_4_a_mailbox_that_another_program_renames_keeps_its_id() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let created = session.create(&name("a"), &Create::default()).await.unwrap();
    let id = created.mailbox_id().unwrap().to_string();
    assert_eq!(mailbox_id(&fixture, "a").await, id);
    std::fs::rename(fixture.root().join(".a"), fixture.root().join(".b")).unwrap();
    assert_eq!(mailbox_id(&fixture, "b").await, id);
    session.create(&name("a"), &Create::default()).await.unwrap();
    assert_ne!(mailbox_id(&fixture, "a").await, id);
    assert_eq!(mailbox_id(&fixture.restarted(), "b").await, id);
}

#[tokio::test]
async fn rfc8474_4_a_list_without_an_identifier_gets_the_one_that_clients_were_told() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    drop(fixture.select("INBOX").await);
    let list = fixture.root().join("dovecot-uidlist");
    take_guid_away(&list);
    let fixture = fixture.restarted();
    let mut client = fixture.select("INBOX").await;
    let told = mailbox_id(&fixture, "INBOX").await;
    // Something to be written: the list is made anew.
    deliver(&fixture.root(), "new/2.b", "x");
    client.noop().await;
    assert!(
        std::fs::read_to_string(&list)
            .unwrap()
            .contains(&format!(" G{}", &told[1..]))
    );
    drop(client);
    assert_eq!(mailbox_id(&fixture.restarted(), "INBOX").await, told);
}

#[tokio::test]
async fn rfc8474_5_1_an_email_id_outlives_its_original_the_process_and_the_index() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    session.create(&name("a"), &Create::default()).await.unwrap();
    for (at, text) in [("cur/1.a:2,S", "x"), ("cur/2.b,S=1,W=1:2,", "y")] {
        deliver(&fixture.root(), at, text);
    }
    let mut client = fixture.select("INBOX").await;
    let ids = [email_id(&mut client, 1).await, email_id(&mut client, 2).await];
    assert_ne!(ids[0], ids[1]);
    let both: UidSet = [1, 2].into_iter().map(|uid| Uid::new(uid).unwrap()).collect();
    client.mailbox().copy(&both, &name("a")).await.unwrap();
    client.mailbox().move_to(&both, &name("a")).await.unwrap();
    drop(client);
    for file in ["imap-index", "imap-index-wal"] {
        let _ = std::fs::remove_file(fixture.root().join(".a").join(file));
    }
    let fixture = fixture.restarted();
    let mut client = fixture.select("a").await;
    assert_eq!(client.uids(), [1, 2, 3, 4]);
    for uid in 1..=4 {
        assert_eq!(
            email_id(&mut client, uid).await,
            ids[(uid as usize - 1) % 2],
            "{uid}"
        );
    }
}
