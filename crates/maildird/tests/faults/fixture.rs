//! A server whose log is read, and whom its commands are sent to.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{Client, Running, Site};

/// More often than anybody would read it in the log.
pub const TRIES: usize = 30;
/// The hash of `secret` that costs least: there are many logins.
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$pJZ0GBjxPR9cbuMI2IFNLg$/5TI07SC1HQp6eNsz5Jz2Vq/zBveClvuB2SW8mALAKo";

/// A server whose log is a file, and bob, whose mail is elsewhere.
pub struct Fixture {
    pub server: Running,
    log: PathBuf,
    // Dropped last: the server works in it.
    pub site: Site,
}

impl Fixture {
    /// With `ulimit -n` of so many open files, if any.
    pub fn start(site: Site, open_files: Option<u32>) -> Self {
        Self::wrapped(site, &[], |served| match open_files {
            Some(open_files) => by_shell(&format!("ulimit -n {open_files}; exec \"$@\""), &served),
            None => served,
        })
    }

    /// With more arguments, and by way of another command.
    pub fn wrapped(site: Site, more: &[&str], wrap: impl FnOnce(Command) -> Command) -> Self {
        let log = site.path().join("log");
        let mut command = wrap(site.command(&[&["--index-from", "1"], more].concat()));
        command.stderr(File::create(&log).unwrap());
        let server = Running::start(command);
        Self { server, log, site }
    }

    pub fn ada(&self) -> Client<TcpStream> {
        self.server.login("ada", "secret")
    }

    /// Lines of the log that an operator should read.
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap();
        assert!(!text.contains("panicked at"), "{text}");
        let lines = text.lines();
        lines
            .filter(|line| line.contains("WARN") || line.contains("ERROR"))
            .map(str::to_owned)
            .collect()
    }

    /// Somebody said something, and not for each of the [`TRIES`].
    pub fn assert_told(&self, what: &str) {
        self.assert_told_since(0, what);
    }

    /// The same of what was said after so many lines.
    pub fn assert_told_since(&self, before: usize, what: &str) {
        let lines = &self.lines()[before..];
        assert!(
            lines.iter().any(|line| line.contains(what)),
            "{what} in {lines:#?}"
        );
        assert!(lines.len() < 8, "{} lines: {:#?}", lines.len(), &lines[..8]);
    }
}

/// What a shell makes of a command.
pub fn by_shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

/// A site where a login costs little.
pub fn site() -> Site {
    let site = Site::new();
    fs::write(site.users(), format!("ada:{HASH}\n")).unwrap();
    site
}

/// The same, with users `u0` and so on.
pub fn with_users(count: usize) -> Site {
    let site = site();
    let line = fs::read_to_string(site.users()).unwrap();
    let users = (0..count).map(|user| line.replace("ada:", &format!("u{user}:")));
    fs::write(site.users(), line.clone() + &users.collect::<String>()).unwrap();
    site
}

pub fn with_bob() -> Site {
    let site = Site::new();
    site.add_user("bob", "secret");
    site
}

pub fn append(client: &mut Client<TcpStream>, mailbox: &str, octets: usize) -> String {
    append_text(
        client,
        mailbox,
        &format!("Subject: x\r\n\r\n{}\r\n", "y".repeat(octets)),
    )
}

pub fn append_text(client: &mut Client<TcpStream>, mailbox: &str, text: &str) -> String {
    let tag = client.next_tag();
    client.send(&format!(
        "{tag} APPEND {mailbox} {{{}+}}\r\n{text}\r\n",
        text.len()
    ));
    let answer = client.until(&format!("{tag} "));
    answer.lines().last().unwrap().to_owned()
}

pub fn exists(client: &mut Client<TcpStream>) -> String {
    let selected = client.ok("SELECT INBOX");
    let line = selected.lines().find(|line| line.ends_with(" EXISTS"));
    line.unwrap().to_owned()
}

/// Waits for what a server does by itself.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "it does not come: {what}");
        sleep(Duration::from_millis(20));
    }
}
