//! The server from outside: a process, a socket, signals, a Maildir.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;
#[path = "../../imap-daemon/tests/submission_users/mod.rs"]
mod submission_users;

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use common::{Client, Running, Site, socket};
use imap_daemon::tls::TlsFiles;
use rustix::process::Signal;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A certificate for this machine, with its key; another one each time.
fn make_certificate(files: &TlsFiles) {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(&files.certificate, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
}

const HELLO: &str = "From: Bob <bob@example.org>\nSubject: Hello\n\nHello, Ada.\n";

/// Runs `serve` with arguments that must keep it from starting; gives what it says.
fn refused(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_maildird"))
        .arg("serve")
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty(), "nothing is announced");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_message_in_the_maildir_is_read_over_the_socket() {
    let site = Site::new();
    site.deliver("1700000000.M1P1.test", HELLO);
    let server = site.serve(&[]);
    assert_eq!(server.greeting, format!("listening on {}\n", server.address));
    let mut ada = server.login("ada", "secret");
    assert!(ada.ok("SELECT INBOX").contains("* 1 EXISTS"));
    let fetched = ada.ok("FETCH 1 (FLAGS RFC822.SIZE BODY[TEXT])");
    assert!(
        fetched.contains("Hello, Ada.") && fetched.contains("RFC822.SIZE 60"),
        "{fetched}"
    );
    assert!(ada.ok("LOGOUT").contains("* BYE"));
    let cur: Vec<_> = fs::read_dir(site.maildir().join("cur"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(cur.len(), 1);
    assert!(cur[0].to_str().unwrap().ends_with(":2,S"), "{cur:?}");
}

#[test]
fn an_idling_client_is_told_of_a_delivery_and_of_the_servers_end() {
    let site = Site::new();
    let server = site.serve(&[]);
    let mut ada = server.login("ada", "secret");
    ada.ok("SELECT INBOX");
    ada.send("i IDLE\r\n");
    ada.until("+");
    site.deliver("1700000000.M1P1.test", HELLO);
    ada.until("* 1 EXISTS");
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
fn who_may_log_in_follows_the_users_file_while_the_server_runs() {
    let site = Site::new();
    let server = site.serve(&["--limit", "failed_login_delay=1ms"]);
    let mut client = server.connect();
    assert!(
        client
            .command("LOGIN ada wrong")
            .contains("NO [AUTHENTICATIONFAILED]")
    );
    assert!(
        client
            .command("LOGIN bob secret")
            .contains("NO [AUTHENTICATIONFAILED]")
    );
    assert!(
        client
            .command("LOGIN ../ada secret")
            .contains("NO [AUTHENTICATIONFAILED]")
    );
    site.add_user("bob", "other");
    client.ok("LOGIN bob other");
    assert!(client.ok("SELECT INBOX").contains("* 0 EXISTS"));
    assert!(
        site.path().join("bob/Maildir/cur").is_dir(),
        "a Maildir is made at the first login"
    );
    fs::remove_file(site.users()).unwrap();
    let refusal = server.connect().command("LOGIN bob other");
    assert!(
        refusal.contains("NO [UNAVAILABLE]") && !refusal.contains("users"),
        "{refusal}"
    );
}

/// RFC 4467, section 3: `submit+` is for the submission server alone.
#[test]
fn a_submission_user_fetches_what_was_authorized_for_submission() {
    let site = Site::new();
    for user in ["postman", "bob"] {
        site.add_user(user, "other");
    }
    site.deliver("1700000000.M1P1.test", HELLO);
    let server = site.serve(&["--submission-users", "postman"]);
    submission_users::assert_they_alone_fetch(&server);
}

#[test]
fn a_message_that_is_still_arriving_does_not_hold_up_a_stop() {
    let site = Site::new();
    let server = site.serve(&["--limit", "stop_time=1h"]);
    let mut ada = server.login("ada", "secret");
    ada.send("a APPEND INBOX {100}\r\n");
    ada.until("+");
    server.signal(Signal::INT);
    assert_eq!(server.end().0, Some(0));
    assert_eq!(
        fs::read_dir(site.maildir().join("new")).unwrap().count(),
        0,
        "no half of a message is left"
    );
}

#[test]
fn a_second_signal_ends_a_server_that_waits_for_a_client() {
    let site = Site::new();
    let server = site.serve(&["--limit", "stop_time=1h"]);
    let mut ada = server.login("ada", "secret");
    // More than the sockets hold, for a client that does not read it: the command cannot end.
    fs::write(site.maildir().join("new/1.large"), vec![b'x'; 32 << 20]).unwrap();
    ada.ok("SELECT INBOX");
    ada.send("a FETCH 1 BODY.PEEK[]\r\n");
    ada.until("* 1 FETCH");
    server.signal(Signal::INT);
    // Stopping has begun when the listener is gone.
    while std::net::TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    server.signal(Signal::INT);
    assert_eq!(server.end().0, Some(130));
}

#[test]
fn t2_a_search_that_goes_on_does_not_hold_up_a_stop() {
    let site = Site::new();
    let text = "From: a\n\n".to_owned() + &"The quick brown fox.\n".repeat(1 << 20);
    site.deliver("1.large", &text);
    for copy in 2..100 {
        let copy = site.maildir().join(format!("new/{copy}.large"));
        fs::hard_link(site.maildir().join("new/1.large"), copy).unwrap();
    }
    let server = site.serve(&["--limit", "stop_time=100ms"]);
    let mut ada = server.login("ada", "secret");
    ada.ok("SELECT INBOX");
    let keys: String = (0..60).map(|n| format!(" NOT BODY fox{n}")).collect();
    ada.send(&format!("a SEARCH{keys}\r\n"));
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

/// A TLS client that trusts one certificate, and the certificate it was shown.
fn tls(
    stream: std::net::TcpStream,
    files: &TlsFiles,
) -> Client<StreamOwned<ClientConnection, std::net::TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&files.certificate).unwrap())
        .unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    Client::over(StreamOwned::new(
        ClientConnection::new(Arc::new(config), name).unwrap(),
        stream,
    ))
}

fn certificate(site: &Site) -> (TlsFiles, [String; 4]) {
    let files = TlsFiles {
        certificate: site.path().join("cert.pem"),
        key: site.path().join("key.pem"),
    };
    make_certificate(&files);
    let flag = |flag: &str, path: &std::path::Path| [flag.to_owned(), path.to_str().unwrap().to_owned()];
    let [[a, b], [c, d]] = [
        flag("--tls-cert", &files.certificate),
        flag("--tls-key", &files.key),
    ];
    (files, [a, b, c, d])
}

#[test]
fn starttls_and_tls_from_the_start_use_the_certificate_and_sighup_reads_it_again() {
    let site = Site::new();
    let (files, flags) = certificate(&site);
    let mut arguments: Vec<_> = flags.iter().map(String::as_str).collect();
    arguments.extend(["--plaintext-login", "never"]);
    let server = site.serve(&arguments);
    let mut plain = server.connect();
    assert!(plain.ok("CAPABILITY").contains("LOGINDISABLED"));
    assert!(plain.command("LOGIN ada secret").contains("NO"));
    plain.ok("STARTTLS");
    let mut secure = tls(plain.into_stream(), &files);
    secure.ok("LOGIN ada secret");
    make_certificate(&files);
    server.signal(Signal::HUP);
    // The signal is handled at some moment; until then the old certificate is shown.
    let accepted = (0..1000).any(|_| {
        let mut plain = server.connect();
        plain.ok("STARTTLS");
        let mut stream = tls(plain.into_stream(), &files).into_stream();
        stream.conn.complete_io(&mut stream.sock).is_ok()
    });
    assert!(accepted, "the renewed certificate was never used");
}

#[test]
fn an_address_for_tls_speaks_tls_from_the_first_octet() {
    let site = Site::new();
    let (files, flags) = certificate(&site);
    let (root, users) = (site.mail_root(), site.users());
    let mut arguments = vec![
        "serve",
        "--listen-tls",
        "127.0.0.1:0",
        "--mail-root",
        &root,
        "--users",
        &users,
    ];
    arguments.extend(flags.iter().map(String::as_str));
    let server = common::maildird(&arguments);
    assert!(server.greeting.ends_with(" (TLS)\n"), "{}", server.greeting);
    let mut secure = tls(socket(server.address), &files);
    assert!(secure.line().starts_with("* OK"));
    secure.ok("LOGIN ada secret");
}

#[test]
fn what_keeps_it_from_starting_is_said_in_one_line() {
    let site = Site::new();
    let (root, users) = (site.mail_root(), site.users());
    let base = ["--mail-root", &root, "--users", &users];
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refused(&[&base[..], &["--listen", &address]].concat());
    assert!(
        said.contains(&address) && said.contains("another program listens there already"),
        "{said}"
    );
    let said = refused(&["--mail-root", &root, "--users", "/nowhere/users"]);
    assert!(said.contains("there is no users file /nowhere/users"), "{said}");
    let said = refused(&["--mail-root", "/nowhere/%u/Maildir", "--users", &users]);
    assert!(said.contains("cannot use /nowhere"), "{said}");
    let said = refused(&[&base[..], &["--tls-cert", &users, "--tls-key", &users]].concat());
    assert!(said.contains("is not a PEM file with a certificate"), "{said}");
    fs::remove_file(&users).unwrap();
    fs::create_dir(&users).unwrap();
    let said = refused(&base);
    assert!(said.contains("cannot read the users file"), "{said}");
    assert!(
        said.starts_with("maildird: ") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn t18_t19_bad_lines_and_wrong_passwords_are_logged_and_nothing_that_may_be_a_password() {
    let site = Site::new();
    site.add_user("bob", "other");
    let text = fs::read_to_string(site.users()).unwrap();
    fs::write(site.users(), text.replace("bob:", "hidden1\ncy:hidden2\nbob:")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_maildird"));
    let log = fs::File::create(site.path().join("log")).unwrap();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "debug"])
        .args(["--mail-root", &site.mail_root(), "--users", &site.users()])
        .args(["--limit", "failed_login_delay=1ms"])
        .stderr(log);
    let server = Running::start(command);
    let mut client = server.connect();
    for login in ["ada hidden3", "hidden4 ada", "cy hidden2"] {
        let answer = client.command(&format!("LOGIN {login}"));
        assert!(answer.contains("NO [AUTHENTICATIONFAILED]"), "{answer}");
    }
    client.ok("LOGIN bob other");
    server.login("ada", "secret");
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    let log = fs::read_to_string(site.path().join("log")).unwrap();
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("a bad line in the users file"), 2, "{log}");
    assert_eq!(count("line=2"), 1, "{log}");
    assert_eq!(count("line=3"), 1, "{log}");
    assert_eq!(count("login refused"), 3, "{log}");
    assert_eq!(count("wrong password user=\"ada\""), 1, "{log}");
    assert!(!log.contains("hidden"), "{log}");
}

#[test]
fn the_log_is_json_on_request_and_has_no_password_in_it() {
    let site = Site::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_maildird"));
    let config = site.path().join("maildird.toml");
    fs::write(
        &config,
        "listen = ['127.0.0.1:0']\nmail_root = '%u/Maildir'\nusers = 'users'\nlog_level = 'trace'\nlog_format = 'json'\n",
    )
    .unwrap();
    let log = fs::File::create(site.path().join("log")).unwrap();
    command
        .args(["serve", "--config", config.to_str().unwrap()])
        .stderr(log);
    let server = Running::start(command);
    let mut ada = server.login("ada", "secret");
    ada.ok("SELECT INBOX");
    ada.command("LOGIN ada secret");
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
    assert!(!log.contains("secret"), "{log}");
}
