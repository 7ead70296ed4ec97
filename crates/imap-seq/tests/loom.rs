//! The shared parts under every interleaving of threads: `RUSTFLAGS="--cfg loom" cargo test -p imap-seq --test loom
//! --release`. Loom also reports a log segment that is never freed, or freed twice.

#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use imap_seq::{Expunges, MailboxIndex, SeqNum, Uid};
use loom::sync::{Arc, Mutex};
use loom::thread;

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn mailbox() -> Arc<Mutex<MailboxIndex>> {
    Arc::new(Mutex::new(
        MailboxIndex::from_ascending((1..=9).map(uid)).unwrap(),
    ))
}

/// Sessions close outside the lock, while segments (two entries each here) are linked behind the ones that they hold.
#[test]
fn sessions_that_close_while_the_log_grows_free_every_segment_once() {
    loom::model(|| {
        let index = mailbox();
        let (early, late) = {
            let mut index = index.lock().unwrap();
            let early = index.open();
            index.expunge(uid(1));
            (early, index.open())
        };
        let first = thread::spawn(move || drop(early));
        let second = thread::spawn(move || drop(late));
        for number in 2..=6 {
            index.lock().unwrap().expunge(uid(number));
        }
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!(index.lock().unwrap().len(), 3);
    });
}

/// Whatever a session sees, its numbers are those that its client was told, and the last announcement tells the rest.
#[test]
fn a_session_that_syncs_while_another_thread_expunges_keeps_its_numbers() {
    loom::model(|| {
        let index = mailbox();
        let mut session = index.lock().unwrap().open();
        let writer = {
            let index = Arc::clone(&index);
            thread::spawn(move || {
                for number in [3, 5, 7] {
                    index.lock().unwrap().expunge(uid(number));
                }
            })
        };
        let view = session.sync(&mut index.lock().unwrap());
        // Outside the lock.
        assert!((1..=9).all(|number| view.seq_of(uid(number)) == SeqNum::new(number)));
        writer.join().unwrap();
        let told = session.announce(&mut index.lock().unwrap(), Expunges::Release);
        assert!(told.expunged().descending().map(SeqNum::get).eq([7, 5, 3]));
    });
}

/// Two sessions at one place share what the first of them built, from whichever thread.
#[test]
fn two_sessions_that_announce_at_once_tell_the_same() {
    loom::model(|| {
        let index = mailbox();
        let sessions = {
            let mut index = index.lock().unwrap();
            let sessions = [index.open(), index.open()];
            (2..=4).for_each(|number| assert!(index.expunge(uid(number))));
            sessions
        };
        let threads = sessions.map(|mut session| {
            let index = Arc::clone(&index);
            thread::spawn(move || {
                let told = session.announce(&mut index.lock().unwrap(), Expunges::Release);
                told.expunged().descending().map(SeqNum::get).collect::<Vec<_>>()
            })
        });
        for thread in threads {
            assert_eq!(thread.join().unwrap(), [4, 3, 2]);
        }
    });
}
