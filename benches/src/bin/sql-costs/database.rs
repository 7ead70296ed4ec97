//! A PostgreSQL that counts what it is asked.

use std::time::Duration;

use crate::Answer;

pub(crate) struct Database {
    server: test_postgres::Server,
    url: String,
}

/// Octets of a table or an index, its TOAST table included.
type Sizes = Vec<(String, i64)>;

/// Where the write-ahead log is.
pub(crate) struct Log {
    octets: i64,
    full_pages: i64,
}

impl Log {
    /// What each of so many operations wrote.
    pub(crate) fn since(&self, before: &Self, operations: u32) -> String {
        let each = |now: i64, before: i64| (now - before) / i64::from(operations);
        format!(
            "{} octets of log each, {} whole pages in all",
            each(self.octets, before.octets),
            self.full_pages - before.full_pages
        )
    }
}

impl Database {
    pub(crate) fn start() -> Answer<Self> {
        let server = test_postgres::Server::start().ok_or("this machine has no PostgreSQL")?;
        server.end_with_this_process();
        server.sql(
            "postgres",
            "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",
        )?;
        server.stop();
        server.run();
        let url = server.create_database();
        server.sql(
            &url,
            "CREATE SCHEMA statistics; CREATE EXTENSION pg_stat_statements SCHEMA statistics",
        )?;
        Ok(Self { server, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn sql(&self, sql: &str) -> Answer<String> {
        Ok(self.server.sql(&self.url, sql)?)
    }

    fn number(&self, sql: &str) -> Answer<i64> {
        Ok(self.sql(sql)?.parse()?)
    }

    /// Begins to count anew, when nothing is going on any more.
    pub(crate) async fn forget(&self) -> Answer<()> {
        self.settle().await?;
        self.sql("SELECT statistics.pg_stat_statements_reset()").map(drop)
    }

    /// Prints what was asked since: each statement is a round trip. What triggers and foreign keys do is none.
    pub(crate) async fn report(&self, name: &str) -> Answer<()> {
        self.settle().await?;
        let of_server = "FROM statistics.pg_stat_statements WHERE query NOT LIKE '%statistics.%' \
                         AND query NOT LIKE '%FOR KEY SHARE OF x' \
                         AND query NOT LIKE 'INSERT INTO messages (mailbox, blob) SELECT%'";
        let calls = self.sql(&format!(
            "SELECT coalesce(sum(calls), 0), coalesce(sum(calls) FILTER (WHERE query LIKE 'BEGIN%'), 0), \
             coalesce(sum(calls) FILTER (WHERE query = 'COMMIT'), 0), \
             round(coalesce(sum(total_exec_time), 0)::numeric, 2) {of_server}"
        ))?;
        let [all, begun, committed, time] = calls.split('|').collect::<Vec<_>>()[..] else {
            return Err(calls.into());
        };
        println!(
            "{name}: {all} statements, {begun} transactions, {committed} commits, {time} ms of the database"
        );
        if std::env::var_os("STATEMENTS").is_some() {
            println!(
                "{}",
                self.sql(&format!(
                    "SELECT calls, left(query, 110) {of_server} ORDER BY 1 DESC"
                ))?
            );
        }
        Ok(())
    }

    /// Waits until nobody has asked anything for a while: hints of the own commits are followed too.
    async fn settle(&self) -> Answer<()> {
        let calls = || {
            self.number(
                "SELECT coalesce(sum(calls), 0) FROM statistics.pg_stat_statements WHERE query NOT LIKE '%statistics.%'",
            )
        };
        let mut before = calls()?;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = calls()?;
            if now == before {
                return Ok(());
            }
            before = now;
        }
    }

    pub(crate) fn deliver_by_hand(&self) -> Answer<()> {
        let sql = "INSERT INTO messages (mailbox, blob) SELECT mailbox, min(blob) FROM messages \
                   WHERE mailbox = (SELECT id FROM mailboxes WHERE name = 'INBOX') GROUP BY mailbox";
        self.sql(sql).map(drop)
    }

    /// Waits until the texts of all messages are in their index: that happens behind the commands, and is no part of the next one.
    fn wait_for_index(&self) -> Answer<()> {
        while self.number("SELECT count(*) FROM blobs WHERE indexed = 1")? > 0 {
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    pub(crate) fn log(&self) -> Answer<Log> {
        self.wait_for_index()?;
        self.sql("CHECKPOINT")?;
        Ok(Log {
            octets: self.number("SELECT pg_current_wal_lsn() - '0/0'")?,
            full_pages: self.number("SELECT wal_fpi FROM pg_stat_wal")?,
        })
    }

    /// After VACUUM.
    pub(crate) fn sizes(&self) -> Answer<Sizes> {
        self.wait_for_index()?;
        self.sql("VACUUM")?;
        let rows = self.sql(
            "SELECT relname, CASE relkind WHEN 'r' THEN pg_table_size(oid) ELSE pg_relation_size(oid) END \
             FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') \
             AND pg_relation_size(oid) + pg_table_size(oid) > 0 ORDER BY relname",
        )?;
        let row = |row: &str| {
            Some((
                row.split('|').next()?.to_owned(),
                row.split('|').nth(1)?.parse().ok()?,
            ))
        };
        Ok(rows.lines().filter_map(row).collect())
    }

    /// By how much each table and index grew, for each of so many messages.
    pub(crate) fn print_growth(&self, before: &Sizes, messages: u32) -> Answer<()> {
        for (name, octets) in self.sizes()? {
            let was = before
                .iter()
                .find(|(other, _)| *other == name)
                .map_or(0, |(_, octets)| *octets);
            let each = (octets - was) / i64::from(messages);
            if each != 0 {
                println!("  {name}: {each} octets each");
            }
        }
        Ok(())
    }

    /// How many updates of rows found room in their page, so that no index was written.
    pub(crate) fn updates(&self) -> Answer<String> {
        self.sql(
            "SELECT string_agg(format('%s: %s updates, %s of them within the page', relname, n_tup_upd, n_tup_hot_upd), '; ') \
             FROM pg_stat_user_tables WHERE n_tup_upd > 0",
        )
    }

    pub(crate) fn connections(&self) -> Answer<i64> {
        self.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'imap-sql'")
    }
}
