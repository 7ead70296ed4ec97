//! Permissions of single files: what needs the file is refused with NOPERM (RFC 5530, section 3), all else goes on, nothing is made
//! anew in its place, the operator reads once which file it is, and when it may be read again all is as it was.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use rustix::process::{Signal, geteuid};

use crate::common::Client;
use crate::fixture::{Fixture, append_text, eventually, with_users};
use crate::odd_files::copy_tree;
use crate::permissions::{Taken, bound, bound_at, give};
use crate::seen::Seen;

/// So often each command is sent while a file cannot be used: more often than anybody would read of it in the log.
const TRIES: usize = 5;

const SETTINGS: [&str; 4] = ["--full-text", "true", "--quota-storage", "1GiB"];

/// What is sent while nothing is selected.
const OUTSIDE: [&str; 18] = [
    "STATUS INBOX (MESSAGES UIDNEXT)",
    "STATUS other (MESSAGES)",
    "LIST \"\" *",
    "LSUB \"\" *",
    "SUBSCRIBE more",
    "GETQUOTAROOT INBOX",
    "MYRIGHTS INBOX",
    "GETACL INBOX",
    "SETACL INBOX bob lr",
    "GETMETADATA INBOX /private/comment",
    "SETMETADATA INBOX (/private/comment \"x\")",
    "GETMETADATA \"\" /private/vendor/test/x",
    "SETMETADATA \"\" (/private/vendor/test/x \"y\")",
    "RESETKEY INBOX",
    "CREATE made",
    "DELETE made",
    "APPEND",
    "SELECT INBOX",
];

/// What is sent while INBOX is selected.
const INSIDE: [&str; 8] = [
    "NOOP",
    "FETCH 1:* (UID FLAGS BODY.PEEK[])",
    "SEARCH BODY template",
    "STORE 1 +FLAGS (\\Flagged work)",
    "STORE 2 +FLAGS (unheard)",
    "COPY 1:2 other",
    "APPEND",
    "CHECK",
];

/// A file that nobody may read.
#[derive(Clone, Copy)]
struct Case {
    file: &'static str,
    /// Beginnings of those of [`OUTSIDE`] that need it, where the mailbox has to be opened, and where it is open.
    outside: [&'static [&'static str]; 2],
    /// And of those of [`INSIDE`].
    inside: &'static [&'static str],
    /// Whether the operator hears of it, where the mailbox has to be opened, and where it is open. None where that depends on when the
    /// server opens the file.
    is_told: [Option<bool>; 2],
}

const OPENS_INBOX: &[&str] = &["STATUS INBOX", "APPEND", "SELECT"];

/// The list says by which identifier annotations are kept, those of the server as INBOX's.
const NEEDS_LIST: &[&str] = &["STATUS INBOX", "APPEND", "SELECT", "GETMETADATA", "SETMETADATA"];

const CASES: [Case; 16] = [
    // Never a new list, with other UIDs, in its place.
    Case {
        file: "dovecot-uidlist",
        outside: [NEEDS_LIST; 2],
        inside: &["APPEND"],
        is_told: [Some(true); 2],
    },
    // A client would take keywords for removed that it cannot be told.
    Case {
        file: "dovecot-keywords",
        outside: [OPENS_INBOX, &[]],
        inside: &["STORE 2"],
        is_told: [Some(true); 2],
    },
    Case {
        file: "imap-modseqs",
        outside: [&[]; 2],
        inside: &[],
        is_told: [Some(true), Some(false)],
    },
    Case {
        file: "imap-index",
        outside: [&[]; 2],
        inside: &[],
        is_told: [Some(true), Some(false)],
    },
    Case {
        file: "imap-index-wal",
        outside: [&[]; 2],
        inside: &[],
        is_told: [Some(true), Some(false)],
    },
    Case {
        file: "imap-search",
        outside: [&[]; 2],
        inside: &[],
        is_told: [Some(true), None],
    },
    Case {
        file: "subscriptions",
        outside: [&["LSUB", "SUBSCRIBE"]; 2],
        inside: &[],
        is_told: [Some(true); 2],
    },
    Case {
        file: "special-uses",
        outside: [&["CREATE"]; 2],
        inside: &[],
        is_told: [Some(true); 2],
    },
    Case {
        file: "dovecot-attributes",
        outside: [&["GETMETADATA", "SETMETADATA"]; 2],
        inside: &[],
        is_told: [Some(true); 2],
    },
    // Nobody knows what it denies.
    Case {
        file: "dovecot-acl",
        outside: [&[
            "STATUS INBOX",
            "MYRIGHTS",
            "GETACL",
            "SETACL",
            "GETMETADATA INBOX",
            "SETMETADATA INBOX",
            "RESETKEY",
            "APPEND",
            "SELECT",
        ]; 2],
        inside: &["APPEND"],
        is_told: [Some(true); 2],
    },
    Case {
        file: "url-key",
        outside: [&["RESETKEY"]; 2],
        inside: &[],
        is_told: [Some(true); 2],
    },
    // There is no quota then, and the operator knows.
    Case {
        file: "maildirsize",
        outside: [&[]; 2],
        inside: &[],
        is_told: [Some(true); 2],
    },
    Case {
        file: "dovecot-uidvalidity",
        outside: [&["CREATE"]; 2],
        inside: &[],
        is_told: [Some(true); 2],
    },
    // That it is there is all that counts.
    Case {
        file: ".other/maildirfolder",
        outside: [&[]; 2],
        inside: &[],
        is_told: [Some(false); 2],
    },
    Case {
        file: ".other/dovecot-uidlist",
        outside: [&["STATUS other"]; 2],
        inside: &["COPY"],
        is_told: [Some(true); 2],
    },
    // Another server may have the mail to itself.
    Case {
        file: "imap-lock",
        outside: [&["LOGIN"], &[]],
        inside: &[],
        is_told: [Some(true), Some(false)],
    },
];

/// A server, and a Maildir for each case.
struct World {
    fixture: Fixture,
    template: PathBuf,
    /// UIDVALIDITY of INBOX.
    validity: u64,
    users: usize,
}

impl World {
    fn new() -> Option<Self> {
        let site = with_users(100);
        let template = site.maildir();
        let fixture = bound_at(site, &SETTINGS)?;
        let mut ada = fixture.ada();
        ada.ok("CREATE other (USE (\\Archive))");
        ada.ok("SUBSCRIBE other");
        for number in 1..=6 {
            let text = format!("Subject: template {number}\r\n\r\ntemplate\r\n");
            assert!(append_text(&mut ada, "INBOX", &text).contains(" OK "));
        }
        ada.ok("SELECT INBOX");
        ada.ok("STORE 1:3 +FLAGS (work)");
        ada.ok("SETACL INBOX bob lr");
        ada.ok("SETMETADATA INBOX (/private/comment \"x\")");
        ada.ok("SETMETADATA \"\" (/private/vendor/test/x \"y\")");
        fs::write(template.join("url-key"), format!("{}\n", "a7".repeat(32))).unwrap();
        eventually("an index of texts", || {
            template.join("imap-search").exists() && template.join("imap-index").exists()
        });
        let validity = validity(&mut ada, "the template");
        ada.ok("LOGOUT");
        Some(Self {
            fixture,
            template,
            validity,
            users: 0,
        })
    }

    /// A user with a Maildir like the template.
    fn user(&mut self) -> (String, PathBuf) {
        let user = format!("u{}", self.users);
        self.users += 1;
        let maildir = self.fixture.site.path().join(&user).join("Maildir");
        copy_tree(&self.template, &maildir);
        give(maildir.parent().unwrap());
        (user, maildir)
    }

    fn round(&mut self, case: Case, is_open: bool) {
        let at = format!(
            "{}, {}",
            case.file,
            if is_open { "open" } else { "from the start" }
        );
        let outside = case.outside[usize::from(is_open)];
        let (user, maildir) = self.user();
        let login = || self.fixture.server.login(&user, "secret");
        let mut client = is_open.then(login);
        if let Some(client) = &mut client {
            assert_eq!(validity(client, &at), self.validity, "{at}");
        }
        let before = self.fixture.lines().len();
        let path = maildir.join(case.file);
        let content = fs::read(&path).unwrap();
        let Some(taken) = Taken::from(path.clone(), 0o000) else {
            panic!("{at}: there is no such file");
        };
        match &mut client {
            Some(client) => {
                try_all(client, TRIES, &INSIDE, case.inside, &at);
                try_all(client, TRIES, &OUTSIDE, outside, &at);
            }
            None => self.refused_from_the_start(&user, outside, case.inside, &at),
        }
        let lines = self.fixture.lines();
        let lines = &lines[before..];
        let named = lines.iter().filter(|line| names(line, &path)).count();
        assert!(lines.len() < 6 && named < 3, "{at}: {lines:#?}");
        let is_told = case.is_told[usize::from(is_open)];
        assert!(
            is_told.is_none_or(|is_told| is_told == (named > 0)),
            "{at}: {lines:#?}"
        );
        drop(taken);
        let is_refused = !outside.is_empty() || !case.inside.is_empty();
        if is_refused && case.file != ".other/dovecot-uidlist" {
            assert_eq!(
                fs::read(&path).unwrap(),
                content,
                "{at}: what nobody could read has changed"
            );
        }
        for client in client.iter_mut().chain([&mut login()]) {
            assert_eq!(validity(client, &at), self.validity, "{at}");
            try_all(client, 1, &INSIDE, &[], &at);
            try_all(client, 1, &OUTSIDE, &[], &at);
        }
    }

    fn refused_from_the_start(&self, user: &str, outside: &[&str], inside: &[&str], at: &str) {
        let mut client = self.fixture.server.connect();
        for _ in 0..TRIES {
            let login = client.command(&format!("LOGIN {user} secret"));
            let is_refused = outside.contains(&"LOGIN");
            let expected = if is_refused { " NO [UNAVAILABLE]" } else { " OK " };
            assert!(login.contains(expected), "{at}: {login}");
            if !is_refused {
                break;
            }
        }
        if outside.contains(&"LOGIN") {
            return;
        }
        try_all(&mut client, TRIES, &OUTSIDE, outside, at);
        if !outside.contains(&"SELECT") {
            client.ok("SELECT INBOX");
            try_all(&mut client, TRIES, &INSIDE, inside, at);
        }
    }
}

/// Whether a line of the log has this path.
fn names(line: &str, path: &Path) -> bool {
    line.contains(path.to_str().unwrap())
}

/// UIDVALIDITY of INBOX, whose messages are those of the template, under their UIDs and with their keywords.
fn validity(client: &mut Client<TcpStream>, at: &str) -> u64 {
    let selected = client.ok("SELECT INBOX");
    for uid in 1..=6 {
        let answer = client.ok(&format!(
            "UID FETCH {uid} (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
        ));
        assert!(
            answer.contains(&format!("Subject: template {uid}")),
            "{at}: {answer}"
        );
        assert_eq!(answer.contains("work"), uid <= 3, "{at}: {answer}");
    }
    number_behind(&selected, "[UIDVALIDITY")
}

/// Sends each of these commands so often: those that begin like one of `refused` are NO with NOPERM, the others OK.
fn try_all(client: &mut Client<TcpStream>, times: usize, commands: &[&str], refused: &[&str], at: &str) {
    let is_refused = |command: &str| refused.iter().any(|refused| command.starts_with(refused));
    for _ in 0..times {
        for command in commands {
            if *command == "DELETE made" && is_refused("CREATE made") {
                continue;
            }
            let answer = match *command {
                "APPEND" => append_text(client, "INBOX", "Subject: one more\r\n\r\nx\r\n"),
                command => client.command(command),
            };
            let completion = answer.lines().last().unwrap();
            let expected = if is_refused(command) {
                " NO [NOPERM]"
            } else {
                " OK "
            };
            assert!(completion.contains(expected), "{at}: {command}: {answer}");
        }
    }
}

#[test]
fn rfc5530_3_what_needs_a_file_that_may_not_be_read_is_noperm_and_all_else_goes_on() {
    let Some(mut world) = World::new() else { return };
    for case in CASES {
        for is_open in [false, true] {
            world.round(case, is_open);
        }
    }
}

fn number_behind(answer: &str, word: &str) -> u64 {
    let number = answer
        .split(word)
        .nth(1)
        .unwrap_or_else(|| panic!("{word} in {answer}"));
    let digits = number.trim_start().split(|octet: char| !octet.is_ascii_digit());
    digits.into_iter().next().unwrap().parse().unwrap()
}

/// RFC 9051, section 2.3.1.1: the next UID does not change without a message.
#[test]
fn rfc9051_2_3_1_1_messages_that_get_no_uid_because_the_list_may_not_be_written_use_up_none() {
    let Some(fixture) = bound(&[]) else { return };
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    for _ in 0..3 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    let path = fixture.site.maildir().join("dovecot-uidlist");
    let taken = Taken::from(path.clone(), 0o400).unwrap();
    for _ in 0..TRIES {
        let refused = seen.append(&mut ada);
        assert!(refused.contains(" NO [NOPERM]"), "{refused}");
        let status = ada.ok("STATUS INBOX (UIDNEXT MESSAGES)");
        assert!(
            status.contains("UIDNEXT 4") && status.contains("MESSAGES 3"),
            "{status}"
        );
    }
    let lines = fixture.lines();
    assert!(
        lines.len() < 4 && lines.iter().any(|line| names(line, &path)),
        "{lines:#?}"
    );
    drop(taken);
    let appended = seen.append(&mut ada);
    assert!(appended.contains(" 4]"), "{appended}");
    seen.assert_all(&mut fixture.ada(), "afterwards");
}

#[test]
fn an_index_is_not_dropped_because_the_uid_list_may_not_be_read_for_a_while() {
    let Some(fixture) = bound(&[]) else { return };
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    for _ in 0..3 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    seen.assert_all(&mut ada, "before");
    ada.ok("LOGOUT");
    let fixture = restarted(fixture);
    let maildir = fixture.site.maildir();
    let index = || fs::metadata(maildir.join("imap-index")).unwrap().ino();
    let before = index();
    let taken = Taken::from(maildir.join("dovecot-uidlist"), 0o000).unwrap();
    let mut ada = fixture.ada();
    for _ in 0..TRIES {
        let refused = ada.command("SELECT INBOX");
        assert!(refused.contains(" NO [NOPERM]"), "{refused}");
    }
    drop(taken);
    seen.assert_all(&mut ada, "given back");
    assert_eq!(index(), before, "the index was made anew");
}

fn restarted(fixture: Fixture) -> Fixture {
    let Fixture { server, site, .. } = fixture;
    server.signal(Signal::TERM);
    server.end();
    bound_at(site, &[]).unwrap()
}

/// RFC 7162, section 3.1.2.1: HIGHESTMODSEQ does not go back.
#[test]
fn rfc7162_3_1_2_1_mail_that_may_only_be_read_is_read_and_its_highestmodseq_stays() {
    let Some(fixture) = bound(&SETTINGS) else { return };
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    for _ in 0..3 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    ada.ok("SUBSCRIBE other");
    ada.ok("SELECT INBOX");
    ada.ok("STORE 1 +FLAGS (work)");
    let highest =
        |client: &mut Client<TcpStream>| number_behind(&client.ok("SELECT INBOX"), "[HIGHESTMODSEQ");
    let before = highest(&mut ada);
    ada.ok("LOGOUT");
    let fixture = restarted(fixture);
    let maildir = fixture.site.maildir();
    let mut files: Vec<PathBuf> = fs::read_dir(&maildir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.retain(|file| file.is_file());
    let files: Vec<_> = files
        .into_iter()
        .map(|file| Taken::from(file, 0o400).unwrap())
        .collect();
    let folder = Taken::from(maildir, 0o500).unwrap();
    let mut ada = fixture.ada();
    for _ in 0..TRIES {
        assert_eq!(highest(&mut ada), before);
        for command in [
            "FETCH 1:* (FLAGS MODSEQ BODY.PEEK[])",
            "SEARCH BODY x",
            "LIST \"\" *",
            "LSUB \"\" *",
            "GETQUOTAROOT INBOX",
            "MYRIGHTS INBOX",
        ] {
            ada.ok(command);
        }
        for command in [
            "SUBSCRIBE more",
            "CREATE more",
            "COPY 1 INBOX",
            "SETACL INBOX bob lr",
        ] {
            let answer = ada.command(command);
            assert!(answer.contains(" NO [NOPERM]"), "{command}: {answer}");
        }
        let refused = seen.append(&mut ada);
        assert!(refused.contains(" NO [NOPERM]"), "{refused}");
    }
    let lines = fixture.lines();
    assert!(!lines.is_empty() && lines.len() < 8, "{lines:#?}");
    ada.ok("LOGOUT");
    drop((folder, files));
    let fixture = restarted(fixture);
    let mut ada = fixture.ada();
    assert!(highest(&mut ada) >= before);
    seen.assert_all(&mut ada, "given back");
    ada.ok("STORE 1 +FLAGS (later)");
    assert!(highest(&mut ada) > before);
}

/// The file of a message.
fn file_of(maildir: &Path, subject: &str) -> PathBuf {
    let files = ["new", "cur"].map(|folder| fs::read_dir(maildir.join(folder)).unwrap());
    let mut files = files.into_iter().flatten().map(|file| file.unwrap().path());
    let has_subject = |file: &PathBuf| fs::read_to_string(file).is_ok_and(|text| text.contains(subject));
    files.find(has_subject).unwrap()
}

#[test]
fn rfc5530_3_a_message_that_may_not_be_read_is_noperm_and_the_others_are_delivered() {
    let Some(fixture) = bound(&[]) else { return };
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    for _ in 0..3 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    ada.ok("CREATE other");
    ada.ok("SELECT INBOX");
    let path = file_of(&fixture.site.maildir(), "message 2");
    let taken = Taken::from(path.clone(), 0o000).unwrap();
    for _ in 0..TRIES {
        for items in [
            "BODY.PEEK[]",
            "ENVELOPE",
            "BODYSTRUCTURE",
            "BODY.PEEK[HEADER]",
            "RFC822.SIZE",
        ] {
            let answer = ada.command(&format!("FETCH 1:3 (UID {items})"));
            let completion = answer.lines().last().unwrap();
            let rows = [1, 2, 3].map(|number| answer.contains(&format!("* {number} FETCH (UID {number} ")));
            // A size that is known needs no file.
            let is_known = items == "RFC822.SIZE";
            assert_eq!(rows, [true, is_known, true], "{items}: {answer}");
            let expected = if is_known { " OK " } else { " NO [NOPERM]" };
            assert!(completion.contains(expected), "{items}: {answer}");
        }
        assert!(ada.ok("FETCH 1:3 (FLAGS INTERNALDATE)").contains("* 2 FETCH"));
        assert_eq!(
            ada.ok("SEARCH TEXT message").lines().next().unwrap(),
            "* SEARCH 1 3"
        );
        ada.ok("STORE 2 +FLAGS (\\Flagged)");
        ada.ok("STORE 2 -FLAGS (\\Flagged)");
    }
    let lines = fixture.lines();
    assert!(
        lines.len() < 3 && lines.iter().any(|line| names(line, &path)),
        "{lines:#?}"
    );
    // The file gets another name, and nobody reads it for that.
    ada.ok("COPY 2 other");
    drop(taken);
    ada.ok("FETCH 1:3 (BODY.PEEK[] BODYSTRUCTURE)");
    seen.assert_all(&mut ada, "given back");
    ada.ok("SELECT other");
    assert!(ada.ok("FETCH 1 BODY.PEEK[]").contains("message 2"));
}

#[test]
fn rfc5530_3_a_message_of_another_system_user_is_noperm_to_copy_or_copied_whole() {
    if !geteuid().is_root() {
        return println!("left out: files of another user need root");
    }
    let Some(fixture) = bound(&[]) else { return };
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    for _ in 0..3 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    ada.ok("CREATE other");
    ada.ok("SELECT INBOX");
    let path = file_of(&fixture.site.maildir(), "message 2");
    let owner = fs::metadata(&path).unwrap();
    chown(&path, Some(0), Some(0)).unwrap();
    let taken = Taken::from(path.clone(), 0o600).unwrap();
    let answer = ada.command("COPY 1:3 other");
    let count = number_behind(&ada.ok("STATUS other (MESSAGES)"), "MESSAGES");
    // Some systems let nobody link what he may not read.
    match answer.contains(" OK ") {
        true => assert_eq!(count, 3, "{answer}"),
        false => assert!(answer.contains(" NO [NOPERM]") && count == 0, "{answer} {count}"),
    }
    drop(taken);
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    ada.ok("COPY 1:3 other");
    seen.assert_all(&mut ada, "given back");
}

#[test]
fn rfc8508_3_a_message_that_cannot_be_stored_replaces_nothing() {
    let Some(fixture) = bound(&[]) else { return };
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    for _ in 0..3 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    ada.ok("SELECT INBOX");
    let maildir = fixture.site.maildir();
    for (folder, left) in [("tmp", 0o500), ("tmp", 0o000), ("cur", 0o500)] {
        let taken = Taken::from(maildir.join(folder), left).unwrap();
        for _ in 0..TRIES {
            let tag = ada.next_tag();
            ada.send(&format!(
                "{tag} REPLACE 2 INBOX {{14+}}\r\nSubject: x\r\n\r\n\r\n"
            ));
            let replaced = ada.until(&format!("{tag} "));
            assert!(replaced.contains(" NO [NOPERM]"), "{folder} {left:o}: {replaced}");
            let appended = seen.append(&mut ada);
            assert!(appended.contains(" NO [NOPERM]"), "{folder} {left:o}: {appended}");
        }
        drop(taken);
        seen.assert_all(&mut ada, folder);
    }
    let lines = fixture.lines();
    assert!(!lines.is_empty() && lines.len() < 8, "{lines:#?}");
}
