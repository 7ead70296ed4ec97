//! Permissions that are taken away while the server runs, and given back.
//!
//! The system's administrator may do everything: where the tests run as root, the server runs as another user.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use crate::common::Site;
use crate::fixture::{Fixture, site};
use crate::seen::Seen;

/// `nobody`, on most systems.
const USER: u32 = 65534;

/// So often each command is sent while something cannot be used.
const TRIES: usize = 4;

/// A server that permissions bind; none where there cannot be one.
pub fn bound(more: &[&str]) -> Option<Fixture> {
    bound_at(site(), more)
}

/// The same with mail that is there.
pub fn bound_at(site: Site, more: &[&str]) -> Option<Fixture> {
    if !geteuid().is_root() {
        return Some(Fixture::wrapped(site, more, |served| served));
    }
    let mut setpriv = Command::new("setpriv");
    setpriv.args([
        &format!("--reuid={USER}"),
        &format!("--regid={USER}"),
        "--clear-groups",
    ]);
    let is_possible = Command::new(setpriv.get_program())
        .args(setpriv.get_args())
        .arg("true")
        .status();
    if !is_possible.is_ok_and(|status| status.success()) {
        println!("left out: the server cannot run as another user");
        return None;
    }
    // That user may not be able to reach the place where it was built.
    let program = site.path().join("maildird");
    fs::copy(env!("CARGO_BIN_EXE_maildird"), &program).unwrap();
    give(site.path());
    Some(Fixture::wrapped(site, more, |served| {
        setpriv.arg(program).args(served.get_args());
        setpriv
    }))
}

/// Makes everything below that user's, if there is another one.
pub fn give(path: &Path) {
    if !geteuid().is_root() {
        return;
    }
    chown(path, Some(USER), Some(USER)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

/// Permissions that are given back when it is dropped.
pub struct Taken {
    path: PathBuf,
    before: Permissions,
}

impl Taken {
    /// None where there is no such file.
    pub fn from(path: PathBuf, left: u32) -> Option<Self> {
        let before = fs::metadata(&path).ok()?.permissions();
        fs::set_permissions(&path, Permissions::from_mode(left)).unwrap();
        Some(Self { path, before })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.path, self.before.clone());
    }
}

#[test]
fn what_becomes_unreadable_or_unwritable_is_told_to_the_client_and_once_to_the_operator_and_is_over_when_it_is_given_back()
 {
    let Some(fixture) = bound(&["--full-text", "true"]) else {
        return;
    };
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    for _ in 0..6 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    ada.ok("CREATE other");
    ada.ok("SUBSCRIBE other");
    ada.ok("SELECT INBOX");
    ada.ok("STORE 1 +FLAGS (work)");
    ada.ok("LOGOUT");
    for (place, left) in [
        ("cur", 0o000),
        ("cur", 0o500),
        ("cur", 0o600),
        ("new", 0o000),
        ("new", 0o500),
        ("tmp", 0o000),
        ("tmp", 0o500),
        ("", 0o000),
        ("", 0o500),
    ] {
        // What can be told from the mailbox that is open, or only by opening it.
        for while_open in [true, false] {
            // Then nobody can log in.
            if (place, left, while_open) == ("", 0, false) {
                continue;
            }
            round(&fixture, &mut seen, (place, left), while_open);
        }
    }
}

fn round(fixture: &Fixture, seen: &mut Seen, (place, left): (&str, u32), while_open: bool) {
    let at = format!(
        "{place} {left:o}, {}",
        if while_open {
            "while it is open"
        } else {
            "from the start"
        }
    );
    let mut open = while_open.then(|| fixture.ada());
    if let Some(client) = &mut open {
        seen.read(client).unwrap();
    }
    let before = fixture.lines().len();
    let Some(taken) = Taken::from(fixture.site.maildir().join(place), left) else {
        return println!("left out: {at}");
    };
    let mut refused = 0;
    let mut fine = |answer: &str, command: &str| {
        let completion = answer.lines().last().unwrap();
        let codes = ["[NOPERM]", "[UNAVAILABLE]"];
        let is_refused = completion.contains(" NO ") && codes.iter().any(|code| completion.contains(code));
        let is_fine = completion.contains(" OK ")
            || is_refused
            || completion.contains("[EXPUNGEISSUED]")
            || completion.contains(" BAD ") && completion.contains("select");
        assert!(is_fine, "{at}: {command}: {completion}");
        refused += usize::from(is_refused);
    };
    let mut late = fixture.server.connect();
    let login = late.command("LOGIN ada secret");
    fine(&login, "LOGIN");
    let mut late = login.contains(" OK ").then_some(late);
    for client in open.iter_mut().chain(late.as_mut()) {
        for _ in 0..TRIES {
            for command in [
                "NOOP",
                "STORE 1:3 +FLAGS (\\Flagged new)",
                "COPY 1:2 other",
                "FETCH 1:* (FLAGS BODY.PEEK[TEXT])",
                "SEARCH BODY x",
                "STATUS other (MESSAGES)",
                "LIST \"\" *",
                "LSUB \"\" *",
                "SUBSCRIBE some",
                "UNSUBSCRIBE some",
            ] {
                fine(&client.command(command), command);
            }
            fine(&seen.append(client), "APPEND");
            let selected = seen.read(client);
            fine(&client.command("CHECK"), &format!("CHECK after {selected:?}"));
        }
    }
    let lines = fixture.lines();
    let lines = &lines[before..];
    assert!(lines.len() < 8, "{at}: {} lines: {:#?}", lines.len(), &lines[..8]);
    // One line a minute: that of an earlier place counts.
    assert!(
        refused == 0 || !fixture.lines().is_empty(),
        "{at}: {refused} refused, and the log is silent"
    );
    drop(taken);
    for mut client in open.into_iter().chain([fixture.ada()]) {
        seen.assert_all(&mut client, &at);
        assert!(seen.append(&mut client).contains(" OK "), "{at}");
        assert!(client.ok("STORE 1 +FLAGS (again)").contains(" OK "), "{at}");
        client.ok("COPY 1 other");
        client.ok("SUBSCRIBE other");
        seen.assert_all(&mut client, &at);
    }
}
