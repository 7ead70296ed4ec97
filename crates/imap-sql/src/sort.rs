//! SORT: where columns decide both which messages are meant and what they are sorted by, the database sorts.
//!
//! ARRIVAL and SIZE are columns. The sent date and the texts are in summaries, which only the backend reads, and texts compare by a
//! collation that neither engine has.

use imap_backend::{Error, Order, SortBy, SortKey};
use imap_seq::{Uid, View};

use crate::engine::Statements;
use crate::search::{Condition, Divided};

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
        let sql = format!("EXPLAIN QUERY PLAN {}", sorting.statement());
        let mut plan = String::new();
        database
            .read(|statements| {
                statements.each(&sql, &sorting.condition.values(1), |row| {
                    plan.push_str(row.text(3)?);
                    Ok(())
                })
            })
            .unwrap();
        plan
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
