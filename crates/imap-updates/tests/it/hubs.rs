//! The registry of hubs: one hub for each mailbox, as long as anybody uses it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use imap_updates::{Access, Closed, Hub, Hubs, Limits, LogHub, MailboxHub, NotWhole, Page, Snapshot};

use crate::support::modseq;

fn open() -> Result<LogHub, NotWhole> {
    LogHub::open(Page::whole(modseq(1)), Limits::default())
}

fn never<H>() -> Result<H, NotWhole> {
    panic!("opened a second time")
}

#[test]
fn a_hub_is_opened_once_and_shared() {
    let hubs = Hubs::new(10);
    assert!(hubs.get(&1).is_none());
    let hub = hubs.get_or_open(1, open).unwrap();
    let session = hub.select(Access::ReadWrite);
    let again: LogHub = hubs.get_or_open(1, never).unwrap();
    assert_eq!(again.sessions(), 1);
    assert_eq!(hubs.all().len(), 1);
    drop(session);
}

#[test]
fn the_latest_used_are_kept_up_to_the_capacity() {
    let hubs = Hubs::new(2);
    for key in [1, 2] {
        drop(hubs.get_or_open(key, open).unwrap());
    }
    assert!(hubs.get(&1).is_some());
    drop(hubs.get_or_open(3, open).unwrap());
    drop(hubs.get_or_open(4, open).unwrap());
    // 4 itself was in use when the others were counted.
    let mut kept: Vec<i32> = hubs.all().into_iter().map(|(key, _)| key).collect();
    kept.sort_unstable();
    assert_eq!(kept, [1, 3, 4]);
}

#[test]
fn a_hub_that_somebody_uses_is_never_evicted() {
    let hubs = Hubs::new(0);
    let session = hubs
        .get_or_open("session", open)
        .unwrap()
        .select(Access::ReadOnly);
    let watch = hubs.get_or_open("watch", open).unwrap().watch();
    let clone = hubs.get_or_open("clone", open).unwrap();
    for other in ["x", "y", "z"] {
        drop(hubs.get_or_open(other, open).unwrap());
    }
    for used in ["session", "watch", "clone"] {
        assert!(hubs.get(used).is_some(), "{used}");
    }
    assert!(hubs.get("x").is_none() && hubs.get("y").is_none());
    drop((session, watch, clone));
    drop(hubs.get_or_open("w", open).unwrap());
    assert!(hubs.get("session").is_none());
}

#[test]
fn a_closed_mailbox_gets_a_new_hub() {
    let hubs = Hubs::new(10);
    let old = hubs.get_or_open(1, open).unwrap();
    let session = old.select(Access::ReadOnly);
    old.close(Closed::Deleted);
    assert!(hubs.get(&1).is_none() && hubs.all().is_empty());
    let new = hubs.get_or_open(1, open).unwrap();
    assert_eq!((new.closed(), new.sessions()), (None, 0));
    assert_eq!(session.updates.ended(), Some(Closed::Deleted.into()));
}

/// No lock is held while a hub is opened: another mailbox, and even this one, can be opened meanwhile. The first wins.
#[test]
fn of_two_that_open_at_once_the_first_wins() {
    let hubs = Hubs::new(10);
    let mut session = None;
    let hub = hubs.get_or_open(1, || {
        drop(hubs.get_or_open(2, open)?);
        session = Some(hubs.get_or_open(1, open)?.select(Access::ReadOnly));
        open()
    });
    assert_eq!(hub.unwrap().sessions(), 1);
    drop(session);
}

#[test]
fn an_error_opens_nothing() {
    let hubs: Hubs<u8, LogHub> = Hubs::new(10);
    assert!(hubs.get_or_open(1, || Err::<LogHub, _>("offline")).is_err());
    assert!(hubs.get(&1).is_none());
}

#[test]
fn both_hubs_and_what_is_built_of_them_can_be_registered() {
    let hubs: Hubs<String, Arc<MailboxHub<Vec<u8>>>> = Hubs::new(1);
    let open = || MailboxHub::new(vec![], Snapshot::empty()).map(Arc::new);
    let hub = hubs.get_or_open("INBOX".to_owned(), open).unwrap();
    assert!(!hub.is_unused());
    assert!(hubs.get("INBOX").is_some());
    let plain = MailboxHub::new(1, Snapshot::empty()).unwrap();
    assert!(plain.is_unused());
    let guard = plain.lock();
    drop(guard);
    let clone = plain.clone();
    assert!(!plain.is_unused());
    drop(clone);
    assert!(plain.is_unused());
}
