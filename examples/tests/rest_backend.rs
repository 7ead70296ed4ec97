//! The backend on a store behind HTTP behaves as a server relies on, whatever faults the store has; and its UIDs outlive it.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

mod common;
#[path = "../rest_backend/main.rs"]
#[allow(dead_code, reason = "its `main` is for the example")]
mod rest_backend;

use imap_backend::*;
use imap_backend_test::{Mail, Outside, OutsideMessage, RandomRuns, Report, Stage, Subject, run_all};
use imap_poller::Pace;
use imap_seq::Uid;
use imap_updates::{Access, Flags};
use rest_backend::backend::Account;
use rest_backend::rest::Rest;
use rest_backend::server::{Faults, RestServer};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

const ALL: Faults = Faults { slow: 1, repeated: true, missing: true, too_many: 3, errors: 4 };

fn account(store: &RestServer, journals: &Path) -> Account {
    Account::new(Rest::new(&store.url()), journals.into(), Pace::default().with_idle(Duration::ZERO))
}

/// With another program that uses the store, and a restart. A second server needs journals of its own, and gives other UIDs.
async fn subject(faults: Faults) -> Subject<Account> {
    let (store, journals) = (RestServer::start().await.unwrap(), tempfile::tempdir().unwrap());
    store.set_faults(faults);
    let server = Rc::new(RefCell::new(account(&store, journals.path())));
    let program = Program { store: store.clone(), rest: Rest::new(&store.url()), server: Rc::clone(&server) };
    let (first, reopened, path) = (server.borrow().clone(), store.clone(), journals.path().to_owned());
    Subject::new(first, "demo", "demo")
        .with_outside(program)
        .with_reopen(async move || {
            *server.borrow_mut() = account(&reopened, &path);
            let new = server.borrow().clone();
            opens(new).await
        })
        .keeping((store, journals))
}

/// Waits for the last write of a command that was dropped, which holds the journal. A process that has ended does not write any more.
async fn opens(mut server: Account) -> Account {
    for _ in 0..1_000 {
        if server.select(&MailboxName::inbox(), &Select::new(Access::ReadOnly)).await.is_ok() {
            return server;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the journal is held");
}

/// Another program that uses the store as the backend does, by HTTP.
struct Program {
    store: RestServer,
    rest: Rest,
    server: Rc<RefCell<Account>>,
}

impl Program {
    fn id(&self, mailbox: &MailboxName, message: &OutsideMessage) -> Result<String, Error> {
        let id = self.store.id(mailbox.as_str(), &message.subject);
        id.ok_or_else(|| ErrorKind::ExpungeIssued.into())
    }
}

impl Outside for Program {
    async fn deliver(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        let now = chrono::Utc::now().into();
        self.rest.create(mailbox.as_str(), &Flags::default(), now, octets.into()).await.map(drop)
    }

    async fn remove(&self, mailbox: &MailboxName, message: &OutsideMessage) -> Result<(), Error> {
        self.rest.delete(mailbox.as_str(), &self.id(mailbox, message)?).await
    }

    async fn set_flags(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
        flags: &Flags,
    ) -> Result<(), Error> {
        let (id, all) = (self.id(mailbox, message)?, FlagChange::new(FlagAction::Replace, flags.clone()));
        self.rest.change(mailbox.as_str(), &id, &all).await.map(drop)
    }

    /// A message is gone when two listings in a row lack it: this is the first, and the client's command brings the second.
    async fn settle(&self) {
        let mut session = self.server.borrow().clone();
        let select = Select::new(Access::ReadOnly);
        for name in ["INBOX", "Archive"].map(|name| MailboxName::new(name).unwrap()) {
            drop(session.select(&name, &select).await.unwrap());
        }
    }
}

/// What the store does not have at all.
fn only_what_is_not_there_is_skipped(report: &Report) {
    common::passed(report, &[("outside", 7), ("restart", 2)]);
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
        "RENAME by another program",
        "transaction that is rolled back",
        "second process",
    ];
    for (case, ability) in report.skipped() {
        assert!(lacks.iter().any(|lack| ability.contains(lack)), "{case}: {ability}");
    }
    assert!(report.skipped().count() <= 80, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_on_a_rest_store_passes_the_kit() {
    only_what_is_not_there_is_skipped(&run_all(async || subject(Faults::default()).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_passes_the_kit_with_slow_repeated_and_missing_pages_429_and_500() {
    only_what_is_not_there_is_skipped(&run_all(async || subject(ALL).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_a_program_agree_at_random_whatever_faults_the_store_has() {
    for faults in [Faults::default(), ALL] {
        let report = RandomRuns::new(1).runs(5).run(async || subject(faults).await).await;
        report.assert_passed();
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_may_have_any_name() {
    let (store, folder) = (RestServer::start().await.unwrap(), tempfile::tempdir().unwrap());
    let journals = folder.path().join("journals");
    std::fs::create_dir(&journals).unwrap();
    let names = ["Work/2024", "../x", "/etc", "100%2F ?#[\u{fc}]", "%2E%2E", "a.b", "..."];
    names.iter().chain(&["..", "."]).for_each(|name| store.make(name));
    let mut user =
        Stage::new(Subject::new(account(&store, &journals), "demo", "demo")).login().await.unwrap();
    for text in names {
        let name = MailboxName::new(text).unwrap();
        user.append(&name, Mail::new(text)).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let mut selected = user.select(&name, Access::ReadWrite).await.unwrap();
        let uid = Uid::MIN;
        let record = selected.fetch_one(uid, Need::BODY).await.unwrap();
        assert!(record.body().unwrap().size().await.unwrap() > 0, "{text}");
        let change = FlagChange::new(FlagAction::Add, "\\Deleted".parse().unwrap());
        selected.store(&[uid], &change).await.unwrap();
        selected.mailbox.copy(&[uid].into_iter().collect(), &name).await.unwrap();
        selected.mailbox.expunge(&[uid].into_iter().collect()).await.unwrap();
        let status = user.session.status(&name, StatusQuery::ALL).await.unwrap();
        assert_eq!((status.messages(), status.uid_next()), (1, Uid::new(3)), "{text}");
    }
    // What no URL can name is not shown, and takes nothing else along.
    let listed = user.session.list(&ListQuery::default()).await.unwrap();
    assert_eq!(listed.len(), 2 + names.len());
    let files = |path: &Path| std::fs::read_dir(path).unwrap().count();
    assert_eq!(files(folder.path()), 1, "every journal is in its folder");
    assert!(files(&journals) >= names.len());
}
