//! A disk that is full or read-only, and no file left to open.
//!
//! Disks are small file systems of their own, mounted for a test. Where that is not permitted it is left out, unless
//! `TEST_MOUNT=required`.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::common::socket;
use crate::fixture::{Fixture, TRIES, append, exists, with_bob};

/// A small disk in the place of a folder; taken away when it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where nothing may be mounted.
    fn at(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(folder);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        let required = std::env::var("TEST_MOUNT").is_ok_and(|value| value == "required");
        assert!(!required, "no file system can be mounted");
        println!("left out: no file system can be mounted");
        None
    }

    fn remount(&self, how: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(&self.0);
        assert!(mount.status().unwrap().success(), "{how}");
    }

    /// Leaves no room; gives the file that takes it.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_to_the_client_and_once_to_the_operator_and_is_over_when_there_is_room() {
    let site = with_bob();
    let Some(disk) = Disk::at(&site.path().join("ada")) else {
        return;
    };
    let fixture = Fixture::start(site, None);
    let (mut ada, mut bob) = (
        fixture.server.login("ada", "secret"),
        fixture.server.login("bob", "secret"),
    );
    ada.ok("CREATE other");
    for _ in 0..3 {
        assert!(append(&mut ada, "INBOX", 100).contains(" OK "));
    }
    ada.ok("SELECT INBOX");
    let filler = disk.fill();
    for _ in 0..TRIES {
        let answer = append(&mut ada, "INBOX", 20_000);
        assert!(answer.contains(" NO [OVERQUOTA]"), "{answer}");
        let answer = append(&mut ada, "other", 20_000);
        assert!(answer.contains(" NO [OVERQUOTA]"), "{answer}");
        // It may or may not have room for a name.
        ada.command("STORE 1 +FLAGS (\\Seen work)");
        assert!(append(&mut bob, "INBOX", 100).contains(" OK "), "another disk");
        assert!(ada.ok("FETCH 1:3 (UID BODY.PEEK[])").contains("BODY[]"));
    }
    fixture.assert_told("no room on the disk");
    let mut late = fixture.server.login("ada", "secret");
    assert_eq!(
        exists(&mut late),
        "* 3 EXISTS",
        "a login, and a mailbox that is opened"
    );
    fs::remove_file(filler).unwrap();
    assert!(append(&mut ada, "INBOX", 20_000).contains(" OK "));
    ada.ok("STORE 2 +FLAGS (\\Flagged work)");
    ada.ok("COPY 1:3 other");
    drop((ada, late));
    let mut ada = fixture.server.login("ada", "secret");
    assert_eq!(exists(&mut ada), "* 4 EXISTS");
    assert!(ada.ok("FETCH 2 FLAGS").contains("work"));
}

#[test]
fn a_read_only_disk_is_told_to_the_client_and_once_to_the_operator_and_is_over_when_it_can_be_written() {
    let site = with_bob();
    let Some(disk) = Disk::at(&site.path().join("ada")) else {
        return;
    };
    let before = Fixture::start(site, None);
    let mut ada = before.server.login("ada", "secret");
    for _ in 0..3 {
        assert!(append(&mut ada, "INBOX", 100).contains(" OK "));
    }
    ada.ok("SELECT INBOX");
    ada.ok("STORE 3 +FLAGS (work)");
    ada.ok("LOGOUT");
    let Fixture { server, site, .. } = before;
    // A server that has files open to write keeps the disk from becoming read-only.
    server.signal(Signal::TERM);
    server.end();
    disk.remount("ro");
    let fixture = Fixture::start(site, None);
    let (mut ada, mut bob) = (
        fixture.server.login("ada", "secret"),
        fixture.server.login("bob", "secret"),
    );
    assert_eq!(exists(&mut ada), "* 3 EXISTS");
    for _ in 0..TRIES {
        let answer = append(&mut ada, "INBOX", 100);
        assert!(answer.contains(" NO [NOPERM]"), "{answer}");
        for command in [
            "STORE 1 +FLAGS (\\Seen)",
            "COPY 1 INBOX",
            "CREATE other",
            "UID EXPUNGE 1",
        ] {
            let answer = ada.command(command);
            let is_done = command.contains("EXPUNGE") && answer.contains(" OK ");
            assert!(is_done || answer.contains(" NO [NOPERM]"), "{command} {answer}");
        }
        assert!(append(&mut bob, "INBOX", 100).contains(" OK "), "another disk");
        assert!(ada.ok("FETCH 1:3 (UID FLAGS BODY.PEEK[])").contains("BODY[]"));
    }
    fixture.assert_told("ead-only file system");
    let mut late = fixture.server.login("ada", "secret");
    assert_eq!(
        exists(&mut late),
        "* 3 EXISTS",
        "a login, and a mailbox that is opened"
    );
    disk.remount("rw");
    assert!(append(&mut ada, "INBOX", 100).contains(" OK "));
    ada.ok("STORE 1 +FLAGS (\\Seen later)");
    assert_eq!(exists(&mut late), "* 4 EXISTS");
    assert!(late.ok("FETCH 1 FLAGS").contains("later"));
}

#[test]
fn without_a_file_left_to_open_the_server_says_so_and_goes_on_when_there_are_some() {
    let site = with_bob();
    let fixture = Fixture::start(site, Some(48));
    let mut ada = fixture.server.login("ada", "secret");
    for _ in 0..3 {
        assert!(append(&mut ada, "INBOX", 100).contains(" OK "));
    }
    ada.ok("SELECT INBOX");
    // Those that are not accepted wait in the system's queue.
    let others: Vec<TcpStream> = (0..60).map(|_| socket(fixture.server.address)).collect();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !fixture
        .lines()
        .iter()
        .any(|line| line.contains("accepting a connection failed"))
    {
        assert!(
            std::time::Instant::now() < until,
            "there are files left: {:?}",
            fixture.lines()
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    for _ in 0..TRIES {
        for answer in [append(&mut ada, "INBOX", 100), append(&mut ada, "other", 100)] {
            assert!(answer.contains(" NO ["), "{answer}");
        }
        for command in ["FETCH 1:3 BODY.PEEK[]", "COPY 1 INBOX", "STATUS other (MESSAGES)"] {
            let answer = ada.command(command);
            assert!(!answer.contains(" BAD "), "{answer}");
        }
    }
    fixture.assert_told("oo many open files");
    drop(others);
    let mut late = fixture.server.login("ada", "secret");
    assert_eq!(exists(&mut late), "* 3 EXISTS");
    assert!(append(&mut ada, "INBOX", 100).contains(" OK "));
    fixture.site.deliver("1700000000.M1P1.test", "Subject: x\n\nx\n");
    late.ok("NOOP");
    assert_eq!(exists(&mut late), "* 5 EXISTS");
    assert!(late.ok("FETCH 1:5 BODY.PEEK[]").contains("BODY[]"));
}
