//! The command, as it is typed.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn conform(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imap-conform"));
    command
        .args(arguments)
        .env_remove("IMAP_CONFORM_PASSWORD")
        .output()
        .unwrap()
}

fn conversation(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

#[test]
fn a_conversation_is_read_and_the_exit_code_says_whether_something_was_found() {
    let broken = conform(&["read", conversation("broken/uid-order.txt").to_str().unwrap()]);
    let text = String::from_utf8(broken.stdout).unwrap();
    assert_eq!(broken.status.code(), Some(1), "{text}");
    assert!(text.starts_with("uid-order: FETCH 2 has UID 4"), "{text}");
    let right = conform(&["read", conversation("right/fetch.txt").to_str().unwrap()]);
    assert_eq!(right.status.code(), Some(0));
    let missing = conform(&["read", "no-such-file"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_server_and_a_user_are_required_and_a_server_that_is_not_there_is_no_verdict() {
    assert_eq!(conform(&[]).status.code(), Some(2));
    assert_eq!(conform(&["127.0.0.1:1"]).status.code(), Some(2));
    let password = tempfile::NamedTempFile::new().unwrap();
    // Nobody listens where somebody has just stopped.
    let sockets = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = sockets.local_addr().unwrap().to_string();
    drop(sockets);
    let file = password.path().to_str().unwrap();
    let unreachable = conform(&[&address, "--user", "joe", "--password-file", file]);
    assert_eq!(unreachable.status.code(), Some(2));
    assert!(
        String::from_utf8(unreachable.stderr)
            .unwrap()
            .contains(&format!("no connection to {address}"))
    );
}

/// What a stranger mistypes: the error says what to type instead.
#[test]
fn a_port_that_is_missing_and_tls_on_the_wrong_side_are_said() {
    let password = tempfile::NamedTempFile::new().unwrap();
    let file = password.path().to_str().unwrap();
    let says = |server: &str, arguments: &[&str], wanted: &str| {
        let fixed = [server, "--user", "joe", "--password-file", file];
        let refused = conform(&[&fixed[..], arguments].concat());
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(wanted), "{said}");
    };
    says("localhost", &[], "localhost: HOST:PORT is wanted");
    // It waits for the client's first word, as TLS does.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    says(&address, &["--patience", "1"], "say --tls");
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut client, _) = plain.accept().unwrap();
        std::io::Write::write_all(&mut client, b"* OK ready\r\n").unwrap();
        client
    });
    says(&address, &["--tls"], "leave --tls out");
    drop(server.join().unwrap());
}

#[test]
fn the_rules_are_listed() {
    let rules = conform(&["rules"]);
    assert!(String::from_utf8(rules.stdout).unwrap().contains("expunge-time"));
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
    ] {
        let refused = conform(&arguments);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("no-such-file"), "{arguments:?}: {said}");
    }
}
