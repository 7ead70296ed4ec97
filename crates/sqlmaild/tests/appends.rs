//! APPENDs that come together share transactions, although every client might send several messages with each (MULTIAPPEND).

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{Client, Site};

const CLIENTS: usize = 10;
/// That of the first, that of those who have come meanwhile, and one for who is late.
const FEW: i64 = 3;
/// No test passes because it has waited so long.
const LONG: Duration = Duration::from_secs(120);

/// Each client sends a message while somebody else has locked the database, until what `lock` gives is dropped. Who has come in time
/// shares a transaction then; nobody outside sees who has, so the lock is held a little longer each time, until few are needed.
fn ten_clients_share_transactions<L>(site: &Site, lock: impl Fn() -> L, transactions: impl Fn() -> i64) {
    let server = site.serve(&[]);
    let mut looking = server.login("ada", "secret");
    assert!(looking.ok("CAPABILITY").contains(" MULTIAPPEND"));
    let mut clients: Vec<Client<TcpStream>> = (0..CLIENTS).map(|_| server.login("ada", "secret")).collect();
    let begin = Instant::now();
    let mut before = 0;
    for round in 1.. {
        let locked = lock();
        let append = |client: &mut Client<TcpStream>| {
            let tag = client.next_tag();
            client.send(&format!("{tag} APPEND INBOX {{14+}}\r\nSubject: x\r\n\r\n\r\n"));
            tag
        };
        let tags: Vec<String> = clients.iter_mut().map(append).collect();
        for _ in 0..round {
            looking.ok("STATUS INBOX (MESSAGES)");
        }
        drop(locked);
        for (client, tag) in clients.iter_mut().zip(tags) {
            let answer = client.until(&format!("{tag} "));
            assert!(answer.contains(" OK [APPENDUID "), "{answer}");
        }
        let after = transactions();
        if after - before <= FEW {
            break;
        }
        assert!(
            begin.elapsed() < LONG,
            "{} transactions for {CLIENTS} messages",
            after - before
        );
        before = after;
    }
}

#[test]
fn ten_clients_share_transactions_in_sqlite() {
    let site = Site::new();
    let by_hand = || rusqlite::Connection::open(site.file()).unwrap();
    let lock = || {
        let connection = by_hand();
        connection.busy_timeout(LONG).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        connection
    };
    // Commits tell nothing: transactions that do not share anything else share them. Each takes one mod-sequence.
    let transactions = || {
        let sql = "SELECT count(DISTINCT modseq) FROM messages";
        by_hand().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    ten_clients_share_transactions(&site, lock, transactions);
}

#[test]
fn ten_clients_share_transactions_in_postgresql() {
    let Some(postgres) = test_postgres::shared() else {
        return;
    };
    let url = postgres.create_database();
    let site = Site::at(url.clone());
    let lock = || postgres.begin(&url, "LOCK TABLE mailboxes IN EXCLUSIVE MODE");
    // Which transaction has written the row.
    let transactions = || {
        let sql = "SELECT count(DISTINCT xmin::text) FROM messages";
        postgres.sql(&url, sql).unwrap().parse().unwrap()
    };
    ten_clients_share_transactions(&site, lock, transactions);
}
