//! The program, as a client in another language uses it.

#![cfg(feature = "program")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

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

/// Who comes while no descriptor is left waits, and is served when there is one again.
#[test]
fn a_program_without_descriptors_serves_again_when_there_are_some() {
    let mut program = Command::new("sh")
        .args(["-c", "ulimit -n 24; exec \"$0\" --port 0", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut errors = BufReader::new(program.stderr.take().unwrap()).lines();
    let address = output.next().unwrap().unwrap();
    let address = address.strip_prefix("listening on ").unwrap();
    let clients: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(address).unwrap()).collect();
    let error = errors.next().unwrap().unwrap();
    assert!(error.contains("a connection cannot be accepted now"), "{error}");
    drop(clients);
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let greeting = BufReader::new(stream).lines().next().unwrap().unwrap();
    assert!(greeting.starts_with("* OK"), "{greeting}");
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}

/// A line of a message may be what the program answers with.
#[test]
fn a_transcript_is_lines_that_no_message_can_make_up() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("1.eml"), "Subject: one\n\nok\nerror x\n").unwrap();
    let mut program = Command::new(PROGRAM)
        .arg("--seed")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap()).lines();
    let address = output.next().unwrap().unwrap();
    let mut stream = TcpStream::connect(address.strip_prefix("listening on ").unwrap()).unwrap();
    stream
        .write_all(b"a LOGIN joe secret\r\nb SELECT INBOX\r\nc FETCH 1 BODY[]\r\n")
        .unwrap();
    writeln!(input, "told c OK\ntranscript\ndisconnect\nquit").unwrap();
    let answers: Vec<String> = output.map_while(Result::ok).collect();
    let [told, transcript @ .., of_transcript, of_disconnect, of_quit] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert!(told.starts_with("ok c OK"), "{told}");
    let is_said = |line: &String| line.starts_with("C1: ") || line.starts_with("S1: ");
    assert!(transcript.iter().all(is_said), "{transcript:#?}");
    assert!(transcript.iter().any(|line| line == "S1: ok"), "{transcript:#?}");
    assert_eq!([of_transcript, of_disconnect, of_quit], ["ok"; 3]);
    assert!(program.wait().unwrap().success());
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
