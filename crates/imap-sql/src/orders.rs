//! What was sorted and threaded last, of each mailbox that somebody has selected in this process.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use imap_backend::sort::Known;
use parking_lot::Mutex;

use crate::tables::mailboxes::MailboxKey;

/// Orders live as long as a session has the mailbox selected.
#[derive(Debug, Default)]
pub(crate) struct Orders(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_mailbox: HashMap<MailboxKey, Weak<Known>>,
    /// When there are so many, those that nobody has are looked for.
    most: usize,
}

impl Orders {
    /// Those of a mailbox. Amortized O(1).
    pub(crate) fn of(&self, key: MailboxKey) -> Arc<Known> {
        let mut kept = self.0.lock();
        if let Some(known) = kept.by_mailbox.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        if kept.by_mailbox.len() >= kept.most {
            kept.by_mailbox.retain(|_, known| known.strong_count() > 0);
            kept.most = 2 * kept.by_mailbox.len() + 16;
        }
        let known = Arc::default();
        kept.by_mailbox.insert(key, Arc::downgrade(&known));
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: i64) -> MailboxKey {
        MailboxKey {
            id,
            uid_validity: imap_seq::UidValidity::MIN,
        }
    }

    #[test]
    fn sessions_of_a_mailbox_share_its_orders_and_nobody_keeps_them_afterwards() {
        let orders = Orders::default();
        let one = orders.of(key(1));
        assert!(Arc::ptr_eq(&one, &orders.of(key(1))));
        assert!(!Arc::ptr_eq(&one, &orders.of(key(2))));
        for id in 3..1_000 {
            drop(orders.of(key(id)));
        }
        assert!(orders.0.lock().by_mailbox.len() < 40);
        assert!(Arc::ptr_eq(&one, &orders.of(key(1))), "somebody has it");
    }
}
