//! SEARCH: what the database can decide exactly, it decides; of texts it says which messages may have them. The rest is
//! evaluated over the messages that are left.

use chrono::NaiveDate;
use imap_backend::{Error, SearchKey};
use imap_seq::UidSet;
use imap_updates::Flag;

use crate::columns::{bit_of, blob_of, column};
use crate::engine::{Dialect, Statements, Value};
use crate::tables::{messages, texts};

/// More keys than these are left to the evaluation: SQLite bounds the depth of an expression.
const MOST_KEYS: usize = 100;

/// The day of INTERNALDATE is that of its own zone.
const RECEIVED: &str = "received + zone * 60";

/// SAVEDATE has no zone.
const SAVED: &str = "saved";

/// In SQLite, where no index may be used for it: without statistics that of sizes looks good for other conditions too.
const SIZE_WITHOUT_INDEX: &str = "+size";

/// A criterion, divided.
#[derive(Debug)]
pub(crate) struct Divided {
    /// Only messages that match it match the whole.
    pub(crate) condition: Option<Condition>,
    /// Only these messages match the whole.
    pub(crate) within: Vec<UidSet>,
    /// What the condition does not say.
    pub(crate) rest: Vec<SearchKey>,
}

/// A condition on a row of `messages`, which every message meets that matches.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    sql: String,
    values: Vec<Operand>,
}

#[derive(Clone, Debug)]
enum Operand {
    Number(i64),
    Text(String),
}

/// Divides a criterion into what the database decides and what it does not. `texts`: whether there is an index of texts.
pub(crate) fn divide(key: &SearchKey, dialect: Dialect, texts: bool) -> Divided {
    let keys = match key {
        SearchKey::And(keys) => keys.as_slice(),
        key => std::slice::from_ref(key),
    };
    let mut condition = Writer::new(dialect, texts);
    if dialect == Dialect::Sqlite && !keys.iter().all(is_about_size) {
        condition.size = SIZE_WITHOUT_INDEX;
    }
    let mut divided = Divided {
        condition: None,
        within: Vec::new(),
        rest: Vec::new(),
    };
    for key in keys {
        if let SearchKey::Uids(uids) = key {
            divided.within.push(uids.clone());
        } else if matches!(key, SearchKey::All) {
            // It leaves nothing out.
        } else if !condition.and(key, Writer::write) {
            condition.and(key, Writer::write_wider);
            divided.rest.push(key.clone());
        }
    }
    if !condition.sql.is_empty() {
        divided.condition = Some(Condition {
            sql: condition.sql,
            values: condition.values,
        });
    }
    divided
}

/// Whether no other column has a part in the decision.
const fn is_about_size(key: &SearchKey) -> bool {
    matches!(
        key,
        SearchKey::Larger(_) | SearchKey::Smaller(_) | SearchKey::Uids(_) | SearchKey::All
    )
}

impl Condition {
    pub(crate) fn statement(&self) -> String {
        format!("SELECT uid FROM messages WHERE mailbox = ?1{}", self.sql)
    }

    /// The messages of a mailbox for which it is true.
    pub(crate) fn find(&self, statements: Statements<'_>, mailbox: i64) -> Result<UidSet, Error> {
        messages::set(statements, &self.statement(), &self.values(mailbox))
    }

    pub(crate) fn values(&self, mailbox: i64) -> Vec<Value<'_>> {
        let values = self.values.iter().map(|value| match value {
            Operand::Number(number) => Value::Integer(*number),
            Operand::Text(text) => Value::Text(text),
        });
        std::iter::once(mailbox.into()).chain(values).collect()
    }
}

/// Writes a condition.
#[derive(Debug)]
struct Writer {
    dialect: Dialect,
    texts: bool,
    /// The column.
    size: &'static str,
    sql: String,
    values: Vec<Operand>,
    keys: usize,
}

impl Writer {
    const fn new(dialect: Dialect, texts: bool) -> Self {
        Self {
            dialect,
            texts,
            size: "size",
            sql: String::new(),
            values: Vec::new(),
            keys: 0,
        }
    }

    /// Adds a key if `write` can write it. Otherwise everything is as before.
    fn and(&mut self, key: &SearchKey, write: impl Fn(&mut Self, &SearchKey) -> Option<()>) -> bool {
        let (sql, values, keys) = (self.sql.len(), self.values.len(), self.keys);
        self.sql.push_str(" AND ");
        let written = write(self, key).is_some();
        if !written {
            self.sql.truncate(sql);
            self.values.truncate(values);
            self.keys = keys;
        }
        written
    }

    /// Writes a condition that is true where the key matches, and may be true elsewhere. `None` where nothing is known.
    fn write_wider(&mut self, key: &SearchKey) -> Option<()> {
        match key {
            SearchKey::Header(_, needle) | SearchKey::Body(needle) | SearchKey::Text(needle)
                if self.texts =>
            {
                self.keys += 1;
                let query = texts::query(self.dialect, needle).filter(|_| self.keys <= MOST_KEYS)?;
                let (before, after) = texts::condition(self.dialect);
                self.compare(before, Operand::Text(query), after);
                Some(())
            }
            SearchKey::And(keys) => {
                self.sql.push_str("(1 = 1");
                let written = keys.iter().filter(|key| self.and(key, Self::write_wider)).count();
                self.sql.push(')');
                (written > 0).then_some(())
            }
            SearchKey::Or(keys) => self.list(keys, (" OR ", "1 = 0"), Self::write_wider),
            key => self.write(key),
        }
    }

    /// `None` where the database cannot decide the key.
    fn write(&mut self, key: &SearchKey) -> Option<()> {
        self.keys += 1;
        if self.keys > MOST_KEYS {
            return None;
        }
        match key {
            SearchKey::All => self.sql.push_str("1 = 1"),
            SearchKey::Flag(Flag::Keyword(keyword)) => {
                // Keywords compare without case, and are ASCII.
                let word = Operand::Text(format!(" {} ", keyword.as_str().to_ascii_lowercase()));
                let position = self.dialect.position();
                let before = format!("{position}(' ' || lower(keywords) || ' ', ");
                self.compare(&before, word, ") > 0");
            }
            SearchKey::Flag(flag) => {
                // In the words of the indexes, which a value would not be.
                let bit = bit_of(flag)?;
                self.sql.push_str(&format!("flags & {bit} <> 0"));
            }
            SearchKey::Before(day) => self.day(RECEIVED, "<", *day)?,
            SearchKey::Since(day) => self.day(RECEIVED, ">=", *day)?,
            SearchKey::On(day) => self.within(RECEIVED, *day)?,
            SearchKey::SavedBefore(day) => self.day(SAVED, "<", *day)?,
            SearchKey::SavedSince(day) => self.day(SAVED, ">=", *day)?,
            SearchKey::SavedOn(day) => self.within(SAVED, *day)?,
            SearchKey::SaveDateSupported => self.sql.push_str("1 = 1"),
            SearchKey::EmailId(id) => match blob_of(id) {
                Some(blob) => self.compare("blob = ", Operand::Number(blob), ""),
                None => self.sql.push_str("1 = 0"),
            },
            SearchKey::ThreadId(id) => {
                let id = Operand::Text(id.as_str().to_owned());
                self.compare("coalesce(thread_id, '') = ", id, "");
            }
            SearchKey::ArrivedUpTo(moment) => {
                self.compare("received <= ", Operand::Number(moment.timestamp()), "");
            }
            SearchKey::ArrivedFrom(moment) => {
                self.compare("received >= ", Operand::Number(moment.timestamp()), "");
            }
            SearchKey::ModSeq(least) => {
                self.compare("modseq >= ", Operand::Number(column(least.get()).ok()?), "");
            }
            SearchKey::Larger(size) => {
                let size = Operand::Number(column(*size).ok()?);
                self.compare(&format!("{} > ", self.size), size, "");
            }
            SearchKey::Smaller(size) => {
                let size = Operand::Number(column(*size).ok()?);
                self.compare(&format!("{} < ", self.size), size, "");
            }
            SearchKey::And(keys) => self.list(keys, (" AND ", "1 = 1"), Self::write)?,
            SearchKey::Or(keys) => self.list(keys, (" OR ", "1 = 0"), Self::write)?,
            SearchKey::Not(key) if matches!(**key, SearchKey::Flag(Flag::Seen)) => {
                self.keys += 1;
                self.sql.push_str("flags & 8 = 0");
            }
            SearchKey::Not(key) => {
                self.sql.push_str("NOT (");
                self.write(key)?;
                self.sql.push(')');
            }
            _ => return None,
        }
        Some(())
    }

    fn list(
        &mut self,
        keys: &[SearchKey],
        (between, none): (&str, &str),
        write: impl Fn(&mut Self, &SearchKey) -> Option<()>,
    ) -> Option<()> {
        self.sql.push('(');
        for (at, key) in keys.iter().enumerate() {
            if at > 0 {
                self.sql.push_str(between);
            }
            write(self, key)?;
        }
        if keys.is_empty() {
            self.sql.push_str(none);
        }
        self.sql.push(')');
        Some(())
    }

    fn day(&mut self, date: &str, relation: &str, day: NaiveDate) -> Option<()> {
        let begins = day.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
        self.compare(&format!("{date} {relation} "), Operand::Number(begins), "");
        Some(())
    }

    fn within(&mut self, date: &str, day: NaiveDate) -> Option<()> {
        self.sql.push('(');
        self.day(date, ">=", day)?;
        self.sql.push_str(" AND ");
        self.day(date, "<", day.succ_opt()?)?;
        self.sql.push(')');
        Some(())
    }

    fn compare(&mut self, before: &str, value: Operand, after: &str) {
        self.values.push(value);
        let number = self.values.len() + 1; // ?1 is the mailbox
        self.sql.push_str(&format!("{before}?{number}{after}"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use imap_seq::Uid;

    use super::*;
    use crate::columns::email_id;
    use crate::engine::{Database, Place};

    /// How SQLite finds the messages that match.
    fn plan(database: &Database, key: &SearchKey) -> String {
        let condition = divide(key, Dialect::Sqlite, true).condition.unwrap();
        database.plan(&condition.statement(), &condition.values(1))
    }

    #[test]
    fn few_messages_are_found_in_indexes_of_them() {
        let database = Database::open(Place::Memory, Duration::ZERO).unwrap();
        let not_seen = SearchKey::Not(Box::new(SearchKey::Flag(Flag::Seen)));
        let email = |blob| SearchKey::EmailId(email_id(blob));
        let between = SearchKey::And(vec![
            SearchKey::Larger(7),
            SearchKey::Smaller(9),
            SearchKey::Uids([Uid::MIN].into_iter().collect()),
        ]);
        for (key, index) in [
            (not_seen, "messages_unseen"),
            (SearchKey::Flag(Flag::Flagged), "messages_flagged"),
            (SearchKey::Flag(Flag::Deleted), "messages_deleted"),
            (email(7), "messages_by_blob"),
            // RFC 8474, section 8.3.
            (SearchKey::Or(vec![email(7), email(8)]), "messages_by_blob"),
            (SearchKey::Larger(7), "messages_by_size"),
            (SearchKey::Smaller(7), "messages_by_size"),
            (between, "messages_by_size"),
        ] {
            let plan = plan(&database, &key);
            assert!(plan.contains(index), "{key:?}: {plan}");
        }
    }

    /// An index of sizes says nothing of dates or flags: SQLite would look up each row that it names.
    #[test]
    fn sizes_with_other_columns_are_not_looked_up_in_their_index() {
        let database = Database::open(Place::Memory, Duration::ZERO).unwrap();
        let since = SearchKey::Since(NaiveDate::from_ymd_opt(2001, 2, 3).unwrap());
        let either = SearchKey::Or(vec![SearchKey::Larger(7), since.clone()]);
        let flagged = SearchKey::Flag(Flag::Flagged);
        for key in [
            SearchKey::And(vec![SearchKey::Larger(7), since]),
            SearchKey::And(vec![flagged, SearchKey::Smaller(7)]),
            either,
        ] {
            let plan = plan(&database, &key);
            assert!(!plan.contains("messages_by_size"), "{key:?}: {plan}");
        }
    }
}
