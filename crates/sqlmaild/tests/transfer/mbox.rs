//! mbox files.

use std::fs;
use std::path::{Path, PathBuf};

use super::common::{self, SQLMAILD, Site};
use super::{kill_at_the_21st_message, listed, messages, string};

/// A folder with INBOX of so many messages, and a mailbox below a name that a file cannot have.
fn folder(site: &Site, messages: u64) -> PathBuf {
    let root = site.path().join("mbox");
    fs::create_dir_all(root.join("%2E")).unwrap();
    let message = |number| {
        format!(
            "From kit@example.org Fri Jan 31 17:30:00 2025\nSubject: message {number}\nStatus: RO\n\n>From me\n>>From you\n\n"
        )
    };
    let all: String = (1..=messages).map(message).collect();
    fs::write(root.join("INBOX.mbox"), all).unwrap();
    let letter = "From kit Fri Jan 31 17:30:00 2025\r\nSubject: a letter\r\nX-Status: AF\r\nX-Keywords: Work $Forwarded\r\n\r\nno end";
    fs::write(root.join("%2E/a.b.mbox"), letter).unwrap();
    fs::write(root.join("notes.txt"), "mine").unwrap();
    root
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap();
    fs::write(path, before + text).unwrap();
}

const LETTER: &str = "(\\Answered \\Flagged $Forwarded Work)\t29\t2025-01-31T17:30:00+00:00\ta letter";

#[test]
fn mbox_files_come_in_with_all_that_belongs_to_them() {
    Site::on_every_database(|site| {
        let root = folder(site, 2);
        let import = ["import", "mbox", "ada", string(&root)];
        site.admin(&import, "");
        let messages =
            [1, 2].map(|number| format!("(\\Seen)\t42\t2025-01-31T17:30:00+00:00\tmessage {number}"));
        assert_eq!(listed(site, "ada", "INBOX"), messages);
        assert_eq!(listed(site, "ada", "./a.b"), [LETTER]);
        let server = site.serve(&[]);
        let mut ada = server.login("ada", "secret");
        ada.ok("SELECT INBOX");
        let text = ada.ok("FETCH 1 BODY.PEEK[]");
        assert!(
            text.contains("Subject: message 1\n\nFrom me\n>From you\n)"),
            "{text}"
        );
        // What has come in since the first time, and nothing else; not where the last message had no end, either.
        let more = "\n\nFrom eve Fri Jan 31 17:30:00 2025\nSubject: another\n\n";
        append(&root.join("%2E/a.b.mbox"), more);
        append(&root.join("INBOX.mbox"), &more[2..]);
        site.admin(&import, "");
        common::until_told(&mut ada, "* 3 EXISTS");
        assert_eq!(listed(site, "ada", "./a.b").len(), 2);
        // A file by itself, into any mailbox.
        let file = root.join("%2E/a.b.mbox");
        site.admin(
            &["import", "mbox", "ada", string(&file), "--mailbox", "Other"],
            "",
        );
        assert_eq!(listed(site, "ada", "Other"), listed(site, "ada", "./a.b"));
    });
}

#[test]
fn an_import_of_mbox_files_that_is_killed_stores_nothing_twice_when_it_is_run_again() {
    Site::on_every_database(|site| {
        let root = folder(site, 50);
        let import = ["import", "mbox", "ada", string(&root)];
        kill_at_the_21st_message(site, &import);
        append(
            &root.join("INBOX.mbox"),
            "From eve Fri Jan 31 17:30:00 2025\nSubject: message 51\n\n",
        );
        let output = SQLMAILD.run(
            &[&["admin", "--database", &site.database()], &import[..]].concat(),
            "",
        );
        let said = common::text(&output.stderr);
        assert!(
            said.ends_with("imported in all: 32 messages, 20 that were there before\n"),
            "{said}"
        );
        let subjects: std::collections::BTreeSet<_> = listed(site, "ada", "INBOX").into_iter().collect();
        assert_eq!(subjects.len(), 51, "each of them once");
        assert_eq!(messages(site), 52);
    });
}

#[test]
fn what_goes_out_as_mbox_files_comes_back_the_same() {
    Site::on_every_database(|site| {
        site.admin(&["import", "mbox", "ada", string(&folder(site, 3))], "");
        site.admin(&["message", "deliver", "ada", "INBOX"], "");
        site.admin(&["mailbox", "create", "ada", "Letters.mbox/2024"], "");
        let out = site.path().join("out");
        let export = ["export", "mbox", "ada", string(&out)];
        site.admin(&export, "");
        let inbox = fs::read_to_string(out.join("INBOX.mbox")).unwrap();
        let message = "From MAILER-DAEMON Fri Jan 31 17:30:00 2025\nSubject: message 1\nStatus: RO\n\n>From me\n>>From you\n\n";
        assert!(inbox.starts_with(message), "{inbox}");
        let letter = fs::read_to_string(out.join("%2E/a.b.mbox")).unwrap();
        let fields = "\nStatus: O\nX-Status: AF\nX-Keywords: $Forwarded Work\n\nno end\n\n";
        assert!(letter.ends_with(fields), "{letter}");
        assert_eq!(fs::read(out.join("Letters%2Embox/2024.mbox")).unwrap(), b"");
        site.admin(&["account", "create", "bob", "--no-password"], "");
        site.admin(&["import", "mbox", "bob", string(&out)], "");
        for mailbox in ["INBOX", "./a.b", "Letters.mbox/2024"] {
            assert_eq!(listed(site, "bob", mailbox), listed(site, "ada", mailbox));
        }
        // What an export that broke off has left is in nobody's way.
        fs::rename(out.join("INBOX.mbox"), out.join(".INBOX.mbox.part")).unwrap();
        append(&out.join(".INBOX.mbox.part"), "From x\nSubject: half");
        site.admin(&export, "");
        assert_eq!(fs::read_to_string(out.join("INBOX.mbox")).unwrap(), inbox);
        assert!(!out.join(".INBOX.mbox.part").exists());
        let file = site.path().join("letter");
        let one = ["export", "mbox", "ada", string(&file), "--mailbox", "./a.b"];
        site.admin(&one, "");
        assert_eq!(fs::read_to_string(&file).unwrap(), letter);
        assert!(site.refused(1, &one, "").contains("is there already"));
    });
}

#[test]
fn a_message_with_a_nul_is_named_and_left_out_and_the_others_are_not() {
    Site::on_every_database(|site| {
        let file = site.path().join("file");
        fs::write(&file, "From a\n\nx\n\nFrom b\n\nab\0c\n\nFrom c\n\ny\n").unwrap();
        let import = ["import", "mbox", "ada", string(&file), "--mailbox", "INBOX"];
        for _ in 0..2 {
            let said = site.refused(1, &import, "");
            assert!(
                said.contains("the message at octet 11 is left out: it has a NUL at octet 21"),
                "{said}"
            );
            assert!(said.contains("messages left out: 1"), "{said}");
            assert_eq!(listed(site, "ada", "INBOX").len(), 2);
        }
    });
}

#[test]
fn what_is_no_mbox_file_is_named_and_left_alone() {
    let site = Site::new();
    let root = site.path().join("thesis");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("thesis.txt"), "mine").unwrap();
    let (folder, file) = (string(&root).to_owned(), root.join("thesis.txt"));
    let refused = |arguments: &[&str], word: &str| {
        let said = site.refused(1, arguments, "");
        assert!(said.contains(word), "{arguments:?}: {said}");
    };
    refused(&["import", "mbox", "ada", &folder], "has no files");
    refused(
        &["import", "mbox", "ada", &folder, "--mailbox", "x"],
        "is a folder",
    );
    refused(&["import", "mbox", "ada", string(&file)], "--mailbox");
    refused(
        &["import", "mbox", "ada", string(&file), "--mailbox", "x"],
        "is not an mbox file",
    );
    refused(&["import", "mbox", "eve", &folder], "there is no account eve");
    refused(&["export", "mbox", "ada", &folder], "no export has made it");
    refused(&["export", "mbox", "eve", &folder], "there is no account eve");
    let new = root.join("new");
    refused(
        &["export", "mbox", "ada", string(&new), "--mailbox", "None"],
        "no such thing",
    );
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
}
