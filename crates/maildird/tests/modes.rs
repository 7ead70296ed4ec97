//! `mode = "exclusive"`: a server that has the mail to itself, beside other servers and the tools.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;

use std::fs::{self, File};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Running, Site};

const EXCLUSIVE: [&str; 2] = ["--mode", "exclusive"];

/// Runs a tool on ada's Maildir.
fn tool(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maildird"));
    command.args(arguments);
    command.args(["--mail-root", &site.mail_root(), "--users", &site.users()]);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server whose log is a file.
fn logged(site: &Site, more: &[&str], log: &str) -> Running {
    let mut command = site.command(more);
    command.stderr(File::create(site.path().join(log)).unwrap());
    Running::start(command)
}

/// Waits for what a server does on a thread of its own when a session has ended.
fn eventually(mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "it does not come");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_second_server_is_told_that_the_mail_is_held_and_its_operator_by_which_file() {
    let site = Site::new();
    let first = site.serve(&EXCLUSIVE);
    let mut ada = first.login("ada", "secret");
    let file = site.maildir().join("imap-lock").display().to_string();
    for (log, mode) in [("exclusive", &EXCLUSIVE[..]), ("shared", &[])] {
        let second = logged(&site, mode, log);
        let mut client = second.connect();
        let answer = client.command("LOGIN ada secret");
        assert!(
            answer.contains(" NO [INUSE] another server has the mail to itself"),
            "{answer}"
        );
        let lines = fs::read_to_string(site.path().join(log)).unwrap();
        let line = lines
            .lines()
            .find(|line| line.contains("ERROR"))
            .unwrap_or_default();
        assert!(line.contains(&file) && line.contains("exclusive"), "{lines}");
        // And the one that was refused goes on.
        client.ok("NOOP");
    }
    ada.ok("SELECT INBOX");
    ada.ok("LOGOUT");
    assert_eq!(ada.line(), "");
    let second = site.serve(&[]);
    eventually(|| second.connect().command("LOGIN ada secret").contains(" OK "));
}

#[test]
fn a_tool_that_changes_mail_refuses_while_it_is_held_and_one_that_reads_works_beside() {
    let site = Site::new();
    site.deliver("1700000000.M1P1.test", "Subject: x\n\nx\n");
    let server = site.serve(&EXCLUSIVE);
    let mut ada = server.login("ada", "secret");
    ada.ok("SELECT INBOX");
    let mbox = site.path().join("x.mbox");
    fs::write(
        &mbox,
        "From x@example.org Thu Jan  1 00:00:00 1970\nSubject: y\n\ny\n",
    )
    .unwrap();
    let mbox = mbox.to_str().unwrap();
    let target = site.path().join("copy.mbox");
    for arguments in [
        &["reindex", "ada"][..],
        &["import", "mbox", "ada", mbox, "--mailbox", "x"],
        &["export", "mbox", "ada", target.to_str().unwrap()],
    ] {
        let refused = tool(&site, arguments);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?} {said}");
        assert!(
            said.contains("imap-lock is locked by another server"),
            "{arguments:?} {said}"
        );
    }
    let checked = tool(&site, &["check", "ada"]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert!(ada.ok("FETCH 1 FLAGS").contains("FETCH"));
    ada.ok("LOGOUT");
    assert_eq!(ada.line(), "");
    eventually(|| tool(&site, &["reindex", "ada"]).status.success());
}
