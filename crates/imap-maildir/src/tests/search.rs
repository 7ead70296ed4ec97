//! SEARCH from the index gives what looking at each message gives.

use super::*;
use chrono::NaiveDate;
use imap_backend::{Query, SearchKey, search};
use imap_message::Needle;
use proptest::prelude::*;

fn key() -> impl Strategy<Value = SearchKey> {
    let flag = prop_oneof![
        Just("\\Seen"),
        Just("\\Flagged"),
        Just("$Forwarded"),
        Just("todo"),
        Just("absent")
    ];
    let day = (1u32..5).prop_map(|day| NaiveDate::from_ymd_opt(2001, 9, day + 6).unwrap());
    let leaf = prop_oneof![
        Just(SearchKey::All),
        proptest::collection::vec(1u32..12, 0..6).prop_map(|uids| SearchKey::Uids(set(&uids))),
        flag.prop_map(|flag| SearchKey::Flag(flag.parse().unwrap())),
        day.clone().prop_map(SearchKey::Before),
        day.clone().prop_map(SearchKey::On),
        day.clone().prop_map(SearchKey::Since),
        day.clone().prop_map(SearchKey::SavedBefore),
        day.clone().prop_map(SearchKey::SavedOn),
        day.prop_map(SearchKey::SavedSince),
        Just(SearchKey::SaveDateSupported),
        (0u64..40).prop_map(SearchKey::Larger),
        (0u64..40).prop_map(SearchKey::Smaller),
        Just(SearchKey::Header("subject".to_owned(), Needle::new("even"))),
        Just(SearchKey::Body(Needle::new("third"))),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(SearchKey::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(SearchKey::Or),
            inner.prop_map(|key| SearchKey::Not(Box::new(key))),
        ]
    })
}

#[test]
fn the_index_and_the_records_find_the_same_messages() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let fixture = Fixture::new();
    let mut client = runtime.block_on(async {
        let suffixes = ["", "S", "F", "FS", "P", "a", "Sa", "PS", "b", "T"];
        std::fs::create_dir_all(fixture.root()).unwrap();
        for (number, suffix) in suffixes.iter().enumerate() {
            let subject = if number % 2 == 0 { "even" } else { "odd" };
            let body = if number % 3 == 0 { "third" } else { "" };
            let file = format!("cur/{number}.a:2,{suffix}");
            deliver(&fixture.root(), &file, &format!("Subject: {subject}\n\n{body}\n"));
            let time = std::time::UNIX_EPOCH
                + std::time::Duration::from_secs(1_000_000_000 - 40_000 * number as u64);
            std::fs::File::open(fixture.root().join(file))
                .unwrap()
                .set_modified(time)
                .unwrap();
        }
        // Of every second message it is known when it was saved.
        let mut list = "3 V17 N11 G0123456789abcdef0123456789abcdef\n".to_owned();
        for number in 0..suffixes.len() {
            let saved = match number % 2 {
                0 => format!(" T{}", 1_000_000_000 - 30_000 * number),
                _ => String::new(),
            };
            list.push_str(&format!("{}{saved} :{number}.a\n", number + 1));
        }
        std::fs::write(fixture.root().join("dovecot-uidlist"), list).unwrap();
        std::fs::write(fixture.root().join("dovecot-keywords"), "0 todo\n1 $Forwarded\n").unwrap();
        let client = fixture.select("INBOX").await;
        // Gone from the index, and still in the client's view.
        let mut other = fixture.select("INBOX").await;
        other.store(&[10], FlagAction::Add, "\\Deleted").await.unwrap();
        other.expunge().await;
        client
    });
    let view = client.updates.view().clone();
    let mut runner = proptest::test_runner::TestRunner::default();
    let mailbox = std::cell::RefCell::new(client.mailbox());
    let same = |key: SearchKey| {
        let mut mailbox = mailbox.borrow_mut();
        let query = Query::new(key, view.clone());
        let fast = runtime.block_on(mailbox.search(&query)).unwrap();
        let slow = runtime
            .block_on(search::evaluate(&mut **mailbox, &query))
            .unwrap();
        prop_assert_eq!(fast, slow);
        Ok(())
    };
    runner.run(&key(), same).unwrap();
}
