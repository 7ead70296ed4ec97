//! APPENDs to one mailbox by several sessions of this process: those that come while one is being committed share the next
//! transaction.
//!
//! Who stores a message has the lock of its mailbox until the commit is on the disk. By themselves, ten clients would wait for the
//! disk ten times, each with a connection.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Sender, TryRecvError, channel};

use imap_backend::{Append, Error, ErrorKind};
use imap_seq::{ModSeq, Uid};
use parking_lot::Mutex;

use crate::columns::now;
use crate::node::{Change, Node};
use crate::tables::accounts::AccountId;
use crate::tables::mailboxes::{self, MailboxKey};
use crate::tables::messages::{self, NewMessage};
use crate::tables::quotas;
use crate::upload::Upload;

/// So many messages share a transaction at most.
const MOST_TOGETHER: usize = 32;

/// The mailboxes into which messages are being stored.
#[derive(Default)]
pub(crate) struct Appends(Mutex<HashMap<MailboxKey, Arc<Queue>>>);

#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    /// Who has it stores what waits, for others too.
    turn: Mutex<()>,
}

/// A message whose octets are here.
pub(crate) struct Arrived {
    pub(crate) append: Append,
    pub(crate) upload: Upload,
    /// The account, where it is not known yet whether the message fits into its quota.
    pub(crate) unchecked: Option<AccountId>,
}

struct Waiting {
    arrived: Arrived,
    answer: Sender<Result<Uid, Error>>,
}

impl fmt::Debug for Appends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appends").finish_non_exhaustive()
    }
}

impl Appends {
    /// Stores a message. It is on the disk, and the sessions of this process are told, when this returns `Ok`. Blocks.
    pub(crate) fn store(&self, node: &Node, key: MailboxKey, arrived: Arrived) -> Result<Uid, Error> {
        let queue = self.enter(key);
        let stored = queue.store(node, key, arrived);
        self.leave(key, queue);
        stored
    }

    fn enter(&self, key: MailboxKey) -> Arc<Queue> {
        Arc::clone(self.0.lock().entry(key).or_default())
    }

    /// Whoever leaves last takes the queue with him. Of two who leave at once, the second finds the first gone: both come and go
    /// under the lock.
    fn leave(&self, key: MailboxKey, queue: Arc<Queue>) {
        let mut queues = self.0.lock();
        drop(queue);
        if queues
            .get(&key)
            .is_some_and(|queue| Arc::strong_count(queue) == 1)
        {
            queues.remove(&key);
        }
    }
}

impl Queue {
    fn store(&self, node: &Node, key: MailboxKey, arrived: Arrived) -> Result<Uid, Error> {
        let (answer, answered) = channel();
        self.waiting.lock().push_back(Waiting { arrived, answer });
        let _turn = self.turn.lock();
        loop {
            match answered.try_recv() {
                Ok(stored) => return stored,
                // Who stored it has panicked.
                Err(TryRecvError::Disconnected) => return Err(ErrorKind::ServerBug.into()),
                Err(TryRecvError::Empty) => self.store_some(node, key),
            }
        }
    }

    /// Stores the first of those that wait.
    fn store_some(&self, node: &Node, key: MailboxKey) {
        let mut waiting = self.waiting.lock();
        let number = waiting.len().min(MOST_TOGETHER);
        let some: Vec<Waiting> = waiting.drain(..number).collect();
        drop(waiting);
        for refused in store(node, key, some) {
            store(node, key, vec![refused]);
        }
    }
}

/// Stores messages in one transaction, and answers. Several are given back without an answer where one of them is refused: none is
/// stored, and each can be tried by itself.
fn store(node: &Node, key: MailboxKey, some: Vec<Waiting>) -> Vec<Waiting> {
    let mut is_committing = false;
    let stored = node.commit(|change| {
        is_committing = false; // it may have begun before
        let uids = insert_all(change, key, &some)?;
        is_committing = true;
        Ok(uids)
    });
    match stored {
        Ok(uids) => {
            for (waiting, uid) in some.into_iter().zip(uids) {
                waiting.arrived.upload.committed();
                let _ = waiting.answer.send(Ok(uid)); // it waits for that
            }
        }
        // Once the commit has begun, nobody knows: what is tried again might be stored twice.
        Err(_) if some.len() > 1 && !is_committing => return some,
        Err(error) => {
            let (kind, error) = (error.kind(), Arc::new(error));
            for waiting in some {
                let error = Error::new(kind).with_source(Arc::clone(&error));
                let _ = waiting.answer.send(Err(error));
            }
        }
    }
    Vec::new()
}

/// UIDs and the mod-sequence are allocated in the same transaction.
fn insert_all(change: &mut Change<'_>, key: MailboxKey, some: &[Waiting]) -> Result<Vec<Uid>, Error> {
    let statements = change.statements;
    // It may have been deleted while the messages arrived.
    let allocated = mailboxes::allocate(statements, key, some.len() as u64)?.ok_or(ErrorKind::TryCreate)?;
    let mut uids = Vec::with_capacity(some.len());
    for (waiting, uid) in some.iter().zip(allocated.first..) {
        let Arrived {
            append,
            upload,
            unchecked,
        } = &waiting.arrived;
        insert(change, key, append, upload, (uid, allocated.modseq))?;
        if let Some(account) = unchecked {
            quotas::check_room(statements, *account, (0, 0))?;
        }
        uids.push(uid.try_into()?);
    }
    change.changes(key);
    Ok(uids)
}

/// Stores a message whose octets are here: UID and mod-sequence are allocated in the same transaction.
pub(crate) fn store_in(
    change: &mut Change<'_>,
    key: MailboxKey,
    append: &Append,
    upload: &Upload,
) -> Result<Uid, Error> {
    let statements = change.statements;
    // It may have been deleted while the message arrived.
    let allocated = mailboxes::allocate(statements, key, 1)?.ok_or(ErrorKind::TryCreate)?;
    insert(change, key, append, upload, (allocated.first, allocated.modseq))?;
    change.changes(key);
    Ok(allocated.first.try_into()?)
}

/// Stores a message under what was allocated for it.
pub(crate) fn insert(
    change: &mut Change<'_>,
    key: MailboxKey,
    append: &Append,
    upload: &Upload,
    allocated: (i64, ModSeq),
) -> Result<(), Error> {
    let uploaded = upload.store(change.statements)?;
    let message = NewMessage {
        flags: append.flags().clone(),
        received: append.internal_date(),
        size: uploaded.size,
        blob: uploaded.blob,
    };
    messages::insert(change.statements, key.id, allocated, &message, now())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;
    use std::time::Duration;

    use imap_backend::{MailboxName, MessageSource};

    use super::*;
    use crate::engine::{Database, Place};
    use crate::tables::{accounts, names};

    struct Short(Option<&'static [u8]>);

    impl MessageSource for Short {
        fn size(&self) -> Option<u64> {
            None
        }

        async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, Error> {
            Ok(self.0.take().map(bytes::Bytes::from_static))
        }
    }

    /// INBOX of an account that may have two messages.
    fn limited(node: &Node) -> (AccountId, MailboxKey) {
        node.commit(|change| {
            let account = accounts::make(change.statements, "ann")?;
            let sql = "INSERT INTO quotas (account, resource, most) VALUES (?1, 'MESSAGE', 2)";
            change.statements.execute(sql, &[account.0.into()])?;
            let key = names::find(change.statements, account, &MailboxName::inbox())?;
            Ok((account, key.unwrap()))
        })
        .unwrap()
    }

    async fn waiting(node: &Node, account: AccountId) -> (Waiting, Receiver<Result<Uid, Error>>) {
        let octets = Some(b"Subject: short\r\n\r\n".as_slice());
        let (answer, answered) = channel();
        let arrived = Arrived {
            append: Append::default(),
            upload: Upload::receive(node, &mut Short(octets)).await.unwrap(),
            unchecked: Some(account),
        };
        (Waiting { arrived, answer }, answered)
    }

    fn number(node: &Node, sql: &str) -> i64 {
        let found = node.read(|statements| statements.one(sql, &[], |row| row.integer(0)));
        found.unwrap().unwrap()
    }

    #[tokio::test]
    async fn messages_share_a_transaction_and_one_that_is_refused_takes_no_other_with_it() {
        let node = Node::new(Database::open(Place::Memory, Duration::ZERO).unwrap());
        let (account, key) = limited(&node);
        let mut some = Vec::new();
        let mut answers = Vec::new();
        for _ in 0..3 {
            let (waiting, answered) = waiting(&node, account).await;
            some.push(waiting);
            answers.push(answered);
        }
        let mut some = store(&node, key, some);
        assert_eq!(some.len(), 3, "the account has room for two");
        assert_eq!(number(&node, "SELECT count(*) FROM messages"), 0);
        let last = some.pop().unwrap();
        assert!(store(&node, key, some).is_empty());
        let sql = "SELECT count(DISTINCT modseq) FROM messages HAVING count(*) = 2";
        assert_eq!(number(&node, sql), 1);
        assert!(store(&node, key, vec![last]).is_empty());
        let answers: Vec<Result<Uid, Error>> = answers
            .into_iter()
            .map(|answered| answered.recv().unwrap())
            .collect();
        let stored: Vec<u32> = answers.iter().flatten().map(|uid| uid.get()).collect();
        assert_eq!(stored, [1, 2]);
        assert_eq!(answers[2].as_ref().unwrap_err().kind(), ErrorKind::OverQuota);
    }

    /// In any order: who is told first may leave last.
    #[test]
    fn whoever_leaves_last_takes_the_queue_along() {
        let appends = Appends::default();
        let key = MailboxKey {
            id: 1,
            uid_validity: imap_seq::UidValidity::MIN,
        };
        let both = std::sync::Barrier::new(2);
        for _ in 0..2_000 {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let queue = appends.enter(key);
                        both.wait();
                        appends.leave(key, queue);
                    });
                }
            });
            assert!(appends.0.lock().is_empty());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_behind_others_is_answered_with_them() {
        let node = Node::new(Database::open(Place::Memory, Duration::ZERO).unwrap());
        let (account, key) = limited(&node);
        node.commit(|change| change.statements.execute("DELETE FROM quotas", &[]))
            .unwrap();
        let mut arrived = Vec::new();
        for _ in 0..=MOST_TOGETHER + 8 {
            arrived.push(waiting(&node, account).await.0.arrived);
        }
        let last = arrived.pop().unwrap();
        let queue = Arc::<Queue>::default();
        let appends = Arc::new(Appends::default());
        appends.0.lock().insert(key, Arc::clone(&queue));
        let turn = queue.turn.lock();
        let storing = arrived.into_iter().map(|arrived| {
            let (node, appends) = (node.clone(), Arc::clone(&appends));
            std::thread::spawn(move || appends.store(&node, key, arrived))
        });
        let all: Vec<_> = storing.collect();
        while queue.waiting.lock().len() < all.len() {
            std::thread::yield_now();
        }
        drop(turn);
        drop(queue);
        let mut uids: Vec<u32> = all
            .into_iter()
            .map(|thread| thread.join().unwrap().unwrap().get())
            .collect();
        uids.sort_unstable();
        let expected: Vec<u32> = (1..).take(uids.len()).collect();
        assert_eq!(uids, expected);
        assert_eq!(number(&node, "SELECT count(DISTINCT modseq) FROM messages"), 2);
        appends.store(&node, key, last).unwrap();
        assert!(appends.0.lock().is_empty());
    }
}
