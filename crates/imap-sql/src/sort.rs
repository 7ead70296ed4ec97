//! SORT: where columns decide both which messages are meant and what they are sorted by, the database sorts.
//!
//! ARRIVAL and SIZE are columns. The sent date and the texts are in summaries, which only the backend reads, and texts compare by a
//! collation that neither engine has. Keys are made of summaries as they lie in the rows.

use imap_backend::sort::{Keys, Sortable};
use imap_backend::{Error, Need, Order, SortBy, SortKey};
use imap_message::KeptHeader;
use imap_seq::{Uid, UidSet, View};

use crate::engine::Statements;
use crate::fetch::{ends, runs};
use crate::search::{Condition, Divided};
use crate::summaries::Summaries;
use crate::tables::mailboxes::MailboxKey;
use crate::tables::messages::{self, SortRow};

/// The keys of so many messages are made at once, on a thread that blocks.
pub(crate) const TOGETHER: usize = 2048;

/// Adds the keys of these messages. Gives those without a summary that can be read: their headers have to be. Those that are gone
/// are left out.
pub(crate) fn add_keys(
    statements: Statements<'_>,
    (summaries, key): (&Summaries, MailboxKey),
    uids: &[Uid],
    keys: &mut Keys,
) -> Result<UidSet, Error> {
    let mut left = UidSet::new();
    let are_enough = keys.need() == Need::HEADER_SUMMARY;
    for run in runs(uids) {
        let kept = if are_enough {
            summaries.of_all(key, run)
        } else {
            None
        };
        if let Some(kept) = kept {
            for (&uid, summary) in run.iter().zip(&kept) {
                keys.add(&sortable(uid, (0, 0), summary.header()));
            }
            continue;
        }
        messages::sorted_by(statements, key.id, ends(run), |row| {
            if run.binary_search(&row.uid).is_ok() && !add_key(&row, keys) {
                left.insert(row.uid);
            }
        })?;
    }
    Ok(left)
}

/// Whether there is a summary.
fn add_key(row: &SortRow<'_>, keys: &mut Keys) -> bool {
    let header = row.summary.and_then(|octets| KeptHeader::from_bytes(octets).ok());
    if let Some(header) = header {
        keys.add(&sortable(row.uid, (row.received, row.size), header));
    }
    header.is_some()
}

fn sortable(uid: Uid, (arrived, size): (i64, i64), header: KeptHeader<'_>) -> Sortable<'_> {
    let mut message = Sortable::new(uid, Some(header));
    message.arrived = arrived;
    message.size = size.try_into().unwrap_or(0);
    message
}

/// A SORT that the database does.
#[derive(Debug)]
pub(crate) struct Sorting {
    condition: Condition,
    order: String,
}

impl Sorting {
    /// `None` where columns do not decide everything. Of messages that a set names, the evaluation reads those alone, and the
    /// database would read all.
    pub(crate) fn new(divided: Divided, by: &[SortKey]) -> Option<Self> {
        if !divided.rest.is_empty() || !divided.within.is_empty() {
            return None;
        }
        // An index of sizes has nothing but sizes: whoever asks for more would look each message up. See `search`.
        let is_about_size = by.len() == 1 && divided.condition.is_none();
        let size = if is_about_size { "size" } else { "+size" };
        let mut order = String::new();
        for key in by {
            order.push_str(match key.by() {
                SortBy::Arrival => "received",
                SortBy::Size => size,
                _ => return None,
            });
            order.push_str(match key.order() {
                Order::Ascending => ", ",
                Order::Descending => " DESC, ",
            });
        }
        Some(Self {
            condition: divided.condition.unwrap_or_default(),
            order,
        })
    }

    /// Those that are equal by all keys are in the order of the mailbox (RFC 5256, section 3).
    fn statement(&self) -> String {
        format!("{} ORDER BY {}uid", self.condition.statement(), self.order)
    }

    /// The messages of a mailbox that are meant and that a session knows, in their order.
    pub(crate) fn find(
        &self,
        statements: Statements<'_>,
        mailbox: i64,
        view: &View,
    ) -> Result<Vec<Uid>, Error> {
        let mut found = Vec::new();
        statements.each(&self.statement(), &self.condition.values(mailbox), |row| {
            let uid = row.integer(0)?.try_into()?;
            if view.seq_of(uid).is_some() {
                found.push(uid);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use imap_backend::SearchKey;

    use super::*;
    use crate::engine::{Database, Dialect, Place};
    use crate::search::divide;

    /// How SQLite finds the messages and sorts them.
    fn plan(database: &Database, key: &SearchKey, by: &[SortKey]) -> String {
        let sorting = Sorting::new(divide(key, Dialect::Sqlite, true), by).unwrap();
        database.plan(&sorting.statement(), &sorting.condition.values(1))
    }

    #[test]
    fn no_message_is_looked_up_by_its_size() {
        let database = Database::open(Place::Memory, Duration::ZERO).unwrap();
        let [arrival, size] = [SortBy::Arrival, SortBy::Size].map(SortKey::new);
        let seen = SearchKey::Flag(imap_updates::Flag::Seen);
        let sizes = plan(&database, &SearchKey::All, &[size]);
        assert!(sizes.contains("COVERING INDEX messages_by_size"), "{sizes}");
        assert!(
            !sizes.contains("B-TREE"),
            "they are in the index in their order: {sizes}"
        );
        for (key, by) in [
            (SearchKey::All, vec![arrival]),
            (SearchKey::All, vec![size, arrival]),
            (SearchKey::Larger(7), vec![size]),
            (seen, vec![size]),
        ] {
            let plan = plan(&database, &key, &by);
            assert!(!plan.contains("ORDER BY messages_by_size"), "{plan}");
            assert!(plan.contains("USE TEMP B-TREE FOR ORDER BY"), "{plan}");
        }
    }
}
