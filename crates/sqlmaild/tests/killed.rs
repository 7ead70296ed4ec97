//! A `sqlmaild` that is killed, beside an administrator who works in the database; and what its clients make of it.

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

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use common::{Running, Site};
use killed::Mail;
use random::Random;

#[test]
fn clients_that_come_back_after_a_kill_end_with_exactly_the_mailbox() {
    killed::run(2, || {
        let site = Site::new();
        let database = rusqlite::Connection::open(site.file()).unwrap();
        database
            .execute("UPDATE accounts SET password = ?", [killed::HASH])
            .unwrap();
        Database { site }
    });
}

struct Database {
    site: Site,
}

impl Mail for Database {
    fn serve(&self, log: File) -> Running {
        let mut command = self.site.command(&[]);
        command.stderr(log);
        Running::start(command)
    }

    fn folder(&self) -> &Path {
        self.site.path()
    }

    fn change(&self, random: &mut Random) {
        let uid = (random.below(40) + 1).to_string();
        let message = |deed: &[&str], stdin: &str| {
            self.site.admin(
                &[&["message", deed[0], "ada", "INBOX"], &deed[1..]].concat(),
                stdin,
            );
        };
        match random.below(4) {
            0 | 1 => message(&["deliver", "-"], "Subject: outside\n\nA body.\n"),
            2 => message(&["remove", &uid], ""),
            _ => {
                let sign = random.pick(&["+", "-"]);
                let flag = random.pick(&["\\Seen", "\\Flagged", "$Junk"]);
                message(&["flags", &uid, &format!("{sign}{flag}")], "");
            }
        }
    }

    fn assert_is(&self, flags: &BTreeMap<u32, String>, at: &str) {
        let listed = self.site.admin(&["message", "list", "ada", "INBOX"], "");
        let there: BTreeMap<u32, String> = listed
            .lines()
            .map(|line| {
                let mut columns = line.split('\t');
                let uid = columns.next().unwrap().parse().unwrap();
                let mut flags: Vec<&str> = columns
                    .next()
                    .unwrap()
                    .trim_matches(['(', ')'])
                    .split_whitespace()
                    .collect();
                flags.sort_unstable();
                (uid, flags.join(" "))
            })
            .collect();
        assert_eq!(flags, &there, "{at}: what the administrator sees");
    }
}
