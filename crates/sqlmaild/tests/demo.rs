//! The demo as a newcomer sees it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Running, SQLMAILD};
use rustix::process::Signal;

fn demo(folder: &Path) -> Running {
    let mut command = Command::new(SQLMAILD.0);
    command.arg("demo").arg("--dir").arg(folder).args(["--port", "0"]);
    Running::start(command)
}

#[test]
fn the_demo_serves_its_mailboxes_and_keeps_what_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail");
    let server = demo(&path);
    assert!(
        server.greeting.contains("200 messages in 10 mailboxes"),
        "{}",
        server.greeting
    );
    let mut client = server.login("demo", "demo");
    let list = client.ok("LIST \"\" *");
    for name in ["INBOX", "Archive/2024", "Gr&APwA3w-e", "&ZeVnLIqe-", "Trash"] {
        assert!(list.contains(name), "{name} is not in\n{list}");
    }
    assert!(client.ok("SELECT INBOX").contains("* 60 EXISTS"));
    let structures = client.ok("FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE)");
    assert_eq!(structures.matches(" BODYSTRUCTURE (").count(), 60);
    assert!(
        client
            .ok("SEARCH SUBJECT \"Welcome to sqlmaild\" UNSEEN")
            .contains("* SEARCH 60")
    );
    let labelled = client.ok("SEARCH KEYWORD $label1");
    assert_eq!(
        labelled.lines().next().unwrap().split(' ').count(),
        4,
        "{labelled}"
    );
    client.ok("STORE 1:10 +FLAGS.SILENT (\\Deleted)");
    client.ok("EXPUNGE");
    server.signal(Signal::INT);
    client.until("* BYE");
    assert_eq!(server.end().0, Some(0));
    let server = demo(&path);
    assert!(
        server.greeting.contains("as the last run left it"),
        "{}",
        server.greeting
    );
    let mut client = server.login("demo", "demo");
    assert!(client.ok("SELECT INBOX").contains("* 50 EXISTS"));
}

#[test]
fn the_printed_line_delivers_a_message_to_one_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = demo(&folder.path().join("with space"));
    let text = server.printed_until("To stop: Ctrl-C");
    let line = text
        .lines()
        .find(|line| line.contains("message deliver"))
        .unwrap();
    let mut client = server.login("demo", "demo");
    client.ok("SELECT INBOX");
    let said = Command::new("sh").arg("-c").arg(line).output().unwrap();
    assert!(said.status.success(), "{line}: {}", common::text(&said.stderr));
    assert!(client.ok("NOOP").contains("* 61 EXISTS"));
    assert!(client.ok("FETCH 61 BODY[TEXT]").contains("It works."));
}
