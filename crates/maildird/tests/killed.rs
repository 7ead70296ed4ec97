//! A `maildird` that is killed, beside other programs that work in the Maildir; and what its clients make of it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

#[path = "../../imap-server/tests/it/resync/cache.rs"]
mod cache;
mod common;
#[path = "../../imap-server/tests/it/resync/deeds.rs"]
mod deeds;
#[path = "../../imap-daemon/tests/killed/mod.rs"]
mod killed;
#[path = "../../imap-server/tests/it/resync/random.rs"]
mod random;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use common::{Running, Site};
use killed::Mail;
use random::Random;

#[test]
fn clients_that_come_back_after_a_kill_end_with_exactly_the_mailbox() {
    killed::run(4, Maildir::new);
}

/// What is in the index of texts is what was written when a server was killed: at any moment of that.
#[test]
fn search_finds_exactly_what_it_should_after_kills_while_its_index_is_written() {
    let mail = Maildir::new();
    let mut random = Random::new(random::number_in("KILLS_SEED", 1));
    // By the number in the message.
    let mut uids: BTreeMap<u32, u32> = BTreeMap::new();
    let mut number = 0;
    for kill in 0..random::number_in("KILLS", 12) {
        let mut command = mail.site.command(&["--index-from", "1", "--full-text", "true"]);
        let log = File::options()
            .create(true)
            .append(true)
            .open(mail.site.path().join("log"));
        command.stderr(log.unwrap());
        let server = Running::start(command);
        let mut client = server.login("ada", "secret");
        client.ok("SELECT INBOX");
        let found = |answer: String| -> Vec<u32> {
            let line = answer.lines().find_map(|line| line.strip_prefix("* SEARCH"));
            line.unwrap_or_default()
                .split_whitespace()
                .map(|uid| uid.parse().unwrap())
                .collect()
        };
        let mut all: Vec<u32> = uids.values().copied().collect();
        all.sort_unstable();
        assert_eq!(found(client.ok("UID SEARCH BODY \"needle\"")), all, "kill {kill}");
        for (number, uid) in uids.iter().filter(|(number, _)| *number % 7 == kill % 7) {
            let answer = client.ok(&format!("UID SEARCH BODY \"needle {number:05} in\""));
            assert_eq!(found(answer), [*uid], "kill {kill}");
        }
        assert_eq!(
            found(client.ok("UID SEARCH BODY \"needles\"")),
            [0; 0],
            "kill {kill}"
        );
        for _ in 0..1 + random.below(30) {
            number += 1;
            let text = format!("Subject: x\r\n\r\na needle {number:05} in a haystack\r\n");
            let tag = client.next_tag();
            client.send(&format!("{tag} APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len()));
            let answer = client.until(&tag);
            let (_, uids_told) = answer.split_once("[APPENDUID ").unwrap();
            let uid = uids_told.split([' ', ']']).nth(1).unwrap();
            uids.insert(number, uid.parse().unwrap());
        }
        if random.below(3) == 0
            && let Some((_, uid)) = uids.pop_first()
        {
            client.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
            client.ok(&format!("UID EXPUNGE {uid}"));
        }
        // The filler works half of the time, from the first message on.
        std::thread::sleep(std::time::Duration::from_micros(random.below(30_000).into()));
        server.signal(rustix::process::Signal::KILL);
    }
    assert!(mail.site.maildir().join("imap-search").exists());
    let log = fs::read_to_string(mail.site.path().join("log")).unwrap();
    assert!(!log.contains("panicked at") && !log.contains("damaged"), "{log}");
}

struct Maildir {
    site: Site,
    delivered: Cell<u32>,
}

impl Maildir {
    fn new() -> Self {
        let site = Site::new();
        fs::write(site.users(), format!("ada:{}\n", killed::HASH)).unwrap();
        Self {
            site,
            delivered: Cell::new(0),
        }
    }

    /// The files of `new` and `cur`, in order of their names.
    fn files(&self) -> Vec<PathBuf> {
        let folders = ["new", "cur"].map(|folder| fs::read_dir(self.site.maildir().join(folder)).unwrap());
        let mut files: Vec<PathBuf> = folders
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
        files
    }

    fn deliver(&self) {
        let number = self.delivered.get() + 1;
        self.delivered.set(number);
        self.site
            .deliver(&format!("{number}.outside"), "Subject: outside\n\nA body.\n");
    }
}

impl Mail for Maildir {
    fn serve(&self, log: File) -> Running {
        // However small the mailbox: an index that a killed server left behind is older than the mail.
        let mut command = self.site.command(&["--index-from", "1"]);
        command.stderr(log);
        Running::start(command)
    }

    fn folder(&self) -> &Path {
        self.site.path()
    }

    fn change(&self, random: &mut Random) {
        let files = self.files();
        let deed = random.below(4);
        if files.is_empty() || deed < 2 {
            return self.deliver();
        }
        let count = u32::try_from(files.len()).unwrap();
        let file = &files[random.below(count) as usize];
        // What a server has renamed meanwhile is no longer there by that name.
        if deed == 2 {
            return drop(fs::remove_file(file));
        }
        let name = file.file_name().unwrap().to_str().unwrap();
        let name = name.split_once(":2,").map_or(name, |(base, _)| base);
        let letters = random.pick(&["", "S", "FS", "R", "D"]);
        let _ = fs::rename(
            file,
            self.site
                .maildir()
                .join("cur")
                .join(format!("{name}:2,{letters}")),
        );
    }

    fn assert_is(&self, flags: &BTreeMap<u32, String>, at: &str) {
        const LETTERS: [(&str, char); 5] = [
            ("\\Draft", 'D'),
            ("\\Flagged", 'F'),
            ("\\Answered", 'R'),
            ("\\Seen", 'S'),
            ("\\Deleted", 'T'),
        ];
        let mut told: Vec<String> = flags
            .values()
            .map(|flags| {
                LETTERS
                    .iter()
                    .filter(|(flag, _)| flags.contains(flag))
                    .map(|(_, letter)| letter)
                    .collect()
            })
            .collect();
        let mut there: Vec<String> = self
            .files()
            .iter()
            .map(|file| {
                file.to_str()
                    .unwrap()
                    .split_once(":2,")
                    .map_or("", |(_, letters)| letters)
            })
            .map(|letters| letters.chars().filter(char::is_ascii_uppercase).collect())
            .collect();
        told.sort();
        there.sort();
        assert_eq!(told, there, "{at}: the flags of the files");
    }
}
