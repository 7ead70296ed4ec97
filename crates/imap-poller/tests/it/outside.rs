//! A small store that an administrator changes between our calls, and a backend over it that does what the docs say.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use imap_poller::{Absence, Listing, MailboxPoller, Pace, Reason, Told};
use imap_updates::{Access, Flags, Recency, UpdateBuffer};

use crate::support::*;

/// The messages, by UID, and the UIDs that were given out. Everybody who has it may change it, and tells nobody.
#[derive(Clone, Default)]
struct Store(Rc<RefCell<(BTreeSet<u32>, u32)>>);

impl Store {
    fn insert(&self) -> u32 {
        let (messages, last) = &mut *self.0.borrow_mut();
        *last += 1;
        messages.insert(*last);
        *last
    }

    fn delete(&self, number: u32) {
        assert!(self.0.borrow_mut().0.remove(&number));
    }

    fn list(&self) -> Listing {
        let (messages, last) = &*self.0.borrow();
        plain(&messages.iter().copied().collect::<Vec<_>>()).with_uid_next(Some(uid(last + 1)))
    }
}

struct Backend {
    store: Store,
    poller: MailboxPoller,
}

impl Backend {
    fn new(store: &Store) -> Self {
        let poller = MailboxPoller::open(store.list(), Absence::IsProof, Pace::default());
        Self {
            store: store.clone(),
            poller: poller.unwrap(),
        }
    }

    /// APPEND: commit, report, and look if that did not tell it.
    fn append(&self) {
        let number = self.store.insert();
        if self.poller.appended(uid(number), Flags::empty(), Recency::Recent) != Told::Now {
            self.look();
        }
    }

    /// NOOP: the UIDs that the session has after it, and what it was told.
    fn noop(&self, session: &mut UpdateBuffer) -> (Vec<u32>, Vec<String>) {
        self.look();
        let told = noop(session);
        (numbered(session), told)
    }

    fn look(&self) {
        let list = async || Ok::<_, Infallible>(self.store.list());
        let look = self.poller.look(Reason::Asked, || Duration::ZERO, list);
        assert_eq!(ready(look), Ok(Told::Now));
    }
}

fn ready<T: std::fmt::Debug>(future: impl Future<Output = T>) -> T {
    match poll(&mut std::pin::pin!(future)) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// Red on the first version, through a whole backend: the message had come through the hub since the last listing, and so
/// the client had to say NOOP twice before it was told.
#[test]
fn a_message_that_came_through_us_and_is_removed_outside_is_told() {
    let outside = Store::default();
    let backend = Backend::new(&outside);
    let mut session = backend.poller.select(Access::ReadWrite).updates;
    backend.append();
    assert_eq!(noop(&mut session), ["1 EXISTS"]);
    outside.delete(1);
    assert_eq!(backend.noop(&mut session), (vec![], vec!["1 EXPUNGE".to_owned()]));
}

/// Red on the first version: our arrival, UID 2, was published at once, and the outside one, UID 1, was refused as late and
/// hidden for as long as any session was open.
#[test]
fn an_outside_arrival_is_not_hidden_by_a_later_own_one() {
    let outside = Store::default();
    let backend = Backend::new(&outside);
    let mut session = backend.poller.select(Access::ReadWrite).updates;
    outside.insert();
    backend.append();
    // A drain between, as at the end of any command.
    noop(&mut session);
    assert_eq!(backend.noop(&mut session).0, [1, 2]);
}
