//! Another IMAP server.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::process::Command;

use super::common::Site;
use super::{arguments, assert_all_is_with_bob, fails, files, maildir, string, text, works};

/// An import of ada's mail from a server on this machine.
pub fn words<'a>(user: &'a str, address: &'a str, password: &'a str) -> Vec<&'a str> {
    let login = ["--login", "ada", "--tls", "none", "--password-file", password];
    ["import", "imap", user, address]
        .into_iter()
        .chain(login)
        .collect()
}

fn password(site: &Site, password: &str) -> String {
    let file = site.path().join("password");
    fs::write(&file, password).unwrap();
    string(&file).to_owned()
}

#[test]
fn the_mail_of_another_server_comes_in_with_all_that_belongs_to_it() {
    let site = Site::new();
    site.add_user("bob", "secret");
    maildir(&site.maildir(), 3);
    let server = site.serve(&[]);
    let (address, password) = (server.address.to_string(), password(&site, "secret\nmore\n"));
    let import = words("bob", &address, &password);
    let said = works(&site, &import);
    assert!(
        said.ends_with("imported in all: 4 messages, 0 that were there before\n"),
        "{said}"
    );
    let said = works(&site, &import);
    assert!(
        said.ends_with("imported in all: 0 messages, 4 that were there before\n"),
        "{said}"
    );
    assert_eq!(
        fs::read_dir(site.maildir().join("new")).unwrap().count(),
        1,
        "nothing was changed there"
    );
    drop(server);
    assert_all_is_with_bob(&site);
}

#[test]
fn names_lose_their_prefix_and_what_is_excepted_stays_away() {
    let site = Site::new();
    site.add_user("bob", "secret");
    maildir(&site.maildir(), 1);
    let server = site.serve(&[]);
    let (address, password) = (server.address.to_string(), password(&site, "secret"));
    let mut import = words("bob", &address, &password);
    import.extend(["--prefix", "Letters.", "--except", "Übung"]);
    works(&site, &import);
    let home = site.path().join("bob/Maildir");
    assert!(home.join(".2024/cur").is_dir());
    assert!(!home.join(".Letters.2024").exists() && !home.join(".&ANw-bung").exists());
}

#[test]
fn who_cannot_log_in_is_told_and_a_password_does_not_cross_a_network_in_the_clear() {
    let site = Site::new();
    let server = site.serve(&[]);
    let address = server.address.to_string();
    let password = password(&site, "incorrect");
    let said = fails(&site, &words("ada", &address, &password));
    assert!(
        said.contains("cannot log in as ada") && !said.contains("incorrect"),
        "{said}"
    );
    let said = fails(&site, &words("ada", "mail.example", &password));
    assert!(said.contains("in the clear"), "{said}");
    let said = fails(
        &site,
        &[
            "import", "imap", "ada", &address, "--login", "ada", "--tls", "none",
        ],
    );
    assert!(said.contains("--password-file"), "{said}");
    drop(server);
    let said = fails(&site, &words("ada", &address, &password));
    assert!(said.contains(&address), "{said}");
}

/// Octets that the process may allocate: less than the message, and more than it needs.
const DATA: usize = 40 << 20;

#[test]
fn a_message_of_50_mb_does_not_need_memory_of_its_size() {
    let site = Site::new();
    site.add_user("bob", "secret");
    let mut large = BufWriter::new(File::create(site.maildir().join("cur/1.M0.kit:2,S")).unwrap());
    large.write_all(b"Subject: large\n\n").unwrap();
    for number in 0..700_000 {
        writeln!(large, "{number:06} {:065}", 0).unwrap();
    }
    large.into_inner().unwrap();
    let server = site.serve(&[]);
    let (address, password) = (server.address.to_string(), password(&site, "secret"));
    let root = site.maildir();
    let out = site.path().join("out");
    let mbox = out.join("INBOX.mbox");
    let imap = words("bob", &address, &password);
    for words in [
        &imap[..],
        &["export", "mbox", "bob", string(&out)],
        &["import", "mbox", "bob", string(&mbox), "--mailbox", "Again"],
        &["import", "maildir", "bob", string(&root)],
    ] {
        let limited = format!("ulimit -d {} && exec \"$0\" \"$@\"", DATA / 1024);
        let output = Command::new("sh")
            .args(["-c", &limited, env!("CARGO_BIN_EXE_maildird")])
            .args(arguments(&site, words))
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    }
    let original = fs::read(&files(&site.maildir())[0]).unwrap();
    let home = site.path().join("bob/Maildir");
    assert_eq!(files(&home).len(), 2);
    for file in files(&home).into_iter().chain(files(&home.join(".Again"))) {
        assert!(fs::read(&file).unwrap() == original, "{}", file.display());
    }
}
