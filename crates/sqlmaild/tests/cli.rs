//! The program as a script sees it: arguments, standard streams, exit codes, and databases that are not what they should be.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{SQLMAILD, Site};

#[test]
fn help_shows_commands_and_examples_and_the_version_is_the_packages() {
    let help = SQLMAILD.works(&["--help"], "");
    for word in ["serve", "admin", "demo", "Examples:", "Exit codes:"] {
        assert!(help.contains(word), "{help}");
    }
    assert_eq!(
        SQLMAILD.works(&["--version"], ""),
        format!("sqlmaild {}\n", env!("CARGO_PKG_VERSION"))
    );
    let admin = SQLMAILD.works(&["admin", "--help"], "");
    for word in ["account", "mailbox", "message", "--database", "Examples:"] {
        assert!(admin.contains(word), "{admin}");
    }
    assert!(
        SQLMAILD
            .works(&["admin", "message", "flags", "--help"], "")
            .contains("Examples:")
    );
}

#[test]
fn every_key_of_the_config_file_is_a_flag() {
    let help = SQLMAILD.works(&["serve", "--help"], "");
    let example = SQLMAILD.works(&["serve", "--example-config"], "");
    let (top, _limits) = example.split_once("[limits]").unwrap();
    let keys = top
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once(" = "));
    let keys: Vec<_> = keys
        .map(|(key, _)| key)
        .filter(|key| !key.contains(' '))
        .collect();
    assert!(keys.len() >= 8, "{keys:?}");
    for key in keys {
        assert!(help.contains(&format!("--{} ", key.replace('_', "-"))), "{key}");
    }
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, word) in [
        (&["serve", "--listen", "localhost:143"][..], "is not IP:PORT"),
        (&["serve", "--database", "mysql://db"], "mysql://"),
        (&["serve", "--limit", "conections=5"], "there is no limit"),
        (&["frobnicate"], "frobnicate"),
        (&["admin", "account", "list"], "--database"),
    ] {
        let said = SQLMAILD.fails(2, arguments, "");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    let site = Site::new();
    for (arguments, word) in [
        (&["account", "create", "../ada"][..], "cannot be a user name"),
        (&["mailbox", "create", "ada", ""], "has a name"),
        (&["message", "remove", "ada", "INBOX", "0"], "UIDSET"),
        (&["message", "flags", "ada", "INBOX", "1"], "+FLAG"),
        (
            &["message", "flags", "ada", "INBOX", "1", "Seen"],
            "neither +FLAG nor -FLAG",
        ),
        (&["message", "flags", "ada", "INBOX", "1", "+a b"], "is no flag"),
        (
            &["message", "flags", "ada", "INBOX", "1", "+x", "--yes"],
            "options come before",
        ),
        (
            &["message", "deliver", "ada", "INBOX", "--date", "today"],
            "today",
        ),
    ] {
        let said = site.refused(2, arguments, "");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}

#[test]
fn settings_that_are_missing_or_wrong_are_named_with_file_and_line() {
    let site = Site::empty();
    assert!(SQLMAILD.fails(1, &["serve"], "").contains("--database"));
    let config = site.path().join("sqlmaild.toml");
    fs::write(&config, "database = 'mail.db'\ndatabse = 'x'\n").unwrap();
    let config = config.to_str().unwrap();
    let said = SQLMAILD.fails(1, &["serve", "--config", config], "");
    assert!(
        said.contains(config) && said.contains("line 2") && said.contains("databse"),
        "{said}"
    );
}

#[test]
fn a_database_that_is_missing_is_made_with_the_first_account_only() {
    let site = Site::empty();
    let database = site.database();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--database", &database];
    for said in [
        SQLMAILD.fails(1, &serve, ""),
        site.refused(1, &["account", "list"], ""),
        site.refused(1, &["account", "drop", "ada", "--yes"], ""),
        site.refused(1, &["message", "deliver", "ada", "INBOX"], "x"),
    ] {
        assert!(
            said.contains("there is no database") && said.contains("account create"),
            "{said}"
        );
        assert!(
            said.starts_with("sqlmaild: ") && said.lines().count() == 1,
            "{said}"
        );
    }
    assert!(!site.file().exists());
    site.admin(&["account", "create", "ada", "--no-password"], "");
    assert_eq!(site.admin(&["account", "list"], ""), "ada\tno password\t1\t0\n");
    let mode = fs::metadata(site.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_database_that_is_not_what_it_should_be_is_refused_in_a_line() {
    let made_by_hand = |sql: &str| {
        let site = Site::new();
        let connection = rusqlite::Connection::open(site.file()).unwrap();
        connection.execute_batch(sql).unwrap();
        site
    };
    let noise = Site::empty();
    fs::write(noise.file(), "Dear diary, ".repeat(1000)).unwrap();
    let foreign = Site::empty();
    rusqlite::Connection::open(foreign.file())
        .unwrap()
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    for (site, word) in [
        (made_by_hand("PRAGMA user_version = 99"), "version 99"),
        (made_by_hand("DROP TRIGGER messages_expunged"), "damaged"),
        (noise, "damaged"),
        (foreign, "belongs to another program"),
    ] {
        let database = site.database();
        for said in [
            SQLMAILD.fails(1, &["serve", "--database", &database], ""),
            site.refused(1, &["account", "list"], ""),
        ] {
            assert!(said.contains(word) && said.contains(&database), "{said}");
            assert!(
                said.starts_with("sqlmaild: ") && said.lines().count() == 1,
                "{said}"
            );
        }
    }
}

#[test]
fn accounts_that_cannot_be_are_refused_and_nothing_is_written() {
    let site = Site::new();
    let create = ["account", "create", "bob", "--password-stdin"];
    assert!(site.refused(1, &create, "").contains("the password is empty"));
    assert!(site.refused(1, &create, "a\nb\n").contains("line break"));
    assert!(
        site.refused(1, &create[..3], "secret\n")
            .contains("--password-stdin")
    );
    assert!(
        site.refused(1, &["account", "create", "ada"], "")
            .contains("there is an account ada already")
    );
    assert!(
        site.refused(1, &["account", "password", "bob"], "")
            .contains("there is no account bob")
    );
    assert_eq!(site.admin(&["account", "list"], ""), "ada\tpassword\t1\t0\n");
}

#[test]
fn nothing_is_dropped_without_a_yes() {
    let site = Site::new();
    site.admin(&["mailbox", "create", "ada", "Letters"], "");
    for arguments in [
        &["account", "drop", "ada"][..],
        &["mailbox", "drop", "ada", "Letters"],
    ] {
        let said = site.refused(1, arguments, "yes\n");
        assert!(said.contains("--yes"), "{said}");
    }
    assert_eq!(site.admin(&["account", "list"], ""), "ada\tpassword\t2\t0\n");
}

#[test]
fn messages_are_listed_and_a_subject_cannot_write_to_the_terminal() {
    let site = Site::new();
    let deliver = |subject: &str, more: &[&str]| {
        let arguments = [
            &[
                "message",
                "deliver",
                "ada",
                "inbox",
                "-",
                "--date",
                "2025-01-31T18:30:00Z",
            ],
            more,
        ];
        site.admin(&arguments.concat(), &format!("Subject: {subject}\n\nx\n"))
    };
    assert_eq!(
        deliver("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", &["--flag", "\\Seen"]),
        "1\n"
    );
    assert_eq!(deliver("=?UTF-8?B?G1szMW0=?= red", &[]), "2\n");
    let list = site.admin(&["message", "list", "ada", "INBOX"], "");
    assert_eq!(
        list,
        "1\t(\\Seen)\t43\t2025-01-31T18:30:00+00:00\tGr\u{fc}\u{df}e\n\
         2\t()\t40\t2025-01-31T18:30:00+00:00\t\u{fffd}[31m red\n"
    );
    assert_eq!(
        site.admin(&["message", "remove", "ada", "INBOX", "2,5"], ""),
        "1\n"
    );
    assert_eq!(
        site.admin(&["message", "list", "ada", "INBOX", "2:*"], "")
            .lines()
            .count(),
        1
    );
    let mailboxes = site.admin(&["mailbox", "list", "ada"], "");
    assert!(mailboxes.starts_with("INBOX\t1\t0\t"), "{mailboxes}");
}

#[test]
fn a_message_that_cannot_be_stored_leaves_nothing() {
    let site = Site::new();
    let deliver = ["message", "deliver", "ada", "INBOX"];
    assert!(site.refused(1, &deliver, "Subject: x\n\n\0\n").contains("NUL"));
    let missing = site.path().join("gone.eml");
    let missing = [&deliver[..], &[missing.to_str().unwrap()]].concat();
    assert!(site.refused(1, &missing, "").contains("gone.eml"));
    let folder = [&deliver[..], &[site.path().to_str().unwrap()]].concat();
    assert!(site.refused(1, &folder, "").contains("cannot read"));
    assert!(
        site.refused(1, &["message", "deliver", "ada", "Nowhere"], "x")
            .contains("the mailbox Nowhere of ada")
    );
    assert_eq!(site.admin(&["message", "list", "ada", "INBOX"], ""), "");
}
