//! A PostgreSQL database that is not what it should be is refused, and stays as it is.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

use std::time::Duration;

use imap_sql::{OpenError, Options, Store};
use test_postgres::{Server, shared};

fn refused(url: &str) -> OpenError {
    let options = Options::default().patience(Duration::from_millis(50));
    options.open_url(url).map(drop).unwrap_err()
}

/// A database that was opened once, and changed by hand since.
fn made(server: &Server, sql: &str) -> String {
    let url = server.create_database();
    drop(Store::open_url(&url).unwrap());
    server.sql(&url, sql).unwrap();
    url
}

#[test]
fn a_newer_one_is_refused_with_both_versions() {
    let Some(server) = shared() else { return };
    let url = made(server, "UPDATE store SET version = 99");
    let error = refused(&url);
    assert!(
        matches!(error, OpenError::Newer { found: 99, known: 1 }),
        "{error}"
    );
    assert!(error.to_string().contains("99"), "{error}");
}

#[test]
fn a_missing_part_is_damage_and_named() {
    let Some(server) = shared() else { return };
    for (sql, named) in [
        ("DROP TRIGGER messages_expunged ON messages", "messages_expunged"),
        (
            "ALTER TABLE messages DISABLE TRIGGER messages_flagged",
            "messages_flagged",
        ),
        ("DROP TABLE subscriptions", "subscriptions"),
        ("DROP INDEX messages_by_modseq", "messages_by_modseq"),
        ("DELETE FROM store", "store"),
        ("UPDATE store SET version = 0", "version"),
    ] {
        let error = refused(&made(server, sql));
        assert!(matches!(error, OpenError::Damaged(_)), "{sql}: {error}");
        assert!(error.to_string().contains(named), "{sql}: {error}");
    }
}

#[test]
fn one_of_another_program_is_refused() {
    let Some(server) = shared() else { return };
    for sql in [
        "CREATE TABLE store (name TEXT)",
        "CREATE TABLE messages (id BIGINT)",
    ] {
        let url = server.create_database();
        server.sql(&url, sql).unwrap();
        let error = refused(&url);
        assert!(matches!(error, OpenError::Foreign), "{sql}: {error}");
        let tables =
            "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        assert_eq!(server.sql(&url, tables).unwrap(), "1", "nothing was made");
    }
}

#[test]
fn tables_of_others_beside_it_do_not_matter() {
    let Some(server) = shared() else { return };
    let url = server.create_database();
    server.sql(&url, "CREATE TABLE invoices (id BIGINT)").unwrap();
    Store::open_url(&url).unwrap();
}

#[test]
fn one_with_another_encoding_is_refused() {
    let Some(server) = shared() else { return };
    let sql = "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    server.sql("postgres", sql).unwrap();
    let error = refused(&server.url("ascii"));
    assert!(error.to_string().contains("UTF8"), "{error}");
}

#[test]
fn one_that_somebody_else_prepares_is_held() {
    let Some(server) = shared() else { return };
    let url = server.create_database();
    let holder = std::thread::spawn({
        let url = url.clone();
        move || server.sql(&url, "SELECT pg_advisory_lock(1768776048), pg_sleep(60)")
    });
    // In this database: other tests are at work in theirs.
    let holders = "FROM pg_locks JOIN pg_database ON pg_database.oid = database \
                   WHERE locktype = 'advisory' AND datname = current_database() AND granted";
    let held = format!("SELECT count(*) {holders}");
    while server.sql(&url, &held).unwrap() != "1" {
        std::thread::yield_now();
    }
    let error = refused(&url);
    assert!(matches!(error, OpenError::Held), "{error}");
    let end = format!("SELECT pg_terminate_backend(pid) {holders}");
    server.sql(&url, &end).unwrap();
    holder.join().unwrap().unwrap_err();
    Store::open_url(&url).unwrap();
}

#[test]
fn one_that_cannot_be_reached_is_an_error_that_says_why() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (url, why) in [
        (format!("postgres://mail@{closed}/mail"), "refused"),
        ("postgres://mail@[".to_owned(), "invalid"),
    ] {
        let error = refused(&url);
        assert!(matches!(error, OpenError::Failed(_)), "{error}");
        assert!(error.to_string().contains(why), "{url}: {error}");
    }
    let Some(server) = shared() else { return };
    let error = refused(&server.url("nowhere"));
    assert!(error.to_string().contains("does not exist"), "{error}");
}

/// Where nobody may block, nobody may drop a runtime either.
#[tokio::test]
async fn within_a_runtime_one_that_cannot_be_reached_is_an_error_too() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = refused(&format!("postgres://mail@{closed}/mail"));
    assert!(error.to_string().contains("refused"), "{error}");
    let Some(server) = shared() else { return };
    let error = refused(&made(server, "UPDATE store SET version = 99"));
    assert!(matches!(error, OpenError::Newer { .. }), "{error}");
}

#[test]
fn two_who_make_it_at_once_make_it_once() {
    let Some(server) = shared() else { return };
    let url = server.create_database();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Store::open_url(&url).unwrap());
        }
    });
}
