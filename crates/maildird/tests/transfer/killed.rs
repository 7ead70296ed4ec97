//! Imports and exports that are killed at any moment, and run again: nothing is there twice, and nothing is missing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::common::Site;
use super::{arguments, files, maildir, string, text, works};

/// So many messages, and so many of them more before each kill.
const MESSAGES: u64 = 2000;
const STEP: usize = 400;

/// How many lines a file has.
fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |file| file.iter().filter(|octet| **octet == b'\n').count())
}

/// Starts an import or an export, and kills it when this number has become so much larger. Gives whether it was killed.
fn kill(site: &Site, words: &[&str], number: impl Fn() -> usize, step: usize) -> bool {
    let enough = number() + step;
    let mut child = Command::new(env!("CARGO_BIN_EXE_maildird"))
        .args(arguments(site, words))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while number() < enough {
        if let Some(status) = child.try_wait().unwrap() {
            let said = child.wait_with_output().unwrap().stderr;
            assert!(status.success(), "{}", text(&said));
            return false;
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap().signal() == Some(9)
}

/// How often each text is in a mailbox.
fn texts(mailbox: &Path) -> BTreeMap<String, usize> {
    let mut texts = BTreeMap::new();
    for file in files(mailbox) {
        *texts.entry(fs::read_to_string(file).unwrap()).or_default() += 1;
    }
    texts
}

/// Kills an import again and again, and lets it come to its end.
fn assert_survives(site: &Site, import: &[&str], user: &str) {
    let mut kills = 0;
    let journal = site.path().join(user).join("Maildir/imap-imports");
    while kill(site, import, || lines(&journal), STEP) {
        kills += 1;
        let there = texts(&site.path().join(user).join("Maildir"));
        assert!(
            there.values().all(|count| *count == 1),
            "twice after kill {kills}"
        );
    }
    assert!(kills >= 3, "{kills} kills");
    works(site, import);
    let there = texts(&site.path().join(user).join("Maildir"));
    assert_eq!(there.len() as u64, MESSAGES, "missing after {kills} kills");
    assert!(
        there.values().all(|count| *count == 1),
        "twice after {kills} kills"
    );
}

#[test]
fn an_import_of_a_maildir_that_is_killed_stores_nothing_twice_and_misses_nothing() {
    let site = Site::new();
    site.add_user("bob", "secret");
    maildir(&site.maildir(), MESSAGES);
    // The server looks on.
    let _server = site.serve(&[]);
    let root = site.maildir();
    assert_survives(&site, &["import", "maildir", "bob", string(&root)], "bob");
}

#[test]
fn an_import_of_an_mbox_file_that_is_killed_stores_nothing_twice_and_misses_nothing() {
    let site = Site::new();
    let path = site.path().join("file");
    // Half of them have no date by which they could be told from others.
    let message = |number: u64| match number % 2 {
        0 => format!("From kit Fri Jan 31 17:30:00 2025\nSubject: message {number}\n\nx\n\n"),
        _ => format!("From kit\nSubject: message {number}\n\nx\n\n"),
    };
    fs::write(&path, (1..=MESSAGES).map(message).collect::<String>()).unwrap();
    let import = ["import", "mbox", "ada", string(&path), "--mailbox", "INBOX"];
    assert_survives(&site, &import, "ada");
}

#[test]
fn an_import_from_a_server_that_is_killed_stores_nothing_twice_and_misses_nothing() {
    let site = Site::new();
    site.add_user("bob", "secret");
    maildir(&site.maildir(), MESSAGES);
    let server = site.serve(&[]);
    let password = site.path().join("password");
    fs::write(&password, "secret\n").unwrap();
    let address = server.address.to_string();
    let import = super::imap::words("bob", &address, string(&password));
    assert_survives(&site, &import, "bob");
}

#[test]
fn what_was_stored_and_not_noted_is_found_and_what_only_looks_like_it_is_not() {
    let site = Site::new();
    site.add_user("bob", "secret");
    let root = site.maildir();
    maildir(&root, 8);
    // A twin, of the same moment; and one of the same moment that is another.
    let twin = root.join("cur/1700000003.M0.kit:2,FS");
    fs::copy(&twin, root.join("cur/1700000009.M0.kit:2,FS")).unwrap();
    super::write(
        &root.join("cur/1700000010.M0.kit:2,FS"),
        "message X",
        super::ARRIVED + 3,
    );
    let modified = fs::metadata(&twin).unwrap().modified().unwrap();
    let copy = fs::File::options()
        .write(true)
        .open(root.join("cur/1700000009.M0.kit:2,FS"))
        .unwrap();
    copy.set_modified(modified).unwrap();
    let import = ["import", "maildir", "bob", string(&root)];
    works(&site, &import);
    let home = site.path().join("bob/Maildir");
    let journal = home.join("imap-imports");
    let whole = fs::read_to_string(&journal).unwrap();
    let all = texts(&home);
    assert_eq!(all.values().sum::<usize>(), 10);
    for cut in whole.match_indices('\n').map(|(at, _)| at + 1) {
        // As a power failure leaves it, too: messages are there, and lines are not.
        let torn = &whole[..(cut + 3).min(whole.len())];
        if !whole[..cut].contains("mailbox") {
            continue;
        }
        fs::write(&journal, torn).unwrap();
        works(&site, &import);
        assert_eq!(texts(&home), all, "after {torn}");
    }
}

#[test]
fn an_export_into_a_maildir_that_is_killed_stores_nothing_twice_and_misses_nothing() {
    let site = Site::new();
    maildir(&site.maildir(), MESSAGES / 2);
    let out = site.path().join("out");
    let export = ["export", "maildir", "ada", string(&out)];
    let stored = || fs::read_dir(out.join("cur")).map_or(0, Iterator::count);
    let mut kills = 0;
    while kill(&site, &export, stored, STEP / 2) {
        kills += 1;
    }
    assert!(kills >= 3, "{kills} kills");
    works(&site, &export);
    for mailbox in ["", ".Letters.2024", ".&ANw-bung"] {
        assert_eq!(
            texts(&out.join(mailbox)),
            texts(&site.maildir().join(mailbox)),
            "{mailbox} after {kills} kills"
        );
    }
}

/// The mbox files of a folder that have their names, with their octets.
fn mbox_files(folder: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let names = ["INBOX.mbox", "Letters/2024.mbox", "Übung.mbox"];
    let read = |name| Some((name, fs::read(folder.join(name)).ok()?));
    names.into_iter().filter_map(read).collect()
}

#[test]
fn an_export_into_mbox_files_that_is_killed_leaves_files_that_are_whole() {
    let site = Site::new();
    maildir(&site.maildir(), 100);
    // It is long under way with this one.
    let large = "A line of a large message.\n".repeat(600_000);
    fs::write(
        site.maildir().join("cur/1800000000.M0.kit:2,S"),
        format!("Subject: large\n\n{large}"),
    )
    .unwrap();
    let whole = site.path().join("whole");
    works(&site, &["export", "mbox", "ada", string(&whole)]);
    let whole = mbox_files(&whole);
    assert_eq!(whole.len(), 3);
    let out = site.path().join("out");
    let export = ["export", "mbox", "ada", string(&out)];
    let part = out.join(".INBOX.mbox.part");
    let size = || fs::metadata(&part).map_or(0, |file| usize::try_from(file.len()).unwrap());
    let mut kills = 0;
    for step in [1, 1_000_000, 10_000_000] {
        // An export begins a file anew.
        let _ = fs::remove_file(&part);
        kills += usize::from(kill(&site, &export, size, step));
        let there = mbox_files(&out);
        assert!(
            there.iter().all(|(name, octets)| whole.get(name) == Some(octets)),
            "incomplete after {kills} kills"
        );
    }
    assert!(kills >= 1, "{kills} kills");
    works(&site, &export);
    assert_eq!(mbox_files(&out), whole);
    assert!(!part.exists());
}
