//! A server and an administrator, two processes with nothing between them but the database.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;
#[path = "../../imap-daemon/tests/submission_users/mod.rs"]
mod submission_users;

use std::fs;
use std::process::Command;

use common::{Running, SQLMAILD, Site};
use rustix::process::Signal;

const HELLO: &str = "From: Bob <bob@example.org>\nSubject: Hello\n\nHello, Ada.\n";

fn deliver(site: &Site, more: &[&str]) {
    site.admin(
        &[&["message", "deliver", "ada", "INBOX", "-"], more].concat(),
        HELLO,
    );
}

#[test]
fn what_an_administrator_does_is_told_at_noop() {
    let site = Site::new();
    let server = site.serve(&[]);
    assert_eq!(server.greeting, format!("listening on {}\n", server.address));
    let mut ada = server.login("ada", "secret");
    assert!(ada.ok("SELECT INBOX").contains("* 0 EXISTS"));
    deliver(
        &site,
        &["--flag", "\\Flagged", "--date", "2025-01-31T18:30:00+01:00"],
    );
    assert!(ada.ok("NOOP").contains("* 1 EXISTS"));
    let fetched = ada.ok("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[TEXT])");
    for part in [
        "Hello, Ada.",
        "RFC822.SIZE 60",
        "\\Flagged",
        "31-Jan-2025 18:30:00 +0100",
    ] {
        assert!(fetched.contains(part), "{fetched}");
    }
    site.admin(
        &[
            "message",
            "flags",
            "ada",
            "INBOX",
            "1",
            "+\\Seen",
            "+Work",
            "-\\Flagged",
        ],
        "",
    );
    let told = ada.ok("NOOP");
    let row = told.lines().find(|line| line.starts_with("* 1 FETCH")).unwrap();
    assert!(
        row.contains("\\Seen Work") && !row.contains("\\Flagged"),
        "{told}"
    );
    site.admin(&["message", "remove", "ada", "INBOX", "1:*"], "");
    assert!(ada.ok("NOOP").contains("* 1 EXPUNGE"));
    assert!(ada.ok("LOGOUT").contains("* BYE"));
}

/// RFC 4467, section 3: `submit+` is for the submission server alone.
#[test]
fn a_submission_user_fetches_what_was_authorized_for_submission() {
    let site = Site::new();
    for user in ["postman", "bob"] {
        site.admin(&["account", "create", user, "--password-stdin"], "other\n");
    }
    deliver(&site, &[]);
    let server = site.serve(&["--submission-users", "postman"]);
    submission_users::assert_they_alone_fetch(&server);
}

#[test]
fn what_an_administrator_does_is_told_in_idle() {
    let site = Site::new();
    let server = site.serve(&["--limit", "idle_poll=10ms"]);
    let mut ada = server.login("ada", "secret");
    ada.ok("SELECT INBOX");
    ada.send("i IDLE\r\n");
    ada.until("+");
    deliver(&site, &[]);
    ada.until("* 1 EXISTS");
    site.admin(&["message", "flags", "ada", "INBOX", "*", "+\\Answered"], "");
    assert!(ada.until("* 1 FETCH").contains("\\Answered"));
    site.admin(&["message", "remove", "ada", "INBOX", "1"], "");
    ada.until("* 1 EXPUNGE");
    server.signal(Signal::TERM);
    ada.until("* BYE");
    assert_eq!(ada.line(), "", "the connection ends after BYE");
    assert_eq!(
        server.end(),
        (Some(0), String::new()),
        "one line was printed, and no more"
    );
}

#[test]
fn mailboxes_that_are_renamed_or_dropped_are_so_for_clients() {
    let site = Site::new();
    let server = site.serve(&[]);
    let mut ada = server.login("ada", "secret");
    site.admin(&["mailbox", "create", "ada", "Letters/2024"], "");
    assert!(ada.ok("LIST \"\" *").contains("Letters/2024"));
    ada.ok("SELECT Letters/2024");
    site.admin(&["mailbox", "rename", "ada", "Letters", "Archive"], "");
    site.admin(&["message", "deliver", "ada", "Archive/2024"], HELLO);
    // Whoever has it selected goes on.
    assert!(ada.ok("NOOP").contains("* 1 EXISTS"));
    let list = ada.ok("LIST \"\" *");
    assert!(
        list.contains("Archive/2024") && !list.contains("Letters"),
        "{list}"
    );
    assert!(ada.ok("STATUS Archive/2024 (MESSAGES)").contains("MESSAGES 1"));
    assert!(
        ada.command("STATUS Letters/2024 (MESSAGES)")
            .contains("NO [NONEXISTENT]")
    );
    site.admin(&["mailbox", "drop", "ada", "Archive/2024", "--yes"], "");
    ada.send("n NOOP\r\n");
    ada.until("* BYE");
    let mut ada = server.login("ada", "secret");
    assert!(!ada.ok("LIST \"\" *").contains("2024"));
}

#[test]
fn who_may_log_in_follows_the_database_while_the_server_runs() {
    let site = Site::new();
    site.admin(&["account", "create", "cy", "--no-password"], "");
    let server = site.serve(&["--limit", "failed_login_delay=1ms"]);
    let mut client = server.connect();
    for login in ["ada wrong", "bob other", "cy secret", "cy \"\"", "../ada secret"] {
        let answer = client.command(&format!("LOGIN {login}"));
        assert!(answer.contains("NO [AUTHENTICATIONFAILED]"), "{login}: {answer}");
    }
    site.admin(&["account", "create", "bob", "--password-stdin"], "other");
    client.ok("LOGIN bob other");
    assert!(client.ok("SELECT INBOX").contains("* 0 EXISTS"));
    site.admin(&["account", "password", "bob", "--password-stdin"], "third\n");
    assert!(server.connect().command("LOGIN bob other").contains("NO"));
    server.login("bob", "third");
    site.admin(&["account", "drop", "bob", "--yes"], "");
    assert!(server.connect().command("LOGIN bob third").contains("NO"));
    client.send("n NOOP\r\n");
    client.until("* BYE");
    assert_eq!(
        site.admin(&["account", "list"], ""),
        "ada\tpassword\t1\t0\ncy\tno password\t1\t0\n"
    );
}

#[test]
fn a_message_of_any_size_is_delivered_from_a_file() {
    let site = Site::new();
    let file = site.path().join("large.eml");
    let line = format!("{}\r\n", "x".repeat(98));
    fs::write(&file, format!("Subject: large\r\n\r\n{}", line.repeat(50_000))).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(
        site.admin(&["message", "deliver", "ada", "INBOX", file], ""),
        "1\n"
    );
    let server = site.serve(&[]);
    let mut ada = server.login("ada", "secret");
    ada.ok("SELECT INBOX");
    assert!(ada.ok("FETCH 1 RFC822.SIZE").contains("RFC822.SIZE 5000018"));
}

#[test]
fn two_servers_on_one_database_tell_each_others_changes() {
    let site = Site::new();
    let (one, other) = (site.serve(&[]), site.serve(&[]));
    let (mut here, mut there) = (one.login("ada", "secret"), other.login("ada", "secret"));
    here.ok("SELECT INBOX");
    there.ok("SELECT INBOX");
    deliver(&site, &[]);
    here.ok("NOOP");
    here.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    let told = there.ok("NOOP");
    assert!(told.contains("* 1 EXISTS"), "{told}");
    assert!(there.ok("FETCH 1 FLAGS").contains("\\Deleted"));
    here.ok("EXPUNGE");
    assert!(there.ok("NOOP").contains("* 1 EXPUNGE"));
}

#[test]
fn the_settings_file_says_where_the_database_is_and_the_log_has_no_password() {
    let site = Site::new();
    let config = site.path().join("sqlmaild.toml");
    fs::write(
        &config,
        "listen = ['127.0.0.1:0']\ndatabase = 'mail.db'\nlog_level = 'trace'\nlog_format = 'json'\n",
    )
    .unwrap();
    let log = fs::File::create(site.path().join("log")).unwrap();
    let mut command = Command::new(SQLMAILD.0);
    command
        .args(["serve", "--config", config.to_str().unwrap()])
        .stderr(log);
    let server = Running::start(command);
    let mut ada = server.login("ada", "secret");
    ada.ok("SELECT INBOX");
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    let log = fs::read_to_string(site.path().join("log")).unwrap();
    assert!(
        log.lines().count() > 0
            && log
                .lines()
                .all(|line| line.starts_with('{') && line.ends_with('}')),
        "{log}"
    );
    assert!(!log.contains("secret") && !log.contains("argon2"), "{log}");
}
