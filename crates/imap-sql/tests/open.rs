//! A database that is not what it should be is refused, and stays as it is.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use std::time::Duration;

use common::File;
use imap_sql::{OpenError, Options, Store};

fn refused(file: &File) -> OpenError {
    let before = std::fs::read(file.path()).unwrap();
    let error = Options::default()
        .patience(Duration::ZERO)
        .open(file.path())
        .unwrap_err();
    assert!(std::fs::read(file.path()).unwrap() == before, "{error}");
    error
}

/// A database that nobody has open.
fn made() -> File {
    let file = File::new();
    drop(Store::open(file.path()).unwrap());
    file
}

#[test]
fn a_newer_one_is_refused_with_both_versions() {
    let file = made();
    file.by_hand("PRAGMA user_version = 99").unwrap();
    let error = refused(&file);
    assert!(
        matches!(error, OpenError::Newer { found: 99, known: 2 }),
        "{error}"
    );
    assert!(error.to_string().contains("99"), "{error}");
}

#[test]
fn one_of_an_earlier_version_is_brought_up_to_date() {
    let file = made();
    file.by_hand("DROP INDEX messages_by_size; PRAGMA user_version = 1")
        .unwrap();
    drop(Store::open(file.path()).unwrap());
    assert_eq!(file.number("PRAGMA user_version"), 2);
    let index = "SELECT count(*) FROM sqlite_schema WHERE name = 'messages_by_size'";
    assert_eq!(file.number(index), 1);
}

#[test]
fn one_of_another_program_is_refused() {
    let file = File::new();
    file.by_hand("CREATE TABLE recipes (name TEXT)").unwrap();
    assert!(matches!(refused(&file), OpenError::Foreign));
    let file = File::new();
    file.by_hand("PRAGMA application_id = 7").unwrap();
    assert!(matches!(refused(&file), OpenError::Foreign));
}

#[test]
fn a_missing_part_is_damage_and_named() {
    for (sql, part) in [
        ("DROP TRIGGER messages_expunged", "messages_expunged"),
        ("DROP TABLE subscriptions", "subscriptions"),
        ("DELETE FROM store", "store"),
    ] {
        let file = made();
        file.by_hand(sql).unwrap();
        let error = refused(&file);
        assert!(
            matches!(&error, OpenError::Damaged(why) if why.contains(part)),
            "{sql}: {error}"
        );
    }
}

#[test]
fn what_is_no_database_is_damage() {
    let file = File::new();
    std::fs::write(file.path(), "Dear diary, ".repeat(1000)).unwrap();
    let error = refused(&file);
    assert!(matches!(error, OpenError::Damaged(_)), "{error}");
}

#[test]
fn a_page_of_noise_is_damage() {
    let file = made();
    let mut octets = std::fs::read(file.path()).unwrap();
    // Behind the header, which says that it is a database of ours: the table of all tables.
    octets[100..4096].fill(0xa5);
    std::fs::write(file.path(), octets).unwrap();
    let error = refused(&file);
    assert!(matches!(error, OpenError::Damaged(_)), "{error}");
}

#[test]
fn one_that_another_program_holds_is_refused() {
    let file = made();
    let holder = rusqlite::Connection::open(file.path()).unwrap();
    holder
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    assert!(matches!(refused(&file), OpenError::Held));
    holder.execute_batch("COMMIT").unwrap();
    drop(holder);
    let holder = rusqlite::Connection::open(file.path()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(refused(&file), OpenError::Held));
}

#[test]
fn one_that_cannot_be_made_is_an_error() {
    let file = File::new();
    let error = Store::open(file.directory.path().join("missing/mail.db")).unwrap_err();
    assert!(matches!(error, OpenError::Failed(_)), "{error}");
}

#[test]
fn what_an_administrator_has_added_does_no_harm() {
    let file = made();
    file.by_hand("CREATE VIEW unread AS SELECT * FROM messages WHERE flags & 8 = 0")
        .unwrap();
    Store::open(file.path()).unwrap();
}

#[cfg(unix)]
#[test]
fn mail_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = File::new();
    let _open = Store::open(file.path()).unwrap();
    for part in ["mail.db", "mail.db-wal"] {
        let metadata = std::fs::metadata(file.directory.path().join(part)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{part}");
    }
}
