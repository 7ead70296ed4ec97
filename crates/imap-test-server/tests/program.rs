//! The program, as a client in another language uses it.

#![cfg(feature = "program")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_imap-test-server");

#[test]
fn the_program_says_where_it_listens_obeys_lines_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("1,S.eml"), "Subject: one\n\nHello\n").unwrap();
    let mut program = Command::new(PROGRAM)
        .args([
            "--port",
            "0",
            "--without",
            "IDLE",
            "--account",
            "ann:apple",
            "--seed",
        ])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut answer = move || output.next().unwrap().unwrap();
    let address = answer().strip_prefix("listening on ").unwrap().to_owned();

    let mut stream = TcpStream::connect(address).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert!(!lines.next().unwrap().unwrap().contains(" IDLE"));
    stream
        .write_all(b"a LOGIN ann apple\r\nb SELECT INBOX\r\nc FETCH 1 FLAGS\r\n")
        .unwrap();
    writeln!(input, "told * 1 FETCH").unwrap();
    assert_eq!(answer(), "ok * 1 FETCH (FLAGS (\\Seen \\Recent))");
    writeln!(input, "nonsense").unwrap();
    assert!(answer().starts_with("error "));
    drop(input);
    assert!(program.wait().unwrap().success());
    assert!(lines.map_while(Result::ok).any(|line| line == "* 1 EXISTS"));
}

#[test]
fn the_program_lists_its_personas_and_refuses_what_is_none() {
    let listed = Command::new(PROGRAM).arg("--list").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("lost-behind-done\n") && listed.contains("https://github.com/"),
        "{listed}"
    );
    let refused = Command::new(PROGRAM)
        .args(["--persona", "nobody"])
        .output()
        .unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("nobody"));
}

/// The page's example, word for word.
#[test]
fn pythons_imaplib_runs_against_it() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/with_imaplib.py");
    let run = Command::new("python3")
        .arg(example)
        .env("IMAP_TEST_SERVER", PROGRAM)
        .output();
    match run {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no python3")
        }
        run => {
            let run = run.unwrap();
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        }
    }
}
