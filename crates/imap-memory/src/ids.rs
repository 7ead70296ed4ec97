//! The identifiers of messages and threads (RFC 8474).

use imap_backend::ObjectId;
use imap_message::Summary;
use std::collections::HashMap;

/// What was given, to all mailboxes of a user.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// The last number given to a message.
    last_email: u64,
    /// The last number given to a thread.
    last_thread: u64,
    /// The threads of Message-IDs, those that messages only refer to included.
    threads: HashMap<Vec<u8>, ObjectId>,
}

impl Ids {
    /// An EMAILID that no message has.
    pub(super) fn next_email(&mut self) -> ObjectId {
        self.last_email += 1;
        ObjectId::of_email(self.last_email)
    }

    /// The THREADID of a new message: that of the first message known among those that it refers to, or a new one.
    pub(super) fn thread_of(&mut self, summary: &Summary) -> ObjectId {
        let header = summary.header();
        let named = header.message_id().chain(header.ancestors());
        let named: Vec<Vec<u8>> = named.map(|id| id.to_vec()).collect();
        let known = named.iter().find_map(|id| self.threads.get(id)).cloned();
        let thread = known.unwrap_or_else(|| {
            self.last_thread += 1;
            ObjectId::of_thread(self.last_thread)
        });
        for id in named {
            self.threads.entry(id).or_insert_with(|| thread.clone());
        }
        thread
    }
}
