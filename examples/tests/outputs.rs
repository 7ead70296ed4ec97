//! Each example prints what its first lines say; the servers among them answer.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The built example: cargo puts it beside the folder of this test.
fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    deps.parent().unwrap().parent().unwrap().join("examples").join(name)
}

/// The lines between the text fences at the head of an example.
fn promised(source: &str) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let source = std::fs::read_to_string(source).unwrap();
    let lines = source.lines().skip_while(|line| *line != "//! ```text").skip(1);
    lines
        .take_while(|line| *line != "//! ```")
        .map(|line| line.strip_prefix("//! ").or(line.strip_prefix("//!")).unwrap().trim_end().to_owned())
        .collect()
}

#[test]
fn examples_print_what_they_promise() {
    for (name, source) in [
        ("two_clients", "two_clients.rs"),
        ("helpers_without_server", "helpers_without_server.rs"),
        ("polled_backend", "polled_backend/main.rs"),
        ("log_backend", "log_backend/main.rs"),
    ] {
        let output = Command::new(program(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed: Vec<_> = printed.lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(printed, promised(source), "{name}");
    }
}

/// A server example, killed at the end of the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an example on a free port, logs in, says `commands`, logs out, and gives the lines that it answered.
fn conversation(name: &str, arguments: &[&str], commands: &[&str]) -> String {
    let mut server = Command::new(program(name));
    let mut server = Server(server.args(arguments).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ").unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    for (number, command) in ["LOGIN demo demo"].iter().chain(commands).chain(&["LOGOUT"]).enumerate() {
        write!(client, "a{number} {command}\r\n").unwrap();
    }
    BufReader::new(client).lines().map_while(Result::ok).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_server_examples_store_copy_and_expunge() {
    let commands = [
        "APPEND INBOX {16+}\r\nSubject: one\r\n\r\n",
        "SELECT INBOX",
        "STORE 1 +FLAGS (\\Deleted)",
        "COPY 1 INBOX",
        "FETCH 2 (UID FLAGS RFC822.SIZE)",
        "UID EXPUNGE 1",
        "UID SEARCH ALL",
    ];
    for name in ["minimal_backend", "minimal_server", "sqlite_backend"] {
        let heard = conversation(name, &["127.0.0.1:0"], &commands);
        for number in 0..=commands.len() + 1 {
            let ok = format!("a{number} OK");
            assert!(heard.lines().any(|line| line.starts_with(&ok)), "{name}, {ok}: {heard}");
        }
        for wanted in ["UID 2 FLAGS (\\Deleted \\Recent) RFC822.SIZE 16)", "* 1 EXPUNGE", "* SEARCH 2"] {
            assert!(heard.lines().any(|line| line.ends_with(wanted)), "{name}, {wanted}: {heard}");
        }
    }
}

#[test]
fn the_maildir_example_serves_a_maildir() {
    let home = tempfile::tempdir().unwrap();
    let heard =
        conversation("maildir_server", &["127.0.0.1:0", home.path().to_str().unwrap()], &["SELECT INBOX"]);
    assert!(heard.lines().any(|line| line.starts_with("a1 OK [READ-WRITE]")), "{heard}");
}

#[test]
fn the_archive_example_serves_an_mbox_file() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("mail.mbox");
    std::fs::write(&file, "From a@b Thu Jan  1 00:00:00 2026\nSubject: one\n\n>From here\n\n").unwrap();
    let commands = ["SELECT INBOX", "FETCH 1 (UID RFC822.SIZE BODY[TEXT])"];
    let heard = conversation("mbox_archive", &["127.0.0.1:0", file.to_str().unwrap()], &commands);
    let lines: Vec<_> = heard.lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("a1 OK [READ-ONLY]")), "{heard}");
    assert!(
        lines.windows(2).any(|pair| pair == ["* 1 FETCH (UID 1 RFC822.SIZE 27 BODY[TEXT] {11}", "From here"]),
        "{heard}"
    );
}

#[test]
fn the_rest_example_takes_mail_and_keeps_its_uids() {
    let home = tempfile::tempdir().unwrap();
    let commands =
        ["APPEND INBOX {16+}\r\nSubject: one\r\n\r\n", "SELECT INBOX", "FETCH 1 (UID BODY[HEADER])"];
    let heard = conversation("rest_backend", &["127.0.0.1:0", home.path().to_str().unwrap()], &commands);
    assert!(heard.lines().any(|line| line == "* 1 FETCH (UID 1 BODY[HEADER] {16}"), "{heard}");
    assert!(home.path().join("INBOX.uids").exists());
}

/// Says a command to the server, and gives the lines up to its answer.
fn says(client: &mut BufReader<TcpStream>, tag: &str, command: &str) -> String {
    write!(client.get_mut(), "{tag} {command}\r\n").unwrap();
    let mut heard = String::new();
    while !heard.lines().any(|line| line.starts_with(&format!("{tag} "))) {
        assert_ne!(client.read_line(&mut heard).unwrap(), 0, "{command}: {heard}");
    }
    heard
}

/// How many messages the store behind the REST example has in INBOX.
fn stored(store: &str) -> usize {
    let mut http = TcpStream::connect(store).unwrap();
    write!(http, "GET /mailboxes/INBOX/messages HTTP/1.0\r\n\r\n").unwrap();
    let mut page = String::new();
    std::io::Read::read_to_string(&mut http, &mut page).unwrap();
    page.matches("\"id\"").count()
}

/// The journal reaches a limit of the process, as if the disk were full; then there is room again.
#[test]
fn the_rest_example_opens_a_journal_again_that_could_not_be_written() {
    let home = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -S -f 4; exec \"$0\" \"$@\""]).arg(program("rest_backend"));
    limited.arg("127.0.0.1:0").arg(home.path());
    let mut server = Server(limited.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.next().unwrap().strip_prefix("listening on ").unwrap().to_owned();
    let line = lines.next().unwrap();
    let store = line.strip_prefix("the store is http://").unwrap().split(';').next().unwrap();
    let connect = || {
        let client = TcpStream::connect(&address).unwrap();
        client.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        let mut client = BufReader::new(client);
        assert!(says(&mut client, "l", "LOGIN demo demo").contains("l OK"));
        client
    };
    let append = "APPEND INBOX {16+}\r\nSubject: one\r\n\r\n";
    let mut idle = connect();
    assert!(says(&mut idle, "s", "SELECT INBOX").contains("s OK"));
    let mut client = connect();
    let mut until_refused = |times: usize| {
        let mut refused = 0;
        while refused < times {
            refused = if says(&mut client, "a", append).contains("a OK") { 0 } else { refused + 1 };
        }
    };
    // A journal that is opened again takes less room, so that there may be some for a while.
    until_refused(5);
    let stored = stored(store);
    until_refused(5);
    assert_eq!(self::stored(store), stored, "what gets no UID is not stored");
    write!(idle.get_mut(), "n NOOP\r\n").unwrap();
    let mut lost = String::new();
    while idle.read_line(&mut lost).unwrap() > 0 {}
    assert!(lost.contains("* BYE"), "{lost}");

    let pid = format!("--pid={}", server.0.id());
    let lifted = Command::new("prlimit").args([&*pid, "--fsize=unlimited"]).status().unwrap();
    assert!(lifted.success());
    let appended = says(&mut client, "c", append);
    assert!(appended.contains("c OK"), "{appended}");
    let selected = says(&mut client, "d", "SELECT INBOX");
    assert!(selected.contains(&format!("* {} EXISTS", stored + 1)), "{stored}: {selected}");
}
