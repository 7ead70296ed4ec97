//! The command, as it is typed.
#![cfg(feature = "program")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(120);

struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn conform(arguments: &[&str]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_imap-conform"))
        .args(arguments)
        .env_remove("IMAP_CONFORM_PASSWORD")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let stdout = thread::spawn(move || text(&mut stdout));
    let stderr = thread::spawn(move || text(&mut stderr));
    let code = code(&mut child);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    Said { code, stdout, stderr }
}

fn text(from: &mut impl std::io::Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

fn code(child: &mut Child) -> Option<i32> {
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("the command has not ended within {LIMIT:?}");
}

/// A password for servers that do not look at it.
fn password() -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().to_str().unwrap().to_owned();
    (file, name)
}

/// A server of this test, for as many clients as come, on threads that end with the program.
fn server(serve: fn(TcpStream)) -> String {
    let sockets = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = sockets.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for client in sockets.incoming().flatten() {
            thread::spawn(move || serve(client));
        }
    });
    address
}

/// A server that greets, and answers each command by what this says to its name: a reply behind a tag, or several lines.
fn answering(mut client: TcpStream, greeting: &str, answer: fn(&str) -> Option<&'static str>) {
    client.write_all(greeting.as_bytes()).unwrap();
    let lines = BufReader::new(client.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let mut words = line.split(' ');
        let (tag, name) = (words.next().unwrap(), words.next().unwrap_or_default());
        let Some(answer) = answer(name) else { continue };
        let said = answer.replace("TAG", tag);
        if client.write_all(said.as_bytes()).is_err() {
            return;
        }
    }
}

/// Says this, and nothing more until the client leaves.
fn saying(mut client: TcpStream, octets: &[u8]) {
    client.write_all(octets).unwrap();
    let _ = client.read_to_end(&mut Vec::new());
}

fn conversation(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

#[test]
fn a_conversation_is_read_and_the_exit_code_says_whether_something_was_found() {
    let broken = conform(&["read", conversation("broken/uid-order.txt").to_str().unwrap()]);
    assert_eq!(broken.code, Some(1), "{}", broken.stdout);
    assert!(
        broken.stdout.starts_with("uid-order: FETCH 2 has UID 4"),
        "{}",
        broken.stdout
    );
    let right = conform(&["read", conversation("right/fetch.txt").to_str().unwrap()]);
    assert_eq!(right.code, Some(0));
}

/// What a stranger mistypes: no verdict, and what to type instead.
#[test]
fn arguments_that_are_wrong_are_no_verdict_and_the_message_says_what_is_right() {
    let watch = ["watch", "--upstream", "localhost:1", "--listen"];
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let text = conversation("command.rs");
    for (arguments, wanted) in [
        (&[][..], "--user <NAME>"),
        (&["127.0.0.1:1"], "--user <NAME>"),
        (
            &["localhost", "--user", "joe"],
            "a port is wanted, as in localhost:143",
        ),
        (&["wach"], "--help lists commands"),
        (&["localhost:imap", "--user", "joe"], "the port is a number"),
        (&[&watch[..], &["1144"]].concat(), "a port is wanted"),
        (&[&watch[..], &[&taken]].concat(), &format!("--listen {taken}: ")),
        (&["read", text.to_str().unwrap()], "`watch --record` has written"),
    ] {
        let refused = conform(arguments);
        assert_eq!(refused.code, Some(2), "{arguments:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(wanted),
            "{arguments:?}: {}",
            refused.stderr
        );
    }
}

/// Runs the cases against this server: it is no verdict, and the message has these words.
fn no_verdict(address: &str, arguments: &[&str], wanted: &[&str]) {
    let (_file, password) = password();
    let fixed = [
        address,
        "--user",
        "joe",
        "--password-file",
        &password,
        "--patience",
        "1",
    ];
    let refused = conform(&[&fixed[..], arguments].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    for wanted in wanted {
        assert!(refused.stderr.contains(wanted), "{wanted}: {}", refused.stderr);
    }
}

#[test]
fn where_no_server_of_imap_speaks_the_message_says_what_does() {
    // Nobody listens where somebody has just stopped.
    let sockets = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = sockets.local_addr().unwrap().to_string();
    drop(sockets);
    no_verdict(&address, &[], &[&format!("no connection to {address}")]);
    // It waits for the client's first word, as TLS does.
    let silent = server(|client| saying(client, b""));
    no_verdict(&silent, &[], &["no greeting", "say --tls"]);
    let plain = server(|client| saying(client, b"* OK ready\r\n"));
    no_verdict(&plain, &["--tls"], &["leave --tls out"]);
    let without_end = server(|client| saying(client, b"* OK ready"));
    no_verdict(&without_end, &[], &["\"* OK ready\" without the end of a line"]);
    let closes = server(drop);
    no_verdict(&closes, &[], &["closes the connection without a greeting"]);
    let ssh = server(|client| saying(client, b"SSH-2.0-OpenSSH\r\n"));
    no_verdict(
        &ssh,
        &[],
        &["no IMAP server", "\"SSH-2.0-OpenSSH\"", "993 with --tls"],
    );
    let garbage = server(|client| saying(client, b"\x15\x03\x03\0\x02\r\n"));
    no_verdict(&garbage, &[], &["no IMAP server", "\\x15\\x03"]);
    let bye = server(|client| saying(client, b"* BYE too many connections\r\n"));
    no_verdict(&bye, &[], &["takes no connection: * BYE too many connections"]);
}

#[test]
fn where_nobody_is_let_in_the_message_says_why() {
    let refuses = server(|client| {
        answering(client, "* OK ready\r\n", |name| match name {
            "CAPABILITY" => Some("* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"),
            _ => Some("TAG NO [AUTHENTICATIONFAILED] no\r\n"),
        });
    });
    no_verdict(
        &refuses,
        &[],
        &[
            "NO [AUTHENTICATIONFAILED] no",
            "are --user and the password right?",
        ],
    );
    let needs_tls = server(|client| {
        answering(client, "* OK ready\r\n", |name| match name {
            "CAPABILITY" => Some("* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"),
            _ => Some("TAG NO [PRIVACYREQUIRED] no\r\n"),
        });
    });
    no_verdict(
        &needs_tls,
        &[],
        &["[PRIVACYREQUIRED]", "say --starttls, or --tls"],
    );
    let silent = server(|client| {
        answering(client, "* OK ready\r\n", |name| {
            (name == "CAPABILITY").then_some("* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n")
        });
    });
    no_verdict(&silent, &[], &["no answer to LOGIN in 1 s", "--patience SECONDS"]);
    let closes = server(|client| saying_and_closing(client, b"* OK ready\r\n"));
    no_verdict(&closes, &[], &["closes the connection", "CAPABILITY"]);
}

/// Says this, hears a line, and closes.
fn saying_and_closing(mut client: TcpStream, octets: &[u8]) {
    client.write_all(octets).unwrap();
    let _ = BufReader::new(client).read_line(&mut String::new());
}

/// RFC 9051, section 6.2.3: a client MUST NOT issue LOGIN where LOGINDISABLED is offered.
#[test]
fn rfc9051_6_2_3_where_login_is_disabled_no_password_is_sent() {
    let needs_tls = server(|client| {
        answering(client, "* OK ready\r\n", |name| match name {
            "CAPABILITY" => Some("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\nTAG OK done\r\n"),
            _ => Some("TAG NO a password was sent\r\n"),
        });
    });
    no_verdict(&needs_tls, &[], &["over TLS alone", "say --starttls, or --tls"]);
    let takes_tokens = server(|client| {
        answering(client, "* OK ready\r\n", |name| match name {
            "CAPABILITY" => Some("* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=OAUTHBEARER\r\nTAG OK done\r\n"),
            _ => Some("TAG NO a password was sent\r\n"),
        });
    });
    no_verdict(&takes_tokens, &[], &["takes no LOGIN", "AUTH=OAUTHBEARER"]);
}

/// A server that lets in by AUTHENTICATE PLAIN alone, and answers LOGIN with this.
fn takes_plain_alone(mut client: TcpStream, capabilities: &str, login: &str) {
    let mut lines = BufReader::new(client.try_clone().unwrap())
        .lines()
        .map_while(Result::ok);
    client.write_all(b"* OK ready\r\n").unwrap();
    while let Some(line) = lines.next() {
        let mut words = line.split(' ');
        let (tag, name) = (words.next().unwrap(), words.next().unwrap_or_default());
        let said = match name {
            "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 {capabilities}\r\n{tag} OK done\r\n"),
            "LOGIN" => format!("{tag} {login}\r\n"),
            "AUTHENTICATE" => {
                client.write_all(b"+ \r\n").unwrap();
                // Nobody, joe, and an empty password.
                match lines.next().as_deref() {
                    Some("AGpvZQA=") => format!("{tag} OK in\r\n"),
                    _ => format!("{tag} NO out\r\n"),
                }
            }
            "LOGOUT" => format!("* BYE bye\r\n{tag} OK done\r\n"),
            _ => format!("{tag} OK done\r\n"),
        };
        if client.write_all(said.as_bytes()).is_err() || name == "LOGOUT" {
            return;
        }
    }
}

/// RFC 9051, section 6.2.2: where LOGIN is disabled or refused, and PLAIN is offered.
#[test]
fn rfc9051_6_2_2_where_login_does_not_let_in_authenticate_plain_does() {
    let disabled =
        server(|client| takes_plain_alone(client, "LOGINDISABLED AUTH=PLAIN", "NO a password was sent"));
    let refused = server(|client| takes_plain_alone(client, "AUTH=PLAIN", "BAD unknown command"));
    let (_file, password) = password();
    for server in [&disabled, &refused] {
        let fixed = [
            server,
            "--user",
            "joe",
            "--password-file",
            &password,
            "--patience",
            "5",
        ];
        let said = conform(&[&fixed[..], &["--only", "LOGOUT says BYE"]].concat());
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains("1 passed, 0 failed"), "{}", said.stdout);
        assert!(said.stdout.contains("offered, not judged: "), "{}", said.stdout);
    }
    // Nobody tries another way in with a password that is wrong.
    let wrong = server(|client| takes_plain_alone(client, "AUTH=PLAIN", "NO [AUTHENTICATIONFAILED] no"));
    no_verdict(
        &wrong,
        &[],
        &["LOGIN is answered", "are --user and the password right?"],
    );
}

#[test]
fn a_proxy_does_not_take_starttls_and_says_why() {
    let refused = conform(&[
        "watch",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        "localhost:1",
        "--starttls",
    ]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("cannot see through STARTTLS"),
        "{}",
        refused.stderr
    );
}

/// Who comes while no descriptor is left waits, and the proxy goes on. Each connection takes two: of two limits, one is used up in the
/// middle of a connection, and the other in front of one.
#[test]
fn a_proxy_without_descriptors_serves_again_when_there_are_some() {
    let upstream = server(|client| saying(client, b"* OK ready\r\n"));
    for limit in [30, 31] {
        let script =
            format!("ulimit -n {limit}; exec \"$0\" watch --listen 127.0.0.1:0 --upstream {upstream}");
        let mut child = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_imap-conform")])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = lines.next().unwrap().unwrap();
        let address = listening.strip_prefix("listening on ").unwrap();
        let address = address.split(',').next().unwrap();
        let clients: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(address).unwrap()).collect();
        let line = lines.next().unwrap().unwrap();
        assert!(
            line.contains("clients wait") || line.contains("is not possible"),
            "{line}"
        );
        drop(clients);
        // A connection that is accepted while others have not ended may find no second descriptor.
        let greeting = (0..1000).find_map(|_| {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            BufReader::new(stream).lines().next()?.ok()
        });
        assert_eq!(greeting.as_deref(), Some("* OK ready"));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// RFC 9051, section 9: `resp-cond-state` has a space and a text. Without them it is an answer nevertheless, and the run a verdict.
#[test]
fn rfc9051_9_a_tagged_response_that_breaks_the_grammar_is_an_answer_and_a_finding() {
    let without_text = server(|client| {
        answering(client, "* PREAUTH ready\r\n", |name| match name {
            "CAPABILITY" => Some("* CAPABILITY IMAP4rev1\r\nTAG OK\r\n"),
            _ => Some("TAG OK\r\n"),
        });
    });
    let (_file, password) = password();
    let fixed = [
        &without_text,
        "--user",
        "joe",
        "--password-file",
        &password,
        "--patience",
        "5",
    ];
    let said = conform(&[&fixed[..], &["--only", "delimiter"]].concat());
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
    let wanted = "syntax: a status without a space behind it";
    assert!(said.stdout.contains(wanted), "{}", said.stdout);
    // Nobody can tell what this means, and nobody waits for more.
    let without_status = server(|client| {
        answering(client, "* PREAUTH ready\r\n", |_| {
            Some("* CAPABILITY IMAP4rev1\r\nTAG FINE\r\n")
        });
    });
    no_verdict(&without_status, &[], &["CAPABILITY is answered a1 FINE"]);
}

#[test]
fn a_server_that_answers_nothing_any_more_is_given_up_after_three_cases() {
    let dies = server(|client| {
        answering(client, "* PREAUTH ready\r\n", |name| {
            (name == "CAPABILITY").then_some("* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n")
        });
    });
    let (_file, password) = password();
    let said = conform(&[
        &dies,
        "--user",
        "joe",
        "--password-file",
        &password,
        "--patience",
        "1",
    ]);
    assert_eq!(said.code, Some(1), "{}", said.stdout);
    let failed = said.stdout.lines().filter(|line| line.starts_with("FAILED"));
    assert_eq!(failed.count(), 3, "{}", said.stdout);
    assert!(
        said.stdout.contains("three cases in a row without an answer"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_case_that_there_is_not_is_an_error() {
    let server = server(|client| {
        answering(client, "* PREAUTH ready\r\n", |name| match name {
            "CAPABILITY" => Some("* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"),
            _ => Some("TAG NO no\r\n"),
        });
    });
    no_verdict(
        &server,
        &["--only", "no such thing"],
        &["no case has \"no such thing\""],
    );
}

#[test]
fn what_is_wrong_before_the_first_case_is_not_told_of_that() {
    let server = server(|client| {
        answering(client, "* PREAUTH ready\r\n", |name| match name {
            // Two spaces.
            "CAPABILITY" => Some("* CAPABILITY IMAP4rev1  IDLE\r\nTAG OK done\r\n"),
            _ => Some("TAG NO no\r\n"),
        });
    });
    let (_file, password) = password();
    let fixed: [&str; 7] = [
        &server,
        "--user",
        "joe",
        "--password-file",
        &password,
        "--patience",
        "1",
    ];
    let said = conform(&[&fixed[..], &["--only", "delimiter"]].concat());
    let mut lines = said.stdout.lines();
    let opening = lines.next().unwrap();
    assert!(
        opening.starts_with("FAILED  sessions: greeting, CAPABILITY"),
        "{opening}"
    );
    let other = said
        .stdout
        .split("FAILED  mailboxes: ")
        .nth(1)
        .unwrap_or_default();
    assert!(!other.contains("syntax"), "{other}");
}

/// Starts the proxy with these arguments; gives its address.
fn watching(arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_imap-conform"))
        .args(["watch", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening on ").unwrap();
    let address = address.split(',').next().unwrap().to_owned();
    (child, lines, address)
}

#[test]
fn the_proxy_says_which_server_it_does_not_reach() {
    let sockets = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = sockets.local_addr().unwrap().to_string();
    drop(sockets);
    let (mut child, mut lines, address) = watching(&["--upstream", &upstream]);
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    assert_eq!(text(&mut &client), "", "the client is left");
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let wanted = format!("connection 1 is not possible: {upstream}: ");
    assert!(line.starts_with(&wanted), "{line}");
}

#[test]
fn the_rules_are_listed() {
    let rules = conform(&["rules"]);
    assert!(rules.stdout.contains("expunge-time"), "{}", rules.stdout);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let server = ["127.0.0.1:1", "--user", "joe"];
    let watch = ["watch", "--listen", "127.0.0.1:0", "--upstream", "localhost:1"];
    for arguments in [
        [&["read"][..], &["no-such-file"]].concat(),
        [&server[..], &["--password-file", "no-such-file"]].concat(),
        [
            &watch[..],
            &["--certificate", "no-such-file", "--key", "no-such-file"],
        ]
        .concat(),
        [&watch[..], &["--tls", "--trusted", "no-such-file"]].concat(),
        [&watch[..], &["--record", "no-such-file/record"]].concat(),
        [&server[..], &["--html", "no-such-file/page"]].concat(),
        [&server[..], &["--junit", "no-such-file/xml"]].concat(),
    ] {
        let refused = conform(&arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("no-such-file"),
            "{arguments:?}: {}",
            refused.stderr
        );
    }
}
