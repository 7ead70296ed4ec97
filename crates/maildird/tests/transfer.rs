//! Mail that goes between a user's Maildir and mbox files, other Maildirs and other servers, also where that is killed.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod common;
#[path = "transfer/imap.rs"]
mod imap;
#[path = "transfer/killed.rs"]
mod killed;
#[path = "transfer/mbox.rs"]
mod mbox;
#[path = "../../imap-daemon/tests/program/mod.rs"]
mod program;
#[path = "transfer/tls.rs"]
mod tls;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::{Running, Site};
use program::{Program, text};

const MAILDIRD: Program = Program(env!("CARGO_BIN_EXE_maildird"));

/// 31 January 2025, 17:30 UTC.
const ARRIVED: u64 = 1_738_344_600;

fn string(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A command with where the Maildirs are.
fn arguments(site: &Site, words: &[&str]) -> Vec<String> {
    let (root, users) = (site.mail_root(), site.users());
    let place = ["--mail-root", &root, "--users", &users];
    words
        .iter()
        .chain(&place)
        .map(|word| (*word).to_owned())
        .collect()
}

/// Runs `maildird import` or `export`, which succeeds; gives standard error.
fn works(site: &Site, words: &[&str]) -> String {
    let arguments = arguments(site, words);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = MAILDIRD.run(&arguments, "");
    let said = text(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    said
}

/// Runs one that fails with exit code 1; gives standard error.
fn fails(site: &Site, words: &[&str]) -> String {
    let arguments = arguments(site, words);
    MAILDIRD.fails(1, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), "")
}

/// Writes a message that arrived at a time.
fn write(path: &Path, subject: &str, arrived: u64) {
    let text = format!("From: kit@example.org\nSubject: {subject}\n\nThe body of {subject}.\n");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(arrived))
        .unwrap();
}

/// A Maildir with so many messages, the first of them new, and two mailboxes more: one has keywords, an ACL and a subscription,
/// the name of the other is not ASCII.
fn maildir(root: &Path, messages: u64) {
    for mailbox in ["", ".Letters.2024", ".&ANw-bung"] {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(mailbox).join(part)).unwrap();
        }
    }
    write(&root.join("new/1700000000.M0.kit"), "message 1", ARRIVED + 1);
    for number in 2..=messages {
        let name = format!("cur/{}.M0.kit:2,FS", 1_700_000_000 + number);
        write(&root.join(name), &format!("message {number}"), ARRIVED + number);
    }
    let letters = root.join(".Letters.2024");
    write(&letters.join("cur/1.M0.kit:2,RSab"), "a letter", ARRIVED);
    fs::write(letters.join("dovecot-keywords"), "0 Work\n1 $Forwarded\n").unwrap();
    fs::write(letters.join("dovecot-acl"), "owner lrswa\nuser=fred lr\n").unwrap();
    fs::write(root.join("subscriptions"), "Letters.2024\n").unwrap();
    fs::write(root.join("special-uses"), "V\t1\n\\Archive\tLetters.2024\n").unwrap();
}

/// What a client sees of a mailbox: flags, size, date and subject of each message.
fn listed(server: &Running, user: &str, mailbox: &str) -> Vec<String> {
    let mut client = server.login(user, "secret");
    client.ok(&format!("EXAMINE \"{mailbox}\""));
    let fetch = "FETCH 1:* (FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
    let answer = client.command(fetch);
    let rows = answer.split("* ").skip(1);
    let rows = rows.map(|row| row.split_whitespace().skip(1).collect::<Vec<_>>().join(" "));
    rows.map(|row| row.replace(" \\Recent", "").replace("\\Recent", ""))
        .collect()
}

/// The messages of a folder of a Maildir.
fn files(folder: &Path) -> Vec<PathBuf> {
    let of = |part: &str| {
        fs::read_dir(folder.join(part))
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let mut files: Vec<PathBuf> = of("cur").chain(of("new")).collect();
    files.sort();
    files
}

/// Asserts that ada's mailboxes are with bob as well.
fn assert_all_is_with_bob(site: &Site) {
    let server = site.serve(&[]);
    for mailbox in ["INBOX", "Letters.2024", "&ANw-bung"] {
        let there = listed(&server, "bob", mailbox);
        assert_eq!(there, listed(&server, "ada", mailbox), "{mailbox}");
    }
    assert_eq!(listed(&server, "bob", "INBOX").len(), 3);
    let mut bob = server.login("bob", "secret");
    let lsub = bob.ok("LSUB \"\" *");
    assert!(
        lsub.contains("Letters.2024") && lsub.matches("LSUB (").count() == 1,
        "{lsub}"
    );
    let uses = bob.ok("LIST (SPECIAL-USE) \"\" *");
    assert!(
        uses.contains("\\Archive") && uses.contains("Letters.2024"),
        "{uses}"
    );
    let acl = bob.ok("GETACL Letters.2024");
    assert!(acl.contains("owner lrswa") && acl.contains("fred lr"), "{acl}");
}

#[test]
fn a_maildir_comes_in_with_all_that_belongs_to_it_while_a_server_runs() {
    let site = Site::new();
    site.add_user("bob", "secret");
    let root = site.maildir();
    maildir(&root, 3);
    let server = site.serve(&[]);
    let mut bob = server.login("bob", "secret");
    bob.ok("SELECT INBOX");
    let said = works(&site, &["import", "maildir", "bob", string(&root)]);
    assert!(
        said.ends_with("imported in all: 4 messages, 0 that were there before\n"),
        "{said}"
    );
    assert!(bob.ok("NOOP").contains("* 3 EXISTS"));
    drop(server);
    assert_all_is_with_bob(&site);
    // What has come in since the first time, and nothing else; not what was expunged, either.
    fs::remove_file(&files(&site.path().join("bob/Maildir"))[0]).unwrap();
    write(&root.join("new/1800000000.M0.kit"), "message 4", ARRIVED);
    let said = works(&site, &["import", "maildir", "bob", string(&root)]);
    assert!(
        said.ends_with("imported in all: 1 messages, 4 that were there before\n"),
        "{said}"
    );
    assert_eq!(files(&site.path().join("bob/Maildir")).len(), 3);
}

#[test]
fn what_goes_out_as_a_maildir_or_as_mbox_files_comes_back_the_same() {
    let site = Site::new();
    maildir(&site.maildir(), 3);
    let out = site.path().join("out");
    for _ in 0..2 {
        works(&site, &["export", "maildir", "ada", string(&out)]);
        assert_eq!(files(&out).len(), 3);
    }
    site.add_user("bob", "secret");
    works(&site, &["import", "maildir", "bob", string(&out)]);
    assert_all_is_with_bob(&site);
    let out = site.path().join("mbox");
    works(&site, &["export", "mbox", "ada", string(&out)]);
    assert!(out.join("Letters/2024.mbox").is_file() && out.join("Übung.mbox").is_file());
    site.add_user("eve", "secret");
    works(&site, &["import", "mbox", "eve", string(&out)]);
    let server = site.serve(&[]);
    for mailbox in ["INBOX", "Letters.2024"] {
        assert_eq!(
            listed(&server, "eve", mailbox),
            listed(&server, "ada", mailbox),
            "{mailbox}"
        );
    }
    let file = site.path().join("letters");
    let one = [
        "export",
        "mbox",
        "ada",
        string(&file),
        "--mailbox",
        "Letters/2024",
    ];
    works(&site, &one);
    assert_eq!(
        fs::read(&file).unwrap(),
        fs::read(out.join("Letters/2024.mbox")).unwrap()
    );
    assert!(fails(&site, &one).contains("is there already"));
}

#[test]
fn what_cannot_be_is_named_and_nothing_is_made() {
    let site = Site::new();
    maildir(&site.maildir(), 1);
    let folder = site.path().join("thesis");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("thesis.txt"), "mine").unwrap();
    let folder = string(&folder);
    let maildir = site.maildir();
    for (words, why) in [
        (&["import", "maildir", "ada", folder][..], "is not a Maildir"),
        (
            &["import", "maildir", "ada", string(&maildir)],
            "is where the mail is to go",
        ),
        (
            &["import", "maildir", "nobody", folder],
            "there is no user nobody",
        ),
        (&["import", "mbox", "ada", folder], "has no files"),
        (&["export", "maildir", "ada", folder], "no export has made it"),
        (&["export", "mbox", "nobody", folder], "there is no user nobody"),
        (
            &["export", "mbox", "ada", "x", "--mailbox", "None"],
            "no such thing",
        ),
    ] {
        let said = fails(&site, words);
        assert!(said.contains(why), "{words:?}: {said}");
    }
    assert!(!site.path().join("nobody").exists());
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    let said = MAILDIRD.fails(1, &["export", "mbox", "ada", "x"], "");
    assert!(said.contains("--mail-root"), "{said}");
}

#[test]
fn of_two_imports_for_one_user_the_second_is_refused() {
    let site = Site::new();
    site.add_user("bob", "secret");
    maildir(&site.maildir(), 1);
    let import = [
        "import",
        "maildir",
        "bob",
        string(&site.maildir()).to_owned().leak(),
    ];
    works(&site, &import);
    let journal = File::open(site.path().join("bob/Maildir/imap-imports")).unwrap();
    journal.lock().unwrap();
    assert!(fails(&site, &import).contains("another import"));
    journal.unlock().unwrap();
    works(&site, &import);
}

#[test]
fn an_index_is_made_anew_and_that_of_a_running_server_is_left_alone() {
    let site = Site::new();
    maildir(&site.maildir(), 300);
    let index = site.maildir().join("imap-index");
    let reindex = |user: &[&str]| {
        let arguments = arguments(&site, &[&["reindex"], user].concat());
        MAILDIRD.works(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), "")
    };
    let server = site.serve(&[]);
    let listed_before = listed(&server, "ada", "INBOX");
    let mut client = server.login("ada", "secret");
    client.ok("EXAMINE INBOX");
    assert!(reindex(&["ada"]).contains("ada INBOX: a server has it open"));
    drop((client, server));
    fs::write(&index, "rubbish").unwrap();
    assert_eq!(reindex(&["ada"]), "ada INBOX: 300 messages\n");
    let octets = fs::metadata(&index).unwrap().len();
    assert!(octets > 50_000, "with what is in the messages: {octets}");
    // All users of the users file.
    assert_eq!(reindex(&[]), "ada INBOX: 300 messages\n");
    assert_eq!(listed(&site.serve(&[]), "ada", "INBOX"), listed_before);
}

#[test]
fn the_index_of_texts_is_filled_where_the_servers_file_says_that_there_is_one() {
    let site = Site::new();
    maildir(&site.maildir(), 300);
    let (config, search) = (
        site.path().join("maildird.toml"),
        site.maildir().join("imap-search"),
    );
    for (full_text, is_there) in [(false, false), (true, true)] {
        fs::write(&config, format!("full_text = {full_text}\n")).unwrap();
        let arguments = arguments(&site, &["reindex", "--config", config.to_str().unwrap(), "ada"]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(MAILDIRD.works(&arguments, ""), "ada INBOX: 300 messages\n");
        assert_eq!(search.exists(), is_there);
    }
    assert!(fs::metadata(&search).unwrap().len() > 8192, "with all messages");
}
