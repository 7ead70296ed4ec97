//! `imap-conform`: judges any IMAP server.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser as _;
use imap_conform::run::{self, Plan};
use imap_conform::watch::{Listener, Watch};
use imap_conform::{Finding, Target, acceptor, record};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

/// Judges any IMAP server by what it says on the wire.
///
/// With HOST:PORT it logs in, runs cases for what the server offers in mailboxes of its own, and removes them. Exit code 1 where
/// the server broke a rule, 2 where it could not be judged.
///
/// For example: imap-conform localhost:143 --user alice --html report.html
#[derive(Debug, clap::Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Arguments {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, clap::Subcommand)]
enum Mode {
    /// Stands between any client and any server, and says at once when the server breaks a rule.
    Watch(WatchArguments),
    /// Judges a conversation that `watch --record` has written.
    Read {
        /// The conversation; `-` is standard input.
        file: PathBuf,
    },
    /// Lists the rules that are followed.
    Rules,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The server.
    #[arg(value_name = "HOST:PORT", required = true, value_parser = address)]
    server: Option<String>,
    /// Who logs in, and whose mailboxes it happens in.
    #[arg(long, value_name = "NAME", required = true)]
    user: Option<String>,
    /// Where the password stands; without it IMAP_CONFORM_PASSWORD, or else it is asked for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    tls: TlsArguments,
    /// Only cases whose area or name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// A number that the random part follows from; the same seed does the same.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Seconds that the random part may take; 0 leaves it out.
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    random: u64,
    /// Seconds that an answer may take.
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    patience: u64,
    /// Writes JUnit XML there.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Writes a page there.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct TlsArguments {
    /// The server speaks TLS from the first octet.
    #[arg(long, group = "secured")]
    tls: bool,
    /// TLS begins with STARTTLS, before anybody logs in; not for watch, which cannot see through it.
    #[arg(long, group = "secured")]
    starttls: bool,
    /// Certificates in PEM that its own is judged by, in place of those that the system trusts.
    #[arg(long, value_name = "FILE", requires = "secured")]
    trusted: Option<PathBuf>,
}

impl TlsArguments {
    fn target(&self, address: &str) -> io::Result<Target> {
        match (self.tls, self.starttls) {
            (true, _) => Target::tls(address, self.trusted.as_deref()),
            (_, true) => Target::starttls(address, self.trusted.as_deref()),
            _ => Ok(Target::plain(address)),
        }
    }
}

/// Why there is no `watch --starttls`.
const NO_STARTTLS: &str = "watch cannot see through STARTTLS: client and server agree on it with each other, and nobody else can read \
    what follows. Say --tls and the server's port for it, mostly 993; what clients say to the proxy stays as it is, or is TLS from the \
    first octet (--certificate, --key)";

#[derive(Debug, clap::Args)]
struct WatchArguments {
    /// Where clients connect to; port 0 is one that is free.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    listen: String,
    /// The server.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    upstream: String,
    #[command(flatten)]
    tls: TlsArguments,
    /// Clients connect by TLS, and are shown this certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its key, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Writes all that passes there, passwords and mail included.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// An address with a port.
fn address(text: &str) -> Result<String, String> {
    let port = text
        .rsplit_once(':')
        .map(|(host, port)| (host, port.parse::<u16>()));
    match port {
        Some((host, Ok(_))) if !host.is_empty() => Ok(text.to_owned()),
        Some((_, Err(_))) => Err("the port is a number up to 65535".to_owned()),
        _ => Err("a port is wanted, as in localhost:143; --help lists commands and options".to_owned()),
    }
}

// One thread: a second one that takes part in passing octets on makes short commands slower (docs/conformance.md).
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let judged = match arguments.mode {
        Some(Mode::Watch(arguments)) => watch(arguments).await,
        Some(Mode::Read { file }) => read(&file),
        Some(Mode::Rules) => rules(),
        None => run(arguments.run).await,
    };
    match judged {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("imap-conform: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether nothing was found.
async fn run(arguments: Run) -> io::Result<bool> {
    // Both are required where there is no subcommand.
    let (server, user) = (
        arguments.server.unwrap_or_default(),
        arguments.user.unwrap_or_default(),
    );
    // Not found out after the run: that they cannot be written.
    let junit = arguments.junit.as_deref().map(created).transpose()?;
    let html = arguments.html.as_deref().map(created).transpose()?;
    let plan = Plan {
        target: arguments.tls.target(&server)?,
        password: password(arguments.password_file.as_deref())?,
        user,
        only: arguments.only,
        seed: arguments.seed.unwrap_or_else(|| fastrand::u64(..1 << 32)),
        random: Duration::from_secs(arguments.random),
        patience: Duration::from_secs(arguments.patience),
    };
    let report = run::run(&plan, |outcome| eprintln!("{outcome}"))
        .await
        .map_err(io::Error::other)?;
    print!("{report}");
    if let Some(mut file) = junit {
        file.write_all(report.junit().map_err(io::Error::other)?.as_bytes())?;
    }
    if let Some(mut file) = html {
        file.write_all(report.html().map_err(io::Error::other)?.as_bytes())?;
    }
    Ok(report.failed() == 0)
}

fn password(file: Option<&Path>) -> io::Result<String> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).map_err(|error| named(file, &error))?;
        return Ok(text.lines().next().unwrap_or_default().to_owned());
    }
    match std::env::var("IMAP_CONFORM_PASSWORD") {
        Ok(password) => Ok(password),
        Err(_) => rpassword::prompt_password("Password: ").map_err(|error| {
            let how = "set IMAP_CONFORM_PASSWORD, or say --password-file";
            io::Error::other(format!("the password cannot be asked for ({error}): {how}"))
        }),
    }
}

fn created(file: &Path) -> io::Result<File> {
    File::create(file).map_err(|error| named(file, &error))
}

/// An error with the file that it is about.
fn named(file: &Path, error: &io::Error) -> io::Error {
    io::Error::other(format!("{}: {error}", file.display()))
}

/// As many open files as the system lets us have without asking, up to this: each connection is two.
const OPEN_FILES: u64 = 65_536;

/// The usual soft limit of 1,024 is there for programs that use `select`.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES);
    if limit.current.is_some_and(|current| current < wanted) {
        let current = Some(wanted);
        // Where it is not raised, clients wait until others have gone.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    }
}

async fn watch(arguments: WatchArguments) -> io::Result<bool> {
    if arguments.tls.starttls {
        return Err(io::Error::other(NO_STARTTLS));
    }
    raise_open_files();
    let upstream = arguments.tls.target(&arguments.upstream)?;
    let tls = match (&arguments.certificate, &arguments.key) {
        (Some(certificate), Some(key)) => Some(acceptor(certificate, key)?),
        _ => None,
    };
    let record = arguments.record.as_deref().map(created).transpose()?;
    let record = record.map(Mutex::new);
    let printer = Arc::new(Printer {
        record,
        found: AtomicUsize::new(0),
    });
    let watch = Arc::new(Watch::new(upstream, tls, printer.clone()));
    let sockets = TcpListener::bind(&arguments.listen).await;
    let sockets =
        sockets.map_err(|error| io::Error::other(format!("--listen {}: {error}", arguments.listen)))?;
    eprintln!(
        "listening on {}, in front of {}",
        sockets.local_addr()?,
        arguments.upstream
    );
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        never = watch.clone().serve(sockets) => match never {},
        stopped = tokio::signal::ctrl_c() => stopped?,
        _ = terminate.recv() => {}
    }
    let found = printer.found.load(Ordering::Relaxed);
    eprintln!("{} connections, {found} findings", watch.connections());
    Ok(found == 0)
}

/// Prints findings as they come.
struct Printer {
    record: Option<Mutex<File>>,
    found: AtomicUsize,
}

impl Listener for Printer {
    fn found(&self, finding: &Finding) {
        self.found.fetch_add(1, Ordering::Relaxed);
        println!("{finding}");
    }

    fn lost(&self, connection: u64, why: &str) {
        eprintln!("connection {connection} is not followed any more: {why}");
    }

    fn failed(&self, connection: u64, why: &str) {
        eprintln!("connection {connection} is not possible: {why}");
    }

    fn waits(&self, why: &str) {
        eprintln!("clients wait, no connection can be accepted now: {why}");
    }

    fn hears_octets(&self) -> bool {
        self.record.is_some()
    }

    fn passed(&self, connection: u64, sender: record::Sender, octets: Option<&[u8]>) {
        let Some(Ok(mut file)) = self.record.as_ref().map(Mutex::lock) else {
            return;
        };
        let text = record::written(connection, sender, octets);
        if let Err(error) = file.write_all(text.as_bytes()) {
            eprintln!("the recording is not whole: {error}");
        }
    }
}

/// Line by line: a recording may be of any length.
fn read(file: &Path) -> io::Result<bool> {
    let lines: Box<dyn BufRead> = match file == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(BufReader::new(
            File::open(file).map_err(|error| named(file, &error))?,
        )),
    };
    let (mut judging, mut found) = (record::Judging::default(), 0_usize);
    for line in lines.lines() {
        let line = line.map_err(|error| named(file, &error))?;
        let findings = judging.hear(&line);
        for finding in findings.map_err(|error| named(file, &io::Error::other(error)))? {
            found += 1;
            println!("{finding}");
        }
    }
    eprintln!("{found} findings");
    Ok(found == 0)
}

fn rules() -> io::Result<bool> {
    for rule in imap_conform::Rule::ALL {
        println!("{:20} {} ({})", rule.name(), rule.says(), rule.rfc());
    }
    Ok(true)
}
