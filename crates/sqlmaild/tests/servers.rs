//! Two servers and an administrator on one PostgreSQL database.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;

use common::{SQLMAILD, Site, until_told};
use test_postgres::Server;

const HELLO: &str = "Subject: Hello\n\nHello, Ada.\n";

#[test]
fn what_one_server_does_the_clients_of_the_other_are_told() {
    let Some(postgres) = test_postgres::shared() else {
        return;
    };
    let site = Site::at(postgres.create_database());
    let (one, other) = (site.serve(&[]), site.serve(&[]));
    let (mut writing, mut reading) = (one.login("ada", "secret"), other.login("ada", "secret"));
    reading.ok("SELECT INBOX");
    reading.send("i IDLE\r\n");
    assert!(reading.line().starts_with("+ "));
    writing.ok("SELECT INBOX");
    site.admin(&["message", "deliver", "ada", "INBOX", "-"], HELLO);
    assert_eq!(reading.line(), "* 1 EXISTS");
    reading.send("DONE\r\n");
    reading.until("i OK");
    until_told(&mut writing, "* 1 EXISTS");
    writing.ok("STORE 1 +FLAGS (\\Flagged)");
    until_told(&mut reading, "\\Flagged");
}

#[test]
fn a_server_that_loses_the_database_says_so_and_keeps_its_clients() {
    let Some(postgres) = Server::start() else { return };
    let site = Site::at(postgres.create_database());
    let server = site.serve(&[]);
    let mut ada = server.login("ada", "secret");
    site.admin(&["message", "deliver", "ada", "INBOX", "-"], HELLO);
    ada.ok("SELECT INBOX");
    postgres.stop();
    for command in [
        "FETCH 1 FLAGS",
        "STATUS INBOX (MESSAGES)",
        "LIST \"\" *",
        "CREATE more",
    ] {
        let answer = ada.command(command);
        assert!(answer.contains("NO [UNAVAILABLE]"), "{command}: {answer}");
    }
    ada.ok("NOOP");
    let mut nobody = server.connect();
    let refused = nobody.command("LOGIN ada secret");
    assert!(refused.contains("NO [UNAVAILABLE]"), "{refused}");
    postgres.run();
    ada.ok("FETCH 1 FLAGS");
    nobody.ok("LOGIN ada secret");
}

#[test]
fn connections_are_encrypted_to_a_server_whose_certificate_is_trusted() {
    let Some(postgres) = Server::start() else { return };
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    postgres.encrypt(&own.cert.pem(), &own.signing_key.serialize_pem());
    postgres.stop();
    postgres.run();
    let url = postgres.create_database().replace("127.0.0.1", "localhost");
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&trusted, own.cert.pem()).unwrap();
    let list = |url: &str, trust: Option<&std::path::Path>| {
        let mut command = std::process::Command::new(SQLMAILD.0);
        command.args(["admin", "--database", url, "account", "list"]);
        if let Some(file) = trust {
            command.env("SSL_CERT_FILE", file);
        }
        let output = command.output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let encrypted = format!("{url}?sslmode=require");
    let (works, said) = list(&encrypted, Some(trusted.path()));
    assert!(works, "{said}");
    let (works, said) = list(&encrypted, None);
    assert!(!works && said.contains("certificate"), "{said}");
    let (works, said) = list("postgres://mail@192.0.2.1/mail", None);
    assert!(!works && said.contains("sslmode=require"), "{said}");
}
