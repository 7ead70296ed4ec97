//! The helpers in a server of your own: no trait, no runtime, no codec of ours.
//! `cargo run -p imap-backendutil-examples --example helpers_without_server`
//!
//! What a server does for a command: begin, resolve, act by UID, drain, write, confirm.
//! ```text
//! Ann hears * 1 EXPUNGE
//! Ann hears OK UID EXPUNGE
//! Bob hears * 2 FETCH (UID 2 "two")
//! Bob hears * 4 EXISTS
//! Bob hears * 1 RECENT
//! Bob hears OK FETCH, but some of the messages are gone
//! Bob hears * 1 EXPUNGE
//! Bob hears OK NOOP
//! Bob hears BAD message sequence number 9 is above 3
//! ```

use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Followers, Ingest, MailboxHub, Recency, Release, Untagged, UpdateBuffer, kind};
use std::collections::BTreeMap;

/// Your mailbox: subjects by UID. The hub's lock guards it.
type Store = BTreeMap<Uid, &'static str>;

struct Connection {
    name: &'static str,
    hub: MailboxHub<Store>,
    updates: UpdateBuffer,
}

impl Connection {
    fn select(name: &'static str, hub: &MailboxHub<Store>) -> Self {
        Self { name, hub: hub.clone(), updates: hub.subscribe(Access::ReadWrite) }
    }

    /// FETCH: numbers become UIDs once, in the numbering of this client. No EXPUNGE may be sent meanwhile.
    fn fetch(&mut self, set: &str) {
        let _fetch = self.updates.begin(kind::Fetch);
        let mut completion = "OK FETCH".to_owned();
        match self.updates.resolve_seqs(&set.parse().expect("a sequence set")) {
            Err(out_of_range) => completion = format!("BAD {out_of_range}"),
            Ok(resolved) => {
                for (seq, uid) in resolved.iter() {
                    match self.hub.lock().get(&uid) {
                        Some(text) => println!("{} hears * {seq} FETCH (UID {uid} {text:?})", self.name),
                        None => completion = "OK FETCH, but some of the messages are gone".into(),
                    }
                }
            }
        }
        self.end(Release::hold(), &completion);
    }

    /// UID EXPUNGE: store and hub change in one critical section; the drain reports it, to this session too.
    fn expunge(&mut self, uid: Uid) {
        let command = self.updates.begin(kind::UidExpunge);
        let mut store = self.hub.lock();
        store.remove(&uid);
        store.expunge(&UidSet::from_iter([uid]));
        drop(store);
        self.end(command.permit(Followers::None), "OK UID EXPUNGE");
    }

    fn noop(&mut self) {
        let command = self.updates.begin(kind::Noop);
        self.end(command.permit(Followers::None), "OK NOOP");
    }

    /// The only place that writes EXISTS, EXPUNGE, RECENT and unilateral FETCH: before the tagged line.
    fn end(&mut self, release: Release<'_>, completion: &str) {
        let drained = self.updates.drain(release);
        for response in drained.iter() {
            let line = match response {
                Untagged::Exists(exists) => format!("* {exists} EXISTS"),
                Untagged::Expunge(seq) => format!("* {seq} EXPUNGE"),
                Untagged::Recent(recent) => format!("* {recent} RECENT"),
                Untagged::Fetch { seq, flags, .. } => format!("* {seq} FETCH (FLAGS {flags})"),
                other => format!("{other:?}"),
            };
            println!("{} hears {line}", self.name);
        }
        self.updates.written(drained);
        println!("{} hears {completion}", self.name);
    }
}

fn main() {
    let uid = |number| Uid::new(number).expect("not 0");
    let store: Store = [(uid(1), "one"), (uid(2), "two"), (uid(3), "three")].into();
    let hub = MailboxHub::new(store.clone(), store.into_keys().collect()).expect("a map ascends");
    let (mut ann, mut bob) = (Connection::select("Ann", &hub), Connection::select("Bob", &hub));
    ann.expunge(uid(1));
    let mut delivery = hub.lock(); // any thread of yours, no session
    delivery.insert(uid(4), "four");
    assert_eq!(delivery.arrive(uid(4), Recency::Recent), Ingest::Applied);
    drop(delivery);
    bob.fetch("1:2");
    bob.noop();
    bob.fetch("9");
}
