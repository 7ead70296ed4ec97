//! The demo as a newcomer sees it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

#[path = "../../imap-daemon/tests/running/mod.rs"]
mod running;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use running::Running;
use rustix::process::Signal;

fn demo(folder: &Path, port: &str) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maildird-demo"));
    command.arg("--dir").arg(folder).args(["--port", port]);
    Running::start(command)
}

#[test]
fn the_demo_greets_serves_its_mailboxes_and_keeps_what_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail");
    let server = demo(&path, "0");
    assert!(
        server.greeting.contains("200 messages in 10 mailboxes"),
        "{}",
        server.greeting
    );
    let mut client = server.login("demo", "demo");
    let list = client.ok("LIST \"\" *");
    for name in ["INBOX", "Archive.2024", "Gr&APwA3w-e", "&ZeVnLIqe-", "Trash"] {
        assert!(list.contains(name), "{name} is not in\n{list}");
    }
    assert!(client.ok("LSUB \"\" *").contains("Lists.Harbour"));
    assert!(client.ok("SELECT INBOX").contains("* 60 EXISTS"));
    let structures = client.ok("FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE)");
    assert_eq!(structures.matches(" BODYSTRUCTURE (").count(), 60);
    assert!(
        client
            .ok("SEARCH SUBJECT \"Welcome to maildird\"")
            .contains("* SEARCH 60")
    );
    client.ok("STORE 1:10 +FLAGS.SILENT (\\Deleted)");
    client.ok("EXPUNGE");
    server.signal(Signal::INT);
    client.until("* BYE");
    let (code, rest) = server.end();
    assert_eq!(code, Some(0));
    for word in [
        "curl -u demo:demo imap://127.0.0.1:",
        "STARTTLS",
        "mv tmp/$f new/",
        "Ctrl-C",
    ] {
        assert!(rest.contains(word), "{rest}");
    }
    assert!(!path.join("maildird.pid").exists());
    let server = demo(&path, "0");
    assert!(
        server.greeting.contains("as the last run left it"),
        "{}",
        server.greeting
    );
    assert!(
        server
            .login("demo", "demo")
            .ok("SELECT INBOX")
            .contains("* 50 EXISTS")
    );
}

#[test]
fn a_port_that_is_taken_makes_the_demo_use_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    // Two neighbours of which the second is free: found, not assumed.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let server = demo(folder.path(), &port);
    assert!(server.address.port() > port.parse().unwrap());
    assert!(fs::read_to_string(folder.path().join("maildird.pid")).is_ok());
}

#[test]
fn the_printed_lines_show_a_message_arrive_to_one_who_types_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = demo(folder.path(), "0");
    let text = server.printed_until("To stop: Ctrl-C");
    assert!(
        text.contains(&format!("curl -u demo:demo imap://{}/", server.address)),
        "{text}"
    );
    let line = |word: &str| text.lines().find(|line| line.contains(word)).unwrap().to_owned();
    let shell = |line: String| {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(line);
        shell
    };
    // `exec`: to stop the shell is to stop what it runs.
    let mut watch = shell(format!("exec {}", line("/dev/tcp/").trim()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = BufReader::new(watch.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(seen.any(|line| line.starts_with('+')));
    assert!(shell(line("mv tmp/$f new/")).status().unwrap().success());
    assert!(seen.any(|line| line == "* 61 EXISTS"));
    server.signal(Signal::INT);
    assert!(seen.any(|line| line.starts_with("* BYE")));
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(server.end().0, Some(0));
}
