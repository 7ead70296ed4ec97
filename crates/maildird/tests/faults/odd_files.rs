//! Pipes, links, sockets, directories, devices and files without end in the place of files and folders of a Maildir: nothing waits
//! for them, nothing outside is read or written, and when they are gone all is as it was.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use crate::common::Client;
use crate::fixture::{Fixture, append_text, with_users};
use crate::seen::Seen;

/// What may be in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    Pipe,
    LinkToFile,
    LinkToFolder,
    LinkToNothing,
    LinkToItself,
    LinkToZeros,
    Socket,
    Folder,
    Device,
    /// A file of a terabyte of zeros.
    Huge,
}

const ALL: [Odd; 10] = [
    Odd::Pipe,
    Odd::LinkToFile,
    Odd::LinkToFolder,
    Odd::LinkToNothing,
    Odd::LinkToItself,
    Odd::LinkToZeros,
    Odd::Socket,
    Odd::Folder,
    Odd::Device,
    Odd::Huge,
];

/// What nobody may read or write by way of the Maildir.
struct Outside(PathBuf);

const SECRET: &str = "Subject: SECRET\n\nSECRET\n";

impl Outside {
    fn new(folder: &Path) -> Self {
        let outside = folder.join("outside");
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(outside.join(part)).unwrap();
            fs::write(outside.join(part).join("1700000000.M1P1.secret"), SECRET).unwrap();
        }
        fs::write(outside.join("secret"), SECRET).unwrap();
        Self(outside)
    }

    fn assert_untouched(&self, at: &str) {
        let mut files = Vec::new();
        for part in ["", "cur", "new", "tmp"] {
            for entry in fs::read_dir(self.0.join(part)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    assert_eq!(fs::read_to_string(entry.path()).unwrap(), SECRET, "{at}");
                    files.push(entry.file_name());
                }
            }
        }
        assert_eq!(files.len(), 4, "{at}: {files:?}");
    }
}

impl Odd {
    /// Puts it there. Whether that can be done here.
    fn put(self, path: &Path, outside: &Outside) -> bool {
        let link = |target: &Path| symlink(target, path).is_ok();
        let node = |kind, device| mknodat(CWD, path, kind, Mode::RWXU, device).is_ok();
        match self {
            Self::Pipe => node(FileType::Fifo, 0),
            Self::LinkToFile => link(&outside.0.join("secret")),
            Self::LinkToFolder => link(&outside.0.join("cur")),
            Self::LinkToNothing => link(&outside.0.join("made")),
            Self::LinkToItself => link(path),
            Self::LinkToZeros => link(Path::new("/dev/zero")),
            Self::Socket => node(FileType::Socket, 0),
            Self::Folder => fs::create_dir(path).is_ok(),
            // That of /dev/zero: it never ends.
            Self::Device => node(FileType::CharacterDevice, makedev(1, 5)),
            Self::Huge => fs::File::create(path).is_ok_and(|file| file.set_len(1 << 40).is_ok()),
        }
    }
}

/// Takes away whatever is there.
fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// A server, and the Maildir of a user for each test of one thing.
struct World {
    fixture: Fixture,
    outside: Outside,
    template: PathBuf,
    users: usize,
}

impl World {
    fn new() -> Self {
        let site = with_users(400);
        let outside = Outside::new(site.path());
        let template = site.maildir();
        let fixture = Fixture::wrapped(site, &["--full-text", "true", "--quota-storage", "1GiB"], |it| it);
        let mut ada = fixture.ada();
        ada.ok("CREATE other");
        ada.ok("SUBSCRIBE other");
        for number in 1..=6 {
            let text = format!("Subject: template {number}\r\n\r\nx\r\n");
            assert!(append_text(&mut ada, "INBOX", &text).contains(" OK "));
        }
        ada.ok("SELECT INBOX");
        ada.ok("STORE 1:3 +FLAGS (work)");
        ada.ok("SETACL INBOX bob lr");
        ada.ok("LOGOUT");
        Self {
            fixture,
            outside,
            template,
            users: 0,
        }
    }

    /// A file of a terabyte is not taken into memory, nor as much of it as a list may have.
    fn assert_modest(&self) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.fixture.server.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 = peak.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kib < 160 << 10, "the server took {kib} KiB");
    }

    /// A user with a Maildir like the template.
    fn user(&mut self) -> (String, PathBuf) {
        let user = format!("u{}", self.users);
        self.users += 1;
        let maildir = self.fixture.site.path().join(&user).join("Maildir");
        copy_tree(&self.template, &maildir);
        (user, maildir)
    }

    /// Does everything that a client does. All is answered, and nothing that is a secret.
    fn use_all(&self, client: &mut Client<TcpStream>, at: &str) {
        for command in [
            "NOOP",
            "SELECT INBOX",
            "STATUS INBOX (MESSAGES UIDNEXT)",
            "LIST \"\" *",
            "LSUB \"\" *",
            "SUBSCRIBE more",
            "MYRIGHTS INBOX",
            "GETACL INBOX",
            "SETACL INBOX bob lr",
            "GETQUOTAROOT INBOX",
            "STORE 1:* +FLAGS (\\Seen work other)",
            "UID FETCH 1:* (FLAGS BODY.PEEK[])",
            "SEARCH BODY SECRET",
            "SEARCH TEXT template",
            "COPY 1:5 other",
            "CREATE made.here",
            "EXPUNGE",
            "CHECK",
        ] {
            self.assert_fine(&client.command(command), at, command);
        }
        let answer = append_text(client, "INBOX", "Subject: appended\r\n\r\nx\r\n");
        self.assert_fine(&answer, at, "APPEND");
    }

    fn assert_fine(&self, answer: &str, at: &str, command: &str) {
        let what = format!("{at}: {command}: {}", answer.lines().last().unwrap());
        assert!(!answer.contains("Subject: SECRET"), "{what}\n{answer}");
        let completion = answer.lines().last().unwrap();
        let codes = [
            "[UNAVAILABLE]",
            "[NOPERM]",
            "[CORRUPTION]",
            "[CANNOT]",
            "[EXPUNGEISSUED]",
            "[ALREADYEXISTS]",
            "[INUSE]",
            "[LIMIT]",
        ];
        let is_answer = completion.contains(" OK ")
            || completion.contains(" NO ") && codes.iter().any(|code| completion.contains(code))
            // Nothing is selected.
            || completion.contains(" BAD ") && command.starts_with(['N', 'S', 'U', 'C', 'E']) && completion.contains("select");
        assert!(is_answer, "{what}");
    }

    /// Something odd in the place of a file, before the mailbox is opened or while it is.
    fn round(&mut self, place: &str, odd: Odd, while_open: bool) {
        let at = format!(
            "{odd:?} as {place}, {}",
            if while_open {
                "while it is open"
            } else {
                "from the start"
            }
        );
        let (user, maildir) = self.user();
        let path = maildir.join(place);
        let before = self.fixture.lines().len();
        let mut client = while_open.then(|| self.fixture.server.login(&user, "secret"));
        if let Some(client) = &mut client {
            client.ok("SELECT INBOX");
            client.ok("FETCH 1:* (FLAGS BODY.PEEK[])");
        }
        let kept = maildir.with_file_name("kept");
        let had = fs::rename(&path, &kept).is_ok();
        if !odd.put(&path, &self.outside) {
            return println!("left out: {at}");
        }
        match &mut client {
            Some(client) => self.use_all(client, &at),
            None => {
                let mut stranger = self.fixture.server.connect();
                let answer = stranger.command(&format!("LOGIN {user} secret"));
                self.assert_fine(&answer, &at, "LOGIN");
                if answer.contains(" OK ") {
                    self.use_all(&mut stranger, &at);
                }
            }
        }
        self.outside.assert_untouched(&at);
        let lines = self.fixture.lines();
        let lines = &lines[before..];
        assert!(lines.len() < 8, "{at}: {} lines: {:#?}", lines.len(), &lines[..8]);
        remove(&path);
        if had {
            fs::rename(&kept, &path).unwrap();
        }
        let mut late = self.fixture.server.login(&user, "secret");
        for client in client.iter_mut().chain([&mut late]) {
            let mut seen = Seen::default();
            let validity = seen.assert_all(client, &at);
            let (_, subjects) = seen.read(client).unwrap();
            for number in 1..=6 {
                let subject = format!("template {number}");
                assert!(
                    subjects.contains(&subject),
                    "{at}: {subject} in {subjects:?}, {validity}"
                );
            }
            assert!(client.ok("FETCH 1:3 FLAGS").contains("work"), "{at}");
            let answer = append_text(client, "INBOX", "Subject: afterwards\r\n\r\nx\r\n");
            assert!(answer.contains(" OK "), "{at}: {answer}");
        }
    }
}

#[test]
fn odd_files_in_the_place_of_control_files_are_not_followed_and_stop_nobody() {
    let mut world = World::new();
    // Each kind in half of the places before the mailbox is opened, in the others while it is.
    let places = [
        "dovecot-uidlist",
        "dovecot-keywords",
        "subscriptions",
        "special-uses",
        "imap-index",
        "imap-index-wal",
        "imap-modseqs",
        "imap-search",
        "imap-lock",
        "maildirsize",
        "dovecot-acl",
    ];
    for (number, place) in places.into_iter().enumerate() {
        for (kind, odd) in ALL.into_iter().enumerate() {
            world.round(place, odd, (number + kind).is_multiple_of(2));
            if odd == Odd::Huge {
                // What is read when the mailbox is opened is read again when it changes.
                world.round(place, odd, !(number + kind).is_multiple_of(2));
                world.assert_modest();
            }
        }
    }
}

#[test]
fn odd_files_in_the_place_of_new_cur_and_tmp_are_not_followed() {
    let mut world = World::new();
    let kinds = ALL.into_iter().filter(|odd| *odd != Odd::Folder);
    for (kind, odd) in kinds.enumerate() {
        for (number, place) in ["new", "cur", "tmp"].into_iter().enumerate() {
            world.round(place, odd, (number + kind).is_multiple_of(2));
        }
    }
}
