//! Looks at the database beside the servers, and what somebody does there by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use crate::history::{Event, History, Mailbox};
use crate::judge::View;

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why there was no answer. Nobody asks further: it is tried again.
#[derive(Debug)]
pub(crate) struct NoAnswer(pub(crate) String);

impl From<tokio_postgres::Error> for NoAnswer {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(format!("{error}: {:?}", error.as_db_error()))
    }
}

/// A connection of the harness to the database, not through a proxy.
pub(crate) struct Database(Client);

/// What is wrong in the tables, if there is a row.
const CHECKS: [(&str, &str); 2] = [
    (
        "the counts of a mailbox are wrong",
        "SELECT id FROM mailboxes AS m WHERE (messages, unseen, deleted) <> (SELECT count(*), \
         count(*) FILTER (WHERE flags & 8 = 0), count(*) FILTER (WHERE flags & 4 <> 0) FROM messages WHERE mailbox = m.id)",
    ),
    (
        "the uses of a blob are wrong",
        "SELECT id FROM blobs WHERE uses <> (SELECT count(*) FROM messages WHERE blob = blobs.id)",
    ),
];

impl Database {
    pub(crate) async fn connect(url: &str) -> Result<Self, NoAnswer> {
        bounded(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute("SET application_name = 'harness'").await?;
            Ok::<_, tokio_postgres::Error>(Self(client))
        })
        .await
    }

    pub(crate) async fn run(&self, sql: &str) -> Result<(), NoAnswer> {
        bounded(self.0.batch_execute(sql)).await
    }

    /// Notes the figures and the messages of each mailbox, as of one moment.
    pub(crate) async fn sample(&self, history: &History) -> Result<(), NoAnswer> {
        let since = history.now();
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.run(begin).await?;
        let mailboxes = self
            .rows("SELECT name, highest_modseq, uid_next FROM mailboxes")
            .await?;
        let messages = "SELECT name, uid, modseq FROM messages JOIN mailboxes ON mailboxes.id = mailbox";
        let mut modseqs: BTreeMap<Mailbox, BTreeMap<u32, i64>> = BTreeMap::new();
        for row in self.rows(messages).await? {
            let (Some(at), uid) = (Mailbox::of_name(row.get(0)), uid(row.get(1))) else {
                continue;
            };
            modseqs.entry(at).or_default().insert(uid, row.get(2));
        }
        self.run("COMMIT").await?;
        for row in mailboxes {
            let Some(at) = Mailbox::of_name(row.get(0)) else {
                continue;
            };
            let modseqs = modseqs.remove(&at).unwrap_or_default();
            let (who, uids) = (
                "a look at the database".to_owned(),
                modseqs.keys().copied().collect(),
            );
            history.note(Event::Saw { who, at, since, uids });
            let (highest_modseq, uid_next) = (row.get(1), row.get(2));
            history.note(Event::Sample {
                at,
                highest_modseq,
                uid_next,
                modseqs,
            });
        }
        Ok(())
    }

    /// What each mailbox has.
    pub(crate) async fn stored(&self) -> Result<BTreeMap<Mailbox, View>, NoAnswer> {
        let sql = "SELECT name, uid, flags, keywords FROM messages JOIN mailboxes ON mailboxes.id = mailbox";
        let mut stored: BTreeMap<Mailbox, View> = Mailbox::ALL.map(|at| (at, View::new())).into();
        for row in self.rows(sql).await? {
            let Some(at) = Mailbox::of_name(row.get(0)) else {
                continue;
            };
            let (bits, keywords): (i64, &str) = (row.get(2), row.get(3));
            let system = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
            let set = (0..).zip(system).filter(|(bit, _)| bits & (1 << bit) != 0);
            let flags = set.map(|(_, flag)| flag).chain(keywords.split_whitespace());
            let flags = flags.map(str::to_owned).collect();
            stored.entry(at).or_default().insert(uid(row.get(1)), flags);
        }
        Ok(stored)
    }

    /// Notes what is wrong in the tables.
    pub(crate) async fn check(&self, history: &History) -> Result<(), NoAnswer> {
        for (what, sql) in CHECKS {
            let rows = self.rows(sql).await?;
            if !rows.is_empty() {
                history.broken("the database", format!("{what}: {} rows", rows.len()));
            }
        }
        Ok(())
    }

    /// Ends some of the servers' connections.
    pub(crate) async fn end_some(&self) -> Result<(), NoAnswer> {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE application_name = 'imap-sql' AND datname = current_database() AND random() < 0.4";
        self.run(end).await
    }

    async fn rows(&self, sql: &str) -> Result<Vec<tokio_postgres::Row>, NoAnswer> {
        bounded(self.0.query(sql, &[])).await
    }
}

async fn bounded<T, E>(answer: impl Future<Output = Result<T, E>>) -> Result<T, NoAnswer>
where
    NoAnswer: From<E>,
{
    let answer = timeout(PATIENCE, answer).await;
    Ok(answer.map_err(|_| NoAnswer("no answer in time".to_owned()))??)
}

fn uid(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
