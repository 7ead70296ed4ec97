//! The helpers in a server of your own: no trait, no runtime, no codec of ours.
//!
//! `cargo run -p imap-backendutil-examples --example helpers_without_server`
//!
//! What a server does for a command: begin, resolve, act by UID, drain, write, confirm.
//! ```text
//! Ann: SELECT says 3 EXISTS
//! Bob: SELECT says 3 EXISTS
//! -- Ann expunges UID 1, and mail is delivered.
//! Ann: * 1 EXPUNGE
//! Ann: OK
//! -- Bob fetches, and then asks.
//! Bob: message 1 is gone, and still 1
//! Bob: * 2 FETCH (UID 2 "two")
//! Bob: * 4 EXISTS
//! Bob: * 1 RECENT
//! Bob: OK
//! Bob: * 1 EXPUNGE
//! Bob: OK
//! Bob: BAD message sequence number 9 is above 3
//! Bob: OK
//! ```

use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Drained, Followers, Ingest, MailboxHub, Recency};
use imap_updates::{Release, Untagged, UpdateBuffer, kind};
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
        let updates = hub.subscribe(Access::ReadWrite);
        println!("{name}: SELECT says {} EXISTS", updates.exists());
        Self { name, hub: hub.clone(), updates }
    }

    /// FETCH: sequence numbers become UIDs once, in the numbering of this client. No EXPUNGE may be sent meanwhile.
    fn fetch(&mut self, set: &str) {
        let _fetch = self.updates.begin(kind::Fetch);
        match self.updates.resolve_seqs(&set.parse().expect("a sequence set")) {
            Err(out_of_range) => println!("{}: BAD {out_of_range}", self.name),
            Ok(resolved) => {
                for (seq, uid) in resolved.iter() {
                    match self.hub.lock().get(&uid) {
                        Some(subject) => println!("{}: * {seq} FETCH (UID {uid} {subject:?})", self.name),
                        None => println!("{}: message {seq} is gone, and still {seq}", self.name),
                    }
                }
            }
        }
        let drained = self.updates.drain(Release::hold());
        self.write(drained);
    }

    /// UID EXPUNGE: the store and the hub change in one critical section; the drain reports it, to this session too.
    fn expunge(&mut self, uid: Uid) {
        let command = self.updates.begin(kind::UidExpunge);
        {
            let mut store = self.hub.lock();
            store.remove(&uid);
            store.expunge(&UidSet::from_iter([uid]));
        }
        let drained = self.updates.drain(command.permit(Followers::None));
        self.write(drained);
    }

    fn noop(&mut self) {
        let command = self.updates.begin(kind::Noop);
        let drained = self.updates.drain(command.permit(Followers::None));
        self.write(drained);
    }

    /// The only place that writes EXISTS, EXPUNGE, RECENT and unilateral FETCH.
    fn write(&mut self, drained: Drained) {
        for response in drained.iter() {
            match response {
                Untagged::Exists(exists) => println!("{}: * {exists} EXISTS", self.name),
                Untagged::Expunge(seq) => println!("{}: * {seq} EXPUNGE", self.name),
                Untagged::Recent(recent) => println!("{}: * {recent} RECENT", self.name),
                Untagged::Fetch { seq, flags, .. } => {
                    println!("{}: * {seq} FETCH (FLAGS {flags})", self.name)
                }
                other => println!("{}: {other:?}", self.name),
            }
        }
        self.updates.written(drained);
        println!("{}: OK", self.name);
    }
}

fn main() {
    let uid = |number| Uid::new(number).expect("not 0");
    let store: Store = [(uid(1), "one"), (uid(2), "two"), (uid(3), "three")].into();
    let snapshot = store.keys().copied().collect();
    let hub = MailboxHub::new(store, snapshot).expect("a map ascends");
    let (mut ann, mut bob) = (Connection::select("Ann", &hub), Connection::select("Bob", &hub));
    println!("-- Ann expunges UID 1, and mail is delivered.");
    ann.expunge(uid(1));
    let mut delivery = hub.lock(); // any thread of yours, no session
    delivery.insert(uid(4), "four");
    assert_eq!(delivery.arrive(uid(4), Recency::Recent), Ingest::Applied);
    drop(delivery);
    println!("-- Bob fetches, and then asks.");
    bob.fetch("1:2");
    bob.noop();
    bob.fetch("9");
}
