//! Mail that goes between a database and Maildirs or mbox files, also where that breaks off in the middle.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;
#[path = "transfer/mbox.rs"]
mod mbox;
#[path = "transfer/tls.rs"]
mod tls;

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use common::{SQLMAILD, Site};

const ARRIVED: u64 = 1_738_344_600;

/// A Maildir of ada's with so many messages, the first of them new, and a mailbox with a keyword.
fn maildir(site: &Site, messages: u64) -> PathBuf {
    let root = site.path().join("Maildir");
    for part in [
        "cur",
        "new",
        "tmp",
        ".Letters.2024/cur",
        ".Letters.2024/new",
        ".Letters.2024/tmp",
    ] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
    write(&root.join("new/1700000000.M0.kit"), "message 1", ARRIVED);
    for number in 2..=messages {
        let name = format!("cur/{}.M0.kit:2,FS", 1_700_000_000 + number);
        write(&root.join(name), &format!("message {number}"), ARRIVED + number);
    }
    write(
        &root.join(".Letters.2024/cur/1.M0.kit:2,RSab"),
        "a letter",
        ARRIVED,
    );
    fs::write(
        root.join(".Letters.2024/dovecot-keywords"),
        "0 Work\n1 $Forwarded\n",
    )
    .unwrap();
    fs::write(root.join("subscriptions"), "Letters.2024\n").unwrap();
    root
}

fn write(path: &Path, subject: &str, arrived: u64) {
    let text = format!("From: kit@example.org\nSubject: {subject}\n\nThe body of {subject}.\n");
    fs::write(path, text).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(arrived))
        .unwrap();
}

fn string(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The columns of a list of messages, without their UIDs, in no order.
fn listed(site: &Site, account: &str, mailbox: &str) -> Vec<String> {
    let list = site.admin(&["message", "list", account, mailbox], "");
    let mut lines: Vec<String> = list
        .lines()
        .map(|line| line.split_once('\t').unwrap().1.to_owned())
        .collect();
    lines.sort_unstable();
    lines
}

/// So many messages are there.
fn messages(site: &Site) -> u64 {
    site.sql("SELECT count(*) FROM messages").parse().unwrap()
}

/// Starts a command of the administrator.
fn start(site: &Site, arguments: &[&str]) -> Child {
    let mut command = Command::new(SQLMAILD.0);
    command
        .args(["admin", "--database", &site.database()])
        .args(arguments)
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Ends it by force; it must not have ended before.
fn kill(mut child: Child) {
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

#[test]
fn a_maildir_comes_in_with_all_that_belongs_to_it() {
    Site::on_every_database(|site| {
        let root = maildir(site, 3);
        let import = ["import", "maildir", "ada", string(&root)];
        site.admin(&import, "");
        assert_eq!(
            listed(site, "ada", "INBOX"),
            [
                "()\t69\t2025-01-31T17:30:00+00:00\tmessage 1",
                "(\\Flagged \\Seen)\t69\t2025-01-31T17:30:02+00:00\tmessage 2",
                "(\\Flagged \\Seen)\t69\t2025-01-31T17:30:03+00:00\tmessage 3",
            ]
        );
        let letters = listed(site, "ada", "Letters/2024");
        assert_eq!(
            letters,
            ["(\\Answered \\Seen $Forwarded Work)\t67\t2025-01-31T17:30:00+00:00\ta letter"]
        );
        let server = site.serve(&[]);
        let mut ada = server.login("ada", "secret");
        assert!(ada.ok("LSUB \"\" *").contains("Letters/2024"));
        ada.ok("SELECT INBOX");
        assert!(
            ada.ok("FETCH 1 BODY.PEEK[TEXT]")
                .contains("The body of message 1.")
        );
        assert_eq!(
            fs::read_dir(root.join("new")).unwrap().count(),
            1,
            "the Maildir is as it was"
        );
        // What has come in since the first time, and nothing else.
        write(&root.join("new/1800000000.M0.kit"), "message 4", ARRIVED);
        site.admin(&import, "");
        common::until_told(&mut ada, "* 4 EXISTS");
        assert_eq!(listed(site, "ada", "Letters/2024").len(), 1);
    });
}

/// Kills an import in the middle of the transaction that stores the 21st message.
fn kill_at_the_21st_message(site: &Site, import: &[&str]) {
    site.sql(if site.is_file() { HANG } else { HANG_IN_POSTGRESQL });
    let child = start(site, import);
    while messages(site) < 20 {
        std::thread::yield_now();
    }
    kill(child);
    if site.is_file() {
        site.sql("DROP TRIGGER hang");
    } else {
        // PostgreSQL does not look for a client that is gone while a statement waits.
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event = 'PgSleep'";
        while site.sql(end) == "0" {
            std::thread::yield_now();
        }
        site.sql("DROP TRIGGER hang ON imports");
    }
    assert_eq!(messages(site), 20);
}

/// For as long as nobody ends the process.
const HANG: &str =
    "CREATE TRIGGER hang BEFORE INSERT ON imports WHEN (SELECT count(*) FROM imports) = 20 BEGIN
    SELECT count(*) FROM (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
        SELECT n FROM numbers LIMIT 1000000000000);
    END";

const HANG_IN_POSTGRESQL: &str = "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM imports) = 20 THEN PERFORM pg_sleep(1000000); END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER hang BEFORE INSERT ON imports FOR EACH ROW EXECUTE FUNCTION hang()";

#[test]
fn an_import_that_is_killed_in_the_middle_stores_nothing_twice_when_it_is_run_again() {
    Site::on_every_database(|site| {
        let root = maildir(site, 50);
        let import = ["import", "maildir", "ada", string(&root)];
        kill_at_the_21st_message(site, &import);
        let output = SQLMAILD.run(
            &[&["admin", "--database", &site.database()], &import[..]].concat(),
            "",
        );
        let said = common::text(&output.stderr);
        assert!(
            said.ends_with("imported in all: 31 messages, 20 that were there before\n"),
            "{said}"
        );
        assert_eq!(messages(site), 51);
        let subjects: std::collections::BTreeSet<_> = listed(site, "ada", "INBOX").into_iter().collect();
        assert_eq!(subjects.len(), 50, "each of them once");
    });
}

#[test]
fn what_goes_out_as_a_maildir_comes_back_the_same() {
    Site::on_every_database(|site| {
        site.admin(&["import", "maildir", "ada", string(&maildir(site, 3))], "");
        site.admin(&["mailbox", "create", "ada", "example.org"], "");
        let out = site.path().join("out");
        let export = ["export", "maildir", "ada", string(&out)];
        site.admin(&export, "");
        assert!(out.join(".example_org/cur").is_dir());
        let messages = || {
            let count = |part: &str| fs::read_dir(out.join(part)).unwrap().count();
            count("cur") + count("new")
        };
        assert_eq!(messages(), 3);
        site.admin(&["account", "create", "bob", "--no-password"], "");
        site.admin(&["import", "maildir", "bob", string(&out)], "");
        for mailbox in ["INBOX", "Letters/2024"] {
            assert_eq!(listed(site, "bob", mailbox), listed(site, "ada", mailbox));
        }
        // Two that look alike, of which an export that broke off has stored one: the other is not taken for it.
        for _ in 0..2 {
            let arguments = [
                "message",
                "deliver",
                "ada",
                "INBOX",
                "-",
                "--date",
                "2025-01-01T00:00:00Z",
            ];
            site.admin(&arguments, "Subject: twin\n\nx\n");
        }
        site.admin(&export, "");
        assert_eq!(messages(), 5);
        let name = |entry: fs::DirEntry| entry.path();
        let newest = fs::read_dir(out.join("new"))
            .unwrap()
            .map(|entry| name(entry.unwrap()));
        let twin = newest
            .chain(
                fs::read_dir(out.join("cur"))
                    .unwrap()
                    .map(|entry| name(entry.unwrap())),
            )
            .find(|path| fs::read_to_string(path).unwrap().contains("twin"))
            .unwrap();
        fs::remove_file(twin).unwrap();
        site.admin(&export, "");
        assert_eq!(messages(), 5);
    });
}

#[test]
fn what_cannot_go_in_or_out_is_named_and_left_alone() {
    let site = Site::new();
    let folder = site.path().join("thesis");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("thesis.txt"), "mine").unwrap();
    let folder = string(&folder).to_owned();
    let refused = |arguments: &[&str], word: &str| {
        let said = site.refused(1, arguments, "");
        assert!(said.contains(word), "{arguments:?}: {said}");
    };
    refused(&["import", "maildir", "ada", &folder], "is not a Maildir");
    refused(&["import", "maildir", "eve", &folder], "there is no account eve");
    refused(&["export", "maildir", "ada", &folder], "no export has made it");
    refused(&["export", "maildir", "eve", &folder], "there is no account eve");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    for mailbox in ["a.b", "a_b"] {
        site.admin(&["mailbox", "create", "ada", mailbox], "");
    }
    let out = site.path().join("out");
    refused(&["export", "maildir", "ada", string(&out)], "rename one of them");
    assert!(!out.exists());
}

#[test]
fn of_two_exports_to_one_place_the_second_is_refused() {
    let site = Site::new();
    for kind in ["maildir", "mbox"] {
        let out = site.path().join(kind);
        let export = ["export", kind, "ada", string(&out)];
        site.admin(&export, "");
        let first = File::open(out.join("imap-export")).unwrap();
        first.lock().unwrap();
        assert!(site.refused(1, &export, "").contains("another export"));
        first.unlock().unwrap();
        site.admin(&export, "");
    }
}
