//! Which mailboxes sessions of this process have selected read-write: what arrives there is claimed as `\Recent` for them.
//!
//! One session of all processes is the first that is told of a message (RFC 3501, section 2.3.2). So a process claims in the
//! database before it tells; one that dies in between takes the mark with it, and no two have it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::tables::mailboxes::MailboxKey;

/// How many sessions each mailbox has.
#[derive(Debug, Default)]
pub(crate) struct Writers(Mutex<HashMap<MailboxKey, usize>>);

impl Writers {
    pub(crate) fn are_in(&self, key: MailboxKey) -> bool {
        self.0.lock().contains_key(&key)
    }
}

/// A session that has the mailbox selected read-write, until this is dropped.
#[derive(Debug)]
pub(crate) struct Writing {
    writers: Arc<Writers>,
    key: MailboxKey,
}

impl Writing {
    pub(crate) fn begin(writers: &Arc<Writers>, key: MailboxKey) -> Self {
        *writers.0.lock().entry(key).or_default() += 1;
        Self {
            writers: Arc::clone(writers),
            key,
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut writers = self.writers.0.lock();
        match writers.get_mut(&self.key) {
            Some(sessions) if *sessions > 1 => *sessions -= 1,
            _ => drop(writers.remove(&self.key)),
        }
    }
}
