//! A site to serve, and `maildird` serving it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[path = "../../../imap-daemon/tests/running/mod.rs"]
mod running;

#[allow(unused_imports, reason = "helpers are shared by files")]
pub use running::{Client, Running, socket};

/// A folder with a users file, a mail root, and the user ada (password `secret`) with an empty Maildir.
pub struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        site.add_user("ada", "secret");
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(site.maildir().join(part)).unwrap();
        }
        site
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn users(&self) -> String {
        self.path().join("users").to_str().unwrap().to_owned()
    }

    pub fn mail_root(&self) -> String {
        self.path().join("%u/Maildir").to_str().unwrap().to_owned()
    }

    pub fn maildir(&self) -> PathBuf {
        self.path().join("ada/Maildir")
    }

    pub fn add_user(&self, name: &str, password: &str) {
        let mut add = Command::new(env!("CARGO_BIN_EXE_maildird"));
        add.args(["user", "add", "--users", &self.users(), name, "--password-stdin"])
            .stdin(Stdio::piped());
        let mut add = add.spawn().unwrap();
        add.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        assert!(add.wait().unwrap().success());
    }

    /// As delivery agents do: written in `tmp`, renamed to `new`.
    pub fn deliver(&self, name: &str, message: &str) {
        fs::write(self.maildir().join("tmp").join(name), message).unwrap();
        fs::rename(
            self.maildir().join("tmp").join(name),
            self.maildir().join("new").join(name),
        )
        .unwrap();
    }

    /// Starts `serve` on a free port, with more arguments.
    pub fn serve(&self, more: &[&str]) -> Running {
        Running::start(self.command(more))
    }

    /// What starts it.
    pub fn command(&self, more: &[&str]) -> Command {
        let (root, users) = (self.mail_root(), self.users());
        let mut arguments = vec![
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--mail-root",
            &root,
            "--users",
            &users,
        ];
        arguments.extend(more);
        command(&arguments)
    }
}

/// Starts `maildird` and waits until it prints where it listens.
pub fn maildird(arguments: &[&str]) -> Running {
    Running::start(command(arguments))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maildird"));
    command.args(arguments);
    command
}
