//! What other toolkits do with updates, in its simplest form, written anew.

use std::collections::{HashMap, HashSet};

/// One queue for each session, of what happened by position: each publication visits each session.
#[derive(Clone, Debug)]
pub struct QueueRival {
    /// What each session has not been told, oldest first.
    pub queues: Vec<Vec<Positional>>,
}

/// A change by message sequence number, in the numbering of its moment.
#[derive(Clone, Copy, Debug)]
pub enum Positional {
    /// Flags of a message.
    Flags(u32, u8),
    /// A message left.
    Expunge(u32),
}

impl QueueRival {
    /// So many sessions.
    pub fn new(sessions: usize) -> Self {
        Self {
            queues: vec![Vec::new(); sessions],
        }
    }

    /// Visits each session.
    pub fn publish(&mut self, update: Positional) {
        for queue in &mut self.queues {
            queue.push(update);
        }
    }

    /// The number that the client has for the server's number: walks the queue backwards.
    pub fn encode(queue: &[Positional], mut seq: u32) -> u32 {
        for update in queue.iter().rev() {
            if let Positional::Expunge(gone) = update
                && *gone <= seq
            {
                seq += 1;
            }
        }
        seq
    }
}

/// One vector of UIDs for each session, and a set of what was expunged.
#[derive(Clone, Debug)]
pub struct VectorRival {
    /// What the client has.
    pub view: Vec<u32>,
    /// Expunged and not announced.
    pub gone: HashSet<u32>,
    /// Flags not announced.
    pub flags: HashMap<u32, u8>,
}

impl VectorRival {
    /// A session on a mailbox of so many messages.
    pub fn new(messages: u32) -> Self {
        Self {
            view: (1..=messages).collect(),
            gone: HashSet::new(),
            flags: HashMap::new(),
        }
    }

    /// Takes the expunged out of the view: their numbers, descending.
    pub fn drain(&mut self) -> Vec<u32> {
        let mut numbers = Vec::new();
        let gone = &self.gone;
        let mut seq = 0;
        self.view.retain(|uid| {
            seq += 1;
            let stays = !gone.contains(uid);
            if !stays {
                numbers.push(seq);
            }
            stays
        });
        self.gone.clear();
        numbers.reverse();
        numbers
    }
}
