//! The backend on a store behind HTTP behaves as a server relies on, whatever faults the store has; and its UIDs outlive it.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

#[path = "../rest_backend/main.rs"]
#[allow(dead_code, reason = "its `main` is for the example")]
mod rest_backend;

use imap_backend::*;
use imap_backend_test::{Mail, Report, Stage, Subject, run_all};
use imap_seq::Uid;
use imap_updates::Access;
use rest_backend::backend::Account;
use rest_backend::rest::Rest;
use rest_backend::server::{Faults, RestServer};
use std::path::Path;

const ALL: Faults = Faults { slow: 1, repeated: true, missing: true, too_many: 3, errors: 4 };

fn account(store: &RestServer, journals: &Path) -> Account {
    Account::new(Rest::new(&format!("http://{}", store.address)), journals.into())
}

async fn kit(faults: Faults) -> Report {
    run_all(async || {
        let (store, journals) = (RestServer::start().await.unwrap(), tempfile::tempdir().unwrap());
        store.set_faults(faults);
        let account = account(&store, journals.path());
        Subject::new(account, "demo", "demo").keeping((store, journals))
    })
    .await
}

/// What the store does not have at all.
fn only_what_is_not_there_is_skipped(report: &Report) {
    report.assert_passed();
    let lacks = [
        "CREATE",
        "RENAME",
        "subscriptions",
        "mod-sequences",
        "summaries",
        "annotations",
        "object ids",
        "MULTIAPPEND",
        "CATENATE",
        "ACLs",
        "keys for URLs",
        "quota",
        "save dates",
        "other program",
        "second process",
        "store that is opened again",
    ];
    for (case, ability) in report.skipped() {
        assert!(lacks.iter().any(|lack| ability.contains(lack)), "{case}: {ability}");
    }
    assert!(report.skipped().count() <= 80, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_on_a_rest_store_passes_the_kit() {
    only_what_is_not_there_is_skipped(&kit(Faults::default()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_passes_the_kit_with_slow_repeated_and_missing_pages_429_and_500() {
    only_what_is_not_there_is_skipped(&kit(ALL).await);
}

/// All UIDs, with the octets of each message.
async fn everything(account: &Account) -> Vec<(Uid, String)> {
    let stage = Stage::new(Subject::new(account.clone(), "demo", "demo"));
    let mut user = stage.login().await.unwrap();
    let mut selected = user.select(&MailboxName::inbox(), Access::ReadWrite).await.unwrap();
    let uids = selected.model.uids();
    let mut found = vec![];
    for uids in uids.chunks(100) {
        for record in selected.fetch(uids, Need::BODY).await.unwrap().into_iter().flatten() {
            let octets = record.body().unwrap().read_first(1_000).await.unwrap();
            found.push((record.uid(), String::from_utf8(octets.to_vec()).unwrap()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_with_pages_missing_each_message_has_its_uid() {
    let (store, journals) = (RestServer::start().await.unwrap(), tempfile::tempdir().unwrap());
    let first = account(&store, journals.path());
    let mut user = Stage::new(Subject::new(first.clone(), "demo", "demo")).login().await.unwrap();
    for number in 0..40 {
        user.append(&MailboxName::inbox(), Mail::new(&format!("message {number}"))).await.unwrap();
    }
    let before = everything(&first).await;
    assert_eq!(before.len(), 40);
    drop((first, user));
    store.set_faults(ALL);
    for _ in 0..3 {
        assert_eq!(everything(&account(&store, journals.path())).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_of_several_pages_is_whole_whatever_is_repeated() {
    let (store, journals) = (RestServer::start().await.unwrap(), tempfile::tempdir().unwrap());
    store.deliver(2_500);
    store.set_faults(Faults { repeated: true, ..Faults::default() });
    let account = account(&store, journals.path());
    let mut session = account.clone();
    let status = session.status(&MailboxName::inbox(), StatusQuery::ALL).await.unwrap();
    assert_eq!((status.messages(), status.uid_next()), (2_500, Uid::new(2_501)));
}
