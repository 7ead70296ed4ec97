//! A PostgreSQL server for tests: of this machine's packages, on loopback, in a folder that is removed afterwards.
//!
//! ```no_run
//! let server = test_postgres::Server::start().expect("a server");
//! let url = server.create_database();
//! // .. a program with this URL ..
//! server.kill(); // as a loss of power would end it
//! server.run();
//! ```
//!
//! Where the machine has no PostgreSQL, tests that need it are skipped: see [`shared`].

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Set where tests must not be skipped.
const REQUIRED: &str = "TEST_POSTGRES";

/// The user that the server runs as, because it refuses to run as root. Debian's packages make it.
const USER: &str = "postgres";

/// What `psql` prints when a transaction is open.
const BEGUN: &str = "begun";

/// How long a server may take to start, on a machine that is busy.
const START: Duration = Duration::from_secs(120);

/// A server. It ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    databases: AtomicU32,
}

/// The one server of this process, started when it is asked for first. `None` where the machine has no PostgreSQL; then the
/// caller says so and returns.
///
/// It is never dropped; a watcher ends it when the process does.
///
/// # Panics
/// Where the environment says `TEST_POSTGRES=required` and there is none, and where it does not start.
pub fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let server = Server::start();
        if let Some(server) = &server {
            server.end_with_this_process();
        }
        server
    });
    server.as_ref()
}

impl Server {
    /// Makes an empty cluster and starts a server on it. `None` where the machine has no PostgreSQL.
    ///
    /// # Panics
    /// Where the environment says `TEST_POSTGRES=required` and there is none, and where it does not start.
    pub fn start() -> Option<Self> {
        let Some(programs) = find_programs() else {
            let required = std::env::var(REQUIRED).is_ok_and(|value| value == "required");
            assert!(!required, "{REQUIRED}=required, and no PostgreSQL was found");
            eprintln!("skipped: this machine has no PostgreSQL (package postgresql)");
            return None;
        };
        let server = Self {
            programs,
            folder: tempfile::tempdir().expect("a folder"),
            port: free_port().expect("a port"),
            databases: AtomicU32::new(0),
        };
        server.initialize();
        server.run();
        Some(server)
    }

    fn initialize(&self) {
        let folder = self.folder.path();
        if is_root() {
            let owned = Command::new("chown").arg(USER).arg(folder).status();
            assert!(owned.expect("chown").success(), "the user {USER} gets the folder");
        }
        let data = folder.join("data");
        let made = self
            .command("initdb")
            .args([
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth=trust",
                "--username=mail",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .output()
            .expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // Memory that processes share is in the folder: elsewhere a server that is killed would leave it.
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 200\n\
             deadlock_timeout = '200ms'\ndynamic_shared_memory_type = mmap\n",
            self.port
        );
        std::fs::write(data.join("mail.conf"), settings).expect("settings");
        let mut main = std::fs::read_to_string(data.join("postgresql.conf")).expect("settings");
        main.push_str("include = 'mail.conf'\n");
        std::fs::write(data.join("postgresql.conf"), main).expect("settings");
    }

    /// Starts the server, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn run(&self) {
        let log = self.folder.path().join("log");
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log");
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.data());
        server
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file);
        // A group of its own, so that Ctrl-C in the terminal of the tests does not reach it before them.
        std::os::unix::process::CommandExt::process_group(&mut server, 0);
        let mut child = server.spawn().expect("postgres");
        let begin = Instant::now();
        while !self.answers() {
            let ended = child.try_wait().expect("a child");
            let late = begin.elapsed() > START;
            assert!(
                ended.is_none() && !late,
                "{}",
                std::fs::read_to_string(&log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        // Somebody has to wait for it, whatever ends it.
        std::thread::spawn(move || child.wait());
    }

    fn answers(&self) -> bool {
        let mut probe = self.command("pg_isready");
        let probe = probe
            .args(["-q", "-h", "127.0.0.1", "-p"])
            .arg(self.port.to_string());
        probe.status().is_ok_and(|status| status.success())
    }

    /// A new, empty database; its URL.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn create_database(&self) -> String {
        let name = format!("mail{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))
            .expect("a database");
        self.url(&name)
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://mail@127.0.0.1:{}/{database}", self.port)
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What somebody writes by hand, as with the program `psql`: statements in the database of this name or URL. Answers the
    /// rows of the last, a line each, columns apart by `|`.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.psql(database);
        let done = psql
            .arg("-c")
            .arg(sql)
            .output()
            .map_err(|error| error.to_string())?;
        match done.status.success() {
            true => Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
        }
    }

    /// What somebody writes by hand in a transaction that stays open, with what it has locked, until this is dropped: then it is
    /// rolled back.
    ///
    /// # Panics
    /// When the server says something against it.
    pub fn begin(&self, database: &str, sql: &str) -> Transaction {
        let mut psql = self.psql(database);
        let mut psql = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql");
        let mut input = psql.stdin.take().expect("a pipe");
        input
            .write_all(format!("BEGIN;\n{sql};\n\\echo {BEGUN}\n").as_bytes())
            .expect("psql reads");
        let mut lines = BufReader::new(psql.stdout.take().expect("a pipe")).lines();
        let has_begun = lines.any(|line| line.is_ok_and(|line| line == BEGUN));
        assert!(has_begun, "{sql}: psql has ended");
        Transaction {
            psql,
            input: Some(input),
        }
    }

    /// `psql` in the database of this name or URL, which prints rows alone and ends at an error.
    fn psql(&self, database: &str) -> Command {
        let mut psql = self.command("psql");
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "mail",
        ]);
        psql.args(["-p", &self.port.to_string(), "-d"])
            .arg(match database.contains("://") {
                true => database.to_owned(),
                false => self.url(database),
            });
        psql
    }

    /// Takes encrypted connections too, from the next start on: with this certificate and key, in PEM.
    ///
    /// # Panics
    /// When the files cannot be written.
    pub fn encrypt(&self, certificate: &str, key: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            std::fs::write(&path, pem).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
            if is_root() {
                let owned = Command::new("chown").arg(USER).arg(&path).status();
                assert!(owned.expect("chown").success(), "the user {USER} gets the file");
            }
        }
        let settings = self.data().join("mail.conf");
        let with_tls = std::fs::read_to_string(&settings).expect("settings") + "ssl = on\n";
        std::fs::write(settings, with_tls).expect("settings");
    }

    /// Ends the server as an administrator does who is in a hurry: all connections are cut, nothing is lost.
    pub fn stop(&self) {
        self.end_by(|server| {
            let _ = kill_process(server, Signal::INT);
        });
    }

    /// Ends all of its processes at once, as a loss of power would, but for what the disk has.
    pub fn kill(&self) {
        // While it stands still it makes no child that would be missed.
        if let Some(server) = self.process() {
            let _ = kill_process(server, Signal::STOP);
        }
        self.end_by(|server| signal_all(server, Signal::KILL));
    }

    /// Stops all of its processes where they are. [`resume`](Self::resume) lets them go on.
    pub fn pause(&self) {
        if let Some(server) = self.process() {
            signal_all(server, Signal::STOP);
        }
    }

    /// See [`pause`](Self::pause).
    pub fn resume(&self) {
        if let Some(server) = self.process() {
            signal_all(server, Signal::CONT);
        }
    }

    fn end_by(&self, signal: impl Fn(Pid)) {
        let Some(server) = self.process() else { return };
        let children = children(server);
        signal(server);
        // The next server does not start while one of them has the memory that they share.
        let begin = Instant::now();
        let is_running = || {
            std::iter::once(server)
                .chain(children.iter().copied())
                .any(is_running)
        };
        while is_running() && begin.elapsed() < START {
            std::thread::sleep(Duration::from_millis(5));
        }
        // What a killed server leaves would make the next one wait.
        let _ = std::fs::remove_file(self.data().join("postmaster.pid"));
    }

    fn process(&self) -> Option<Pid> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        Pid::from_raw(file.lines().next()?.trim().parse().ok()?)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Has somebody else end the server, the one that runs then, when this process ends without dropping it.
    ///
    /// # Panics
    /// Where there is no shell.
    pub fn end_with_this_process(&self) {
        let script = format!(
            "while kill -0 {test} 2>/dev/null; do sleep 0.2; done; cd '{folder}' 2>/dev/null || exit; \
             server=$(head -n 1 data/postmaster.pid) && kill -CONT $server && {{ pkill -CONT -P $server; kill -QUIT $server; sleep 1; }}; \
             kill -9 $server 2>/dev/null; rm -rf '{folder}'",
            test = std::process::id(),
            folder = self.folder.path().display(),
        );
        let mut watcher = Command::new("sh");
        watcher
            .args(["-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut watcher, 0);
        drop(watcher.spawn().expect("sh"));
    }

    /// A program of the server's package, as the user that may run it.
    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        if !is_root() {
            return Command::new(path);
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", USER, "--regid", USER, "--init-groups"])
            .arg(path);
        command.current_dir("/");
        command
    }
}

/// A transaction of [`Server::begin`].
#[derive(Debug)]
pub struct Transaction {
    psql: Child,
    /// There until the end.
    input: Option<ChildStdin>,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // The end of its input ends psql, and its connection with it.
        drop(self.input.take());
        let _ = self.psql.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.resume();
        self.kill();
    }
}

/// Signals the server, and then its children: they are in groups of their own.
fn signal_all(server: Pid, signal: Signal) {
    let children = children(server);
    for process in std::iter::once(server).chain(children) {
        let _ = kill_process(process, signal);
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_child = |process: &Pid| {
        let of = status(*process).and_then(|(_, parent)| Pid::from_raw(parent));
        of == Some(parent)
    };
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw).filter(is_child).collect()
}

/// Whether there is such a process, and not only what nobody has waited for yet.
fn is_running(process: Pid) -> bool {
    status(process).is_some_and(|(state, _)| state != "Z")
}

/// The state of a process, and its parent.
fn status(process: Pid) -> Option<(String, i32)> {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    // `pid (name) state parent ..`; the name may have spaces.
    let (_, after_name) = status.rsplit_once(") ")?;
    let mut words = after_name.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where the server's programs are: Debian keeps them out of the path.
fn find_programs() -> Option<PathBuf> {
    let has_all = |folder: &Path| {
        ["initdb", "postgres", "psql", "pg_isready"]
            .iter()
            .all(|name| folder.join(name).exists())
    };
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().rev().find(|folder| has_all(folder))
}

/// A port that nobody listens on. Somebody else may take it before the server does; then the server says so.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
