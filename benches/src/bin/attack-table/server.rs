//! A server under attack.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

/// Who attacks.
pub(crate) const ATTACKER: &str = "mallory";
/// Who only asks whether there is mail.
pub(crate) const BYSTANDER: &str = "ada";
/// Everybody's password.
pub(crate) const PASSWORD: &str = "secret";

/// A running `maildird` with two users; stopped when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    home: TempDir,
}

impl Server {
    /// Starts a server on a Maildir that `prepare` has filled.
    pub(crate) fn start(program: &Path, prepare: fn(&Path) -> io::Result<()>) -> io::Result<Self> {
        let home = tempfile::tempdir()?;
        let users = home.path().join("users");
        for user in [ATTACKER, BYSTANDER] {
            add_user(program, &users, user)?;
            for folder in ["cur", "new", "tmp"] {
                fs::create_dir_all(home.path().join(user).join(folder))?;
            }
        }
        prepare(&home.path().join(ATTACKER))?;
        let mut child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--users"])
            .arg(&users)
            .arg("--mail-root")
            .arg(home.path().join("%u"))
            // All come from one address here.
            .args([
                "--limit",
                "connections=4096",
                "--limit",
                "connections_per_address=4096",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let said = child.stdout.take().map(BufReader::new);
        let mut line = String::new();
        said.ok_or(io::ErrorKind::BrokenPipe)?.read_line(&mut line)?;
        let address = line
            .trim()
            .rsplit(' ')
            .next()
            .and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| io::Error::other(format!("maildird said: {line}")))?;
        Ok(Self { child, address, home })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The attacker's Maildir.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.home.path().join(ATTACKER)
    }

    /// Resident memory, in MiB.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        self.status("VmRSS:")
    }

    /// The most resident memory since it was forgotten, in MiB.
    pub(crate) fn peak_memory(&self) -> io::Result<u64> {
        self.status("VmHWM:")
    }

    pub(crate) fn forget_peak(&self) -> io::Result<()> {
        fs::write(self.proc("clear_refs"), "5")
    }

    /// Processor time so far, in seconds.
    pub(crate) fn processor(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(self.proc("stat"))?;
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 = behind_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        Ok(ticks as f64 / 100.0)
    }

    /// Asks it to stop. Seconds until it has.
    pub(crate) fn stop(&mut self) -> io::Result<f64> {
        let began = Instant::now();
        let pid = self.child.id().to_string();
        Command::new("kill").arg(pid).status()?;
        self.child.wait()?;
        Ok(began.elapsed().as_secs_f64())
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }

    fn status(&self, name: &str) -> io::Result<u64> {
        let status = fs::read_to_string(self.proc("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib >> 10)
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn add_user(program: &Path, users: &Path, user: &str) -> io::Result<()> {
    let mut adding = Command::new(program)
        .args(["user", "add", "--password-stdin", user, "--users"])
        .arg(users)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = adding.stdin.take() {
        writeln!(stdin, "{PASSWORD}")?;
    }
    match adding.wait()?.success() {
        true => Ok(()),
        false => Err(io::Error::other("maildird could not add a user")),
    }
}
